"""How a call is shown to an API client: one that lives from its session, one that is over from what was kept of it.

A live one is shown in full, for its client has a key and it is in memory only; of the others there is what the
`privacy` setting let be written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

import msgspec

from voiced.api.messages import (
    Agent,
    Call,
    Disclosure,
    Leg,
    Line,
    Missing,
    OptedOut,
    Position,
    Recording,
    Reload,
    Step,
    Summary,
    TextMessage,
    ToolUse,
    Version,
)
from voiced.call import version
from voiced.call.records import AgentRecord, CallInfo, CallRecord, Said
from voiced.errors import StoreError
from voiced.iguard import Party
from voiced.ivoiced import Dial

S = TypeVar("S", bound=Summary)


class Named(Protocol):
    """Something with a name: a flow."""

    @property
    def name(self) -> str:
        """What YAML calls it."""


class LiveCall(Protocol):
    """A live call, as the API needs it: voiced.call.session.CallSession."""

    record: CallRecord
    position: list[tuple[str, str, int]]
    """Frames of (flow, node, step from 0)."""

    @property
    def info(self) -> CallInfo:
        """Who is on it; its SID is "" while the carrier has not said it yet."""

    @property
    def flow(self) -> Named:
        """The flow it began with."""

    @property
    def stage(self) -> str:
        """Where it is: ringing, expected, running, draining, away, dialled, parting or over."""

    def said(self) -> Sequence[Said]:
        """The lines, so far, of the conversation that an agent has on it now."""

    def end_by_api(self, goodbye: bool) -> None:
        """End it: when what is being said was heard, or at once."""

    def transfer(self, dial: Dial, party: Party) -> None:
        """Connect its human with somebody. Raises Refused, and CallOver when it cannot be now."""


class LiveCalls(Protocol):
    """All live calls: voiced.call.switchboard.Switchboard."""

    def __iter__(self) -> Iterator[LiveCall]: ...

    def find(self, call_sid: str) -> LiveCall | None:
        """The live call of that SID."""


def may_see(party: Party, flow: str) -> bool:
    """Whether calls of this flow are this party's to see and to touch."""
    return party.flows is None or flow in party.flows


def live_summary(call: LiveCall, now: float) -> Summary:
    """A live call in a few words."""
    return Summary(**_live(call, now))


def live(call: LiveCall, now: float) -> Call:
    """All about a live call; `now` in seconds since the epoch."""
    record = call.record
    return Call(
        **_live(call, now),
        answered_by=record.answered_by,
        placed_by=record.placed_by,
        reason=record.reason,
        version=record.version,
        first_audio_ms=record.first_audio_ms,
        streams=record.streams,
        missing=Missing(record.missing.frames, record.missing.messages, record.missing.seconds),
        position=[Position(flow, node, step + 1) for flow, node, step in call.position],
        steps=[
            Step(
                node=step.node,
                step=step.number,
                verb=step.verb,
                began=time(step.began),
                ended=time(step.ended),
                result=step.result,
            )
            for step in record.steps
        ],
        agents=[_agent(agent, agent.transcript if agent.ended else call.said()) for agent in record.agents],
        legs=[
            Leg(to=leg.to, began=time(leg.began), ended=time(leg.ended), result=leg.result, seconds=leg.seconds)
            for leg in record.legs
        ],
        recordings=[
            Recording(file=each.file, seconds=each.seconds, ended_by=each.ended_by, transcript=each.transcript)
            for each in record.recordings
        ],
        disclosures=[
            Disclosure(
                text=told.text, language=told.language, time=time(told.at), seconds=told.seconds, heard=told.heard
            )
            for told in record.disclosures
        ],
        opted_out=_opted_out(record),
        facts=dict(record.facts),
        texts=[TextMessage(to=text.to, sent=time(text.sent), sid=text.sid) for text in record.texts],
        faults=list(record.faults),
    )


def kept_summary(line: Mapping[str, Any]) -> Summary:
    """A call that is over, in a few words."""
    return _kept(line, Summary)


def kept(line: Mapping[str, Any]) -> Call:
    """All that was kept of a call. Raises StoreError for a line that is none of the journal's."""
    return _kept(line, Call)


def reloaded(what: version.Reloaded) -> Reload:
    """What a reload has done."""
    now = what.version
    return Reload(
        version=Version(now.hash, time(now.loaded) or ""), flows=list(what.flows), restart=list(what.restart)
    )


def time(seconds: float | None) -> str | None:
    """A time (seconds since the epoch) as the API writes it."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _live(call: LiveCall, now: float) -> dict[str, Any]:
    info, record = call.info, call.record
    return {
        "sid": info.sid,
        "state": "live",
        "stage": str(call.stage),
        "account": info.account,
        "direction": info.direction,
        "caller": info.caller,
        "called": info.called,
        "flow": call.flow.name,
        "began": time(record.began),
        "answered": time(record.answered),
        "seconds": round(max(now - record.began, 0.0), 3),
        "node": call.position[-1][1] if call.position else "",
        "verb": next((step.verb for step in record.steps[-1:] if step.ended is None), ""),
        "agent": next((agent.agent for agent in record.agents[-1:] if agent.ended is None), ""),
    }


def _opted_out(record: CallRecord) -> OptedOut | None:
    said = record.opted_out
    return None if said is None else OptedOut(how=said.how, time=time(said.at))


def _agent(agent: AgentRecord, transcript: Sequence[Said]) -> Agent:
    return Agent(
        agent=agent.agent,
        conversation=agent.conversation,
        began=time(agent.began),
        ended=time(agent.ended),
        ready_ms=agent.ready_ms,
        first_audio_ms=agent.first_audio_ms,
        outcome=agent.outcome,
        error=agent.error,
        tools=[ToolUse(tool=use.tool, seconds=use.seconds, error=use.error) for use in agent.tools],
        lines=len(transcript),
        transcript=[Line(who=line.who, text=line.text, time=time(line.at)) for line in transcript],
    )


def _kept(line: Mapping[str, Any], shape: type[S]) -> S:
    # The journal says `call` for `callSid`, and a line's `time` is when the call ended; all else has the same names.
    sid = line.get("call")
    try:
        return msgspec.convert({**line, "callSid": sid, "state": "ended", "ended": line.get("time")}, shape)
    except msgspec.ValidationError as error:
        raise StoreError(f"what was kept of the call {sid!r:.80} cannot be read: {error}") from error
