"""What an agent is told this time: the step's own words before those of its settings."""

from __future__ import annotations

from collections.abc import Mapping

from voiced.call.template import Template


def told(brief: str | None, settings: Template | None, facts: Mapping[str, str]) -> str | None:
    """A text of the step's brief, as it is; or the one of the agent's settings, filled with what the flow knows."""
    if brief is not None or settings is None:
        return brief
    return settings.fill(facts)
