"""TLS under uvloop, in memory: two ends back to back, with whatever a network and a protocol may do between them."""

import contextlib
import ssl
from pathlib import Path

import attrs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from OpenSSL import SSL
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.certificates import certificate
from voiced.net import uvtls
from voiced.net.uvtls import PARTING_SECONDS, RECORD, TAKING_SECONDS, UvTls

PATIENCE = 7.0
"""Seconds for a handshake, here."""
EVERYTHING = 1 << 30
"""Bytes: more than there are."""


@attrs.define
class Timer:
    """asyncio's handle of Twisted's call."""

    call: object

    def cancel(self):
        if self.call.active():
            self.call.cancel()


@attrs.define
class Loop:
    """As much of a loop as is asked for."""

    clock: Clock = attrs.field(factory=Clock)

    def call_later(self, seconds, what, *arguments):
        return Timer(self.clock.callLater(seconds, what, *arguments))

    def call_soon(self, what, *arguments):
        return self.call_later(0, what, *arguments)


@attrs.define
class Plain:
    """uvloop's plain transport: what is written waits until the test has the network take it."""

    loop: Loop
    protocol: object
    sent: bytearray = attrs.field(factory=bytearray)
    sizes: list = attrs.field(factory=list)
    reading: bool = True
    closing: bool = False
    gone: bool = False
    ended: bool = False

    def write(self, data):
        if data and not self.gone:
            self.sizes.append(len(data))
            self.sent += data

    def writelines(self, pieces):
        for piece in pieces:
            self.write(piece)

    def set_protocol(self, protocol):
        self.protocol = protocol

    def pause_reading(self):
        self.reading = False

    def resume_reading(self):
        self.reading = not self.closing

    def is_closing(self):
        return self.closing

    def get_write_buffer_size(self):
        return len(self.sent)

    def get_extra_info(self, name, default=None):
        return {"socket": self}.get(name, default)

    def close(self):
        self.closing, self.reading = True, False
        self.take(0)

    def abort(self, error=None):
        if not self.gone:
            self.closing, self.reading, self.gone = True, False, True
            self.loop.call_soon(self.protocol.connection_lost, error)

    def take(self, size):
        """The network takes that much; what is closed is gone when all is taken."""
        taken = bytes(self.sent[:size])
        del self.sent[:size]
        if self.closing and not self.sent:
            self.abort()
        return taken


class Party:
    """Who speaks TLS; it remembers what happens to it, and does `then(data)` when it hears something."""

    def __init__(self, then=None):
        self.then, self.heard, self.events = then or (lambda data: None), [], []

    def data_received(self, data):
        self.heard.append(data)
        self.then(data)

    def eof_received(self):
        self.events.append("eof")
        return False

    def pause_writing(self):
        self.events.append("pause")

    def resume_writing(self):
        self.events.append("resume")

    def connection_lost(self, error):
        self.events.append(error)

    def ready(self, tls):
        self.events.append("ready")

    def refused(self, error):
        self.events.append(error)

    @property
    def said(self):
        return b"".join(self.heard)


class End:
    """A party, its TLS and its plain transport."""

    def __init__(self, loop, context, name):
        self.party = Party()
        self.tls = UvTls(loop, self.party, context, name, PATIENCE, self.ready, self.party.refused)
        self.plain = Plain(loop, self.tls)
        self.at_first = lambda: None

    def ready(self, tls):
        self.party.ready(tls)
        self.at_first()


class Peer:
    """Somebody else's TLS 1.2, that may negotiate anew (pyOpenSSL), in the place of an end."""

    def __init__(self, ours):
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.set_max_proto_version(SSL.TLS1_2_VERSION)
        context.use_privatekey(ours.privateKey.original)
        context.use_certificate(ours.original)
        self.tls = SSL.Connection(context)
        self.tls.set_accept_state()
        self.heard = b""

    def exchange(self, end):
        """All that there is, both ways; what the other one says is heard."""
        quiet = 0
        while quiet < 2:
            quiet += 1
            if said := end.plain.take(EVERYTHING):
                self.tls.bio_write(said)
                quiet = 0
            for attempt in (self.tls.do_handshake, self.hear):
                try:
                    attempt()
                except SSL.WantReadError:
                    pass
            try:
                end.plain.protocol.data_received(self.tls.bio_read(RECORD * 4))
                quiet = 0
            except SSL.WantReadError:
                pass

    def hear(self):
        while True:
            self.heard += self.tls.recv(RECORD)


IDENTITY = certificate()


class TlsCase(SynchronousTestCase):
    """Two ends that are connected."""

    def setUp(self):
        self.pem = Path(self.mktemp())
        self.pem.write_bytes(IDENTITY.privateKey.dump(1) + IDENTITY.dumpPEM())
        self.start()

    def start(self):
        """Two anew."""
        self.loop = Loop()
        trusting = uvtls.client_context()
        trusting.load_verify_locations(cadata=IDENTITY.dumpPEM().decode())
        self.caller = self.calling(trusting)
        self.agent = End(self.loop, uvtls.server_context(str(self.pem), str(self.pem)), None)

    def calling(self, context):
        """Who calls, and trusts whom that says."""
        return End(self.loop, context, "localhost")

    def connect(self):
        """They greet each other, and hear what they say to that."""
        for end in (self.caller, self.agent):
            end.tls.connection_made(end.plain)
        self.exchange()

    def exchange(self, size=lambda: EVERYTHING):
        """Bring what is sent across, in pieces of that size, until nothing moves."""
        moved = True
        while moved:
            moved = self.bring(self.caller.plain, self.agent.plain, size())
            moved = self.bring(self.agent.plain, self.caller.plain, size()) or moved
            moved = self.turn() or moved

    def turn(self):
        """One turn of the loop; whether there was anything to do."""
        due = [call for call in self.loop.clock.getDelayedCalls() if call.getTime() <= self.loop.clock.seconds()]
        self.loop.clock.advance(0)
        return bool(due)

    def bring(self, sender, taker, size):
        if sender.gone and not sender.sent and not taker.closing and taker.reading and not taker.ended:
            taker.ended = True
            self.assertFalse(taker.protocol.eof_received())
            taker.close()
            return True
        if not sender.sent or not (taker.reading or taker.gone):
            return False
        data = sender.take(size)
        if taker.reading:
            taker.protocol.data_received(data)
        return True

    def wait(self, seconds):
        self.loop.clock.advance(seconds)
        self.turn()

    def events(self):
        """What happened to the two, errors by their kinds."""
        return [
            [event if event is None or isinstance(event, str) else type(event) for event in end.party.events]
            for end in (self.caller, self.agent)
        ]


class TalkTests(TlsCase):
    def test_talks(self):
        """Each hears the other; what is agreed on can be looked at, the rest is uvloop's."""
        self.connect()
        self.caller.tls.write(b"hello")
        self.agent.tls.writelines([b"good", b" ", b"day"])
        self.agent.tls.write(b"")
        self.exchange()
        self.assertEqual((self.agent.party.heard, self.caller.party.heard), ([b"hello"], [b"good day"]))
        self.assertEqual(self.caller.tls.get_extra_info("ssl_object").version(), "TLSv1.3")
        self.assertIs(self.caller.tls.get_extra_info("socket"), self.caller.plain)
        self.assertEqual(self.caller.tls.get_extra_info("weather", "fine"), "fine")
        self.assertFalse(self.caller.tls.is_closing())
        self.assertEqual(self.loop.clock.getDelayedCalls(), [])

    def test_speaks_http_1(self):
        """HTTP/2 would go past everything."""
        context = uvtls.client_context()
        context.load_verify_locations(cadata=IDENTITY.dumpPEM().decode())
        context.set_alpn_protocols(["h2", "http/1.1"])
        self.caller = self.calling(context)
        self.connect()
        self.assertEqual(self.caller.tls.get_extra_info("ssl_object").selected_alpn_protocol(), "http/1.1")

    def test_with_the_greeting(self):
        """What comes with the end of the handshake is heard, after it."""
        self.caller.at_first = lambda: self.caller.tls.write(b"at once")
        self.agent.at_first = lambda: self.assertEqual(self.agent.party.heard, [])
        self.connect()
        self.assertEqual(self.agent.party.heard, [b"at once"])

    @settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
    @given(st.data())
    def test_all_that_is_said(self, data):
        """However the network cuts it, and whatever its size: the same bytes, a record at most; one end."""
        self.start()
        often = data.draw(st.one_of(st.integers(1, 40), st.integers(40, 3 * RECORD), st.just(EVERYTHING)))
        sizes = st.lists(st.integers(0, 5 * RECORD if often > RECORD else 400), max_size=6)
        said = {end: [bytes([n]) * size for n, size in enumerate(data.draw(sizes))] for end in self.ends()}
        for end in self.ends():
            end.tls.connection_made(end.plain)
        self.exchange(lambda: often)
        for end, messages in said.items():
            for message in messages:
                end.tls.write(message)
        self.exchange(lambda: data.draw(st.integers(1000, 3 * RECORD)) if often > RECORD else often)
        first, second = data.draw(st.permutations(self.ends()))
        first.tls.close()
        self.exchange(lambda: often)
        for end, other in ((first, second), (second, first)):
            self.assertEqual(end.party.said, b"".join(said[other]))
            self.assertLessEqual(max(map(len, end.party.heard), default=0), RECORD)
        self.assertEqual((first.party.events, second.party.events), (["ready", None], ["ready", "eof", None]))
        self.assertEqual(self.loop.clock.getDelayedCalls(), [])

    def ends(self):
        return [self.caller, self.agent]

    @settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(st.sampled_from(["write", "much", "pause", "resume", "turn", "bring", "close", "abort"])))
    def test_whatever_they_do(self, steps):
        """What is heard is the beginning of what was said, and the end comes once, whenever it is."""
        self.start()
        self.connect()
        said = b""
        for number, step in enumerate(steps):
            piece = bytes([number % 256]) * (100_000 if step == "much" else 10)
            match step:
                case "write" | "much":
                    said += b"" if self.caller.tls.is_closing() else piece
                    self.caller.tls.write(piece)
                case "pause" | "resume":
                    getattr(self.agent.tls, step + "_reading")()
                case "turn":
                    self.turn()
                case "bring":
                    self.bring(self.caller.plain, self.agent.plain, 20_000)
                case _:
                    getattr(self.caller.tls, step)()
        self.agent.tls.resume_reading()
        self.caller.tls.close()
        self.exchange()
        self.wait(TAKING_SECONDS)
        self.exchange()
        heard = self.agent.party.said
        self.assertEqual(heard, said[: len(heard)] if "abort" in steps else said)
        for events in self.events():
            self.assertEqual((events[0], events[1:].count("eof") <= 1, len(events) <= 3), ("ready", True, True))
            self.assertIsNone(events[-1])

    def test_much(self):
        """Much goes out as records, once each; what uvloop says of it reaches who writes."""
        self.connect()
        self.caller.plain.sizes.clear()
        self.caller.tls.write(said := bytes(range(256)) * 2000)
        self.assertLess(max(self.caller.plain.sizes), RECORD + 300)
        self.caller.plain.protocol.pause_writing()
        self.caller.plain.protocol.resume_writing()
        self.exchange()
        self.assertEqual(self.agent.party.said, said)
        self.assertEqual(self.caller.party.events, ["ready", "pause", "resume"])


class PauseTests(TlsCase):
    def setUp(self):
        super().setUp()
        self.connect()

    def test_waits(self):
        """Who pauses hears nothing, not even what had come already; then all of it, in order, in the next turn."""
        self.agent.party.then = lambda data: self.agent.tls.pause_reading()
        self.caller.tls.write(said := bytes(range(256)) * 400)
        self.exchange()
        self.assertEqual((len(self.agent.party.heard), self.agent.plain.reading), (1, False))
        for heard in range(2, 8):
            self.agent.tls.resume_reading()
            self.assertEqual(len(self.agent.party.heard), heard - 1)
            self.turn()
            self.assertEqual(len(self.agent.party.heard), heard)
        self.agent.party.then = lambda data: None
        self.agent.tls.resume_reading()
        self.turn()
        self.assertTrue(self.agent.plain.reading)
        self.exchange()
        self.assertEqual(self.agent.party.said, said)

    def test_at_once_again(self):
        """Who pauses and goes on while hearing hears on: nobody hears two things at once."""
        hearing = []

        def hear(data):
            self.assertEqual(hearing, [])
            hearing.append(data)
            self.agent.tls.pause_reading()
            self.agent.tls.resume_reading()
            self.agent.tls.resume_reading()
            hearing.pop()

        self.agent.party.then = hear
        self.caller.tls.write(said := bytes(range(256)) * 400)
        self.exchange()
        self.assertEqual((self.agent.party.said, self.agent.plain.reading), (said, True))

    def test_paused_again(self):
        """Who goes on and thinks better of it hears nothing."""
        self.agent.tls.pause_reading()
        self.caller.tls.write(b"hello")
        self.agent.tls.resume_reading()
        self.agent.tls.pause_reading()
        self.exchange()
        self.assertEqual((self.agent.party.heard, self.agent.plain.reading), ([], False))

    def test_answers_while_hearing(self):
        """Who answers while hearing is heard."""
        self.agent.party.then = self.agent.tls.write
        for size in (20, 90_000):
            self.caller.tls.write(b"x" * size)
        self.exchange()
        self.assertEqual(len(self.caller.party.said), 90_020)

    def test_a_record_in_two(self):
        """What is cut in the middle of a record is heard when it is whole, all of it."""
        self.caller.tls.write(b"x" * 300)
        self.bring(self.caller.plain, self.agent.plain, 280)
        self.assertEqual(self.agent.party.heard, [])
        self.exchange()
        self.assertEqual(self.agent.party.said, b"x" * 300)


class EndTests(TlsCase):
    def setUp(self):
        super().setUp()
        self.connect()

    def test_closes(self):
        """All that was written is sent before the goodbye, which is answered; each learns of it once."""
        self.caller.tls.write(b"x" * 100_000)
        self.caller.tls.close()
        self.caller.tls.close()
        self.caller.tls.write(b"late")
        self.agent.tls.write(b"not heard any more")
        self.assertTrue(self.caller.tls.is_closing())
        self.exchange()
        self.assertEqual((len(self.agent.party.said), self.caller.party.heard), (100_000, []))
        self.assertEqual(self.events(), [["ready", None], ["ready", "eof", None]])

    def test_paused_and_closed(self):
        """Who does not listen any more still hears the other's goodbye, and nothing else."""
        self.agent.party.then = lambda data: self.agent.tls.pause_reading()
        self.caller.tls.write(b"x" * 100_000)
        self.exchange()
        self.agent.tls.close()
        self.agent.tls.pause_reading()
        self.agent.tls.resume_reading()
        self.exchange()
        self.assertEqual(len(self.agent.party.heard), 1)
        self.assertEqual(self.events(), [["ready", "eof", None], ["ready", None]])

    def test_goodbye_not_heard_yet(self):
        """Who closes, and had not listened to the end, finds the other's goodbye there."""
        self.agent.party.then = lambda data: self.agent.tls.pause_reading()
        self.caller.tls.write(b"x" * 100_000)
        self.caller.tls.close()
        self.bring(self.caller.plain, self.agent.plain, EVERYTHING)
        self.agent.tls.close()
        self.assertTrue(self.agent.plain.closing)
        self.exchange()
        self.assertEqual(self.events(), [["ready", None]] * 2)

    def test_from_within(self):
        """Who closes or cuts off while hearing hears nothing after that."""
        for what in ("close", "abort"):
            for size in (10, 100_000):
                self.start()
                self.connect()
                end = self.agent
                end.party.then = lambda data, end=end, what=what: getattr(end.tls, what)()
                self.caller.tls.write(b"x" * size)
                self.caller.tls.write(b"more")
                self.exchange()
                self.assertEqual(len(end.party.heard), 1)
                self.assertEqual(self.events()[1], ["ready", None])

    def test_both_at_once(self):
        """Two who close at once part well."""
        self.caller.tls.close()
        self.agent.tls.close()
        self.exchange()
        self.assertEqual(self.events(), [["ready", None]] * 2)

    def test_not_answered(self):
        """A goodbye that nobody answers is waited for for a while, and that is told."""
        self.caller.tls.close()
        self.wait(PARTING_SECONDS - 0.1)
        self.assertEqual(self.caller.party.events, ["ready"])
        self.caller.plain.take(EVERYTHING)
        self.wait(0.1)
        self.assertEqual(self.events()[0], ["ready", TimeoutError])
        self.assertIn("no answer", str(self.caller.party.events[1]))

    def test_taken_slowly(self):
        """Who takes slowly what was written has time, as long as something of it goes."""
        self.caller.tls.write(b"x" * 100_000)
        self.caller.tls.close()
        while self.caller.plain.sent:
            self.assertEqual(self.caller.party.events, ["ready"])
            self.wait(TAKING_SECONDS - 1)
            self.bring(self.caller.plain, self.agent.plain, 10_000)
        self.exchange()
        self.assertEqual(len(self.agent.party.said), 100_000)
        self.assertEqual(self.events(), [["ready", None], ["ready", "eof", None]])

    def test_not_taken(self):
        """Who takes nothing is cut off, also when they have gone themselves."""
        self.caller.tls.write(b"x" * 100_000)
        self.caller.plain.protocol.eof_received()
        self.caller.plain.close()
        self.caller.tls.close()
        self.wait(TAKING_SECONDS)
        self.assertEqual(self.events()[0], ["ready", TimeoutError])
        self.assertIn("not taken", str(self.caller.party.events[1]))

    def test_taken_and_not_answered(self):
        """Who took everything has as long for the answer as anybody."""
        self.caller.tls.write(b"x" * 100_000)
        self.caller.tls.close()
        self.caller.plain.take(EVERYTHING)
        self.wait(TAKING_SECONDS)
        self.wait(PARTING_SECONDS - 1)
        self.assertEqual(self.events()[0], ["ready"])
        self.wait(1)
        self.assertEqual(self.events()[0], ["ready", TimeoutError])

    def test_gone(self):
        """Who goes without a goodbye is gone: that is all."""
        self.caller.tls.abort()
        self.exchange()
        self.assertEqual(self.events(), [["ready", None]] * 2)

    def test_lost(self):
        """What breaks the connection is told."""
        self.caller.plain.abort(ConnectionResetError("reset"))
        self.turn()
        self.assertEqual(self.events()[0], ["ready", ConnectionResetError])

    def test_answered_by_going(self):
        """Many do not answer a goodbye, and go: that is a good end, too."""
        self.caller.tls.close()
        self.agent.tls.abort()
        self.exchange()
        self.assertEqual(self.events()[0], ["ready", None])
        self.assertEqual(self.loop.clock.getDelayedCalls(), [])

    def test_nothing_is_taken(self):
        """When OpenSSL takes nothing any more, that is the end, and told."""
        for size in (10, 100_000):
            self.start()
            self.connect()
            with contextlib.suppress(ssl.SSLWantReadError):
                self.caller.tls.get_extra_info("ssl_object").unwrap()
            self.caller.tls.write(b"x" * size)
            self.turn()
            self.assertEqual(self.events()[0], ["ready", ssl.SSLError])

    def test_over(self):
        """What is asked of a connection that is gone is ignored, and nothing of OpenSSL's stays with it."""
        tls = self.caller.tls
        tls.pause_reading()
        tls.resume_reading()
        tls.abort()
        self.turn()
        for asked in (tls.close, tls.abort, tls.pause_reading, tls.resume_reading):
            asked()
        tls.write(b"late")
        tls.writelines([b"later"])
        tls.data_received(b"late, too")
        self.assertIsNone(tls.get_extra_info("ssl_object"))
        self.assertEqual(self.caller.party.events, ["ready", None])

    def test_damaged(self):
        """What was changed on its way is not heard, and both learn why, whatever the size."""
        for size in (100, 60_000):
            self.start()
            self.connect()
            self.caller.tls.write(b"x" * size)
            self.caller.plain.sent[-1] ^= 1
            self.exchange()
            self.assertLess(len(self.agent.party.said), size)
            self.assertEqual(self.events(), [["ready", ssl.SSLError]] * 2)

    def test_damaged_at_the_end(self):
        """Nor is a goodbye."""
        self.agent.tls.close()
        self.caller.tls.write(b"x" * 100)
        self.caller.plain.sent[-1] ^= 1
        self.bring(self.caller.plain, self.agent.plain, EVERYTHING)
        self.turn()
        self.assertEqual(self.events()[1], ["ready", ssl.SSLError])


class GreetingTests(TlsCase):
    def test_silent(self):
        """Who connects and says nothing has its time; the other one's ending is told, too."""
        self.agent.tls.connection_made(self.agent.plain)
        self.wait(PATIENCE - 0.1)
        self.assertEqual(self.agent.party.events, [])
        self.wait(0.2)
        self.assertEqual(self.events()[1], [ConnectionAbortedError])
        self.assertIn("within 7 seconds", str(self.agent.party.events[0]))
        self.assertEqual(self.loop.clock.getDelayedCalls(), [])

    def test_not_trusted(self):
        """Who is not vouched for is not spoken to, and learns it."""
        self.caller = self.calling(uvtls.client_context())
        self.connect()
        self.assertEqual(self.events(), [[ssl.SSLCertVerificationError], [ssl.SSLError]])
        self.assertIn("self-signed", self.caller.party.events[0].verify_message)
        self.assertIn("UNKNOWN_CA", str(self.agent.party.events[0]))

    def test_no_tls(self):
        """Nor who speaks something else."""
        self.caller.tls.connection_made(self.caller.plain)
        self.caller.tls.data_received(b"220 mail.test ESMTP, and more than a TLS record's head\r\n")
        self.turn()
        self.assertEqual(self.events()[0], [ssl.SSLError])

    def test_left(self):
        """Who goes before it has come to TLS is lost."""
        self.caller.tls.connection_made(self.caller.plain)
        self.agent.plain.abort()
        self.exchange()
        self.assertEqual(self.events()[0], [ConnectionResetError])

    def test_lost(self):
        """What breaks the connection by then is told."""
        self.caller.tls.connection_made(self.caller.plain)
        self.caller.plain.abort(BrokenPipeError())
        self.turn()
        self.assertEqual(self.events()[0], [BrokenPipeError])


class NegotiatedAnewTests(TlsCase):
    """TLS 1.2 may negotiate anew at any time: OpenSSL takes nothing that is written until that is done."""

    def setUp(self):
        super().setUp()
        self.peer = Peer(IDENTITY)
        self.caller.tls.connection_made(self.caller.plain)
        self.peer.exchange(self.caller)
        self.assertEqual(self.caller.party.events, ["ready"])

    def ask(self):
        """They ask for it; what we say to that is on its way."""
        self.peer.tls.renegotiate()
        self.peer.tls.do_handshake()
        self.caller.tls.data_received(self.peer.tls.bio_read(EVERYTHING))

    def test_said_meanwhile(self):
        """What is written meanwhile goes out after it, in order."""
        self.ask()
        said = [b"one ", b"two ", b"x" * 50_000, b" three"]
        for piece in said:
            self.caller.tls.write(piece)
        self.peer.exchange(self.caller)
        self.assertEqual(self.peer.heard, b"".join(said))
        self.peer.tls.send(b"good day")
        self.caller.tls.write(b" four")
        self.peer.exchange(self.caller)
        self.assertEqual((self.caller.party.heard, self.peer.heard[-5:]), ([b"good day"], b" four"))

    def test_much_meanwhile(self):
        """Much is no other case."""
        self.ask()
        self.caller.tls.write(b"x" * 50_000)
        self.caller.tls.write(b"y")
        self.peer.exchange(self.caller)
        self.assertEqual(self.peer.heard, b"x" * 50_000 + b"y")

    def test_asked_with_something_said(self):
        """What is said in the same breath is heard, and what they ask for is answered at once."""
        self.peer.tls.renegotiate()
        self.peer.tls.do_handshake()
        self.peer.tls.send(b"good day")
        self.caller.tls.data_received(self.peer.tls.bio_read(EVERYTHING))
        self.assertEqual(self.caller.party.heard, [b"good day"])
        self.assertGreater(len(self.caller.plain.sent), 0)

    def test_heard_with_the_end(self):
        """What is heard in the same breath as its end is answered after what was written meanwhile, paused or not."""
        self.ask()
        self.caller.tls.write(b"one ")
        self.caller.party.then = lambda data: (self.caller.tls.pause_reading(), self.caller.tls.write(b"two"))
        for answered in (False, True):
            self.peer.tls.bio_write(self.caller.plain.take(EVERYTHING))
            for attempt in (self.peer.tls.do_handshake, self.peer.hear):
                with contextlib.suppress(SSL.WantReadError):
                    attempt()
            if answered:
                self.peer.tls.send(b"good day")
            self.caller.tls.data_received(self.peer.tls.bio_read(EVERYTHING))
        self.peer.tls.bio_write(self.caller.plain.take(EVERYTHING))
        with self.assertRaises(SSL.WantReadError):
            self.peer.hear()
        self.assertEqual((self.caller.party.heard, self.peer.heard), ([b"good day"], b"one two"))

    def test_cut_short(self):
        """Who closes before it is done, with nothing left to say, has no goodbye to say: that is told."""
        self.ask()
        self.caller.tls.close()
        self.turn()
        self.assertEqual(self.events()[0], ["ready", ssl.SSLError])

    def test_closed_meanwhile(self):
        """Who closes meanwhile has said everything first."""
        self.ask()
        self.caller.tls.write(b"the last word")
        self.caller.tls.close()
        with self.assertRaises(SSL.ZeroReturnError):
            self.peer.exchange(self.caller)
        self.assertEqual(self.peer.heard, b"the last word")
