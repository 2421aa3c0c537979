"""The steps set and journal: what a flow knows, and what it writes down."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from tests.house import House, flow, say
from voiced.call.privacy import Privacy
from voiced.call.records import Ending
from voiced.call.steps.digits import Gather
from voiced.call.steps.facts import Journal, Set
from voiced.call.template import Template
from voiced.ivoiced import IStep, Mentions
from voiced.testing.contracts import StepContract
from voiced.testing.fake_call import FakeCall


def run(step: IStep, call: FakeCall) -> Any:
    """What the step answers."""
    answers: list[Any] = []
    Deferred.fromCoroutine(step.run(call)).addCallback(answers.append)
    return answers[0]


def setting(**facts: str) -> Set:
    """A step that sets these; `__` in a name is a dot."""
    return Set({name.replace("__", "."): Template.parse(text) for name, text in facts.items()})


class SetContract(StepContract, SynchronousTestCase):
    """set."""

    def make_step(self) -> Set:
        """Two facts, and the language."""
        return setting(name="{party.first} {party.last}", greeting="Hello {name}", call__language="de")


class JournalContract(StepContract, SynchronousTestCase):
    """journal."""

    def make_step(self) -> Journal:
        """Under another name."""
        return Journal({"order": "order.number"})


class SetTests(SynchronousTestCase):
    """set."""

    def test_one_after_the_other(self) -> None:
        """Each may read the one before; what is not known is empty."""
        call = FakeCall()
        call.facts["party.first"] = "Ann"
        self.assertIsNone(run(setting(name="{party.first}{party.last}", greeting="Hello {name}"), call))
        self.assertEqual((call.facts["name"], call.facts["greeting"]), ("Ann", "Hello Ann"))
        self.assertEqual(call.notes, ["name, greeting"])

    def test_language(self) -> None:
        """What is no language changes nothing, and the log says so."""
        call = FakeCall()
        for tag, language, told in [("pt-BR", "pt-BR", 0), ("Klingon", "pt-BR", 1), ("", "pt-BR", 1)]:
            call.facts["party.language"] = tag
            with capturedLogs() as logs:
                run(setting(call__language="{party.language}"), call)
            self.assertEqual((call.facts["call.language"], len(logs)), (language, told))

    def test_private(self) -> None:
        """What is made of a private fact is private."""
        call = FakeCall()
        call.facts["pin"] = "1234"
        call.private.add("pin")
        run(setting(shown="Your PIN is {pin}", plain="x"), call)
        self.assertEqual(call.private, {"pin", "shown"})

    def test_mentions(self) -> None:
        """What it needs from before, and what it sets."""
        mentions = setting(a="{x} {y|none}", b="{a}").mentions()
        self.assertEqual(mentions, Mentions(reads=("x",), sets=("a", "b")))

    def test_names(self) -> None:
        """What is no name, what the call itself says, and what is no language, are refused."""
        for name, text in [("a b", "x"), ("call.caller", "x"), ("call", "x"), ("call.language", "xx-yy-zz")]:
            self.assertRaises(ValueError, Set, {name: Template.parse(text)})


class JournalTests(SynchronousTestCase):
    """journal."""

    def test_list(self) -> None:
        """Facts under their own names; what is not known is written as nothing."""
        call = FakeCall()
        call.facts |= {"rating": "5", "who": "I am +14155550100."}
        run(Journal(["rating", "who", "nothing"]), call)
        masked = Privacy.MASKED.party("+14155550100")
        self.assertEqual(call.written, {"rating": "5", "who": f"I am {masked}.", "nothing": ""})
        self.assertEqual(call.notes, ["rating, who, nothing"])

    def test_private(self) -> None:
        """A private fact is withheld, also under another name."""
        call = FakeCall()
        call.facts["pin"] = "1234"
        call.private.add("pin")
        run(Journal({"secret": "pin"}), call)
        self.assertEqual(call.written, {"secret": "withheld"})

    def test_mentions(self) -> None:
        """What it reads."""
        self.assertEqual(Journal({"a": "x.y", "b": "x.y"}).mentions(), Mentions(reads=("x.y",)))

    def test_names(self) -> None:
        """What is no name is refused."""
        for facts in (["a b"], {"a": ""}, {"1": "a"}):
            self.assertRaises(ValueError, Journal, facts)


class FactCalls(House):
    """Whole calls."""

    def test_language(self) -> None:
        """From `set` on the call is in that language."""
        text = Template.worded({"en": Template.parse("Good morning."), "de": Template.parse("Guten Morgen.")})
        greeting = type(say("x"))(text)
        self.lives_in(flow({"start": [greeting, setting(call__language="de"), greeting]}))
        call = self.ring()
        self.passes(5)
        self.assert_heard(call, "Good morning.", "Guten Morgen.")
        self.assert_ended(call, Ending.COMPLETED)

    def test_written_after_the_hang_up(self) -> None:
        """`on_hangup` may write down what is known by then; nothing of what is private is anywhere in the record."""
        pin = Gather(Template.parse("PIN."), "pin", digits=4, private=True)
        nodes = {"start": [pin, setting(rating="5"), say("Thanks." * 5)], "gone": [Journal(["rating", "pin"])]}
        self.lives_in(flow(nodes, on_hangup="gone"))
        call = self.ring()
        self.passes(1)
        call.press("9")
        call.press("8")
        call.press("7")
        call.press("6")
        self.passes(1)
        call.hang_up()
        self.passes(1)
        record = self.assert_ended(call, Ending.CALLER_HUNG_UP)
        self.assertEqual(record["facts"], {"rating": "5", "pin": "withheld"})
        self.assertNotIn("9876", str(self.journal.lines))

    def test_written_after_the_end(self) -> None:
        """`on_hangup` runs after a call that the flow has ended, too."""
        self.lives_in(
            flow({"start": [setting(rating="5")], "gone": [Journal({"stars": "rating"})]}, on_hangup="gone")
        )
        call = self.ring()
        self.passes(2)
        self.assertEqual(self.assert_ended(call, Ending.COMPLETED)["facts"], {"stars": "5"})
