"""All that is known of one call: what our journal says, and what Twilio does."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import attrs

from voiced.errors import CarrierError
from voiced.twilio.console import CallSeen, Event, Notice, TwilioConsole
from voiced.twilio.refusals import MEANINGS

UNKNOWN = 20404
"""Twilio's code for a call that it does not know."""
EVENTS_AFTER = 15 * 60.0
"""Seconds after a call before which Twilio tells nothing of its webhooks (twilio.com/docs/voice/api/call-event)."""


@attrs.frozen
class Record:
    """The journal's lines of a call."""

    began: Mapping[str, Any] | None = None
    ended: Mapping[str, Any] | None = None
    refused: Sequence[Mapping[str, Any]] = ()
    alerts: Sequence[Mapping[str, Any]] = ()
    """What Twilio's debugger has told us of it."""

    @property
    def line(self) -> Mapping[str, Any]:
        """Who, which flow: the beginning, or all of it; {} when there is neither."""
        return self.ended or self.began or {}

    def __bool__(self) -> bool:
        return bool(self.line or self.refused or self.alerts)


@attrs.frozen
class Seen:
    """What Twilio says of a call; what it could not be asked is in `unasked`, as sentences."""

    call: CallSeen | None = None
    events: Sequence[Event] = ()
    notices: Sequence[Notice] = ()
    unasked: Sequence[str] = ()


@attrs.frozen
class Evidence:
    """Both."""

    sid: str
    record: Record
    seen: Seen


def files(journal: Path) -> list[Path]:
    """The journal, and what has been rotated away beside it (journal.jsonl.1), the oldest first: the highest number
    is; other endings (a date, say) come before those, by name."""
    beside = sorted(journal.parent.glob(journal.name + ".*"), key=_age, reverse=True)
    return [path for path in (*beside, journal) if path.is_file() and path.suffix not in (".gz", ".xz", ".zst")]


def read(journals: Iterable[Path], sid: str) -> Record:
    """What these files say of the call. Raises OSError."""
    began, ended = None, None
    refused: list[Mapping[str, Any]] = []
    alerts: list[Mapping[str, Any]] = []
    for path in journals:
        with path.open(encoding="utf-8", errors="replace") as lines:
            for text in lines:
                line = _line(text) if sid in text else {}
                if line.get("call") != sid:
                    continue
                match line.get("event"):
                    case "began":
                        began = line
                    case "ended":
                        ended = line
                    case "refused":
                        refused.append(line)
                    case "alert":
                        alerts.append(line)
    return Record(began, ended, refused, alerts)


async def ask(consoles: Sequence[TwilioConsole], sid: str, now: float) -> Seen:
    """What Twilio knows of the call, in whichever account it is; trouble becomes sentences."""
    unasked: list[str] = []
    for console in consoles:
        try:
            call = await console.call(sid)
        except CarrierError as error:
            if error.code != UNKNOWN and error.status != 404:
                unasked.append(str(error))
            continue
        return await _details(console, sid, call, now)
    return Seen(unasked=unasked or [f"Twilio knows no call {sid}: {MEANINGS[UNKNOWN].sentence}"])


async def _details(console: TwilioConsole, sid: str, call: CallSeen, now: float) -> Seen:
    unasked: list[str] = []
    events: Sequence[Event] = ()
    notices: Sequence[Notice] = ()
    try:
        events = await console.events(sid)
    except CarrierError as error:
        unasked.append(str(error))
    else:
        if not events and (call.ended is None or now < call.ended + EVENTS_AFTER):
            unasked.append("Twilio tells of its requests about a call 15 minutes after its end: ask again then")
    try:
        notices = await console.notifications(sid)
    except CarrierError as error:
        unasked.append(str(error))
    return Seen(call, events, notices, unasked)


def moment(written: Any) -> float | None:
    """A time of the journal, in seconds since the epoch."""
    try:
        return datetime.fromisoformat(written).timestamp()
    except (TypeError, ValueError):
        return None


def _age(path: Path) -> tuple[bool, int, str]:
    """The older the greater, of files that the same hand has rotated."""
    ending = path.suffix[1:]
    number = int(ending) if ending.isascii() and ending.isdigit() else 0
    return not number, number, path.name


def _line(text: str) -> Mapping[str, Any]:
    try:
        line = json.loads(text)
    except (ValueError, RecursionError):  # a line that a full disk has cut
        return {}
    return line if isinstance(line, dict) else {}
