"""Reads calendars of holidays: YAML files of days, each with its name, beside the flows that close on them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path

from voiced.errors import Fault
from voiced.settings import plainyaml
from voiced.settings.part import Part
from voiced.settings.plainyaml import BROKEN

NO_DAY, NOT_A_DAY = "there is no such day", "a day is written as `2026-12-25: Christmas Day`"
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def is_calendar(part: Part) -> bool:
    """Whether a file is one of days, whatever it was taken for."""
    return isinstance(part.value, dict) and bool(part.value) and all(_DAY.fullmatch(name) for name, _ in part.items())


def elsewhere(directory: Path, file: str) -> str:
    """Where a calendar lies that is not where a flow looks for it: the end of a sentence; "" where none is near."""
    name = Path(file).name
    below = [Path(each.name, name) for each in sorted(directory.iterdir()) if each.is_dir()]
    for near in (*below, Path("..", file), Path("..", name)):
        if name and near != Path(file) and (directory / near).is_file():
            return f"; there is one at {near}: write that"
    return ""


def read_calendar(path: Path, faults: list[Fault], content: Callable[[Path], bytes]) -> Mapping[str, str]:
    """The days, by date (`2026-12-25`), each with its name; what is wrong in it is noted in its own lines.

    Raises ConfigError when the file cannot be read at all.
    """
    part = Part(plainyaml.read(path, content), faults)
    days: dict[str, str] = {}
    for written, inner in part.items():
        name = inner.text() if inner.value is not None else ""
        try:
            day = date.fromisoformat(written)
        except ValueError:
            inner.wrong(NO_DAY if _DAY.fullmatch(written) else NOT_A_DAY, named=True)
            continue
        if name is not BROKEN:
            days[day.isoformat()] = name
    return days
