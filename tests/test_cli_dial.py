"""`voiced dial`: a list is called once from its beginning to its end, whatever happens on the way."""

from __future__ import annotations

import csv
import json
from collections import Counter, deque
from io import StringIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import attrs
from click import ClickException
from click.testing import CliRunner
from click.testing import Result as Run
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.api_double import KEY, ApiDouble
from voiced.cli import main
from voiced.cli.apiclient import Unanswered
from voiced.cli.dial import Interruption, alone, dial_all, forget
from voiced.cli.dialling.calling import Stopped
from voiced.cli.dialling.campaign import FORGOTTEN, Campaign
from voiced.cli.dialling.people import People, read_people
from voiced.cli.dialling.plan import Plan
from voiced.cli.dialling.results import PREFIX, Progress, Result, Results
from voiced.errors import StoreError
from voiced.simulator.memory import elapse

PLAN = Plan("people.csv", "reminder", retries=1, retry_after=60.0)


def phone(row: int) -> str:
    """The number of a row, from 0."""
    return f"+1415555{row:04}"


SETTINGS = f"""
public_url: https://voiced.test
twilio: {{account_sid: AC{"0" * 32}, auth_token: a token}}
voices: {{anna: {{engine: local}}}}
agents: {{eric: {{agent: local, brain: {{rules: [{{when: [yes], say: Good.}}]}}}}}}
numbers: {{default: reminder}}
"""
FLOWS = {
    "reminder": "say: 'Good day, {variables.name}, until {variables.day}.'",
    "talks": "agent: {use: eric, fallback: Sorry.}",
}


class Dialled(SynchronousTestCase):
    """Test cases with a list, its results and a daemon."""

    def setUp(self) -> None:
        """A daemon, and an empty directory."""
        self.daemon = ApiDouble()
        self.home = Path(self.mktemp())
        self.home.mkdir()
        self.said: list[str] = []
        self.runs: list[Any] = []
        """Those that were killed: kept, so that nothing of them is cleared away."""

    def listed(self, count: int) -> People:
        """A list of so many people."""
        path = self.home / "people.csv"
        path.write_text("number,name\n" + "".join(f"{phone(row)},p{row}\n" for row in range(count)))
        return read_people(path)

    def results(self, people: People) -> Results:
        """Its results so far."""
        return Results(self.home / "results.csv", people, sync=lambda descriptor: None)

    def begin(self, people: People, plan: Plan = PLAN, results: Results | None = None) -> Deferred[None]:
        """Run once more over this list."""
        results = results or self.results(people)
        api = self.daemon.reached()
        self.campaign = Campaign(self.daemon.clock, api, results, plan, says=self.said.append)
        done = self.campaign.run(people.rows)
        self.runs.append((self.campaign, done))
        return done

    def passes(self, seconds: float) -> None:
        """Time passes."""
        elapse(self.daemon.clock, seconds)

    def rows(self) -> list[dict[str, str]]:
        """What stands in the file; our columns without what they all begin with."""
        with (self.home / "results.csv").open(newline="") as file:
            return [{name.removeprefix(PREFIX): cell for name, cell in row.items()} for row in csv.DictReader(file)]

    def column(self, name: str) -> list[str]:
        """A column of it."""
        return [row[name] for row in self.rows()]

    def is_quiet(self) -> None:
        """Nothing is left to be done later, but for the clock of every twisted.web server, and kept connections."""
        waiting = [
            call for call in self.daemon.clock.getDelayedCalls() if "_updateLogDateTime" not in repr(call.func)
        ]
        self.assertEqual([call for call in waiting if call.getTime() - self.daemon.clock.seconds() <= 3600], [])


class CampaignTests(Dialled):
    """One run, and the next."""

    def test_order(self) -> None:
        """Everybody in the order of the list, a call a second, with what stands beside them; then it is over."""
        done = self.begin(self.listed(3))
        self.passes(20)
        self.assertIsNone(self.successResultOf(done))
        began = self.daemon.rung[0][0]
        self.assertEqual(self.daemon.rung, [(began + row, phone(row)) for row in range(3)])
        self.assertEqual(
            {name: self.daemon.wanted[1][name] for name in ("number", "flow", "variables")},
            {"number": phone(1), "flow": "reminder", "variables": {"name": "p1"}},
        )
        self.is_quiet()

    def test_results(self) -> None:
        """Beside each row stands what became of it, with the flow's own word for it."""
        self.daemon.reasons = {phone(0): "confirmed"}
        self.begin(self.listed(1))
        self.passes(20)
        (row,) = self.rows()
        self.assertEqual(
            (row["result"], row["ending"], row["attempts"], row["seconds"]), ("done", "completed", "1", "5.0")
        )
        self.assertEqual(row["time"], "2023-11-14T22:13:26Z")
        self.assertEqual(row["reason"], "confirmed")
        self.assertEqual((row["call"], row["key"]), ("CA" + "0" * 32, self.daemon.wanted[0]["idempotency_key"]))

    def test_on_the_disk_before(self) -> None:
        """A row says that it is being called before the daemon is asked; then its call's name, once it has one."""
        self.daemon.answers = deque([None])
        self.begin(self.listed(2))
        self.passes(0)
        self.assertEqual(self.column("result"), ["calling", ""])
        self.assertEqual(self.column("key"), [self.daemon.wanted[0]["idempotency_key"], ""])
        self.passes(1)
        self.assertEqual(self.column("call"), ["", "CA" + "0" * 31 + "1"])

    def test_rate(self) -> None:
        """No faster than it may, over the whole list."""
        self.begin(self.listed(10), attrs.evolve(PLAN, interval=36.0))
        self.passes(1000)
        moments = [moment for moment, _ in self.daemon.rung]
        self.assertEqual([round(later - sooner) for sooner, later in pairwise(moments)], [36] * 9)

    def test_at_once(self) -> None:
        """No more live calls than there may be: the next one begins when one has ended."""
        self.daemon.seconds = 30.0
        self.begin(self.listed(5), attrs.evolve(PLAN, at_once=2))
        self.passes(20)
        self.assertEqual((len(self.daemon.rung), self.campaign.live), (2, 2))
        self.passes(20)
        self.assertEqual(len(self.daemon.rung), 4)
        self.passes(100)
        self.assertEqual(self.column("result"), ["done"] * 5)

    def test_retries(self) -> None:
        """Who is busy or does not answer is called again later, as often as is wanted; nobody else is."""
        self.daemon.endings = {
            phone(0): deque(["busy", "no_answer"]),
            phone(1): deque(["no_answer", "completed"]),
            phone(2): deque(["machine"]),
            phone(3): deque(["bug"]),
        }
        done = self.begin(self.listed(4))
        self.passes(30)
        self.assertEqual(self.column("result"), ["waiting", "waiting", "done", "failed"])
        self.passes(80)
        self.successResultOf(done)
        self.assertEqual(self.column("result"), ["unreached", "done", "done", "failed"])
        self.assertEqual(self.column("ending"), ["no_answer", "completed", "machine", "bug"])
        self.assertEqual(self.column("attempts"), ["2", "2", "1", "1"])
        self.assertEqual(self.daemon.rings, {phone(0): 2, phone(1): 2, phone(2): 1, phone(3): 1})
        second = next(moment for moment, number in self.daemon.rung[1:] if number == phone(0))
        self.assertEqual(second - self.daemon.rung[0][0], 6 + 60)
        self.is_quiet()

    def test_promised(self) -> None:
        """Who was promised to be called again by now comes before who was not called yet."""
        self.daemon.endings = {phone(0): deque(["busy"])}
        self.begin(self.listed(40), attrs.evolve(PLAN, interval=4.0, retry_after=10.0))
        self.passes(30)
        self.assertEqual([number for _, number in self.daemon.rung[:7]], [*map(phone, (0, 1, 2, 3, 0, 4, 5))])

    def test_goes_on(self) -> None:
        """Who has come to their end is not called by the next run; who was to be called again is, when it is time."""
        self.daemon.endings = {phone(1): deque(["busy"])}
        people = self.listed(2)
        done = self.begin(people)
        self.passes(20)
        done.cancel()
        self.failureResultOf(done, CancelledError)
        self.is_quiet()
        self.daemon.reborn()
        again = self.begin(people)
        self.passes(20)
        self.assertEqual(self.daemon.rings, {phone(0): 1, phone(1): 1})
        self.passes(60)
        self.successResultOf(again)
        self.assertEqual(self.daemon.rings, {phone(0): 1, phone(1): 2})

    def test_stopped(self) -> None:
        """Told to stop, it begins no more calls, and is over when those are that live."""
        done = self.begin(self.listed(9))
        self.passes(2.5)
        self.campaign.stop()
        self.passes(0)
        self.assertNoResult(done)
        self.passes(10)
        self.successResultOf(done)
        self.assertEqual(self.column("result"), ["done"] * 3 + [""] * 6)
        self.is_quiet()

    def test_left(self) -> None:
        """Left at once, live calls are `calling`, and the next run finds out about them without calling anybody."""
        people = self.listed(3)
        done = self.begin(people)
        self.passes(2.5)
        done.cancel()
        self.failureResultOf(done, CancelledError)
        self.assertEqual(self.column("result"), ["calling"] * 3)
        again = self.begin(people)
        self.assertEqual(self.campaign.live, 3)
        again.cancel()
        self.failureResultOf(again, CancelledError)
        asked = len(self.daemon.wanted)
        self.successResultOf(self.begin_and_pass(people, 30))
        self.assertEqual(self.column("result"), ["done"] * 3)
        self.assertEqual(len(self.daemon.wanted), asked)

    def begin_and_pass(self, people: People, seconds: float) -> Deferred[None]:
        """Run once more, for so long."""
        done = self.begin(people)
        self.passes(seconds)
        return done

    def test_key_of_yesterday(self) -> None:
        """A row that was asked for too long ago to be asked for again is not: it is not known what became of it."""
        people = self.listed(2)
        self.daemon.answers = deque([None])
        done = self.begin(people)
        self.passes(0.5)
        done.cancel()
        self.failureResultOf(done, CancelledError)
        self.passes(23.5 * 3600)
        self.successResultOf(self.begin_and_pass(people, 30))
        self.assertEqual(self.column("result"), ["unknown: it was asked for more than a day ago", "done"])
        self.assertEqual(self.daemon.rings, {phone(0): 1, phone(1): 1})

    def test_recorded_key(self) -> None:
        """A row under way is asked for with the key that was written down, whatever the list is called by now."""
        people = self.listed(1)
        self.daemon.answers = deque([None])
        done = self.begin(people)
        self.passes(0.5)
        done.cancel()
        self.failureResultOf(done, CancelledError)
        self.begin(people, attrs.evolve(PLAN, name="other.csv"))
        self.passes(30)
        self.assertEqual(self.column("result"), ["done"])
        self.assertEqual(self.daemon.rings, {phone(0): 1})

    def test_keys(self) -> None:
        """A key is of the list's name, the flow, the row and the attempt; and not of where the row stands."""
        first, second = self.listed(2).rows
        moved = attrs.evolve(first, line=77)
        keys = [
            PLAN.key(first, 1),
            PLAN.key(second, 1),
            PLAN.key(first, 2),
            PLAN.key(attrs.evolve(first, again=1), 1),
            attrs.evolve(PLAN, name="x").key(first, 1),
            attrs.evolve(PLAN, flow="x").key(first, 1),
        ]
        self.assertEqual(len(set(keys)), 6)
        self.assertEqual(PLAN.key(moved, 1), keys[0])
        self.assertRegex(keys[0], "^dial-[0-9a-f]{40}$")


class AnsweredTests(Dialled):
    """What the daemon may answer, and what becomes of the list."""

    def answered(self, *answers: Any, count: int = 2, seconds: float = 400.0) -> Deferred[None]:
        """A run over so many people, where the first requests are answered so."""
        self.daemon.answers = deque(answers)
        done = self.begin(self.listed(count))
        self.passes(seconds)
        return done

    def no(self, status: int, retry_after: str = "", **body: Any) -> tuple[int, dict[str, Any], dict[str, str]]:
        """A refusal."""
        headers = {"Retry-After": retry_after} if retry_after else {}
        return status, {"success": False, "error": "no", **body}, headers

    def test_all_wait(self) -> None:
        """At a cap of the daemon or of the key all wait as long as it says; then the row is called."""
        self.successResultOf(self.answered(self.no(429, "40", rule="calls_per_minute")))
        moments = [round(moment - 1_700_000_000) for moment, _ in self.daemon.rung]
        self.assertEqual(moments, [40, 41])
        self.assertEqual([number for _, number in self.daemon.rung], [phone(0), phone(1)])
        self.assertEqual(self.daemon.wanted[0], self.daemon.wanted[1])
        self.assertEqual(self.column("attempts"), ["1", "1"])
        self.assertEqual(self.said, ["the daemon wants us to wait 40 s: no"])

    def test_one_waits(self) -> None:
        """Where it is about one destination only, the others are called meanwhile."""
        self.successResultOf(self.answered(self.no(429, "100", rule="hours")))
        moments = {number: round(moment - 1_700_000_000) for moment, number in self.daemon.rung}
        self.assertEqual(moments, {phone(1): 1, phone(0): 100})
        self.assertEqual(self.said, ["line 2 waits until 2023-11-14 22:15 UTC (2 min) for `hours`: no"])

    def test_says_once(self) -> None:
        """A row that has to wait for the same rule again is not said again; for another one it is."""
        no = [self.no(429, "30", rule="hours")] * 3 + [self.no(429, "30", rule="per_destination_per_day")]
        self.successResultOf(self.answered(*no, count=1))
        self.assertEqual(
            [said.partition(" for ")[2] for said in self.said], ["`hours`: no", "`per_destination_per_day`: no"]
        )

    def test_waiting_is_not_forgotten(self) -> None:
        """A row that has to wait was not called: a run that is stopped leaves it as it was, for days."""
        people = self.listed(1)
        self.daemon.answers = deque([self.no(429, "36000", rule="hours")])
        done = self.begin(people)
        self.passes(10)
        self.assertEqual(self.column("result"), [""])
        self.campaign.stop()
        self.successResultOf(done)
        self.passes(3 * 86400)
        self.begin(people)
        self.passes(10)
        self.assertEqual(self.column("result"), ["done"])

    def test_refused(self) -> None:
        """Who may not be called is refused, with the rule's name; the next one is called."""
        self.successResultOf(self.answered(self.no(403, rule="dnc")))
        self.assertEqual(self.column("result"), ["refused: dnc", "done"])

    def test_bad_row(self) -> None:
        """What cannot be called has failed, with the daemon's sentence."""
        self.successResultOf(self.answered(self.no(400, path="number"), self.no(400, code=21211)))
        self.assertEqual(self.column("result"), ["failed: number: no", "failed: no"])

    def test_other_options(self) -> None:
        """A key that stands for another request was asked for before: nobody knows what became of that."""
        self.successResultOf(self.answered(self.no(422)))
        self.assertEqual(self.column("result")[0], "unknown: it was asked for with other options before")

    def test_stops(self) -> None:
        """What all rows share stops the run at once, with its sentence; nobody has been called, or is marked."""
        for answer in (self.no(401), self.no(403), self.no(403, rule="flows"), self.no(400, path="flow")):
            error = self.failureResultOf(self.answered(answer, seconds=5.0), Stopped).value
            self.assertIn(f"no ({answer[0]})", str(error))
            self.assertEqual(self.column("result"), ["", ""])
            self.is_quiet()
        self.assertEqual(self.daemon.rung, [])

    def test_stops_others(self) -> None:
        """A live call is left to itself when the run stops; the file knows of it."""
        self.failureResultOf(self.answered((200, {}, {}), self.no(401), seconds=2.0), Stopped)
        self.assertEqual(self.column("result"), ["calling", ""])

    def test_stranger(self) -> None:
        """Somebody who is not voiced's API gets no second request; it is not known what became of the first."""
        self.failureResultOf(self.answered((302, {}, {"Location": "http://elsewhere/"})), Stopped)
        self.assertEqual((len(self.daemon.wanted), self.column("result")), (1, ["calling", ""]))

    def test_trouble(self) -> None:
        """A daemon in trouble is asked again, later each time, with the same key; nobody else is called meanwhile."""
        self.successResultOf(self.answered(self.no(503, "7"), self.no(502), self.no(504)))
        self.assertEqual([number for _, number in self.daemon.rung], [phone(0), phone(1)])
        self.assertEqual(round(self.daemon.rung[0][0] - 1_700_000_000), 7 + 2 + 4)
        self.assertEqual(len({wanted["idempotency_key"] for wanted in self.daemon.wanted[:4]}), 1)
        self.assertEqual(self.said, [f"no ({status}); trying again" for status in (503, 502, 504)])

    def test_trouble_is_said(self) -> None:
        """A daemon in trouble is said at once and now and then, also where it wants us to wait in between."""
        self.daemon.answers = deque(
            [self.no(502)] * 3 + [self.no(429, "6", rule="calls_per_minute")] + [self.no(502)] * 6
        )
        done = self.begin(self.listed(3))
        self.passes(0)
        self.assertEqual(self.said, ["no (502); trying again"])
        self.passes(200)
        self.successResultOf(done)
        self.assertEqual(self.said[1:], ["the daemon wants us to wait 6 s: no", "no (502); still trying"])

    def test_trouble_with_one(self) -> None:
        """A row that stays in trouble is left for the next run, and the others are called."""
        people = self.listed(2)
        self.daemon.answers = deque([self.no(502)] * 7)
        done = self.begin(people)
        self.passes(200)
        self.successResultOf(done)
        self.assertEqual(self.column("result"), ["calling", "done"])
        self.assertEqual(self.said[-1], "line 2: no (502); left for the next run")
        self.begin(people)
        self.passes(20)
        self.assertEqual(self.column("result"), ["done", "done"])
        self.assertEqual(len({wanted["idempotency_key"] for wanted in self.daemon.wanted}), 2)

    def test_lost_answer(self) -> None:
        """An answer that does not come is asked for again, with the same key: nobody is called twice."""
        self.successResultOf(self.answered(None))
        self.assertEqual(self.daemon.rings, {phone(0): 1, phone(1): 1})
        self.assertEqual(self.column("result"), ["done", "done"])
        self.assertEqual(
            self.said, ["the daemon at http://daemon cannot be asked: it does not answer in time; trying again"]
        )

    def test_nobody_there(self) -> None:
        """A daemon that is not there is waited for, as long as a restart may take, and then no longer."""
        done = self.begin(self.listed(2))
        self.daemon.answers = deque([None] * 9)
        self.passes(500)
        error = self.failureResultOf(done, Stopped).value
        self.assertIn("it does not answer in time", str(error))
        self.assertEqual(self.column("result"), ["calling", "calling"])
        self.is_quiet()

    def test_stopped_in_trouble(self) -> None:
        """Told to stop while the daemon is in trouble, it asks no more."""
        self.daemon.answers = deque([self.no(502)] * 9)
        done = self.begin(self.listed(2))
        self.passes(4)
        self.campaign.stop()
        self.assertEqual((self.campaign.live, self.campaign.asking), (0, 0))
        self.successResultOf(done)
        self.assertEqual((len(self.daemon.wanted), self.daemon.rung, self.column("result")[0]), (3, [], "calling"))
        self.is_quiet()

    def test_stopped_while_asking(self) -> None:
        """A request that is on its way is waited for, and is not made again when it is in vain."""
        self.daemon.answers = deque([None])
        done = self.begin(self.listed(2))
        self.passes(0.5)
        self.assertEqual((self.campaign.live, self.campaign.asking), (0, 1))
        self.campaign.stop()
        self.assertNoResult(done)
        self.passes(60)
        self.successResultOf(done)
        self.assertEqual(len(self.daemon.wanted), 1)

    def test_not_the_rows(self) -> None:
        """When one row after the other fails it is not the rows: nobody else is marked as failed."""
        error = self.failureResultOf(self.answered(*[self.no(400, path="number")] * 20, count=20), Stopped).value
        self.assertEqual(str(error), "10 rows after one another could not be called; the last one: number: no")
        self.assertEqual(Counter(self.column("result")), {"failed: number: no": 10, "": 10})

    def test_bad_flow(self) -> None:
        """The same when call after call fails."""
        self.daemon.endings = {phone(row): deque(["bug"]) for row in range(40)}
        error = self.failureResultOf(self.answered(count=40), Stopped).value
        self.assertIn("10 rows after one another could not be called; the last one: its ending is 'bug'", str(error))
        self.assertLess(len(self.daemon.rung), 20)

    def test_forgotten(self) -> None:
        """A call that the daemon does not know any more is unknown, and not placed again."""
        self.daemon.forgets = {"CA" + "0" * 32}
        self.successResultOf(self.answered())
        self.assertEqual(self.column("result"), [f"unknown: {FORGOTTEN}", "done"])
        self.assertEqual(self.column("call")[0], "CA" + "0" * 32)

    def test_looks_in_vain(self) -> None:
        """A daemon that cannot say how a call is doing is asked again, when it wants; the call ends as it ends."""
        self.daemon.looks = deque([self.no(503), self.no(429, "30"), self.no(404), self.no(404)])
        done = self.answered(count=1, seconds=30.0)
        self.assertEqual((len(self.daemon.looks), self.column("result")), (2, ["calling"]))
        self.passes(20)
        self.successResultOf(done)
        self.assertEqual(self.column("result"), ["done"])
        self.assertEqual(self.said, ["no (503); trying again", "no (429); trying again"])

    def test_looks_too_long(self) -> None:
        """For how long is bounded; the next run looks again."""
        self.daemon.looks = deque([self.no(500)] * 200)
        error = self.failureResultOf(self.answered(count=1), Stopped).value
        self.assertEqual((str(error), self.column("result")), ("no (500)", ["calling"]))

    def test_may_not_look(self) -> None:
        """A key that may not look stops it."""
        self.daemon.looks = deque([self.no(401)])
        self.assertEqual(str(self.failureResultOf(self.answered(count=1), Stopped).value), "no (401)")

    def test_many_of_yesterday(self) -> None:
        """Rows that were asked for too long ago are nobody's failure: the others are called."""
        people = self.listed(15)
        results = self.results(people)
        for row in people.rows[:14]:
            results.put(row, Progress(Result.CALLING, attempts=1, time=1_600_000_000.0, key="k"))
        results.commit()
        done = self.begin(people)
        self.passes(60)
        self.successResultOf(done)
        self.assertEqual(self.daemon.rings, {phone(14): 1})

    def test_disk(self) -> None:
        """Results that cannot be kept stop it before anybody is called."""

        def full(descriptor: int) -> None:
            raise OSError(28, "No space left on device")

        people = self.listed(2)
        done = self.begin(people, results=Results(self.home / "results.csv", people, sync=full))
        self.passes(5)
        self.failureResultOf(done, StoreError)
        self.assertEqual(self.daemon.requests, 0)


class KilledTests(Dialled):
    """Killed at any point, on either side of a request, and started again: all are called, and nobody twice."""

    @given(
        st.lists(st.tuples(st.integers(1, 14), st.booleans()), max_size=5),
        st.integers(1, 3),
        st.lists(st.sampled_from(["completed", "busy", "no_answer"]), max_size=8),
        st.booleans(),
    )
    @settings(max_examples=60, deadline=None)
    def test_killed(self, deaths: list[tuple[int, bool]], at_once: int, endings: list[str], elsewhere: bool) -> None:
        """No row is called more often than its endings want, and none is forgotten; also without the results."""
        self.setUp()
        people, plan = self.listed(3), attrs.evolve(PLAN, at_once=at_once)
        for at, ending in enumerate(endings):
            self.daemon.endings.setdefault(phone(at % 3), deque()).append(ending)
        wanted = {phone(row): self.calls_wanted(self.daemon.endings.get(phone(row), ())) for row in range(3)}
        for at, done_by_then in deaths:
            self.daemon.requests, self.daemon.dies_at = 0, (at, done_by_then)
            self.begin(people, plan)
            for _ in range(400):
                if self.daemon.dead:
                    break
                self.passes(0.5)
            self.daemon.reborn()
            if elsewhere:
                (self.home / "results.csv").unlink(missing_ok=True)
        self.successResultOf(self.begin_until_over(people, plan))
        self.assertEqual(self.daemon.rings, wanted)
        self.assertEqual([row["result"] in ("done", "unreached") for row in self.rows()], [True] * 3)

    def begin_until_over(self, people: People, plan: Plan) -> Deferred[None]:
        """The last run."""
        done = self.begin(people, plan)
        self.passes(400)
        return done

    def calls_wanted(self, endings: Any) -> int:
        """How often somebody is called whose calls end so, with one retry."""
        first = next(iter(endings), "completed")
        return 1 if first == "completed" else 2

    def test_without_the_file(self) -> None:
        """Also when the results are lost: within a day the same list calls nobody twice, wherever it is."""
        people = self.listed(3)
        self.begin(people)
        self.passes(20)
        (self.home / "results.csv").unlink()
        self.begin(people)
        self.passes(20)
        self.assertEqual(self.column("result"), ["done"] * 3)
        self.assertEqual(self.daemon.rings, {phone(row): 1 for row in range(3)})


class CommandTests(Dialled):
    """The command round it."""

    def dialled(self, people: People, passes: float = 60.0) -> tuple[Deferred[None], list[Any]]:
        """The command's run, as far as it needs no reactor of its own; and what was given for Ctrl-C."""
        interrupts: list[Any] = []
        self.kept = Results(self.home / "results.csv", people)
        self.out = StringIO()
        run = dial_all(self.daemon.clock, self.daemon.reached(), people, self.kept, PLAN,
                       lambda reactor, interrupted: interrupts.append(interrupted), self.out)  # fmt: skip
        running = Deferred.fromCoroutine(run)
        self.passes(passes)
        return running, interrupts

    def run_main(self, *arguments: str, env: dict[str, str] | None = None) -> Run:
        """`voiced dial …`."""
        return CliRunner().invoke(main, ["dial", *arguments], env=env or {})

    def test_good(self) -> None:
        """When all have come to their end there is a table, and no error."""
        running, _ = self.dialled(self.listed(2))
        self.assertIsNone(self.successResultOf(running))
        table = ["       2  done: completed 2", "       2  in all", f"          {self.home / 'results.csv'}", ""]
        self.assertEqual(self.out.getvalue().split("\n")[3:], table)

    def test_trouble(self) -> None:
        """What wants looking at is an error, and so is what is left; both say what to do."""
        self.daemon.answers = deque([(403, {"error": "no", "rule": "dnc"}, {})])
        running, _ = self.dialled(self.listed(2))
        self.assertEqual(
            str(self.failureResultOf(running, ClickException).value),
            f"some rows want looking at: column 'voiced_result' of {self.home / 'results.csv'} (refused)",
        )
        self.daemon.answers = deque([(401, {"error": "no such key"}, {})])
        running, _ = self.dialled(self.listed_more())
        self.assertEqual(
            str(self.failureResultOf(running, ClickException).value),
            "no such key (401). 1 of 3 rows are left: give a key that this daemon has (VOICED_API_KEY, or --key), "
            "and they are called then",
        )

    def listed_more(self) -> People:
        """The same list with one more on it."""
        return self.listed(3)

    def test_interrupted(self) -> None:
        """The first Ctrl-C lets live calls end, the second leaves them."""
        self.daemon.seconds = 100.0
        running, (interrupt,) = self.dialled(self.listed(5), 2.5)
        self.assertIsInstance(interrupt, Interruption)
        interrupt()
        self.passes(10)
        self.assertNoResult(running)
        self.assertEqual(len(self.daemon.rung), 3)
        self.assertIn("no new calls; waiting for those under way: 3 live. Ctrl-C again", self.out.getvalue())
        interrupt()
        self.passes(0)
        self.assertIn("5 of 5 rows are left", str(self.failureResultOf(running, ClickException).value))
        self.is_quiet()

    def test_interrupted_once(self) -> None:
        """One Ctrl-C alone ends in order."""
        running, (interrupt,) = self.dialled(self.listed(5), 2.5)
        interrupt()
        self.passes(60)
        self.assertIn("3 live", self.out.getvalue())
        self.assertEqual(
            str(self.failureResultOf(running, ClickException).value),
            "stopped. 2 of 5 rows are left: the same command goes on with them",
        )

    def test_interrupted_in_trouble(self) -> None:
        """Where the daemon is in trouble nothing is live, and that is what is said."""
        self.daemon.answers = deque([(502, {"error": "Twilio is down"}, {})] * 9)
        running, (interrupt,) = self.dialled(self.listed(4), 4)
        interrupt()
        self.assertIn("4 of 4 rows are left", str(self.failureResultOf(running, ClickException).value))
        said = self.out.getvalue().splitlines()
        self.assertEqual(said[:2], ["Twilio is down (502); trying again", "no new calls; none is live"])

    def test_again(self) -> None:
        """Rows of a result that is named are called anew, by another key."""
        people = self.listed(2)
        self.daemon.endings = {phone(0): deque(["failed"])}
        running, _ = self.dialled(people)
        self.failureResultOf(running, ClickException)
        results = Results(self.home / "results.csv", people)
        forget(people, results, frozenset({Result.FAILED}))
        self.begin(people, results=results)
        self.passes(60)
        self.assertEqual(self.column("attempts"), ["2", "1"])
        self.assertEqual(self.daemon.rings, {phone(0): 2, phone(1): 1})

    def test_dry_run(self) -> None:
        """Says how many are to be called, how long that takes and what is asked first; asks nobody."""
        self.listed(120)
        run = self.run_main(str(self.home / "people.csv"), "--dry-run", "--flow", "reminder", "--rate", "30/m")
        self.assertEqual(run.exit_code, 0, run.output)
        self.assertIn("120 rows, 120 to be called: 4 min at least. Nobody was called.", run.output)
        first = json.loads(run.stdout.partition("line 2: ")[2])
        self.assertEqual(first["number"], phone(0))
        self.assertFalse((self.home / "people.results.csv").exists())

    def test_dry_run_with_settings(self) -> None:
        """With the settings at hand the flow has to be there, and what does not fit together is said."""
        config = self.home / "voiced.yaml"
        config.write_text(SETTINGS)
        (self.home / "flows").mkdir()
        for name, steps in FLOWS.items():
            (self.home / f"flows/{name}.yaml").write_text(f"flow: {name}\nstart: a\nnodes: {{a: [{steps}]}}\n")
        asks = "flow: asks\nstart: a\nvariables: [name, dya]\nnodes: {a: [hangup]}\n"
        (self.home / "flows/asks.yaml").write_text(asks)
        self.listed(1)
        (self.home / "people.csv").write_text(f"number,name,time\n{phone(0)},Ann,9\n+15551234567,Bob,10\n")
        table = {
            ("--flow", "nothing"): (2, "the settings have no flow 'nothing'; they have: asks, reminder, talks"),
            ("--flow", "asks", "--retries", "1"): (0, "'asks' reads what no column fills: {variables.dya}\n"),
            ("--flow", "reminder"): (0, "reads what no column fills: {variables.day}\n"),
            ("--flow", "reminder", "--retries", "1"): (0, "no step of flow 'reminder' reads: time\n"),
            ("--flow", "talks"): (0, "no such number is known, so the daemon will refuse it: line 3\n"),
            (): (2, "which flow? --flow, or `outbound.flow`"),
        }
        for arguments, (code, sentence) in table.items():
            run = self.run_main(str(self.home / "people.csv"), "--dry-run", "--config", str(config), *arguments)
            self.assertEqual((run.exit_code, sentence in run.output), (code, True), run.output)
            self.assertEqual("no step of flow" in run.output, bool({"reminder", "asks"} & {*arguments}))

    def test_dry_run_without_settings(self) -> None:
        """Without them it says that nothing is known of the flow."""
        self.listed(1)
        run = self.run_main(str(self.home / "people.csv"), "--dry-run", "--flow", "reminder")
        self.assertEqual((run.exit_code, run.stderr.count("no settings were read (--config)")), (0, 1))

    def test_bad_settings(self) -> None:
        """Settings that are broken end it with 2: nothing was begun."""
        self.listed(1)
        for more in ((), ("--dry-run",)):
            run = self.run_main(str(self.home / "people.csv"), "--config", str(self.home / "people.csv"), *more)
            self.assertEqual(run.exit_code, 2, run.output)

    def test_reasons(self) -> None:
        """The table says how often a flow came to which end, the most frequent first."""
        self.daemon.reasons = {phone(row): reason for row, reason in enumerate(["no key", "confirmed", "confirmed"])}
        self.daemon.endings = {phone(4): deque(["bug"])}
        running, _ = self.dialled(self.listed(5))
        self.failureResultOf(running, ClickException)
        self.assertIn("       4  done: confirmed 2, no key 1, completed 1\n", self.out.getvalue())
        self.assertIn("       1  failed: bug 1\n", self.out.getvalue())

    def test_bad_list(self) -> None:
        """A bad list ends with 2, with the faults and their lines, as many as anybody reads."""
        (self.home / "people.csv").write_text("number\n" + "0\n" * 30)
        run = self.run_main(str(self.home / "people.csv"))
        self.assertEqual(run.exit_code, 2)
        self.assertIn("people.csv:2:1: '0' is no number", run.output)
        self.assertIn("… and 10 more\n\nvoiced: 30 faults; nobody was called.", run.output)

    def test_usage(self) -> None:
        """What is wrong with the command line ends with 2 and a sentence."""
        self.listed(1)
        people = str(self.home / "people.csv")
        table = {
            ("nobody.csv",): "does not exist",
            (people, "--rate", "fast"): "'fast' is no rate; one is 1/s, 30/m or 100/h",
            (people, "--retry-after", "soon"): "'soon' is no time",
            (people, "--at-once", "0"): "--at-once",
            (people, "--from", ""): "it is empty: a number begins with +",
            (people, "--url", "https://voice.example.com"): "no API key: give VOICED_API_KEY",
            (people, "--url", "http://voice.example.com", "--key", KEY): "would send the key for everybody",
            (people, "--url", "voice.example.com", "--key", KEY): "is no address of a daemon",
            (people, "--url", "https://u:p@voice.example.com", "--key", KEY): "no user or password",
        }
        for arguments, sentence in table.items():
            run = self.run_main(*arguments)
            self.assertEqual((run.exit_code, sentence in run.output), (2, True), run.output)

    def test_alone(self) -> None:
        """A list that is being dialled is not dialled by somebody else."""
        self.listed(1)
        people = self.home / "people.csv"
        with alone(people):
            run = self.run_main(str(people), "--dry-run")
            self.assertEqual(run.exit_code, 2)
            self.assertIn("is being dialled already", run.output)
        self.assertEqual(self.run_main(str(people), "--dry-run").exit_code, 0)


class UnansweredTests(Dialled):
    """A daemon that is not there."""

    def test_refused(self) -> None:
        """A closed port is a sentence that says what to do."""
        api = self.daemon.reached()
        gone = attrs.evolve(api, url="http://nowhere")
        asked = gone.look("CA1")
        self.passes(1)
        self.assertIn("its name cannot be found", str(self.failureResultOf(asked, Unanswered).value))
