"""Tells the caller that it is an AI that speaks, before the first one does; and keeps whether they have heard it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.defer import CancelledError

from voiced.call.records import DisclosureRecord
from voiced.call.template import Template
from voiced.errors import AgentError, VoicedError
from voiced.ivoiced import Heard

if TYPE_CHECKING:
    from voiced.call.verbs import Verbs


async def disclose(call: Verbs) -> None:
    """Say what the flow has to say before an agent speaks, where that was not heard to its end on this call yet.

    The flow is the one whose step runs, or else the first one. Raises AgentError where the caller has not heard all
    of it: then no agent may talk.
    """
    text = call.scene.disclose or call.flow.disclose
    if text is None or any(told.heard for told in call.record.disclosures):
        return
    record = _begun(call, text)
    call.begin_anew()  # what was heard of it by a daemon before us is not all of it

    def told(heard: Heard) -> None:
        record.seconds = heard.seconds
        record.heard = not heard.cut and heard.seconds >= heard.of

    try:
        await call.say(text, interruptible=False, told=told)
    except VoicedError as error:
        raise AgentError(f"the caller could not be told that an AI speaks: {error}") from error
    if call.diverted:  # what an agent's step says when it fails would be in the way of what follows
        raise CancelledError
    if not record.heard:
        raise AgentError("the caller has not heard to its end that an AI speaks")


def _begun(call: Verbs, text: Template) -> DisclosureRecord:
    wording = text.wording(call.language)
    said = wording.fill({}) if wording.static else wording.source
    record = DisclosureRecord(said, str(wording.language or call.language), call.clock.seconds())
    call.record.disclosures.append(record)
    return record
