"""Tables of settings and flows as they are written, with what is said of them beside each.

=== a title
--- flows/main.yaml          the file is this
+++ voiced.yaml              the file begins as it does in GOOD, and ends so
=> voiced.yaml:5:9: …        all that is said of them, in order
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import attrs
import msgspec
from zope.interface import implementer

from voiced.errors import ConfigError
from voiced.ivoiced import ICall, IStep, Mentions
from voiced.maker import Maker
from voiced.settings.load import read
from voiced.settings.registry import Found, Registry

GOOD = {
    "voiced.yaml": """\
public_url: https://voice.example.com
twilio: {account_sid: AC00000000000000000000000000000000, auth_token: a token}
numbers: {default: main}
""",
    "flows/main.yaml": """\
flow: main
start: a
nodes:
  a:
    - hangup
""",
}
"""What is good, and holds where a case does not say otherwise: four and six lines."""


@implementer(IStep)
class Closed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A step of somebody else's, `closed`: it names a calendar."""

    shorthand: ClassVar[str] = "file"

    file: str

    def mentions(self) -> Mentions:
        """The calendar."""
        return Mentions(calendars=(self.file,))

    async def run(self, call: ICall) -> None:
        """Nothing: it is only read."""


REGISTRY = Registry(
    (
        *Registry.find().found,
        Found(Maker("step", "closed", "A calendar", f"{__name__}.Closed"), __name__),
        Found(Maker("lookup", "broken", "Not there", "tests.not_there"), __name__),
    )
)


NO_TEXT = "\N{REPLACEMENT CHARACTER}"
"""Stands for a byte that no UTF-8 text has."""


@attrs.define
class Case:
    """Files, and what is said of them: `file:line:column: sentence`."""

    title: str
    files: dict[str, str]
    said: list[str] = attrs.field(factory=list)

    def write(self, directory: Path) -> None:
        """Put its files there."""
        for name, text in {**GOOD, **self.files}.items():
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode().replace(NO_TEXT.encode(), b"\xff"))


def cases(table: Path) -> Iterator[Case]:
    """The cases of a table."""
    case, name = Case("", {}), ""
    for line in table.read_text("utf-8").splitlines(keepends=True):
        mark, _, rest = line.rstrip().partition(" ")
        if mark == "===":
            if case.title:
                yield case
            case = Case(rest, {})
        elif mark in ("---", "+++") and rest:
            name = rest
            case.files[name] = GOOD[name] if mark == "+++" else ""
        elif mark == "=>":
            case.said.append(rest)
        elif case.title and line.strip():
            case.files[name] += line
    yield case


def said_of(directory: Path, registry: Registry = REGISTRY) -> list[str]:
    """All that is said of the files in a directory, faults or else warnings, without its own name."""
    try:
        said = [fault.warning for fault in read(directory / "voiced.yaml", {}, registry).warnings]
    except ConfigError as error:
        said = list(map(str, error.faults))
    return [each.replace(f"{directory}/", "") for each in said]
