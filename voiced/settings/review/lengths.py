"""Texts that are longer than the voice takes that speaks them."""

from __future__ import annotations

from collections.abc import Iterator

from voiced.errors import Fault
from voiced.settings.review.places import finding, text_in
from voiced.settings.review.road import Road
from voiced.settings.review.scripts import Scripts, mentions_of


def too_long(road: Road, scripts: Scripts) -> Iterator[Fault]:
    """Each text whose own words, without any fact, are too long."""
    flow = road.flow
    for step in road.loading.steps:
        for prompt in mentions_of(step).prompts:
            for wording in prompt.text.wordings:
                voice = prompt.voice or flow.voice_of(wording.language or prompt.language or flow.language)
                longest, length = _longest(scripts, voice), len(flow.pronunciation.of(wording.fill({})))
                if longest is not None and length > longest:
                    why = f"the text has {length} characters, and the voice {voice!r} takes {longest}: split it"
                    yield finding(text_in(step.body, wording.source), why)


def _longest(scripts: Scripts, voice: str | None) -> int | None:
    """How many characters the voice takes at once; None: nobody knows."""
    if scripts.settings is None or voice is None or voice not in scripts.settings.voices:
        return None
    longest = getattr(scripts.settings.voices[voice].settings, "longest", None)
    return longest if isinstance(longest, int) else None
