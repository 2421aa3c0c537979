"""YAML as telephone people write it: what is text, where it stands, and what each slip is called."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from voiced.errors import ConfigError
from voiced.settings import plainyaml
from voiced.settings.plainyaml import parse

READS: list[tuple[str, Any]] = [
    ("a: +14155550123", {"a": "+14155550123"}),
    ("+1555: x", {"+1555": "x"}),
    ("a: 9:30", {"a": "9:30"}),
    ("on: no", {"on": "no"}),
    ("{1: yes, 2: off}", {"1": "yes", "2": "off"}),
    ("a: 0123", {"a": "0123"}),
    ("a: 1.10", {"a": "1.10"}),
    ("a: 1e3", {"a": "1e3"}),
    ("a: 0x1F", {"a": "0x1F"}),
    ("a: 1_000", {"a": "1_000"}),
    ("a: 2026-01-02", {"a": "2026-01-02"}),
    ("a: true", {"a": "true"}),
    ("a:", {"a": None}),
    ("a: ~", {"a": None}),
    ("a: null", {"a": None}),
    ("a: 'null'\nb: '~'\nc: ''", {"a": "null", "b": "~", "c": ""}),
    ("null: x", {"null": "x"}),
    ("- a\n- [b, c]", ["a", ["b", "c"]]),
    ("a: &x [1, 2]\nb: *x", {"a": ["1", "2"], "b": ["1", "2"]}),
    ("a: >\n  two\n  lines\n", {"a": "two lines\n"}),
    ("<<: x", {"<<": "x"}),
    ("a: b # said to the reader", {"a": "b"}),
    ("", None),
    ("# nothing\n", None),
]

SLIPS: list[tuple[str, str]] = [
    ("a: 1\nb: 2\na: 3", "3:1: 'a' is here twice; it stands in line 1 already"),
    ("x: {a: 1, a: 2}", "1:11: 'a' is here twice; it stands in line 1 already"),
    (
        "say: Dial: one",
        "1:10: a second colon in the line: put the whole text behind the first one in quotes",
    ),
    ("*: x", "1:2: `*` begins an alias: put a text that begins with it in quotes"),
    ("k: {1: a, *: b}", "1:12: `*` begins an alias: put a text that begins with it in quotes"),
    ("say: *star", "1:6: `*star` is an alias of nothing: put a text that begins with `*` in quotes"),
    ("*star : x", "1:1: `*star` is an alias, and no name: put `*` in quotes"),
    ("&a [*a]", "1:5: `*a` is an alias of nothing: put a text that begins with `*` in quotes"),
    ("say: @home", "1:6: `@` is reserved: put a text that begins with it in quotes"),
    ("say: 50\nplay: %a", "2:7: `%` begins a directive: put a text that begins with it in quotes"),
    ("say: !loud", "1:6: `!loud` is a tag, and everything is text here: put a text with `!` in quotes"),
    (
        "a: !!int 5",
        "1:4: `tag:yaml.org,2002:int` is a tag, and everything is text here: put a text with `!` in quotes",
    ),
    ("!x a: b", "1:1: `!x` is a tag: put a name with `!` in quotes"),
    ("a:\n\tb: c", "2:1: a tab; indent with spaces"),
    ("a: 'b", "1:4: the quote ' that begins here is never closed"),
    ('a: "\\d"', "1:4: an unknown \\ in \"…\": write \\\\ for a plain backslash, or use '…'"),
    ("say: {{name}}", "1:7: a name is a text; `{` and `[` are syntax: put a text that has them in quotes"),
    ("a: - b", "1:4: '-' may not stand here: put the list on lines of its own, or the text in quotes"),
    ("a: }", "1:4: '}' is syntax: put a text that has it in quotes"),
    ("a: {x}, b", "1:4: `{` is syntax: put a text that begins with it in quotes, the whole of it"),
    ("a: b, ]\n]", "2:1: ']' is syntax: put a text that has it in quotes"),
    ("--- a\n--- b", "2:1: a second `---`: a file holds one document"),
    ("a: \x07", "1:4: the character U+0007 may not stand in a file"),
    ("a:\nb: \ud800", "2:4: the character U+D800 may not stand in a file"),
    ("[" * 60 + "]" * 60, "1:52: nested more than 50 levels deep"),
]

FITS_NOT = (
    "this line does not fit the ones above: indent it as its neighbours are, "
    "and put the whole of a text in quotes, or nothing of it"
)
DASHLESS = (
    "this line lacks its `- `: each step begins with one, its settings have a colon and stand deeper, and the name "
    "of a node stands where those of the others do"
)
TOO_FAR = (
    "this line is indented too far, for line 1 is complete: indent it as its neighbours are, or put a text of "
    "several lines in quotes"
)
IN_BRACES = "in {…} and […] an unquoted comma or colon ends the text: put the text in quotes"
UNCLOSED = (
    "is never closed; in {…} and […] an unquoted `#` begins a comment, and an unquoted comma or colon ends the text: "
    "put texts in quotes"
)
LONG_SLIPS: list[tuple[str, str]] = [
    ('a: "x" y', "1:8: the text has ended with the quote before: put the whole of it in quotes"),
    ("a: b\n   c: d", f"2:4: {TOO_FAR}"),
    ("a:\n  - b\n c: d", f"3:2: {FITS_NOT}"),
    ("a: b\n- c", f"1:1: {DASHLESS}"),
    ("m: {p: Dial: one}", f"1:12: ':' does not belong here; {IN_BRACES}"),
    ("m: {p: a, q: [b}", f"1:16: '}}' does not belong here; {IN_BRACES}"),
    ("m: {p: a\nn: b", f"1:4: this `{{` {UNCLOSED}"),
    ("k: {1: a, #: b}\n", f"1:4: this `{{` {UNCLOSED}"),
    ("k: {1: [a, b}", f"1:13: '}}' does not belong here; {IN_BRACES}"),
    ("k: [a, b", f"1:4: this `[` {UNCLOSED}"),
]


def faults(text: str) -> list[str]:
    """What is wrong with a text, without the file's name."""
    try:
        parse(text, "f")
    except ConfigError as error:
        return [str(fault).removeprefix("f:") for fault in error.faults]
    return []


class PlainYamlTests(SynchronousTestCase):
    """Texts in, values and places out."""

    def test_reads(self) -> None:
        """Everything is what it looks like."""
        for text, value in READS:
            self.assertEqual(parse(text, "f").value, value, text)

    def test_slips(self) -> None:
        """Each slip has its place, its cause and its cure."""
        for text, fault in SLIPS + LONG_SLIPS:
            self.assertEqual(faults(text), [fault], text)

    def test_slips_without_the_c_library(self) -> None:
        """Where PyYAML has no libyaml under it, the sentences and places are the same."""
        self.patch(plainyaml, "LOADER", yaml.SafeLoader)
        for text, fault in SLIPS + LONG_SLIPS:
            self.assertEqual(faults(text), [fault], text)

    def test_nested_beyond_the_bound_of_libyaml(self) -> None:
        """What libyaml itself refuses to follow is refused in the same words."""
        for text in ("[" * 100_000, "a:\n  - " + "[" * 1500 + "]" * 1500):
            (fault,) = faults(text)
            self.assertEqual(fault.split(": ", 1)[1], "nested more than 50 levels deep")

    def test_several_slips(self) -> None:
        """What does not break the syntax is named all at once."""
        self.assertEqual(
            [fault.split(": ")[0] for fault in faults("a: !x 1\na: *b\nb: 2\nb: 3")], ["1:4", "2:1", "2:4", "4:1"]
        )

    def test_places(self) -> None:
        """Of every value and name the line and column are known, from one."""
        document = parse('a:\n  - b: "x"\n  - {c: [d]}\n', "f")
        spot = document.spot(("a", 0, "b"))
        self.assertEqual((spot.at, spot.name_at, spot.written, spot.name), ((2, 8), (2, 5), "x", "b"))
        self.assertEqual(document.spot(("a", 1, "c", 0)).at, (3, 10))
        self.assertEqual([document.spot(("a", 1)).braces, document.spot(("a",)).braces], [True, False])

    def test_place_of_what_is_missing(self) -> None:
        """What is not there would be in the nearest thing that is."""
        document = parse("a:\n  b: {c: d}", "f")
        self.assertEqual(document.spot(("a", "b", "x", 0)), document.spot(("a", "b")))

    def test_places_below_an_alias(self) -> None:
        """What an alias stands for is where its anchor is; there it is to be mended."""
        document = parse("a: &x\n  b: c\nd: *x", "f")
        self.assertEqual(document.spot(("d", "b")).at, (2, 6))
        self.assertEqual(document.spot(("d",)).at, (3, 4))

    def test_aliases_of_aliases(self) -> None:
        """A few lines that stand for billions of values are refused."""
        lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"]
        lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
        self.assertEqual(
            [fault.split(": ")[1] for fault in faults("\n".join(lines))],
            ["more than 100000 values, aliases followed"],
        )

    @settings(deadline=None)
    @given(st.text())
    def test_any_text(self, text: str) -> None:
        """No text makes anything but a document or a ConfigError."""
        faults(text)

    @settings(deadline=None)
    @given(st.text(alphabet="ab:{}[],-#&*!|>'\"%@`~? \t\n\\$"))
    def test_any_syntax(self, text: str) -> None:
        """Nor does any heap of syntax, with either parser."""
        faults(text)
        self.patch(plainyaml, "LOADER", yaml.SafeLoader)
        faults(text)


class FileTests(SynchronousTestCase):
    """Files that are none."""

    def read(self, content: bytes | None) -> str:
        """What is wrong with a file of this content, None: with no file."""
        path = Path(self.mktemp())
        if content is not None:
            path.write_bytes(content)
        error = self.assertRaises(ConfigError, plainyaml.read, path)
        return str(error).removeprefix(str(path))

    def test_missing(self) -> None:
        """A file that is not there."""
        self.assertEqual(self.read(None), ":1:1: cannot be read: No such file or directory")

    def test_other_encoding(self) -> None:
        """A file in another encoding is named with the line where it shows."""
        self.assertEqual(
            self.read("a: b\nc: gr\u00fc\u00df".encode("latin-1")), ":2:1: is not UTF-8 text: save the file as UTF-8"
        )

    def test_byte_order_mark(self) -> None:
        """What some editors put before the text is not part of it."""
        path = Path(self.mktemp())
        path.write_text("a: b", "utf-8-sig")
        self.assertEqual(plainyaml.read(path).value, {"a": "b"})
