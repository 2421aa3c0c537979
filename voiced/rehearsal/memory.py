"""What a daemon keeps, in memory: for one call, and then no more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from voiced.call.filing import Filed, IRecording, IRecordings, transcript_of
from voiced.call.records import CallInfo
from voiced.errors import RecordingFailed
from voiced.ikept import ICounts, IJournal


@implementer(IJournal)
@attrs.define
class ListJournal:
    """A journal in a list."""

    lines: list[dict[str, Any]] = attrs.field(factory=list)

    def write(self, record: Mapping[str, Any]) -> Deferred[None]:
        """See IJournal."""
        self.lines.append(dict(record))
        return succeed(None)


@implementer(ICounts)
@attrs.frozen
class NoCounts:
    """Nothing has been counted before, and nothing is kept."""

    def load(self) -> Mapping[str, tuple[float, float]]:
        """See ICounts."""
        return {}

    def keep(self, counts: Mapping[str, tuple[float, float]]) -> Deferred[None]:
        """See ICounts."""
        return succeed(None)


@implementer(IRecording)
@attrs.define
class MemoryRecording:
    """A recording on its way into the files of a rehearsal."""

    file: str
    _files: dict[str, bytes]
    _audio: bytearray = attrs.field(factory=bytearray)
    failure: RecordingFailed | None = None

    def write(self, audio: bytes) -> None:
        """See IRecording."""
        self._audio += audio

    def finish(self, length: int) -> Deferred[Filed]:
        """See IRecording."""
        self._files[self.file] = bytes(self._audio[:length])
        return succeed(Filed(self.file, len(self._files[self.file])))


@implementer(IRecordings)
@attrs.define
class MemoryRecordings:
    """Recordings by path, each with its audio, and its text beside it."""

    files: dict[str, bytes] = attrs.field(factory=dict)

    def open(self, info: CallInfo) -> MemoryRecording:
        """See IRecordings."""
        return MemoryRecording(f"recordings/{info.sid}-{len(self.files)}.wav", self.files)

    def read(self, file: str, start: int, stop: int) -> Deferred[bytes]:
        """See IRecordings."""
        if file not in self.files:
            return fail(RecordingFailed(f"there is no recording {file}"))
        return succeed(self.files[file][start:stop])

    def write_down(self, file: str, text: str) -> Deferred[None]:
        """See IRecordings."""
        self.files[transcript_of(file)] = text.encode()
        return succeed(None)
