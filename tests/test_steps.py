"""What each step does to a call."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from voiced.call.privacy import Privacy
from voiced.call.steps.digits import Menu
from voiced.call.steps.handover import UNANSWERED, Agent, Transfer
from voiced.call.steps.lookup import Lookup
from voiced.call.steps.routing import Choose, Goto, Hangup
from voiced.call.steps.speech import Pause, Play, Say
from voiced.call.template import Template
from voiced.errors import AgentError, LookupFailed, Refused
from voiced.ivoiced import END, AgentLimits, Dial, Dialled, End, HangUp, IStep, Mentions, Outcome, Prompt
from voiced.testing.fake_call import FakeCall, Said

PROMPT, WRONG = Template.parse("Press one."), Template.parse("Not {menu.key|that}.")


def start(step: IStep, call: FakeCall) -> Deferred[Any]:
    """The step, running."""
    return Deferred.fromCoroutine(step.run(call))


def text(words: str) -> Template:
    """A text of a flow."""
    return Template.parse(words)


def menu(**settings: Any) -> Menu:
    """A menu with two choices."""
    return Menu(PROMPT, {"1": "sales", "2": "hours"}, **settings)


class SpeechTests(SynchronousTestCase):
    """say, play and pause."""

    def test_say_fills_the_facts(self) -> None:
        """The text is spoken with what is known of the caller, in the voice that is named."""
        call = FakeCall()
        call.facts["party.name"] = "Ann"
        self.assertIsNone(self.successResultOf(start(Say(Template.parse("Hi {party.name}"), "rachel", False), call)))
        self.assertEqual(call.said, [Said("Hi Ann", "rachel", False)])

    def test_say_waits_until_it_is_heard(self) -> None:
        """The next step begins when the caller has heard this one."""
        call = FakeCall(pace=2.0)
        running = start(Say(PROMPT), call)
        call.clock.advance(1.9)
        self.assertNoResult(running)
        call.clock.advance(0.1)
        self.successResultOf(running)

    def test_say_mentions(self) -> None:
        """Its voice, its text and the facts it reads are known before any call."""
        said = Template.parse("Hi {party.name}")
        expected = Mentions(voices=("rachel",), prompts=(Prompt(said, "rachel"),), reads=("party.name",))
        self.assertEqual(Say(said, "rachel").mentions(), expected)
        self.assertEqual(Say(PROMPT).mentions(), Mentions(prompts=(Prompt(PROMPT),)))

    def test_play(self) -> None:
        """The file's audio is played."""
        call = FakeCall(sounds={"gong.wav": b"gong"})
        self.successResultOf(start(Play("gong.wav"), call))
        self.assertEqual(call.played, [b"gong"])
        self.assertEqual(Play("gong.wav").mentions(), Mentions(files=("gong.wav",)))

    def test_pause(self) -> None:
        """Nothing is said for as long as it takes."""
        call = FakeCall()
        running = start(Pause(1.5), call)
        call.clock.advance(1.4)
        self.assertNoResult(running)
        call.clock.advance(0.1)
        self.assertIsNone(self.successResultOf(running))
        self.assertEqual(Pause(1.5).mentions(), Mentions())


class MenuTests(SynchronousTestCase):
    """menu."""

    def test_a_key_after_the_prompt(self) -> None:
        """The prompt is heard, then the key decides, and is kept as a fact."""
        call = FakeCall()
        running = start(menu(), call)
        call.press("2")
        self.assertEqual(self.successResultOf(running), "hours")
        self.assertEqual((call.facts["menu.key"], call.notes), ("2", ["key 2"]))
        self.assertEqual(call.said, [Said("Press one.")])

    def test_a_key_that_waits_skips_the_prompt(self) -> None:
        """Who knows the menu types ahead."""
        call = FakeCall()
        call.press("1")
        self.assertEqual(self.successResultOf(start(menu(), call)), "sales")
        self.assertEqual(call.said, [])

    def test_a_prompt_that_must_be_heard(self) -> None:
        """`interruptible: false` is said even to who types ahead; the key counts afterwards."""
        call = FakeCall()
        call.press("1")
        self.assertEqual(self.successResultOf(start(menu(interruptible=False), call)), "sales")
        self.assertEqual(call.said, [Said("Press one.", None, False)])

    def test_a_key_cuts_the_prompt(self) -> None:
        """A key in the middle of the prompt is the answer to it."""
        call = FakeCall(pace=10.0)
        running = start(menu(), call)
        call.press("1")
        self.assertEqual(self.successResultOf(running), "sales")

    def test_the_time_begins_after_the_prompt(self) -> None:
        """While the prompt is heard, the time to answer does not run."""
        call = FakeCall(pace=10.0)
        running = start(menu(timeout=3, retries=0, otherwise="goodbye"), call)
        call.clock.advance(10.0)
        call.clock.advance(2.9)
        self.assertNoResult(running)
        call.clock.advance(0.1)
        self.assertEqual(self.successResultOf(running), "goodbye")

    def test_asks_again(self) -> None:
        """Without a key it asks as often as `retries` says, then goes to `otherwise`."""
        call = FakeCall()
        running = start(menu(retries=1, otherwise="goodbye"), call)
        call.clock.advance(6)
        self.assertNoResult(running)
        call.clock.advance(6)
        self.assertEqual(self.successResultOf(running), "goodbye")
        self.assertEqual(call.said, [Said("Press one.")] * 2)
        self.assertEqual((call.facts["menu.key"], call.notes), ("", ["no key", "no key"]))

    def test_goes_on_without_otherwise(self) -> None:
        """Where no node is named for it, the next step follows."""
        call = FakeCall()
        running = start(menu(retries=0), call)
        call.clock.advance(6)
        self.assertIsNone(self.successResultOf(running))

    def test_a_wrong_key(self) -> None:
        """A key that is no choice is answered, counts as a try, and the prompt comes again."""
        call = FakeCall()
        running = start(menu(retries=1, invalid=WRONG, voice="rachel", otherwise="goodbye"), call)
        call.press("7")
        call.press("*")
        self.assertEqual(self.successResultOf(running), "goodbye")
        self.assertEqual([said.text for said in call.said], ["Press one.", "Not that."] * 2)
        self.assertEqual({said.voice for said in call.said}, {"rachel"})

    def test_a_wrong_key_without_an_answer_to_it(self) -> None:
        """Without `invalid` the prompt comes again at once."""
        call = FakeCall()
        call.press("7")
        running = start(menu(), call)
        call.press("1")
        self.assertEqual(self.successResultOf(running), "sales")
        self.assertEqual((call.said, call.notes), ([Said("Press one.")], ["key 7", "key 1"]))

    def test_nothing_to_say(self) -> None:
        """An empty prompt, and an empty `invalid`, are not spoken: what was said before has asked."""
        call, silent = FakeCall(), Template.parse("")
        running = start(Menu(silent, {"1": "sales"}, invalid=silent), call)
        call.press("7")
        call.press("1")
        self.assertEqual((self.successResultOf(running), call.said), ("sales", []))

    def test_forgets_the_key_of_the_menu_before(self) -> None:
        """A key chosen earlier is not taken for this menu's."""
        call = FakeCall()
        call.facts["menu.key"] = "9"
        start(menu(), call)
        self.assertEqual(call.facts["menu.key"], "")

    def test_strict_privacy(self) -> None:
        """The record says that a key was pressed, and not which."""
        call = FakeCall(privacy=Privacy.STRICT)
        call.press("1")
        start(menu(), call)
        self.assertEqual(call.notes, ["key •"])

    def test_mentions(self) -> None:
        """Its nodes, texts and facts are known before any call."""
        mentions = menu(invalid=WRONG, otherwise="goodbye", voice="rachel").mentions()
        self.assertEqual(mentions.nodes, ("sales", "hours", "goodbye"))
        self.assertEqual(mentions.prompts, (Prompt(PROMPT, "rachel"), Prompt(WRONG, "rachel")))
        self.assertEqual((mentions.voices, mentions.sets), (("rachel",), ("menu.key",)))
        self.assertEqual(menu().mentions().reads, ())


class RoutingTests(SynchronousTestCase):
    """goto, hangup and lookup."""

    def test_goto(self) -> None:
        """The flow goes on at the node."""
        self.assertEqual(self.successResultOf(start(Goto("sales"), FakeCall())), "sales")

    def test_hangup(self) -> None:
        """The flow ends."""
        self.assertIs(self.successResultOf(start(Hangup(), FakeCall())), END)

    def test_lookup(self) -> None:
        """What the lookup knows is known to the flow."""
        call = FakeCall(lookups={"crm": {"name": "Ann"}})
        self.assertIsNone(self.successResultOf(start(Lookup("crm"), call)))
        self.assertEqual((call.facts["party.name"], call.notes), ("Ann", ["known"]))

    def test_lookup_of_a_stranger(self) -> None:
        """Nobody known is no trouble."""
        call = FakeCall(lookups={"crm": {}})
        self.successResultOf(start(Lookup("crm"), call))
        self.assertEqual(call.notes, ["not known"])

    def test_lookup_fails(self) -> None:
        """The flow goes on without it; the log says why."""
        call = FakeCall(lookups={"crm": LookupFailed("the CRM is down")})
        with capturedLogs() as logs:
            self.assertIsNone(self.successResultOf(start(Lookup("crm"), call)))
        self.assertEqual([event["error"] for event in logs], ["the CRM is down"])
        self.assertEqual(call.notes, ["no answer"])

    def test_slow_lookup(self) -> None:
        """After its time it is cancelled, and the flow goes on without it."""
        cancelled: list[object] = []
        call = FakeCall(lookups={"crm": Deferred(cancelled.append)})
        running = start(Lookup("crm", timeout=2), call)
        call.clock.advance(1.9)
        self.assertNoResult(running)
        call.clock.advance(0.1)
        self.assertIsNone(self.successResultOf(running))
        self.assertEqual((len(cancelled), call.notes), (1, ["no answer within 2 s"]))


class AgentTests(SynchronousTestCase):
    """agent."""

    def test_leaves_its_outcome(self) -> None:
        """How the conversation ended, and what the agent found out, is known to the flow."""
        call = FakeCall(agents={"sales": Outcome("handover", {"topic": "price", "outcome": "odd"})})
        self.assertIsNone(self.successResultOf(start(Agent("sales"), call)))
        self.assertEqual((call.facts["agent.outcome"], call.facts["agent.topic"]), ("handover", "price"))
        self.assertEqual(call.notes, ["handover"])

    def test_fails(self) -> None:
        """For an agent that cannot take the line the fallback is spoken, and the flow goes on."""
        call = FakeCall(agents={"sales": AgentError("quota")})
        with capturedLogs() as logs:
            self.assertIsNone(self.successResultOf(start(Agent("sales", fallback=text("Nobody.")), call)))
        self.assertEqual([said.text for said in call.said], ["Nobody."])
        self.assertEqual((call.facts["agent.outcome"], call.facts["agent.error"]), ("failed", "quota"))
        self.assertEqual([event["error"] for event in logs], ["quota"])

    def test_says_something_by_itself(self) -> None:
        """Without a fallback of the flow's there is one all the same; an empty one is not spoken."""
        for settings, said in (({}, 1), ({"fallback": text("")}, 0)):
            call = FakeCall(agents={"sales": AgentError("quota")})
            self.successResultOf(start(Agent("sales", **settings), call))
            self.assertEqual(len(call.said), said)

    def test_forgets_the_last_one(self) -> None:
        """The facts of a conversation before are gone when one begins."""
        call = FakeCall()
        call.facts["agent.topic"] = "price"
        self.successResultOf(start(Agent("sales"), call))
        self.assertNotIn("agent.topic", call.facts)

    def test_brief(self) -> None:
        """What the step says of the conversation is filled in; what it does not say is None."""
        call = FakeCall()
        step = Agent("sales", prompt=text("Sell to {call.caller}."), variables={"a": text("b")}, language="en")
        self.successResultOf(start(step, call))
        brief, limits = call.briefs[0]
        self.assertEqual((brief.prompt, brief.variables), ("Sell to +14155550100.", {"a": "b"}))
        self.assertEqual((brief.language, brief.first_message, brief.voice), ("en", None, None))
        self.assertEqual(limits, AgentLimits(None, 10.0, None))

    def test_silence(self) -> None:
        """A caller who has said nothing to the agent is taken to the flow's `on_silence`, where it has one."""
        for outcome, on_silence, node in [
            ("caller_silent", "hello", "hello"),
            ("caller_silent", None, None),
            ("completed", "hello", None),
        ]:
            call = FakeCall(agents={"sales": Outcome(outcome)}, on_silence=on_silence)
            self.assertEqual(self.successResultOf(start(Agent("sales"), call)), node)

    def test_ends_the_flow(self) -> None:
        """An agent that hangs up, or transfers the caller, ends the flow; one without a number does not."""
        for outcome, end, sequel in [
            (Outcome("hung_up"), End.BY_AGENT, HangUp()),
            (Outcome("transferred", {"number": "+14155550100"}), End.TRANSFERRED, Dial("+14155550100")),
            (Outcome("transferred"), None, HangUp()),
        ]:
            call = FakeCall(agents={"sales": outcome})
            self.assertIs(self.successResultOf(start(Agent("sales"), call)), end)
            self.assertEqual(call.sequel, sequel)

    def test_mentions(self) -> None:
        """The agent is known before any call, its fallback is rendered, and what it reads is there."""
        step = Agent("sales", fallback=text("Sorry, {party.name}."), prompt=text("{call.sid}"))
        mentions = step.mentions()
        self.assertEqual(
            (mentions.agents, mentions.prompts), (("sales",), (Prompt(step.fallback), Prompt(UNANSWERED)))
        )
        self.assertEqual(mentions.reads, ("party.name", "call.sid"))
        self.assertIn("agent.outcome", mentions.sets)
        self.assertEqual(Agent("sales", fallback=text("")).mentions().prompts, (Prompt(UNANSWERED),))


class ChooseTests(SynchronousTestCase):
    """choose."""

    step = Choose("agent.outcome", {"failed": "sorry", "": "nothing"}, "else")

    def test_goes_to_the_case(self) -> None:
        """What a fact says leads to its node; what no case names, to `otherwise`; a missing fact is empty."""
        for facts, node in [
            ({"agent.outcome": "failed"}, "sorry"),
            ({"agent.outcome": "odd"}, "else"),
            ({}, "nothing"),
        ]:
            call = FakeCall()
            call.facts.update(facts)
            self.assertEqual(self.successResultOf(start(self.step, call)), node)

    def test_goes_on(self) -> None:
        """Without `otherwise` the next step follows."""
        self.assertIsNone(self.successResultOf(start(Choose("a.b", {"x": "y"}), FakeCall())))

    def test_mentions(self) -> None:
        """All its nodes, and its fact."""
        expected = Mentions(nodes=("sorry", "nothing", "else"), reads=("agent.outcome",), goes_on=False)
        self.assertEqual(self.step.mentions(), expected)
        self.assertEqual(Choose("a.b", {"x": "y"}).mentions().nodes, ("y",))


class TransferTests(SynchronousTestCase):
    """transfer."""

    def test_leaves(self) -> None:
        """The carrier connects the human, and the flow is over; whom a flow names is known before any call."""
        call = FakeCall()
        step = Transfer(text("+1 (415) 555-0100"), timeout=20, seconds=60, caller_id="+1 415 555 0123")
        self.assertIs(self.successResultOf(start(step, call)), End.TRANSFERRED)
        self.assertEqual(call.sequel, Dial("+14155550100", "+14155550123", 20, 60))
        self.assertEqual(step.mentions().targets, ("+14155550100",))

    def test_sip(self) -> None:
        """A SIP address will do."""
        call = FakeCall()
        self.successResultOf(start(Transfer(text("sip:desk@example.com;transport=tcp")), call))
        self.assertEqual(call.sequel, Dial("sip:desk@example.com;transport=tcp"))

    def test_fact(self) -> None:
        """Whom to connect may be a fact; nobody has named that one, and one that is no number is not dialled."""
        step = Transfer(text("{party.owner}"))
        call = FakeCall()
        call.facts["party.owner"] = "+14155550100"
        self.assertIs(self.successResultOf(start(step, call)), End.TRANSFERRED)
        self.assertEqual((call.sequel, step.mentions().targets), (Dial("+14155550100"), ()))
        stranger = FakeCall()
        stranger.facts["party.owner"] = "Ann"
        self.assertIsNone(self.successResultOf(start(step, stranger)))
        self.assertEqual((stranger.facts["transfer.result"], stranger.sequel), ("failed", HangUp()))

    def test_comes_back(self) -> None:
        """Where nobody is there, the human is told so, and the flow goes on, knowing why."""
        for fallback, said in (("Nobody is in.", ["Nobody is in."]), ("", [])):
            call = FakeCall(dialled=Dialled("busy"))
            self.assertIsNone(
                self.successResultOf(start(Transfer(text("+14155550100"), fallback=text(fallback)), call))
            )
            self.assertEqual([each.text for each in call.said], said)
            self.assertEqual((call.facts["transfer.result"], call.sequel), ("busy", HangUp()))

    def test_refused(self) -> None:
        """Where a rule forbids it, nobody is dialled, and the flow goes on."""
        call = FakeCall(forbids=Refused("spend", "enough for today"))
        self.assertIsNone(self.successResultOf(start(Transfer(text("+14155550100")), call)))
        self.assertEqual((call.facts["transfer.result"], call.notes), ("refused", ["refused: spend"]))

    def test_numbers(self) -> None:
        """What is no number and no SIP address is refused when the flow is loaded, and so is a wrong caller id."""
        for number in (
            "4155550100",
            "+0",
            "sales",
            "+1415555010012345",
            "",
            "sip:",
            "sip:a b@c",
            'sip:"@x',
            "tel:+1",
        ):
            self.assertRaises(ValueError, Transfer, text(number))
        self.assertRaises(ValueError, Transfer, text("+14155550100"), caller_id="Acme")


class BargeInTests(SynchronousTestCase):
    """say, while the caller may speak."""

    def test_by_speech(self) -> None:
        """Words of the caller may cut it, where it says so; such a flow needs ears."""
        call = FakeCall()
        step = Say(text("Hello."), barge_in="speech")
        self.successResultOf(start(step, call))
        self.assertTrue(call.said[0].by_speech)
        self.assertTrue(step.mentions().hears)

    def test_contradiction(self) -> None:
        """A text that nobody may cut cannot be cut by words."""
        self.assertRaises(ValueError, Say, text("Hello."), interruptible=False, barge_in="speech")
