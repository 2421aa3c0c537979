"""The driver of every vendor's socket, where no whole call leads it: faults of ours, and what the network may do."""

from urllib.parse import urlsplit

import attrs
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.error import ConnectingCancelledError
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from voiced.agents.dialects.elevenlabs import ElevenLabsDialect
from voiced.agents.dialects.elevenlabs_settings import Settings
from voiced.agents.realtime import MOST_SPEECHES, QUIET_SECONDS, Realtime
from voiced.agents.socket import PING_EVERY, PING_SECONDS
from voiced.call.audio import silence
from voiced.errors import AgentError
from voiced.ivoiced import Brief, Door, IAgent
from voiced.simulator.elevenlabs import AGENT_ID, ElevenLabs
from voiced.simulator.memory import MemoryNetwork, elapse, tell_autobahn
from voiced.simulator.vendors.elevenlabs_agent import Agent
from voiced.testing.fake_call import FakeCall
from voiced.testing.fake_line import FakeLine
from voiced.testing.fakes import FakeTools
from voiced.watch.metrics import Metrics

HOST = "api.elevenlabs.io"
DOOR = Door(f"wss://{HOST}/v1/convai/conversation?agent_id={AGENT_ID}")


class RealtimeTestCase(SynchronousTestCase):
    """A conversation with a public agent of the double's."""

    def setUp(self):
        self.clock = Clock()
        self.addCleanup(tell_autobahn(self.clock))
        self.network = MemoryNetwork(self.clock)
        self.vendor = ElevenLabs(self.clock)
        self.vendor.agent = Agent(public=True)
        self.network.listen(HOST, self.vendor.site())
        self.endpoint = lambda url: self.network.endpoint(urlsplit(url).hostname)

    def tearDown(self):
        """Nothing is left open, and no timer but the logs' own."""
        elapse(self.clock, 60)
        self.assertEqual([talk.id for talk in self.vendor.conversations if talk.closed is None], [])
        waiting = [due for due in self.clock.getDelayedCalls() if "_updateLogDateTime" not in repr(due.func)]
        self.assertEqual(waiting, [])

    def converse(self, door=None, brief=Brief(), dialect=None, group=0.02):  # noqa: B008 - it is frozen
        """Begin; the agent is there when this returns, if it can be."""
        self.metrics = Metrics()
        tools = attrs.evolve(FakeTools(self.clock, watch=self.metrics), endpoint=lambda url: self.endpoint(url))
        settings = Settings(agent_id=AGENT_ID)
        make = dialect or (lambda call, brief: ElevenLabsDialect(settings, brief, call.facts))
        self.agent = Realtime(tools, lambda: succeed(DOOR) if door is None else door, make, lambda: group)
        self.line = FakeLine(self.clock)
        self.talking = self.agent.converse(self.line, FakeCall(clock=self.clock), brief)
        elapse(self.clock, 0.1)
        return self.talking

    @property
    def talk(self):
        """The vendor's end of it."""
        return self.vendor.conversations[-1]

    def stop(self):
        """The caller hangs up."""
        self.line.hang_up()
        self.talking.cancel()
        self.failureResultOf(self.talking, CancelledError)

    def socket(self):
        """Our end of the socket."""
        [end] = self.network.connections(HOST)
        return end.protocol._call


class LineTests(RealtimeTestCase):
    def test_interface(self):
        """It is an agent that notices interruptions itself."""
        self.converse()
        verifyObject(IAgent, self.agent)
        self.assertTrue(self.agent.notices_interruptions)
        self.stop()

    def test_keeps_the_vendor_listening(self):
        """A line that gives nothing for long is made to give silence: the vendor would hang up."""
        self.converse()
        self.line.caller_says(silence(0.02))
        elapse(self.clock, QUIET_SECONDS * 9.5)
        self.assertEqual(set(self.talk.audio), {0xFF})
        self.assertEqual(len(self.talk.audio), 160 + 9 * 800)
        self.assertIsNone(self.talk.closed)
        self.stop()

    def test_grouped(self):
        """Frames in messages of 60 ms; a key does not overtake what was said before it; nothing is sent after."""
        self.converse(group=0.06)
        came = []
        for frame in (b"\x01", b"\x02", b"\x03", b"\x04"):
            self.line.caller_says(frame * 160)
            elapse(self.clock, 0.02)
            came.append(len(self.talk.audio))
        self.assertEqual(came, [0, 0, 480, 480])
        self.line.press("5")
        elapse(self.clock, 0.01)
        self.assertEqual(self.talk.audio, b"".join(bytes([frame]) * 160 for frame in (1, 2, 3, 4)))
        self.line.caller_says(b"\x05" * 160)
        self.stop()

    def test_interrupted(self):
        """Whoever counts is told how long it took to silence what was interrupted."""
        self.converse()
        self.talk.interrupts()
        elapse(self.clock, 0.1)
        count = self.metrics.registry.get_sample_value("voiced_interruption_to_clear_seconds_count")
        self.assertEqual(count, 1)
        self.stop()

    def test_congested(self):
        """While the vendor does not read, what the caller says is dropped: stale audio helps nobody."""
        self.converse()
        socket = self.socket()
        for act, sound in ((socket.pauseProducing, b"\x01"), (socket.resumeProducing, b"\x02")):
            act()
            self.line.caller_says(sound * 160)
        elapse(self.clock, 0.1)
        self.assertEqual(set(self.talk.audio), {2})
        self.stop()

    def test_dead_network(self):
        """A vendor that does not answer a ping any more is gone, though nothing else tells."""
        self.converse()
        self.talk.stalls(deaf=True)
        elapse(self.clock, PING_EVERY + PING_SECONDS - 1)
        self.assertNoResult(self.talking)
        elapse(self.clock, 3)
        self.assertIn("lost", str(self.failureResultOf(self.talking, AgentError).value))

    def test_many_speeches(self):
        """Only what was said of late is kept in mind, however long the conversation."""
        self.converse()
        for number in range(MOST_SPEECHES + 5):
            self.talk.says(f"{number}", audio=b"\x01" * 160)
            self.talk.hears("Yes.")
        elapse(self.clock, 5)
        self.assertEqual(len(self.line.heard), 160 * (MOST_SPEECHES + 5))
        self.stop()

    def test_strange_kinds(self):
        """A vendor that sends ever new kinds of messages does not fill the log."""
        self.converse()
        with capturedLogs() as logs:
            for number in range(80):
                self.talk.sends(f'{{"type": "new_{number}"}}')
            elapse(self.clock, 0.1)
        self.assertEqual(len([event for event in logs if "kind" in event]), 50)
        self.stop()

    def test_no_tools(self):
        """An agent that has no tools is told so, and so is one whose arguments are nothing."""
        self.converse()
        result = self.talk.calls_tool("weather", {})
        elapse(self.clock, 0.1)
        self.assertTrue(self.successResultOf(result).is_error)
        self.stop()


class FaultTests(RealtimeTestCase):
    def test_the_way_breaks(self):
        """A fault on the way to the agent is logged; the conversation has failed."""
        error = self.failureResultOf(self.converse(fail(ZeroDivisionError())), AgentError)
        self.assertIn("ZeroDivisionError", str(error.value))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_the_way_gives_up(self):
        """A way that cancels itself is one that failed: nobody has hung up."""
        self.failureResultOf(self.converse(fail(CancelledError())), AgentError)

    def test_a_dialect_breaks(self):
        """A fault in a dialect is logged, closes that socket, and is not blamed on the vendor."""

        class Broken(ElevenLabsDialect):
            def receive(self, text):
                raise ZeroDivisionError

        self.converse(dialect=lambda call, brief: Broken(Settings(agent_id=AGENT_ID), brief, call.facts))
        self.assertIn("a fault of ours", str(self.failureResultOf(self.talking, AgentError).value))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(self.talk.closed.code, 1000)

    def test_nobody_there(self):
        """A host that refuses, and one that is no WebSocket's: the operator reads which."""
        self.network.refuse(HOST)
        self.assertIn("refused the connection", str(self.failureResultOf(self.converse(), AgentError).value))
        self.network.accept(HOST)
        elsewhere = succeed(Door(f"wss://{HOST}/"))
        self.assertIn("404", str(self.failureResultOf(self.converse(elsewhere), AgentError).value))

    def test_cut_in_the_handshake(self):
        """A connection that ends before its handshake is named as the network's."""
        self.converse(Deferred())
        self.stop()
        self.endpoint = Hasty(self.endpoint).endpoint
        error = self.failureResultOf(self.converse(), AgentError)
        self.assertIn("lost", str(error.value))


class CancelTests(RealtimeTestCase):
    def test_while_it_connects(self):
        """Who is given up while it connects, as Twisted's own endpoints say it, is no fault of ours: nothing is
        logged."""
        connecting = Deferred(lambda given_up: given_up.errback(ConnectingCancelledError(None)))
        self.endpoint = lambda url: self
        self.connect = lambda factory: connecting
        self.converse()
        self.stop()
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_an_endpoint_that_does_not_obey(self):
        """A connection that comes although nobody wants it any more is closed at once."""
        stubborn = Stubborn(self.endpoint)
        self.endpoint = stubborn.endpoint
        self.converse()
        self.stop()
        stubborn.go_on()
        elapse(self.clock, 5)
        self.assertEqual(self.network.connections(HOST), [])


@attrs.define
class Stubborn:
    """Endpoints that connect later than they are asked to, and cannot be cancelled."""

    real: object
    url: str = ""
    waiting: list = attrs.field(factory=list)

    def endpoint(self, url):
        """Named as Tools has it."""
        self.url = url
        return self

    def connect(self, factory):
        """See IStreamClientEndpoint."""
        done = Deferred(lambda _: None)
        done.cancel = lambda: None
        self.waiting.append((factory, done))
        return done

    def go_on(self):
        """Connect."""
        for factory, done in self.waiting:
            self.real(self.url).connect(factory).chainDeferred(done)


@attrs.define
class Hasty:
    """Endpoints whose connections are cut as soon as they stand."""

    real: object
    url: str = ""

    def endpoint(self, url):
        """Named as Tools has it."""
        self.url = url
        return self

    def connect(self, factory):
        """See IStreamClientEndpoint."""

        def cut(protocol):
            protocol.transport.cut()
            return protocol

        return self.real(self.url).connect(factory).addCallback(cut)
