"""Shelves: where rendered audio is kept by key, in memory and on disk, each of a bounded size.

The least recently used goes first. A file on disk is the SHA-256 of the audio and the audio: a file that a crash or a
full disk left incomplete is recognised and taken away, so nothing needs to be synced. Many processes may use one
directory: a file appears whole (os.replace) or not at all, and one that another process has removed is not there.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections import OrderedDict
from pathlib import Path

_DIGEST = hashlib.sha256().digest_size
_SUFFIX = ".ulaw"
_PART = ".part"
_ABANDONED = 3600.0
"""Seconds after which a temporary file is nobody's: its process died while it wrote."""


class Damaged(OSError):
    """A stored file is not what was stored; it has been removed."""


class MemoryShelf:
    """The audio used last, up to `max_bytes`. Belongs to the reactor's thread."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._size = 0
        self._audio: OrderedDict[str, bytes] = OrderedDict()

    def __contains__(self, key: str) -> bool:
        return key in self._audio

    def get(self, key: str) -> bytes | None:
        """The audio, which becomes the last used, or None."""
        audio = self._audio.get(key)
        if audio is not None:
            self._audio.move_to_end(key)
        return audio

    def put(self, key: str, audio: bytes) -> None:
        """Keep it, at the expense of the least recently used. What is larger than the shelf is not kept."""
        self._size += len(audio) - len(self._audio.pop(key, b""))
        self._audio[key] = audio
        while self._size > self._max_bytes:
            _, oldest = self._audio.popitem(last=False)
            self._size -= len(oldest)


class DiskShelf:
    """Audio in files of a directory, up to `max_bytes` in all. Blocks, and raises OSError: for worker threads."""

    def __init__(self, directory: Path, max_bytes: int) -> None:
        self._directory = directory
        self._max_bytes = max_bytes

    def _path(self, key: str) -> Path:
        return self._directory / f"{key}{_SUFFIX}"

    def __contains__(self, key: str) -> bool:
        try:
            return self._path(key).stat().st_size > _DIGEST
        except OSError:
            return False

    def get(self, key: str) -> bytes | None:
        """The audio, which becomes the last used, or None. Raises Damaged for what is not as it was stored."""
        path = self._path(key)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        digest, audio = content[:_DIGEST], content[_DIGEST:]
        if not audio or hashlib.sha256(audio).digest() != digest:
            path.unlink(missing_ok=True)
            raise Damaged(f"{path} was damaged and has been removed")
        _touch(path)
        return audio

    def put(self, key: str, audio: bytes) -> None:
        """Keep it, at the expense of the least recently used files."""
        self._directory.mkdir(parents=True, exist_ok=True)
        descriptor, part = tempfile.mkstemp(suffix=_PART, prefix=".", dir=self._directory)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(hashlib.sha256(audio).digest() + audio)
            Path(part).replace(self._path(key))
        except OSError:
            Path(part).unlink(missing_ok=True)
            raise
        self._trim()

    def _trim(self) -> None:
        files = sorted(self._files())
        excess = sum(size for _, size, _ in files) - self._max_bytes
        for _, size, path in files:
            if excess <= 0:
                return
            Path(path).unlink(missing_ok=True)
            excess -= size

    def _files(self) -> list[tuple[float, int, str]]:
        """(when last used, bytes, path) of each file; temporary ones that nobody will finish are removed."""
        found = []
        with os.scandir(self._directory) as entries:
            for entry in entries:
                try:
                    state = entry.stat()
                    if entry.name.endswith(_SUFFIX):
                        found.append((state.st_mtime, state.st_size, entry.path))
                    elif entry.name.endswith(_PART) and state.st_mtime < time.time() - _ABANDONED:
                        Path(entry.path).unlink(missing_ok=True)
                except FileNotFoundError:
                    continue  # another process was faster
        return found


def _touch(path: Path) -> None:
    try:
        os.utime(path)
    except OSError:
        pass  # gone, or a directory we may only read: its age stays as it was
