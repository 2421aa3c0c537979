"""One agent's time on the line: every limit, every end, and what an agent may do at the wrong time."""

import attrs
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.agents import ScriptedAgent
from voiced.call.audio import FRAME, silence
from voiced.call.conversation import EARLY_BYTES, Conversation
from voiced.call.playback import Playback
from voiced.call.records import AgentRecord, ToolRecord
from voiced.call.vigil import READY_SECONDS
from voiced.call.watched import MOST_USES
from voiced.errors import AgentError, CallOver
from voiced.ivoiced import AgentLimits, Brief, Heard, ILine, ISpeech, IToolbox, Outcome, ToolResult, Who
from voiced.testing.fake_call import FakeCall
from voiced.testing.fake_line import FakeCarrier
from voiced.testing.fake_toolbox import FakeToolbox
from voiced.testing.fakes import spell

FRAME_OF_NOISE = b"\x10\x90" * (FRAME // 2)


@attrs.define
class Ears:
    """Ears that take notes."""

    heard: bytes = b""
    stopped: int = 0

    def hear(self, frame):
        """See Ears."""
        self.heard += frame

    def stop(self):
        """See Ears."""
        self.stopped += 1


@attrs.define(eq=False)
class Stubborn(ScriptedAgent):
    """An agent that has its own way of being stopped."""

    stops: object = None

    def _cancel(self, talking):
        self.stops(talking)


class Raises:
    """Something that is no agent."""

    def converse(self, line, call, brief):
        """Not as IAgent has it."""
        raise ZeroDivisionError


class ConversationTestCase(SynchronousTestCase):
    """A scripted agent has the line."""

    def begin(self, limits=AgentLimits(), ears=None, brief=Brief(), kind=ScriptedAgent, **agent):  # noqa: B008 - they are frozen
        """Hand over; the agent is there when this returns, unless it is told otherwise."""
        self.clock = Clock()
        playback = Playback(self.clock)
        self.carrier = FakeCarrier(self.clock, playback.mark_returned)
        playback.attach(self.carrier)
        self.agent = kind(self.clock, **agent)
        self.record = AgentRecord("helper", self.clock.seconds())
        self.conversation = Conversation(FakeCall(clock=self.clock), playback, limits, self.record)
        self.result = self.conversation.begin(self.agent, brief, ears)
        self.line = self.agent.line
        self.passes(0)

    def passes(self, seconds):
        """Time passes, for whatever waits for it."""
        self.clock.pump([0.01] * round(seconds / 0.01) or [0])

    def outcome(self):
        """How it ended."""
        return self.successResultOf(self.result).name

    def why(self):
        """Why it failed."""
        return str(self.failureResultOf(self.result, AgentError).value)


class LineTests(ConversationTestCase):
    def test_interfaces(self):
        """It is an ILine, and gives ISpeech and IToolbox, as zope.interface verifies."""
        self.begin(brief=Brief(tools=FakeToolbox()))
        verifyObject(ILine, self.conversation)
        verifyObject(ISpeech, self.line.speak())
        verifyObject(IToolbox, self.agent.brief.tools)

    def test_early_audio(self):
        """What came before the agent hears is given to it at once, the newest five seconds."""
        self.begin(ready_after=1.0)
        for number in range(300):
            self.conversation.heard(bytes([number % 250]) * FRAME)
        self.passes(1)
        self.assertEqual(len(self.agent.heard), EARLY_BYTES)
        self.assertEqual(self.agent.heard[-1], 299 % 250)

    def test_stops_hearing_at_once(self):
        """An agent that has enough of the first early frame gets no second one."""
        self.begin(ready_after=None)
        for _ in range(3):
            self.conversation.heard(FRAME_OF_NOISE)
        got = []
        self.line.hear(lambda frame: (got.append(frame), self.line.hear(None)))
        self.conversation.heard(FRAME_OF_NOISE)
        self.assertEqual(len(got), 1)

    def test_hears_nothing(self):
        """What is early is dropped when the agent says that it does not want to hear."""
        self.begin(ready_after=None)
        self.conversation.heard(FRAME_OF_NOISE)
        self.line.hear(None)
        self.line.hear(self.agent._hears)
        self.assertEqual(self.agent.heard, b"")

    def test_keys_nobody_wants(self):
        """A key is a sign of life, also for an agent that wants none."""
        self.begin(AgentLimits(silence=1.0))
        self.line.keys(None)
        self.passes(0.9)
        self.conversation.key("5")
        self.passes(0.9)
        self.assertNoResult(self.result)
        self.assertEqual(self.agent.keys, "")

    def test_ready_twice(self):
        """An agent that says twice that it is ready was ready the first time."""
        self.begin()
        self.passes(0.5)
        self.line.ready()
        self.assertEqual(self.record.ready_ms, 0.0)

    def test_speech(self):
        """A speech is heard, and says so; once it was cut, what comes of it goes nowhere."""
        self.begin()
        speech = self.line.speak()
        speech.feed(spell("one"))
        self.passes(0.05)
        self.assertAlmostEqual(speech.so_far().seconds, 0.05, 1)
        self.line.clear()
        self.assertTrue(self.successResultOf(speech.done).cut)
        speech.feed(spell("two"))
        self.assertEqual(self.line.queued, 0.0)

    def test_send_audio(self):
        """Who does not care for speeches sends audio, and may wait until all is heard."""
        self.begin()
        self.line.send_audio(spell("one"))
        heard = self.line.when_heard()
        self.passes(0.1)
        self.assertNoResult(heard)
        self.passes(0.1)
        self.successResultOf(heard)
        self.assertEqual(self.carrier.heard, spell("one"))

    def test_corrected(self):
        """What the agent has said is what it says that it has."""
        self.begin()
        self.agent.says("one two three")
        self.passes(1)
        self.line.corrected("one two")
        self.agent.ends()
        self.assertEqual(self.successResultOf(self.result).facts["transcript"], "agent: one two")

    def test_nothing_is_its_own_afterwards(self):
        """When it has lost the line nothing that the agent does has an effect, and speaking tells it so."""
        self.begin(AgentLimits(seconds=1.0))
        speech = self.line.speak()
        self.passes(1.1)
        for use in (self.line.speak, self.line.clear, lambda: self.line.send_audio(b"\x10" * FRAME)):
            self.assertRaises(CallOver, use)
        speech.feed(b"\x10" * FRAME)
        self.line.ready()
        self.line.hear(self.agent._hears)
        self.line.keys(self.agent._sees)
        self.line.said(Who.AGENT, "x")
        self.conversation.heard(FRAME_OF_NOISE)
        self.conversation.key("1")
        self.assertEqual((self.agent.keys, self.carrier.heard, self.record.transcript), ("", b"", []))


class LimitTests(ConversationTestCase):
    def test_never_ready(self):
        """Two seconds for the agent to be there; it is told to stop."""
        self.begin(ready_after=None)
        self.passes(READY_SECONDS + 0.1)
        self.assertIn("not there within 2 s", self.why())
        self.assertEqual((self.agent.cancelled, self.record.outcome), (1, "failed"))

    def test_first_audio(self):
        """Where the agent has to begin, it has failed when it does not."""
        self.begin(AgentLimits(first_audio=1.0))
        self.passes(1.1)
        self.assertIn("said nothing within 1 s", self.why())

    def test_no_limits(self):
        """Without limits two may be silent for as long as they like."""
        self.begin(AgentLimits(silence=None))
        self.passes(60)
        self.assertNoResult(self.result)

    def test_caller_silent(self):
        """When the agent has spoken last, the silence is the caller's; it begins when the last word was heard."""
        self.begin(AgentLimits(silence=1.0))
        self.agent.says("twenty characters...")
        self.passes(1.9)
        self.assertNoResult(self.result)
        self.passes(0.4)
        self.assertEqual(self.outcome(), "caller_silent")

    def test_agent_silent(self):
        """When the caller has spoken last, the agent has failed."""
        self.begin(AgentLimits(silence=1.0))
        self.line.said(Who.CALLER, "Hello?")
        self.passes(1.1)
        self.assertIn("not answered for 1 s", self.why())

    def test_sounds(self):
        """Every sound of the caller's is a sign of life, whatever it was."""
        self.begin(AgentLimits(silence=1.0))
        for _ in range(100):
            self.conversation.heard(silence(0.02))
            self.passes(0.005)
        for _ in range(8):
            self.conversation.heard(FRAME_OF_NOISE)
        self.passes(0.9)
        self.assertNoResult(self.result)
        self.passes(0.2)
        self.assertEqual(self.outcome(), "caller_silent")

    def test_tool(self):
        """While a tool works nobody is silent; then it is the agent's turn, and its silence begins anew."""
        working = Deferred()
        self.begin(AgentLimits(silence=1.0), brief=Brief(tools=FakeToolbox(slow=working)))
        self.assertEqual(list(self.agent.brief.tools.tools), ["slow"])
        used = self.agent.brief.tools.use("slow", {})
        self.passes(5)
        self.assertNoResult(self.result)
        working.callback(ToolResult("Done."))
        self.assertEqual(self.successResultOf(used), ToolResult("Done."))
        self.assertEqual(self.record.tools, [ToolRecord("slow", 5.0, error=False)])
        self.passes(0.9)
        self.assertNoResult(self.result)
        self.passes(0.2)
        self.assertIn("not answered", str(self.failureResultOf(self.result, AgentError)))

    def test_tools_are_counted(self):
        """Every use of a tool is written down, up to a bound, and of one that is not there not even the name."""
        self.begin(brief=Brief(tools=FakeToolbox(slow=ToolResult("No.", error=True))))
        for _ in range(MOST_USES + 5):
            self.agent.brief.tools.use("slow", {})
        self.assertEqual((len(self.record.tools), self.record.tools[0].error), (MOST_USES, True))
        self.record.tools.clear()
        self.agent.brief.tools.use("4929", {})
        self.assertEqual([use.tool for use in self.record.tools], [""])

    def test_paused(self):
        """While we have paused to hear whether it was a word, nobody is silent, nor right after."""
        self.begin(AgentLimits(silence=1.0), ears=Ears())
        self.agent.says("ten chars.")
        self.passes(0.1)
        self.conversation.pause()
        self.passes(3)
        self.assertTrue(self.conversation.playing)
        self.conversation.resume()
        self.passes(1.3)
        self.assertNoResult(self.result)
        self.passes(0.5)
        self.assertEqual(self.outcome(), "caller_silent")

    def test_cut(self):
        """Who interrupts has asked something: the agent has to answer."""
        self.begin(AgentLimits(silence=1.0))
        speech = self.agent.says("one two three four")
        self.passes(0.2)
        self.conversation.cut()
        self.assertTrue(self.successResultOf(speech.done).cut)
        self.passes(1.1)
        self.assertIn("not answered", self.why())

    def test_seconds(self):
        """In all so long, whatever goes on."""
        self.begin(AgentLimits(seconds=1.0))
        self.agent.says("a sentence that takes longer than a second")
        self.passes(1.1)
        self.assertEqual((self.outcome(), self.agent.cancelled), ("timeout", 1))


class EndTests(ConversationTestCase):
    def test_heard_to_the_end(self):
        """The flow goes on when what the agent said last is heard."""
        self.begin()
        self.agent.says("ten chars.", pause=b"")
        self.agent.ends("sold", colour="red")
        self.passes(0.4)
        self.assertNoResult(self.result)
        self.passes(0.2)
        self.assertEqual(self.successResultOf(self.result).facts["colour"], "red")

    def test_open_speech(self):
        """A speech that the agent has not ended is ended with the conversation, its last broken frame filled up."""
        self.begin()
        speech = self.line.speak()
        speech.feed(b"\x10" * (FRAME + 1))
        self.agent.ends()
        self.passes(0.1)
        self.assertEqual(self.successResultOf(speech.done), Heard(0.04, 0.04))
        self.assertEqual(self.outcome(), "completed")

    def test_speaks_while_it_is_stopped(self):
        """An agent that goes on with one thing when another is over, after its time: that counts for nothing."""
        self.begin(AgentLimits(seconds=1.0))
        first, second = self.line.speak(), self.line.speak()
        first.done.addCallback(lambda heard: second.feed(b"\x10" * FRAME))
        self.passes(1.1)
        self.assertEqual((self.outcome(), self.record.first_audio_ms), ("timeout", None))

    def test_ears(self):
        """Our ears hear all the caller's audio, and are told when the conversation is over."""
        ears = Ears()
        self.begin(ears=ears)
        self.conversation.heard(FRAME_OF_NOISE)
        self.assertEqual((ears.heard, ears.stopped), (FRAME_OF_NOISE, 0))
        self.agent.ends()
        self.assertEqual(ears.stopped, 1)

    def test_taken_back(self):
        """Cancelled, as when the caller hangs up: the agent is told, the record is complete."""
        self.begin()
        self.agent.says("one two three four", pause=b"")
        self.passes(0.45)
        self.result.cancel()
        self.failureResultOf(self.result, CancelledError)
        self.assertEqual((self.agent.cancelled, self.record.outcome), (1, "cut off"))
        self.assertEqual([line.text for line in self.record.transcript], ["one two…"])

    def test_taken_back_while_it_is_heard_out(self):
        """Cancelled after the agent has gone: how the agent ended stays so."""
        self.begin()
        self.agent.says("one two three four")
        self.agent.ends("sold")
        self.result.cancel()
        self.failureResultOf(self.result, CancelledError)
        self.passes(5)
        self.assertEqual((self.agent.cancelled, self.record.outcome), (0, "sold"))

    def test_raises_at_once(self):
        """An agent that raises where it should give a Deferred is one that failed."""
        self.begin()
        conversation = Conversation(FakeCall(clock=self.clock), Playback(self.clock), AgentLimits(), self.record)
        failed = conversation.begin(Raises(), Brief())
        self.assertIn("fault (ZeroDivisionError)", str(self.failureResultOf(failed, AgentError).value))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def stopped(self, stops):
        """The time of an agent is over that stops so."""
        self.begin(AgentLimits(seconds=1.0), kind=Stubborn, stops=stops)
        self.passes(1.1)
        self.assertEqual(self.outcome(), "timeout")

    def test_breaks_when_it_is_stopped(self):
        """An agent that fails with a fault when it is stopped is logged; the flow goes on all the same."""
        self.stopped(lambda talking: talking.errback(ZeroDivisionError()))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_ends_when_it_is_stopped(self):
        """An agent that answers its cancelling with an outcome is not asked for one any more."""
        self.stopped(lambda talking: talking.callback(Outcome("sold")))

    def test_stops_quietly(self):
        """What an agent may fail with when it is stopped is no fault."""
        for error in (AgentError("late"), CallOver(), CancelledError()):
            self.stopped(lambda talking, error=error: talking.errback(error))

    def test_no_outcome(self):
        """An agent that ends with something else has failed, and the log says with what."""
        self.begin()
        self.agent.talking.callback(None)
        self.assertIn("fault", str(self.failureResultOf(self.result, AgentError)))
        self.assertIn("NoneType", str(self.flushLoggedErrors(TypeError)[0]))

    def test_fault_in_its_ears(self):
        """An agent that breaks on what it is given loses the line; the caller's stream has nothing to do with it."""
        for give in (lambda: self.conversation.heard(silence(0.02)), lambda: self.conversation.key("5")):
            self.begin()
            self.line.hear(lambda frame: 1 / 0)
            self.line.keys(lambda key: 1 / 0)
            give()
            self.assertIn("ZeroDivisionError", str(self.failureResultOf(self.result, AgentError)))
            self.assertEqual((len(self.flushLoggedErrors(ZeroDivisionError)), self.agent.cancelled), (1, 1))

    def test_cannot_be_stopped(self):
        """An agent whose canceller raises is logged as well, and loses the line."""

        def stops(talking):
            raise ZeroDivisionError

        self.stopped(stops)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
