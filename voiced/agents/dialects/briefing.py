"""What an agent is told this time: the step's own words before those of its settings."""

from __future__ import annotations

from collections.abc import Mapping

from voiced.call.template import Template
from voiced.call.transcript import CUT
from voiced.ivoiced import Brief, Who


def told(brief: str | None, settings: Template | None, facts: Mapping[str, str]) -> str | None:
    """A text of the step's brief, as it is; or the one of the agent's settings, filled with what the flow knows."""
    if brief is not None or settings is None:
        return brief
    return settings.fill(facts)


def so_far(brief: Brief) -> str | None:
    """What an agent is told that comes back to a caller whose line was lost; None for one that begins."""
    if not brief.comes_back:
        return None
    lines = "\n".join(f"{line.who}: {line.text}" for line in brief.so_far)
    return (
        "The line to this caller was lost for a moment, in the middle of your conversation. This was said before:\n"
        f"{lines}\n"
        "Go on from there, in the same language: do not greet the caller again, and do not ask what was answered."
    )


def last_words(brief: Brief) -> str | None:
    """What the agent said last before it was lost: said again, it is where the caller knows to go on."""
    said = [line.text.removesuffix(CUT).strip() for line in brief.so_far if line.who == Who.AGENT.value]
    return next((text for text in reversed(said) if text), None)
