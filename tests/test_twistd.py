"""The real process: `twistd voiced` on loopback, rung over real sockets, and told to stop."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.utils import getProcessOutputAndValue
from twisted.trial.unittest import TestCase
from twisted.web.server import Site

from voiced.call.audio import wav
from voiced.simulator.carrier import Carrier, SimulatedCall
from voiced.simulator.mulaw import read_wav
from voiced.testing.fakes import read_speech, spell

TWISTD, VOICED = (str(Path(sys.executable).with_name(name)) for name in ("twistd", "voiced"))
NUMBER = "+14155550123"
PUBLIC_URL = "https://voiced.test"

SETTINGS = """
listen: "uv:{port}:interface=127.0.0.1"
public_url: https://voiced.test
twilio: {{account_sid: AC00000000000000000000000000000000, auth_token: a token, base_url: "http://127.0.0.1:{api}"}}
numbers: {{default: test}}
api: {{keys: ["a-key-of-more-than-twenty-characters"]}}
"""
FLOW = """
flow: test
start: start
nodes:
  start:
    - play: one.wav
    - play: two.wav
  never:
    - hangup
"""


class Process(ProcessProtocol):
    """A running daemon, and all that it has written."""

    def __init__(self) -> None:
        self.written = ""
        self.ended: Deferred[int] = Deferred()
        self._awaited: list[tuple[str, Deferred[None]]] = []

    def outReceived(self, data: bytes) -> None:
        """Named by Twisted."""
        self.written += data.decode()
        for text, found in self._awaited:
            if text in self.written and not found.called:
                found.callback(None)

    errReceived = outReceived

    def processEnded(self, reason: Any) -> None:
        """Named by Twisted."""
        self.ended.callback(reason.value.exitCode)

    def says(self, text: str) -> Deferred[None]:
        """Fires when it has written that."""
        found: Deferred[None] = Deferred()
        self._awaited.append((text, found))
        self.outReceived(b"")
        return found.addTimeout(30, reactor)


class TwistdCase(TestCase):
    """Test cases with one daemon, in a home of its own, and a carrier that can ring it."""

    timeout = 60
    settings = SETTINGS

    @inlineCallbacks
    def setUp(self) -> Any:
        """A daemon whose flow is one sentence of a second and another one."""
        home = Path(self.mktemp())
        (home / "flows").mkdir(parents=True)
        self.api = yield TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(site := Site(None))
        self.addCleanup(self.api.stopListening)
        self.port = free_port()
        (home / "voiced.yaml").write_text(self.settings.format(port=self.port, api=self.api.getHost().port))
        (home / "flows/test.yaml").write_text(FLOW)
        (home / "flows/one.wav").write_bytes(wav(spell("The first sentence.")))
        (home / "flows/two.wav").write_bytes(wav(spell("The second.")))
        self.home = home
        self.carrier = Carrier(
            reactor,
            daemon=TCP4ClientEndpoint(reactor, "127.0.0.1", self.port),
            public_url=PUBLIC_URL,
            account_sid="AC" + "0" * 32,
            auth_token="a token",
        )
        self.carrier.number(NUMBER, "/call/incoming", "/call/fallback", "/call/status")
        site.resource = self.carrier.rest

    def start(self, *arguments: str, reactor_name: str | None = None, **environment: str) -> Process:
        """Start the daemon in its home."""
        self.process = Process()
        wanted = [f"--reactor={reactor_name}"] if reactor_name else []
        command = [TWISTD, "--nodaemon", "--pidfile=", *wanted, "voiced", *arguments]
        self.running = reactor.spawnProcess(
            self.process, TWISTD, command, env=os.environ | environment, path=str(self.home)
        )
        self.addCleanup(kill, self.process, self.running)
        return self.process

    def until(self, call: SimulatedCall, what: str) -> Deferred[None]:
        """Fires when the call's sheet has this."""
        found: Deferred[None] = Deferred()
        call.on_entry = lambda entry: None if found.called or entry.what != what else found.callback(None)
        return found


class TwistdTests(TwistdCase):
    """One daemon, from its start to its end."""

    @inlineCallbacks
    def test_call(self) -> Any:
        """It answers, speaks, hangs up, writes its journal; SIGTERM ends it with code 0."""
        process = self.start()
        yield process.says("voiced listens on")
        self.assertIn("reactor class: voiced.net.uvreactor.UvloopReactor", process.written)
        self.assertIn("test.yaml:8:3: warning: nodes.never: no step and no setting leads to", process.written)
        call = self.carrier.ring(NUMBER)
        yield call.ended
        self.assertEqual("".join(read_speech(call.heard)), "The first sentence.The second.")
        yield process.says("over, completed")
        self.running.signalProcess("TERM")
        self.assertEqual((yield process.ended), 0)
        self.assertEqual(len((self.home / "var/journal.jsonl").read_text().splitlines()), 2)
        self.assertNotIn("Traceback", process.written)

    @inlineCallbacks
    def test_another_reactor(self) -> Any:
        """Who asks twistd for another reactor has it; `uv:` is plain TCP there, which the log says."""
        process = self.start(reactor_name="poll")
        yield process.says("voiced listens on")
        self.assertIn("PollReactor is not uvloop's reactor: `tcp:` is used", process.written)
        self.assertEqual((yield self.heard()), "The first sentence.The second.")
        self.running.signalProcess("TERM")
        self.assertEqual((yield process.ended), 0)

    @inlineCallbacks
    def test_terminated_during_call(self) -> Any:
        """SIGTERM lets the caller hear the end of the sentence, and answers `/call/after` before the port closes."""
        self.drains(0)
        process = self.start()
        yield process.says("voiced listens on")
        call = self.carrier.ring(NUMBER)
        yield self.until(call, "audio")
        self.running.signalProcess("TERM")
        yield call.ended
        self.assertEqual(read_speech(call.heard), ["The first sentence."])
        self.assertIn("<Hangup", call.twiml[-1])
        self.assertEqual((yield process.ended), 0)
        self.assertIn("over, drained", process.written)

    @inlineCallbacks
    def test_terminated_twice(self) -> Any:
        """A second SIGTERM ends it at once."""
        process = self.start()
        yield process.says("voiced listens on")
        call = self.carrier.ring(NUMBER)
        yield self.until(call, "audio")
        self.running.signalProcess("TERM")
        yield process.says("may go on for 30 s")
        self.running.signalProcess("TERM")
        self.assertEqual((yield process.ended), 3)
        self.assertLess(len("".join(read_speech(call.heard))), len("The first sentence."))
        self.assertIn("over, drained", process.written)
        call.hang_up()
        yield call.ended

    @inlineCallbacks
    def test_drained(self) -> Any:
        """SIGTERM lets who is on the line go on, and tells who calls now that all lines are busy."""
        process = self.start()
        yield process.says("voiced listens on")
        call = self.carrier.ring(NUMBER)
        yield self.until(call, "audio")
        self.running.signalProcess("TERM")
        yield process.says("may go on for 30 s")
        late = self.carrier.ring(NUMBER)
        yield late.ended
        self.assertIn("All our lines are busy", late.said[0])
        yield call.ended
        self.assertEqual("".join(read_speech(call.heard)), "The first sentence.The second.")
        self.assertEqual((yield process.ended), 0)
        self.assertIn("over, completed", process.written)

    def drains(self, seconds: float) -> None:
        """So long may calls go on, when it is told to stop."""
        file = self.home / "voiced.yaml"
        file.write_text(file.read_text() + f"drain_seconds: {seconds:g}\n")

    @inlineCallbacks
    def heard(self) -> Any:
        """What somebody hears who calls now."""
        call = self.carrier.ring(NUMBER)
        yield call.ended
        return "".join(read_speech(call.heard))

    @inlineCallbacks
    def test_hung_up_on(self) -> Any:
        """SIGHUP: what is good is followed, also after twistd was started elsewhere; what is not is told, fault by
        fault, and changes nothing."""
        process = self.start("--config", "../" + self.home.name + "/voiced.yaml")
        yield process.says("voiced listens on")
        (self.home / "flows/test.yaml").write_text(FLOW.replace("    - play: one.wav\n", ""))
        self.running.signalProcess("HUP")
        yield process.says("1 flows")
        self.assertRegex(process.written, "reloaded .*voiced.yaml: version [0-9a-f]{12} -> [0-9a-f]{12}, 1 flows")
        (self.home / "flows/test.yaml").write_text(FLOW.replace("one.wav", "no.wav"))
        self.running.signalProcess("HUP")
        yield process.says("not reloaded")
        self.assertIn("test.yaml:6:7: ", process.written)
        self.assertNotIn("restart it", process.written)
        self.assertEqual((yield self.heard()), "The second.")
        self.assertNotIn("Traceback", process.written)

    @inlineCallbacks
    def test_hung_up_on_early(self) -> Any:
        """SIGHUP while it starts does not end it: it reloads as soon as it runs."""
        process = self.start()
        yield process.says("starting up")
        self.running.signalProcess("HUP")
        yield process.says("1 flows")
        self.assertEqual((yield self.heard()), "The first sentence.The second.")

    @inlineCallbacks
    def test_reloaded_by_hand(self) -> Any:
        """`voiced reload` checks the files and has the daemon follow them; it says so when it cannot be reached."""
        arguments = ["reload", "--config", str(self.home / "voiced.yaml")]
        _, trouble, code = yield getProcessOutputAndValue(VOICED, arguments, os.environ)
        self.assertEqual(code, 1)
        self.assertIn(b"systemctl reload voiced", trouble)
        process = self.start()
        yield process.says("voiced listens on")
        (self.home / "flows/test.yaml").write_text(FLOW.replace("    - play: one.wav\n", ""))
        done, trouble, code = yield getProcessOutputAndValue(VOICED, arguments, os.environ)
        self.assertEqual((code, trouble), (0, b""))
        self.assertRegex(done, b"reloaded: version [0-9a-f]{12} .*: test")
        self.assertEqual((yield self.heard()), "The second.")

    @inlineCallbacks
    def test_rung_by_hand(self) -> Any:
        """`voiced call` rings a running daemon, prints the call as it happens, and writes what was heard."""
        process = self.start()
        yield process.says("voiced listens on")
        config, heard = str(self.home / "voiced.yaml"), self.home / "heard.wav"
        arguments = ["call", "--config", config, "--to", NUMBER, "--wav", str(heard), "--line", "3", "--verbose"]
        sheet, trouble, code = yield getProcessOutputAndValue(VOICED, arguments, os.environ)
        self.assertEqual((code, trouble), (0, b""))
        for what in (b"rings", b"stream", b"audio", b"<Hangup"):
            self.assertIn(what, sheet)
        self.assertEqual("".join(read_speech(read_wav(heard.read_bytes()))), "The first sentence.The second.")

    @inlineCallbacks
    def test_rung_in_vain(self) -> Any:
        """`voiced call` says what went wrong, and exits with 1."""
        arguments = ["call", "--config", str(self.home / "voiced.yaml"), "--to", NUMBER]
        _, trouble, code = yield getProcessOutputAndValue(VOICED, arguments, os.environ)
        self.assertEqual(code, 1)
        self.assertIn(b"nobody answered the webhook", trouble)

    @inlineCallbacks
    def test_port_taken(self) -> Any:
        """A port that somebody else has stops the start, with a sentence and an exit code."""
        with socket.create_server(("127.0.0.1", self.port)):
            process = self.start()
            self.assertNotEqual((yield process.ended), 0)
        self.assertIn("voiced cannot listen", process.written)
        self.assertNotIn("Traceback", process.written)

    @inlineCallbacks
    def test_check(self) -> Any:
        """`--check` says what is wrong, with its place, and exits with 1; or says that all is good, with 0."""
        config = str(self.home / "voiced.yaml")
        _, _, code = yield getProcessOutputAndValue(TWISTD, ["voiced", "--check", "--config", config], os.environ)
        self.assertEqual(code, 0)
        (self.home / "flows/test.yaml").write_text("flow: test\nstart: begin\nnodes:\n  start:\n    - play: no.wav\n")
        _, faults, code = yield getProcessOutputAndValue(TWISTD, ["voiced", "--check", "-c", config], os.environ)
        self.assertEqual(code, 1)
        self.assertIn(b"test.yaml:2:8", faults)
        self.assertIn(b"test.yaml:5:7", faults)
        self.assertNotIn(b"Traceback", faults)

    @inlineCallbacks
    def test_listed(self) -> Any:
        """`twistd --help` lists voiced."""
        page, _, _ = yield getProcessOutputAndValue(TWISTD, ["--help"], os.environ)
        self.assertIn(b"voiced", page)


def kill(process: Process, running: Any) -> Deferred[Any] | None:
    """Leave nothing running."""
    if process.ended.called:
        return None
    running.signalProcess("KILL")
    return process.ended


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
