"""The step that hands the line over to a live agent: agent."""

from __future__ import annotations

from typing import ClassVar

import msgspec
from zope.interface import implementer

from voiced.ivoiced import ICall, IStep, Mentions


@implementer(IStep)
class Agent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Let an agent talk with the caller, and go on when the conversation is over.

    How it ended is read as `{agent.outcome}`, what the agent left behind as `{agent.<name>}`.
    """

    shorthand: ClassVar[str] = "use"

    use: str

    def mentions(self) -> Mentions:
        """The agent, and the fact that says how the conversation ended."""
        return Mentions(agents=(self.use,), sets=("agent.outcome",))

    async def run(self, call: ICall) -> None:
        """Hand over, and remember how it ended."""
        outcome = await call.converse(self.use)
        call.facts.update({f"agent.{name}": value for name, value in outcome.facts.items()})
        call.facts["agent.outcome"] = outcome.name
        call.note(outcome.name)
