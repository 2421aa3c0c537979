"""Writes calls down: one JSON line when a call begins, and one when it has ended.

A call with a beginning and no end is live, or was when a daemon died that had no successor. Lines are appended whole,
so that `tail -f`, `jq` and log rotation by renaming work as they do on any log.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, DeferredLock
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from voiced.call.privacy import Privacy
from voiced.call.records import AgentRecord, CallRecord, Direction
from voiced.errors import Refused
from voiced.ikept import IJournal

log = Logger()


def began(record: CallRecord, privacy: Privacy) -> dict[str, Any]:
    """The line for a call's beginning."""
    info = record.info
    return {
        "event": "began",
        "time": _time(record.began),
        "call": info.sid,
        "account": info.account,
        "direction": info.direction.value,
        "caller": privacy.party(info.caller),
        "called": privacy.party(info.called),
        "flow": record.flow,
        "version": record.version,
    }


def ended(record: CallRecord, privacy: Privacy) -> dict[str, Any]:
    """The line for a call's end: everything the beginning said, and how it went."""
    return {
        **began(record, privacy),
        "event": "ended",
        "time": _time(record.ended),
        "began": _time(record.began),
        "seconds": round((record.ended or record.began) - record.began, 3),
        "ending": record.ending.value if record.ending else None,
        "reason": record.reason,
        "answered": _time(record.answered),
        "answered_by": record.answered_by,
        "placed_by": record.placed_by,
        "first_audio_ms": record.first_audio_ms,
        "streams": record.streams,
        "missing": {
            "frames": record.missing.frames,
            "messages": record.missing.messages,
            "seconds": round(record.missing.seconds, 3),
        },
        "steps": [
            {
                "flow": step.flow,
                "node": step.node,
                "step": step.number,
                "verb": step.verb,
                "began": _time(step.began),
                "ended": _time(step.ended),
                "result": step.result,
            }
            for step in record.steps
        ],
        "agents": [_agent(agent, privacy) for agent in record.agents],
        "legs": [
            {
                "to": privacy.party(leg.to),
                "began": _time(leg.began),
                "ended": _time(leg.ended),
                "result": leg.result,
                "seconds": round(leg.seconds, 3),
            }
            for leg in record.legs
        ],
        "recordings": [
            {
                "file": recording.file,
                "seconds": round(recording.seconds, 3),
                "ended_by": recording.ended_by,
                "transcript": recording.transcript,
            }
            for recording in record.recordings
        ],
        "disclosures": [
            {
                "text": told.text,
                "language": told.language,
                "time": _time(told.at),
                "seconds": round(told.seconds, 3),
                "heard": told.heard,
            }
            for told in record.disclosures
        ],
        "opted_out": record.opted_out and {"how": record.opted_out.how, "time": _time(record.opted_out.at)},
        "facts": dict(record.facts),
        "texts": [{"to": privacy.party(text.to), "sent": _time(text.sent), "sid": text.sid} for text in record.texts],
        "faults": record.faults,
        **({"wire": _wire(record)} if record.wire else {}),
    }


def refused(
    refusal: Refused,
    privacy: Privacy,
    *,
    time: float,
    what: str,
    direction: Direction,
    account: str,
    party: str,
    key: str = "",
    call: str = "",
) -> dict[str, Any]:
    """The line for what the guard has refused, by which rule, and what that says.

    `what` is `call` (to be placed), `ring` (a caller), `leg`, `agent` or `text`; `party` the human it is about, `key`
    the name of the API key that asked for it, `call` the call it belongs to. `time` is in seconds since the epoch.
    """
    shown, message = privacy.party(party), str(refusal)
    return {
        "event": "refused",
        "time": _time(time),
        "what": what,
        "call": call,
        "account": account,
        "direction": direction.value,
        "party": shown,
        "key": key,
        "rule": refusal.rule,
        # A rule may say about whom it speaks, in the number's own spelling.
        "message": message.replace(party, shown) if party else message,
    }


def alert(
    *,
    time: float,
    call: str,
    account: str,
    sid: str,
    level: str,
    code: int,
    message: str,
    fix: str,
    url: str,
    status: int,
) -> dict[str, Any]:
    """The line for what the carrier complains of by itself, with what it means and what to do.

    `call` is the call it is about ("": none), `sid` the carrier's name for the alert, `url` what it had asked for and
    `status` what it was answered (0: it does not say). `time` is in seconds since the epoch.
    """
    return {
        "event": "alert",
        "time": _time(time),
        "call": call,
        "account": account,
        "sid": sid,
        "level": level,
        "code": code,
        "message": message,
        "fix": fix,
        "url": url,
        "status": status,
    }


def _wire(record: CallRecord) -> list[dict[str, Any]]:
    """What came over the wires, with seconds since the call began; in the order of their times.

    A key is noted when a step takes it: it comes before the sentence that it has cut.
    """
    events = sorted(record.wire, key=lambda event: (event.at, event.what != "key"))
    return [{"at": round(event.at - record.began, 3), "what": event.what, **event.about} for event in events]


def _agent(record: AgentRecord, privacy: Privacy) -> dict[str, Any]:
    said = [{"who": line.who, "text": line.text, "time": _time(line.at)} for line in record.transcript]
    return {
        "agent": record.agent,
        "conversation": record.conversation,
        "began": _time(record.began),
        "ended": _time(record.ended),
        "ready_ms": record.ready_ms,
        "first_audio_ms": record.first_audio_ms,
        "outcome": record.outcome,
        "error": record.error,
        "tools": [{"tool": use.tool, "seconds": use.seconds, "error": use.error} for use in record.tools],
        "lines": len(said),
        **({"transcript": said} if privacy.shows_words else {}),
    }


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


@implementer(IJournal)
class FileJournal:
    """A journal in a file, written in a worker thread, line after line in order."""

    def __init__(self, path: Path, in_thread: Callable[..., Deferred[Any]]) -> None:
        self._path = path
        self._in_thread = in_thread
        self._lock = DeferredLock()
        self._failing = False

    def write(self, record: Mapping[str, Any]) -> Deferred[None]:
        """See IJournal. A full disk is logged when it begins and when it is over, not for every line."""
        line = json.dumps(record, ensure_ascii=False) + "\n"
        written: Deferred[None] = self._lock.run(self._in_thread, self._append, line)
        return written.addCallbacks(self._written, self._not_written)

    def when_written(self) -> Deferred[None]:
        """Fires when all that was given so far is on its way to the disk."""
        return self._lock.run(lambda: None)

    def can_be_written(self) -> Deferred[bool]:
        """Fires with True when it can be, full disks aside. Fails with OSError."""
        return self._in_thread(self._append, "").addCallback(lambda _: True)

    def _append(self, line: str) -> None:
        # A lone surrogate, which UTF-8 has no bytes for, is written as the JSON escape that it looks like.
        text = line.encode(errors="backslashreplace")
        with self._path.open("ab", buffering=0) as file:
            # Other daemons of the data directory write here, too: what is cut off must be of this line only.
            fcntl.flock(file, fcntl.LOCK_EX)
            size = file.seek(0, os.SEEK_END)
            if file.write(text) < len(text):
                file.truncate(size)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _written(self, _: object) -> None:
        if self._failing:
            log.info(
                "the journal {path} is being written again; calls in between are missing from it", path=self._path
            )
        self._failing = False

    def _not_written(self, failure: Failure) -> None:
        failure.trap(OSError)
        if not self._failing:
            log.error(
                "the journal {path} cannot be written ({error}); calls go on without it: is the disk full?",
                path=self._path,
                error=failure.getErrorMessage(),
            )
        self._failing = True
