"""Everything wrong is found, in one run: broken files, each with the line, column and sentence that it gets."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.written_files import GOOD, Case, cases, said_of

TABLE = Path(__file__).parent / "broken_files.txt"


class BrokenFilesTests(SynchronousTestCase):
    """The table beside this file."""

    maxDiff = None

    def said(self, case: Case) -> list[str]:
        """All that is said of its files."""
        directory = Path(self.mktemp())
        case.write(directory)
        return said_of(directory)

    def test_table(self) -> None:
        """Each case gets its faults, and no other."""
        table = list(cases(TABLE))
        self.assertGreaterEqual(len(table), 60)
        for case in table:
            self.assertEqual(self.said(case), case.said, case.title)

    def test_every_case_is_broken(self) -> None:
        """No case of the table expects nothing, or says a warning; and none is there twice."""
        table = list(cases(TABLE))
        self.assertEqual([case.title for case in table if not case.said], [])
        self.assertEqual([said for case in table for said in case.said if ": warning: " in said], [])
        self.assertEqual(len({str(case.files) for case in table}), len(table))

    def test_the_good_one(self) -> None:
        """What the cases differ from is good."""
        self.assertEqual(self.said(Case("good", dict(GOOD))), [])
