"""Texts that are worded in some languages of the flow, and not in all."""

from __future__ import annotations

from collections.abc import Iterator

from voiced.call.template import Template
from voiced.errors import Fault
from voiced.settings.review.places import finding, text_in
from voiced.settings.review.road import Road
from voiced.settings.review.scripts import Scripts, mentions_of


def unworded(road: Road, scripts: Scripts) -> Iterator[Fault]:
    """Each text that has wordings by language, and none for a language that the flow speaks besides.

    A text without any is left alone: it may be one that is the same in every language, or asks for the language.
    """
    flow = road.flow
    texts = [
        (step.body, prompt.text)
        for step in road.loading.steps
        for prompt in mentions_of(step).prompts
        if prompt.language is None
    ]
    if flow.disclose is not None:
        texts.append((road.loading.shared.flow["disclose"], flow.disclose))
    worded = [(body, text) for body, text in texts if text.language]
    spoken = dict.fromkeys([*flow.voices, *(each.language for _, text in worded for each in text.wordings)])
    for body, text in worded:
        if missing := [tag for tag in spoken if not _has(text, tag)]:
            why = f"callers who hear {', '.join(missing)} in this flow hear this text in {text.language}"
            yield finding(text_in(body, text.source), f"{why}: add a wording")


def _has(text: Template, language: str) -> bool:
    """Whether a text has words for those who hear that language."""
    said = text.wording(language).language
    return said.partition("-")[0] == language.partition("-")[0]
