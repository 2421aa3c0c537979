"""A whole daemon in memory, with a carrier that rings it: the house that the whole-call tests live in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.server import Site

from tests import twilio_contract
from voiced.call.dialplan import DialPlan
from voiced.call.flow import Flow, Placed
from voiced.call.program import Program
from voiced.call.records import Ending
from voiced.call.room import Limits, Room
from voiced.call.steps.speech import Say
from voiced.call.template import Template
from voiced.call.wish import Ways
from voiced.daemon import Api, Daemon
from voiced.iguard import Party
from voiced.ivoiced import IStep, ITTSEngine
from voiced.rehearsal.memory import ListJournal
from voiced.secret import Secret
from voiced.simulator.carrier import ACCOUNT_SID, AUTH_TOKEN, Carrier, SimulatedCall
from voiced.simulator.memory import MemoryNetwork, elapse, tell_autobahn
from voiced.testing.clock import StrictClock
from voiced.testing.fake_guard import FakeGuard
from voiced.testing.fake_store import FakeKeptCalls, FakePlacedCalls
from voiced.testing.fakes import SpellingVoice, read_speech
from voiced.twilio.rest import TwilioCarrier
from voiced.twilio.webhook import Account, Accounts

NUMBER = "+14155550123"
PUBLIC_URL = "https://voiced.test"
KEY = "a-key-of-more-than-twenty-characters"
PARTY = Party("crm")
SHOP_KEY, SHOP = "another-key-of-more-than-twenty", Party("shop", frozenset({"shop"}))
"""A key for one flow."""
PERSON = "+14155550199"
"""Somebody to be called."""
INITIATED = {"success": True, "message": "Call initiated"}
CORS = ("https://app.example.com",)
OUR_FAULTS = {12100, 12200, 12300, 13223, 13520, 31950, 31951}
"""Twilio's errors for TwiML and messages that we got wrong."""


def flow(nodes: Mapping[str, list[IStep]], name: str = "test", **more: Any) -> Flow:
    """A flow of these steps; it starts in the first node and speaks with the voice `test`."""
    placed = {
        node: tuple(Placed(type(step).__name__.lower(), step) for step in steps) for node, steps in nodes.items()
    }
    return Flow(**{"name": name, "start": next(iter(placed)), "nodes": placed, "voice": "test"} | more)


def say(text: str, **more: Any) -> Say:
    """A step that says this."""
    return Say(Template.parse(text), **more)


class House(SynchronousTestCase):
    """Test cases that ring a daemon: `self.lives_in(flow)`, then `call = self.ring()`, then time."""

    ways = Ways(timeout=30, seconds=600, numbers={NUMBER: "main"})

    def setUp(self) -> None:
        """Nobody has moved in yet."""
        self.clock = StrictClock()
        self.clock.advance(1_700_000_000)
        self.addCleanup(tell_autobahn(self.clock))
        self.network = MemoryNetwork(self.clock)
        self.voice = SpellingVoice(self.clock, pause=0.1)
        self.journal = ListJournal()
        self.guard = FakeGuard()
        self.placed, self.kept = FakePlacedCalls(), FakeKeptCalls()
        self.carrier = Carrier(self.clock, daemon=self.network.endpoint("daemon"), public_url=PUBLIC_URL)
        self.carrier.number(NUMBER, "/call/incoming", fallback_url="/call/fallback", status_url="/call/status")

    def tearDown(self) -> None:
        """Everybody hangs up, and the house is as empty as it was: no call, no ticket, no timer."""
        for call in self.carrier.calls.values():
            call.hang_up()
        self.passes(200)
        self.assertEqual(len(self.daemon.switchboard), 0)
        waiting = [due for due in self.clock.getDelayedCalls() if "_updateLogDateTime" not in repr(due.func)]
        self.assertEqual(waiting, [])
        self.assertEqual(self.guard.held, [])
        if twilio_contract.available():
            twilio_contract.check_rest(self.carrier.rest_requests)
        self.assertEqual([permit.talked for permit in self.guard.permits if len(permit.talked) != 1], [])

    def lives_in(self, *flows: Flow, voices: Mapping[str, ITTSEngine] | None = None, **settings: Any) -> Daemon:
        """Start a daemon with these flows; every number rings the first."""
        limits = {
            name: settings.pop(name) for name in ("most_calls", "insecure", "room", "troubles") if name in settings
        }
        program = Program(
            flows={each.name: each for each in flows},
            dial_plan=settings.pop("dial_plan", DialPlan({"default": flows[0].name})),
            voices=voices or {"test": self.voice},
            **settings,
        )
        if "most_calls" in limits:
            limits["room"] = Room(Limits(calls=limits.pop("most_calls"), reserve=0))
        return self.moves_in(program, **limits)

    def moves_in(self, program: Program, **limits: Any) -> Daemon:
        """Start a daemon with this program; one that was there before is gone."""
        account = Account("main", ACCOUNT_SID, (Secret(AUTH_TOKEN),), base_url="http://api.twilio")
        rest = TwilioCarrier([account], self.network.http(), self.clock, PUBLIC_URL, chance=lambda: 0.5)
        self.network.forget("api.twilio")
        self.network.listen("api.twilio", Site(self.carrier.rest, reactor=self.clock))
        api = Api(self.placed, self.kept, self.ways, {KEY: PARTY, SHOP_KEY: SHOP}.get, CORS)
        self.daemon = Daemon(
            program, Accounts([account]), PUBLIC_URL, self.clock, rest, self.journal, self.guard, api, **limits
        )
        self.network.forget("daemon")
        self.network.listen("daemon", self.daemon.site())
        return self.daemon

    def ring(self, to: str = NUMBER, **how: Any) -> SimulatedCall:
        """Somebody dials; the call has been answered when this returns, if it is answered at once."""
        call = self.carrier.ring(to, **how)
        self.passes(0)
        return call

    def asks(
        self, method: str, path: str, wish: Any = None, key: str | None = KEY, **headers: str
    ) -> Deferred[tuple[int, Any]]:
        """An API client asks for something; fires with the status and the JSON of the answer."""
        auth = {"Authorization": f"Bearer {key}"} if key else {}
        body = {} if wish is None else {"json": wish}
        asking = self.network.http().request(method, "http://daemon" + path, headers={**auth, **headers}, **body)

        async def answer() -> tuple[int, Any]:
            response = await asking
            text = await response.content()
            return response.code, json.loads(text) if text else None

        return Deferred.fromCoroutine(answer())

    def calls_out(self, number: str = PERSON, **wish: Any) -> SimulatedCall:
        """An API client has us call somebody; the call as the carrier has it, once it has accepted it."""
        placed = self.carrier.when_placed()
        asked = self.asks("POST", "/outbound-call", {"number": number, **wish})
        self.passes(0)
        call = self.successResultOf(placed)
        self.assertEqual(self.successResultOf(asked), (200, {**INITIATED, "callSid": call.sid}))
        return call

    def passes(self, seconds: float) -> None:
        """Time passes."""
        elapse(self.clock, seconds)

    def read(self, call: SimulatedCall) -> list[str]:
        """What the caller has heard from us, utterance by utterance."""
        return read_speech(call.heard)

    def assert_heard(self, call: SimulatedCall, *texts: str) -> None:
        """The caller has heard these texts from us, in this order, and nothing else."""
        self.assertEqual(self.read(call), list(texts))

    def assert_ended(self, call: SimulatedCall, ending: Ending) -> dict[str, Any]:
        """The call is over, everywhere, and its record says how; gives the record."""
        self.assertTrue(call.over, "the call lives on at the carrier")
        self.assertIsNone(self.daemon.switchboard.find(call.sid), "the call lives on in the switchboard")
        last = [line for line in self.journal.lines if line["call"] == call.sid and line["event"] == "ended"]
        self.assertEqual([line["ending"] for line in last], [ending.value])
        self.assertEqual([alert for alert in call.warnings if alert.code in OUR_FAULTS], [])
        return last[0]
