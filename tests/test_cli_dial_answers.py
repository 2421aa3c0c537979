"""The pure parts of `voiced dial`: what answers and endings mean, how fast it goes, what is shown."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

from click import BadParameter
from twisted.trial.unittest import SynchronousTestCase

from voiced.call.records import Ending
from voiced.cli.apiclient import Call, Denied
from voiced.cli.dialling.answers import Again, Finished, Later, Stop, Verdict, result_of, verdict
from voiced.cli.dialling.display import Display, bar, described
from voiced.cli.dialling.pace import Pace, interval, seconds, span
from voiced.cli.dialling.people import People, Row
from voiced.cli.dialling.results import Progress, Result, Results

SET_UP = "the daemon has to be set up otherwise, or to be asked with another key"
OTHER_FLOW = "name a flow that this key may use (--flow), or give another key"


class VerdictTests(SynchronousTestCase):
    """Answers of the daemon."""

    def test_answers(self) -> None:
        """What each means for the row, and for the others."""
        table: list[tuple[Denied, Verdict]] = [
            (Denied("no\nnumber", 400, path="number"), Finished(Result.FAILED, "no number")),
            (Denied("long", 400, path="variables.name"), Finished(Result.FAILED, "long")),
            (Denied("not a number", 400, code=21211), Finished(Result.FAILED, "not a number")),
            (Denied("no such flow", 400, path="flow"), Stop(True, "name a flow that the daemon has (--flow)")),
            (Denied("not ours", 400, path="from"), Stop(True, "name a number that the daemon has (--from)")),
            (Denied("no key", 401), Stop(True, "give a key that this daemon has (VOICED_API_KEY, or --key)")),
            (Denied("the API is off", 403), Stop(True, SET_UP)),
            (Denied("not your flow", 403, rule="flows"), Stop(True, OTHER_FLOW)),
            (Denied("JM is not allowed", 403, rule="allow"), Finished(Result.REFUSED, "allow")),
            (Denied("moved", 302), Stop(undone=False)),
            (Denied("a page", 200), Stop(undone=False)),
            (Denied("nothing here", 404), Stop(undone=True)),
            (Denied("key reused", 422), Finished(Result.UNKNOWN, "it was asked for with other options before")),
            (Denied("night", 429, rule="hours", retry_after=3600.0), Later(3600.0, False, "night", "hours")),
            (
                Denied("x", 429, rule="per_destination_per_day", retry_after=9.0),
                Later(9.0, False, "x", "per_destination_per_day"),
            ),
            (
                Denied("cap", 429, rule="calls_per_minute", retry_after=40.0),
                Later(40.0, True, "cap", "calls_per_minute"),
            ),
            (
                Denied("cap", 429, rule="keys.calls_per_day", retry_after=0.0),
                Later(1.0, True, "cap", "keys.calls_per_day"),
            ),
            (Denied("too many", 429), Later(10.0, True, "too many")),
        ]
        table += [(Denied("trouble", status), Again()) for status in (408, 409, 500, 502, 503, 504)]
        for denied, expected in table:
            self.assertEqual(verdict(denied), expected, denied)

    def test_endings(self) -> None:
        """Every ending there is makes something of a row; busy and no answer are tried again as often as wanted."""
        found = {ending.value: result_of(Call("ended", ending=ending.value), 1, 0) for ending in Ending}
        self.assertEqual(
            {ending for ending, result in found.items() if result is Result.UNREACHED}, {"busy", "no_answer"}
        )
        self.assertEqual(
            {ending for ending, result in found.items() if result is Result.DONE},
            {"completed", "caller_hung_up", "agent_ended", "transferred", "machine", "timeout", "silence"},
        )
        self.assertEqual(set(found.values()), {Result.DONE, Result.UNREACHED, Result.FAILED})
        busy = Call("ended", ending="busy")
        self.assertEqual(
            [result_of(busy, attempts, 2) for attempts in (1, 2, 3)],
            [Result.WAITING, Result.WAITING, Result.UNREACHED],
        )
        self.assertEqual(result_of(Call("ended", ending="eaten_by_a_grue"), 1, 2), Result.FAILED)


class PaceTests(SynchronousTestCase):
    """How fast."""

    def test_rates(self) -> None:
        """Rates and times as people write them, and what is none."""
        rates = {"1/s": 1.0, "0.5/s": 2.0, " 30 / m ": 2.0, "100/h": 36.0, "24/d": 3600.0}
        self.assertEqual({rate: interval(rate) for rate in rates}, rates)
        times = {"30s": 30.0, "15m": 900.0, "2h": 7200.0, "1.5 h": 5400.0, "0s": 0.0}
        self.assertEqual({time: seconds(time) for time in times}, times)
        for wrong in ("", "1", "1/", "0/s", "-1/s", "1/w", "1e9/s", "1/s/s"):
            self.assertRaises(BadParameter, interval, wrong)
        for wrong in ("", "15", "m", "-1m", "15 min"):
            self.assertRaises(BadParameter, seconds, wrong)

    def test_spans(self) -> None:
        """Times as they are shown."""
        table = {0.4: "0 s", 99: "99 s", 100: "2 min", 3599: "1 h", 7500: "2 h 5 min"}
        self.assertEqual({time: span(time) for time in table}, table)

    def test_pace(self) -> None:
        """A call begins an interval after the last one; who was held waits longer, and never less."""
        pace = Pace(2.0)
        self.assertEqual(pace.wait(100.0), 0.0)
        pace.began(100.0)
        self.assertEqual((pace.wait(100.5), pace.wait(103.0)), (1.5, 0.0))
        pace.hold(110.0)
        pace.hold(105.0)
        pace.began(101.0)
        self.assertEqual(pace.wait(104.0), 6.0)


class Terminal(StringIO):
    """Somebody looks at it."""

    def isatty(self) -> bool:
        """Named by io."""
        return True


class DisplayTests(SynchronousTestCase):
    """What is shown."""

    def shown(self, out: StringIO) -> list[str]:
        """Two rows go their way; what was written."""
        rows = (Row(2, ("+14155550100",), "+14155550100", {}), Row(3, ("+14155550101",), "+14155550101", {}))
        results = Results(Path(self.mktemp()), People(Path("people.csv"), ("number",), rows))
        with Display(results, out) as display:
            for row, progress in (
                (rows[0], Progress(Result.CALLING)),
                (rows[0], Progress(Result.DONE, ending="completed", reason="confirmed", call="CA1", seconds=12.4)),
                (rows[1], Progress(Result.REFUSED, "allow")),
            ):
                results.put(row, progress)
                display.row_changed(row, progress)
            display.says("that is all")
        return out.getvalue().split("\n")

    def test_lines(self) -> None:
        """Where nobody sits there: a line for each row that has come to its end, without its number."""
        self.assertEqual(
            self.shown(StringIO()),
            ["line 2: done: completed after 12 s: confirmed (CA1)", "line 3: refused: allow", "that is all", ""],
        )

    def test_bar(self) -> None:
        """At a terminal: a bar that is drawn anew, and above it what wants looking at only."""
        clear, none, half, full = "\r\033[2K", "-" * 24, "#" * 12 + "-" * 12, "#" * 24
        self.assertEqual(
            self.shown(Terminal()),
            [
                clear.join(
                    ["", f"[{none}]  0/2", f"[{none}]  0/2  1 calling", f"[{half}]  1/2", "line 3: refused: allow"]
                ),
                f"{clear}[{full}]  2/2{clear}that is all",
                f"{clear}[{full}]  2/2",
                "",
            ],
        )

    def test_empty(self) -> None:
        """Nobody at all is a bar, too."""
        self.assertEqual(bar({}), f"[{'-' * 24}]  0/0")
        row = Row(7, (), "", {})
        self.assertEqual(described(row, Progress(Result.UNKNOWN, "lost", call="CA1")), "line 7: unknown: lost (CA1)")
