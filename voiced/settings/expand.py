"""Fills in what a settings file leaves to its surroundings: environment variables, files, systemd credentials.

`${NAME}`, `${NAME:-default}`, `${file:/path}` (relative to the YAML file; its last line end is dropped) and
`${credential:name}` stand in any text and any name; `$${` is a plain `${`. What was filled in may be secret: it is
never part of a sentence, because a Spot keeps what was written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs

from voiced.errors import Fault
from voiced.regular import content_of
from voiced.settings.plainyaml import BROKEN, Document, Spot, Where

_PLACE = re.compile(r"\$\$\{|\$\{(?:([^{}]*)\})?")
_VARIABLE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)
_CREDENTIAL = re.compile(r"[\w.@-]*\w[\w.@-]*")

CREDENTIALS = "CREDENTIALS_DIRECTORY"
"""The variable in which systemd says where a service's credentials lie (systemd.exec(5))."""


class Missing(Exception):
    """There is nothing to fill in; the message says why."""


def file_content(path: Path) -> str:
    """What a file says that is to be filled in. Raises Missing, with the reason."""
    try:
        text = content_of(path).decode("utf-8")
    except OSError as error:
        raise Missing(f"{path} cannot be read: {error.strerror}") from None
    except ValueError:  # not UTF-8, or a null in the path
        raise Missing(f"{str(path)!r} is not a file of UTF-8 text") from None
    if not text.rstrip("\r\n"):
        raise Missing(f"{path} is empty")
    return text.removesuffix("\n").removesuffix("\r")


def expand(
    document: Document,
    environ: Mapping[str, str],
    faults: list[Fault],
    content: Callable[[Path], str] = file_content,
) -> Document:
    """The document with everything filled in. What could not be is BROKEN, and a fault names its line.

    A text that comes out empty is None: `${NUMBER:-}` is as if the line were not there. `content` reads the files.
    """
    filling = _Filling(document, environ, faults, content)
    return attrs.evolve(document, value=filling.fill(document.value, (), ()), spots=filling.spots)


@attrs.define
class _Filling:
    """One document on its way: names may change, so every place is entered anew."""

    document: Document
    environ: Mapping[str, str]
    faults: list[Fault]
    content: Callable[[Path], str]
    spots: dict[Where, Spot] = attrs.field(factory=dict)

    def fill(self, value: Any, old: Where, new: Where) -> Any:
        """The value that stood at `old` and will stand at `new`."""
        spot = self.spots[new] = self.document.spots[old]
        if isinstance(value, str):
            return self._text(value, spot.at)
        if isinstance(value, list):
            return [self.fill(item, (*old, number), (*new, number)) for number, item in enumerate(value)]
        if isinstance(value, dict):
            return self._mapping(value, old, new)
        return value

    def _mapping(self, value: dict[str, Any], old: Where, new: Where) -> dict[str, Any]:
        filled: dict[str, Any] = {}
        for name, item in value.items():
            spot = self.document.spots[*old, name]
            full = self._text(name, spot.name_at) if "${" in name else name
            if full in filled:
                self._wrong(spot.name_at, f"{name!r} is filled in with a name that is here already")
            elif full is None:
                self._wrong(spot.name_at, f"{name!r} is filled in with nothing, and a name must not be empty")
            elif full is not BROKEN:
                filled[full] = self.fill(item, (*old, name), (*new, full))
        return filled

    def _text(self, text: str, at: tuple[int, int]) -> Any:
        if "${" not in text:
            return text
        try:
            return _PLACE.sub(self._replace, text) or None
        except Missing as missing:
            self._wrong(at, str(missing))
            return BROKEN

    def _replace(self, place: re.Match[str]) -> str:
        if place[0] == "$${":
            return "${"
        if place[1] is None:
            raise Missing("`${` is never closed: write `}` after the name, or `$${` for a plain `${`")
        kind, colon, rest = place[1].partition(":")
        if colon and kind == "file":
            return self.content(self.document.directory / rest)
        if colon and kind == "credential":
            return self._credential(rest)
        return self._variable(place[1])

    def _variable(self, inner: str) -> str:
        parts = _VARIABLE.fullmatch(inner)
        if parts is None:
            raise Missing(f"`${{{inner}}}` is none of ${{NAME}}, ${{NAME:-default}}, ${{file:…}}, ${{credential:…}}")
        found = self.environ.get(parts[1]) or parts[2]
        if found is None:
            raise Missing(f"the environment variable {parts[1]} is not set, or empty: set it before voiced starts")
        return found

    def _credential(self, name: str) -> str:
        directory = self.environ.get(CREDENTIALS)
        if not directory:
            raise Missing(f"there are no credentials: start voiced from systemd, with `LoadCredential={name}:…`")
        if not _CREDENTIAL.fullmatch(name):
            raise Missing(f"{name!r} cannot be a credential's name: it is one file's name, without a path")
        return self.content(Path(directory) / name)

    def _wrong(self, at: tuple[int, int], message: str) -> None:
        self.faults.append(Fault(self.document.file, *at, message))
