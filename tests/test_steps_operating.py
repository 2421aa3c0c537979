"""The step operator, and the daemon that nobody operates."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from voiced.call.steps.operating import Operator
from voiced.call.wire import Wire, WiredOperator
from voiced.ioperator import IOperator, Unoperated
from voiced.testing.clock import StrictClock
from voiced.testing.contracts import StepContract
from voiced.testing.fake_call import FakeCall

REPORT = {"kind": "voice", "text": "The voice anna is dead.", "call": "CA1", "record": "An inbound call."}


@implementer(IOperator)
class FakeOperator:
    """Knows a trouble, and notes what it is told to do."""

    def __init__(self) -> None:
        self.acts: list[str] = []

    def report(self) -> dict[str, str]:
        """See IOperator."""
        return REPORT

    def all_to_human(self) -> str:
        """See IOperator."""
        self.acts.append("all_to_human")
        return "on"

    def last_good_flows(self) -> str:
        """See IOperator."""
        self.acts.append("last_good_flows")
        return "done"


class OperatorContract(StepContract, SynchronousTestCase):
    """operator."""

    def make_step(self) -> Operator:
        """A report."""
        return Operator("report")


class ActContract(StepContract, SynchronousTestCase):
    """operator, an act."""

    def make_step(self) -> Operator:
        """All to the human."""
        return Operator("all_to_human")


class WiredTests(SynchronousTestCase):
    """What came of it is noted for `voiced replay`."""

    def test_noted(self) -> None:
        """The report with all its facts, and the word of each act."""
        operator = FakeOperator()
        wire = Wire(StrictClock(), True, str.upper)
        wired = WiredOperator(operator, wire)
        verifyObject(IOperator, wired)
        self.assertEqual((wired.report(), wired.all_to_human(), wired.last_good_flows()), (REPORT, "on", "done"))
        shown = {name: text.upper() for name, text in REPORT.items()}
        self.assertEqual(
            [(event.what, event.about) for event in wire.events],
            [
                ("operator", {"act": "REPORT", "found": shown}),
                ("operator", {"act": "ALL_TO_HUMAN", "result": "ON"}),
                ("operator", {"act": "LAST_GOOD_FLOWS", "result": "DONE"}),
            ],
        )


class OperatorTests(SynchronousTestCase):
    """What the step does."""

    def setUp(self) -> None:
        """A daemon in trouble."""
        self.operator = FakeOperator()
        self.call = FakeCall(operator=self.operator)

    def run_step(self, step: Operator) -> None:
        """Run it."""
        self.assertIsNone(self.successResultOf(Deferred.fromCoroutine(step.run(self.call))))

    def test_fakes(self) -> None:
        """They are operators."""
        verifyObject(IOperator, self.operator)
        verifyObject(IOperator, Unoperated())

    def test_report(self) -> None:
        """All that is known becomes facts, which the step says that it sets."""
        self.run_step(Operator("report"))
        facts = {f"trouble.{name}": text for name, text in REPORT.items()}
        self.assertEqual({name: self.call.facts[name] for name in facts}, facts)
        self.assertEqual(set(Operator("report").mentions().sets), set(facts))
        self.assertEqual((self.call.notes, self.operator.acts), (["voice"], []))

    def test_acts(self) -> None:
        """Each does its own, and what came of it is a fact."""
        for act, result in (("all_to_human", "on"), ("last_good_flows", "done")):
            step = Operator(act)  # type: ignore[arg-type] - one of its words
            self.run_step(step)
            self.assertEqual(self.call.facts["operator.result"], result)
            self.assertEqual(step.mentions().sets, ("operator.result",))
        self.assertEqual(self.operator.acts, ["all_to_human", "last_good_flows"])
        self.assertEqual(self.call.notes, ["all_to_human: on", "last_good_flows: done"])

    def test_nobody(self) -> None:
        """A daemon that nobody operates is in no trouble, and does nothing."""
        self.call = FakeCall()
        self.run_step(Operator("report"))
        self.assertEqual((self.call.facts["trouble.kind"], self.call.facts["trouble.record"]), ("none", ""))
        self.run_step(Operator("all_to_human"))
        self.assertEqual(self.call.facts["operator.result"], "no_human")
        self.run_step(Operator("last_good_flows"))
        self.assertEqual(self.call.facts["operator.result"], "none")
