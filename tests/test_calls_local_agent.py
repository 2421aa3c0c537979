"""Whole calls with the local agent: the caller's speech is spelled, our ears are doubles, everything else is real."""

from twisted.internet.defer import Deferred

from tests.agents import FakeTool, ScriptedAgent
from tests.house import House, flow, say
from voiced.agents.brains.rules import GivingUp, Rule
from voiced.agents.local import Brain, Settings, make
from voiced.agents.talking.turntaking import Patience
from voiced.call.audio import silence
from voiced.call.privacy import Privacy
from voiced.call.program import Colleague
from voiced.call.records import Ending
from voiced.call.steps.digits import Menu
from voiced.call.steps.handover import Agent, Transfer
from voiced.call.steps.routing import Choose
from voiced.call.template import Template
from voiced.errors import RecognitionFailed, SynthesisError
from voiced.ivoiced import Outcome, ToolResult
from voiced.testing.fake_hearing import FakeHearing
from voiced.testing.fakes import FakeTools, spell

ANSWER = "BREAKFAST IS SERVED FROM SEVEN UNTIL TEN"


def text(words):
    """A text of the flow."""
    return Template.parse(words)


RULES = (
    Rule(when="breakfast", say=text(ANSWER)),
    Rule(when="rooms", say=text("We have two. They are dear.")),
    Rule(when="room {number} *", say=text("Room {number}."), then="handover"),
    Rule(when="weather", use="weather", say=text("It is {result}.")),
    Rule(when="a human", say=text("One moment."), then="handover"),
    Rule(when="stop", say=text("Yes?")),
    Rule(when="hang up", say=text("As you like."), then="hang_up"),
    Rule(when="goodbye", say=text("Goodbye."), then="end"),
)
WAYS = {"handover": "human", "failed": "sorry"}


class LocalCalls(House):
    """A flow that hands over to a clerk without an account, and goes on by how it ended."""

    def setUp(self):
        """The ears move in."""
        super().setUp()
        self.ears = FakeHearing(self.clock, delay=0.05)

    def calls(self, *before, tools=None, own_ears=True, privacy=Privacy.OPEN, **settings):
        """A caller is with the agent, after these steps."""
        self.agent = make(
            Settings(
                **{"brain": Brain(RULES), "first_message": text("Hello."), "patience": Patience(usual=0.5)} | settings
            ),
            FakeTools(self.clock, hearing=self.ears),
        )
        clerk = Colleague(self.agent, tools or {}, "auto" if own_ears else "none")
        after = [Agent("clerk", fallback=text("Nobody.")), Choose("agent.outcome", WAYS, "bye")]
        nodes = {"start": [*before, *([] if before else after)], "clerk": after, "bye": [say("Bye.")],
                 "human": [Transfer(Template.parse("+14155550100"))], "sorry": [say("Sorry.")]}  # fmt: skip
        self.lives_in(flow(nodes), agents={"clerk": clerk}, hearing=self.ears, privacy=privacy)
        call = self.ring()
        self.passes(0.6)
        return call

    def asks(self, call, words, wait=2.0):
        """The caller says this, and some time passes after it."""
        call.speak(spell(words))
        self.passes(len(words) * 0.05 + wait)

    def ends_with(self, call, ending, *heard):
        """The call has ended so, and the caller has heard this; gives what the record says of the agent."""
        self.passes(60)
        self.assert_heard(call, *heard)
        return self.assert_ended(call, ending)["agents"][0]

    def said(self, agent):
        """The transcript of a record."""
        return [(line["who"], line["text"]) for line in agent["transcript"]]


class GoodCalls(LocalCalls):
    def test_conversation(self):
        """It greets, answers by its rules, and ends at a goodbye; the record has every word."""
        call = self.calls()
        self.asks(call, "BREAKFAST", wait=4)
        self.asks(call, "GOODBYE")
        agent = self.ends_with(call, Ending.COMPLETED, "Hello.", ANSWER, "Goodbye.", "Bye.")
        said = [("agent", "Hello."), ("caller", "BREAKFAST"), ("agent", ANSWER), ("caller", "GOODBYE")]
        self.assertEqual(self.said(agent), [*said, ("agent", "Goodbye.")])
        self.assertEqual(agent["outcome"], "completed")

    def test_from_a_menu(self):
        """A menu of keys leads to it; the key is the menu's, and the agent never hears of it."""
        call = self.calls(Menu(text("Press one."), {"1": "clerk"}))
        call.press("1")
        self.passes(1)
        self.asks(call, "GOODBYE")
        agent = self.ends_with(call, Ending.COMPLETED, "Press one.", "Hello.", "Goodbye.", "Bye.")
        self.assertEqual([who for who, _ in self.said(agent)], ["agent", "caller", "agent"])

    def test_two_sentences(self):
        """An answer of two sentences is heard as two, without a pause of ours."""
        call = self.calls()
        self.asks(call, "ROOMS", wait=4)
        self.asks(call, "GOODBYE")
        self.ends_with(call, Ending.COMPLETED, "Hello.", "We have two.", "They are dear.", "Goodbye.", "Bye.")

    def test_handover(self):
        """Who asks for a human gets one, when the agent has said so."""
        call = self.calls()
        self.asks(call, "A HUMAN")
        agent = self.ends_with(call, Ending.TRANSFERRED, "Hello.", "One moment.")
        self.assertEqual([dial.numbers for dial in call.dialed], [("+14155550100",)])
        self.assertEqual(agent["outcome"], "handover")

    def test_facts(self):
        """What a place of a rule has caught is a fact of the flow."""
        call = self.calls()
        self.asks(call, "ROOM TWELVE PLEASE")
        self.ends_with(call, Ending.TRANSFERRED, "Hello.", "Room TWELVE.")

    def test_hangs_up(self):
        """A rule may hang up; the flow does not go on."""
        call = self.calls()
        self.asks(call, "HANG UP")
        self.ends_with(call, Ending.AGENT_ENDED, "Hello.", "As you like.")

    def test_misunderstands(self):
        """What it does not understand it says so; the second time it gives up, and the flow has a branch for that."""
        otherwise = (text("I did not get that."), text("Once more?"))
        brain = Brain(RULES, otherwise, GivingUp(after=2, then="handover", say=text("I will get somebody.")))
        call = self.calls(brain=brain)
        self.asks(call, "XYLOPHONE")
        self.asks(call, "BASSOON")
        heard = ("Hello.", "I did not get that.", "I will get somebody.")
        self.ends_with(call, Ending.TRANSFERRED, *heard)

    def test_key(self):
        """A key is text as well."""
        brain = Brain((Rule(when="1", say=text("One it is."), then="end"),))
        call = self.calls(brain=brain)
        call.press("1")
        agent = self.ends_with(call, Ending.COMPLETED, "Hello.", "One it is.", "Bye.")
        self.assertEqual(self.said(agent)[1], ("caller", "1"))

    def test_key_is_withheld(self):
        """Where no key may be written, the transcript has none either."""
        call = self.calls(
            brain=Brain((Rule(when="1234", say=text("Thank you."), then="end"),)), privacy=Privacy.STRICT
        )
        call.press("1234#")
        self.passes(0.5)
        [record] = self.daemon.switchboard.find(call.sid).record.agents
        self.ends_with(call, Ending.COMPLETED, "Hello.", "Thank you.", "Bye.")
        self.assertNotIn("1234", repr(record.transcript))
        self.assertNotIn("1234", repr(self.journal.lines))

    def test_tool(self):
        """A rule may use a tool, and say what it gave."""
        call = self.calls(tools={"weather": FakeTool(ToolResult("sunny"))})
        self.asks(call, "WEATHER")
        self.assert_heard(call, "Hello.", "It is sunny.")
        call.hang_up()

    def test_tool_that_leaves(self):
        """A tool may end the conversation; what it gave is said before."""
        call = self.calls(tools={"weather": FakeTool(ToolResult("over", leave=Outcome("hung_up")))})
        self.asks(call, "WEATHER")
        self.ends_with(call, Ending.AGENT_ENDED, "Hello.", "It is over.")

    def test_nobody_speaks(self):
        """A caller who says nothing for ten seconds is silent."""
        call = self.calls()
        agent = self.ends_with(call, Ending.COMPLETED, "Hello.", "Bye.")
        self.assertEqual(agent["outcome"], "caller_silent")


class InterruptedCalls(LocalCalls):
    def test_words(self):
        """Words cut the answer; the record has what was heard of it, and they are answered."""
        call = self.calls()
        self.asks(call, "BREAKFAST", wait=1.5)
        self.asks(call, "STOP IT NOW", wait=3)
        heard = self.read(call)
        self.assertEqual((heard[0], heard[-1]), ("Hello.", "Yes?"))
        self.assertTrue(ANSWER.startswith(heard[1][:3]))
        self.assertNotIn("TEN", "".join(heard))
        self.asks(call, "GOODBYE")
        said = self.said(self.ends_with(call, Ending.COMPLETED, *heard, "Goodbye.", "Bye."))
        cut = said[2][1]
        self.assertTrue(cut.endswith("…"), said)
        self.assertTrue(ANSWER.startswith(cut[:-1]))
        self.assertEqual(said[3:5], [("caller", "STOP IT NOW"), ("agent", "Yes?")])

    def test_no_word(self):
        """A cough makes a pause; then it goes on, and not one byte of the answer is missing."""
        call = self.calls()
        self.asks(call, "BREAKFAST", wait=1.2)
        self.ears.texts = [""] * 9
        call.speak(b"\x10\x90" * 400)
        self.passes(5)
        answer = spell(ANSWER)
        heard = call.heard[call.heard.index(spell("Hello.")) + len(spell("Hello.")) :].strip(b"\xff")
        first = heard[: heard.index(silence(0.05))]
        rest = heard[len(first) :].lstrip(b"\xff")
        self.assertTrue(answer.startswith(first), "what was heard before the pause")
        self.assertTrue(answer.endswith(rest), "what was heard after it")
        self.assertGreaterEqual(len(first) + len(rest), len(answer))
        self.assertLess(len(first), len(answer))
        call.hang_up()

    def test_short_word_and_slow_ears(self):
        """A word whose turn is over before the ears have decided cuts all the same, and is answered."""
        for delay in (0.05, 0.2, 0.3):
            self.ears.delay = delay
            call = self.calls(first_message=text("a greeting that goes on for quite some time after that"))
            self.asks(call, "BREAKFAST", wait=6)
            self.assertEqual(self.read(call)[-1], ANSWER, delay)
            call.hang_up()
            self.passes(1)

    def test_goodbye_is_not_interrupted(self):
        """The last words of an agent that has ended the conversation are heard, whatever is said over them."""
        rules = (Rule(when="goodbye", say=text("Goodbye and thank you for calling us today"), then="hang_up"),)
        call = self.calls(brain=Brain(rules))
        self.asks(call, "GOODBYE", wait=1.2)
        self.asks(call, "THANK YOU GOODBYE NOW", wait=5)
        self.assertEqual(self.read(call)[-1], "Goodbye and thank you for calling us today")
        self.assertTrue(call.over)

    def test_key_cuts(self):
        """A key cuts as well, at once."""
        call = self.calls()
        self.asks(call, "BREAKFAST", wait=1.0)
        call.press("5")
        pressed = self.clock.seconds()
        self.passes(1)
        clears = [entry.time + call.rang_at for entry in call.sheet if entry.what == "clear"]
        self.assertIn(round(pressed, 3), [round(at, 3) for at in clears])
        self.assertNotIn("TEN", "".join(self.read(call)))
        call.hang_up()

    def test_nobody_listens(self):
        """With `barge_in: none` the answer is heard to its end, and what was said meanwhile is answered then."""
        call = self.calls(own_ears=False)
        self.asks(call, "BREAKFAST", wait=1.0)
        self.asks(call, "STOP", wait=5)
        self.assert_heard(call, "Hello.", ANSWER, "Yes?")
        call.hang_up()

    def test_say(self):
        """A `say` with `barge_in: speech` is cut by words, and the flow goes on."""
        call = self.calls(say(ANSWER, barge_in="speech"), say("Bye."))
        call.speak(spell("STOP IT NOW"))
        self.passes(60)
        heard = self.read(call)
        self.assertEqual((len(heard), heard[1]), (2, "Bye."))
        self.assertLess(len(heard[0]), len(ANSWER) // 2)
        self.assert_ended(call, Ending.COMPLETED)

    def test_say_without_ears(self):
        """Where nobody listens for words, it is heard to its end."""
        self.lives_in(flow({"start": [say("Hello.", barge_in="speech"), say("Bye.")]}))
        call = self.ring()
        call.speak(spell("STOP IT NOW"))
        self.passes(20)
        self.assert_heard(call, "Hello.", "Bye.")
        self.assert_ended(call, Ending.COMPLETED)

    def test_no_ears_after_all(self):
        """Ears that cannot be had when the call is there cost the interruptions, not the call."""
        self.ears.detector = self.deaf
        call = self.calls(say("HELLO THERE", barge_in="speech"))
        self.passes(20)
        self.assertEqual(self.read(call), ["HELLO THERE"])
        call = self.begins_with_a_vendor()
        self.assertTrue(call.over)

    def deaf(self):
        """No detector."""
        raise RecognitionFailed("no model")

    def begins_with_a_vendor(self):
        """A call with an agent of somebody else's, and ears of ours in front of it."""
        agent = ScriptedAgent(self.clock)
        flows = flow({"start": [Agent("other")]})
        self.lives_in(flows, agents={"other": Colleague(agent, barge_in="local")}, hearing=self.ears)
        call = self.ring()
        self.passes(0.5)
        agent.ends()
        self.passes(5)
        return call

    def test_say_without_words(self):
        """A cough does not cut it, and nothing of it is lost."""
        self.ears.texts = [""] * 9
        call = self.calls(say(ANSWER, barge_in="speech"), say("Bye."))
        call.speak(b"\x10\x90" * 400)
        self.passes(60)
        heard = "".join(self.read(call))
        self.assertTrue(heard.endswith("UNTIL TENBye."), heard)
        self.assert_ended(call, Ending.COMPLETED)


class FailingCalls(LocalCalls):
    def fails(self, call, word, *heard):
        """The conversation fails, with this word for the operator; the caller hears the fallback."""
        agent = self.ends_with(call, Ending.COMPLETED, *heard, "Nobody.", "Sorry.")
        self.assertEqual(agent["outcome"], "failed")
        self.assertIn(word, agent["error"])

    def test_deaf(self):
        """A recogniser that breaks is a failure, at once."""
        call = self.calls()
        self.ears.fail_with = RecognitionFailed("out of memory")
        self.asks(call, "BREAKFAST")
        self.fails(call, "hear", "Hello.")

    def test_slow_ears(self):
        """A recogniser that never answers leaves nobody in silence."""
        call = self.calls()
        self.ears.delay = 1000.0
        self.asks(call, "BREAKFAST")
        self.fails(call, "not answered", "Hello.")

    def test_dumb(self):
        """A voice that breaks in the conversation."""
        call = self.calls()
        self.voice.fail_with = SynthesisError("the quota is used up")
        self.asks(call, "BREAKFAST")
        self.voice.fail_with = None
        self.passes(60)
        self.assertIn("quota", self.assert_ended(call, Ending.FAILED)["agents"][0]["error"])

    def test_tool_that_never_answers(self):
        """A tool that takes too long is a sentence, and no failure."""
        call = self.calls(tools={"weather": FakeTool(Deferred(), timeout=1.0)})
        self.asks(call, "WEATHER", wait=5)
        self.assert_heard(call, "Hello.", "I am sorry, that did not work just now.")
        call.hang_up()


class LeavingCalls(LocalCalls):
    def test_hangs_up_at_any_moment(self):
        """Whenever the caller hangs up, in a greeting, a question, a thought or an answer, nothing is left."""
        for moment in range(0, 40, 2):
            call = self.calls()
            call.speak(spell("ROOMS"))
            self.passes(moment / 10)
            call.hang_up()
            self.passes(1)
            self.assertEqual(self.assert_ended(call, Ending.CALLER_HUNG_UP)["agents"][0]["outcome"], "cut off")

    def test_hangs_up_in_a_pause(self):
        """Also while we have paused to hear whether it was a word."""
        call = self.calls()
        self.asks(call, "BREAKFAST", wait=1.0)
        call.speak(spell("STOP IT"))
        self.passes(0.2)
        call.hang_up()
        self.passes(1)
        self.assert_ended(call, Ending.CALLER_HUNG_UP)

    def test_hangs_up_during_a_tool(self):
        """While a tool works: it is cancelled."""
        cancelled = []
        call = self.calls(tools={"weather": FakeTool(Deferred(cancelled.append))})
        self.asks(call, "WEATHER", wait=1.0)
        call.hang_up()
        self.passes(1)
        self.assert_ended(call, Ending.CALLER_HUNG_UP)
        self.assertEqual(len(cancelled), 1)

    def test_stream_lost(self):
        """With a new stream the conversation begins anew."""
        call = self.calls()
        self.asks(call, "BREAKFAST", wait=1.0)
        self.carrier.drop_stream(call)
        self.passes(2)
        self.asks(call, "GOODBYE")
        self.passes(20)
        agents = self.assert_ended(call, Ending.COMPLETED)["agents"]
        self.assertEqual([agent["outcome"] for agent in agents], ["cut off", "completed"])

    def test_daemon_stops(self):
        """A daemon that stops lets the sentence be heard that was begun."""
        call = self.calls()
        self.asks(call, "BREAKFAST", wait=1.0)
        self.daemon.drain()
        self.ends_with(call, Ending.DRAINED, "Hello.", ANSWER, "Goodbye.")
