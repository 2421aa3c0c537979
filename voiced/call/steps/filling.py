"""Texts that are not spoken, filled with what is known of a call: what nobody knows is logged, as in what is said."""

from __future__ import annotations

from twisted.logger import Logger

from voiced.call.template import Template
from voiced.ivoiced import ICall

log = Logger()


def filled(call: ICall, text: Template, what: str, language: str | None = None) -> str:
    """The text, in the language of the call unless another is named; `what` has the gap, for the operator."""
    tag = call.language if language is None else language
    for fact in text.missing(call.facts, tag):
        log.warn(
            "{call}: nothing is known of {fact}, and {what} has a gap for it: give it a default like {{{fact}|…}}",
            call=call.info.sid,
            fact=fact,
            what=what,
        )
    return text.fill(call.facts, tag)
