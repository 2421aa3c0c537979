"""The step hours: open or closed, and what a caller is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.house import House, flow, say
from tests.test_opening import at
from voiced.call.records import Ending
from voiced.call.steps.hours import Hours
from voiced.errors import ConfigError
from voiced.ivoiced import Mentions
from voiced.settings.flowfile import Names, load_flows
from voiced.settings.registry import Registry
from voiced.testing.contracts import StepContract
from voiced.testing.fake_call import FakeCall

OPEN: dict[str, str | list[str]] = {"mon-fri": "9:00-17:00", "sat": ["10:00-12:00", "14:00-16:00"]}
DAYS = {"2026-12-25": "Christmas Day"}
REGISTRY = Registry.find()


def run(moment: str, **more: Any) -> tuple[Any, FakeCall]:
    """What the step answers at this moment in Berlin, and the call."""
    clock = Clock()
    clock.advance(at(moment))
    call = FakeCall(clock=clock, calendars={"days.yaml": DAYS})
    answers: list[Any] = []
    step = Hours("Europe/Berlin", OPEN, **more)
    Deferred.fromCoroutine(step.run(call)).addCallback(answers.append)
    return answers[0], call


class HoursContract(StepContract, SynchronousTestCase):
    """hours."""

    def make_step(self) -> Hours:
        """With a calendar."""
        return Hours("Europe/Berlin", OPEN, "days.yaml", "closed")

    def make_call(self) -> FakeCall:
        """A call that has the calendar."""
        return FakeCall(pace=1.0, calendars={"days.yaml": DAYS})


class HoursTests(SynchronousTestCase):
    """What it does."""

    def test_open_and_closed(self) -> None:
        """Within the hours the flow goes on; the facts say how it is, and the record too."""
        for moment, node, facts in [
            ("2026-11-24T10:00", None, ("yes", "", "2026-11-25T09:00+01:00")),
            ("2026-11-24T17:00", "closed", ("no", "", "2026-11-25T09:00+01:00")),
            ("2026-12-25T10:00", "closed", ("no", "Christmas Day", "2026-12-26T10:00+01:00")),
        ]:
            answer, call = run(moment, holidays="days.yaml", otherwise="closed")
            found = tuple(call.facts[f"hours.{name}"] for name in ("open", "holiday", "next"))
            self.assertEqual((answer, found), (node, facts))
            self.assertEqual(call.notes, ["closed" if node else "open"])

    def test_goes_on_without_otherwise(self) -> None:
        """Where no node is named the next step follows, and may look at the fact."""
        answer, call = run("2026-12-25T20:00")
        self.assertEqual((answer, call.facts["hours.open"], call.facts["hours.holiday"]), (None, "no", ""))

    def test_mentions(self) -> None:
        """The node, the calendar and the facts."""
        sets = ("hours.open", "hours.holiday", "hours.next")
        expected = Mentions(nodes=("closed",), sets=sets, calendars=("days.yaml",))
        self.assertEqual(Hours("UTC", OPEN, "days.yaml", "closed").mentions(), expected)
        self.assertEqual(Hours("UTC", OPEN).mentions(), Mentions(sets=sets))


BROKEN = [
    ("{open: {mon: '9:00-17:00'}}", "the setting 'time_zone' is missing"),
    ("{time_zone: UTC}", "the setting 'open' is missing"),
    ("{time_zone: UTC, open: {}}", "open: must not be empty"),
    (
        "{time_zone: Berlin, open: {mon: '9:00-17:00'}}",
        "`time_zone` is one like Europe/London or America/New_York, not 'Berlin'",
    ),
    (
        "{time_zone: ../etc, open: {mon: '9:00-17:00'}}",
        "`time_zone` is one like Europe/London or America/New_York, not '../etc'",
    ),
    (
        "{time_zone: UTC, open: {mo: '9:00-17:00'}}",
        "`open`: 'mo' is no day: there are mon, tue, wed, thu, fri, sat, sun, mon-fri and daily",
    ),
    (
        "{time_zone: UTC, open: {mon-fri: '9:00-17:00', fri: '9:00-12:00'}}",
        "`open`: fri is here twice, in 'fri', too: write all its hours into one line",
    ),
    ("{time_zone: UTC, open: {mon: 9-17}}", "`open`: 'mon': '9-17' is not of the form 9:00-20:00"),
    (
        "{time_zone: UTC, open: {mon: ['9:00-9:00']}}",
        "`open`: 'mon': '9:00-9:00' ends when it begins: a whole day is 0:00-24:00",
    ),
    ("{time_zone: UTC, open: {mon: []}}", "`open`: 'mon': '' is not of the form 9:00-20:00"),
]


class FileTests(SynchronousTestCase):
    """Flow files with hours."""

    def load(self, body: str) -> Any:
        """The flow with this step."""
        directory = Path(self.mktemp())
        directory.mkdir()
        (directory / "x.yaml").write_text(f"flow: x\nstart: a\nnodes:\n  a:\n    - hours: {body}\n", "utf-8")
        return load_flows(directory, Names(), REGISTRY)

    def test_sentences(self) -> None:
        """Each fault says what to do."""
        for body, sentence in BROKEN:
            error = self.assertRaises(ConfigError, self.load, body)
            self.assertEqual([fault.message for fault in error.faults], [f"node 'a', step 1 (hours): {sentence}"])


class HoursCalls(House):
    """A whole call."""

    def test_holiday(self) -> None:
        """A flow has its calendars; one that was never loaded is the flow's `on_error`."""
        step = Hours("Europe/Berlin", {"daily": "0:00-24:00"}, "days.yaml", "closed")
        nodes = {"start": [step, say("Welcome.")], "closed": [say("{hours.holiday}.")], "sorry": [say("Sorry.")]}
        for calendars, said in [({"days.yaml": {"2023-11-14": "Our day"}}, "Our day."), ({}, "Sorry.")]:
            self.lives_in(flow(nodes, calendars=calendars, on_error="sorry"))
            call = self.ring()
            self.passes(5)
            self.assert_heard(call, said)
            self.assert_ended(call, Ending.COMPLETED)

    def test_closed(self) -> None:
        """The caller is told when it opens, by its own clock and in words."""
        hours = Hours("Europe/Berlin", OPEN, otherwise="closed")
        closed = say("We open again on {hours.next:date} at {hours.next:time}.")
        self.lives_in(flow({"start": [hours, say("Welcome.")], "closed": [closed]}))
        call = self.ring()  # a Tuesday, 22:13 UTC
        self.passes(8)
        self.assert_heard(call, "We open again on Wednesday, November 15 at 9:00 AM.")
        self.assert_ended(call, Ending.COMPLETED)
