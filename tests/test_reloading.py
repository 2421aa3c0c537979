"""One reload at a time, what is swapped in only when all is good, and who is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from tests.worker_threads import Threads
from voiced.call.version import Reloaded, Version
from voiced.errors import ConfigError, Fault, Overloaded
from voiced.reloading import MOST_SECONDS, Reloading
from voiced.settings.files import Files
from voiced.settings.load import Configuration


def configuration(name: str) -> Configuration:
    """What was read, of which nobody looks at more than its name."""
    unread: Any = None
    return Configuration(unread, {}, Path(name), Files())


class ReloadingTests(SynchronousTestCase):
    """Reloads whose worker thread is in the test's hands."""

    def setUp(self) -> None:
        """Files that say `0`, then whatever is written into `content`."""
        self.content: str | Exception = "0"
        self.version, self.stopping = Version("0"), False
        self.threads, self.clock = Threads(), Clock()
        self.reload = Reloading(
            self.read, self.threads, self.follow, lambda: self.version, lambda: self.stopping, self.clock
        )

    def read(self) -> Configuration:
        """What the files say."""
        if isinstance(self.content, Exception):
            raise self.content
        return configuration(self.content)

    def follow(self, found: Configuration) -> Reloaded:
        """Follow it."""
        before, self.version = self.version, Version(found.file.name)
        return Reloaded(before, self.version, ("test",), ("listen",))

    def told(self, *waiting: Deferred[Reloaded]) -> list[str]:
        """The versions that these were told of."""
        return [self.successResultOf(each).version.hash for each in waiting]

    def test_good(self) -> None:
        """The log has a line for the version, and one for each setting that needs a restart."""
        self.content = "1"
        reloading = self.reload()
        self.assertNoResult(reloading)
        with capturedLogs() as logged:
            self.threads.run()
        self.assertEqual(self.told(reloading), ["1"])
        shown = [
            event["log_format"].format(**event) for event in logged if event["log_namespace"] == "voiced.reloading"
        ]
        self.assertEqual(shown[0], "reloaded 1: version 0 -> 1, 1 flows")
        self.assertIn("`listen`", shown[1])

    def test_meanwhile(self) -> None:
        """Whoever asks while files are read may mean others: they wait for the next reading, all for the same."""
        self.content = "1"
        first, second, third = self.reload(), self.reload(), self.reload()
        self.assertEqual(len(self.threads.work), 1)
        self.threads.run()
        self.content = "2"
        self.assertEqual(self.told(first), ["1"])
        self.assertNoResult(second)
        self.threads.run()
        self.assertEqual((self.told(second, third), self.threads.work), (["2", "2"], []))

    def test_bad(self) -> None:
        """Faults are logged one by one and told to all who wait; the next reload is another matter."""
        self.content = ConfigError([Fault("b", 1, 1, "worse"), Fault("a", 2, 3, "bad")])
        first, second, third = self.reload(), self.reload(), self.reload()
        with capturedLogs() as logged:
            self.threads.run()
        self.failureResultOf(first, ConfigError)
        self.assertEqual([event["fault"] for event in logged if "fault" in event], ["a:2:3: bad", "b:1:1: worse"])
        self.threads.run()
        self.assertEqual([self.failureResultOf(each).type for each in (second, third)], [ConfigError] * 2)
        self.content = "1"
        last = self.reload()
        self.threads.run()
        self.assertEqual(self.told(last), ["1"])

    def test_our_own_fault(self) -> None:
        """A fault of ours, or of a plugin, is told, and the next reload is another matter."""
        self.content = ZeroDivisionError()
        broken = self.reload()
        self.threads.run()
        self.failureResultOf(broken, ZeroDivisionError)
        self.content = "1"
        good = self.reload()
        self.threads.run()
        self.assertEqual(self.told(good), ["1"])

    def test_stopping(self) -> None:
        """A daemon that stops reads nothing, and does not follow what it has read meanwhile."""
        reading = self.reload()
        self.stopping = True
        self.threads.run()
        self.assertIn("is stopping", str(self.failureResultOf(reading, Overloaded).value))
        self.failureResultOf(self.reload(), Overloaded)
        self.assertEqual((self.threads.work, self.version.hash), ([], "0"))

    def test_never_read(self) -> None:
        """A disk that does not answer keeps nobody waiting; what it says late is not followed, the next reload is."""
        self.content = "1"
        first, second = self.reload(), self.reload()
        self.clock.advance(MOST_SECONDS)
        self.assertIn("could not be read within 60", str(self.failureResultOf(first, Overloaded).value))
        self.threads.run()
        self.assertEqual(self.version.hash, "0")
        self.threads.run()
        self.assertEqual((self.told(second), self.clock.getDelayedCalls()), (["1"], []))
