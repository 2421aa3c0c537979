"""The corners of a connection that uvloop carries, without a loop: what real sockets do too seldom to wait for."""

import errno
import ssl
import sys
import weakref
from socket import AF_INET, AF_UNIX

import attrs
from OpenSSL import SSL
from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.internet.defer import succeed
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IConsumer, IPushProducer, ISystemHandle, ITCPTransport
from twisted.internet.protocol import Factory
from twisted.logger import capturedLogs, formatEvent
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.test_net_transport import Made, Party, Push
from voiced.net import uvnetwork, uvreactor
from voiced.net.uvendpoints import UvClient, _Reached, server_name
from voiced.net.uvtransport import UvTransport, reason_for


@attrs.define
class Socket:
    """As much of a socket as is looked at."""

    family: int = AF_INET
    name: object = ("192.0.2.1", 80)

    def getsockname(self):
        return self.name

    def setsockopt(self, *option):
        """Nothing is sent."""


@attrs.define
class Uv:
    """uvloop's side: what is asked of it, in order."""

    info: dict = attrs.field(factory=dict)
    asked: list = attrs.field(factory=list)

    def get_extra_info(self, name, default=None):
        return {"socket": Socket(), "peername": ("192.0.2.2", 5000), **self.info}.get(name, default)

    def write(self, data):
        self.asked.append(data)

    def is_closing(self):
        return bool(self.asked)

    def __getattr__(self, name):
        return lambda *arguments: self.asked.append(name)


class Dying(Party):
    """One that breaks when it is told of the end."""

    def connectionLost(self, reason):
        super().connectionLost(reason)
        raise ArithmeticError


class UvTransportTests(SynchronousTestCase):
    def connected(self, kind=Party, lost=None, **info):
        """A transport with a protocol of that kind."""
        self.made, self.uv = Made(kind), Uv(info)
        transport = UvTransport(self.made.buildProtocol, lost)
        transport.connection_made(self.uv)
        return transport

    def test_interfaces(self):
        """It is all that it says."""
        transport = self.connected()
        for interface in (ITCPTransport, IConsumer, IPushProducer, ISystemHandle):
            verifyObject(interface, transport)

    def test_nobody_there(self):
        """Before it is connected, it takes nothing."""
        transport = UvTransport(Made().buildProtocol)
        transport.write(b"early")
        transport.loseConnection()
        transport.abortConnection()

    def test_gone_already(self):
        """Who was gone before anybody looked has our own address; the protocol learns that it is over."""
        transport = self.connected(peername=("192.0.2.1", 80))
        self.assertEqual(transport.getPeer(), IPv4Address("TCP", "192.0.2.1", 80))
        self.uv.info["peername"] = None

    def test_connecting_is_forgotten(self):
        """Who made the connection is kept no longer than it takes: a call keeps nothing of it."""
        made = Made()
        transport = UvTransport(build := lambda peer: made.buildProtocol(peer))
        kept = weakref.ref(build)
        del build
        self.assertIsNotNone(kept())
        transport.connection_made(Uv())
        self.assertIsNone(kept())

    def test_unix(self):
        """Paths are no TCP: nothing is set that they do not have."""
        transport = self.connected(socket=Socket(AF_UNIX, "/run/s"), peername="")
        self.assertEqual((transport.getHost(), transport.getPeer()), (UNIXAddress("/run/s"), UNIXAddress(None)))
        transport.setTcpNoDelay(True)
        transport.setTcpKeepAlive(True)
        self.assertEqual((transport.getTcpNoDelay(), transport.getTcpKeepAlive()), (False, False))

    def test_cut_off_late(self):
        """Of TLS that is gone, and we not told yet, there is no socket any more: it can be cut off."""
        transport = self.connected(ssl_object=object())
        self.uv.info["socket"] = None
        transport.abortConnection()
        self.assertEqual(self.uv.asked, ["abort"])

    def test_factory_breaks(self):
        """A factory that breaks is logged, and whoever called is cut off."""
        reasons = []
        transport = UvTransport(lambda peer: 1 / 0, reasons.append)
        transport.connection_made(uv := Uv())
        self.assertEqual((uv.asked, len(self.flushLoggedErrors(ZeroDivisionError))), (["abort"], 1))
        transport.connection_lost(None)
        self.assertIsInstance(reasons[0].value, ConnectionDone)

    def test_breaks_at_the_end(self):
        """A protocol that breaks when it is over is logged; the rest of the end goes on."""
        reasons = []
        transport = self.connected(Dying, reasons.append)
        transport.connection_lost(OSError(errno.ECONNRESET, "reset"))
        self.assertEqual(len(self.flushLoggedErrors(ArithmeticError)), 1)
        self.assertIsInstance(reasons[0].value, ConnectionLost)
        self.assertEqual(self.uv.asked, [])

    def test_first_reason_counts(self):
        """Who was cut off is not told anything else, whatever follows."""
        transport = self.connected()
        transport.abortConnection()
        transport.eof_received()
        late = Push(transport)
        transport.registerProducer(late, True)
        transport.connection_lost(OSError())
        self.assertIsInstance(self.made.made[0].ends[0], ConnectionAborted)
        self.assertEqual(late.stopped, 1)

    def test_registered_when_full(self):
        """A producer that comes while nothing is taken pauses first."""
        transport = self.connected()
        transport.pause_writing()
        transport.registerProducer(pushing := Push(transport), True)
        self.assertEqual(pushing.pauses, 1)
        transport.unregisterProducer()
        transport.resume_writing()
        transport.registerProducer(pushing, True)
        self.assertEqual(pushing.pauses, 1)

    def test_tls_has_no_halves(self):
        """The end of the other side's data is the end, which UvTls answers; one's own is closing."""
        transport = self.connected(ssl_object=object())
        self.assertFalse(transport.eof_received())
        transport.loseWriteConnection()
        self.assertEqual(self.uv.asked, ["pause_reading", "close"])

    def test_reasons(self):
        """What ends a connection is told as Twisted tells it."""
        self.assertIsInstance(reason_for(None), ConnectionDone)
        self.assertIsInstance(reason_for(OSError()), ConnectionLost)
        bad = ssl.SSLError(1, "[SSL: BAD] bad")
        self.assertIsInstance(reason_for(bad), SSL.Error)
        self.assertIs(reason_for(bad).__cause__, bad)


@attrs.frozen
class Reaching:
    """An endpoint that has reached somebody already."""

    reached: object

    def connect(self, factory):
        return succeed(self.reached)


class UvClientTests(SynchronousTestCase):
    def reached(self):
        """Somebody who is reached, without TLS."""
        reached = _Reached()
        transport = UvTransport(lambda peer: reached)
        transport.connection_made(Uv())
        return reached

    def test_early(self):
        """What came with the end of the handshake is heard."""
        reached = self.reached()
        reached.dataReceived(b"220 ")
        reached.dataReceived(b"hello")
        party = self.successResultOf(UvClient(None, Reaching(reached), None, 5).connect(Factory.forProtocol(Party)))
        self.assertEqual(party.heard, b"220 hello")

    def test_lost_early(self):
        """Who was gone by then was not reached."""
        reached = self.reached()
        reached.connectionLost(Failure(ConnectionDone()))
        connecting = UvClient(None, Reaching(reached), None, 5).connect(Factory.forProtocol(Party))
        self.failureResultOf(connecting, ConnectionDone)

    def test_names(self):
        """A certificate has names in ASCII, and addresses."""
        for host, name in (
            ("voice.example.com.", "voice.example.com"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("192.0.2.1", "192.0.2.1"),
            ("2001:DB8::1", "2001:db8::1"),
        ):
            self.assertEqual(server_name(host), name)


class ReactorTests(SynchronousTestCase):
    def test_gives_way(self):
        """Where there is a reactor, it stays."""
        self.assertIn("twisted.internet.reactor", sys.modules)
        self.assertFalse(uvreactor.prefer())

    def test_preferred(self):
        """Where there is none yet, it is the one."""
        installed = []
        self.patch(uvreactor, "install", lambda: installed.append("uvloop"))
        there = sys.modules.pop("twisted.internet.reactor")
        try:
            self.assertTrue(uvreactor.prefer())
        finally:
            sys.modules["twisted.internet.reactor"] = there
        self.assertEqual(installed, ["uvloop"])

    def test_not_serving(self):
        """A port at which nobody is let in is told of; one that was closed in time is not."""
        uvnetwork._not_serving(Failure(OSError("no more")))
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)

    def test_without_uvloop(self):
        """Where uvloop is not installed, Twisted's own reactor will do."""
        taken = {
            name: sys.modules.pop(name) for name in ("twisted.internet.reactor", "uvloop") if name in sys.modules
        }
        sys.modules["uvloop"] = None
        try:
            self.assertFalse(uvreactor.prefer())
        finally:
            del sys.modules["uvloop"]
            sys.modules.update(taken)

    def test_what_nobody_caught(self):
        """It is in the log."""
        with capturedLogs() as logged:
            uvreactor._log(None, {"message": "lost a callback", "exception": ValueError("x")})
        (event,) = logged
        said = formatEvent(event)
        self.assertIn("lost a callback", said)
        self.assertIn("ValueError", said)
