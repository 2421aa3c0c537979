"""Keeps a second daemon out of the database: each would have the caps to itself, and both together twice as much."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from voiced.errors import StoreError

SUFFIX = ".lock"
"""Its file is beside the database, and stays there: a file that is deleted could be locked by two."""


class InUse(StoreError):
    """Another voiced runs with these files."""


class Lock:
    """The lock of the database at `path`, until it is released or the process ends, however that happens.

    flock(2) and not lockf(3): it belongs to the open file, so that it survives the fork by which twistd becomes a
    daemon. Raises StoreError with what an operator has to do.
    """

    def __init__(self, path: Path) -> None:
        file = path.with_name(path.name + SUFFIX)
        try:
            self._file: int | None = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(
                f"{file} cannot be made or written ({error.strerror}): the user that voiced runs as must own it and "
                "its directory; `data:` in voiced.yaml names another"
            ) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self.release()
            if isinstance(error, BlockingIOError):
                raise InUse(
                    f"another voiced uses {path.parent} already, and both would count apart: stop that one, or give "
                    "this one a directory of its own at `data:` in voiced.yaml"
                ) from error
            raise StoreError(
                f"{file} cannot be locked ({error.strerror}): name a directory on a local disk at `data:` in "
                "voiced.yaml"
            ) from error

    def release(self) -> None:
        """Let others have it. Nothing happens the second time."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)
