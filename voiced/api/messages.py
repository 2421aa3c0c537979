"""Every message of the API. What comes in is checked against these Structs, and the OpenAPI document is made of them.

    POST   /outbound-call          OutboundCall ──►  ◄── Initiated
    GET    /calls                                    ◄── Calls
    GET    /calls/{sid}                              ◄── Call
    DELETE /calls/{sid}                              ◄── Done
    POST   /calls/{sid}/transfer   Transfer ──►      ◄── Done
    POST   /reload                                   ◄── Reload, Faulty
                                          any other: ◄── Problem

In a pattern, `$(?!\\n)` is the end of a text for Python, too, where `$` alone lets one newline follow.
`number`, `prompt`, `first_message`; `success`, `message`, `callSid`, `error` are named as in ElevenLabs' outbound
example. Times are ISO 8601, in UTC.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, field

from voiced.call.records import Direction, Ending

MOST_VARIABLES = 50
MOST_LISTED = 200
"""Calls in one page."""
LISTED = 50
"""Calls in a page, unless asked otherwise."""

Text = Annotated[str, Meta(max_length=1024)]
Name = Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_.]{0,63}$(?!\n)")]
Number = Annotated[str, Meta(min_length=1, max_length=64, description="A telephone number: E.164.")]
Key = Annotated[
    str,
    Meta(
        pattern=r"^[!-~]{1,255}$(?!\n)",
        description="The same key within 24 hours gives the same call back; a header Idempotency-Key says the same.",
    ),
]


class OutboundCall(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A call to be placed. What is left out is as the settings, the flow and its agent have it."""

    number: Annotated[Number, Meta(description="Whom to call: E.164.", examples=["+14155550100"])]
    prompt: (
        Annotated[str, Meta(max_length=16384, description="For the flow's first agent, verbatim; overrides its own.")]
        | None
    ) = None
    first_message: (
        Annotated[str, Meta(max_length=4096, description="What that agent says first; overrides its own.")] | None
    ) = None
    flow: (
        Annotated[str, Meta(min_length=1, max_length=100, description="Which flow; the one of `outbound:` if not.")]
        | None
    ) = None
    variables: Annotated[
        dict[Name, Text],
        Meta(max_length=MOST_VARIABLES, description="Facts for the flow, as texts: `{variables.name}` reads one."),
    ] = {}
    from_: Annotated[Number, Meta(description="Which of our numbers calls: E.164.")] | None = field(
        default=None, name="from"
    )
    timeout: (
        Annotated[
            int,
            Meta(ge=5, le=600, description="Seconds it may ring: 120 at most, unless `outbound.timeout` is longer."),
        ]
        | None
    ) = None
    max_seconds: Annotated[int, Meta(ge=1, le=86400, description="Seconds it may last.")] | None = None
    machine_detection: Literal["off", "enable", "message_end"] | None = None
    idempotency_key: Key | None = None


class Initiated(Struct, frozen=True, kw_only=True):
    """The carrier has accepted the call."""

    success: Literal[True] = True
    message: str = "Call initiated"
    sid: Annotated[str, Meta(description="The carrier's name for the call.")] = field(name="callSid")


class Transfer(Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to connect the human of a call with."""

    to: Annotated[
        str,
        Meta(
            max_length=255,
            pattern=r"^(\+[1-9][0-9]{5,14}|sips?:[!#-;=?-~]+)$(?!\n)",
            description="E.164, or a SIP address.",
            examples=["+14155550199", "sip:desk@example.com"],
        ),
    ]
    timeout: Annotated[int, Meta(ge=5, le=600, description="Seconds it may ring.")] = 30
    caller_id: (
        Annotated[str, Meta(pattern=r"^\+[1-9][0-9]{5,14}$(?!\n)", description="Whom the other side sees: E.164.")]
        | None
    ) = None


class Done(Struct, frozen=True, kw_only=True):
    """It is done, or has begun."""

    success: Literal[True] = True
    message: str
    sid: str = field(name="callSid")


class Problem(Struct, frozen=True, kw_only=True):
    """Why not."""

    success: Literal[False] = False
    error: Annotated[str, Meta(description="What is wrong, and what to do about it.")]
    code: Annotated[int, Meta(description="The carrier's own code for it; 0: it is not the carrier's.")] = 0
    path: Annotated[str | UnsetType, Meta(description="The field that is wrong: `variables.name`.")] = UNSET
    rule: Annotated[str | UnsetType, Meta(description="The rule of the guard that says no.")] = UNSET


class Version(Struct, frozen=True):
    """Which settings and flows new calls follow."""

    hash: Annotated[str, Meta(description="Of the files: `voiced check` says the same for the same files.")]
    loaded: Annotated[str, Meta(description="When they were loaded.")]


class Reload(Struct, frozen=True, kw_only=True):
    """The settings and flows were read again, and new calls follow them."""

    success: Literal[True] = True
    version: Version
    flows: Annotated[list[str], Meta(description="The flows that there are.")]
    restart: Annotated[
        list[str], Meta(description="Settings that are others now, and hold when the daemon is restarted.")
    ] = []


class Wrong(Struct, frozen=True):
    """Something that is wrong in a file."""

    file: str
    line: int
    column: int
    message: str


class Faulty(Struct, frozen=True, kw_only=True):
    """The files are wrong, so nothing was changed."""

    success: Literal[False] = False
    error: str
    faults: list[Wrong]


class Summary(Struct, kw_only=True):
    """A call in a few words. Of one that is over there is what the `privacy` setting let be kept."""

    sid: str = field(name="callSid")
    state: Literal["live", "ended"]
    stage: Annotated[str, Meta(description="Where a live one is: ringing, running, away, …; empty when over.")] = ""
    account: str = ""
    direction: Direction = Direction.INBOUND
    caller: str = ""
    called: str = ""
    flow: str = ""
    began: str | None = None
    answered: str | None = None
    ended: str | None = None
    seconds: Annotated[float | None, Meta(description="How long it lasted, or has lasted so far.")] = None
    ending: Ending | None = None
    node: Annotated[str, Meta(description="Which node its flow is in; empty when over.")] = ""
    verb: Annotated[str, Meta(description="The step that a live one is at: say, menu, agent, …; empty: none.")] = ""
    agent: Annotated[str, Meta(description="The agent who has the line of a live one; empty: none.")] = ""


class Position(Struct, frozen=True):
    """A step of a flow; of several, each was left for the next."""

    flow: str
    node: str
    step: Annotated[int, Meta(description="Its place in the node, from 1.")]


class Step(Struct, kw_only=True):
    """A step that was taken."""

    node: str
    step: Annotated[int, Meta(description="Its place in the node, from 1.")]
    verb: str
    began: str | None = None
    ended: str | None = None
    result: str = ""


class Line(Struct, kw_only=True):
    """A line of a conversation; of what the agent said, as much as was heard."""

    who: str
    text: str
    time: str | None = None


class ToolUse(Struct, kw_only=True):
    """One use of a tool; neither what it was asked nor what it answered."""

    tool: str
    seconds: float
    error: bool


class Agent(Struct, kw_only=True):
    """A conversation with an agent."""

    agent: str
    conversation: Annotated[str, Meta(description="The vendor's own name for it.")] = ""
    began: str | None = None
    ended: str | None = None
    ready_ms: float | None = None
    first_audio_ms: float | None = None
    outcome: str = ""
    error: str = ""
    tools: list[ToolUse] = []
    lines: Annotated[int, Meta(description="How many lines were said, also where they are not kept.")] = 0
    transcript: list[Line] = []


class Leg(Struct, kw_only=True):
    """Somebody whom the human was to be connected with."""

    to: str
    began: str | None = None
    ended: str | None = None
    result: Annotated[str, Meta(description="answered, busy, no_answer, …; empty while it lasts.")] = ""
    seconds: float = 0.0


class Recording(Struct, kw_only=True):
    """Something that was recorded; its file is in the daemon's data directory."""

    file: str
    seconds: float = 0.0
    ended_by: str = ""
    transcript: Annotated[str, Meta(description="The file of its text; empty where there is none.")] = ""


class TextMessage(Struct, kw_only=True):
    """A text message that was sent on the call; its words are not kept."""

    to: str
    sent: str | None = None
    sid: str = ""


class Disclosure(Struct, kw_only=True):
    """What the human was told before an agent spoke: that it is one."""

    text: str
    language: str = ""
    time: str | None = None
    seconds: Annotated[float, Meta(description="How much of it was heard.")] = 0.0
    heard: Annotated[bool, Meta(description="Whether all of it was.")] = False


class OptedOut(Struct, kw_only=True):
    """The human does not want to be called any more."""

    how: Annotated[str, Meta(description="key, word or tool.")]
    time: str | None = None


class Missing(Struct, frozen=True):
    """What was lost of the caller's audio on its way."""

    frames: int = 0
    messages: int = 0
    seconds: float = 0.0


class Call(Summary, kw_only=True):
    """All that there is to be said about a call."""

    answered_by: str = ""
    placed_by: Annotated[str, Meta(description="The name of the API key that has placed it.")] = ""
    reason: Annotated[str, Meta(description="Why the flow hung up.")] = ""
    version: Annotated[str, Meta(description="The hash of the settings and flows that it follows.")] = ""
    first_audio_ms: float | None = None
    streams: int = 0
    missing: Missing = Missing()
    position: Annotated[list[Position], Meta(description="Where the flow of a live one stands.")] = []
    steps: list[Step] = []
    agents: list[Agent] = []
    legs: list[Leg] = []
    recordings: list[Recording] = []
    disclosures: list[Disclosure] = []
    opted_out: Annotated[OptedOut | None, Meta(description="null: they have not said so.")] = None
    facts: Annotated[dict[str, str], Meta(description="What the flow has written down, as far as it may.")] = {}
    texts: list[TextMessage] = []
    faults: list[str] = []


class Calls(Struct):
    """Live calls first, then those that are over, newest first. One that ends between two pages may be in both."""

    calls: list[Summary]
    before: Annotated[str | None, Meta(description="The cursor of the next page; null: there is none.")] = None
    next: Annotated[str | None, Meta(description="The next page's URL.")] = None


class CallsQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which calls."""

    state: Annotated[
        Literal["live", "ended"] | None, Meta(description="Only these; live ones first and then the others, if not.")
    ] = None
    limit: Annotated[int, Meta(ge=1, le=MOST_LISTED, description="Calls in a page.")] = LISTED
    before: (
        Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.:~=+-]{1,200}$(?!\n)", description="The cursor of a page before.")]
        | None
    ) = None


class EndQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """How to end a call."""

    how: Annotated[
        Literal["goodbye", "now"],
        Meta(description="goodbye: what is being said is heard to its end; now: at once."),
    ] = "goodbye"


class NoQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """No parameters at all."""


def encode(message: Struct | dict[str, Any]) -> bytes:
    """A message as it is sent."""
    return msgspec.json.encode(message)
