"""Keeps daemons that would count apart out of one database: each would have the caps to itself, and both together
twice as much.

A daemon with a name (`node:`) counts together with others that have names; one without has the file to itself. So the
database's lock is shared by those with names, and nobody shares it who has none; and each name has a lock of its own.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from voiced.errors import StoreError

SUFFIX = ".lock"
"""Its file is beside the database, and stays there: a file that is deleted could be locked by two."""


class InUse(StoreError):
    """Another voiced runs with these files."""


class Lock:
    """The lock of the database at `path`, for the daemon of this name ("": the only one), until it is released or the
    process ends, however that happens.

    flock(2) and not lockf(3): it belongs to the open file, so that it survives the fork by which twistd becomes a
    daemon. Raises StoreError with what an operator has to do.
    """

    def __init__(self, path: Path, node: str = "") -> None:
        self._own: int | None = None
        self._file: int | None = _locked(_file(path), fcntl.LOCK_SH if node else fcntl.LOCK_EX, _advice(node))
        if node:
            try:
                self._own = _locked(_file(path, node), fcntl.LOCK_EX, f", or a name of its own, other than {node!r}")
            except StoreError:
                self.release()
                raise

    def release(self) -> None:
        """Let others have it. Nothing happens the second time."""
        files, self._file, self._own = (self._own, self._file), None, None
        for file in files:
            if file is not None:
                os.close(file)


def is_gone(path: Path, node: str) -> bool:
    """Whether no daemon of that name uses the database at `path`. Takes microseconds, in which nobody else can look,
    or begin."""
    try:
        file = os.open(_file(path, node), os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    try:
        with _alone(file):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fcntl.flock(file, fcntl.LOCK_UN)
    except BlockingIOError:
        return False
    finally:
        os.close(file)
    return True


def _file(path: Path, node: str = "") -> Path:
    return path.with_name(f"{path.name}.{node}{SUFFIX}" if node else path.name + SUFFIX)


def _advice(node: str) -> str:
    return ", or a name" if not node else ", or that one a name"


def _locked(file: Path, how: int, otherwise: str) -> int:
    try:
        opened = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(
            f"{file} cannot be made or written ({error.strerror}): the user that voiced runs as must own it and "
            "its directory; `data:` in voiced.yaml names another"
        ) from error
    try:
        with _alone(opened):
            fcntl.flock(opened, how | fcntl.LOCK_NB)
    except OSError as error:
        os.close(opened)
        if isinstance(error, BlockingIOError):
            raise InUse(
                f"another voiced uses {file.parent} already, and both would count apart: stop that one, or give "
                f"this one a directory of its own at `data:` in voiced.yaml{otherwise} at `node:`"
            ) from error
        raise StoreError(
            f"{file} cannot be locked ({error.strerror}): name a directory on a local disk at `data:` in voiced.yaml"
        ) from error
    return opened


@contextmanager
def _alone(file: int) -> Iterator[None]:
    """Who looks whether a daemon is there has its lock for a moment, and nobody who begins may take that for one that
    is: both wait for this other lock (lockf: the two kinds know nothing of each other), which is never held long."""
    fcntl.lockf(file, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.lockf(file, fcntl.LOCK_UN)
