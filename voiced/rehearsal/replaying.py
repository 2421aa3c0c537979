"""Lives through a call of the journal again, with the flows of today, and says what goes otherwise."""

from __future__ import annotations

import json
from collections.abc import Mapping
from difflib import ndiff
from pathlib import Path
from typing import Any, TextIO

import attrs

from voiced.errors import VoicedError
from voiced.rehearsal.hidden import alike
from voiced.rehearsal.performance import Performance
from voiced.rehearsal.recalled import Recalled, deeds, spoken, walked
from voiced.rehearsal.rehearse import perform
from voiced.settings.load import Configuration


class NoWire(VoicedError):
    """The journal does not have what a replay needs; the message says what to do."""


@attrs.frozen
class Replayed:
    """A call as it was, and as it goes today."""

    recalled: Recalled
    performance: Performance

    @property
    def steps(self) -> list[str]:
        """Lines of a difference, `- ` as it was and `+ ` as it is; none when it is the same."""
        return _compared(self.recalled.steps, walked(self._now) if self._now else [])

    @property
    def words(self) -> list[str]:
        """The same of what was said."""
        return _compared(self.recalled.spoken, spoken(self._now))

    @property
    def deeds(self) -> list[str]:
        """The same of whom else it spoke to: texts, transfers, web services."""
        return _compared(self.recalled.deeds, deeds(self._now) if self._now else [])

    @property
    def ending(self) -> list[str]:
        """The same of how it ended."""
        return _difference([str(self.recalled.line["ending"])], [self.performance.ending or "no call at all"])

    @property
    def same(self) -> bool:
        """Whether nothing goes otherwise."""
        return not (self.steps or self.words or self.deeds or self.ending or self.performance.failures)

    @property
    def _now(self) -> Mapping[str, Any]:
        return self.performance.kept


def find(journal: Path, call_sid: str) -> Recalled:
    """The call, as the journal has it. Raises NoWire, or OSError."""
    line: Mapping[str, Any] = {}
    with _opened(journal) as lines:
        for text in lines:
            if call_sid in text:
                found = _line(text)
                line = found if (found.get("event"), found.get("call")) == ("ended", call_sid) else line
    if not line:
        raise NoWire(
            f"{journal} has no call {call_sid} that has ended: give the CallSid as the journal has it, and the "
            "file with --journal, if it is an older one"
        )
    if not line.get("wire"):
        raise NoWire(
            f"{journal} has not kept what came over the wires of {call_sid}: write `journal: wire` into voiced.yaml "
            "for calls to come"
        )
    return _checked(Recalled(line), journal)


def _opened(journal: Path) -> TextIO:
    try:
        return journal.open(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        raise NoWire(
            f"there is no journal {journal}: say with --journal where it is, or with --config whose it is; the "
            "daemon writes it into its data directory"
        ) from None


def _checked(recalled: Recalled, journal: Path) -> Recalled:
    """The same, once it is certain that it can be understood."""
    try:
        _everything = (recalled.again(), recalled.scenario(), recalled.spoken, recalled.steps, recalled.deeds)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise NoWire(
            f"{journal}: the line of {recalled.line['call']} is not as this version of voiced writes it "
            f"({type(error).__name__}: {error}): it cannot be replayed"
        ) from None
    return recalled


def replay(recalled: Recalled, configuration: Configuration) -> Replayed:
    """Live through it again. Nothing of it is left afterwards."""
    return Replayed(recalled, perform(recalled.again(), configuration))


def _line(text: str) -> dict[str, Any]:
    try:
        line = json.loads(text)
    except (ValueError, RecursionError):  # the disk was full in the middle of it
        return {}
    return line if isinstance(line, dict) else {}


def _compared(was: list[str], now: list[str]) -> list[str]:
    return _difference(was, alike(was, now))


def _difference(was: list[str], now: list[str]) -> list[str]:
    lines = [line for line in ndiff(was, now) if not line.startswith("?")]
    return lines if was != now else []
