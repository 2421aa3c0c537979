"""What was asked for when we placed a call: it stays on our side, until the call comes to where it is used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from voiced.icarrier import CallOrder
from voiced.ivoiced import Brief

VARIABLES = "variables."
"""The facts that `variables` become."""


@attrs.frozen
class Ordered:
    """A call that we have placed. Its `prompt` and `first_message` are verbatim: never templates."""

    order: CallOrder
    by: str
    """The name of the API key that placed it."""
    prompt: str | None = attrs.field(default=None, repr=False)
    first_message: str | None = attrs.field(default=None, repr=False)
    variables: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    key: str = attrs.field(default="", repr=False)
    """The idempotency key, with whose it is; "" where there is none."""
    named: Callable[[str], object] = lambda call_sid: None
    """`named(call_sid)`: the carrier has a name for the call."""
    look: Callable[[Any], object] = lambda session: None
    """`look(session)`: the call should be answered, or over, by now; ask the carrier."""

    def facts(self) -> dict[str, str]:
        """What the flow may read of it."""
        return {VARIABLES + name: value for name, value in self.variables.items()}

    def told(self, brief: Brief) -> Brief:
        """The same brief with what was asked for; what was left out is as the step has it."""
        return attrs.evolve(
            brief,
            prompt=brief.prompt if self.prompt is None else self.prompt,
            first_message=brief.first_message if self.first_message is None else self.first_message,
            variables={**self.variables, **brief.variables},
        )
