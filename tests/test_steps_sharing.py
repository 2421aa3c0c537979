"""The steps random and limit: which way a caller goes, and how many at once."""

from __future__ import annotations

from collections import Counter
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.agents import ScriptedAgent
from tests.house import House, flow, say
from voiced.call.program import Colleague
from voiced.call.records import Ending
from voiced.call.steps.facts import Journal
from voiced.call.steps.handover import Agent
from voiced.call.steps.sharing import Limit, Random
from voiced.call.steps.speech import Pause
from voiced.ivoiced import IStep, Mentions
from voiced.testing.contracts import StepContract
from voiced.testing.fake_call import FakeCall


def run(step: IStep, call: FakeCall) -> Any:
    """What the step answers."""
    answers: list[Any] = []
    Deferred.fromCoroutine(step.run(call)).addCallback(answers.append)
    return answers[0]


class RandomContract(StepContract, SynchronousTestCase):
    """random."""

    def make_step(self) -> Random:
        """Three to one."""
        return Random({"friendly": 3, "brief": 1})


class LimitContract(StepContract, SynchronousTestCase):
    """limit."""

    def make_step(self) -> Limit:
        """Two at once."""
        return Limit("sales", 2, "busy")


class LeaveContract(StepContract, SynchronousTestCase):
    """limit, that gives the place back."""

    def make_step(self) -> Limit:
        """Out again."""
        return Limit("sales", leave=True)


class RandomTests(SynchronousTestCase):
    """random."""

    def test_weights(self) -> None:
        """The dice choose by weight, and never what weighs nothing."""
        step = Random({"never": 0, "friendly": 3, "brief": 1, "nor this": 0})
        found = Counter(run(step, FakeCall(dice=throw / 100)) for throw in range(100))
        self.assertEqual(found, {"friendly": 75, "brief": 25})

    def test_rounding(self) -> None:
        """Whatever the dice show, somebody is chosen."""
        step = Random({"a": 0.1, "b": 0.2, "c": 0})
        self.assertEqual(run(step, FakeCall(dice=1.0)), "b")

    def test_is_known(self) -> None:
        """Which it was is a fact, and in the record."""
        call = FakeCall()
        run(Random({"only": 1}), call)
        self.assertEqual((call.facts["random.chosen"], call.notes), ("only", ["chose only"]))
        self.assertEqual(Random({"a": 1}).mentions(), Mentions(nodes=("a",), sets=("random.chosen",), goes_on=False))

    def test_nobody(self) -> None:
        """Where nothing weighs anything there is nothing to choose."""
        self.assertRaises(ValueError, Random, {"a": 0})


class LimitTests(SynchronousTestCase):
    """limit."""

    def test_room(self) -> None:
        """Who has a place goes on, others go elsewhere."""
        for others, node, note in [
            (0, None, "number 1 in sales"),
            (1, None, "number 2 in sales"),
            (2, "busy", "sales is full"),
        ]:
            call = FakeCall(inside={"sales": others})
            self.assertEqual((run(Limit("sales", 2, "busy"), call), call.notes), (node, [note]))

    def test_leaves(self) -> None:
        """The place is given back where the step says so."""
        call = FakeCall()
        run(Limit("sales", 2, "busy"), call)
        self.assertEqual(call.parts, ["sales"])
        self.assertIsNone(run(Limit("sales", leave=True), call))
        self.assertEqual(call.parts, [])

    def test_contradictions(self) -> None:
        """A place is taken or given back; both ends of it are needed to take one."""
        for wrong in (
            {},
            {"most": 2},
            {"otherwise": "a"},
            {"leave": True, "most": 2},
            {"leave": True, "otherwise": "a"},
        ):
            self.assertRaises(ValueError, Limit, "sales", **wrong)

    def test_mentions(self) -> None:
        """Where the others go."""
        self.assertEqual(Limit("sales", 2, "busy").mentions(), Mentions(nodes=("busy",)))


class SharingCalls(House):
    """Whole calls."""

    def test_one_at_once(self) -> None:
        """A second caller finds the agent taken; a third one does not, when the first has left that part."""
        agent = ScriptedAgent(self.clock)
        enter, leave = Limit("sales", 1, "busy"), Limit("sales", leave=True)
        nodes = {"start": [enter, Agent("sales"), leave, Pause(60)], "busy": [say("All are busy.")]}
        self.lives_in(flow(nodes), agents={"sales": Colleague(agent)})
        first = self.ring()
        self.passes(1)
        second = self.ring()
        self.passes(3)
        self.assert_ended(second, Ending.COMPLETED)
        self.assert_heard(second, "All are busy.")
        agent.ends()
        self.passes(1)
        third = self.ring()
        self.passes(1)
        self.assertFalse(third.over or first.over)

    def test_hang_up(self) -> None:
        """A call that is over has no place."""
        nodes = {"start": [Limit("sales", 1, "busy"), Pause(60)], "busy": [say("All are busy.")]}
        self.lives_in(flow(nodes))
        first = self.ring()
        self.passes(1)
        first.hang_up()
        self.passes(1)
        second = self.ring()
        self.passes(1)
        self.assertFalse(second.over)

    def test_dice(self) -> None:
        """The record tells which way a caller went."""
        nodes = {
            "start": [Random({"a": 1, "b": 1})],
            "a": [say("A."), Journal(["random.chosen"])],
            "b": [say("B."), Journal(["random.chosen"])],
        }
        self.lives_in(flow(nodes), chance=lambda: 0.7)
        call = self.ring()
        self.passes(3)
        self.assert_heard(call, "B.")
        self.assertEqual(self.assert_ended(call, Ending.COMPLETED)["facts"], {"random.chosen": "b"})
