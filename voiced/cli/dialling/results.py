"""What became of each row of a list: a CSV file beside it, from which an interrupted run goes on.

The file is always whole: it is written anew beside itself, brought to the disk and put in its own place, each time
before a call is asked for and after each end. A row that says `calling` was asked for, and nobody knows its end yet;
its `key` is the idempotency key that brings the same call back.
"""

from __future__ import annotations

import csv
import io
import os
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import attrs

from voiced.cli.dialling.people import BOM, People, Row, read_table
from voiced.errors import ConfigError, Fault, StoreError

PREFIX = "voiced_"
"""What our columns begin with, so that a list's own may have any name: one of appointments has a `time`."""
COLUMNS = tuple(
    PREFIX + name for name in ("result", "ending", "reason", "call", "attempts", "seconds", "time", "key")
)
"""What stands beside each row; `ending` is the daemon's word (voiced.call.records), `seconds` the call's."""


class Result(StrEnum):
    """What became of a row."""

    NONE = ""
    """It was not called yet."""
    CALLING = "calling"
    """It was asked for."""
    WAITING = "waiting"
    """It was busy or nobody answered, and will be called again."""
    DONE = "done"
    """The call took place; `ending` says how it went."""
    UNREACHED = "unreached"
    """Busy or no answer, as often as was wanted."""
    FAILED = "failed"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    """It was asked for, and what became of it cannot be found out any more: so it is not called again."""


OPEN = frozenset({Result.NONE, Result.CALLING, Result.WAITING})
"""Those that are not the end of a row."""
TROUBLE = frozenset({Result.FAILED, Result.REFUSED, Result.UNKNOWN})
"""Ends that somebody should look at."""


@attrs.frozen
class Progress:
    """How far a row has come. `why` is the rule that refused it, or what is wrong with it."""

    result: Result = Result.NONE
    why: str = ""
    ending: str = ""
    reason: str = ""
    """Why the flow has hung up, in its own words: `- hangup: "confirmed"`."""
    call: str = ""
    """The SID of its last call."""
    attempts: int = 0
    seconds: float | None = None
    """How long the last call lasted."""
    time: float | None = None
    """When it came so far, in whole seconds since the epoch; of `calling`, when it was asked for."""
    key: str = ""

    @property
    def open(self) -> bool:
        """Whether there is something left to do for it."""
        return self.result in OPEN

    @property
    def how(self) -> str:
        """How it came so, in the words that say most: the flow's, the daemon's, ours."""
        return self.reason or self.ending or self.why

    def cells(self) -> list[str]:
        """As the file has it; for COLUMNS."""
        result = f"{self.result.value}: {self.why}" if self.why else self.result.value
        time = "" if self.time is None else datetime.fromtimestamp(int(self.time), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        seconds = "" if self.seconds is None else str(round(self.seconds, 3))
        return [result, self.ending, self.reason, self.call, str(self.attempts or ""), seconds, time, self.key]


def read_progress(cells: Iterable[str]) -> Progress:
    """The same back. Raises ValueError with a sentence."""
    result, ending, reason, call, attempts, seconds, time, key = cells
    word, _, why = result.partition(": ")
    try:
        return Progress(
            Result(word),
            why,
            ending,
            reason,
            call,
            int(attempts or 0),
            float(seconds) if seconds else None,
            datetime.strptime(time, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp() if time else None,
            key,
        )
    except ValueError as error:
        raise ValueError(f"{error}: leave these columns as they are, or empty all eight to begin anew") from error


class Results:
    """The progress of every row of a list, and the file that keeps it."""

    def __init__(self, path: Path, people: People, *, sync: Callable[[int], object] = os.fsync) -> None:
        """Read what is there already. Raises ConfigError: where it is not of this very list, nobody may be called."""
        taken = [column for column in people.columns if column in COLUMNS]
        if taken:
            why = f"the column {taken[0]!r} is one of results, not of a list: name the list that they are of"
            raise ConfigError([Fault(str(people.path), 1, people.columns.index(taken[0]) + 1, why)])
        self.path = path
        self._people = people
        self._sync = sync
        self._progress = dict.fromkeys((row.name for row in people.rows), Progress())
        if path.exists():
            self._read()
        self._head = (BOM if people.bom else "") + self._line((*people.columns, *COLUMNS))
        self._lines = {row.name: self._line((*row.cells, *self[row].cells())) for row in people.rows}

    def __getitem__(self, row: Row) -> Progress:
        return self._progress[row.name]

    def counts(self) -> Counter[Result]:
        """How many rows have come how far."""
        return Counter(progress.result for progress in self._progress.values())

    def hows(self, result: Result) -> Counter[str]:
        """How those came to it that have this result."""
        return Counter(each.how for each in self._progress.values() if each.result is result and each.how)

    def put(self, row: Row, progress: Progress) -> None:
        """It has come so far; on the disk with the next `commit`."""
        self._progress[row.name] = progress
        self._lines[row.name] = self._line((*row.cells, *progress.cells()))

    def commit(self) -> None:
        """All that was put is on the disk when this returns. Raises StoreError.

        Takes 7 ms for 10 000 rows and 60 ms for 100 000 [measured, on an SSD].
        """
        beside = self.path.with_name(self.path.name + ".part")
        try:
            with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write((self._head + "".join(self._lines.values())).encode())
                file.flush()
                self._sync(file.fileno())
            beside.replace(self.path)
            directory = os.open(self.path.parent, os.O_RDONLY)
            try:
                self._sync(directory)  # the name, too
            finally:
                os.close(directory)
        except OSError as error:
            raise StoreError(f"the results cannot be written to {self.path}: {error.strerror}") from error

    def _line(self, cells: Iterable[str]) -> str:
        written = io.StringIO(newline="")
        csv.writer(written, delimiter=self._people.delimiter).writerow(cells)
        return written.getvalue()

    def _read(self) -> None:
        table = read_table(self.path)
        width = len(self._people.columns)
        faults = []
        if table.columns != (*self._people.columns, *COLUMNS):
            why = f"these are no results of {self._people.path}, or its columns were others: --results names another"
            raise ConfigError([Fault(str(self.path), table.line, 1, why)])
        seen: Counter[tuple[str, ...]] = Counter()
        for line, cells in table.rows:
            name = (cells[:width], seen[cells[:width]])
            seen[cells[:width]] += 1
            try:
                if name not in self._progress:
                    raise ValueError(
                        "the list has no such row; take this line out if the row was taken out of the list"
                    )
                self._progress[name] = read_progress(cells[width:])
            except ValueError as error:
                faults.append(Fault(str(self.path), line, 1, str(error)))
        if faults:
            raise ConfigError(faults)
