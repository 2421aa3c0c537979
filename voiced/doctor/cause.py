"""Why a call went as it did, as far as can be told: the likely cause, and the fix. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from voiced.call.records import Ending
from voiced.doctor.evidence import Evidence, moment
from voiced.twilio.console import Event
from voiced.twilio.remedies import alert_meaning, fix


@attrs.frozen
class Cause:
    """What it was. An empty `fix`: nothing has to be done."""

    says: str
    fix: str = ""


ENDINGS: Mapping[Ending, Cause] = {
    Ending.COMPLETED: Cause("nothing went wrong: the flow came to its end"),
    Ending.CALLER_HUNG_UP: Cause("nothing went wrong on our side: the human hung up"),
    Ending.AGENT_ENDED: Cause("nothing went wrong: the agent ended it"),
    Ending.TRANSFERRED: Cause("nothing went wrong: the human was connected with somebody else"),
    Ending.CANCELLED: Cause("nothing went wrong: an API client ended it"),
    Ending.BUSY: Cause("the line of who was called was busy", "call again later"),
    Ending.NO_ANSWER: Cause("nobody took it", "call again later, or let it ring longer (`timeout`)"),
    Ending.MACHINE: Cause("an answering machine took it", "give the flow a `voicemail` step, if it shall speak then"),
    Ending.REFUSED: Cause(
        "no flow answers the number, or a rule forbids the call", "see `numbers:`, `inbound:` and `outbound:`"
    ),
    Ending.OVERLOADED: Cause(
        "there was no room", "see `limits:` (calls, lag_ms, memory_mb), and `overflow:` for what callers get then"
    ),
    Ending.TIMEOUT: Cause(
        "it lasted as long as a call may", "raise `max_seconds`, or see in the steps what it waited for"
    ),
    Ending.SILENCE: Cause(
        "neither side said anything for too long",
        "see the last step: does the agent answer, does the caller hear it?",
    ),
    Ending.STREAM_LOST: Cause(
        "the media stream broke, and no new one came",
        "see whether the proxy closes WebSockets after a while, and the daemon's log",
    ),
    Ending.PROTOCOL_ERROR: Cause(
        "what came over the stream was not Twilio's", "see what stands between Twilio and the daemon"
    ),
    Ending.FAILED: Cause("a step failed, and so did what was to happen then", "see the step, and the daemon's log"),
    Ending.DRAINED: Cause(
        "the daemon was stopped", "nothing, unless nobody meant to stop it: `journalctl -u voiced`"
    ),
    Ending.BUG: Cause("a fault of ours", "the log has its traceback (`journalctl -u voiced`): report it"),
}
"""What each ending says by itself."""

NO_END = Cause(
    "the journal has a beginning and no end: the call lives still, or the daemon died under it",
    "`voiced top` shows live calls; `journalctl -u voiced` tells of the daemon",
)
NEVER_CAME = Cause(
    "Twilio knows the call, and our journal does not: no webhook of it was accepted here",
    "`voiced doctor` tells why: the number's URLs, the way in, the signature",
)


def cause(evidence: Evidence) -> Cause:
    """The likeliest one: what kept Twilio from us goes before what we did, and that before how it ended."""
    reasons: tuple[Callable[[Evidence], Cause | None], ...] = (_refusals, _complaints, _answers, _faults)
    for reason in reasons:
        if (found := reason(evidence)) is not None:
            return found
    record, call = evidence.record, evidence.seen.call
    if record.ended is not None:
        return _by_ending(record.ended)
    if record.began is not None:
        return NO_END
    if call is not None:
        return NEVER_CAME
    return Cause("nothing is known of how it went")


def _refusals(evidence: Evidence) -> Cause | None:
    for line in evidence.record.refused:
        if line.get("what") in ("ring", "call"):
            return Cause(f"rule {line.get('rule')} refused it: {line.get('message')}", "see that rule in voiced.yaml")
    return None


def _complaints(evidence: Evidence) -> Cause | None:
    """What Twilio complains of, errors before warnings, the earliest first."""
    told = [(line.get("level"), moment(line.get("time")) or 0.0, line.get("code")) for line in evidence.record.alerts]
    told += [(notice.level, notice.at, notice.code) for notice in evidence.seen.notices]
    for _, _, code in sorted(told, key=lambda each: (each[0] != "error", each[1])):
        if isinstance(code, int) and alert_meaning(code).alarm:
            return Cause(f"{alert_meaning(code).sentence} (Twilio's error {code})", fix(code))
    return None


def _answers(evidence: Evidence) -> Cause | None:
    """A request of Twilio's that was answered badly."""
    for event in evidence.seen.events:
        if event.status == 403:
            return Cause(f"the daemon took Twilio's signature of {event.url} for a forgery",
                         "let public_url and auth_token be what Twilio's console has: `voiced doctor`")  # fmt: skip
        if event.status >= 400 or not event.status:
            return Cause(_badly(event), "see the daemon's and the proxy's log of that second")
    return None


def _badly(event: Event) -> str:
    answer = f"with HTTP {event.status}" if event.status else "by nobody"
    return f"Twilio asked {event.url}, and was answered {answer}"


def _faults(evidence: Evidence) -> Cause | None:
    line = evidence.record.line
    faults = line.get("faults")
    if line.get("ending") == Ending.BUG.value:
        return ENDINGS[Ending.BUG]
    if isinstance(faults, list) and faults:
        return Cause(str(faults[0]), _ending_fix(line) or "see the step before it, and the daemon's log of this call")
    agents = line.get("agents")
    for agent in agents if isinstance(agents, list) else ():
        if isinstance(agent, dict) and agent.get("error"):
            return Cause(f"the agent {agent.get('agent')} failed: {agent['error']}", "see docs/agents.md, and "
                         "`voiced doctor`")  # fmt: skip
    refused = evidence.record.refused
    if refused:
        return Cause(f"rule {refused[0].get('rule')} refused what it wanted: {refused[0].get('message')}",
                     "see that rule in voiced.yaml")  # fmt: skip
    return None


def _by_ending(line: Mapping[str, Any]) -> Cause:
    try:
        return ENDINGS[Ending(line.get("ending"))]
    except ValueError:
        return Cause(f"it ended as {line.get('ending')!r}")


def _ending_fix(line: Mapping[str, Any]) -> str:
    return _by_ending(line).fix if line.get("ending") else ""
