"""A whole daemon in memory, from somebody's own settings and flows, with a carrier that rings it: for one call.

What would need an account, a model or a network is played: voices, agents, ears, lookups, tools, the carrier.
Everything else is the daemon's own: flows, steps, the life of a call, the guard, signatures, media streams.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import attrs
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.web.server import Site

from voiced.call.dialplan import plain
from voiced.call.room import Room
from voiced.call.session import CallSession
from voiced.daemon import Api, Daemon
from voiced.errors import Refused
from voiced.guard.guard import Attempt, Guard
from voiced.iguard import Party
from voiced.ioperator import Unoperated
from voiced.operating import Operator
from voiced.rehearsal import web
from voiced.rehearsal.cast import Cast
from voiced.rehearsal.memory import ListJournal, MemoryRecordings, NoCounts
from voiced.rehearsal.reading import Labels
from voiced.rehearsal.scenario import OURS, Callee, Desk, Scenario
from voiced.secret import Secret
from voiced.settings.load import Configuration
from voiced.settings.ways import ways
from voiced.simulator.carrier import AUTH_TOKEN, Carrier, SimulatedCall
from voiced.simulator.memory import MemoryNetwork, elapse
from voiced.simulator.rest import Rest
from voiced.testing.clock import StrictClock
from voiced.testing.fake_hearing import FakeHearing
from voiced.testing.fake_store import FakeKeptCalls, FakePlacedCalls
from voiced.testing.fakes import FakeTools
from voiced.twilio.rest import TwilioCarrier
from voiced.twilio.webhook import Account, Accounts

KEY = "the-key-of-a-scenario-that-opens-nothing"
PARTY = Party("scenario")
DAEMON, TWILIO = "daemon", "api.twilio"
"""Their hosts in this network."""
UNDERSTANDING = 0.1
"""Seconds that the ears of this machine take to understand."""
DESKS = {"answers": "completed", "busy": "busy", "no-answer": "no-answer", "failed": "failed"}
"""What somebody does whom a call is transferred to, and its DialCallStatus."""


class Stage:
    """Everything that one scenario is played on. `clock` is its time; nothing is shared with another stage."""

    def __init__(self, configuration: Configuration, scenario: Scenario) -> None:
        self.scenario = scenario
        self.clock = StrictClock()
        self.clock.advance(scenario.moment)
        self.network = MemoryNetwork(self.clock)
        self.labels = Labels()
        self.journal = ListJournal()
        self.recordings = MemoryRecordings()
        self.complaints: list[str] = []
        """What happened that the scenario did not foresee."""
        self._later: list[IDelayedCall] = []
        """What is to go wrong."""
        self.refused: dict[str, Any] = {}
        """What an API client was told who asked for the call, and did not get it."""
        web.listen(self.network, scenario.http, self.clock, self.complain)
        settings = configuration.settings
        self._accounts = [_pretended(account, first=n == 0) for n, account in enumerate(settings.accounts)]
        # A path in it is for a proxy that takes it off again, and here is none.
        public_url = urljoin(settings.public_url, "/").rstrip("/")
        self._settings = attrs.evolve(settings, accounts=tuple(self._accounts), public_url=public_url)
        self._carriers = [self._carrier(account) for account in self._accounts]
        rest = Rest([carrier.ledger for carrier in self._carriers])
        self.network.listen(TWILIO, Site(rest, reactor=self.clock))
        http = self.network.http()
        self._rest = TwilioCarrier(self._accounts, http, self.clock, public_url, chance=lambda: scenario.dice[0])
        hearing = FakeHearing(self.clock, UNDERSTANDING)
        tools = FakeTools(
            self.clock,
            http=web.client(self.network, scenario.http, self.complain),
            carrier=self._rest,
            directory=Path("rehearsal"),
            hearing=hearing,
        )
        asked = web.services(settings.web, self.network, scenario.http, self.clock, self.complain)
        cast = Cast(scenario, self._settings, self.labels, tools, hearing, asked, self.complain)
        operator = Operator(
            lambda: Unoperated().report() | scenario.trouble,
            lambda: self.daemon.all_to_human(),
            lambda: scenario.reloaded,
        )
        program = cast.program(configuration)
        self.program = attrs.evolve(program, recordings=self.recordings, operator=operator)
        self.guard = Guard(settings.outbound, settings.inbound, self.clock, NoCounts(), self._refused)
        self.daemon = self._daemon()
        self.network.listen(DAEMON, self.daemon.site())
        self._furnish()

    # What is played

    def ring(self) -> SimulatedCall:
        """Somebody rings us; the daemon has been asked when this returns."""
        number = plain(self.scenario.ring or self._own_number())
        carrier = next((each for each in self._carriers if number in each.account.numbers), self._carriers[0])
        carrier.number(number, "/call/incoming", fallback_url="/call/fallback", status_url="/call/status")
        call = carrier.ring(number, from_=self.scenario.caller)
        elapse(self.clock, 0)
        return call

    def place(self, callee: Callee) -> SimulatedCall | None:
        """An API client has us call somebody; None, and `refused` says why, when nobody is called."""
        for carrier in self._carriers:
            number, answered_by = plain(callee.number), callee.answered_by
            carrier.person(number, callee.does, ring=callee.rings, answered_by=answered_by)
        wish = {"flow": callee.flow, "prompt": callee.prompt, "first_message": callee.first_message}
        asked = {name: text for name, text in wish.items() if text is not None}
        answer: list[dict[str, Any]] = []
        asking = self._ask({"number": callee.number, "variables": callee.variables, **asked})
        asking.addCallback(answer.append)
        elapse(self.clock, 0)
        placed = [call for carrier in self._carriers for call in carrier.placed]
        if not placed:
            self.refused = answer[0] if answer else {"error": "the daemon has not answered"}
        return placed[0] if placed else None

    def session(self, call: SimulatedCall) -> CallSession | None:
        """The call as the daemon has it, while it does."""
        return self.daemon.switchboard.find(call.sid)

    def lose_streams(self, call: SimulatedCall) -> None:
        """Let the call's stream break when the scenario says so."""
        for fault in self.scenario.faults:
            if fault.stream is not None:
                self._later.append(self.clock.callLater(fault.after, self._carriers[0].drop_stream, call))

    def part(self) -> None:
        """The call is over: what was to go wrong later does not."""
        for due in self._later:
            if due.active():
                due.cancel()

    def complain(self, sentence: str) -> None:
        """Something happened that the scenario did not foresee: it fails by that, once."""
        if sentence not in self.complaints:
            self.complaints.append(sentence)

    def leftovers(self) -> list[str]:
        """What is still there when all should be over; call it when time enough has passed."""
        waiting = [repr(due) for due in self.clock.getDelayedCalls()]
        found = [f"a timer is left: {due:.200}" for due in waiting if "_updateLogDateTime" not in due]
        if len(self.daemon.switchboard):
            found.append(f"{len(self.daemon.switchboard)} call is left in the switchboard")
        if len(self.guard):
            found.append(f"{len(self.guard)} places are taken of the guard's")
        return found

    # Building

    def _carrier(self, account: Account) -> Carrier:
        carrier = Carrier(
            self.clock,
            daemon=self.network.endpoint(DAEMON),
            public_url=self._settings.public_url,
            account_sid=account.sid,
            auth_token=AUTH_TOKEN,
        )
        for number, owner in ways(self._settings, self._accounts).numbers.items():
            if owner == account.name:
                carrier.number(number, "/call/incoming", "/call/fallback", "/call/status")
        return carrier

    def _own_number(self) -> str:
        """The first that voiced.yaml has."""
        return next((number for number in ways(self._settings, self._accounts).numbers), OURS)

    def _daemon(self) -> Daemon:
        plain_settings = self._settings.plain
        api = Api(FakePlacedCalls(), FakeKeptCalls(), ways(self._settings, self._accounts), {KEY: PARTY}.get)
        return Daemon(
            self.program,
            Accounts(self._accounts),
            self._settings.public_url,
            self.clock,
            self._rest,
            self.journal,
            self.guard,
            api,
            room=Room(plain_settings.limits.limits()),
            insecure=plain_settings.insecure,
        )

    def _furnish(self) -> None:
        """Whom calls are transferred to, and what goes wrong on the way to the daemon's webhooks."""
        for fault in self.scenario.faults:
            for carrier in self._carriers:
                wrong = {"refused": carrier.refuse_webhooks, "unanswered": carrier.lose_answers}
                if fault.webhooks is not None and fault.after:
                    due = self.clock.callLater(fault.after, wrong[fault.webhooks], fault.times or 1)
                    self._later.append(due)
                elif fault.webhooks is not None:
                    wrong[fault.webhooks](fault.times or 1)
        for number, desk in self.scenario.desks.items():
            about = desk if isinstance(desk, Desk) else Desk(desk)
            ring = math.inf if about.does == "no-answer" else 2.0
            to = number if number.startswith("sip") else plain(number)
            for carrier in self._carriers:
                carrier.callee(to, DESKS[about.does], ring, about.talks)

    def _ask(self, wish: Mapping[str, Any]) -> Deferred[dict[str, Any]]:
        headers = {"Authorization": f"Bearer {KEY}"}
        ask = partial(self.network.http().request, "POST", f"http://{DAEMON}/outbound-call")

        async def answer() -> dict[str, Any]:
            response = await ask(headers=headers, json=wish)
            found: dict[str, Any] = json.loads(await response.content())
            return found

        return Deferred.fromCoroutine(answer())

    def _refused(self, refusal: Refused, attempt: Attempt) -> None:
        self.daemon.refused(refusal, **attrs.asdict(attempt, recurse=False))


def _pretended(account: Account, *, first: bool) -> Account:
    """The account as the simulated carrier has it: nothing of it is secret."""
    number = account.number or (OURS if first else None)
    return attrs.evolve(
        account, tokens=(Secret(AUTH_TOKEN),), base_url=f"http://{TWILIO}", region=None, edge=None, number=number
    )
