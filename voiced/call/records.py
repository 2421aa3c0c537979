"""Who is calling (known at the ring), and what became of it (kept afterwards)."""

from __future__ import annotations

import enum

import attrs


class Ending(enum.Enum):
    """Why a call ended: the one published list. The journal, the API and the metrics use these words."""

    COMPLETED = "completed"
    """The flow came to its end and we hung up."""
    CALLER_HUNG_UP = "caller_hung_up"
    AGENT_ENDED = "agent_ended"
    TRANSFERRED = "transferred"
    REFUSED = "refused"
    """No flow answers this number, or a rule forbids the call."""
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    FAILED = "failed"
    """A step failed and so did its rescue, or the stream never came."""
    MACHINE = "machine"
    """An answering machine took an outbound call."""
    TIMEOUT = "timeout"
    SILENCE = "silence"
    STREAM_LOST = "stream_lost"
    """The media stream died under the call and no new one came."""
    DRAINED = "drained"
    """The daemon was stopped; the sentence being spoken was heard to its end."""
    OVERLOADED = "overloaded"
    """More calls than `limits.calls`; the caller was told so."""
    PROTOCOL_ERROR = "protocol_error"
    """The stream broke the wire's rules and no new one came."""
    BUG = "bug"
    """A fault of ours; the log has its traceback."""


class Direction(enum.Enum):
    """Who rang whom, seen from us."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


@attrs.frozen
class CallInfo:
    """What is known of a call when it rings."""

    sid: str
    """The carrier's name for it: `CA` and 32 hexadecimal digits at Twilio."""
    account: str
    """The name of the carrier account in voiced.yaml."""
    caller: str
    """E.164, `sip:…`, `client:…`, `anonymous`, or "" when the carrier says nothing."""
    called: str
    direction: Direction = Direction.INBOUND
    attestation: str = ""
    """The carrier's verdict on the caller's number (STIR/SHAKEN), "" when there is none."""

    @property
    def party(self) -> str:
        """The human's number, in both directions."""
        return self.caller if self.direction is Direction.INBOUND else self.called

    def facts(self) -> dict[str, str]:
        """What a flow may read of it, as `{call.caller}` and so on."""
        return {
            "call.sid": self.sid,
            "call.account": self.account,
            "call.caller": self.caller,
            "call.called": self.called,
            "call.party": self.party,
            "call.direction": self.direction.value,
            "call.attestation": self.attestation,
        }


@attrs.define
class StepRecord:
    """One step of a call: where in the flow, when (seconds since the epoch), and how it went."""

    node: str
    number: int
    """Its place in the node, from 1."""
    verb: str
    began: float
    ended: float | None = None
    result: str = ""


@attrs.frozen
class Gap:
    """What was dropped of the caller's stream on its way to us, by each of the ways there are to tell."""

    frames: int = 0
    messages: int = 0
    seconds: float = 0.0

    def __add__(self, other: Gap) -> Gap:
        return Gap(self.frames + other.frames, self.messages + other.messages, self.seconds + other.seconds)


NO_GAP = Gap()


@attrs.frozen
class Said:
    """A line of a conversation. Of what an agent said, only what the caller heard."""

    who: str
    """`agent` or `caller`."""
    text: str
    at: float
    """Seconds since the epoch."""


@attrs.frozen
class ToolRecord:
    """One use of a tool: what it was asked and what it answered is not kept."""

    tool: str
    """Its name in voiced.yaml, or "" for one that is not there."""
    seconds: float
    error: bool


@attrs.define
class AgentRecord:
    """One conversation with an agent."""

    agent: str
    """Its name in voiced.yaml."""
    began: float
    ended: float | None = None
    conversation: str = ""
    """The vendor's own name for it."""
    ready_ms: float | None = None
    """From the line being handed over until the agent was there."""
    first_audio_ms: float | None = None
    """From the line being handed over until the agent's first audio."""
    outcome: str = ""
    error: str = ""
    transcript: list[Said] = attrs.field(factory=list)
    tools: list[ToolRecord] = attrs.field(factory=list)


@attrs.define
class CallRecord:
    """What is kept of a call. Times are seconds since the epoch."""

    info: CallInfo
    flow: str
    began: float
    ended: float | None = None
    ending: Ending | None = None
    streams: int = 0
    """Media streams the call has had; more than one means it was rescued."""
    first_audio_ms: float | None = None
    """From the stream's `start` to our first audio on it."""
    missing: Gap = NO_GAP
    steps: list[StepRecord] = attrs.field(factory=list)
    agents: list[AgentRecord] = attrs.field(factory=list)
    faults: list[str] = attrs.field(factory=list)
    """What went wrong on the way, in order, one sentence each."""
