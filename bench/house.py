"""A daemon on loopback sockets, with doubles of the carrier and of ElevenLabs beside it, all in one process.

What is measured is therefore an upper bound: the doubles' work is in every figure.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint
from twisted.internet.task import deferLater
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from voiced.building import Building
from voiced.call.audio import silence
from voiced.settings.load import read
from voiced.simulator.carrier import Carrier

NUMBER = "+14155550123"
TOKEN = "a-token"  # noqa: S105 - it opens nothing
PIECE = 400
"""Bytes that the vendor's double sends at a time: 50 ms of audio."""

SETTINGS = """
listen: "tcp:0:interface=127.0.0.1"
public_url: https://bench.voiced.test
twilio: {account_sid: AC00000000000000000000000000000000, auth_token: a-token}
numbers: {default: bench}
limits: {calls: 1000}
inbound: {calls_at_once: 1000, calls_per_day: 100000, agent_minutes_per_day: 100000}
"""
VOICE = """
voices: {vendor: {engine: elevenlabs, voice: 21m00Tcm4TlvDq8ikWAM, api_key: sk_bench, base_url: "%s"}}
"""
FLOW = """
flow: bench
start: start
nodes:
  start:
    - say: "%s"
"""


class Vendor(Resource):
    """ElevenLabs' `/stream`, which speaks a piece every 10 ms; `sent` is told of each."""

    isLeaf = True

    def __init__(self, reactor: Any, pieces: int) -> None:
        super().__init__()
        self._reactor = reactor
        self._pieces = pieces
        self.sent: Callable[[], None] = lambda: None

    def render_POST(self, request: Any) -> int:
        """Named by twisted.web."""
        request.setHeader(b"Content-Type", b"audio/basic")
        self._send(request, self._pieces)
        return NOT_DONE_YET

    def _send(self, request: Any, left: int) -> None:
        if left == 0:
            request.finish()
            return
        self.sent()
        request.write(silence(PIECE / 8000)[:-1] + b"\x01")
        self._reactor.callLater(0.01, self._send, request, left - 1)


class House:
    """The daemon, and doubles of the carrier and a vendor. `settings` has a place (%s) for the vendor's base_url."""

    def __init__(self, reactor: Any, settings: str, flow: str, vendor: Resource) -> None:
        self.reactor = reactor
        self._settings = settings
        self._flow = flow
        self._resource = vendor

    async def open(self) -> Carrier:
        """Listen; gives the carrier."""
        loopback = TCP4ServerEndpoint(self.reactor, 0, interface="127.0.0.1")
        vendor = await loopback.listen(Site(self._resource, reactor=self.reactor))
        self._directory = tempfile.TemporaryDirectory()
        home = Path(self._directory.name)
        (home / "flows").mkdir()
        (home / "flows/bench.yaml").write_text(self._flow)
        url = f"http://127.0.0.1:{vendor.getHost().port}"
        (home / "voiced.yaml").write_text(SETTINGS + self._settings.replace("%s", url))
        self.building = Building(read(home / "voiced.yaml", {}), self.reactor)
        port = await loopback.listen(self.building.daemon.site())
        self._ports = [vendor, port]
        daemon = TCP4ClientEndpoint(self.reactor, "127.0.0.1", port.getHost().port)
        carrier = Carrier(self.reactor, daemon=daemon, public_url="https://bench.voiced.test",
                          account_sid="AC" + "0" * 32, auth_token=TOKEN)  # fmt: skip
        carrier.number(NUMBER, "/call/incoming", status_url="/call/status")
        return carrier

    async def close(self) -> None:
        """Stop listening."""
        await deferLater(self.reactor, 0.5)
        for port in self._ports:
            await port.stopListening()
        self._directory.cleanup()


class BenchHouse(House):
    """`text` is what its flow says; with a place in it, it is never cached."""

    def __init__(self, reactor: Any, text: str, pieces: int = 40) -> None:
        self.vendor = Vendor(reactor, pieces)
        super().__init__(reactor, VOICE, FLOW % text, self.vendor)
