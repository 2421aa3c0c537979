"""`voiced connect`, in memory: against the daemon itself, and the double of Twilio's API."""

from __future__ import annotations

from contextlib import redirect_stdout
from io import StringIO
from typing import Any

import attrs
import click
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol

from tests import twilio_contract
from tests.doctor_house import ADDRESS, DoctorHouse
from tests.files_house import NUMBER
from tests.test_doctor import Page
from voiced.cli.connect import connected
from voiced.simulator.number import Number

ELSEWHERE = "https://demo.twilio.com/welcome/voice/"


class ConnectTests(DoctorHouse):
    """What it says, and what it changes."""

    def setUp(self) -> None:
        """A number as it is bought."""
        super().setUp()
        self.carrier.account.numbers[NUMBER] = Number(NUMBER, ELSEWHERE)

    def connect(self, number: str = NUMBER, *, sure: bool = True) -> tuple[str, str]:
        """What it prints, and the error that it ends with."""
        with redirect_stdout(StringIO()) as out:
            done = Deferred.fromCoroutine(connected(self.world, self.read(), number, sure=sure))
            self.passes(20)
        failures: list[Any] = []
        done.addErrback(failures.append)
        for failure in failures:
            failure.trap(click.ClickException)
        return out.getvalue(), failures[0].value.message if failures else ""

    def test_first_day(self) -> None:
        """The URLs are set, old and new ones are told, a test request is answered, and the number works."""
        out, error = self.connect()
        self.assertEqual(error, "")
        for says in ("Twilio: a full account", "the flow test answers", ELSEWHERE, "https://voiced.test/call/incoming#",
                     "test request: it answered with a stream to wss://voiced.test/call/connection/CA",
                     f"{NUMBER} is connected: ring it"):  # fmt: skip
            self.assertIn(says, out)
        number = self.carrier.account.numbers[NUMBER]
        self.assertTrue(str(number.status_url).startswith("https://voiced.test/call/status#"))
        call = self.ring()
        self.passes(30)
        self.assertEqual(self.heard(call), ["First, old.", "Second, old."])
        if twilio_contract.available():
            twilio_contract.check_rest(self.carrier.rest_requests)

    def test_again(self) -> None:
        """Once it is connected nothing is changed; the test call is over, and in the journal."""
        self.connect()
        posts = [request for request in self.carrier.rest_requests if request.method == "POST"]
        out, error = self.connect()
        self.assertIn("leads here already", out)
        self.assertEqual(error, "")
        self.assertEqual([request for request in self.carrier.rest_requests if request.method == "POST"], posts)
        self.assertEqual(len(self.daemon.switchboard), 0)
        self.assertEqual({ending.value for ending in self.daemon.switchboard.endings}, {"caller_hung_up"})

    def test_overrides(self) -> None:
        """A number that leads here, and lets Twilio try once only, is set as well."""
        bare = (f"https://voiced.test/call/{path}" for path in ("incoming", "fallback", "status"))
        self.carrier.account.numbers[NUMBER] = Number(NUMBER, *bare)
        self.assertIn("-> https://voiced.test/call/incoming#ct=2000", self.connect()[0])

    def test_asks(self) -> None:
        """It asks first; without a yes nothing is changed."""
        self.patch(click, "confirm", lambda question: False)
        out, error = self.connect(sure=False)
        self.assertEqual(error, "nothing was changed")
        self.assertIn(ELSEWHERE, out)
        self.assertEqual(self.carrier.account.numbers[NUMBER].voice_url, ELSEWHERE)
        self.patch(click, "confirm", lambda question: True)
        self.assertEqual(self.connect(sure=False)[1], "")

    def test_trial(self) -> None:
        """A trial account is told what it cannot do."""
        self.carrier.account.trial = True
        self.carrier.account.status = "suspended"
        out, error = self.connect()
        self.assertIn("strips <Stream>", out)
        self.assertIn("is suspended", out)
        self.assertIn("callers will hear nothing: upgrade", error)

    def test_not_ours(self) -> None:
        """A number of nobody's, of a trunk, and an API that does not know us."""
        self.assertIn(f"they have {NUMBER}", self.connect("+14155550188")[1])
        here = self.carrier.account.numbers
        here[NUMBER] = attrs.evolve(here[NUMBER], trunk_sid="TK1")
        self.assertIn("the SIP trunk TK1", self.connect()[1])
        here[NUMBER] = attrs.evolve(here[NUMBER], trunk_sid="", application_sid="AP1")
        self.assertIn(f"{NUMBER}: its calls go to the TwiML app AP1; let it", self.connect()[1])
        self.carrier.account.auth_token = "another"
        self.assertIn("refuses our credentials", self.connect()[1])

    def test_no_flow(self) -> None:
        """A number that no flow answers: callers would hear so."""
        self.settings(("{default: test}", '{"+14155550177": test}'))
        self.assertIsNotNone(self.reloads())
        out, error = self.connect()
        self.assertIn("no flow answers", out)
        self.assertIn("callers would hear", out)
        self.assertIn("`numbers:`", error)

    def test_daemon_away(self) -> None:
        """Nobody is there to try it with, or somebody else."""
        for status, says in ((403, "signature is refused"), (500, "HTTP 500"), (200, "opens no stream")):
            self.relisten(ADDRESS, Page(status))
            out, error = self.connect()
            self.assertIn(says, out)
            self.assertIn("a call to it would fail", error)
        self.network.forget(ADDRESS)
        self.network.listen(ADDRESS, Factory.forProtocol(Protocol))
        self.assertIn("in time", self.connect()[0])
        self.network.forget(ADDRESS)
        self.assertIn("start the daemon", self.connect()[1])
        self.public, self.own = [], []
        self.assertIn("has no address", self.connect()[0])
