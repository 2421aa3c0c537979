"""Two real processes with one data directory, each with a port: calls that come to both, and one that is killed."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import inlineCallbacks
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.interfaces import IStreamClientEndpoint
from zope.interface import implementer

from tests.test_twistd import NUMBER, Process, TwistdCase, free_port
from voiced.simulator.carrier import SimulatedCall
from voiced.testing.fakes import read_speech

SETTINGS = """
listen: "uv:${{PORT}}:interface=127.0.0.1"
node: "${{NODE}}"
data: "${{DATA}}"
public_url: https://voiced.test
twilio: {{account_sid: AC00000000000000000000000000000000, auth_token: a token, base_url: "http://127.0.0.1:{api}"}}
numbers: {{default: test}}
"""
HEARD = "The first sentence.The second."


@implementer(IStreamClientEndpoint)
class Turns:
    """A proxy that connects to these ports, one after the other; one that nobody listens on is left out."""

    def __init__(self, *ports: int) -> None:
        self.ports = list(ports)

    def connect(self, protocolFactory: Any) -> Any:
        """See IStreamClientEndpoint."""
        self.ports.append(self.ports.pop(0))
        connecting: Any = TCP4ClientEndpoint(reactor, "127.0.0.1", self.ports[-1]).connect(protocolFactory)
        return connecting


class SharedTests(TwistdCase):
    """Daemons 1 and 2."""

    settings = SETTINGS

    @inlineCallbacks
    def setUp(self) -> Any:
        """They run. (A socket's path is short: the data is not below trial's directory.)"""
        yield super().setUp()
        self.data = Path(tempfile.mkdtemp(prefix="voiced"))
        self.addCleanup(shutil.rmtree, self.data)
        self.ports = [self.port, free_port()]
        self.carrier.account.daemon = Turns(*self.ports)
        self.processes: list[Process] = []
        self.runs: list[Any] = []
        for node in "12":
            self.begin(node)
            yield self.processes[-1].says("voiced listens on")

    def begin(self, node: str) -> Process:
        """A daemon of that name."""
        port = self.ports[int(node) - 1]
        process = self.start(PORT=str(port), NODE=node, DATA=str(self.data))
        self.processes.append(process)
        self.runs.append(self.running)
        return process

    def ended(self, call: SimulatedCall) -> list[dict[str, Any]]:
        """What the journal has of its end."""
        lines = map(json.loads, (self.data / "journal.jsonl").read_text().splitlines())
        return [line for line in lines if line["call"] == call.sid and line["event"] == "ended"]

    @inlineCallbacks
    def test_turns(self) -> Any:
        """Webhooks, streams and callbacks come to each in turn; each call is whole, and in the journal once."""
        for node in "12":
            self.assertEqual((self.data / f"voiced.{node}.sock").stat().st_mode & 0o777, 0o600)
        calls = [self.carrier.ring(NUMBER, from_=f"+1415555013{n}") for n in range(6)]
        for call in calls:
            yield call.ended
            self.assertEqual("".join(read_speech(call.heard)), HEARD)
        for process, running in zip(self.processes, self.runs, strict=True):
            running.signalProcess("TERM")
            self.assertEqual((yield process.ended), 0)
            self.assertNotIn("Traceback", process.written)
            self.assertNotIn("refused a request", process.written)
        self.assertEqual([[line["ending"] for line in self.ended(call)] for call in calls], [["completed"]] * 6)
        self.assertIn("which goes on with it", "".join(process.written for process in self.processes))

    @inlineCallbacks
    def test_killed(self) -> Any:
        """kill -9 of one in the middle of a sentence: the other goes on with its call."""
        self.carrier.account.daemon.ports = [self.ports[0]]
        call = self.carrier.ring(NUMBER)
        yield self.until(call, "audio")
        yield self.processes[0].says("stream 1 of flow test")
        self.carrier.account.daemon.ports = [self.ports[1]]
        self.runs[0].signalProcess("KILL")
        yield call.ended
        self.assertIn("runs no more: it goes on here", self.processes[1].written)
        self.assertTrue("".join(read_speech(call.heard)).endswith("The second."))
        self.runs[1].signalProcess("TERM")
        yield self.processes[1].ended
        (line,) = self.ended(call)
        self.assertEqual(line["ending"], "completed")

    @inlineCallbacks
    def test_same_name(self) -> Any:
        """A second one of the same name does not start, and says what to do; nor does one without a name."""
        process = self.start(PORT=str(free_port()), NODE="2", DATA=str(self.data))
        self.assertEqual((yield process.ended), 1)
        self.assertIn("another voiced uses", process.written)
        self.assertIn("a name of its own, other than '2' at `node:`", process.written)
        settings = (self.home / "voiced.yaml").read_text()
        (self.home / "voiced.yaml").write_text(settings.replace('node: "${NODE}"\n', ""))
        process = self.start(PORT=str(free_port()), DATA=str(self.data))
        self.assertEqual((yield process.ended), 1)
        self.assertIn("or a name at `node:`", process.written)
