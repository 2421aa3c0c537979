"""The API held against its own document: schemathesis asks `/openapi.json` what may be sent, and sends all of it.

What is said to be answered must be what is answered, and nothing may be a fault of ours. Each run has a seed, so that
it finds tomorrow what it finds today; skipped, and said so, where schemathesis is not installed.
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import inlineCallbacks, succeed
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint
from twisted.internet.utils import getProcessOutputAndValue
from twisted.trial.unittest import TestCase
from twisted.web.pages import notFound
from twisted.web.server import Site

from tests.test_api_calls import kept_line
from tests.test_api_memory import KEY, PARTIES, PUBLIC_URL, RELOADED, FakeKept, FakeLive, FakePlacing, live_call
from tests.test_twistd import Process, free_port
from voiced.api.examples import SID
from voiced.api.front import Front
from voiced.api.routes import ApiRoutes
from voiced.net.bodylimit import LimitedRequest
from voiced.simulator.carrier import Carrier

SCHEMATHESIS, TWISTD = (str(Path(sys.executable).with_name(name)) for name in ("schemathesis", "twistd"))
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)
SECONDS = 120
"""How long a run may take on a slow machine; it takes about twenty."""

SETTINGS = """
listen: "tcp:{port}:interface=127.0.0.1"
public_url: https://voiced.test
twilio:
  account_sid: AC00000000000000000000000000000000
  auth_token: a token
  number: "+14155550123"
  base_url: "http://127.0.0.1:{carrier}"
api: {{keys: ["{key}"]}}
outbound: {{flow: test, allow: [US]}}
numbers: {{default: test}}
"""
FLOW = """
flow: test
start: start
nodes:
  start:
    - pause: 1
"""


class Examined(TestCase):
    """Test cases that run schemathesis."""

    timeout = SECONDS + 60
    skip = None if find_spec("schemathesis") else "schemathesis is not installed: pip install -e .[test]"

    @inlineCallbacks
    def examine(self, port: int, examples: int) -> Any:
        """Ask the API on that port everything its document allows, and much that it does not; it must hold."""
        url = f"http://127.0.0.1:{port}"
        home = Path(self.mktemp())
        home.mkdir()
        options = {
            "--url": url,
            "--header": f"Authorization: Bearer {KEY}",
            "--checks": ",".join(CHECKS),
            "--phases": "examples,coverage,fuzzing",
            "--max-examples": str(examples),
            "--seed": "1",
            "--generation-database": "none",
            "--suppress-health-check": "all",
            "--request-timeout": "10",
            "--warnings": "off",
        }
        command = [
            "run",
            f"{url}/openapi.json",
            *(word for option in options.items() for word in option),
            "--no-color",
        ]
        out, error, code = yield getProcessOutputAndValue(
            SCHEMATHESIS, command, env=os.environ, path=str(home), reactor=reactor
        ).addTimeout(SECONDS, reactor)
        text = (out + error).decode(errors="replace")
        self.assertEqual(code, 0, text)
        self.assertIn("Tested: 6", text, "every operation but the document's own was tried")


class RoutesTests(Examined):
    """The routes by themselves, with a live call and one that is over; all that is behind them is pretended."""

    @inlineCallbacks
    def test_document(self) -> Any:
        """Every answer is one that the document has."""
        placing, live, kept = FakePlacing(), FakeLive([live_call(SID)]), FakeKept([kept_line("CA2")])
        api = ApiRoutes(PARTIES.get, placing, live, kept, reactor, PUBLIC_URL, reload=lambda: succeed(RELOADED))
        site = Site(Front(api.app.resource(), notFound()), LimitedRequest, reactor=reactor)
        site.log = lambda request: None
        port = yield TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(site)
        self.addCleanup(port.stopListening)
        yield self.examine(port.getHost().port, 40)
        self.assertTrue(placing.wishes, "nothing was ever placed: all that was sent was wrong")
        self.assertIn("goodbye", live.find(SID).done, "no call was ever ended")


class DaemonTests(Examined):
    """A real daemon process, and the carrier's double behind it."""

    @inlineCallbacks
    def setUp(self) -> Any:
        """A daemon with an API key, and a flow that waits a second."""
        home = Path(self.mktemp())
        (home / "flows").mkdir(parents=True)
        api = yield TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(site := Site(notFound()))
        self.addCleanup(api.stopListening)
        self.port = free_port()
        settings = SETTINGS.format(port=self.port, carrier=api.getHost().port, key=KEY)
        (home / "voiced.yaml").write_text(settings)
        (home / "flows/test.yaml").write_text(FLOW)
        carrier = Carrier(
            reactor,
            daemon=TCP4ClientEndpoint(reactor, "127.0.0.1", self.port),
            public_url=PUBLIC_URL,
            account_sid="AC" + "0" * 32,
            auth_token="a token",
        )
        carrier.number("+14155550123", "/call/incoming")
        site.resource = carrier.rest
        self.addCleanup(lambda: [call.hang_up() for call in carrier.calls.values()])
        self.process = Process()
        command = [TWISTD, "--nodaemon", "--pidfile=", "voiced"]
        self.running = reactor.spawnProcess(self.process, TWISTD, command, env=os.environ, path=str(home))
        self.addCleanup(self.kill)
        yield self.process.says("voiced listens on")

    def kill(self) -> Any:
        """Leave nothing running."""
        if self.process.ended.called:
            return None
        self.running.signalProcess("KILL")
        return self.process.ended

    @inlineCallbacks
    def test_document(self) -> Any:
        """Every answer is one that the document has, and the daemon has logged no fault of its own."""
        yield self.examine(self.port, 40)
        self.running.signalProcess("TERM")
        code = yield self.process.ended
        self.assertEqual(code, 0, self.process.written)
        for word in ("Traceback", "Unhandled", "#critical]"):
            self.assertNotIn(word, self.process.written)
