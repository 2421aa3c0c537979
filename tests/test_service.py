"""The real process as systemd runs it: it says how it is, takes over sockets, and is told to stop."""

from __future__ import annotations

import os
import shutil
import signal
import socket
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.protocol import DatagramProtocol

from tests.test_twistd import NUMBER, SETTINGS, TWISTD, Process, TwistdCase, kill
from voiced.tap import CUT_SHORT, LAST_ERRANDS, NOT_STARTED
from voiced.testing.fakes import read_speech


class Manager(DatagramProtocol):
    """A service manager, and what it has been told, a line each."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self._awaited: list[tuple[str, Deferred[None]]] = []

    def datagramReceived(self, datagram: bytes, addr: object) -> None:
        """Named by Twisted."""
        self.told += datagram.decode().splitlines()
        for line, found in self._awaited:
            if line in self.told and not found.called:
                found.callback(None)

    def hears(self, line: str) -> Deferred[None]:
        """Fires when it is told this, from now on."""
        self.told.clear()
        found: Deferred[None] = Deferred()
        self._awaited.append((line, found))
        return found.addTimeout(30, reactor)

    def status(self) -> str:
        """What `systemctl status` would show."""
        return [line for line in self.told if line.startswith("STATUS=")][-1].removeprefix("STATUS=")


class NotifiedTests(TwistdCase):
    """A daemon under a notify socket."""

    settings = SETTINGS + "drain_seconds: 20\n"

    def starts(self) -> Manager:
        """Start it; its manager wants a sign of life every half second."""
        directory = TemporaryDirectory()  # trial's own are too deep for a socket's name
        self.addCleanup(directory.cleanup)
        path = str(Path(directory.name) / "notify")
        port = reactor.listenUNIXDatagram(path, manager := Manager())
        self.addCleanup(port.stopListening)
        self.start(NOTIFY_SOCKET=path, WATCHDOG_USEC="500000")
        return manager

    @inlineCallbacks
    def test_life(self) -> Any:
        """READY when it listens, WATCHDOG while it lives and while it drains, STOPPING at SIGTERM; code 0."""
        manager = self.starts()
        yield manager.hears("READY=1")
        socket.create_connection(("127.0.0.1", self.port)).close()  # whoever is told so may come
        self.assertEqual(manager.status(), "live calls: 0, over: 0")
        yield manager.hears("WATCHDOG=1")
        call = self.carrier.ring(NUMBER)
        yield self.until(call, "audio")
        yield manager.hears("STATUS=live calls: 1, over: 0")
        self.running.signalProcess("TERM")
        yield manager.hears("STOPPING=1")
        self.assertIn(f"EXTEND_TIMEOUT_USEC={int((20 + LAST_ERRANDS) * 1e6)}", manager.told)
        self.assertEqual(manager.status(), "stopping, no new calls; live calls: 1, over: 0")
        yield manager.hears("WATCHDOG=1")
        yield call.ended
        self.assertEqual("".join(read_speech(call.heard)), "The first sentence.The second.")
        self.assertEqual((yield self.process.ended), 0)

    @inlineCallbacks
    def test_stopped_twice(self) -> Any:
        """A second SIGTERM ends it at once, and its exit code says that calls were cut short."""
        manager = self.starts()
        yield manager.hears("READY=1")
        call = self.carrier.ring(NUMBER)
        yield self.until(call, "audio")
        self.running.signalProcess("TERM")
        yield manager.hears("STOPPING=1")
        self.running.signalProcess("TERM")
        self.assertEqual((yield self.process.ended), CUT_SHORT)
        call.hang_up()
        yield call.ended

    @inlineCallbacks
    def test_never_ready(self) -> Any:
        """A daemon whose port is taken never says READY."""
        with socket.create_server(("127.0.0.1", self.port)):
            manager = self.starts()
            self.assertEqual((yield self.process.ended), NOT_STARTED)
        self.assertEqual(manager.told, [])


LATE = """
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IStreamServerEndpoint, IStreamServerEndpointStringParser
from twisted.plugin import IPlugin
from zope.interface import implementer

@implementer(IStreamServerEndpoint)
class Endpoint:
    def listen(self, factory):
        from twisted.internet import reactor
        failing = Deferred()
        reactor.callLater(0, failing.errback, CannotListenError("127.0.0.1", 8080, OSError("in use")))
        return failing

@implementer(IPlugin, IStreamServerEndpointStringParser)
class Late:
    prefix = "late"
    def parseStreamServer(self, reactor, *arguments):
        return Endpoint()

late = Late()
"""
"""A kind of endpoint that finds out late that it cannot have its port."""


class LateTests(TwistdCase):
    """A daemon whose port is taken, which turns out when it runs."""

    settings = SETTINGS.replace("uv:{port}:interface=127.0.0.1", "late:127.0.0.1")

    @inlineCallbacks
    def test_ended(self) -> Any:
        """It does not stay up deaf: it says so, and ends."""
        plugins = self.home.absolute() / "twisted/plugins"
        plugins.mkdir(parents=True)
        (plugins / "voiced_late.py").write_text(LATE)
        path = os.pathsep.join([str(self.home.absolute()), os.environ.get("PYTHONPATH", "")])
        process = self.start(PYTHONPATH=path)
        self.assertEqual((yield process.ended), NOT_STARTED)
        self.assertIn("voiced cannot listen", process.written)
        self.assertNotIn("voiced listens on", process.written)
        self.assertNotIn("Traceback", process.written)


class ActivatedTests(TwistdCase):
    """A daemon that gets its socket from systemd."""

    settings = SETTINGS.replace("uv:{port}:interface=127.0.0.1", "uvsystemd:domain=INET:index=0")

    def activate(self, listening: socket.socket) -> Process:
        """Start it with this socket, as sd_listen_fds(3) describes it."""
        shell = str(shutil.which("sh"))
        socket_ = "LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=voiced.socket"
        script = f"exec env {socket_} {TWISTD} --nodaemon --pidfile= voiced"
        self.process = Process()
        self.running = reactor.spawnProcess(
            self.process,
            shell,
            [shell, "-c", script],
            env=os.environ,
            path=str(self.home),
            childFDs={0: "w", 1: "r", 2: "r", 3: listening.fileno()},
        )
        self.addCleanup(kill, self.process, self.running)
        return self.process

    @inlineCallbacks
    def test_call(self) -> Any:
        """It answers on that socket, also who came before it, and leaves it open for the daemon after it."""
        with socket.create_server(("127.0.0.1", 0)) as listening:
            self.carrier.account.daemon = TCP4ClientEndpoint(reactor, "127.0.0.1", listening.getsockname()[1])
            early = self.carrier.ring(NUMBER)
            process = self.activate(listening)
            yield early.ended
            self.assertEqual("".join(read_speech(early.heard)), "The first sentence.The second.")
            self.running.signalProcess("TERM")
            self.assertEqual((yield process.ended), 0)
            late = self.carrier.ring(NUMBER)
            process = self.activate(listening)
            yield late.ended
            self.assertEqual("".join(read_speech(late.heard)), "The first sentence.The second.")
            self.assertNotIn("Traceback", process.written)

    @inlineCallbacks
    def test_handed_over(self) -> Any:
        """A restart: the daemon that follows goes on with the call, in the sentence that was broken off."""
        with socket.create_server(("127.0.0.1", 0)) as listening:
            self.carrier.account.daemon = TCP4ClientEndpoint(reactor, "127.0.0.1", listening.getsockname()[1])
            call = self.carrier.ring(NUMBER)
            process = self.activate(listening)
            yield self.until(call, "audio")
            self.running.signalProcess(signal.SIGUSR2)
            self.assertEqual((yield process.ended), 0)
            self.assertIn("1 calls are left to the daemon that follows", process.written)
            self.assertNotIn("over, ", process.written)
            after = self.activate(listening)
            yield call.ended
            heard = "".join(read_speech(call.heard))
            self.assertTrue(heard.endswith("sentence.The second."), heard)
            self.assertNotIn("Traceback", process.written + after.written)

    @inlineCallbacks
    def test_called_while_it_leaves(self) -> Any:
        """Who calls in the moment of a restart is answered, by whichever of both, and hears all of it."""
        with socket.create_server(("127.0.0.1", 0)) as listening:
            self.carrier.account.daemon = TCP4ClientEndpoint(reactor, "127.0.0.1", listening.getsockname()[1])
            first = self.carrier.ring(NUMBER)
            process = self.activate(listening)
            yield self.until(first, "audio")
            self.running.signalProcess(signal.SIGUSR2)
            late = self.carrier.ring(NUMBER)
            self.assertEqual((yield process.ended), 0)
            after = self.activate(listening)
            yield late.ended
            heard = "".join(read_speech(late.heard))
            self.assertTrue(heard.endswith("sentence.The second."), heard)
            self.assertEqual(heard[:4], "The ")
            yield first.ended
            self.assertNotIn("Traceback", process.written + after.written)

    @inlineCallbacks
    def test_no_socket(self) -> Any:
        """Started by hand it says what is missing, and starts nothing."""
        process = self.start()
        self.assertEqual((yield process.ended), NOT_STARTED)
        self.assertIn("systemctl status voiced.socket", process.written)
        self.assertNotIn("Traceback", process.written)
