"""What the steps of a flow say: where they would say nothing, a voice has nothing to speak, and the call fails."""

from __future__ import annotations

from collections.abc import Iterable

from voiced.ivoiced import Prompt
from voiced.settings.blame import constants_in
from voiced.settings.part import Part
from voiced.settings.reach import empty
from voiced.settings.review.places import text_in


def check_prompts(body: Part, prompts: Iterable[Prompt]) -> None:
    """Each text of a step that says nothing, in any of its languages, is noted where it stands.

    A step that may be silent does not name such a prompt.
    """
    for prompt in prompts:
        for wording in prompt.text.wordings:
            if empty(wording):
                tongue = f" in the language {wording.language!r}" if wording.language else ""
                place = text_in(body, wording.source)
                place.wrong(f"there is nothing to say{tongue}: write a text, or take it out{constants_in(place)}")
