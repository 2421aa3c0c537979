"""The `outbound:` of voiced.yaml: who may be called, when, how often, how long and for how much money."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from voiced.call.dialplan import plain
from voiced.call.week import DAYS, NoDay, Span, days, spans
from voiced.errors import Fault, Refused
from voiced.guard.destinations import destination
from voiced.guard.hours import Hours
from voiced.guard.patterns import Kind, Pattern
from voiced.guard.prices import Prices
from voiced.guard.risky import bounded
from voiced.guard.rules import Outbound
from voiced.settings import check
from voiced.settings.nearest import instead
from voiced.settings.part import Part
from voiced.settings.plainyaml import BROKEN

_OURS = ("allow", "risky", "dnc", "hours", "prices")
"""What is not read field by field."""
_ZONE, _DEFAULT = "zone", "default"
_SHOWN = 40

Count = Annotated[int, msgspec.Meta(ge=1)]


class Written(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What says all it means."""

    flow: str | None = None
    """Of calls that are asked for without one."""
    calls_per_minute: Count = 30
    """Calls that we place, of all keys together."""
    calls_per_day: Count = 500
    """The same in a day."""
    calls_at_once: Count = 10
    """The same at once."""
    per_destination_per_day: Count = 3
    """Calls to one number in a day."""
    transfers_at_once: Count = 50
    """Of `transfer` to whom a flow or setting names."""
    transfers_per_minute: Count = 60
    """The same in a minute."""
    transfers_per_destination_per_day: Count = 200
    """The same to one number in a day."""
    texts_per_day: Count = 200
    """Text messages of an account in a day (UTC)."""
    texts_per_destination_per_day: Count = 5
    """Text messages to one number in a day."""
    timeout: Annotated[int, msgspec.Meta(ge=5, le=600)] = 45
    """Seconds of ringing."""
    max_seconds: Annotated[int, msgspec.Meta(ge=1, le=86400)] = 900
    """Of a call."""
    spend_per_day: Annotated[float, msgspec.Meta(gt=0)] | None = None
    """In whatever the prices are in; needs `prices`."""


def outbound(part: Part) -> Outbound | None:
    """The rules, or None; whatever is wrong is noted."""
    written = check.decode(part, Written, _OURS)
    allow, risky = patterns(part["allow"]), patterns(part["risky"], _one_by_one)
    dnc, hours, prices = _dnc(part["dnc"]), _hours(part["hours"]), _prices(part["prices"])
    if written is None:
        return None
    if written.spend_per_day is not None and not part["prices"].value:
        part["spend_per_day"].wrong("needs `prices`: what a minute costs, by region or prefix", named=True)
    return Outbound(allow=allow, risky=risky, dnc=dnc, hours=hours, prices=prices, **msgspec.structs.asdict(written))


def patterns(part: Part, look: Callable[[Part, Pattern], object] | None = None) -> tuple[Pattern, ...]:
    """A list of destinations; none where there is no list. `look` may find more wrong with each."""
    found = []
    for inner in () if part.value is None else part.elements():
        pattern = _pattern(inner, inner.value if inner.text() is not BROKEN else None)
        if pattern is not None:
            found.append(pattern)
            if look is not None:
                look(inner, pattern)
    return tuple(found)


def _pattern(part: Part, written: str | None, *, named: bool = False) -> Pattern | None:
    if written is None:
        return None
    try:
        return Pattern.parse(written)
    except ValueError as error:
        shown = repr(part.name) if named else part.written
        return part.wrong(f"{shown} {error}", named=named) and None


def _one_by_one(part: Part, pattern: Pattern) -> None:
    if pattern.kind in (Kind.REGION, Kind.SIP_HOST) or (pattern.kind is Kind.PREFIX and not bounded(pattern.text)):
        part.wrong(f'{part.written} names too much at once: name each number, or each prefix like "+1900*"')


def _prices(part: Part) -> Prices:
    table: dict[Pattern, float] = {}
    default = None
    for name, inner in part.items():
        price = check.convert(inner, Annotated[float, msgspec.Meta(ge=0)])
        if name == _DEFAULT:
            default = None if price is BROKEN else price
            continue
        pattern = _pattern(inner, name, named=True)
        if pattern in table:
            inner.wrong(f"{inner.name!r} is here twice, written otherwise", named=True)
        elif pattern is not None and price is not BROKEN:
            table[pattern] = price
    return Prices(table, default)


def _hours(part: Part) -> Hours | None:
    """Days and their hours: `mon-fri: "9:00-20:00"`, and `zone` for whoever is of no place."""
    if part.value is None:
        return None
    week: dict[int, tuple[Span, ...]] = {}
    zone = None
    for name, inner in part.items():
        if name == _ZONE:
            zone = _zone(inner)
            continue
        named, hours = _days(inner, name), _spans(inner)
        if twice := [DAYS[day] for day in named if day in week]:
            inner.wrong(f"{twice[0]} is here twice: write all its hours into one line", named=True)
        week.update(dict.fromkeys(named, hours))
    if isinstance(part.value, dict) and set(part.value) <= {_ZONE}:
        part.wrong('has no day: write `mon-fri: "9:00-20:00"`, or take it out to call at any time', named=True)
    return Hours(week, zone)


def _zone(part: Part) -> str | None:
    text = part.text()
    if text is BROKEN:
        return None
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return part.wrong(f"{part.written} is no time zone like Europe/London or America/New_York") and None
    return str(text)


def _days(part: Part, name: str) -> list[int]:
    try:
        return days(name)
    except NoDay as error:
        part.wrong(f"{part.name!r} is no day{instead(error.day, DAYS)}", named=True)
        return []


def _spans(part: Part) -> tuple[Span, ...]:
    text = part.text()
    try:
        return () if text is BROKEN else spans(text)
    except ValueError as error:
        return part.wrong(str(error)) and ()


def _dnc(part: Part) -> frozenset[str]:
    """The do-not-call list: one number or SIP address a line, `#` begins a comment."""
    path = check.convert(part, Path) if part.value is not None else None
    if path is None or path is BROKEN:
        return frozenset()
    try:
        text = part.files.read(path).decode("utf-8-sig")
    except OSError as error:
        return part.wrong(f"{path} cannot be read: {error.strerror}") and frozenset()
    except ValueError:
        return part.wrong(f"{str(path)!r} is not a file of UTF-8 text") and frozenset()
    return frozenset(_listed(part, path, text))


def _listed(part: Part, path: Path, text: str) -> Iterator[str]:
    for line, written in enumerate(text.splitlines(), 1):
        entry = written.partition("#")[0].strip()
        if entry:
            try:
                yield destination(entry if entry.lower().startswith("sip") else plain(entry)).who
            except Refused:
                column = written.index(entry) + 1
                sentence = f"{entry[:_SHOWN]!r} is no telephone number: one begins with + and its country"
                part.faults.append(Fault(str(path), line, column, sentence))


def outbound_flows(part: Part) -> Iterator[Part]:
    """Where it names flows."""
    yield part["flow"]
