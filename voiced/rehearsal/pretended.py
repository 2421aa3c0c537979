"""An environment in which every variable is set: scenarios need no secrets, and a machine of a CI has none."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs

from voiced.settings.expand import CREDENTIALS, file_content

DOMAIN = "pretended.test"
_LONG_ENOUGH = "pretended-"
"""What an API key begins with, so that it is long enough for one."""


@attrs.frozen
class Pretended(Mapping[str, str]):
    """The variables that are set, and of every other name whatever may stand in its place.

    Only names that `voiced.yaml` reads without a default are made up: `needed` has them.
    """

    known: Mapping[str, str]
    needed: frozenset[str] = frozenset()

    def __getitem__(self, name: str) -> str:
        if self.known.get(name):
            return self.known[name]
        if name == CREDENTIALS:
            return "credentials"
        if name in self.needed:
            return made_up(name)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter({*self.known, *self.needed, CREDENTIALS})

    def __len__(self) -> int:
        return len(list(iter(self)))


def made_up(name: str) -> str:
    """A value that fits what a variable of this name is for, always the same one."""
    drawn = hashlib.sha256(name.encode()).hexdigest()
    word = name.upper()
    if word.endswith("ACCOUNT_SID"):
        return f"AC{drawn[:32]}"
    if "NUMBER" in word or "PHONE" in word:
        return f"+14155550{150 + int(drawn[:8], 16) % 50}"
    if "PORT" in word:
        return "8080"
    if "DOMAIN" in word or "HOST" in word:
        return DOMAIN
    if "URL" in word or "URI" in word:
        return f"https://{DOMAIN}"
    return f"{_LONG_ENOUGH}{name.lower().replace('_', '-')}-{drawn[:12]}"


def content(path: Path) -> str:
    """A file that voiced.yaml names, or something in its place where it is not here: it holds a secret."""
    return file_content(path) if path.is_file() else made_up(path.name)


_WITHOUT_DEFAULT = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def needed(path: Path) -> frozenset[str]:
    """The variables that the settings, and what lies beside them, cannot do without."""
    files = [path, *path.parent.glob("*.yaml")]
    texts = [file.read_text("utf-8", errors="replace") for file in files if file.is_file()]
    return frozenset(name for text in texts for name in _WITHOUT_DEFAULT.findall(text))
