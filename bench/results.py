"""Results: what a run of the bench has found, as it is written down and read again for the report."""

from __future__ import annotations

import statistics
from typing import Any

import msgspec


class Row(msgspec.Struct, frozen=True):
    """One measurement of one program. `values` by the names that its figure gives them."""

    program: str
    ours: bool
    leg: str
    """How agents are reached: ws or wss."""
    values: dict[str, float]
    spoilt: str = ""
    """Why it does not count; "" when it does."""


class Target(msgspec.Struct, frozen=True):
    """What is asked, what was reached (None: it was not measured), and whether that is enough."""

    asked: str
    reached: str | None
    met: bool | None
    """None: nobody can say."""


class Column(msgspec.Struct, frozen=True):
    """A value that a table shows: its name, its heading, and how it is written."""

    name: str
    heading: str
    form: str = "{:.1f}"


class Result(msgspec.Struct, frozen=True):
    """A figure: all its rows."""

    name: str
    about: str
    """What is measured, and how: the figure's docstring."""
    columns: list[Column]
    rows: list[Row]
    targets: list[Target] = []
    words: list[str] = []
    """What a reader should know besides."""

    def counted(self, program: str, leg: str, name: str) -> list[float]:
        """That value in every measurement of that program that counts."""
        return [
            row.values[name]
            for row in self.rows
            if (row.program, row.leg) == (program, leg) and not row.spoilt and name in row.values
        ]

    def median(self, program: str, leg: str, name: str) -> float | None:
        """Of those."""
        found = self.counted(program, leg, name)
        return statistics.median(found) if found else None

    def kinds(self) -> list[tuple[str, str]]:
        """(program, leg), in the order in which they came."""
        return list(dict.fromkeys((row.program, row.leg) for row in self.rows))


class Run(msgspec.Struct):
    """All figures of one run, and the machine that they are from."""

    kind: str
    version: str
    """The commit of voiced that was measured."""
    began: str
    seconds: float
    loads: list[float]
    """The load average before and after: the machine's, the bench's own work in the second."""
    machine: dict[str, Any]
    words: list[str]
    results: list[Result]
    anyhow: bool = False
    """Whether runs count in which the load generator did not keep up."""


def at_most(asked: str, found: float | None, most: float, form: str = "{:.2f}") -> Target:
    """A target that is a limit."""
    return Target(asked, None if found is None else form.format(found), None if found is None else found <= most)


def ratio(one: float | None, other: float | None) -> float | None:
    """How the first compares with the second, if both were measured."""
    return one / other if one is not None and other else None
