"""examples/acme on the line: whole calls with somebody else's voice, lookup, step and tool.

What each of them promises is tested beside them (`make plugins`).
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import attrs

import voiced
from tests.beside import install
from tests.house import House
from voiced.call.audio import from_file
from voiced.call.records import Ending
from voiced.settings.load import build_program, read
from voiced.simulator.carrier import SimulatedCall
from voiced.testing.fakes import FakeTools

HERE = Path(voiced.__file__).parent.parent / "examples" / "acme"
STRANGER = "+14155550102"
ENVIRONMENT = {
    "SERVER_DOMAIN": "voiced.test",
    "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
    "TWILIO_AUTH_TOKEN": "pretended",
    "ELEVENLABS_API_KEY": "pretended",
    "ELEVENLABS_AGENT_ID": "agent_pretended",
}


class AcmeTests(House):
    """A daemon with Acme's settings and flow, beside Acme's service in memory."""

    def setUp(self) -> None:
        """It answers."""
        super().setUp()
        install(self, HERE, "acme_voiced")
        testing: Any = importlib.import_module("acme_voiced.testing")
        self.acme = testing.AcmeService(self.clock)
        configuration = read(HERE / "voiced.yaml", {**ENVIRONMENT, "ACME_KEY": testing.KEY.reveal()})
        tools = FakeTools(self.clock, http=self.acme.http, directory=Path(self.mktemp()))
        self.moves_in(build_program(configuration, attrs.evolve(tools, endpoint=self.network.endpoint)))

    def assert_said(self, call: SimulatedCall, *names: str) -> None:
        """These recordings were heard, in this order."""
        at = 0
        for name in names:
            file = HERE / "acme_voiced" / "sounds" / f"{name}.wav"
            found = call.heard.find(from_file(file.name, file.read_bytes()), at)
            self.assertGreaterEqual(found, at, f"{name} was not heard")
            at = found + 1

    def test_customer(self) -> None:
        """Who waits for a parcel hears where it is, in the announcer's words."""
        call = self.ring(from_="+14155550100")
        self.passes(20)
        self.assert_said(call, "welcome-to-acme-parcels", "your-parcel-is-on-its-way", "goodbye")
        self.assert_ended(call, Ending.COMPLETED)

    def test_stranger(self) -> None:
        """Anybody else types a number, hears it said back, and is told when the agent is away."""
        call = self.ring(from_=STRANGER)
        self.passes(4)
        for digit in "473124829":
            call.press(digit)
            self.passes(0.3)
        self.passes(40)
        self.assert_said(call, "the-number-of-your-parcel-is", *"473124829", "nobody-can-look-for-it-now", "goodbye")
        record = self.assert_ended(call, Ending.COMPLETED)
        self.assertIn(("parcel_number", "9 digits"), [(step["verb"], step["result"]) for step in record["steps"]])

    def test_service_down(self) -> None:
        """Without the service the flow goes on: nobody is known, and every number can be typed."""
        self.acme.status = 503
        call = self.ring(from_="+14155550100")
        self.passes(10)
        self.assert_said(call, "welcome-to-acme-parcels", "please-type-the-nine-digits-of-your-parcel-number")
        call.hang_up()
        self.passes(1)
        self.assert_ended(call, Ending.CALLER_HUNG_UP)
