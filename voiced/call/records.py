"""Who is calling (known at the ring), and what became of it (kept afterwards)."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import Any

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
    CANCELLED = "cancelled"
    """An API client ended it, or took it back before it was answered."""
    OVERLOADED = "overloaded"
    """There was no room for it (`limits`); the caller was told so, or sent elsewhere (`overflow`)."""
    PROTOCOL_ERROR = "protocol_error"
    """The stream broke the wire's rules and no new one came."""
    BUG = "bug"
    """A fault of ours; the log has its traceback."""


class Departure(enum.Enum):
    """How a daemon went that had this call. The next one goes on with it either way."""

    KILLED = "killed"
    """Without a word: a crash, out of memory, `kill -9`."""
    RESTARTED = "restarted"
    """On purpose: it left its calls to the daemon that follows."""


DEPARTED = tuple(departure.value for departure in Departure)
"""The results of a step, and the outcomes of a conversation, in which a daemon went."""


class Stage(enum.StrEnum):
    """Where a live call stands, as the API says it (voiced.call.life has the machine)."""

    RINGING = "ringing"
    """We have placed it; nobody has taken it yet."""
    EXPECTED = "expected"
    """Its media stream is on its way."""
    RUNNING = "running"
    DRAINING = "draining"
    """Its flow is over; what was said is still being heard."""
    AWAY = "away"
    """The carrier has it, and is about to ask what now."""
    DIALLED = "dialled"
    """The carrier connects the human with somebody else, or has."""
    PARTING = "parting"
    OVER = "over"


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

    @property
    def ours(self) -> str:
        """Our own number, in both directions."""
        return self.called if self.direction is Direction.INBOUND else self.caller

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
    flow: str = ""
    """Whose node it is: of flows that have called one another, not always the first."""


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
class LegRecord:
    """Somebody whom the carrier was told to connect with the human of a call. Times are seconds since the epoch."""

    to: str
    """E.164 or `sip:…`."""
    began: float
    ended: float | None = None
    result: str = ""
    """See Dialled.result; "" while it lasts."""
    seconds: float = 0.0
    """How long they talked."""


@attrs.frozen
class TextRecord:
    """A text message that the carrier has accepted; its words are not kept."""

    to: str
    """E.164."""
    sent: float
    """Seconds since the epoch."""
    sid: str
    """The carrier's name for it."""


@attrs.frozen
class RecordingRecord:
    """Something that was recorded on a call."""

    file: str
    """Its path below the data directory, with `/`."""
    seconds: float
    ended_by: str
    """See Recorded.ended_by; `failed` when the disk was full: the file has what came before."""
    transcript: str = ""
    """The path of its text, beside it, once it is there; "" where nobody writes one."""


@attrs.frozen
class WireEvent:
    """Something that came, or that we said."""

    at: float
    """Seconds since the epoch."""
    what: str
    """`asked`, `key`, `heard`, `spoken`, `agent`, `line`, `tool`, `outcome`, `lookup`, `dialled`, `recorded`,
    `answered_by`, `chance`, `operator`, `http`, `text`, `stream`, `lost` or `gone`."""
    about: Mapping[str, Any]


@attrs.define
class DisclosureRecord:
    """The human was told that an AI is about to speak, once."""

    text: str
    """What was said; where a fact stands in it, as it is written in the flow."""
    language: str
    """Its tag."""
    at: float
    """When it began, in seconds since the epoch."""
    seconds: float = 0.0
    """How much of it was heard."""
    heard: bool = False
    """Whether all of it was, as the carrier's mark at its end says."""


@attrs.frozen
class OptOutRecord:
    """The human does not want to be called any more."""

    how: str
    """`key`, `word` or `tool`."""
    at: float
    """Seconds since the epoch."""


@attrs.define
class CallRecord:
    """What is kept of a call. Times are seconds since the epoch."""

    info: CallInfo
    flow: str
    began: float
    ended: float | None = None
    ending: Ending | None = None
    answered: float | None = None
    """When the human took the call: at the ring, for an inbound one. None: never."""
    answered_by: str = ""
    """`human`, `machine`, `fax` or `unknown`, where somebody was asked to find out (answering-machine detection)."""
    placed_by: str = ""
    """The name of the API key that placed it."""
    reason: str = ""
    """Why the flow hung up, in its own words."""
    version: str = ""
    """Of the settings and flows that it follows: Version.hash."""
    streams: int = 0
    """Media streams the call has had; more than one means it was rescued."""
    first_audio_ms: float | None = None
    """From the stream's `start` to our first audio on it."""
    missing: Gap = NO_GAP
    steps: list[StepRecord] = attrs.field(factory=list)
    agents: list[AgentRecord] = attrs.field(factory=list)
    legs: list[LegRecord] = attrs.field(factory=list)
    recordings: list[RecordingRecord] = attrs.field(factory=list)
    disclosures: list[DisclosureRecord] = attrs.field(factory=list)
    opted_out: OptOutRecord | None = None
    facts: dict[str, str] = attrs.field(factory=dict)
    """What the flow has written down, by name; no more of it than may be."""
    wire: Sequence[WireEvent] = ()
    """What came over the wires, where that is kept."""
    texts: list[TextRecord] = attrs.field(factory=list)
    faults: list[str] = attrs.field(factory=list)
    """What went wrong on the way, in order, one sentence each."""
