"""Lives through a call of the journal again, with the flows of today, and says what goes otherwise."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import ndiff
from pathlib import Path
from typing import Any

import attrs

from voiced.errors import VoicedError
from voiced.rehearsal.performance import Performance
from voiced.rehearsal.recalled import Recalled, spoken, walked
from voiced.rehearsal.rehearse import perform
from voiced.settings.load import Configuration

_HIDDEN = "•"
_NUMBER = re.compile(rf"[+\d{_HIDDEN}][\d{_HIDDEN} ()-]{{3,}}[\d{_HIDDEN}]")


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
        return _difference(self.recalled.steps, walked(self._now) if self._now else [])

    @property
    def words(self) -> list[str]:
        """The same of what was said."""
        return _difference(_hidden(self.recalled.spoken), _hidden(spoken(self._now)))

    @property
    def ending(self) -> list[str]:
        """The same of how it ended."""
        return _difference([str(self.recalled.line["ending"])], [self.performance.ending or "no call at all"])

    @property
    def same(self) -> bool:
        """Whether nothing goes otherwise."""
        return not (self.steps or self.words or self.ending)

    @property
    def _now(self) -> Mapping[str, Any]:
        return self.performance.kept


def find(journal: Path, call_sid: str) -> Recalled:
    """The call, as the journal has it. Raises NoWire, or OSError."""
    line: dict[str, Any] | None = None
    with journal.open(encoding="utf-8") as lines:
        for text in lines:
            if call_sid in text:
                found = _line(text)
                if (found.get("event"), found.get("call")) == ("ended", call_sid):
                    line = found
    if line is None:
        raise NoWire(f"{journal} has no call {call_sid} that has ended")
    if not line.get("wire"):
        raise NoWire(
            f"{journal} has not kept what came over the wires of {call_sid}: write `journal: wire` into voiced.yaml "
            "for calls to come"
        )
    return Recalled(line)


def replay(recalled: Recalled, configuration: Configuration) -> Replayed:
    """Live through it again. Nothing of it is left afterwards."""
    return Replayed(recalled, perform(recalled.again(), configuration))


def _line(text: str) -> dict[str, Any]:
    try:
        line: dict[str, Any] = json.loads(text)
    except ValueError:  # the disk was full in the middle of it
        return {}
    return line


def _difference(was: list[str], now: list[str]) -> list[str]:
    lines = [line for line in ndiff(was, now) if not line.startswith("?")]
    return lines if was != now else []


def _hidden(texts: Iterable[str]) -> list[str]:
    """Texts whose numbers nobody compares: the journal may hide them."""
    return list(_without_numbers(texts))


def _without_numbers(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        yield _NUMBER.sub(_HIDDEN, text)
