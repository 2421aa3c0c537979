"""A table of callers in a file of its own: CSV with a row of headings, or YAML written as `callers:` is.

    number,name,tier                            "+1 (415) 555-0100": {name: Ann, tier: gold}
    +1 (415) 555-0100,Ann,gold                  "+4420*": {name: a caller from London}
    +4420*,a caller from London,

Everything wrong in it is named with its line.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn, cast

import attrs
import yaml

from voiced.call.dialplan import plain
from voiced.lookups.facts import is_name, name_of
from voiced.regular import content_of

KINDS = (".csv", ".yaml", ".yml")
_NUMBER = re.compile(r"\+[1-9][0-9]{0,14}\*?|\+?\*|(sip|sips|client):\S+|anonymous", re.ASCII)
_DELIMITERS = ",;\t"
_DEEPEST = 10
_TOO_DEEP = "is nested too deep: callers, and facts below each"
_NULL = "tag:yaml.org,2002:null"
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Callers = dict[str, dict[str, str]]


def entry(written: str) -> str:
    """A caller, or a prefix of callers, as voiced compares it. Raises ValueError for what no caller is called."""
    text = plain(written) if written.lstrip()[:1] in ("+", "*") else written.strip()
    if not _NUMBER.fullmatch(text):
        raise ValueError(
            f"{written!r} is no number: write it with `+` and its country, like +14155550100 (+1415* for all that "
            "begin so); a spreadsheet keeps the `+` in columns that are text"
        )
    return text


def read_table(path: Path, number: str) -> Callers:
    """What the file says of whom; `number` is the heading of the column with the callers.

    Raises ValueError, with the first line that is wrong, and how many others are.
    """
    table = _Table(path)
    text = table.text()
    rows = _csv(table, text, number) if path.suffix.lower() == ".csv" else _yaml(table, text)
    for line, written, facts in rows:
        table.add(line, written, facts)
    if table.faults:
        raise ValueError(table.summary())
    return table.callers


Rows = Iterator[tuple[int, str, Mapping[str, str]]]
"""The line, the caller as it is written, and the facts."""


@attrs.frozen
class _Table:
    """A file on its way to be callers."""

    path: Path
    callers: Callers = attrs.field(factory=dict)
    faults: list[tuple[int, str]] = attrs.field(factory=list)
    _lines: dict[str, int] = attrs.field(factory=dict)
    """Where each caller stands."""

    def text(self) -> str:
        """All of it. Raises ValueError."""
        try:
            text = content_of(self.path).decode("utf-8-sig")
        except OSError as error:
            raise ValueError(f"{self.path} cannot be read: {error.strerror}") from None
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            self.stop(line, "is not UTF-8 text: save the file as UTF-8 (of a spreadsheet: `CSV UTF-8`)")
        if not text.strip():
            self.stop(1, "the file is empty: write a row of headings and callers below it, or `number: {name: text}`")
        return text

    def add(self, line: int, written: str, facts: Mapping[str, str]) -> None:
        """One more caller."""
        try:
            caller = entry(written)
        except ValueError as error:
            self.wrong(line, str(error))
            return
        if caller in self.callers:
            self.wrong(line, f"{written!r} is here twice; it stands in line {self._lines[caller]} already")
            return
        self.callers[caller] = dict(facts)
        self._lines[caller] = line

    def wrong(self, line: int, sentence: str) -> None:
        """Note it."""
        self.faults.append((line, sentence))

    def stop(self, line: int, sentence: str) -> NoReturn:
        """Nothing more can be read."""
        self.wrong(line, sentence)
        raise ValueError(self.summary())

    def summary(self) -> str:
        """The first fault, and how many there are besides."""
        (line, sentence), *others = sorted(self.faults)
        return f"{self.path}:{line}: {sentence}" + (f" (and {len(others)} more)" if others else "")


def _csv(table: _Table, text: str, number: str) -> Rows:
    lines = text.splitlines()
    delimiter = max(_DELIMITERS, key=next(line for line in lines if line.strip()).count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    names: list[str] = []
    line = 1
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                pass
            elif not names:
                names = _headings(table, line, cells, number)
                caller = names.index(name_of(number))
            elif len(cells) != len(names):
                table.wrong(
                    line, f"the row has another number of cells ({len(cells)}) than the headings ({len(names)})"
                )
            else:
                facts = {name: cell.strip() for name, cell in zip(names, cells, strict=True) if cell.strip()}
                facts.pop(names[caller], None)
                yield line, cells[caller], facts
            line = reader.line_num + 1
    except csv.Error as error:
        table.stop(line, f"is no good CSV ({error}): look for a quote that is not closed")


def _headings(table: _Table, line: int, cells: list[str], number: str) -> list[str]:
    """The names of the columns."""
    names = [name_of(cell) for cell in cells]
    if name_of(number) not in names:
        headings = ", ".join(cell.strip() for cell in cells)
        table.stop(
            line, f"no column is called {number!r} (there are: {headings}): say with `number:` which has the callers"
        )
    for at, (cell, name) in enumerate(zip(cells, names, strict=True)):
        if name != name_of(number) and not is_name(name):
            table.wrong(line, f"the heading {cell!r} (column {at + 1}) is no name: use letters, digits and `_`")
        if name in names[:at]:
            table.wrong(line, f"two columns are called {name!r}: rename one")
    return names


def _yaml(table: _Table, text: str) -> Rows:
    try:
        _measure(table, text)
        root = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = cast("yaml.Mark", error.problem_mark or error.context_mark)
        if "nesting depth" in str(error.problem):  # libyaml since 0.2.6: it stops, too, at a depth of its own
            table.stop(mark.line + 1, _TOO_DEEP)
        table.stop(mark.line + 1, f"is no good YAML: {error.problem}")
    except yaml.YAMLError:
        table.stop(1, "is no good YAML: it holds characters that may not stand there")
    if not isinstance(root, yaml.MappingNode):
        table.stop(1, "expects callers, each like `+14155550100: {name: Ann}`")
    for key, value in root.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode) or not isinstance(value, yaml.MappingNode):
            table.wrong(line, "expects a caller and facts, like `+14155550100: {name: Ann}`")
        else:
            yield line, key.value, _facts(table, value)


def _measure(table: _Table, text: str) -> None:
    """Stop before libyaml follows any depth: it would end the process."""
    depth = 0
    events: Iterator[Any] = yaml.parse(text, Loader=_LOADER)
    for event in events:
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            table.stop(event.start_mark.line + 1, _TOO_DEEP)


def _facts(table: _Table, node: yaml.MappingNode) -> dict[str, str]:
    facts: dict[str, str] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode) or not is_name(key.value):
            table.wrong(line, "the name of a fact is made of letters, digits and `_`, as in `{name: Ann}`")
        elif not isinstance(value, yaml.ScalarNode) or value.tag == _NULL:
            table.wrong(line, f"{key.value!r} expects a text: write one, or take it out")
        elif key.value in facts:
            table.wrong(line, f"{key.value!r} is here twice: take one away")
        else:
            facts[key.value] = value.value
    return facts
