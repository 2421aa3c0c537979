"""`voiced dial` as a process: it dials over a real socket, hears Ctrl-C, and may be killed."""

from __future__ import annotations

import csv
import os
import signal
import sys
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import LoopingCall
from twisted.trial.unittest import TestCase
from twisted.web.server import Site

from tests.api_double import KEY, ApiDouble

VOICED = str(Path(sys.executable).with_name("voiced"))
PEOPLE = 4


class Process(ProcessProtocol):
    """The command, and all that it has written."""

    def __init__(self) -> None:
        self.written = ""
        self.ended: Deferred[int | None] = Deferred()

    def outReceived(self, written: bytes) -> None:
        """Named by Twisted."""
        self.written += written.decode()

    errReceived = outReceived

    def processEnded(self, reason: Any) -> None:
        """Named by Twisted."""
        self.ended.callback(reason.value.exitCode)


class ProcessTests(TestCase):
    """One list of four, and a daemon whose calls last a second."""

    timeout = 60

    @inlineCallbacks
    def setUp(self) -> Any:
        """The daemon listens on a port of this machine."""
        self.daemon = ApiDouble()
        self.daemon.clock, self.daemon.seconds = reactor, 1.0
        port = yield TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(Site(self.daemon))
        self.addCleanup(port.stopListening)
        self.people = Path(self.mktemp()).absolute().with_suffix(".csv")
        self.people.write_text("number\n" + "".join(f"+1415555{row:04}\n" for row in range(PEOPLE)))
        self.arguments = [str(self.people), "--url", f"http://127.0.0.1:{port.getHost().port}", "--rate", "3/s"]

    def dial(self) -> Process:
        """`voiced dial`, begun."""
        process = Process()
        command = [VOICED, "dial", *self.arguments]
        self.running = reactor.spawnProcess(process, VOICED, command, env={**os.environ, "VOICED_API_KEY": KEY})
        self.addCleanup(lambda: process.ended.called or self.running.signalProcess("KILL"))
        return process

    def placed(self, count: int) -> Deferred[Any]:
        """Fires when so many calls were placed."""

        def look() -> None:
            if len(self.daemon.rung) >= count:
                looking.stop()

        looking = LoopingCall(look)
        return looking.start(0.02).addTimeout(30, reactor)

    def results(self) -> list[str]:
        """What became of each row."""
        with self.people.with_suffix(".results.csv").open(newline="") as file:
            return [row["voiced_result"] for row in csv.DictReader(file)]

    @inlineCallbacks
    def test_interrupted(self) -> Any:
        """Ctrl-C lets the live calls end, and says what is left; the same command goes on with that."""
        process = self.dial()
        yield self.placed(2)
        self.running.signalProcess(signal.SIGINT)
        self.assertEqual((yield process.ended), 1)
        self.assertIn("no new calls; ", process.written)
        self.assertIn("rows are left: the same command goes on with them", process.written)
        self.assertNotIn("calling", self.results())
        self.assertEqual((yield self.dial().ended), 0)
        self.assertEqual(self.results(), ["done"] * PEOPLE)
        self.assertEqual(set(self.daemon.rings.values()), {1})

    @inlineCallbacks
    def test_killed(self) -> Any:
        """Killed with calls under way, the same command finds out about them, and calls the others."""
        process = self.dial()
        yield self.placed(2)
        self.running.signalProcess("KILL")
        yield process.ended
        self.assertEqual((yield self.dial().ended), 0)
        self.assertEqual(self.results(), ["done"] * PEOPLE)
        self.assertEqual(self.daemon.rings, {f"+1415555{row:04}": 1 for row in range(PEOPLE)})
