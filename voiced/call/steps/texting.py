"""The step that sends a text message: sms."""

from __future__ import annotations

import re
from typing import ClassVar

import msgspec
from twisted.internet.defer import TimeoutError as TimedOut
from twisted.logger import Logger
from zope.interface import implementer

from voiced.call.dialplan import plain
from voiced.call.steps.filling import filled
from voiced.call.template import Template
from voiced.errors import CarrierError, Refused
from voiced.ivoiced import MOST_TEXT, ICall, IStep, Mentions

RESULT, SID = "sms.result", "sms.sid"
"""The facts that say what became of the message, and the carrier's name for it."""
PATIENCE = 3.0
"""Seconds that the caller waits until the carrier has taken a text."""
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")

log = Logger()


@implementer(IStep)
class Sms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Send a text message to the human of this call: to nobody else.

    It comes from the number that they have called, or that has called them; `from` names another one of ours. What
    became of it is `{sms.result}`: `sent` (the carrier has taken it; `{sms.sid}` is its name there), `sending` (it
    has not answered within 3 s: the flow waits no longer, the sending goes on), `refused` (by a rule of voiced.yaml:
    docs/security.md), or `failed` (the carrier did not take it, the human has no number, or it is longer than 1600
    characters). When it is `refused` or `failed`, the flow goes to `otherwise`, else on with the next step.
    """

    shorthand: ClassVar[str] = "text"

    text: Template
    from_: str | None = msgspec.field(default=None, name="from")
    otherwise: str | None = None

    def __post_init__(self) -> None:
        for wording in self.text.wordings:
            if wording.static and (wrong := _unsendable(wording.fill({}))):
                raise ValueError(f"`text`: {wrong}")
        if self.from_ is not None and not _E164.fullmatch(plain(self.from_)):
            raise ValueError(f"`from` is a number of ours like +14155550100, in quotes, not {self.from_!r}")

    def mentions(self) -> Mentions:
        """The node of `otherwise`, and the facts."""
        return Mentions(nodes=(self.otherwise,) if self.otherwise else (), reads=self.text.needs, sets=(RESULT, SID))

    async def run(self, call: ICall) -> str | None:
        """Send it, and wait until the carrier has taken it, but not for long: silence is a failure."""
        call.facts |= {RESULT: "failed", SID: ""}
        words = filled(call, self.text, "a text message")
        if wrong := self._nobody(call) or _unsendable(words):
            call.note(f"failed: {wrong}")
            return self.otherwise
        try:
            sending = call.text(words, None if self.from_ is None else plain(self.from_))
            sid = await sending.addTimeout(PATIENCE, call.clock)
        except TimedOut:
            call.facts[RESULT] = "sending"
            call.note(f"the carrier has not answered within {PATIENCE:g} s, and is waited for no longer")
            return None
        except Refused as error:
            log.warn("{call}: not texted: rule {rule}", call=call.info.sid, rule=error.rule)
            call.facts[RESULT] = "refused"
            call.note(f"refused: {error.rule}")
            return self.otherwise
        except CarrierError as error:
            log.warn("{call}: not texted: {error}", call=call.info.sid, error=str(error))
            call.note(f"failed: {error}")
            return self.otherwise
        call.facts |= {RESULT: "sent", SID: sid}
        call.note("sent")
        return None

    def _nobody(self, call: ICall) -> str:
        """Why nobody can be texted, or by nobody; "" when somebody can."""
        if not _E164.fullmatch(call.info.party):
            return "who is on the line has no number that can be texted"
        if self.from_ is None and not _E164.fullmatch(call.info.ours):
            return "no number of ours is on this call: write `from`"
        return ""


def _unsendable(words: str) -> str:
    """Why a text cannot be sent; "" when it can."""
    if not words.strip():
        return "there is nothing in it"
    if len(words) > MOST_TEXT:
        return f"it has more than {MOST_TEXT} characters, and Twilio takes no more"
    return ""
