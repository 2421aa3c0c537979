"""Whether this machine's clock is right, by what a vendor's server says it is (RFC 9110 §6.6.1, Date)."""

from __future__ import annotations

from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from typing import Any

from voiced.doctor.finding import Finding, bad, good, unasked
from voiced.doctor.world import World
from voiced.net.trouble import NETWORK
from voiced.twilio.rest import CLOCKS_DIFFER

CHECK = "clock"
SECONDS = 5.0
"""How long each server may take."""
HALF = 0.5
"""A Date has whole seconds: what it means is half a second later, give or take as much."""


async def clock(world: World, urls: Sequence[str]) -> Finding:
    """Ask one after the other until one tells the time."""
    for url in urls:
        began = world.now
        try:
            asked = world.http.get(url, allow_redirects=False, reactor=world.clock, unbuffered=True)
            response = await asked.addTimeout(SECONDS, world.clock)
        except NETWORK:
            continue
        said = _date(response)
        if said is not None:
            return judged(said + HALF - (began + world.now) / 2, HALF + (world.now - began) / 2, url)
    return unasked(CHECK, f"nobody tells the time ({', '.join(urls)})")


def judged(ahead: float, unsure: float, url: str) -> Finding:
    """`ahead`: seconds that the server's clock is before ours; `unsure`: how wrong that may be."""
    how = "behind" if ahead > 0 else "ahead"
    if abs(ahead) - unsure <= CLOCKS_DIFFER:
        return good(CHECK, f"right within {abs(ahead) + unsure:.1f} s", url)
    says = f"this machine's clock is {abs(ahead):.0f} s {how}: calls are not found again by their time, and signed "
    return bad(CHECK, says + "requests of ours may be refused", "`timedatectl set-ntp true` keeps it right", url)


def _date(response: Any) -> float | None:
    try:
        return parsedate_to_datetime(response.headers.getRawHeaders("Date", [""])[0]).timestamp()
    except (TypeError, ValueError):
        return None
