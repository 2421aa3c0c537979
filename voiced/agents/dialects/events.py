"""What an agent's socket tells us, whatever its vendor calls it: the words between a dialect and the driver."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from voiced.ivoiced import Outcome


@attrs.frozen
class Ready:
    """The agent hears and can speak. `conversation` is the vendor's name for it ("" where it has none)."""

    conversation: str = ""


@attrs.define
class Audio:
    """A piece of what the agent says: mu-law at 8 kHz. `item` is the same for all pieces of one thing said."""

    # not frozen, and nobody changes it: made 50 times a second for each call, which costs thrice as much where it is

    audio: bytes = attrs.field(repr=False)
    item: str


@attrs.frozen
class Spoken:
    """All the audio of that item has come."""

    item: str


@attrs.frozen
class AgentSaid:
    """The text of what the agent says in that item; it may come before its audio, or after."""

    text: str = attrs.field(repr=False)
    item: str


@attrs.frozen
class Corrected:
    """The agent was interrupted, and has said only this."""

    text: str = attrs.field(repr=False)


@attrs.frozen
class CallerSaid:
    """What the caller has said, as the vendor understood it."""

    text: str = attrs.field(repr=False)


@attrs.frozen
class CallerActive:
    """The caller is speaking, for all the vendor can tell."""


@attrs.frozen
class Interrupted:
    """The caller has interrupted the agent: silence what is queued, and drop the rest of it.

    The dialect itself drops what comes late: after this it gives no Audio of what was interrupted.
    """


@attrs.frozen
class ToolCall:
    """The agent wants to use a tool, and waits for the result under the name `call`."""

    call: str
    name: str
    arguments: Mapping[str, Any] | None = attrs.field(repr=False)
    """None: they were no JSON object."""


@attrs.frozen
class Reply:
    """Send this back now, before anything else: an answer to a ping, say."""

    text: str


@attrs.frozen
class Ended:
    """The conversation is over, in order; what was sent, and what still comes of a goodbye, is heard to its end."""

    outcome: Outcome


@attrs.frozen
class Failed:
    """The conversation is over, in disorder; `reason` is for the operator and says what to do next."""

    reason: str
    kind: str = ""
    """A word of voiced.iwatch.AGENT_TROUBLE, where the vendor's trouble has one of its own: `quota`."""


@attrs.frozen
class Trouble:
    """Something went wrong and the conversation goes on; `reason` is for the operator."""

    reason: str


@attrs.frozen
class Unknown:
    """A message that is not understood, or is malformed: logged once per `kind` and call, and ignored."""

    kind: str
    """Its type, as far as it may be shown: never a text of the caller's."""


Event = (
    Ready
    | Audio
    | Spoken
    | AgentSaid
    | Corrected
    | CallerSaid
    | CallerActive
    | Interrupted
    | ToolCall
    | Reply
    | Ended
    | Failed
    | Trouble
    | Unknown
)
