"""What Prometheus is told, of whole calls and piece by piece; the dashboard and the alerts, held against it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import attrs
import yaml
from prometheus_client.parser import text_string_to_metric_families
from twisted.internet.defer import Deferred, fail
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from tests.house import PERSON, House, flow, say
from voiced.call.program import Colleague
from voiced.call.records import CallInfo, CallRecord, Ending
from voiced.call.steps.digits import Gather
from voiced.call.steps.handover import Agent
from voiced.call.steps.speech import Pause
from voiced.call.template import Template
from voiced.errors import AgentError, SynthesisError
from voiced.ivoiced import Brief, IAgent, ICall, ILine, Outcome, Utterance
from voiced.iwatch import IWatch, Punctual, Unwatched
from voiced.speech.voice import Voice
from voiced.testing.fakes import SpellingVoice, spell
from voiced.watch.metrics import Metrics

CONFIG = Path(__file__).parent.parent / "config"
NOT_OURS = ("up", "process_", "python_gc_")


def samples(text):
    """Every sample of an exposition, as `name{label="value"}` (labels in their order) -> value."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sample.labels.items())
            found[sample.name + (f"{{{labels}}}" if labels else "")] = sample.value
    return found


class WatchedHouse(House):
    """A house whose metrics are read as Prometheus reads them."""

    def families(self):
        """Every metric by its name, with its help."""
        return {family.name: family for family in text_string_to_metric_families(self.exposition())}

    def exposition(self):
        """What /metrics answers to somebody with a key for all flows."""
        asking = self.network.http().request(
            "GET", "http://daemon/metrics", headers={"Authorization": "Bearer a-key-of-more-than-twenty-characters"}
        )
        self.passes(0)
        response = self.successResultOf(asking)
        self.assertEqual(response.code, 200)
        text = response.text()
        self.passes(0)
        return self.successResultOf(text)

    def counts(self, *names):
        """The values of these samples, 0 where there is none."""
        found = samples(self.exposition())
        return [found.get(name, 0.0) for name in names]


class CallTests(WatchedHouse):
    def test_calls(self):
        """Live calls, calls that are over by direction and ending, and how long they were."""
        self.lives_in(flow({"start": [say("Hi."), Pause(3)]}), most_calls=2)
        self.ring()
        calls = self.ring(), self.ring()
        live = 'voiced_calls_live{direction="inbound"}'
        self.assertEqual(self.counts(live, "voiced_calls_limit"), [2, 2])
        calls[0].hang_up()
        self.passes(20)
        inbound = 'voiced_calls_total{direction="inbound",ending="%s"}'
        self.assertEqual(
            self.counts(live, *(inbound % each for each in ("completed", "overloaded", "caller_hung_up"))),
            [0, 1, 1, 1],
        )
        self.assertEqual(self.counts('voiced_call_seconds_count{direction="inbound"}'), [2])

    def test_outbound(self):
        """Calls of ours are counted apart."""
        self.lives_in(flow({"start": [say("Hi.")]}))
        self.calls_out(flow="test")
        self.assertEqual(self.counts('voiced_calls_live{direction="outbound"}'), [1])
        self.passes(60)
        ended = [
            name for name, n in samples(self.exposition()).items() if n and name.startswith("voiced_calls_total")
        ]
        self.assertEqual([name.split(",")[0] for name in ended], ['voiced_calls_total{direction="outbound"'])

    def test_traffic(self):
        """Frames and bytes of both directions; of us one message of whole frames, one of the last."""
        self.lives_in(flow({"start": [say("Hi."), Pause(2)]}))
        call = self.ring()
        self.passes(1)
        call.hang_up()
        self.passes(9)
        names = [
            f'voiced_media_{what}_total{{direction="{way}"}}' for what in ("frames", "bytes") for way in ("in", "out")
        ]
        frames_in, frames_out, bytes_in, bytes_out = self.counts(*names)
        self.assertEqual(bytes_in, frames_in * 160)
        self.assertGreater(frames_in, 40)
        said = len(spell("Hi.")) + 800
        self.assertEqual((bytes_out, frames_out), (said + -said % 160, 2))

    def test_first_audio(self):
        """How long a caller waits for our first word: once a call, however much is said."""
        self.voice.first_after = 0.4
        self.voice.clock = self.clock
        self.lives_in(flow({"start": [say("Hi."), say("Bye.")]}))
        self.ring()
        self.passes(9)
        count, total = self.counts("voiced_first_audio_seconds_count", "voiced_first_audio_seconds_sum")
        self.assertEqual(count, 1)
        self.assertAlmostEqual(total, 0.4, 2)

    def test_dead_air(self):
        """Silence while a voice is late is ours; a pause that was written and a caller who thinks are not."""
        self.lives_in(
            flow({"start": [say("Hi."), Pause(3), Gather(Template.parse("Digits?"), "x", timeout=4), say("Bye.")]})
        )
        self.ring()
        self.passes(20)
        self.assertEqual(self.counts("voiced_dead_air_seconds_count"), [0])
        self.voice.first_after = 2.5
        self.ring()
        self.passes(40)
        count, total = self.counts("voiced_dead_air_seconds_count", "voiced_dead_air_seconds_sum")
        self.assertGreaterEqual(count, 3)
        self.assertAlmostEqual(total, count * 2.5, 1)

    def test_refused(self):
        """What was refused, by rule; streams with bad tickets, too."""
        self.lives_in(flow({"start": [say("Hi.")]}))
        answer = self.carrier.post("/call/incoming", {"CallSid": "CA1"}, signature="forged")
        self.passes(0)
        self.assertEqual(self.successResultOf(answer).status, 403)
        self.assertEqual(self.counts('voiced_refused_total{rule="unsigned"}'), [1])

    def test_voices(self):
        """A voice that fails is counted by the kind of its trouble, though its fallback speaks."""
        broken, mute = SpellingVoice(self.clock), SpellingVoice(self.clock)
        broken.fail_with = SynthesisError("no credits", kind="quota")
        mute.first_after = 9.0
        self.lives_in(flow({"start": [say("Hi.")]}), flow({"start": [say("Hi.")]}, name="other"), voices={})
        watch = self.daemon.metrics
        for engine in (broken, mute):
            heard = []
            speaking = Voice(engine, self.clock, self.voice, watch=watch).synthesize(Utterance("Hi."), heard.append)
            self.passes(3)
            self.successResultOf(speaking)
        self.assertEqual(
            self.counts('voiced_voice_errors_total{kind="quota"}', 'voiced_voice_errors_total{kind="late"}'), [1, 1]
        )

    def test_health(self):
        """Whether it is ready, and each reason why not."""
        self.lives_in(flow({"start": [Pause(5)]}), most_calls=1)
        self.assertEqual(self.counts("voiced_ready"), [1])
        self.ring()
        self.assertEqual(self.counts("voiced_ready", 'voiced_trouble{why="calls"}'), [0, 1])

    def test_nobody_is_named(self):
        """No number, call or name of a key is in it, whatever happened."""
        self.lives_in(flow({"start": [say("Hi.")]}))
        call = self.calls_out(flow="test")
        text = self.exposition()
        for secret in (PERSON, call.sid, "crm"):
            self.assertNotIn(secret, text)

    def test_help(self):
        """Every metric of ours says what it is, and has a name as Prometheus wants them."""
        self.lives_in(flow({"start": [say("Hi.")]}))
        ours = [family for family in self.families().values() if not family.name.startswith(NOT_OURS)]
        self.assertGreaterEqual(len(ours), 20)
        for family in ours:
            self.assertRegex(family.name, r"^voiced_[a-z_]+$")
            self.assertRegex(family.documentation, r"^[A-Z1].{12,}\.$", family.name)


@implementer(IAgent)
@attrs.define
class FakeAgent:
    """An agent that does what its `act(line)` does, and leaves after so many seconds; or fails."""

    clock: object
    error: AgentError | None = None
    says_after: float = 0.1
    notices_interruptions = True

    def converse(self, line: ILine, call: ICall, brief: Brief) -> Deferred[Outcome]:
        """See IAgent."""
        if self.error is not None:
            return fail(self.error)
        done: Deferred[Outcome] = Deferred(lambda _: [due.cancel() for due in dues if due.active()])
        line.ready()

        def speak() -> None:
            speech = line.speak()
            speech.feed(b"\x10" * 800)
            speech.end()

        dues = [
            self.clock.callLater(self.says_after, speak),
            self.clock.callLater(self.says_after + 1, done.callback, Outcome("done")),
        ]
        return done


class AgentTests(WatchedHouse):
    def talks(self, agent):
        """A call on which this agent takes the line."""
        self.lives_in(flow({"start": [Agent("ann")]}), agents={"ann": Colleague(agent)})
        self.ring()
        self.passes(20)

    def test_ready(self):
        """How long an agent took to be there; that it said nothing for a while is dead air."""
        self.talks(FakeAgent(self.clock, says_after=3.0))
        names = ("voiced_agent_connect_seconds_count", "voiced_dead_air_seconds_count", "voiced_dead_air_seconds_sum")
        self.assertEqual([round(count, 1) for count in self.counts(*names)], [1, 1, 3])

    def test_quick(self):
        """One that answers at once leaves no dead air."""
        self.talks(FakeAgent(self.clock))
        self.assertEqual(self.counts("voiced_dead_air_seconds_count"), [0])

    def test_failed(self):
        """One that fails is counted by kind."""
        self.talks(FakeAgent(self.clock, AgentError("no way", kind="unreachable")))
        self.assertEqual(self.counts('voiced_agent_errors_total{kind="unreachable"}'), [1])


class MetricsTests(SynchronousTestCase):
    def setUp(self):
        """Metrics of nothing."""
        self.metrics = Metrics()

    def value(self, name, **labels):
        """A sample's value."""
        return self.metrics.registry.get_sample_value(name, labels)

    def test_contracts(self):
        """Both kinds are what calls are promised."""
        verifyObject(IWatch, self.metrics)
        verifyObject(IWatch, Unwatched())
        self.assertEqual(Unwatched().lag, Punctual())

    def test_nobody_counts(self):
        """Who does not count says nothing and keeps nothing."""
        watch = Unwatched()
        record = CallRecord(CallInfo("CA1", "main", "", ""), "", 0.0)
        told = [
            watch.first_audio(1),
            watch.dead_air(1),
            watch.mark_late(),
            watch.stream_stalled(),
            watch.ended(record),
        ]
        told += [watch.agent_ready(1), watch.agent_failed("x"), watch.interrupted(1), watch.voice_failed("x")]
        self.assertEqual([*told, watch.speech_kept(True)], [None] * 10)

    def test_each(self):
        """Each is counted where it belongs."""
        self.metrics.mark_late()
        self.metrics.stream_stalled()
        self.metrics.interrupted(0.003)
        for hit in (True, True, False):
            self.metrics.speech_kept(hit)
        for seconds in (0.99, 1.0, 4.0):
            self.metrics.dead_air(seconds)
        self.assertEqual(self.value("voiced_marks_late_total"), 1)
        self.assertEqual(self.value("voiced_streams_stalled_total"), 1)
        self.assertEqual(self.value("voiced_interruption_to_clear_seconds_bucket", le="0.005"), 1)
        self.assertEqual(self.value("voiced_interruption_to_clear_seconds_bucket", le="0.002"), 0)
        self.assertEqual([self.value("voiced_speech_cache_total", result=each) for each in ("hit", "miss")], [2, 1])
        self.assertEqual(self.value("voiced_dead_air_seconds_count"), 2)

    def test_from_the_start(self):
        """All endings and kinds are there with nothing: the first one is an increase, and may be an alert."""
        self.assertEqual(self.value("voiced_calls_total", direction="inbound", ending="overloaded"), 0)
        self.assertEqual(self.value("voiced_voice_errors_total", kind="quota"), 0)
        self.assertEqual(self.value("voiced_agent_errors_total", kind="refused"), 0)

    def test_strange_kinds(self):
        """What a plugin calls its trouble makes no series of its own: it may be anything, and of anybody."""
        self.metrics.voice_failed("said +14155550100")
        self.metrics.agent_failed("said +14155550100")
        self.assertEqual(self.value("voiced_voice_errors_total", kind="failed"), 1)
        self.assertEqual(self.value("voiced_agent_errors_total", kind="failed"), 1)

    def test_never_answered(self):
        """A call that nobody took has no length."""
        record = CallRecord(CallInfo("CA1", "main", "", ""), "", 0.0, 9.0, Ending.NO_ANSWER)
        self.metrics.ended(record)
        self.assertEqual(self.value("voiced_calls_total", direction="inbound", ending="no_answer"), 1)
        self.assertEqual(self.value("voiced_call_seconds_count", direction="inbound"), 0)


class FileTests(WatchedHouse):
    """The files for Grafana and Prometheus name what there is."""

    def known(self):
        """The names of all samples that there can be: those of a family are there with its first one."""
        self.lives_in(flow({"start": [say("Hi.")]}))
        suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",)}
        return {
            family.name + suffix for family in self.families().values() for suffix in suffixes.get(family.type, ("",))
        }

    def named(self, expressions):
        """The metrics that these PromQL expressions name."""
        words = {word for each in expressions for word in re.findall(r"\b(?:voiced|process|python)_\w+", each)}
        self.assertGreater(len(words), 5)
        return words

    def test_dashboard(self):
        """Every panel shows a metric that exists, and says what it means; no two are in one place."""
        board = json.loads((CONFIG / "grafana.json").read_text("utf-8"))
        panels = [panel for panel in board["panels"] if panel["type"] != "row"]
        self.assertEqual(self.named(t["expr"] for panel in panels for t in panel["targets"]) - self.known(), set())
        self.assertEqual([panel["title"] for panel in panels if not panel.get("description")], [])
        places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in board["panels"]]
        self.assertEqual(len(set(places)), len(places))
        self.assertEqual(len({panel["id"] for panel in board["panels"]}), len(board["panels"]))

    def test_alerts(self):
        """Every rule is about a metric that exists, and says what to do."""
        rules = [
            rule
            for group in yaml.safe_load((CONFIG / "alerts.yaml").read_text("utf-8"))["groups"]
            for rule in group["rules"]
        ]
        self.assertEqual(self.named(rule["expr"] for rule in rules) - self.known(), set())
        for rule in rules:
            self.assertIn(rule["labels"]["severity"], ("page", "ticket"))
            self.assertGreater(len(rule["annotations"]["description"]), 40, rule["alert"])
