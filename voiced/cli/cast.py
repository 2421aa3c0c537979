"""Who is at the other end where a tool is the carrier: the options that say so, and what the carrier is told."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import click

from voiced.call.dialplan import plain
from voiced.simulator.carrier import Carrier
from voiced.simulator.line import Line
from voiced.simulator.person import Does, Person

WAYS: Mapping[str, Does] = {
    "answers": "answers",
    "busy": "busy",
    "no-answer": "no-answer",
    "rejects": "rejects",
    "failed": "failed",
    "machine": "answers",
}
"""What somebody may be told to be, and what the telephone does then (voiced.simulator.person)."""
STATUS = {"busy": "busy", "rejects": "busy", "no-answer": "no-answer", "failed": "failed"}
"""The CallStatus of a call to somebody who does not answer."""
DESKS = {"answers": "completed", "busy": "busy", "no-answer": "no-answer", "failed": "failed"}
"""What somebody does whom a call is transferred to, and its DialCallStatus."""
_KEYS = re.compile(r"[0-9*#A-D]+", re.ASCII)


def keys(context: click.Context, option: click.Parameter, written: tuple[str, ...]) -> tuple[str, ...]:
    """A click callback: keys of a telephone, as often as they were given."""
    for each in written:
        if not _KEYS.fullmatch(each):
            raise click.BadParameter(f"{each!r} are no keys of a telephone: 0 to 9, * and #")
    return written


def something(context: click.Context, option: click.Parameter, written: str | None) -> str | None:
    """A click callback: not the empty text that an unset variable of the shell leaves."""
    if written is not None and not written.strip():
        raise click.BadParameter("it is empty: a number begins with + and its country, like +14155550100")
    return written


def _each(words: Mapping[str, object]) -> Callable[[Any, Any, tuple[str, ...]], dict[str, str]]:
    """A click callback for `NUMBER=WORD`, as often as it was given; a SIP address may have a `=` of its own."""

    def read(context: click.Context, option: click.Parameter, written: tuple[str, ...]) -> dict[str, str]:
        found = {}
        for each in written:
            number, _, word = each.rpartition("=")
            if not number or word not in words:
                raise click.BadParameter(f"{each!r} is not NUMBER= and one of: {', '.join(words)}")
            found[number if number.startswith("sip") else plain(number)] = word
        return found

    return read


press_option: Callable[[Any], Any] = click.option(
    "--press",
    multiple=True,
    metavar="KEY",
    callback=keys,
    help="A key to press when asked, or several in a row (3#); may be repeated.",
)
desk_option: Callable[[Any], Any] = click.option(
    "--desk",
    "desks",
    multiple=True,
    metavar="NUMBER=" + "|".join(DESKS),
    callback=_each(DESKS),
    help="What somebody does whom the call is transferred to (answers, and talks for 30 s); may be repeated.",
)
person_option: Callable[[Any], Any] = click.option(
    "--person",
    "people",
    multiple=True,
    metavar="NUMBER=" + "|".join(WAYS),
    callback=_each(WAYS),
    help="What the one at this number does; may be repeated.",
)


def furnish(carrier: Carrier, desks: Mapping[str, str]) -> None:
    """Let these do so when a call is transferred to them; `no-answer` rings for as long as the flow lets it."""
    for number, word in desks.items():
        ring = math.inf if word == "no-answer" else 2.0
        carrier.callee(number, DESKS[word], ring)


def settle(carrier: Carrier, number: str, way: str, line: Line | None = None, talk: float | None = None) -> None:
    """Let the one at this number be so when they are called; they hang up `talk` seconds after they answer."""
    answered_by = "machine" if way == "machine" else Person().answered_by
    carrier.person(number, WAYS[way], answered_by=answered_by, line=line or Line.clean(), talk=talk)
