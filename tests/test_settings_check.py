"""Structs from documents: every fault named, in its place, in words."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from voiced.call.template import Template
from voiced.secret import Secret
from voiced.settings import check
from voiced.settings.part import Part
from voiced.settings.plainyaml import parse


class Colour(enum.Enum):
    """Two of them."""

    RED = "red"
    BLUE = "blue"


class Inner(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A block in a block."""

    size: int
    name: str = "n"


class Outer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One field of every type there is."""

    text: str | None = None
    flag: bool = True
    count: Annotated[int, msgspec.Meta(ge=0, le=10)] = 1
    ratio: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.5
    step: Annotated[int, msgspec.Meta(multiple_of=5)] = 5
    short: Annotated[str, msgspec.Meta(min_length=2, max_length=4)] = "abc"
    lower: Annotated[str, msgspec.Meta(pattern="^[a-z]+$", description="small letters")] = "a"
    upper: Annotated[str, msgspec.Meta(pattern="^[A-Z]+$")] = "A"
    template: Template | None = None
    secret: Secret | None = None
    path: Path | None = None
    colour: Colour = Colour.RED
    word: Literal["one", "two"] = "one"
    inner: Inner | None = None
    inners: list[Inner] = []
    names: tuple[str, ...] = ()
    table: dict[str, Inner] = {}
    keys: Annotated[dict[Literal["1", "2"], str], msgspec.Meta(min_length=1)] | None = None
    either: Secret | list[Secret] | None = None
    number: int | float | None = None
    mixed: Literal["any"] | Annotated[int, msgspec.Meta(gt=0)] = "any"
    odd: msgspec.Raw | None = None
    anything: Any = None


class Fussy(msgspec.Struct, frozen=True):
    """One that has a rule of its own."""

    low: int
    high: int = 9

    def __post_init__(self) -> None:
        """Refuse a range that is none."""
        if self.low > self.high:
            raise ValueError("`low` is above `high`")


RIGHT: list[tuple[str, dict[str, Any]]] = [
    ("", {}),
    ("text: x", {"text": "x"}),
    ("text:", {"text": None}),
    ("flag: false", {"flag": False}),
    ("flag: True", {"flag": True}),
    ("count: 6", {"count": 6}),
    ("ratio: 0.25", {"ratio": 0.25}),
    ("short: '0123'", {"short": "0123"}),
    ("template: 'Hi {a.b|you}'", {"template": Template.parse("Hi {a.b|you}")}),
    ("secret: x", {"secret": Secret("x")}),
    ("path: a/b", {"path": Path("somewhere/a/b")}),
    ("path: /a", {"path": Path("/a")}),
    ("colour: blue", {"colour": Colour.BLUE}),
    ("word: two", {"word": "two"}),
    ("inner: {size: 1}", {"inner": Inner(1)}),
    ("inners:\n  - size: 1\n  - {size: 2, name: x}", {"inners": [Inner(1), Inner(2, "x")]}),
    ("names: [a, 1]", {"names": ("a", "1")}),
    ("table:", {"table": {}}),
    ("table: {a: {size: 1}}", {"table": {"a": Inner(1)}}),
    ("keys: {1: a}", {"keys": {"1": "a"}}),
    ("either: x", {"either": Secret("x")}),
    ("either: [x, y]", {"either": [Secret("x"), Secret("y")]}),
    ("number: 1.5", {"number": 1.5}),
    ("number: 5", {"number": 5}),
    ("mixed: any", {"mixed": "any"}),
    ("mixed: 5", {"mixed": 5}),
    ("anything: [a, {b: c}]", {"anything": ["a", {"b": "c"}]}),
]

COMMA = "; in {…} an unquoted comma ends a text, and `{` begins settings: put the text in quotes"
BRACE = "is not a place like {party.name|there}; write {{ for a plain brace"
QUOTES = "expects text, and `{` or `[` is syntax: put the text in quotes"
WRONG: list[tuple[str, list[str]]] = [
    ("flag: yes", ["1:7: flag: write true or false, not 'yes'"]),
    ("flag: maybe", ["1:7: flag: expects true or false, not 'maybe'"]),
    ("flag:", ["1:1: flag: has no value: write one, or take the line out"]),
    ("flag: [true]", [f"1:7: flag: {QUOTES}"]),
    ("count: six", ["1:8: count: expects a whole number, not 'six'"]),
    ("count: 1.5", ["1:8: count: expects a whole number, not '1.5'"]),
    ("count: -1", ["1:8: count: must be at least 0, not '-1'"]),
    ("count: 11", ["1:8: count: must be at most 10, not '11'"]),
    ("ratio: 0", ["1:8: ratio: must be more than 0, not '0'"]),
    ("ratio: 1", ["1:8: ratio: must be less than 1, not '1'"]),
    ("ratio: nan", ["1:8: ratio: expects a number, not 'nan'"]),
    ("ratio: inf", ["1:8: ratio: expects a number, not 'inf'"]),
    ("step: 7", ["1:7: step: must be a multiple of 5, not '7'"]),
    ("short: a", ["1:8: short: must have at least 2 characters, not 'a'"]),
    ("short: abcde", ["1:8: short: must have at most 4 characters, not 'abcde'"]),
    ("lower: B", ["1:8: lower: must be small letters, not 'B'"]),
    ("upper: b", ["1:8: upper: must be of the form ^[A-Z]+$, not 'b'"]),
    (
        "template: '{'",
        ["1:11: template: the brace at character 1 " + BRACE],
    ),
    ("template: {a.b}", [f"1:11: template: {QUOTES}"]),
    ("template:\n  - a", ["1:1: template: expects text, not a list or settings below it"]),
    ("secret: ' '", ["1:9: secret: is empty, and this secret is needed"]),
    ("secret: [a]", [f"1:9: secret: {QUOTES}"]),
    ("path: {a}", [f"1:7: path: {QUOTES}"]),
    ("colour: blu", ["1:9: colour: 'blu' is not a choice; did you mean 'blue'?"]),
    ("word: nine", ["1:7: word: 'nine' is not a choice; there are: one, two"]),
    ("inner: 5", ["1:8: inner: expects settings (`name: value`) below it, not '5'"]),
    ("inner: {}", ["1:1: inner: the setting 'size' is missing"]),
    (
        "inner:\n  size: x\n  nam: y",
        [
            "2:9: inner.size: expects a whole number, not 'x'",
            "3:3: inner: there is no setting 'nam' here; did you mean 'name'?",
        ],
    ),
    ("inners: 5", ["1:9: inners: expects a list, each entry on a line that begins with `- `, not '5'"]),
    ("inners:\n  - size: 1\n  - size: x", ["3:11: inners.2.size: expects a whole number, not 'x'"]),
    ("names: [a, [b]]", [f"1:12: names.2: {QUOTES}"]),
    ("table: {a: {size: x}}", ["1:19: table.a.size: expects a whole number, not 'x'"]),
    ("keys: {3: a}", ["1:8: keys.3: '3' may not stand here; there are: 1, 2"]),
    ("keys: {}", ["1:7: keys: must not be empty"]),
    ("either: {a: b}", [f"1:9: either: {QUOTES}"]),
    ("mixed: -5", ["1:8: mixed: must be more than 0, not '-5'"]),
    ("number: x", ["1:9: number: expects a number, not 'x'"]),
    ("odd: [x]", [f"1:6: odd: {QUOTES}"]),
    ("txet: a", ["1:1: there is no setting 'txet' here; did you mean 'text'?"]),
    ("- a", ["1:1: expects settings (`name: value`) below it"]),
    (
        "text: a\ncount: x\nratio: y\nflagg: z",
        [
            "2:8: count: expects a whole number, not 'x'",
            "3:8: ratio: expects a number, not 'y'",
            "4:1: there is no setting 'flagg' here; did you mean 'flag'?",
        ],
    ),
    (
        "{text: press one, then two, count: 1}",
        ["1:19: there is no setting 'then two' here" + COMMA],
    ),
    (f"count: {'x' * 99}", [f"1:8: count: expects a whole number, not '{'x' * 59}…'"]),
]


def decode(text: str, struct: type[msgspec.Struct] = Outer) -> tuple[Any, list[str]]:
    """The struct in a text, and what is wrong with it."""
    part = Part(parse(text, "somewhere/f"))
    found = check.decode(part, struct)
    return found, [str(fault).removeprefix("somewhere/f:") for fault in sorted(part.faults)]


class CheckTests(SynchronousTestCase):
    """Decoding."""

    maxDiff = None

    def test_right(self) -> None:
        """Text becomes what the field's type says."""
        for text, fields in RIGHT:
            self.assertEqual(decode(text), (Outer(**fields), []), text)

    def test_wrong(self) -> None:
        """Every fault is named, with its place and the way to it."""
        for text, faults in WRONG:
            self.assertEqual(decode(text)[1], faults, text)

    def test_wrong_optional_field(self) -> None:
        """What is wrong has its default, so that the rest can be checked further."""
        self.assertEqual(decode("count: x\ntext: y")[0], Outer(text="y"))

    def test_missing(self) -> None:
        """A setting that must be there is missed where it would be."""
        self.assertEqual(decode("name: x", Inner), (None, ["1:1: the setting 'size' is missing"]))

    def test_own_rule(self) -> None:
        """What a struct itself has to say is said at its place."""
        self.assertEqual(decode("low: 10", Fussy), (None, ["1:6: `low` is above `high`"]))
        wrong = decode("low: 10\nhigh: x", Fussy)  # what is wrong already may be all that it misses
        self.assertEqual((wrong[0], len(wrong[1])), (None, 1))

    def test_besides(self) -> None:
        """Names that somebody else reads are known, and suggested."""
        part = Part(parse("size: 1\nengin: x", "f"))
        check.decode(part, Inner, besides=("engine",))
        self.assertEqual(
            [fault.message for fault in part.faults], ["there is no setting 'engin' here; did you mean 'engine'?"]
        )

    def test_scalar(self) -> None:
        """A scalar fills one field; the others that must be there are missed."""
        part = Part(parse("x: 5", "f"))["x"]
        self.assertEqual(check.decode_field(part, Inner, "size"), Inner(5))
        self.assertIsNone(check.decode_field(part, Inner, "name"))
        self.assertEqual([fault.message for fault in part.faults], ["x: the setting 'size' is missing"])

    @settings(deadline=None)
    @given(
        st.recursive(
            st.none() | st.text(max_size=3),
            lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(Outer.__struct_fields__), inner),
        )
    )
    def test_anything(self, value: Any) -> None:
        """Whatever a document holds, it is a struct or it has faults."""
        document = parse("x: y", "f")
        document.value["x"] = value
        part = Part(document)["x"]
        found = check.decode(part, Outer)
        self.assertTrue(found is not None or part.faults)
