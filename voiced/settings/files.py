"""The files that a configuration is read from: read once each, and known by what was in them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import attrs

from voiced.regular import content_of

DIGITS = 12
"""Of the hash: enough to tell versions apart, and to be read out on the telephone."""


@attrs.frozen
class Files:
    """Reads files for a configuration in this directory.

    What `${…}` fills in (the environment, files of secrets) is not read here: nothing of it is in the hash.
    """

    directory: Path = Path()
    _digests: dict[str, bytes] = attrs.field(factory=dict, init=False, repr=False)

    def read(self, path: Path) -> bytes:
        """What is in the file. Raises OSError, and ValueError for what cannot be a path."""
        content = content_of(path)
        self._digests[self._name(path)] = hashlib.sha256(content).digest()
        return content

    def note(self, path: Path) -> None:
        """Somebody else reads this file, and says what is wrong with it."""
        try:
            self.read(path)
        except (OSError, ValueError):
            self._digests[self._name(path)] = b""

    def digest(self, path: Path) -> bytes:
        """What tells this file from what it was before; nothing (b"") for one that was not, or could not be read."""
        return self._digests.get(self._name(path), b"")

    @property
    def hash(self) -> str:
        """Of all that was read, in whatever order; files are named as seen from the directory."""
        whole = hashlib.sha256()
        for name, digest in sorted(self._digests.items()):
            whole.update(os.fsencode(name) + b"\0" + digest)
        return whole.hexdigest()[:DIGITS]

    def _name(self, path: Path) -> str:
        return os.path.relpath(path, self.directory)
