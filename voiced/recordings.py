"""Keeps recordings: mu-law WAV files below the data directory, a folder a day, written while the call lasts.

    <data>/recordings/2026-03-01/CA0123…-1.wav      the first recording of that call (UTC)
    <data>/recordings/2026-03-01/CA0123…-1.txt      what was said in it, where our own ears write that down

Only the daemon's own user may read them. A file is good at any moment: its header is right after every piece, so that
of a daemon that is killed no more is lost than what came last.
"""

from __future__ import annotations

import errno
import io
import os
import re
import struct
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from voiced.call.audio import RATE, wav
from voiced.call.filing import Filed, IRecording, IRecordings, transcript_of
from voiced.call.records import CallInfo
from voiced.errors import RecordingFailed

FOLDER = "recordings"
PIECE = 2 * RATE
"""Bytes that are written at once: what a killed daemon loses of each recording."""
MOST_WAITING = 15
"""Pieces (30 s) that a slow disk may be behind."""
_EMPTY = wav(b"")
_NAME = re.compile(r"[A-Za-z0-9]{1,64}")

Create = Callable[[Path], io.FileIO]
InThread = Callable[..., Deferred[Any]]

log = Logger()


def cannot(root: Path, why: str) -> RecordingFailed:
    """What the operator is told."""
    return RecordingFailed(
        f"nothing can be kept in {root / FOLDER} ({why}): is there room, and may voiced write there?"
    )


def header(length: int) -> bytes:
    """The header of a WAV with so many bytes of audio: that of an empty one, with the lengths filled in."""
    head = bytearray(_EMPTY)
    follows = len(head) - 8 + length + length % 2  # a chunk is even: one byte more where it is not
    for place, size in ((4, follows), (-12, length), (-4, length)):  # RIFF, the samples (`fact`), the bytes (`data`)
        struct.pack_into("<I", head, place, size)
    return bytes(head)


def create(path: Path) -> io.FileIO:
    """A new file that nobody else may read. Raises FileExistsError when there is one, also a link to nowhere."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    return io.FileIO(os.open(path, flags, 0o600), "rb+")


def _why(failure: Failure) -> str:
    failure.trap(OSError)
    return getattr(failure.value, "strerror", None) or failure.getErrorMessage()


def write(file: io.FileIO, content: bytes) -> None:
    """Write all of it. Raises OSError."""
    while content:  # a disk that is about to be full takes some of it, and says why not all the next time
        content = content[file.write(content) :]


class WavFile:
    """One file, as the worker threads write it, one at a time. Raises OSError."""

    def __init__(self, folder: Path, call: str, create: Create) -> None:
        self._folder = folder
        self._call = call
        self._create = create
        self._file: io.FileIO | None = None
        self._length = 0
        self._name = ""

    def append(self, audio: bytes) -> None:
        """Write it behind what is there; the first time, make the file."""
        if self._file is None:
            self._file = self._make()
        self._write(len(_EMPTY) + self._length, audio)
        self._length += len(audio)
        self._write(0, header(self._length))

    def finish(self, length: int) -> tuple[str, int]:
        """Keep so many bytes of audio, if there are so many, and close; its name, and how many there are.

        One that would be empty goes.
        """
        length = min(length, self._length)
        if self._file is None:
            raise FileNotFoundError(errno.ENOENT, "the file could not be made")
        with self._file as file:
            if not length:
                (self._folder / self._name).unlink()
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._write(0, header(length))
            file.truncate(len(_EMPTY) + length)
            file.truncate(len(_EMPTY) + length + length % 2)  # the byte that makes it even is 0
        return self._name, length

    def _make(self) -> io.FileIO:
        for directory in (self._folder.parent, self._folder):
            directory.mkdir(0o700, exist_ok=True)
        number = 1
        while True:
            self._name = f"{self._call}-{number}.wav"
            try:
                return self._create(self._folder / self._name)
            except FileExistsError:
                number += 1  # there is an earlier one of this call

    def _write(self, at: int, content: bytes) -> None:
        assert self._file is not None  # noqa: S101 - for the type checker: append has made it
        self._file.seek(at)
        write(self._file, content)


@implementer(IRecording)
class Recording:
    """A recording on its way to its file. See IRecording."""

    def __init__(self, info: CallInfo, root: Path, day: str, create: Create, in_thread: InThread) -> None:
        self.failure: RecordingFailed | None = None
        self._call = info.sid
        self._root = root
        self._folder = f"{FOLDER}/{day}"
        self._file = WavFile(root / self._folder, info.sid, create)
        self._in_thread = in_thread
        self._lock = DeferredLock()
        self._pieces: list[bytes] = []
        self._held = 0
        self._waiting = 0

    def write(self, audio: bytes) -> None:
        """See IRecording."""
        if self.failure is None:
            self._pieces.append(audio)
            self._held += len(audio)
            if self._held >= PIECE:
                self._flush()

    def finish(self, length: int) -> Deferred[Filed]:
        """See IRecording."""
        if self._pieces:
            self._flush()
        finished: Deferred[Any] = self._lock.run(self._in_thread, self._file.finish, length)
        return finished.addCallbacks(self._filed, self._unfinished)

    def _flush(self) -> None:
        piece = b"".join(self._pieces)
        self._pieces.clear()
        self._held = 0
        if self._waiting == MOST_WAITING:
            self._fail(f"the disk is too slow: {MOST_WAITING * PIECE // RATE} s of a recording wait to be written")
            return
        self._waiting += 1
        self._lock.run(self._append, piece).addErrback(self._unwritten).addBoth(self._written)

    def _append(self, piece: bytes) -> Deferred[Any] | None:
        # What follows a piece that could not be written is not: a hole in it would not be heard.
        return self._in_thread(self._file.append, piece) if self.failure is None else None

    def _written(self, _: object) -> None:
        self._waiting -= 1

    def _unwritten(self, failure: Failure) -> None:
        self._fail(_why(failure))

    def _unfinished(self, failure: Failure) -> Failure:
        if self.failure is None:
            self._unwritten(failure)
        return Failure(self.failure)

    def _filed(self, done: tuple[str, int]) -> Filed:
        name, length = done
        return Filed(f"{self._folder}/{name}", length)

    def _fail(self, why: str) -> None:
        self.failure = cannot(self._root, why)
        log.error("{call}: {error}", call=self._call, error=str(self.failure))


@implementer(IRecordings)
class Recordings:
    """All of them, below the data directory `root`. See IRecordings.

    `in_thread` is that of voiced.ivoiced.Tools; `create` makes a new file.
    """

    def __init__(self, root: Path, clock: IReactorTime, in_thread: InThread, create: Create = create) -> None:
        self._root = root
        self._clock = clock
        self._in_thread = in_thread
        self._create = create

    def open(self, info: CallInfo) -> Recording:
        """See IRecordings. The name comes from outside: what could lead out of the directory is none."""
        if not _NAME.fullmatch(info.sid):
            raise RecordingFailed(f"{info.sid[:80]!r} cannot be a part of a file's name: nothing is recorded")
        day = datetime.fromtimestamp(self._clock.seconds(), UTC).date().isoformat()
        return Recording(info, self._root, day, self._create, self._in_thread)

    def read(self, file: str, start: int, stop: int) -> Deferred[bytes]:
        """See IRecordings."""
        return self._try(self._read, self._root / file, start, stop)

    def write_down(self, file: str, text: str) -> Deferred[None]:
        """See IRecordings."""
        return self._try(self._write, self._root / transcript_of(file), text)

    def _try(self, f: Callable[..., Any], *arguments: Any) -> Deferred[Any]:
        def not_done(failure: Failure) -> None:
            raise cannot(self._root, _why(failure)) from failure.value

        return self._in_thread(f, *arguments).addErrback(not_done)

    def _read(self, path: Path, start: int, stop: int) -> bytes:
        with path.open("rb") as file:
            file.seek(len(_EMPTY) + start)
            return file.read(stop - start)

    def _write(self, path: Path, text: str) -> None:
        with self._create(path) as file:
            try:
                write(file, text.encode())
            except OSError:
                path.unlink()  # half a text would be taken for all of it
                raise
