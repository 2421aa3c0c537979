"""Whole calls in which one flow calls another: arguments, results, errors, and a line that is lost in the middle."""

from __future__ import annotations

from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from tests.house import PERSON, House, flow, say
from voiced.call.flow import DEEPEST, OnMachine
from voiced.call.program import Colleague
from voiced.call.pronunciation import Pronunciation
from voiced.call.records import Ending
from voiced.call.steps.calling import Call, Return
from voiced.call.steps.digits import Gather, Menu
from voiced.call.steps.facts import Journal, Set
from voiced.call.steps.handover import Agent, Transfer
from voiced.call.steps.routing import Goto, Hangup
from voiced.call.steps.speech import Pause
from voiced.call.template import Template
from voiced.errors import Refused, SynthesisError
from voiced.ivoiced import Brief, IAgent, ICall, ILine, IStep, Mentions, Outcome
from voiced.testing.fakes import SpellingVoice

ASK = Menu(Template.parse("One or two?"), {"1": "yes", "2": "no"}, otherwise="no")
DESK = "+14155550111"


@implementer(IStep)
class SetLanguage:
    """Speak German from now on."""

    def mentions(self) -> Mentions:
        """The language."""
        return Mentions(sets=("call.language",))

    async def run(self, call: ICall) -> None:
        """Change it."""
        call.facts["call.language"] = "de"


@implementer(IAgent)
class AtOnce:
    """Has nothing to say."""

    notices_interruptions = True

    def converse(self, line: ILine, call: ICall, brief: Brief) -> Deferred[Outcome]:
        """See IAgent."""
        line.ready()
        return succeed(Outcome("completed"))


def back(result: str = "") -> Return:
    """A step that comes back with this."""
    return Return(Template.parse(result))


def call(name: str, result: str = "result", **arguments: str) -> Call:
    """A step that calls this flow."""
    return Call(name, {key: Template.parse(text) for key, text in arguments.items()}, result)


class WithinTests(House):
    """call, return."""

    def talks(self, *steps: IStep, **nodes: list[IStep]) -> None:
        """The daemon has a flow of these steps, and one called `sub` of these nodes."""
        self.lives_in(flow({"a": list(steps)}, "main"), flow(nodes, "sub"))

    def test_arguments_and_result(self) -> None:
        """It reads what it is given, comes back with a result, and its arguments are gone then."""
        self.talks(
            call("sub", "answer", who="{call.party}"),
            say("It was {answer}{argument.who|.}"),
            sub=[say("You are {argument.who}."), back("good, {argument.who}")],
        )
        ringing = self.ring()
        self.passes(30)
        number = "+14155550100"
        self.assert_heard(ringing, f"You are {number}.", f"It was good, {number}.")
        record = self.assert_ended(ringing, Ending.COMPLETED)
        self.assertEqual([step["verb"] for step in record["steps"]], ["call", "say", "return", "say"])
        self.assertEqual(record["steps"][0]["result"], "came back from sub")

    def test_arguments_of_arguments(self) -> None:
        """A flow that calls another has its own arguments back afterwards."""
        self.lives_in(
            flow({"a": [call("sub", who="Ann")]}, "main"),
            flow({"a": [call("deep", who="Bob"), say("{argument.who} {result|nothing}")]}, "sub"),
            flow({"a": [say("{argument.who}")]}, "deep"),
        )
        ringing = self.ring()
        self.passes(30)
        self.assert_heard(ringing, "Bob", "Ann nothing")

    def test_hangup_within(self) -> None:
        """It ends the whole call."""
        self.talks(call("sub"), say("Never."), a=[say("Bye."), Hangup("enough")])
        ringing = self.ring()
        self.passes(30)
        self.assert_heard(ringing, "Bye.")
        self.assertEqual(self.assert_ended(ringing, Ending.COMPLETED)["reason"], "enough")

    def test_stream_lost_within(self) -> None:
        """On a new stream the call goes on in the step of the inner flow that it was in, and comes back."""
        self.talks(
            say("Hello."), call("sub", "x"), say("Got {x}."), a=[say("In."), ASK], yes=[back("yes")], no=[back()]
        )
        ringing = self.ring()
        self.passes(3)
        self.carrier.drop_stream(ringing)
        self.passes(3)
        ringing.press("1")
        self.passes(30)
        self.assertEqual(self.read(ringing)[:2], ["Hello.", "In."])
        self.assertEqual(self.read(ringing)[-1], "Got yes.")
        record = self.assert_ended(ringing, Ending.COMPLETED)
        self.assertEqual(record["streams"], 2)
        self.assertEqual([step["verb"] for step in record["steps"]].count("say"), 3)

    def test_transfer_within(self) -> None:
        """A leg that nobody takes comes back to the step of the inner flow."""
        self.carrier.callee(DESK, "busy")
        self.talks(call("sub"), say("Outer."), a=[Transfer(Template.parse(DESK)), say("Inner.")])
        ringing = self.ring()
        self.passes(60)
        self.assertEqual(self.read(ringing)[-2:], ["Inner.", "Outer."])
        self.assert_ended(ringing, Ending.COMPLETED)

    def test_arguments_stay(self) -> None:
        """When the line comes back, a flow that was called has the arguments that it was called with."""
        self.carrier.callee(DESK, "busy")
        inner = [Set({"pick": Template.parse("5")}), say("In {argument.pick}."), Transfer(Template.parse(DESK))]
        inner.append(say("Still {argument.pick}."))
        start = [Set({"pick": Template.parse("1")}), call("sub", pick="{pick}"), say("Out {argument.pick|none}.")]
        self.lives_in(flow({"a": start}, "main"), flow({"a": inner}, "sub"))
        ringing = self.ring()
        self.passes(60)
        heard = self.read(ringing)
        self.assertEqual((heard[0], heard[-2], heard[-1]), ("In 1.", "Still 1.", "Out none."))

    def test_arguments_after_a_fault(self) -> None:
        """`on_error` of a flow that was called reads its own arguments, not those of a flow that it has called."""
        bad = SpellingVoice(self.clock)
        bad.fail_with = SynthesisError("it is broken")
        nodes: dict[str, list[IStep]] = {"a": [call("deep", x="INNER")], "sorry": [say("I have {argument.x}.")]}
        self.lives_in(
            flow({"a": [call("mid", x="MAIN")]}, "main"),
            flow(nodes, "mid", on_error="sorry"),
            flow({"a": [say("{argument.x}", voice="bad")]}, "deep"),
            voices={"test": self.voice, "bad": bad},
        )
        ringing = self.ring()
        self.passes(30)
        self.assert_heard(ringing, "I have MAIN.")

    def test_private(self) -> None:
        """What is made of a private fact, on the way into a flow and back, is private."""
        pin = Gather(Template.parse("PIN?"), "pin", digits=4, private=True)
        steps = [pin, call("sub", "code", pin="{pin}"), Journal(["pin", "code", "seen", "plain"])]
        inner = [Journal({"seen": "argument.pin"}), Set({"plain": Template.parse("x")}), back("{argument.pin}")]
        self.lives_in(flow({"a": steps}, "main"), flow({"a": inner}, "sub"))
        ringing = self.ring()
        self.passes(1)
        ringing.press("4711")
        self.passes(30)
        record = self.assert_ended(ringing, Ending.COMPLETED)
        hidden = dict.fromkeys(("pin", "code", "seen"), "withheld")
        self.assertEqual(record["facts"], {**hidden, "seen": "", "plain": "x"})

    def test_names(self) -> None:
        """A result and arguments have names that a flow can read."""
        for result, name in (("call.party", "x"), ("two words", "x"), ("x", "two words")):
            self.assertRaises(ValueError, call, "sub", result, **{name: "y"})
        self.lives_in(flow({"a": [say("Hi.")]}, "main"))

    def test_own_on_error(self) -> None:
        """What fails within leads to the inner flow's `on_error`; the outer one goes on."""
        bad = SpellingVoice(self.clock)
        bad.fail_with = SynthesisError("it is broken")
        inner = flow(
            {"a": [say("Broken.", voice="bad")], "sorry": [say("Sorry."), back("x")]}, "sub", on_error="sorry"
        )
        outer = flow({"a": [call("sub"), say("On with {result}.")]}, "main")
        self.lives_in(outer, inner, voices={"test": self.voice, "bad": bad})
        ringing = self.ring()
        self.passes(30)
        self.assert_heard(ringing, "Sorry.", "On with x.")
        self.assertEqual(self.assert_ended(ringing, Ending.COMPLETED)["faults"], ["it is broken"])

    def test_outer_on_error(self) -> None:
        """Where the inner flow has none, the outer flow's is taken."""
        bad = SpellingVoice(self.clock)
        bad.fail_with = SynthesisError("it is broken")
        inner = flow({"a": [say("Broken.", voice="bad")]}, "sub")
        outer = flow({"a": [call("sub"), say("Never.")], "sorry": [say("Sorry.")]}, "main", on_error="sorry")
        self.lives_in(outer, inner, voices={"test": self.voice, "bad": bad})
        ringing = self.ring()
        self.passes(30)
        self.assert_heard(ringing, "Sorry.")
        self.assert_ended(ringing, Ending.COMPLETED)

    def test_itself(self) -> None:
        """A flow that calls itself for ever is stopped."""
        self.lives_in(flow({"a": [call("main")]}, "main"))
        ringing = self.ring()
        self.passes(30)
        record = self.assert_ended(ringing, Ending.FAILED)
        self.assertEqual(record["faults"], [f"flow 'main' is the {DEEPEST}th of flows that call one another"])

    def test_nobody(self) -> None:
        """A flow that is not there is a fault of the step."""
        self.lives_in(flow({"a": [call("gone")]}, "main"))
        ringing = self.ring()
        self.passes(30)
        self.assertEqual(self.assert_ended(ringing, Ending.FAILED)["faults"], ["no flow is called 'gone'"])

    def test_late_note(self) -> None:
        """What a step has to say when it is over already, is said of no other step."""
        self.lives_in(flow({"a": [Pause(1)]}, "main"))
        ringing = self.ring()
        session = self.daemon.switchboard.find(ringing.sid)
        self.passes(0.5)
        session.note("on time")
        self.passes(30)
        session.note("too late")
        record = self.assert_ended(ringing, Ending.COMPLETED)
        self.assertEqual([step["result"] for step in record["steps"]], ["on time"])

    def test_hung_up_within(self) -> None:
        """A caller who hangs up there ends all of it."""
        self.talks(call("sub"), say("Never."), a=[Pause(60)])
        ringing = self.ring()
        self.passes(3)
        ringing.hang_up()
        self.passes(1)
        record = self.assert_ended(ringing, Ending.CALLER_HUNG_UP)
        self.assertEqual([step["result"] for step in record["steps"]], ["cut off", "cut off"])

    def test_machine_within(self) -> None:
        """An answering machine takes the call out of the inner flow: the message is the outer one's node."""
        outer = flow(
            {"a": [call("sub"), say("Never.")], "message": [say("Call us back.")]},
            "main",
            on_machine=OnMachine.LEAVE_MESSAGE,
            message="message",
        )
        self.lives_in(
            outer, flow({"a": [say("Hello, this is a rather long greeting to you all."), Pause(60)]}, "sub")
        )
        self.carrier.person(PERSON, answered_by="machine")
        ringing = self.calls_out(flow="main")
        self.passes(90)
        self.assertEqual(self.read(ringing)[-1], "Call us back.")
        self.assert_ended(ringing, Ending.MACHINE)

    def test_idle_circle(self) -> None:
        """A circle that talks and that no caller is in ends after 100 steps, in `on_error`."""
        outer = flow({"a": [say("x"), Goto("a")], "sorry": [say("Enough.")]}, "main", on_error="sorry")
        self.lives_in(outer)
        ringing = self.ring()
        self.passes(120)
        self.assertEqual(len(self.read(ringing)), 51)
        self.assertEqual(self.read(ringing)[-1], "Enough.")
        record = self.assert_ended(ringing, Ending.COMPLETED)
        self.assertEqual(record["faults"], ["flow 'main' runs in a circle at node 'a' without a caller"])

    def test_agents_that_do_not_talk(self) -> None:
        """A circle of agents who are refused, or end at once, is one that no caller is in."""
        for refusals, nodes in (({"converse": Refused("agent_minutes_per_day", "no more")}, 0), ({}, 1)):
            self.guard.refusals = refusals
            agent = Agent("desk", fallback=Template.parse(""))
            self.lives_in(flow({"a": [agent, Goto("a")]}, "main"), agents={"desk": Colleague(AtOnce())})
            ringing = self.ring()
            self.passes(30)
            record = self.assert_ended(ringing, Ending.FAILED)
            self.assertEqual((len(record["steps"]), len(record["agents"]) > 0), (100, bool(nodes)))


class LanguageTests(House):
    """Languages, voices, constants and what is said for words."""

    def test_languages(self) -> None:
        """What is said is in the language of the call, by the voice of that language."""
        german = SpellingVoice(self.clock, pause=0.1)
        text = Template.worded({"en": Template.parse("Hello."), "de": Template.parse("Hallo.")})
        step = type(say("x"))
        steps: list[IStep] = [step(text), step(text, language="de"), SetLanguage(), step(text), say("SQL")]
        spoken = Pronunciation({"SQL": "sequel"})
        main = flow({"a": steps}, "main", voices={"en": "test", "de": "anna"}, pronunciation=spoken)
        self.lives_in(main, voices={"test": self.voice, "anna": german})
        ringing = self.ring()
        self.passes(30)
        self.assert_heard(ringing, "Hello.", "Hallo.", "Hallo.", "sequel")
        self.assertEqual((self.voice.spoken, german.spoken), (["Hello."], ["Hallo.", "Hallo.", "sequel"]))

    def test_constants(self) -> None:
        """They are facts of every call in their flow, and of the flows that it calls where those have none."""
        inner = flow({"a": [say("{shop} {street}")]}, "sub", constants={"shop": "Other"})
        steps = [call("sub"), say("{shop} {street}")]
        self.lives_in(flow({"a": steps}, "main", constants={"shop": "Luigi's", "street": "High Street"}), inner)
        ringing = self.ring()
        self.passes(30)
        self.assert_heard(ringing, "Other High Street", "Luigi's High Street")

    def test_max_seconds(self) -> None:
        """A flow may say how long a call lasts at most."""
        self.lives_in(flow({"a": [say("Hello."), Pause(600)]}, "main", max_seconds=60))
        ringing = self.ring()
        self.passes(61)
        self.assert_heard(ringing, "Hello.", "Goodbye.")
        self.assert_ended(ringing, Ending.TIMEOUT)

    def test_on_silence(self) -> None:
        """A menu that nobody answers leads there; one that was answered wrongly does not."""
        menu = Menu(Template.parse("One?"), {"1": "a"}, retries=0)
        nodes: dict[str, list[IStep]] = {"a": [menu, say("Wrong.")], "quiet": [say("Still there?")]}
        self.lives_in(flow(nodes, "main", on_silence="quiet"))
        silent, wrong = self.ring(), self.ring()
        self.passes(2)
        wrong.press("5")
        self.passes(30)
        self.assert_heard(silent, "One?", "Still there?")
        self.assertEqual(self.read(wrong)[-1], "Wrong.")
