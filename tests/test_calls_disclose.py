"""Whole calls in which an agent speaks only after the caller was told that it is one, and has heard it."""

from twisted.internet.defer import fail

from tests.agents import ScriptedAgent
from tests.house import PERSON, House, flow, say
from voiced.call.flow import OnMachine
from voiced.call.privacy import Privacy
from voiced.call.program import Colleague
from voiced.call.records import Ending
from voiced.call.steps.calling import Call
from voiced.call.steps.digits import Menu
from voiced.call.steps.handover import Agent
from voiced.call.steps.routing import Choose
from voiced.call.template import Template
from voiced.errors import Refused, SynthesisError
from voiced.testing.fakes import SpellingVoice, spell

TOLD = Template.parse("You speak with an AI.")
FALLBACK = Template.parse("Nobody is here.")
WORDED = Template.worded({"en": TOLD, "de": Template.parse("Hier spricht eine KI.")})
AGENT = Agent("helper", fallback=FALLBACK)


class Failing:
    """A voice that speaks but for these texts; it has sent a bit of them by then."""

    def __init__(self, voice, *texts):
        self.voice, self.texts = voice, texts

    def synthesize(self, utterance, deliver):
        """See ITTSEngine."""
        if utterance.text in self.texts:
            deliver(spell("Yo"))
            return fail(SynthesisError("the quota is used up"))
        return self.voice.synthesize(utterance, deliver)


class Disclosing(House):
    """A caller, a scripted agent, and a flow that discloses."""

    def moved_in(self, *flows, **settings):
        """The house is lived in, and there is an agent."""
        self.agent = ScriptedAgent(self.clock)
        self.lives_in(*flows, agents={"helper": Colleague(self.agent)}, **settings)

    def begins(self, *flows, **settings):
        """A caller rings such a flow; unless told, it says hello first."""
        flows = flows or (flow({"start": [say("Hello."), AGENT, say("Bye.")]}, disclose=TOLD),)
        self.moved_in(*flows, **settings)
        return self.ring()

    def ended(self, call, ending=Ending.COMPLETED):
        """The record of the call, which has ended so."""
        self.passes(40)
        return self.assert_ended(call, ending)

    def told(self, record):
        """What the record says of each disclosure: language, text, and whether all of it was heard."""
        return [(told["language"], told["text"], told["heard"]) for told in record["disclosures"]]


class HeardTests(Disclosing):
    def test_before_the_agent(self):
        """It is spoken before the agent gets the line; the record has the words, the time, and that it was heard."""
        call = self.begins()
        self.passes(1.5)
        self.assertIsNone(self.agent.line)
        self.passes(1.5)
        self.agent.says("Hi.")
        self.agent.ends()
        record = self.ended(call)
        self.assert_heard(call, "Hello.", "You speak with an AI.", "Hi.", "Bye.")
        self.assertEqual(self.told(record), [("en", "You speak with an AI.", True)])
        told = record["disclosures"][0]
        self.assertGreater(told["seconds"], len(spell("You speak with an AI.")) / 8000)
        self.assertEqual(told["time"][:19], "2023-11-14T22:13:20")

    def test_uninterruptible(self):
        """Keys do not cut it; they wait for the next menu, as always."""
        menu = Menu(Template.parse("Press."), {"4": "four"})
        call = self.begins(flow({"start": [AGENT, menu], "four": [say("Four.")]}, disclose=TOLD))
        call.press("4")
        self.passes(3)
        self.agent.ends()
        self.assertTrue(self.ended(call)["disclosures"][0]["heard"])
        self.assert_heard(call, "You speak with an AI.", "Four.")

    def test_once(self):
        """The second agent of a call needs no second one."""
        call = self.begins(flow({"start": [AGENT, AGENT]}, disclose=TOLD))
        for _ in range(2):
            self.passes(3)
            self.agent.ends()
        self.assertEqual(len(self.ended(call)["disclosures"]), 1)
        self.assert_heard(call, "You speak with an AI.")

    def test_language(self):
        """It is worded in the language of the call, and spoken by the flow's voice for it."""
        german = SpellingVoice(self.clock, pause=0.5)
        voices = {"test": self.voice, "anna": german}
        speaks = flow({"start": [AGENT]}, disclose=WORDED, language="de", voices={"de": "anna"})
        call = self.begins(speaks, voices=voices)
        self.passes(3)
        self.agent.ends()
        self.assertEqual(self.told(self.ended(call)), [("de", "Hier spricht eine KI.", True)])
        self.assertEqual(german.spoken, ["Hier spricht eine KI."])

    def test_facts(self):
        """The caller hears the facts in it; the record has its source only."""
        text = Template.parse("An AI speaks with {call.caller}.")
        call = self.begins(flow({"start": [AGENT]}, disclose=text), privacy=Privacy.OPEN)
        self.passes(5)
        self.agent.ends()
        self.assertEqual(self.told(self.ended(call)), [("en", "An AI speaks with {call.caller}.", True)])
        self.assert_heard(call, "An AI speaks with +14155550100.")

    def test_of_the_first_flow(self):
        """A flow that is called and has none uses the one of the flow that the call began with."""
        outer, inner = flow({"start": [Call("inner")]}, disclose=TOLD), flow({"start": [AGENT]}, "inner")
        call = self.begins(outer, inner)
        self.passes(3)
        self.agent.ends()
        self.ended(call)
        self.assert_heard(call, "You speak with an AI.")

    def test_of_its_own(self):
        """A flow that is called and has one uses it."""
        own = Template.parse("An AI.")
        outer, inner = (
            flow({"start": [Call("inner")]}, disclose=TOLD),
            flow({"start": [AGENT]}, "inner", disclose=own),
        )
        call = self.begins(outer, inner)
        self.passes(3)
        self.agent.ends()
        self.ended(call)
        self.assert_heard(call, "An AI.")

    def test_called_by_us(self):
        """It is the same on a call that we place."""
        self.moved_in(flow({"start": [AGENT]}, disclose=TOLD))
        call = self.calls_out(flow="test")
        self.passes(8)
        self.agent.ends()
        self.assertEqual(self.told(self.ended(call)), [("en", "You speak with an AI.", True)])

    def test_shown(self):
        """An API client sees it while the call lives, and afterwards."""
        call = self.begins()
        self.passes(1)
        live = self.asks("GET", f"/calls/{call.sid}")
        self.passes(2)
        _, shown = self.successResultOf(live)
        self.assertEqual([told["heard"] for told in shown["disclosures"]], [False])
        self.agent.ends()
        self.ended(call)
        kept = self.asks("GET", f"/calls/{call.sid}")
        self.passes(0)
        _, shown = self.successResultOf(kept)
        self.assertEqual([told["heard"] for told in shown["disclosures"]], [True])


class NotHeardTests(Disclosing):
    def test_stream_lost(self):
        """Where the line is lost in the middle of it, it is spoken again before the agent is let."""
        call = self.begins()
        self.passes(1.5)
        self.carrier.drop_stream(call)
        self.passes(1)
        self.assertIsNone(self.agent.line)
        self.passes(3)
        self.agent.ends()
        record = self.ended(call)
        self.assertEqual([told["heard"] for told in record["disclosures"]], [False, True])
        self.assertTrue(0 < record["disclosures"][0]["seconds"] < record["disclosures"][1]["seconds"])

    def test_hangs_up(self):
        """A caller who hangs up in the middle of it has not heard it, and the agent never comes."""
        call = self.begins()
        self.passes(1.5)
        call.hang_up()
        record = self.ended(call, Ending.CALLER_HUNG_UP)
        self.assertEqual(self.told(record), [("en", "You speak with an AI.", False)])
        self.assertIsNone(self.agent.line)

    def test_heard_while_we_stop(self):
        """A daemon that stops lets it be heard to its end, and the record says that it was."""
        call = self.begins()
        self.passes(1.5)
        self.daemon.drain()
        self.assertEqual(self.told(self.ended(call, Ending.DRAINED)), [("en", "You speak with an AI.", True)])

    def test_voice_fails(self):
        """Where the voice cannot say it, no agent talks: the fallback is spoken, and the outcome is `failed`."""
        steps = [AGENT, Choose("agent.outcome", {"failed": "failed"}, "other")]
        disclosing = flow({"start": steps, "failed": [say("Failed.")], "other": []}, disclose=TOLD)
        call = self.begins(disclosing, voices={"test": Failing(self.voice, TOLD.source)})
        record = self.ended(call)
        self.assertIn("Failed.", self.read(call)[-1])
        self.assertEqual(self.told(record), [("en", "You speak with an AI.", False)])
        self.assertIn("could not be told that an AI speaks: the quota is used up", record["steps"][0]["result"])
        self.assertIsNone(self.agent.line)

    def test_agent_is_refused(self):
        """An agent that may not talk today is not announced."""
        self.guard.refusals["converse"] = Refused("agent_minutes_per_day", "no more", say="Not today.")
        call = self.begins()
        self.assertEqual(self.ended(call)["disclosures"], [])
        self.assert_heard(call, "Hello.", "Not today.", "Bye.")

    def test_cut(self):
        """Whatever cuts it: no agent talks to somebody who has not heard it."""
        call = self.begins()
        self.passes(1.5)
        self.daemon.switchboard.find(call.sid).interrupt()
        record = self.ended(call)
        self.assertIn("Nobody is here.", self.read(call)[-2])
        self.assertIn("has not heard to its end", record["steps"][1]["result"])

    def test_machine(self):
        """An answering machine that is found out in the middle of it gets its message, and no fallback before."""
        nodes = {"start": [AGENT], "message": [say("Call us back.")]}
        self.moved_in(
            flow(
                nodes,
                disclose=Template.parse("An AI speaks. " * 9),
                on_machine=OnMachine.LEAVE_MESSAGE,
                message="message",
            )
        )
        self.carrier.person(PERSON, answered_by="machine", greeting=3.0, detected=0.5)
        call = self.calls_out(flow="test")
        record = self.ended(call, Ending.MACHINE)
        self.assertTrue(self.read(call)[-1].endswith("Call us back."))
        self.assertNotIn("Nobody", "".join(self.read(call)))
        self.assertEqual([told["heard"] for told in record["disclosures"]], [False])
