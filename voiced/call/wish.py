"""A call that somebody wants, and what may be wished for: which flow, from which number, how long."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping

import attrs

from voiced.call.dialplan import plain
from voiced.call.flow import Flow, OnMachine
from voiced.call.ordered import VARIABLES
from voiced.errors import BadWish, Refused
from voiced.icarrier import CallOrder
from voiced.iguard import Party

MOST_RINGING = 120
"""Seconds that a wish may have somebody's telephone ring, unless the settings' own time is longer: each call that
rings takes one of the places at once."""
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
_DETECTION = {
    None: "",
    OnMachine.HANGUP: "enable",
    OnMachine.CONTINUE: "enable",
    OnMachine.LEAVE_MESSAGE: "message_end",
}
"""Whether the carrier has to find out who answers, for what a flow does then."""


@attrs.frozen
class Wish:
    """A call that somebody wants. What is None is as the settings have it."""

    number: str
    """Whom to call: E.164, as people write it."""
    flow: str | None = None
    prompt: str | None = attrs.field(default=None, repr=False)
    """Verbatim, for the first agent that the flow comes to."""
    first_message: str | None = attrs.field(default=None, repr=False)
    variables: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    """Facts for the flow: `{variables.name}`."""
    from_: str | None = None
    timeout: int | None = None
    """Seconds it may ring."""
    max_seconds: int | None = None
    """Seconds it may last."""
    machine_detection: str | None = None
    """`off`, `enable` or `message_end`; None: as the flow's `on_machine` needs it."""
    idempotency_key: str | None = None

    @property
    def fingerprint(self) -> str:
        """What tells this wish from another one, and tells nothing of it: SHA-256, in hexadecimal."""
        wish = attrs.asdict(self, filter=lambda field, _: field.name != "idempotency_key")
        wish["number"] = plain(self.number)  # however they are spelled
        wish["from_"] = None if self.from_ is None else plain(self.from_)
        return hashlib.sha256(json.dumps(wish, sort_keys=True).encode()).hexdigest()


@attrs.frozen
class Ways:
    """How calls are placed, unless a wish says otherwise."""

    flow: str | None = None
    timeout: int = 45
    """Seconds of ringing."""
    seconds: int = 900
    """Seconds a call may last."""
    numbers: Mapping[str, str] = attrs.field(factory=dict)
    """The numbers that we may call from (E.164), and each one's account; the first is used unless one is named."""

    def flow_of(self, wish: Wish, party: Party, flows: Mapping[str, Flow]) -> Flow:
        """The flow that the human is connected with. Raises BadWish and Refused."""
        name = wish.flow if wish.flow is not None else self.flow
        if name is None:
            raise BadWish("flow", "which flow? Name one, or set `outbound.flow`")
        if party.flows is not None and name not in party.flows:
            raise Refused("flows", "this API key may not use this flow")
        if name not in flows:
            raise BadWish("flow", "there is no flow of that name")
        for path in ("prompt", "first_message"):
            if getattr(wish, path) is not None and not flows[name].has_agent:
                raise BadWish(path, f"flow {name!r} has no agent that it could be for")
        for variable in flows[name].variables or ():
            if variable not in wish.variables:
                raise BadWish(f"{VARIABLES}{variable}", f"flow {name!r} needs the variable {variable!r}")
        return flows[name]

    def order_of(self, wish: Wish, flow: Flow, reference: str) -> CallOrder:
        """What the carrier is asked for. Raises BadWish."""
        to = plain(wish.number)
        if not _NUMBER.fullmatch(to):
            raise BadWish(
                "number", "this is not a number: it begins with + (in a form: %2B) and its country, like +14155550100"
            )
        longest = max(self.timeout, MOST_RINGING)
        if (wish.timeout or 0) > longest:
            raise BadWish("timeout", f"a telephone may ring for {longest} s at most")
        from_ = plain(wish.from_) if wish.from_ is not None else next(iter(self.numbers), None)
        if from_ is None:
            raise BadWish("from", "there is no number to call from: set `number` of the Twilio account")
        if from_ not in self.numbers:
            raise BadWish("from", "this is none of our numbers")
        return CallOrder(
            account=self.numbers[from_],
            to=to,
            from_=from_,
            reference=reference,
            timeout=wish.timeout or self.timeout,
            seconds=wish.max_seconds or self.seconds,
            detect=_detect(wish, flow),
        )


def _detect(wish: Wish, flow: Flow) -> str:
    """CallOrder.detect."""
    match wish.machine_detection:
        case None:
            return _DETECTION[flow.on_machine]
        case "off":
            return ""
        case "enable" if flow.on_machine is OnMachine.LEAVE_MESSAGE:
            raise BadWish("machine_detection", "this flow leaves a message after the beep: it needs `message_end`")
        case wanted:
            return wanted
