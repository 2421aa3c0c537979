"""Texts that are longer than the voice takes that speaks them."""

from __future__ import annotations

from collections.abc import Iterator

from voiced.call.template import Template
from voiced.errors import Fault
from voiced.ivoiced import Prompt
from voiced.settings.review.places import finding, text_in
from voiced.settings.review.road import Road
from voiced.settings.review.scripts import Scripts, mentions_of


def too_long(road: Road, scripts: Scripts) -> Iterator[Fault]:
    """Each text whose own words, without any fact, are too long."""
    for step in road.loading.steps:
        for prompt in mentions_of(step).prompts:
            for wording in prompt.text.wordings:
                voice = _voice(road, scripts, prompt, wording)
                longest = _longest(scripts, voice)
                if longest is not None and (length := len(wording.fill({}))) > longest:
                    why = f"the text has {length} characters, and the voice {voice!r} takes {longest}: split it"
                    yield finding(text_in(step.body, wording.source), why)


def _longest(scripts: Scripts, voice: str | None) -> int | None:
    """How many characters the voice takes at once; None: nobody knows."""
    if scripts.settings is None or voice is None or voice not in scripts.settings.voices:
        return None
    longest = getattr(scripts.settings.voices[voice].settings, "longest", None)
    return longest if isinstance(longest, int) else None


def _voice(road: Road, scripts: Scripts, prompt: Prompt, wording: Template) -> str | None:
    """Who speaks a wording."""
    own = road.head.voice
    default = None if scripts.settings is None else scripts.settings.voice
    if prompt.voice is not None or not isinstance(own, dict):
        return prompt.voice or (own if isinstance(own, str) else default)
    tag = wording.language or prompt.language or road.head.language
    first = own.get(road.head.language) or next(iter(own.values()), default)
    return own.get(tag) or own.get(tag.partition("-")[0]) or first
