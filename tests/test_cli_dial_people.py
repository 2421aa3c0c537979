"""Lists of people: what is read from a CSV file, and what is said of a bad one."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from voiced.cli.dialling.people import People, number, read_people
from voiced.errors import ConfigError

ANN, BOB = "+14155550100", "+442079460958"


class ListTests(SynchronousTestCase):
    """Reading a list."""

    def read(self, written: str | bytes, *how: Any) -> People:
        """The list in a file with this in it."""
        self.path = Path(self.mktemp())
        self.path.write_bytes(written if isinstance(written, bytes) else written.encode())
        return read_people(self.path, *how)

    def faults(self, written: str | bytes, *how: Any) -> list[tuple[int, int, str]]:
        """What is wrong with it."""
        error = self.assertRaises(ConfigError, self.read, written, *how)
        self.assertEqual({fault.file for fault in error.faults}, {str(self.path)})
        return [(fault.line, fault.column, fault.message) for fault in error.faults]

    def test_columns(self) -> None:
        """Columns become variables, but for the number's; spaces in their names become `_`, those round cells go."""
        people = self.read(f'Name,number,Appointment at\nAnn, {ANN} ," nine, sharp "\n')
        (row,) = people.rows
        self.assertEqual((row.number, row.line), (ANN, 2))
        self.assertEqual(row.variables, {"Name": "Ann", "Appointment_at": "nine, sharp"})
        self.assertEqual(row.cells, ("Ann", f" {ANN} ", " nine, sharp "))

    def test_spellings(self) -> None:
        """Commas, semicolons and tabs; a byte order mark or none; either end of a line; empty lines."""
        for between in ",;\t":
            for bom in ("", "\ufeff"):
                for end in ("\n", "\r\n"):
                    people = self.read(bom + end.join([f"phone{between}name", f"{ANN}{between}Ann", between, "", ""]))
                    self.assertEqual(
                        [(row.number, dict(row.variables)) for row in people.rows], [(ANN, {"name": "Ann"})]
                    )
                    self.assertEqual((people.delimiter, people.bom), (between, bool(bom)))

    def test_number_column(self) -> None:
        """It is found by its name, the best name first, or named."""
        written = f"To,Phone,mobile\n{ANN},{BOB},+33142685300\n"
        self.assertEqual(self.read(written).rows[0].number, BOB)
        self.assertEqual(self.read(written, "mobile").rows[0].number, "+33142685300")
        self.assertEqual(
            self.faults(written, "fax"), [(1, 1, "there is not a column 'fax'; there are: To, Phone, mobile")]
        )

    def test_lines(self) -> None:
        """A row's line is where it begins, whatever its cells hold and whatever was left out before."""
        people = self.read(f'number,note\n\n{ANN},"two\nlines"\n{BOB},one\n')
        self.assertEqual([row.line for row in people.rows], [3, 5])

    def test_numbers(self) -> None:
        """Numbers as people write them; what is none, or another one than it seems, is none."""
        table = {
            "+1 (415) 555-0100": ANN,
            "+44 20 7946 0958": BOB,
            "+44 (0)20 7946 0958": None,
            "415 555 0100": None,
            "+1415": None,
            "+1415555010O": None,
            "+٣٣142685300": None,
            "": None,
            "sip:ann@example.com": None,
        }
        self.assertEqual({written: number(written) for written in table}, table)

    def test_bad(self) -> None:
        """All that is wrong is named, with its line and the number of its cell."""
        table: dict[str | bytes, list[tuple[int, int, str]]] = {
            "": [(1, 1, "it is empty")],
            "name\nAnn\n": [(1, 1, "there is not a column of numbers")],
            f"{ANN}\n{BOB}\n": [(1, 1, "the first line has to name the columns")],
            f"number,name,name\n{ANN},a,b\n": [(1, 3, "column 2 is called 'name' already")],
            f"number,1st,\n{ANN},a,b\n": [(1, 2, "'1st' cannot be"), (1, 3, "'' cannot be")],
            f"number,{'n' * 65}\n{ANN},a\n": [(1, 2, "at most 64 characters, this has 65")],
            ",".join(["number", *(f"v{n}" for n in range(51))]) + "\n": [(1, 52, "at most 50 variables")],
            f"number,name\n{ANN}\n{BOB},b,c\n": [(2, 2, "1 cells, and 2 columns"), (3, 3, "3 cells, and 2 columns")],
            f"number,name\n0100,a\n{BOB},{'b' * 1025}\n": [(2, 1, "'0100' is no number"), (3, 2, "1025 characters")],
            f'number,name\n{ANN},"a\n{BOB},b\n': [(2, 1, "this is no CSV")],
            f'number,name\n{ANN},"a"b"\n': [(2, 1, "this is no CSV")],
            b"number\n\xe9\n": [(2, 1, "no UTF-8")],
            f"number\n{ANN}\0\n": [(2, 1, "code 0")],
        }
        for written, expected in table.items():
            with self.subTest(written=written):
                found = self.faults(written)
                self.assertEqual([fault[:2] for fault in found], [fault[:2] for fault in expected])
                for (_, _, message), (_, _, part) in zip(found, expected, strict=True):
                    self.assertIn(part, message)

    def test_unreadable(self) -> None:
        """A file that cannot be read is a fault like the others."""
        error = self.assertRaises(ConfigError, read_people, Path(self.mktemp()))
        self.assertIn("it cannot be read: No such file", str(error))

    def test_duplicates(self) -> None:
        """Nobody is on a list twice, with the same row or with another, unless that is meant."""
        written = f"number,name\n{ANN},a\n{BOB},b\n{ANN},c\n+1 415 555 0100,a\n{BOB},b\n"
        self.assertEqual(
            self.faults(written),
            [
                (4, 1, f"{ANN} is on line 2 already; --allow-duplicates if that is meant"),
                (5, 1, f"{ANN} is on line 2 already; --allow-duplicates if that is meant"),
                (6, 1, "this row is on line 3 already; --allow-duplicates if that is meant"),
            ],
        )
        rows = self.read(written, None, True).rows
        self.assertEqual([row.again for row in rows], [0, 0, 0, 0, 1])
        self.assertEqual(len({row.name for row in rows}), 5)

    @given(
        st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12), max_size=6, unique=True)
    )
    def test_any_cell(self, cells: list[str]) -> None:
        """Whatever a cell holds comes out as it went in."""
        numbers = [f"+1415555{number:04}" for number in range(len(cells))]
        written = io.StringIO(newline="")
        csv.writer(written).writerows([("number", "x"), *zip(numbers, cells, strict=True)])
        rows = self.read(written.getvalue()).rows
        self.assertEqual([row.cells for row in rows], list(zip(numbers, cells, strict=True)))
        self.assertEqual([row.variables["x"] for row in rows], [cell.strip() for cell in cells])

    @given(st.binary(max_size=60) | st.text(',;"\n\r+1 aé\0', max_size=60).map(str.encode))
    def test_anything(self, written: bytes) -> None:
        """Whatever is in the file, it is a list of people with numbers, or its faults are named."""
        try:
            people = self.read(written)
        except ConfigError as error:
            self.assertNotEqual(error.faults, ())
        else:
            self.assertEqual([number(row.number) for row in people.rows], [row.number for row in people.rows])
