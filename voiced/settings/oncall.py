"""The `oncall:` of voiced.yaml: who is rung in trouble, and the flow that tells them."""

from __future__ import annotations

import msgspec

from voiced.ioperator import OnCall
from voiced.settings.numbers import e164


class WrittenOnCall(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The daemon rings this number when something is broken."""

    number: str
    """The operator's own telephone; it needs not be in `outbound.allow`."""
    flow: str
    """What they hear, and may press: a flow with the step `operator`."""

    def __post_init__(self) -> None:
        if e164(self.number) is None:
            raise ValueError(f"`number` is a telephone number like +14155550100, in quotes, not {self.number!r}")

    def on_call(self) -> OnCall:
        """The same for who rings."""
        return OnCall(e164(self.number) or "", self.flow)
