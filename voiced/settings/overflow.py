"""The `overflow:` of voiced.yaml: what becomes of callers for whom there is no room."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from voiced.call.program import Overflow
from voiced.call.steps.handover import dial_target

_WAYS = ("reject", "forward", "flow")


class WrittenOverflow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of three ways; without this block they hear `busy`."""

    reject: Literal["busy", "rejected"] | None = None
    """They hear an engaged tone (busy), or that the number is not in service (rejected), and pay nothing."""
    forward: str | None = None
    """A number or SIP address that takes them instead."""
    flow: str | None = None
    """The flow in which they wait (one with a `queue`), while it is only too many calls that there are."""
    most: Annotated[int, msgspec.Meta(ge=1)] = 20
    """Calls beside `limits.calls` that this flow takes."""

    def __post_init__(self) -> None:
        if sum(getattr(self, way) is not None for way in _WAYS) != 1:
            raise ValueError("has to say one of `reject`, `forward` and `flow`: a caller gets one of them")
        if self.forward is not None and dial_target(self.forward) is None:
            raise ValueError(
                "`forward` is a telephone number like +14155550100, in quotes, or a SIP address like "
                f"sip:desk@example.com, not {self.forward!r}"
            )

    def overflow(self) -> Overflow:
        """The same for calls."""
        forward = None if self.forward is None else dial_target(self.forward)
        return Overflow(self.reject, forward, self.flow, self.most if self.flow else 0)
