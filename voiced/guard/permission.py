"""Whether a destination may be called at all, at this hour: every rule that counts nothing."""

from __future__ import annotations

from collections.abc import Container

from voiced.errors import Refused
from voiced.guard.destinations import NOT_A_NUMBER, NOT_CLEAR, Destination
from voiced.guard.patterns import Kind, closest
from voiced.guard.risky import risk
from voiced.guard.rules import Outbound


def permitted(
    to: Destination,
    rules: Outbound,
    now: float,
    *,
    named: bool = False,
    opted_out: Container[str] = frozenset(),
) -> None:
    """Raises Refused when this destination may not be called. `now` is in seconds since the epoch.

    `opted_out` are those who have said so themselves, each as Destination.who. A target that the operator has written
    down is called all the same: whoever shows its number as their own could else switch it off.

    `named`: the operator has written this very target down; then it needs not be allowed once more, whatever it costs
    and however late it is. A SIP address that all of a host's pattern allows has to be a name, or clearly a number: a
    gateway would dial whatever else it spells.
    """
    chosen = closest(rules.risky, to) is not None
    danger = risk(to.who, to.number) if to.number else ""
    if danger and not chosen and not named:
        raise Refused("risky", f"such numbers are {danger}: to call it all the same, name it in `risky`")
    allowed = closest(rules.allow, to)
    written_out = to.host and (named or (allowed is not None and allowed.kind is Kind.SIP))
    if not to.valid and not chosen and not written_out:  # of networks of no country not all numbers are known
        raise Refused("number", NOT_CLEAR if to.host else NOT_A_NUMBER)
    if not chosen and not named and allowed is None:
        where = to.host or to.region
        raise Refused("allow", f"{where or 'this network'} is not in `allow`")
    if to.who in rules.dnc or (to.who in opted_out and not named):
        raise Refused("dnc", "it is on the do-not-call list")
    if not named:
        _within_hours(to, rules, now)


def _within_hours(to: Destination, rules: Outbound, now: float) -> None:
    zones = None if rules.hours is None else rules.hours.zones(to)
    if rules.hours is None or zones is None:
        return
    if not zones:
        raise Refused("hours", "nobody knows what time it is there: write whose clock counts, `zone`, into `hours`")
    wait = rules.hours.opens(zones, now)
    if wait is None:
        raise Refused("hours", "it may be in places that are never all within `hours` at once")
    if wait:
        raise Refused("hours", "it is outside the calling hours there", retry_after=wait)
