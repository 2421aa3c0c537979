"""Whether a destination may be called at all, at this hour: every rule that counts nothing."""

from __future__ import annotations

from voiced.errors import Refused
from voiced.guard.destinations import NOT_A_NUMBER, Destination
from voiced.guard.patterns import closest
from voiced.guard.risky import risk
from voiced.guard.rules import Outbound


def permitted(to: Destination, rules: Outbound, now: float, *, named: bool = False) -> None:
    """Raises Refused when this destination may not be called. `now` is in seconds since the epoch.

    `named`: the operator has written this very target down; then it needs not be allowed once more, whatever it costs
    and however late it is.
    """
    chosen = closest(rules.risky, to) is not None
    danger = risk(_number_in(to), to.number) if to.number else ""
    if danger and not chosen and not named:
        raise Refused("risky", f"such numbers are {danger}: to call it all the same, name it in `risky`")
    if not to.valid and not chosen:  # of the networks of no country the library does not know all numbers
        raise Refused("number", NOT_A_NUMBER)
    if not chosen and not named and closest(rules.allow, to) is None:
        where = to.host or to.region
        raise Refused("allow", f"{where or 'this network'} is not in `allow`")
    if to.text in rules.dnc or _number_in(to) in rules.dnc:
        raise Refused("dnc", "it is on the do-not-call list")
    if not named:
        _within_hours(to, rules, now)


def _number_in(to: Destination) -> str:
    """The number that a SIP address's gateway would dial, or the number itself."""
    return to.text.partition(":")[2].partition("@")[0] if to.host else to.text


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
