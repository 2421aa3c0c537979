"""What somebody at the terminal sees of a run: a bar that moves, or a line for each row where nobody sits there.

The bar is our own line of text: click's cannot have sentences above it, and a package for a bar alone would be on
every daemon's machine. Rows are named by their line, never by their number: output ends up in logs.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from types import TracebackType
from typing import TextIO

from voiced.cli.dialling.people import Row
from voiced.cli.dialling.results import OPEN, Progress, Result, Results

WIDTH = 24
"""Characters of the bar."""
_CLEAR = "\r\033[2K"
"""Empties the terminal's line (ECMA-48: EL)."""


class Display:
    """As a `with` block: the bar is there while it lasts."""

    def __init__(self, results: Results, out: TextIO) -> None:
        self._results = results
        self._out = out
        self._moves = out.isatty()

    def __enter__(self) -> Display:
        self._draw()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._moves:
            self._out.write("\n")

    def row_changed(self, row: Row, progress: Progress) -> None:
        """A row has come further."""
        if progress.why or (progress.ending and not self._moves):
            self.says(described(row, progress))
        else:
            self._draw()

    def says(self, sentence: str) -> None:
        """Something that is to be read; the bar goes on below it."""
        self._out.write(f"{_CLEAR if self._moves else ''}{sentence}\n")
        self._draw()

    def _draw(self) -> None:
        if self._moves:
            line = bar(self._results.counts())
            self._out.write(_CLEAR + line[: shutil.get_terminal_size().columns - 1])
        self._out.flush()


def bar(counts: Mapping[Result, int]) -> str:
    """`[######------]  12/24  3 calling, 2 waiting`."""
    total = sum(counts.values())
    done = sum(number for result, number in counts.items() if result not in OPEN)
    full = WIDTH * done // max(total, 1)
    busy = counted(counts, Result.CALLING, Result.WAITING)
    return f"[{'#' * full}{'-' * (WIDTH - full)}]  {done}/{total}  {busy}".rstrip()


def described(row: Row, progress: Progress) -> str:
    """How far a row has come, in a line."""
    length = "" if progress.seconds is None else f" after {progress.seconds:.0f} s"
    reason = f": {progress.reason}" if progress.reason else ""
    call = f" ({progress.call})" if progress.call else ""
    return f"line {row.line}: {progress.result.value}: {progress.why or progress.ending}{length}{reason}{call}"


def counted(counts: Mapping[Result, int], *which: Result) -> str:
    """`3 calling, 2 waiting`: of these results, those that there are."""
    return ", ".join(f"{counts[result]} {result.value or 'not called yet'}" for result in which if counts.get(result))
