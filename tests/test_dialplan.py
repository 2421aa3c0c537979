"""The dial plan finds the flow of a number, and the program gives it."""

from twisted.trial.unittest import SynchronousTestCase

from voiced.call.dialplan import DialPlan
from voiced.call.flow import Flow
from voiced.call.program import Program

PLAN = DialPlan(
    {
        "+14155550123": "reception",
        "+44*": "london",
        "+4420*": "city",
        "sip:ann@example.com": "ann",
        "sip:*": "desk",
        "default": "everyone",
    }
)

ROUTES = [
    ("+14155550123", "reception"),
    ("+14155550124", "everyone"),
    ("+442079460000", "city"),
    ("+441614960000", "london"),
    ("+44", "london"),
    ("+4", "everyone"),
    ("sip:ann@example.com", "ann"),
    ("sip:bob@example.com", "desk"),
    ("default", "everyone"),
    ("", "everyone"),
]


class DialPlanTests(SynchronousTestCase):
    def test_routes(self):
        """The exact number wins, then the longest prefix, then the default."""
        for called, flow in ROUTES:
            self.assertEqual(PLAN.flow_for(called), flow, called)

    def test_order_does_not_matter(self):
        """The longest prefix wins wherever it stands in the file."""
        plan = DialPlan(dict(reversed(PLAN.numbers.items())))
        self.assertEqual([plan.flow_for(called) for called, _ in ROUTES], [flow for _, flow in ROUTES])

    def test_no_default(self):
        """Without a default other numbers have no flow, and `default` is no number."""
        plan = DialPlan({"+14155550123": "reception"})
        self.assertIsNone(plan.flow_for("+14155550124"))
        self.assertIsNone(plan.flow_for("default"))

    def test_everything(self):
        """A lone star is everything else, before any default."""
        plan = DialPlan({"*": "all", "default": "never"})
        self.assertEqual(plan.flow_for("anonymous"), "all")


class ProgramTests(SynchronousTestCase):
    def test_flow_for(self):
        """The program gives the flow itself, or None where the plan has none."""
        flow = Flow(name="reception", voice=None, start="a", nodes={"a": ()})
        program = Program({"reception": flow}, DialPlan({"+14155550123": "reception"}))
        self.assertIs(program.flow_for("+14155550123"), flow)
        self.assertIsNone(program.flow_for("+14155550124"))
