"""Whole calls with an agent on the line, whoever it is: what the flow gets back, and what the caller never hears."""

from twisted.logger import LogLevel, capturedLogs

from tests.agents import ScriptedAgent
from tests.house import House, flow, say
from voiced.call.privacy import Privacy
from voiced.call.program import Colleague
from voiced.call.records import Ending
from voiced.call.steps.digits import Menu
from voiced.call.steps.handover import Agent, Transfer
from voiced.call.steps.routing import Choose
from voiced.call.template import Template
from voiced.call.vigil import READY_SECONDS
from voiced.errors import AgentError, CallOver
from voiced.testing.fakes import spell

FALLBACK = Template.parse("Nobody is here.")


def agent_flow(**settings):
    """Greeting, agent, and a branch for each way it may end."""
    ways = ["completed", "failed", "timeout", "caller_silent", "handover"]
    return flow(
        {
            "start": [
                say("Hello."),
                Agent("helper", **({"fallback": FALLBACK} | settings)),
                Choose("agent.outcome", {way: way for way in ways}, "other"),
            ],
            **{way: [say(f"{way}.")] for way in ways if way != "handover"},
            "handover": [Transfer(Template.parse("+14155550100"))],
            "other": [say("{agent.outcome}, {agent.colour|no colour}.")],
        }
    )


class AgentCalls(House):
    """A flow that says hello, hands over to a scripted agent, and says how it went."""

    def begins(self, to_flow=None, privacy=Privacy.MASKED, **agent):
        """A caller is with the agent."""
        self.agent = ScriptedAgent(self.clock, **agent)
        self.lives_in(to_flow or agent_flow(), agents={"helper": Colleague(self.agent)}, privacy=privacy)
        call = self.ring()
        self.passes(0.6)
        return call

    def ends_with(self, call, ending, *heard):
        """The call has ended so, and the caller has heard this; gives what the record says of the agent."""
        self.passes(60)
        self.assert_heard(call, *heard)
        return self.assert_ended(call, ending)["agents"][0]


class ConversationTests(AgentCalls):
    def test_speaks_and_ends(self):
        """The caller hears the agent, to its last word, and then the flow goes on."""
        call = self.begins()
        self.agent.says("Good day.")
        self.agent.ends()
        self.assertIsNotNone(self.agent.talking)
        agent = self.ends_with(call, Ending.COMPLETED, "Hello.", "Good day.", "completed.")
        self.assertEqual((agent["agent"], agent["outcome"], agent["error"]), ("helper", "completed", ""))

    def test_facts(self):
        """What the agent leaves behind can be read, and the outcome may be any word."""
        call = self.begins()
        self.agent.ends("sold", colour="red")
        self.ends_with(call, Ending.COMPLETED, "Hello.", "sold, red.")

    def test_hears_the_caller(self):
        """The agent hears what the caller says, from the moment it has the line, though it takes a while to come."""
        call = self.begins(ready_after=1.0)
        call.speak(spell("Hi"))
        self.passes(1.5)
        self.assertEqual(self.agent.heard.strip(b"\xff"), spell("Hi"))

    def test_early_audio_is_bounded(self):
        """An agent that comes late hears no more than the last five seconds."""
        call = self.begins(ready_after=1.9)
        self.passes(1.95)
        self.assertLessEqual(len(self.agent.heard), 5 * 8000)
        self.assertGreaterEqual(len(self.agent.heard), 1.8 * 8000)
        call.hang_up()

    def test_keys(self):
        """A key goes to the agent, and to the flow's next menu."""
        menu = Menu(Template.parse("Press."), {"4": "four"})
        call = self.begins(flow({"start": [say("Hello."), Agent("helper"), menu], "four": [say("Four.")]}))
        call.press("4")
        self.passes(0.1)
        self.agent.ends()
        self.ends_with(call, Ending.COMPLETED, "Hello.", "Four.")
        self.assertEqual(self.agent.keys, "4")

    def test_brief(self):
        """What the step says of the conversation reaches the agent, filled in; what it does not say is not said."""
        step = {"first_message": Template.parse("Hi {call.caller}!"), "variables": {"room": Template.parse("12")}}
        call = self.begins(agent_flow(**step))
        brief = self.agent.brief
        self.assertEqual((brief.first_message, brief.prompt, brief.language), ("Hi +14155550100!", None, None))
        self.assertEqual(brief.variables, {"room": "12"})
        call.hang_up()

    def test_transcript_of_what_was_heard(self):
        """An interrupted answer stands in the transcript as far as it was heard."""
        call = self.begins(flow({"start": [say("Hello."), Agent("helper"), say("{agent.transcript}")]}))
        self.agent.says("one two three four")
        self.passes(0.41)
        self.agent.line.clear()
        self.passes(0.1)
        self.agent.ends()
        self.ends_with(call, Ending.COMPLETED, "Hello.", "one two ", "agent: one two…")

    def test_conversation_name(self):
        """The vendor's name for the conversation is in the record; what was said is not, unless privacy is open."""
        call = self.begins()
        self.agent.line.conversation("conv_7")
        self.agent.says("Hi.")
        self.agent.ends()
        agent = self.ends_with(call, Ending.COMPLETED, "Hello.", "Hi.", "completed.")
        self.assertEqual((agent["conversation"], agent["lines"]), ("conv_7", 1))
        self.assertNotIn("transcript", agent)

    def test_hands_on_what_was_said(self):
        """A second agent can be told what was said with the first."""
        second = Agent("helper", prompt=Template.parse("So far: {agent.transcript}"))
        call = self.begins(flow({"start": [say("Hello."), Agent("helper"), second]}))
        self.agent.says("Hi.")
        self.agent.ends()
        self.passes(1)
        self.assertEqual(self.agent.brief.prompt, "So far: agent: Hi.")
        call.hang_up()

    def test_uninterruptible_within(self):
        """What a tool plays and nobody may interrupt is neither paused nor cleared: keys must not stutter."""
        call = self.begins()
        played = self.agent.call.play(spell("12345"), interruptible=False)
        self.passes(0.1)
        self.agent.line.clear()
        self.passes(1)
        self.assertFalse(self.successResultOf(played).cut)
        self.assertIn("12345", self.read(call))
        call.hang_up()

    def test_second_conversation(self):
        """Nothing of a conversation is left for the next one's facts."""
        steps = [Agent("helper", fallback=FALLBACK), Agent("helper", fallback=FALLBACK), say("{agent.colour|none}")]
        call = self.begins(flow({"start": [say("Hello."), *steps]}))
        self.agent.ends("sold", colour="red")
        self.passes(0.1)
        self.agent.ends()
        self.ends_with(call, Ending.COMPLETED, "Hello.", "none")


class EndTests(AgentCalls):
    def test_hangs_up(self):
        """An agent that hangs up ends the call, when its goodbye is heard; the flow does not go on."""
        call = self.begins()
        self.agent.says("Goodbye, dear caller.")
        self.agent.ends("hung_up")
        self.ends_with(call, Ending.AGENT_ENDED, "Hello.", "Goodbye, dear caller.")

    def test_transfers(self):
        """An agent that transfers the caller leads to that human; the flow does not go on."""
        call = self.begins()
        self.agent.ends("transferred", number="+14155550199")
        self.ends_with(call, Ending.TRANSFERRED, "Hello.")
        self.assertEqual([dial.numbers for dial in call.dialed], [("+14155550199",)])

    def test_handover(self):
        """An agent that wants a human leaves it to the flow, which transfers."""
        call = self.begins()
        self.agent.ends("handover")
        self.ends_with(call, Ending.TRANSFERRED, "Hello.")
        self.assertEqual([dial.numbers for dial in call.dialed], [("+14155550100",)])


class SilenceTests(AgentCalls):
    def test_never_there(self):
        """An agent that is not there within two seconds loses the line; the fallback is spoken at once."""
        call = self.begins(ready_after=None)
        self.passes(READY_SECONDS - 0.6)
        agent = self.ends_with(call, Ending.COMPLETED, "Hello.", "Nobody is here.", "failed.")
        self.assertEqual(self.agent.cancelled, 1)
        self.assertIn("not there within 2 s", agent["error"])
        greeting = len(spell("Hello.")) + 0.1 * 8000
        self.assertLess(call.heard.index(spell("Nobody")), greeting + (READY_SECONDS + 0.05) * 8000)

    def test_breaks(self):
        """An agent that fails loses the line, and the operator reads why."""
        call = self.begins()
        with capturedLogs() as logs:
            self.agent.talking.errback(AgentError("the quota is used up"))
            self.passes(0)
        self.assertEqual([event["error"] for event in logs if "error" in event], ["the quota is used up"])
        agent = self.ends_with(call, Ending.COMPLETED, "Hello.", "Nobody is here.", "failed.")
        self.assertEqual(agent["error"], "the quota is used up")

    def test_fault(self):
        """An agent that raises what none may raise is logged with its traceback; the caller hears the fallback."""
        call = self.begins()
        self.agent.talking.errback(ZeroDivisionError("oops"))
        self.ends_with(call, Ending.COMPLETED, "Hello.", "Nobody is here.", "failed.")
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_gives_up(self):
        """An agent that cancels itself is one that failed: nobody has hung up."""
        call = self.begins()
        self.agent.talking.cancel()
        self.ends_with(call, Ending.COMPLETED, "Hello.", "Nobody is here.", "failed.")

    def test_no_fallback(self):
        """An empty fallback is not spoken."""
        call = self.begins(agent_flow(fallback=Template.parse("")), ready_after=None)
        self.ends_with(call, Ending.COMPLETED, "Hello.", "failed.")

    def test_nobody_speaks(self):
        """Ten seconds in which neither side speaks end the conversation."""
        call = self.begins()
        self.agent.says("Hello?")
        self.passes(9.9)
        self.assertEqual(self.agent.cancelled, 0)
        agent = self.ends_with(call, Ending.COMPLETED, "Hello.", "Hello?", "caller_silent.")
        self.assertEqual(agent["outcome"], "caller_silent")

    def test_caller_may_begin(self):
        """An agent may let the caller speak first: a sound of the caller's is a sign of life."""
        call = self.begins()
        self.passes(9)
        call.speak(spell("So, well,"))
        self.passes(9)
        self.assertEqual(self.agent.cancelled, 0)
        self.ends_with(call, Ending.COMPLETED, "Hello.", "caller_silent.")

    def test_key_is_a_sign_of_life(self):
        """A key counts as well."""
        call = self.begins()
        self.passes(9)
        call.press("1")
        self.passes(9)
        self.assertEqual(self.agent.cancelled, 0)
        call.hang_up()

    def test_does_not_answer(self):
        """An agent that was asked and does not answer has failed: that is not the caller's silence."""
        call = self.begins()
        self.agent.line.caller_waits()
        agent = self.ends_with(call, Ending.COMPLETED, "Hello.", "Nobody is here.", "failed.")
        self.assertEqual(agent["error"], "the agent has not answered for 10 s")

    def test_a_cough_asks_for_nothing(self):
        """A sound that the agent takes note of is no question: after it the caller is silent."""
        call = self.begins()
        self.passes(5)
        self.agent.line.caller_active()
        self.ends_with(call, Ending.COMPLETED, "Hello.", "caller_silent.")

    def test_too_far_ahead(self):
        """An agent that loses the line while it is far ahead is cut: the caller does not have to hear all that."""
        call = self.begins(agent_flow(seconds=3.0))
        self.passes(2)
        self.agent.line.speak().feed(spell("x" * 400))
        self.passes(10)
        self.assertTrue(call.over)
        self.assertTrue(self.read(call)[-1].endswith("timeout."))

    def test_long_speech_is_no_silence(self):
        """While the agent is heard, nobody is silent."""
        call = self.begins(agent_flow(silence=1.0))
        self.agent.says("A sentence that takes some seconds to say, for it is spelled.")
        self.passes(2.9)
        self.assertEqual(self.agent.cancelled, 0)
        call.hang_up()

    def test_first_audio(self):
        """Where the step wants the agent to begin, it has to."""
        call = self.begins(agent_flow(first_audio=1.5))
        agent = self.ends_with(call, Ending.COMPLETED, "Hello.", "Nobody is here.", "failed.")
        self.assertIn("said nothing within 1.5 s", agent["error"])

    def test_first_audio_in_time(self):
        """An agent that begins in time is not asked again."""
        call = self.begins(agent_flow(first_audio=1.5))
        self.agent.says("Hi.")
        self.passes(3)
        self.assertEqual(self.agent.cancelled, 0)
        call.hang_up()

    def test_seconds(self):
        """The time of a conversation may be limited; what the agent is saying is heard all the same."""
        call = self.begins(agent_flow(seconds=3.0))
        self.passes(2.3)
        self.agent.says("I was just saying")
        self.ends_with(call, Ending.COMPLETED, "Hello.", "I was just saying", "timeout.")


class LeavingTests(AgentCalls):
    def test_hangs_up_at_any_time(self):
        """Whenever the caller hangs up, the agent is told at once, and nothing is left."""
        for ready_after, wait in [(1.0, 0.5), (None, 1.0), (0.0, 0.1), (0.0, 5.0)]:
            call = self.begins(ready_after=ready_after)
            self.passes(wait)
            call.hang_up()
            self.passes(1)
            self.assertEqual(self.agent.cancelled, 1)
            self.assertEqual(self.assert_ended(call, Ending.CALLER_HUNG_UP)["agents"][0]["outcome"], "cut off")

    def test_hangs_up_in_a_word(self):
        """The record has of the agent's last words what was heard."""
        call = self.begins(privacy=Privacy.OPEN)
        self.agent.says("one two three four")
        self.passes(0.45)
        call.hang_up()
        self.passes(1)
        agent = self.assert_ended(call, Ending.CALLER_HUNG_UP)["agents"][0]
        self.assertEqual([line["text"] for line in agent["transcript"]], ["one two…"])

    def test_line_is_dead_afterwards(self):
        """An agent that does not stop when it is told to cannot be heard any more."""
        call = self.begins(agent_flow(seconds=1.0))
        line, speech = self.agent.line, self.agent.line.speak()
        self.passes(3)
        self.assertRaises(CallOver, line.speak)
        self.assertRaises(CallOver, line.send_audio, b"\x00" * 160)
        self.assertRaises(CallOver, line.clear)
        speech.feed(b"\x00" * 800)
        line.ready()
        line.hear(lambda audio: self.fail("it hears"))
        line.said(None, "x")
        self.ends_with(call, Ending.COMPLETED, "Hello.", "timeout.")

    def test_stream_lost(self):
        """With a new stream the step begins anew, with a new conversation."""
        call = self.begins()
        first = self.agent.talking
        self.carrier.drop_stream(call)
        self.passes(1)
        self.assertEqual(self.agent.cancelled, 1)
        self.assertIsNot(self.agent.talking, first)
        self.agent.cancelled = 0
        self.agent.ends()
        self.passes(20)
        self.assertEqual(len(self.assert_ended(call, Ending.COMPLETED)["agents"]), 2)

    def test_daemon_stops(self):
        """A daemon that stops takes the line back, when what the agent had said is heard."""
        call = self.begins()
        self.agent.says("One moment please")
        self.daemon.drain()
        self.ends_with(call, Ending.DRAINED, "Hello.", "One moment please", "Goodbye.")

    def test_unknown_agent(self):
        """A name that the check let slip is a flow's error, not a bug."""
        self.lives_in(flow({"start": [Agent("nobody")]}))
        call = self.ring()
        with capturedLogs() as logs:
            self.passes(20)
        self.assertEqual([e for e in logs if e["log_level"] is LogLevel.critical], [])
        self.assert_ended(call, Ending.FAILED)
