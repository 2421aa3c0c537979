"""The step choose, with its conditions."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from voiced.call.steps.conditions import When
from voiced.call.steps.routing import Choose
from voiced.errors import ConfigError
from voiced.ivoiced import Mentions
from voiced.settings.flowfile import Names, load_flows
from voiced.settings.registry import Registry
from voiced.testing.contracts import StepContract
from voiced.testing.fake_call import FakeCall

REGISTRY = Registry.find()


def chosen(step: Choose, **facts: str) -> Any:
    """Where the flow goes with these facts; `__` in a name is a dot."""
    call = FakeCall()
    call.facts.update({name.replace("__", "."): value for name, value in facts.items()})
    answers: list[Any] = []
    Deferred.fromCoroutine(step.run(call)).addCallback(answers.append)
    return answers[0]


def holds(value: str | None, **condition: Any) -> bool:
    """Whether this condition holds for a fact with that value (None: without any)."""
    facts = {} if value is None else {"fact": value}
    return bool(chosen(Choose("fact", when=[When("there", **condition)]), **facts) == "there")


class WhenContract(StepContract, SynchronousTestCase):
    """choose, with conditions."""

    def make_step(self) -> Choose:
        """Of every kind."""
        return Choose("a", {"x": "one"}, "two", [When("three", present=True), When("four", "b", equals="y")])


class ConditionTests(SynchronousTestCase):
    """What holds, and what does not."""

    def test_text(self) -> None:
        """Text compares as text."""
        for value, condition, expected in [
            ("gold", {"equals": "gold"}, True),
            ("Gold", {"equals": "gold"}, False),
            (None, {"equals": ""}, True),
            ("gold", {"among": ["silver", "gold"]}, True),
            ("", {"among": ["silver", "gold"]}, False),
            ("+4930123", {"prefix": "+49"}, True),
            ("+4330123", {"prefix": ["+41", "+43"]}, True),
            ("0049", {"prefix": "+49"}, False),
            ("x", {"present": True}, True),
            ("", {"present": True}, False),
            (None, {"present": False}, True),
        ]:
            self.assertIs(holds(value, **condition), expected, (value, condition))

    def test_numbers(self) -> None:
        """Numbers compare exactly; what is no number is in no range."""
        for value, condition, expected in [
            ("100", {"at_least": Decimal(100)}, True),
            ("99.99", {"at_least": Decimal(100)}, False),
            ("100", {"above": Decimal(100)}, False),
            (" 100.01 ", {"above": Decimal(100)}, True),
            ("0.3", {"at_most": Decimal("0.3")}, True),
            ("0.3", {"below": Decimal("0.3")}, False),
            ("5", {"at_least": Decimal(1), "below": Decimal(5)}, False),
            ("4", {"at_least": Decimal(1), "below": Decimal(5)}, True),
            ("7", {"at_least": Decimal(7), "at_most": Decimal(7)}, True),
            ("many", {"above": Decimal(0)}, False),
            ("nan", {"above": Decimal(0)}, False),
            ("Infinity", {"above": Decimal(0)}, False),
            (None, {"below": Decimal(10)}, False),
        ]:
            self.assertIs(holds(value, **condition), expected, (value, condition))


class ChooseTests(SynchronousTestCase):
    """Which of several."""

    step = Choose("tier", {"gold": "vip"}, "rest", [When("ann", "who", equals="Ann"), When("some", present=True)])

    def test_first(self) -> None:
        """A case comes before the conditions, and the first condition that holds wins."""
        self.assertEqual(chosen(self.step, tier="gold", who="Ann"), "vip")
        self.assertEqual(chosen(self.step, tier="lead", who="Ann"), "ann")
        self.assertEqual(chosen(self.step, tier="lead"), "some")
        self.assertEqual(chosen(self.step), "rest")

    def test_without_a_fact(self) -> None:
        """Where every condition has its own, the step needs none; where none holds, the next step follows."""
        step = Choose(when=[When("ann", "who", equals="Ann")])
        self.assertEqual((chosen(step, who="Ann"), chosen(step)), ("ann", None))

    def test_mentions(self) -> None:
        """All nodes; a fact that may be missing is not one that is read."""
        expected = Mentions(nodes=("vip", "ann", "some", "rest"), reads=("tier", "who"), goes_on=False)
        self.assertEqual(self.step.mentions(), expected)
        self.assertEqual(Choose("x", when=[When("a", present=True)]).mentions(), Mentions(nodes=("a",)))
        self.assertEqual(Choose("x", when=[When("a", prefix="y")]).mentions().reads, ("x",))


KINDS = (
    "a condition is one of `equals`, `in`, `prefix`, `present`, or a range of numbers (`at_least` or "
    "`above`, `below` or `at_most`)"
)
BROKEN = [
    ("{fact: x}", "`choose` needs `cases` (what a fact says: node) or `when` (a list of conditions)"),
    ("{cases: {a: a}}", "the setting 'fact' is missing: it says what decides"),
    ("{when: [{equals: b, goto: a}]}", "the setting 'fact' is missing: it says what decides"),
    (
        "{fact: x, when: [{goto: a}]}",
        f"when.1: {KINDS}",
    ),
    (
        "{fact: x, when: [{equals: b, present: true, goto: a}]}",
        f"when.1: {KINDS}",
    ),
    ("{fact: x, when: [{equals: b}]}", "when.1: the setting 'goto' is missing"),
    ("{fact: x, when: [{equals: b, goto: b}]}", "no node is called 'b'; there are: a"),
    ("{fact: x, when: [{in: [], goto: a}]}", "when.1.in: must not be empty"),
    ("{fact: x, when: [{above: lots, goto: a}]}", "when.1.above: expects a number, not 'lots'"),
    ("{fact: x, when: [{above: nan, goto: a}]}", "when.1.above: expects a number, not 'nan'"),
    (
        "{fact: x, when: [{above: 1, at_least: 2, goto: a}]}",
        "when.1: `at_least` and `above` are the same bound: take one out",
    ),
    (
        "{fact: x, when: [{below: 1, at_most: 2, goto: a}]}",
        "when.1: `below` and `at_most` are the same bound: take one out",
    ),
    ("{fact: x, when: [{above: 5, below: 5, goto: a}]}", "when.1: no number is between 5 and 5 so"),
    ("{fact: x, when: [{at_least: 6, at_most: 5, goto: a}]}", "when.1: no number is between 6 and 5 so"),
]


class BrokenTests(SynchronousTestCase):
    """What a flow file may not say."""

    def test_sentences(self) -> None:
        """Each says what to do."""
        directory = Path(self.mktemp())
        directory.mkdir()
        for body, sentence in BROKEN:
            text = f"flow: x\nstart: a\nnodes:\n  a:\n    - choose: {body}\n"
            (directory / "x.yaml").write_text(text, "utf-8")
            error = self.assertRaises(ConfigError, load_flows, directory, Names(), REGISTRY)
            self.assertEqual(
                [fault.message for fault in error.faults], [f"node 'a', step 1 (choose): {sentence}"], body
            )
