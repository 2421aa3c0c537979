"""What a scripted agent does, turn by turn: the verbs below `agents:`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import msgspec

from voiced.rehearsal.acts import Keys, Seconds, Text


class AgentSays(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The agent says this; the next turn comes when it was heard, or cut."""

    shorthand: ClassVar[str] = "text"

    text: Text


class AgentHears(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The agent waits until the caller has said something; with a text, that has to be in it."""

    shorthand: ClassVar[str] = "text"

    text: Text | None = None


class AgentSees(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The agent waits for a key of the caller's: this one."""

    shorthand: ClassVar[str] = "key"

    key: Keys


class UsesTool(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The agent uses a tool that voiced.yaml gives it: `tool: hang_up`, or `tool: {book: {people: 2}}`."""

    whole: ClassVar[str] = "use"

    use: str | dict[str, dict[str, Any]]

    def __post_init__(self) -> None:
        if isinstance(self.use, dict) and len(self.use) != 1:
            raise ValueError("one tool a turn: `tool: {name: {argument: value}}`")

    @property
    def name(self) -> str:
        """The tool's."""
        return self.use if isinstance(self.use, str) else next(iter(self.use))

    @property
    def arguments(self) -> dict[str, Any]:
        """What it is asked."""
        return {} if isinstance(self.use, str) else self.use[self.name]


class AgentWaits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The agent does nothing for so many seconds; as its first turn, it comes so late."""

    shorthand: ClassVar[str] = "seconds"

    seconds: Seconds


class HasOutcome(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The conversation ends so. What follows is for the next one that this agent has on the call."""

    shorthand: ClassVar[str] = "name"

    name: Text
    facts: dict[str, str] = {}


class AgentFails(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The agent breaks, with this sentence; its turns after that are for its next conversation."""

    shorthand: ClassVar[str] = "why"

    why: Text


class Stalls(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The agent does nothing more, and does not leave; as its first turn, it never comes."""


Turn = AgentSays | AgentHears | AgentSees | UsesTool | AgentWaits | HasOutcome | AgentFails | Stalls


def conversations(turns: Sequence[Turn]) -> list[list[Turn]]:
    """The turns of each conversation: what ends one is its last turn."""
    found: list[list[Turn]] = [[]]
    for turn in turns:
        found[-1].append(turn)
        if isinstance(turn, HasOutcome | AgentFails | Stalls):
            found.append([])
    return [each for each in found if each]


TURNS: dict[str, type[Turn]] = {
    "says": AgentSays,
    "hears": AgentHears,
    "sees": AgentSees,
    "tool": UsesTool,
    "waits": AgentWaits,
    "outcome": HasOutcome,
    "fails": AgentFails,
    "stalls": Stalls,
}
"""Every verb below an agent's name, as it is written."""
