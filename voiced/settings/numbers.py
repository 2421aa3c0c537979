"""The telephone numbers and addresses that voiced.yaml names, as the carrier will name them."""

from __future__ import annotations

import re
from typing import Any

from voiced.call.dialplan import DEFAULT, plain
from voiced.settings.part import Part
from voiced.settings.plainyaml import BROKEN

_E164 = re.compile(r"\+[1-9]\d{1,14}", re.ASCII)
_PREFIX = re.compile(r"\+\d{0,14}\*", re.ASCII)
_ADDRESS = re.compile(r"[a-z][a-z0-9]*:\S+")
_EXAMPLE = 'a number begins with + and its country, like "+14155550123"'


def e164(text: str) -> str | None:
    """A number as people write it (`+1 415 555-0123`) in the form of ITU-T E.164, or None when it is none."""
    number = plain(text)
    return number if _E164.fullmatch(number) else None


def number(part: Part) -> Any:
    """The part as a number; None where it is not there; BROKEN, and a fault, when it is none."""
    if part.value is None:
        return None
    text = part.text()
    if text is BROKEN:
        return BROKEN
    return e164(text) or part.wrong(f"{part.written} is no telephone number: {_EXAMPLE}")


def dialled(part: Part) -> dict[str, Part]:
    """The `numbers:`, each as the carrier will name it, with the part that says which flow answers it."""
    known: dict[str, Part] = {}
    if not part.value:
        part.wrong("no number has a flow: write one, or `default: <flow>` for all of them", named=True)
    for name, flow in part.items():
        number = _dialled(name)
        if number is None:
            flow.wrong(
                f'{flow.name!r} is no number, no prefix like "+44*", no address like sip:… and not `default`; '
                f"{_EXAMPLE}",
                named=True,
            )
        elif number in known:
            flow.wrong(f"the number {flow.name!r} is here twice, as {known[number].name!r} too", named=True)
        elif flow.text() is not BROKEN:
            known[number] = flow
    return known


def _dialled(name: str) -> str | None:
    if name == DEFAULT or _ADDRESS.fullmatch(name):
        return name
    prefix = plain(name)
    return prefix if _PREFIX.fullmatch(prefix) else e164(name)
