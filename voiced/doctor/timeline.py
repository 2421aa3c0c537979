"""What happened on a call, in order: our record and Twilio's, side by side. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import attrs

from voiced.doctor.evidence import Evidence, moment
from voiced.twilio.remedies import alert_meaning


@attrs.frozen
class Moment:
    """Something that happened."""

    at: float
    """Seconds since the epoch."""
    who: str
    """voiced or twilio."""
    says: str
    times: int = 1

    def __str__(self) -> str:
        when = datetime.fromtimestamp(self.at, UTC).strftime("%H:%M:%S.%f")[:-3]
        often = f" ({self.times} times)" if self.times > 1 else ""
        return f"{when}  {self.who:<7} {self.says}{often}"


def timeline(evidence: Evidence) -> list[Moment]:
    """All of it, the earliest first; what happened several times within a second of Twilio's is one moment."""
    counted = Counter([*_ours(evidence), *_theirs(evidence)])
    moments = [attrs.evolve(each, times=times) for each, times in counted.items()]
    return sorted(moments, key=lambda each: each.at)


def _ours(evidence: Evidence) -> Iterator[Moment]:
    record = evidence.record
    line = record.line
    yield from _at(line.get("began") if record.ended else line.get("time"), _began(line))
    yield from _at(line.get("answered"), "answered")
    for step in _lines(line, "steps"):
        ended = moment(step.get("ended"))
        lasted = "" if ended is None else f" ({ended - (moment(step.get('began')) or ended):.1f} s)"
        says = f"{step.get('node')}, step {step.get('step')}: {step.get('verb')}"
        yield from _at(step.get("began"), f"{says}{_result(step)}{lasted}")
    for agent in _lines(line, "agents"):
        yield from _at(agent.get("began"), f"agent {agent.get('agent')}{_ready(agent)}")
        why = agent.get("error") or agent.get("outcome") or "over"
        yield from _at(agent.get("ended"), f"agent {agent.get('agent')}: {why}")
    for leg in _lines(line, "legs"):
        yield from _at(leg.get("began"), f"connects {leg.get('to')}{_result(leg)}")
    for text in _lines(line, "texts"):
        yield from _at(text.get("sent"), f"texts {text.get('to')}")
    for refusal in record.refused:
        says = f"refused by rule {refusal.get('rule')}: {refusal.get('message')}"
        yield from _at(refusal.get("time"), says)
    for alert in record.alerts:
        says = f"debugger, {alert.get('level')} {alert.get('code')}: {alert.get('message')}"
        yield from _at(alert.get("time"), says, "twilio")
    if record.ended:
        why = f" ({line['reason']})" if line.get("reason") else ""
        yield from _at(line.get("time"), f"ended: {line.get('ending')}{why}")


def _theirs(evidence: Evidence) -> Iterator[Moment]:
    seen, told = evidence.seen, {alert.get("code") for alert in evidence.record.alerts}
    if seen.call is not None:
        if seen.call.began is not None:
            waited = f", after {seen.call.queue_ms / 1000:.1f} s in its queue" if seen.call.queue_ms else ""
            yield Moment(seen.call.began, "twilio", f"the call begins ({seen.call.direction}){waited}")
        if seen.call.ended is not None:
            lasted = "" if seen.call.seconds is None else f", {seen.call.seconds} s after the answer"
            yield Moment(seen.call.ended, "twilio", f"the call is {seen.call.status}{lasted}")
    for event in seen.events:
        if event.at is not None:
            answer = f"HTTP {event.status}" if event.status else "no answer"
            yield Moment(event.at, "twilio", f"asked {event.url}: {answer} in {event.milliseconds} ms")
    for notice in seen.notices:
        if notice.code not in told:
            says = f"{notice.level} {notice.code}: {alert_meaning(notice.code).sentence}"
            yield Moment(notice.at, "twilio", says)


def _at(written: Any, says: str, who: str = "voiced") -> Iterator[Moment]:
    at = moment(written)
    if at is not None:
        yield Moment(at, who, says)


def _began(line: Mapping[str, Any]) -> str:
    return f"{line.get('caller')} calls {line.get('called')}, flow {line.get('flow')}, version {line.get('version')}"


def _result(line: Mapping[str, Any]) -> str:
    return f": {line['result']}" if line.get("result") else ""


def _ready(agent: Mapping[str, Any]) -> str:
    times = [(agent.get("ready_ms"), "ready"), (agent.get("first_audio_ms"), "first audio")]
    told = [f"{name} after {float(ms):.0f} ms" for ms, name in times if isinstance(ms, int | float)]
    return f" ({', '.join(told)})" if told else ""


def _lines(line: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    found = line.get(name)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
