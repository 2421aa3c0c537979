"""What Prometheus is told: counts and times of all calls, with few labels, in a registry of this daemon's own.

Nothing of any caller, call or number is ever a label: there would be as many series as calls. Every metric of ours is
declared here; config/grafana.json shows them, config/alerts.yaml says which of them should wake somebody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs
import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from zope.interface import implementer

from voiced.call.records import CallRecord, Direction, Ending
from voiced.call.switchboard import Switchboard
from voiced.iwatch import AGENT_TROUBLE, VOICE_TROUBLE, ILag, IWatch, Punctual, Traffic
from voiced.watch.health import Health

DEAD_AIR = 1.0
"""Seconds of silence from which on it is dead air: people who talk leave less between them."""

_QUICK = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 1.5, 2.0, 5.0)
_INSTANT = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5)
_SILENT = (1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0)
_LONG = (5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 14400.0)


@implementer(IWatch)
class Metrics:
    """See IWatch. Children are bound once, but for those of a call's end and of errors, which are rare."""

    def __init__(self, lag: ILag | None = None) -> None:
        # Each counter would have a second series for when it began: Prometheus knows what a reset is without it.
        prometheus_client.disable_created_metrics()
        self.lag = lag or Punctual()
        self.traffic = Traffic()
        self.registry = registry = CollectorRegistry()
        self._calls = Counter(
            "voiced_calls",
            "Calls that are over, by direction and ending.",
            ["direction", "ending"],
            registry=registry,
        )
        self._seconds = Histogram(
            "voiced_call_seconds",
            "Seconds from the answer of a call to its end; of those that were answered.",
            ["direction"],
            buckets=_LONG,
            registry=registry,
        )
        self._first_audio = self._times(
            "voiced_first_audio_seconds", "Seconds from the start of a call's stream to our first audio.", _QUICK
        )
        self._dead_air = self._times(
            "voiced_dead_air_seconds",
            "Silences of a second and more when it was our turn, or an agent's, to be heard.",
            _SILENT,
        )
        self._agent_ready = self._times(
            "voiced_agent_connect_seconds", "Seconds from handing the line over until the agent was there.", _QUICK
        )
        self._interrupted = self._times(
            "voiced_interruption_to_clear_seconds",
            "Seconds from reading that a caller interrupts an agent to the `clear` that silences it.",
            _INSTANT,
        )
        self._marks_late = Counter(
            "voiced_marks_late",
            "Marks that came back more than a second late: the way to the carrier, or the carrier, is slow.",
            registry=registry,
        )
        self._stalled = Counter(
            "voiced_streams_stalled",
            "Streams whose marks did not come back at all; each such call was offered a new stream.",
            registry=registry,
        )
        self._agent_errors = Counter(
            "voiced_agent_errors", "Agents that lost the line in disorder, by kind.", ["kind"], registry=registry
        )
        self._voice_errors = Counter(
            "voiced_voice_errors",
            "Sentences that a voice could not speak, by kind; its fallback may have.",
            ["kind"],
            registry=registry,
        )
        cache = Counter(
            "voiced_speech_cache",
            "Prompts that are kept and were asked for: a hit costs no synthesis.",
            ["result"],
            registry=registry,
        )
        self._hits, self._misses = cache.labels("hit"), cache.labels("miss")
        # All there from the start, with nothing: else the first of each would be no increase, and no alert.
        for direction in Direction:
            self._seconds.labels(direction.value)
            for ending in Ending:
                self._calls.labels(direction.value, ending.value)
        for kind in AGENT_TROUBLE:
            self._agent_errors.labels(kind)
        for kind in VOICE_TROUBLE:
            self._voice_errors.labels(kind)
        prometheus_client.ProcessCollector(registry=registry)
        prometheus_client.GCCollector(registry=registry)

    def look_at(self, switchboard: Switchboard, refused: Callable[[], Mapping[str, int]], health: Health) -> None:
        """From now on tell also how these are, whenever somebody asks. `refused()` counts by rule."""
        self.registry.register(_Now(self, switchboard, refused, health))

    def _times(self, name: str, help_: str, buckets: Iterable[float]) -> Histogram:
        return Histogram(name, help_, buckets=tuple(buckets), registry=self.registry)

    # What happens (IWatch)

    def first_audio(self, seconds: float) -> None:
        """See IWatch."""
        self._first_audio.observe(seconds)

    def dead_air(self, seconds: float) -> None:
        """See IWatch."""
        if seconds >= DEAD_AIR:
            self._dead_air.observe(seconds)

    def mark_late(self) -> None:
        """See IWatch."""
        self._marks_late.inc()

    def stream_stalled(self) -> None:
        """See IWatch."""
        self._stalled.inc()

    def agent_ready(self, seconds: float) -> None:
        """See IWatch."""
        self._agent_ready.observe(seconds)

    def agent_failed(self, kind: str, agent: str = "", call: str = "") -> None:
        """See IWatch."""
        self._agent_errors.labels(kind if kind in AGENT_TROUBLE else "failed").inc()

    def interrupted(self, seconds: float) -> None:
        """See IWatch."""
        self._interrupted.observe(seconds)

    def voice_failed(self, kind: str, voice: str = "", call: str = "") -> None:
        """See IWatch."""
        self._voice_errors.labels(kind if kind in VOICE_TROUBLE else "failed").inc()

    def voice_spoke(self, voice: str) -> None:
        """See IWatch. Not counted: first audio and the cache's hits say more."""

    def speech_kept(self, hit: bool) -> None:
        """See IWatch."""
        (self._hits if hit else self._misses).inc()

    def ended(self, record: CallRecord) -> None:
        """See IWatch."""
        direction = record.info.direction.value
        self._calls.labels(direction, "" if record.ending is None else record.ending.value).inc()
        if record.answered is not None and record.ended is not None:
            self._seconds.labels(direction).observe(record.ended - record.answered)


@attrs.frozen
class _Now(Collector):
    """How the daemon is at the moment of asking: nothing of it is kept up to date in between."""

    _metrics: Metrics
    _switchboard: Switchboard
    _refused: Callable[[], Mapping[str, int]]
    _health: Health

    def collect(self) -> Iterable[Metric]:
        """Named by prometheus_client."""
        yield from self._calls()
        yield from self._wire()
        lag = self._metrics.lag.p95
        yield _gauge("voiced_reactor_lag_seconds", "Seconds that the reactor was late, p95 of the last 5 s.", lag)
        why = self._health.why_not()
        yield _gauge("voiced_ready", "1 while new calls are welcome; /health/ready says why not.", not why)
        trouble = GaugeMetricFamily("voiced_trouble", "1 for each reason why not: see /health/ready.", labels=["why"])
        for word in why:
            trouble.add_metric([word], 1)
        yield trouble

    def _calls(self) -> Iterable[Metric]:
        live = GaugeMetricFamily("voiced_calls_live", "Calls that live now.", labels=["direction"])
        directions = [session.info.direction for session in self._switchboard]
        for direction in Direction:
            live.add_metric([direction.value], directions.count(direction))
        yield live
        limit = self._switchboard.room.limits.calls
        yield _gauge("voiced_calls_limit", "Calls that may live at once (`limits.calls`).", limit)
        yield _counter("voiced_refused", "What was refused, by the rule that said so.", "rule", self._refused())
        tickets = self._switchboard.bad_tickets
        yield _counter("voiced_bad_tickets", "Streams that came without a good ticket.", "reason", tickets)

    def _wire(self) -> Iterable[Metric]:
        traffic = self._metrics.traffic
        frames = {"in": traffic.frames_in, "out": traffic.frames_out}
        yield _counter("voiced_media_frames", "Media messages from (in) and to (out) callers.", "direction", frames)
        sizes = {"in": traffic.bytes_in, "out": traffic.bytes_out}
        yield _counter("voiced_media_bytes", "Bytes of mu-law from (in) and to (out) callers.", "direction", sizes)


def _gauge(name: str, help_: str, value: float) -> Metric:
    return GaugeMetricFamily(name, help_, value=float(value))


def _counter(name: str, help_: str, label: str, counts: Mapping[Any, float]) -> Metric:
    family = CounterMetricFamily(name, help_, labels=[label])
    for key, count in counts.items():
        family.add_metric([str(key)], count)
    return family
