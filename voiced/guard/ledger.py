"""What is taken and counted for whatever the guard lets be: all of it, or nothing and a refusal."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import attrs
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from voiced.errors import Refused
from voiced.guard.counters import CROWD, CapReached, Charge, Counted, Counters, Window, window_end
from voiced.guard.others import Others
from voiced.guard.places import Limit, Places
from voiced.ikept import AT_ONCE, ICounts

LONGEST = 2 * 86400.0
"""Seconds: longer than any call."""
NOTICED = 3600.0
"""Seconds within which every other daemon looks."""
SOON = 10.0
"""Seconds after which to ask again for a place among those at once: nobody knows when one will be free."""


@attrs.frozen
class Terms:
    """What somebody is let be under: places among those at once, and charges."""

    limits: tuple[Limit, ...] = ()
    charges: tuple[Charge, ...] = ()

    def __add__(self, other: Terms) -> Terms:
        return Terms(self.limits + other.limits, self.charges + other.charges)


class Ledger:
    """Places and counts. Raises StoreError when what was counted before cannot be read.

    Numbers are hashed in the names of counts, which are on the disk for as long as they count (a day). Telephone
    numbers are so few that whoever has the file could try them all; with a `pepper` that is not in the file (made of
    a secret of the settings, so that it is the same after a restart) they cannot.

    `others` is what other daemons have counted, and how many places they have: all together keep the caps.
    """

    def __init__(self, clock: IReactorTime, counts: ICounts, pepper: bytes, others: Others | None = None) -> None:
        self._pepper = hashlib.sha256(pepper).digest()
        self._clock = clock
        self._others = others
        self._counters = Counters(clock, counts, others=others)
        self._places = Places() if others is None else Places(self._place_changed)
        self.keeping = self._counters.keeping

    def __len__(self) -> int:
        """How many places are taken."""
        return len(self._places)

    def take(self, terms: Terms) -> Sequence[Counted]:
        """Take every place, and count every charge; or nothing of it, and raise Refused."""
        for limit in terms.limits:
            if self._taken(limit.name) >= limit.most:
                raise Refused(limit.rule, f"{limit.most} at once is the most", retry_after=SOON)
        try:
            counted = self._counters.spend(terms.charges)
        except CapReached as reached:
            raise Refused(reached.charge.rule, _sentence(reached), retry_after=reached.wait) from None
        self._places.take(*(limit.name for limit in terms.limits))
        return counted

    def taken(self, charge: Charge, at: float) -> Counted:
        """What a daemon before us has counted then (seconds since the epoch)."""
        return Counted(charge, window_end(charge.window, at))

    def hold(self, terms: Terms) -> None:
        """Take every place again, full or not: whoever had them is there still. Nothing is counted."""
        self._places.take(*(limit.name for limit in terms.limits))

    def leave(self, terms: Terms) -> None:
        """Leave the places again."""
        self._places.leave(*(limit.name for limit in terms.limits))

    def correct(self, counted: Counted, by: float) -> None:
        """It was rather so much."""
        self._counters.correct(counted, by)

    def amount(self, name: str) -> float:
        """How much has been counted under a name."""
        return self._counters.amount(name)

    def settled(self) -> Deferred[None]:
        """See IGuard."""
        return self._counters.settled()

    def _taken(self, name: str) -> float:
        theirs = 0.0 if self._others is None else self._others.amount(AT_ONCE + name)
        return self._places.taken(name) + theirs

    def _place_changed(self, name: str, taken: int) -> None:
        # The others have to see that none is taken, too: the row stays for a while.
        seconds = LONGEST if taken else NOTICED
        self.keeping.change(AT_ONCE + name, (self._clock.seconds() + seconds, float(taken)))

    def hashed(self, who: str) -> str:
        """A person in the name of a count."""
        text = who.encode("utf-8", "surrogatepass")
        return hashlib.blake2b(text, digest_size=16, key=self._pepper).hexdigest()


def a_minute(rule: str, name: str, cap: float) -> Charge:
    """One of so many a minute."""
    return Charge(rule, f"{rule} {name}", Window.MINUTE, cap)


def ten_minutes(rule: str, name: str, cap: float) -> Charge:
    """One of so many in ten minutes."""
    return Charge(rule, f"{rule} {name}", Window.TEN_MINUTES, cap)


def a_day(rule: str, name: str, cap: float, *, by: float = 1.0, crowd: bool = False) -> Charge:
    """So much of so many a day (UTC). `crowd`: strangers make such names."""
    return Charge(rule, f"{CROWD if crowd else ''}{rule} {name}", Window.DAY, cap, by)


_WINDOWS = {Window.MINUTE: "a minute", Window.TEN_MINUTES: "in ten minutes", Window.DAY: "a day (UTC)"}


def _sentence(reached: CapReached) -> str:
    charge = reached.charge
    window = _WINDOWS[charge.window]
    if reached.wait is None:
        return f"this call alone might take {charge.by:g}, and {charge.cap:g} {window} is the most"
    return f"{charge.cap:g} {window} is the most"
