"""A daemon made of its files: what is seen of it, and what follows a reload."""

from __future__ import annotations

import io
from typing import Any

from twisted.logger import Logger, LogPublisher

from tests.files_house import FLOW, KEY, PERSON, FilesHouse
from voiced.call.records import Ending
from voiced.simulator.ending import Ended
from voiced.watch.health import LOOK_EVERY

WAITING = "flow: waiting\nstart: a\nnodes:\n  a:\n    - say: 'Please wait.'\n    - pause: 5\n"


class SeenTests(FilesHouse):
    def value(self, name: str, **labels: str) -> Any:
        """What has been counted."""
        return self.daemon.metrics.registry.get_sample_value(name, labels)

    def test_voices(self) -> None:
        """What voices and their caches do is counted, for they are given who counts."""
        for _ in range(2):
            self.ring()
            self.passes(9)
        self.assertEqual([self.value("voiced_speech_cache_total", result=how) for how in ("miss", "hit")], [2, 2])
        self.assertEqual(self.value("voiced_first_audio_seconds_count"), 2)

    def test_lag(self) -> None:
        """The one lag decides, is told, and is what plugins are given."""
        lag = self.building.lag
        lag.p95 = 0.3
        self.assertIs(self.building.studio.tools.watch.lag, lag)
        self.assertEqual(self.value("voiced_reactor_lag_seconds"), 0.3)
        self.assertEqual(self.asks("GET", "/health/ready"), (503, {"ready": False, "why": ["lag"]}))
        call = self.ring()
        self.passes(9)
        self.assertEqual(self.heard(call), [])
        self.assertEqual(self.value("voiced_calls_total", direction="inbound", ending=Ending.OVERLOADED.value), 1)

    def test_disks(self) -> None:
        """A journal and a database that cannot be written are told of, and are no trouble any more when they can."""
        self.assertEqual(self.asks("GET", "/health/ready"), (200, {"ready": True}))
        journal = self.building.studio.directory / "journal.jsonl"
        journal.unlink(missing_ok=True)
        journal.mkdir()
        self.successResultOf(self.building.store.close())
        for expected in (["journal", "store"], ["store"]):
            self.passes(LOOK_EVERY)
            self.asks("GET", "/health/ready")
            self.assertEqual(self.asks("GET", "/health/ready"), (503, {"ready": False, "why": expected}))
            if journal.is_dir():
                journal.rmdir()


class ReloadTests(FilesHouse):
    def test_limits_and_overflow(self) -> None:
        """How many there may be, and what the others get, hold from the next call on."""
        self.write("flows/waiting.yaml", WAITING)
        self.settings(("prerender: false", "limits: {calls: 1, reserve: 0}\noverflow: {reject: busy}"))
        self.reloads()
        first, second = self.ring(), self.ring()
        self.assertEqual(self.successResultOf(second.ended), Ended.BUSY)
        self.settings(("prerender: false", "limits: {calls: 1}\noverflow: {flow: waiting, most: 1}"))
        self.reloads()
        third = self.ring()
        self.passes(5)
        self.assertEqual((self.heard(first), self.heard(third)), (["First, old.", "Second, old."], ["Please wait."]))

    def test_forwarded_to_whom_is_named(self) -> None:
        """Who is named in `overflow` may be connected, like the targets that flows name."""
        self.settings(("prerender: false", f'limits: {{calls: 1}}\noverflow: {{forward: "{PERSON}"}}'))
        self.reloads()
        self.ring()
        call = self.ring()
        self.passes(1)
        self.assertEqual([dial.numbers for dial in call.dialed], [(PERSON,)])
        self.assertIn(PERSON, self.building.studio.program.named)

    def test_readers(self) -> None:
        """Who may read /metrics, from the next request on."""
        self.settings(("prerender: false", "metrics: key"))
        self.assertEqual(self.asks_metrics(None), 200)
        self.reloads()
        self.assertEqual((self.asks_metrics(None), self.asks_metrics(KEY)), (401, 200))

    def asks_metrics(self, key: str | None) -> int:
        """The status of an answer."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        asking = self.network.http().request("GET", "http://daemon/metrics", headers=headers)
        self.passes(0)
        status: int = self.successResultOf(asking).code
        return status

    def test_logs(self) -> None:
        """Levels follow at once; what the lines look like holds from the next start on, and that is said."""
        file = io.StringIO()
        log = Logger(namespace="voiced.agents", observer=LogPublisher(self.building.logs.into(file)))
        log.debug("one")
        self.settings(("prerender: false", "logs: {format: json, levels: {voiced.agents: debug}}"))
        self.assertEqual(self.reloads().restart, ("logs.format",))
        log.debug("two")
        self.assertEqual([line.split("] ")[1] for line in file.getvalue().splitlines()], ["two"])

    def test_flow_of_overflow_is_checked(self) -> None:
        """An overflow into a flow that is not there changes nothing."""
        self.write("flows/test.yaml", FLOW.format("new"))
        self.settings(("prerender: false", "overflow: {flow: nowhere}"))
        failure = self.failureResultOf(self.building.reload())
        self.assertIn("no flow is called 'nowhere'", failure.getErrorMessage())
