"""The list of people to be called: a CSV file whose columns are the flow's variables. Pure, but for reading the file.

UTF-8 with or without a byte order mark; commas, semicolons or tabs, as the first line has them; a cell in quotes may
hold any of them (RFC 4180).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import attrs
import phonenumbers

from voiced.call.dialplan import plain
from voiced.errors import ConfigError, Fault

NUMBER_COLUMNS = ("number", "phone", "to")
"""What a column of telephone numbers is called where nobody says which it is."""
DELIMITERS = ",;\t"
MOST_VARIABLES = 50
LONGEST_NAME = 64
LONGEST_VALUE = 1024
"""Characters; this and the two before it are what the daemon's API takes."""
BOM = "\ufeff"

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
_E164 = re.compile(r"\+[1-9][0-9]{1,14}")


@attrs.frozen(eq=False)
class Row:
    """Somebody to be called. Two rows are never the same, whatever stands in them."""

    line: int
    """Where it begins in the file, from 1."""
    cells: tuple[str, ...] = attrs.field(repr=False)
    """As they are written."""
    number: str = attrs.field(repr=False)
    """`+` and digits."""
    variables: Mapping[str, str] = attrs.field(repr=False)
    again: int = 0
    """How many rows before it are the very same."""

    @property
    def name(self) -> tuple[tuple[str, ...], int]:
        """What tells it from every other row, wherever it stands in the list."""
        return self.cells, self.again


@attrs.frozen
class People:
    """A list, as it was read."""

    path: Path
    columns: tuple[str, ...]
    """As they are written."""
    rows: tuple[Row, ...] = attrs.field(repr=False)
    delimiter: str = ","
    bom: bool = False


@attrs.frozen
class Table:
    """A CSV file's cells, with the line on which each row begins; rows without anything in them are left out."""

    line: int
    """Where the columns are named."""
    columns: tuple[str, ...]
    rows: Sequence[tuple[int, tuple[str, ...]]]
    delimiter: str
    bom: bool


def read_people(path: Path, number_column: str | None = None, allow_duplicates: bool = False) -> People:
    """The list in this file. Raises ConfigError with all that is wrong with it; a fault's column is the cell's."""
    table = read_table(path)
    reader = _Reader(str(path), table, number_column, allow_duplicates)
    rows = reader.rows()
    if reader.faults:
        raise ConfigError(reader.faults)
    return People(path, table.columns, tuple(rows), table.delimiter, table.bom)


def read_table(path: Path) -> Table:
    """The cells of this file. Raises ConfigError."""
    try:
        written = path.read_bytes()
    except OSError as error:
        raise ConfigError([Fault(str(path), 1, 1, f"it cannot be read: {error.strerror}")]) from error
    try:
        text = written.decode("utf-8")
    except UnicodeDecodeError as error:
        line = written.count(b"\n", 0, error.start) + 1
        why = "this is no UTF-8: save the list as “CSV UTF-8”"
        raise ConfigError([Fault(str(path), line, 1, why)]) from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise ConfigError([Fault(str(path), line, 1, "a character with code 0 is in this line: this is no CSV")])
    plain = text.removeprefix(BOM)
    delimiter = _delimiter(plain)
    lines = csv.reader(io.StringIO(plain, newline=""), delimiter=delimiter, strict=True)
    rows, begins = [], 1
    try:
        for cells in lines:
            if any(cell.strip() for cell in cells):
                rows.append((begins, tuple(cells)))
            begins = lines.line_num + 1
    except csv.Error as error:
        why = f"this is no CSV: {error}; a quote within quotes is written twice, and each is closed"
        raise ConfigError([Fault(str(path), begins, 1, why)]) from error
    if not rows:
        raise ConfigError([Fault(str(path), 1, 1, "it is empty: its first line names the columns")])
    return Table(*rows[0], rows[1:], delimiter, text.startswith(BOM))


def _delimiter(text: str) -> str:
    """What stands most often between the first line's cells."""
    first = re.sub(r'"[^"]*"', "", text.lstrip("\r\n").partition("\n")[0])
    return max(DELIMITERS, key=first.count)


def variable(column: str) -> str:
    """The variable's name for a column of that name."""
    return re.sub(r"\s+", "_", column.strip())


def number(written: str) -> str | None:
    """A number as people write it, as the carrier dials it (E.164); None: it is none, or it lacks its country.

    `+44 (0)20 …` is none either: with its zero it is another number than the one that was meant.
    """
    text = plain(written.strip())
    if not _E164.fullmatch(text):
        return None
    try:
        parsed = phonenumbers.parse(text)
    except phonenumbers.NumberParseException:
        return None
    same = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164) == text
    return text if same and phonenumbers.is_possible_number(parsed) else None


def exists(e164: str) -> bool:
    """Whether that number is one that a country gives to people, as far as is known; `+1 555 …` is none."""
    return phonenumbers.is_valid_number(phonenumbers.parse(e164))


@attrs.define
class _Reader:
    """One reading of a table as people; notes all that is wrong."""

    path: str
    table: Table
    number_column: str | None
    allow_duplicates: bool
    faults: list[Fault] = attrs.field(factory=list)

    def rows(self) -> list[Row]:
        names = list(map(variable, self.table.columns))
        at = self._number_at(names)
        if at is not None:
            self._check_names(names, at)
        if at is None or self.faults:
            return []  # what is in the wrong columns says nothing
        rows = [self._row(line, cells, names, at) for line, cells in self._whole_rows()]
        return list(self._told_apart([row for row in rows if row is not None]))

    def _number_at(self, names: Sequence[str]) -> int | None:
        if self.number_column is not None:
            found = [at for at, name in enumerate(names) if name == variable(self.number_column)]
            wanted = f"a column {self.number_column!r}"
        else:
            found = [at for called in NUMBER_COLUMNS for at, name in enumerate(names) if name.lower() == called]
            wanted = f"a column of numbers ({', '.join(NUMBER_COLUMNS)}, or what --number-column says)"
        if found:
            return found[0]
        if any(map(number, self.table.columns)):
            self._wrong(
                self.table.line, 1, "the first line has to name the columns, and holds a number: write one before it"
            )
        else:
            self._wrong(
                self.table.line, 1, f"there is not {wanted}; there are: {', '.join(filter(None, names)) or 'none'}"
            )
        return None

    def _check_names(self, names: Sequence[str], number_at: int) -> None:
        seen: dict[str, int] = {}
        line = self.table.line
        for at, name in enumerate(names):
            cell = at + 1
            if name in seen:
                self._wrong(line, cell, f"column {seen[name]} is called {name!r} already")
            elif at != number_at and not _NAME.fullmatch(name):
                self._wrong(line, cell, f"{name!r} cannot be a variable's name: letters, digits, _ and . (not first)")
            elif len(name) > LONGEST_NAME:
                self._wrong(
                    line, cell, f"a variable's name has at most {LONGEST_NAME} characters, this has {len(name)}"
                )
            seen.setdefault(name, cell)
        if len(names) - 1 > MOST_VARIABLES:
            self._wrong(line, MOST_VARIABLES + 2, f"a call has at most {MOST_VARIABLES} variables: take columns out")

    def _whole_rows(self) -> Iterator[tuple[int, tuple[str, ...]]]:
        wanted = len(self.table.columns)
        for line, cells in self.table.rows:
            if len(cells) == wanted:
                yield line, cells
            else:
                self._wrong(line, min(len(cells), wanted) + 1, f"{len(cells)} cells, and {wanted} columns")

    def _row(self, line: int, cells: tuple[str, ...], names: Sequence[str], number_at: int) -> Row | None:
        before = len(self.faults)
        called = number(cells[number_at])
        if called is None:
            why = f"{cells[number_at]!r} is no number: + and the country's code first, as in +14155550100"
            self._wrong(line, number_at + 1, why)
        variables = {}
        for at, (name, cell) in enumerate(zip(names, cells, strict=True)):
            if len(cell.strip()) > LONGEST_VALUE:
                why = f"{len(cell.strip())} characters: a variable has at most {LONGEST_VALUE}"
                self._wrong(line, at + 1, why)
            elif at != number_at:
                variables[name] = cell.strip()
        return None if called is None or len(self.faults) > before else Row(line, cells, called, variables)

    def _told_apart(self, rows: Sequence[Row]) -> Iterator[Row]:
        """A list that was glued together calls people twice: so nobody stands in it twice, unless that is meant."""
        same: dict[tuple[str, ...], list[int]] = {}
        numbers: dict[str, int] = {}
        for row in rows:
            lines = same.setdefault(row.cells, [])
            if not self.allow_duplicates and row.number in numbers:
                what, where = ("this row", lines[0]) if lines else (row.number, numbers[row.number])
                why = f"{what} is on line {where} already; --allow-duplicates if that is meant"
                self._wrong(row.line, 1, why)
            numbers.setdefault(row.number, row.line)
            yield attrs.evolve(row, again=len(lines))
            lines.append(row.line)

    def _wrong(self, line: int, cell: int, why: str) -> None:
        self.faults.append(Fault(self.path, line, cell, why))
