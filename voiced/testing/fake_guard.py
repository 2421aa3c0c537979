"""A guard that lets everything be, unless it is told otherwise, and writes down what it was asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import attrs
from twisted.internet.defer import Deferred, execute, fail, succeed
from zope.interface import implementer

from voiced.call.records import CallInfo
from voiced.errors import Refused, StoreError
from voiced.icarrier import CallOrder
from voiced.iguard import Charged, IGuard, IPermit, Party
from voiced.ivoiced import Dial

_T = TypeVar("_T")


@implementer(IPermit)
@attrs.define(eq=False)
class FakePermit:
    """A permit of FakeGuard."""

    kind: str
    """`place`, `ring`, `leg` or `converse`."""
    seconds: int
    _held: list[FakePermit]
    talked: list[float | None] = attrs.field(factory=list)
    """What `over` was told: of a good call, once."""
    charged: tuple[Charged, ...] = ()

    def over(self, talked: float | None) -> None:
        """See IPermit."""
        self.talked.append(talked)
        if self in self._held:
            self._held.remove(self)

    def leave(self) -> None:
        """See IPermit."""
        self.over(None)


@implementer(IGuard)
class FakeGuard:
    """Refuses what is in `refusals`, by kind; the others get `seconds`."""

    def __init__(self, seconds: int = 14400) -> None:
        self.seconds = seconds
        self.refusals: dict[str, Refused] = {}
        self.permits: list[FakePermit] = []
        """All there ever were."""
        self.held: list[FakePermit] = []
        """Those that are not over."""
        self.asked: list[tuple[str, object]] = []
        self.forgets: StoreError | None = None
        """What `settled` fails with."""

    def whole(self, ask: Callable[[], _T]) -> Deferred[_T]:
        """See IGuard."""
        return execute(ask)

    def place(self, order: CallOrder, party: Party) -> IPermit:
        """See IGuard."""
        self.asked.append(("place", (order, party)))
        return self._permit("place", order.seconds)

    def ring(self, info: CallInfo) -> IPermit:
        """See IGuard."""
        self.asked.append(("ring", info))
        return self._permit("ring")

    def leg(self, info: CallInfo, dial: Dial, named: bool, party: Party | None = None) -> IPermit:
        """See IGuard."""
        self.asked.append(("leg", (dial.to, named) if party is None else (dial.to, named, party.name)))
        return self._permit("leg", dial.seconds)

    def carry_on(
        self, info: CallInfo, seconds: int, dial: Dial | None = None, charged: tuple[Charged, ...] = ()
    ) -> IPermit:
        """See IGuard."""
        self.asked.append(("carry_on", info if dial is None else dial.to))
        return self._permit("carry_on", seconds)

    def converse(self, info: CallInfo, seconds: int | None = None) -> IPermit:
        """See IGuard."""
        self.asked.append(("converse", info))
        return self._permit("converse", seconds)

    def conversed(self, info: CallInfo, granted: int, began: float, ended: float) -> None:
        """See IGuard."""
        self.asked.append(("conversed", (info.sid, granted, began, ended)))

    def text(self, info: CallInfo, to: str) -> None:
        """See IGuard."""
        self.asked.append(("text", to))
        if "text" in self.refusals:
            raise self.refusals["text"]

    def opt_out(self, info: CallInfo, how: str) -> None:
        """See IGuard."""
        self.asked.append(("opt_out", (info.party, how)))

    def refuse(self, refusal: Refused, *, account: str, party: str, key: str) -> None:
        """See IGuard."""
        self.asked.append(("refuse", (refusal.rule, account, party, key)))

    def settled(self) -> Deferred[None]:
        """See IGuard."""
        return succeed(None) if self.forgets is None else fail(self.forgets)

    def _permit(self, kind: str, most: int | None = None) -> FakePermit:
        if kind in self.refusals:
            raise self.refusals[kind]
        permit = FakePermit(kind, min(self.seconds, most or self.seconds), self.held)
        self.permits.append(permit)
        self.held.append(permit)
        return permit
