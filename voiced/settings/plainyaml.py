"""YAML as telephone people write it: every scalar stays text, and the line and column of everything is kept.

`+1555`, `9:30`, `no`, `0123` and `1.10` are what they look like; only nothing at all, and an unquoted `~` or `null`,
are None. A name twice, a tag, and whatever else would be read otherwise than it looks, is a fault.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import attrs
import yaml

from voiced.errors import ConfigError, Fault
from voiced.regular import content_of
from voiced.settings import yamlfault

Where = tuple[str | int, ...]
"""The way to a value: the names and indexes that lead to it."""

MOST_VALUES = 100_000
"""Values in a file, aliases followed: a few lines of aliases can stand for billions."""

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NOTHING = ("", "~", "null")
_UNREADABLE = "cannot be read: "
_FORBIDDEN = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)  # YAML 1.1 §4.1


class Broken(enum.Enum):
    """Stands for a value whose fault has been noted already."""

    BROKEN = "broken"


BROKEN = Broken.BROKEN


@attrs.frozen
class Spot:
    """Where a value and its name stand (line and column, from 1), and how they were written."""

    at: tuple[int, int]
    name_at: tuple[int, int]
    """The value's own place where it has no name."""
    written: str = ""
    """A scalar's text before anything in it was replaced; sentences quote this."""
    name: str = ""
    """The name's text before anything in it was replaced."""
    braces: bool = False
    """Whether it is a list or mapping written in `[…]` or `{…}`."""


@attrs.frozen
class Document:
    """What one file says, and where."""

    file: str
    value: Any
    spots: Mapping[Where, Spot]
    meant: dict[Where, Where] = attrs.field(factory=dict, eq=False, repr=False)
    """Where that stands which is not there, and was written with a slip: it is read on as if it were right, for what
    follows from the slip is no other fault.
    """

    def spot(self, where: Where) -> Spot:
        """The place of what is there, or else of what it would be in."""
        while where not in self.spots:
            where = where[:-1]
        return self.spots[where]

    @property
    def directory(self) -> Path:
        """Where the file lies."""
        return Path(self.file).parent


def read(path: Path, content: Callable[[Path], bytes] = content_of) -> Document:
    """The file as a document; `content` reads it. Raises ConfigError only."""
    try:
        text = content(path).decode("utf-8-sig")
    except OSError as error:
        raise ConfigError([Fault(str(path), 1, 1, f"{_UNREADABLE}{error.strerror}")]) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError([Fault(str(path), line, 1, "is not UTF-8 text: save the file as UTF-8")]) from None
    return parse(text, str(path))


def unreadable(error: ConfigError) -> bool:
    """Whether a file could not be read at all: then whoever names it is the place to say so."""
    return error.faults[0].message.startswith(_UNREADABLE)


def parse(text: str, file: str) -> Document:
    """A text as a document; `file` is what faults call it. Raises ConfigError only, naming every fault."""
    if odd := _FORBIDDEN.search(text):
        line, column = text.count("\n", 0, odd.start()) + 1, odd.start() - text.rfind("\n", 0, odd.start())
        raise ConfigError([Fault(file, line, column, f"the character U+{ord(odd[0]):04X} may not stand in a file")])
    reading = _Reading(text, file)
    try:
        value = reading.document()
    except yaml.MarkedYAMLError as error:
        reading.faults.append(yamlfault.explain(error, text, file, reading.opened, reading.quoted))
    if reading.faults:
        raise ConfigError(reading.faults)
    return Document(file, value, reading.spots)


class _Reading:
    """Reads a document off the parser's events. Faults are noted; only a broken syntax ends it early."""

    def __init__(self, text: str, file: str) -> None:
        self._file = file
        self._events: Iterator[Any] = map(self._seen, yaml.parse(text, Loader=LOADER))
        self._anchors: dict[str, tuple[Any, dict[Where, Spot]]] = {}
        self.spots: dict[Where, Spot] = {(): Spot((1, 1), (1, 1))}
        self.faults: list[Fault] = []
        self.opened: list[tuple[int, int]] = []
        """The places of the `{` and `[` that are not closed yet."""
        self.quoted: yamlfault.Quoted | None = None
        """What was read last, if it was a text in quotes."""

    def document(self) -> Any:
        value = None
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent) and value is not None:
                self._stop(event, "a second `---`: a file holds one document")
            if isinstance(event, yaml.NodeEvent):
                value = self._node(event, ())
        return value

    def _seen(self, event: Any) -> Any:
        mark = getattr(event, "style", None)
        end = event.end_mark.line + 1, event.end_mark.column + 1
        self.quoted = yamlfault.Quoted(mark, _at(event), end) if mark in ("'", '"') else None
        return event

    def _node(self, event: Any, where: Where, name: Any = None) -> Any:
        if len(where) > yamlfault.DEEPEST:
            self._stop(event, yamlfault.NESTED)
        if len(self.spots) > MOST_VALUES:
            self._stop(event, f"more than {MOST_VALUES} values, aliases followed")
        self._place(event, where, name)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, where)
        if event.tag is not None:
            self._wrong(event, f"`{event.tag}` is a tag, and everything is text here: put a text with `!` in quotes")
        if isinstance(event, yaml.ScalarEvent):
            self._escaped(event)
            value: Any = None if event.implicit[0] and event.value in _NOTHING else event.value
        elif isinstance(event, yaml.SequenceStartEvent):
            value = self._list(event, where)
        else:
            value = self._mapping(event, where)
        if event.anchor is not None:
            self._anchors[event.anchor] = value, self._beneath(where)
        return value

    def _list(self, event: Any, where: Where) -> list[Any]:
        self._open(event)
        value: list[Any] = []
        while not isinstance(item := next(self._events), yaml.SequenceEndEvent):
            value.append(self._node(item, (*where, len(value))))
        self._close(event)
        return value

    def _mapping(self, event: Any, where: Where) -> dict[str, Any]:
        self._open(event)
        value: dict[str, Any] = {}
        while not isinstance(name := next(self._events), yaml.MappingEndEvent):
            text = self._name(name, where)
            if twice := text in value:
                first = self.spots[*where, text].name_at[0]
                self._wrong(name, f"{text!r} is here twice; it stands in line {first} already")
            found = self._node(next(self._events), (*where, "", text) if twice else (*where, text), name)
            value.setdefault(text, found)
        self._close(event)
        return value

    def _name(self, event: Any, where: Where) -> str:
        if isinstance(event, yaml.ScalarEvent):
            if event.tag is not None:
                self._wrong(event, f"`{event.tag}` is a tag: put a name with `!` in quotes")
            self._escaped(event)
            return str(event.value)
        if isinstance(event, yaml.AliasEvent):
            self._wrong(event, f"`*{event.anchor}` is an alias, and no name: put `*` in quotes")
        else:
            self._wrong(event, "a name is a text; `{` and `[` are syntax: put a text that has them in quotes")
            self._node(event, (*where, "", ""))
        return ""

    def _escaped(self, event: Any) -> None:
        """What may not stand in a file may not be written as an escape (`"\\0"`) either: no path may hold it."""
        if odd := _FORBIDDEN.search(event.value):
            self._wrong(event, f"the character U+{ord(odd[0]):04X} may not stand in a text: take the escape out")

    def _alias(self, event: Any, where: Where) -> Any:
        if event.anchor not in self._anchors:
            self._wrong(event, f"`*{event.anchor}` is an alias of nothing: put a text that begins with `*` in quotes")
            return None
        value, spots = self._anchors[event.anchor]
        if isinstance(value, str):
            self.spots[where] = attrs.evolve(self.spots[where], written=value)
        for beneath, spot in spots.items():
            self.spots[where + beneath] = spot
        return value

    def _beneath(self, where: Where) -> dict[Where, Spot]:
        return {w[len(where) :]: s for w, s in self.spots.items() if w[: len(where)] == where and w != where}

    def _place(self, event: Any, where: Where, name: Any) -> None:
        at = _at(event)
        self.spots[where] = Spot(
            at,
            at if name is None else _at(name),
            getattr(event, "value", ""),
            "" if name is None else getattr(name, "value", ""),
            bool(getattr(event, "flow_style", False)),
        )

    def _open(self, event: Any) -> None:
        if event.flow_style:
            self.opened.append(_at(event))

    def _close(self, event: Any) -> None:
        if event.flow_style:
            self.opened.pop()

    def _wrong(self, event: Any, message: str) -> None:
        self.faults.append(Fault(self._file, *_at(event), message))

    def _stop(self, event: Any, message: str) -> NoReturn:
        self._wrong(event, message)
        raise ConfigError(self.faults)


def _at(event: Any) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1
