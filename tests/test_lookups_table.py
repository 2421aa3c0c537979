"""Callers who are written down, in voiced.yaml or in a file beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from voiced.errors import VoicedError
from voiced.ivoiced import ICallerLookup
from voiced.lookups import table
from voiced.testing.contracts import CallerLookupContract
from voiced.testing.fake_call import INFO, FakeCall
from voiced.testing.fakes import FakeTools

ANN, TOWN, LAND = {"name": "Ann"}, {"town": "London"}, {"land": "UK"}
CSV = (
    "number,name,Customer tier\n+1 (415) 555-0100, Ann ,gold\n\n+4420*,,\n+44*,'n',\"a\nb\"\nsip:ann@x.example,Ann,\n"
)
YAML = """\
# our customers
"+1 (415) 555-0100": {name: Ann, since: 0123, vip: yes}
"+4420*": &london {name: ""}
"+44*": *london
sip:ann@x.example: {}
"""


class TableCase(SynchronousTestCase):
    """Test cases that ask a table."""

    def known(self, settings: table.Settings, party: str) -> Any:
        """What is known of a caller."""
        call = FakeCall(info=attrs.evolve(INFO, caller=party))
        return self.successResultOf(table.make(settings, FakeTools(Clock())).lookup(call))

    def file(self, text: str | bytes, name: str = "customers.csv") -> Path:
        """A file with this in it."""
        directory = Path(self.mktemp())
        directory.mkdir(parents=True)
        (directory / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return directory / name


class TableTests(TableCase):
    """The lookup `table`, of what stands in voiced.yaml."""

    def test_known(self) -> None:
        """The exact number, then the longest prefix, else nothing."""
        settings = table.Settings({"+1 (415) 555-0100": ANN, "+4420*": TOWN, "+44*": LAND, "sip:ann@x.example": ANN})
        for party, facts in (
            ("+14155550100", ANN),
            ("+442071234567", TOWN),
            ("+441511234567", LAND),
            ("sip:ann@x.example", ANN),
            ("+33123456789", {}),
            ("anonymous", {}),
        ):
            self.assertEqual(self.known(settings, party), facts, party)

    def test_everybody(self) -> None:
        """A star alone is everybody else, and who hides their number can be an entry."""
        settings = table.Settings({"*": TOWN, "anonymous": LAND, "+44*": ANN})
        for party, facts in (("", TOWN), ("anonymous", LAND), ("+44123", ANN), ("sip:x@y.example", TOWN)):
            self.assertEqual(self.known(settings, party), facts, party)

    def test_refused(self) -> None:
        """What would never be found is refused, and so is what does not say where the callers are."""
        one = "write either"
        for callers, file, words in (
            (None, None, one),
            ({}, Path("x.csv"), one),
            (None, Path("customers.xlsx"), "must end in .csv, .yaml or .yml"),
            (None, Path("nowhere.csv"), "nowhere.csv cannot be read: No such file"),
            ({"+1 415": ANN, "+1-415": ANN}, None, "'+1-415' twice"),
            ({"4155550100": ANN}, None, "'4155550100' is no number"),
            ({"": ANN}, None, "'' is no number"),
        ):
            self.assertIn(words, str(self.assertRaises(ValueError, table.Settings, callers, file)))

    def test_not_shown(self) -> None:
        """A table is not written to a log by accident: it has people in it."""
        self.assertNotIn("Ann", repr(table.make(table.Settings({"+14155550100": ANN}), FakeTools(Clock()))))


class FileTests(TableCase):
    """The lookup `table`, of a file."""

    def test_csv(self) -> None:
        """Every other column is a fact where it has a cell; headings become names."""
        settings = table.Settings(file=self.file(CSV))
        for party, facts in (
            ("+14155550100", {"name": "Ann", "Customer_tier": "gold"}),
            ("+442071234567", {}),
            ("+441511234567", {"name": "'n'", "Customer_tier": "a\nb"}),
            ("sip:ann@x.example", ANN),
            ("+33123456789", {}),
        ):
            self.assertEqual(self.known(settings, party), facts, party)

    def test_named(self) -> None:
        """The file is one of those that a reload looks at, wherever the daemon was started."""
        path = self.file(CSV)
        self.assertEqual(table.Settings(file=path).mentions().files, (str(path.absolute()),))
        self.assertEqual(table.Settings(callers={}).mentions().files, ())

    def test_spreadsheets(self) -> None:
        """Semicolons and tabs, a byte order mark, line ends of all kinds, a heading of its own for the numbers."""
        for text in (
            "name;Phone number\nAnn;+1 415 555 0100\n",
            "Phone number\tname\r\n+14155550100\tAnn\r\n",
            "\ufeff\n\nname,Phone number\r+14155550100".replace("+", "Ann,+"),
        ):
            settings = table.Settings(file=self.file(text), number="Phone number")
            self.assertEqual(self.known(settings, "+14155550100"), ANN, text)

    def test_yaml(self) -> None:
        """The same shape as `callers:`; every value is the text that is written there."""
        for name in ("customers.yaml", "customers.YML"):
            settings = table.Settings(file=self.file("\ufeff" + YAML, name))
            for party, facts in (
                ("+14155550100", {"name": "Ann", "since": "0123", "vip": "yes"}),
                ("+441511234567", {"name": ""}),
                ("sip:ann@x.example", {}),
            ):
                self.assertEqual(self.known(settings, party), facts, party)

    def refuse(self, text: str | bytes, words: str, name: str) -> None:
        """This file is refused, with its name, the line, and these words."""
        path = self.file(text, name)
        error = str(self.assertRaises(ValueError, table.Settings, file=path))
        self.assertIn(f"{path}:{words}", error)

    def test_bad_csv(self) -> None:
        """Each fault of a CSV file is named with its line, and the others are counted."""
        for text, words in (
            ("", "1: the file is empty"),
            (" \n\n", "1: the file is empty"),
            ("number\n+14155550100\nü\n".encode("latin-1"), "3: is not UTF-8 text"),
            ("number,name\n".encode("utf-16"), "1: is not UTF-8 text"),
            ("phone,name\n+14155550100,Ann\n", "1: no column is called 'number' (there are: phone, name): say with"),
            (
                "number,name\n+14155550100,Ann\n+1 415 555-0100,Bo\n",
                "3: '+1 415 555-0100' is here twice; it stands in line 2",
            ),
            ('number,name\n\n"a\nb",Ann\n', "3: 'a\\nb' is no number"),
            ("number,name\n14155550100,Ann\n", "2: '14155550100' is no number: write it with `+`"),
            ("number,name\n1.41556E+10,Ann\n,Bo\n", "2: '1.41556E+10' is no number"),
            (
                "number,name\n0044 20 7123,Ann\n,Bo\n,Cy\n",
                "2: '0044 20 7123' is no number: write it with `+`",
            ),
            ("number,name\n+14155550100\n", "2: the row has another number of cells (1) than the headings (2)"),
            ("number,name\n+14155550100,a,b\n", "2: the row has another number of cells (3) than"),
            ("number,name,name\n", "1: two columns are called 'name': rename one"),
            ("number,a b,a-b\n", "1: two columns are called 'a_b': rename one"),
            ("number,number\n", "1: two columns are called 'number': rename one"),
            ("number,2nd\n", "1: the heading '2nd' (column 2) is no name"),
            ("number,name,\n", "1: the heading '' (column 3) is no name"),
            ("number,na{me}\n", "1: the heading 'na{me}' (column 2) is no name"),
            ('number,name\n+14155550100,"Ann\n', "2: is no good CSV (unexpected end of data)"),
            ('number,name\n"+1"4155550100,Ann\n', "2: is no good CSV (',' expected after '\"')"),
            ("number,name\n+14155550100," + "x" * 200_000, "2: is no good CSV (field larger than"),
        ):
            self.refuse(text, words, "customers.csv")

    def test_several(self) -> None:
        """The first fault is told, and how many others there are."""
        path = self.file("number,name\n+14155550100,Ann\n5,Bo\n6,Cy\n7\n")
        error = str(self.assertRaises(ValueError, table.Settings, file=path))
        self.assertIn(":3: '5' is no number", error)
        self.assertTrue(error.endswith(" (and 2 more)"), error)

    def test_bad_yaml(self) -> None:
        """Each fault of a YAML file, too."""
        for text, words in (
            ("", "1: the file is empty"),
            ("# nothing\n", "1: expects callers, each like"),
            ("- a\n", "1: expects callers, each like"),
            ("+14155550100: Ann\n", "1: expects a caller and facts"),
            ("[a]: {b: c}\n", "1: expects a caller and facts"),
            ("\n4155550100: {name: Ann}\n", "2: '4155550100' is no number"),
            (
                "+14155550100: {name: Ann}\n+1 415 555-0100: {}\n",
                "2: '+1 415 555-0100' is here twice; it stands in line 1",
            ),
            ("+14155550100:\n  name:\n", "2: 'name' expects a text"),
            ("+14155550100: {name: [a]}\n", "1: 'name' expects a text"),
            ("+14155550100: {name: a, name: b}\n", "1: 'name' is here twice"),
            ("+14155550100: {first-name: a}\n", "1: the name of a fact is made of"),
            ("+14155550100: {[a]: b}\n", "1: the name of a fact is made of"),
            ("+14155550100: {name: *x}\n", "1: is no good YAML: found undefined alias"),
            ("a: {\n", "2: is no good YAML: "),
            ("a: b\n---\na: b\n", "2: is no good YAML: "),
            ("a: \x07\n", "1: is no good YAML: it holds characters that may not stand there"),
            ("a: &a [*a]\n", "1: expects a caller and facts"),
            ("\n" + "[" * 100_000, "2: is nested too deep"),
        ):
            self.refuse(text, words, "customers.yaml")

    def test_many_columns_of_facts(self) -> None:
        """A row counts its cells, whatever delimiter its texts hold."""
        settings = table.Settings(file=self.file("number;name\n+14155550100;Smith, Ann, Ms\n"))
        self.assertEqual(self.known(settings, "+14155550100"), {"name": "Smith, Ann, Ms"})

    def test_read_anew(self) -> None:
        """The file is read when the lookup is made; one that has become wrong by then is no lookup."""
        path = self.file("number,name\n+14155550100,Ann\n")
        settings = table.Settings(file=path)
        path.write_text("number,name\n+14155550100,Bo\n")
        self.assertEqual(self.known(settings, "+14155550100"), {"name": "Bo"})
        path.write_text("number,name\n5,Bo\n")
        error = self.assertRaises(VoicedError, table.make, settings, FakeTools(Clock()))
        self.assertIn("customers.csv:2: '5' is no number", str(error))

    @given(st.sampled_from(("customers.csv", "customers.yaml")), st.one_of(st.binary(), st.text().map(str.encode)))
    def test_any_file(self, name: str, text: bytes) -> None:
        """Whatever is in a file, it is a table or a sentence."""
        path = self.file(text, name)
        try:
            table.Settings(file=path)
        except ValueError as error:
            self.assertIn(str(path), str(error))


class TableContract(CallerLookupContract, SynchronousTestCase):
    """The lookup `table` keeps what lookups promise."""

    known = "+14155550100"

    def make_lookup(self) -> ICallerLookup:
        """A table with one caller in it."""
        self.clock = Clock()
        return table.make(table.Settings({self.known: {"name": "Ann"}}), FakeTools(self.clock))
