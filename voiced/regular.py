"""Reads regular files: a pipe or a device may never end, and whoever reads it would wait for ever."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

MOST = 256 * 1024 * 1024
"""Bytes of a file that are read: eight hours of a sound, and nobody's YAML."""


def content_of(path: Path) -> bytes:
    """What is in the file. Raises OSError, and ValueError for what cannot be a path."""
    with open(path, "rb", opener=_opened) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is a pipe or a device, and no file: put a file there")
        content = file.read(MOST + 1)
    if len(content) > MOST:
        raise OSError(errno.EFBIG, f"it has more than {MOST} bytes: put a shorter one there")
    return content


def _opened(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # a pipe that nobody writes into would block already here
