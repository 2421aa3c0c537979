"""The file in which the results of a list are: what it holds, and that it is whole whatever happens."""

from __future__ import annotations

import csv
import os
import stat
from pathlib import Path
from typing import Any

import attrs
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from voiced.cli.dialling.people import People, read_people
from voiced.cli.dialling.results import COLUMNS, Progress, Result, Results, read_progress
from voiced.errors import ConfigError, StoreError

LIST = 'number;note\n+14155550100;"a;\nb"\n+14155550101;=2+2\n'
ADVICE = "name the list that they are of"
DONE = Progress(Result.DONE, "", "completed", "confirmed", "CA1", 2, 31.25, 1_700_000_000.9, "dial-1")

progresses = st.builds(
    Progress,
    st.sampled_from(Result),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20),
    st.sampled_from(["", "completed", "no_answer"]),
    st.sampled_from(["", "no key", 'said "no", twice;']),
    st.sampled_from(["", "CA" + "0" * 32]),
    st.integers(0, 30),
    st.none() | st.integers(0, 100_000).map(lambda eighths: eighths / 8),
    st.none() | st.integers(1_000_000_000, 3_000_000_000).map(float),
    st.sampled_from(["", "dial-" + "a" * 40]),
)


class ResultsTests(SynchronousTestCase):
    """The results of a list of two."""

    def setUp(self) -> None:
        """A list, and no results yet."""
        self.home = Path(self.mktemp())
        self.home.mkdir()
        self.path = self.home / "people.results.csv"
        self.people = self.listed(LIST)

    def listed(self, written: str) -> People:
        """A list of that."""
        (self.home / "people.csv").write_text(written, encoding="utf-8", newline="")
        return read_people(self.home / "people.csv", None, True)

    def results(self, people: People | None = None, **how: Any) -> Results:
        """Its results, as they are on the disk."""
        return Results(self.path, people or self.people, **how)

    def faults(self, people: People | None = None) -> list[str]:
        """Why these are not its results."""
        error = self.assertRaises(ConfigError, self.results, people)
        return [f"{Path(fault.file).name}:{fault.line}:{fault.column} {fault.message}" for fault in error.faults]

    def test_written(self) -> None:
        """The same columns and ours, in the list's order, with its delimiter; times in UTC."""
        results = self.results()
        results.put(self.people.rows[1], DONE)
        results.commit()
        with self.path.open(encoding="utf-8", newline="") as file:
            lines = list(csv.reader(file, delimiter=";"))
        self.assertEqual(lines[0], ["number", "note", *COLUMNS])
        self.assertEqual(lines[1], ["+14155550100", "a;\nb", *[""] * len(COLUMNS)])
        self.assertEqual(
            lines[2],
            [
                "+14155550101",
                "=2+2",
                "done",
                "completed",
                "confirmed",
                "CA1",
                "2",
                "31.25",
                "2023-11-14T22:13:20Z",
                "dial-1",
            ],
        )

    def test_private(self) -> None:
        """It holds numbers: nobody else on the machine may read it; and nothing is left beside it."""
        self.results().commit()
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)
        self.assertEqual(sorted(path.name for path in self.home.iterdir()), ["people.csv", "people.results.csv"])

    def test_byte_order_mark(self) -> None:
        """A list that says that it is UTF-8 has results that say so, and they are read again."""
        people = self.listed("\ufeffnumber\n+14155550100\n")
        results = self.results(people)
        results.put(people.rows[0], DONE)
        results.commit()
        self.assertTrue(self.path.read_text(encoding="utf-8").startswith("\ufeffnumber,voiced_result"))
        self.assertEqual(self.results(people)[people.rows[0]].result, Result.DONE)

    def test_goes_on(self) -> None:
        """What was committed is there in the next run, also when the list has grown or was put in another order."""
        first = self.results()
        first.put(self.people.rows[0], DONE)
        first.commit()
        people = self.listed('number;note\n+14155550199;new\n+14155550101;=2+2\n+14155550100;"a;\nb"\n')
        results = self.results(people)
        self.assertEqual([results[row].result for row in people.rows], [Result.NONE, Result.NONE, Result.DONE])
        self.assertEqual(results[people.rows[2]], attrs.evolve(DONE, time=1_700_000_000.0))
        self.assertEqual(results.counts(), {Result.NONE: 2, Result.DONE: 1})

    def test_twins(self) -> None:
        """Of two rows that are the same, each has its own progress."""
        people = self.listed("number\n+14155550100\n+14155550100\n")
        first = self.results(people)
        first.put(people.rows[1], DONE)
        first.commit()
        results = self.results(people)
        self.assertEqual([results[row].result for row in people.rows], [Result.NONE, Result.DONE])

    @given(st.tuples(progresses, progresses))
    def test_any_progress(self, both: tuple[Progress, Progress]) -> None:
        """Whatever became of a row is read as it was written."""
        results = self.results(sync=lambda descriptor: None)
        for row, progress in zip(self.people.rows, both, strict=True):
            results.put(row, progress)
        results.commit()
        again = self.results()
        self.assertEqual([again[row] for row in self.people.rows], list(both))

    def test_taken_columns(self) -> None:
        """A list's columns have what names they like; only a file of results is no list."""
        people = self.listed("number;call;time;result;key\n+14155550100;a;b;c;d\n")
        results = self.results(people)
        results.put(people.rows[0], DONE)
        results.commit()
        self.assertEqual(self.results(people)[people.rows[0]].result, Result.DONE)
        self.assertEqual(people.rows[0].variables["time"], "b")
        again = self.listed(self.path.read_text(encoding="utf-8"))
        self.assertEqual(
            self.faults(again),
            ["people.csv:1:6 the column 'voiced_result' is one of results, not of a list: " + ADVICE],
        )

    def test_of_another_list(self) -> None:
        """Results with other columns, or of rows that the list has not, are not gone on with: it would call twice."""
        self.results().commit()
        (other,) = self.faults(self.listed("number;name\n+14155550100;Ann\n"))
        self.assertIn("people.results.csv:1:1 these are no results of", other)
        (gone,) = self.faults(self.listed("number;note\n+14155550101;=2+2\n"))
        self.assertIn("people.results.csv:2:1 the list has no such row", gone)

    def test_edited(self) -> None:
        """What nobody can have meant is named with its line; what was emptied begins anew."""
        self.path.write_text(
            f"number;note;{';'.join(COLUMNS)}\n"
            '+14155550100;"a;\nb";called;;;;;;;\n'
            "+14155550101;=2+2;done;;;;1;1;14.11.2023;\n"
        )
        first, second = self.faults()
        self.assertIn("people.results.csv:2:1 'called' is not a valid Result: leave these columns", first)
        self.assertIn("people.results.csv:4:1 time data '14.11.2023'", second)
        self.assertEqual(read_progress([""] * len(COLUMNS)), Progress())

    def test_torn(self) -> None:
        """Wherever writing breaks off, the file is whole: as it was before, and the sentence says why."""
        results = self.results()
        results.put(self.people.rows[0], DONE)
        results.commit()
        before = self.path.read_bytes()

        def full(descriptor: int) -> None:
            raise OSError(28, os.strerror(28))

        torn = self.results(sync=full)
        torn.put(self.people.rows[1], DONE)
        error = self.assertRaises(StoreError, torn.commit)
        self.assertIn("No space left on device", str(error))
        self.assertEqual(self.path.read_bytes(), before)
        self.results().commit()
        self.assertEqual(self.path.read_bytes(), before)

    def test_on_the_disk(self) -> None:
        """The contents are brought to the disk before the name is, and the name before anybody goes on."""
        synced = []
        results = self.results(sync=lambda descriptor: synced.append(Path(f"/proc/self/fd/{descriptor}").readlink()))
        results.commit()
        self.assertEqual([path.name for path in synced], ["people.results.csv.part", self.home.name])
