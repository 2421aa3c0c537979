"""Whole calls whose daemon is killed, without a goodbye, and whose next daemon goes on with them."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import maybeDeferred

from tests.house import NUMBER, PERSON, PUBLIC_URL, House, flow, say
from tests.mortal import Backlog, Mortal, MortalClock
from voiced.call.flow import Placed, Resume
from voiced.call.records import Ending
from voiced.call.steps.speech import Pause
from voiced.daemon import Daemon
from voiced.simulator.carrier import SimulatedCall
from voiced.store.database import Database
from voiced.store.kept import KeptCalls
from voiced.store.standings import Standings
from voiced.testing.fake_guard import FakeGuard

ALPHABET = "abcdefghijklmnopqrstuvwxyz"


class KilledHouse(House):
    """Daemons that are killed: `self.dies()`, and `self.rises()` makes the next one on the same disk."""

    def setUp(self) -> None:
        """A disk."""
        super().setUp()
        self.mortal: MortalClock | None = None
        self.backlog = Backlog()
        database = Database(None, maybeDeferred)
        self.standings = Standings(database, b"pepper")
        self.kept: Any = KeptCalls(database, self.clock)

    def moves_in(self, program: Any, **limits: Any) -> Daemon:
        """Start a daemon that may be killed."""
        real = self.clock, self.journal, self.kept
        self.mortal = clock = MortalClock(self.clock)
        self.guard = FakeGuard()
        self.clock, self.journal, self.kept = clock, Mortal(self.journal, clock), Mortal(self.kept, clock)  # type: ignore[assignment]
        self.program, self.limits = program, limits
        try:
            daemon = super().moves_in(program, standings=Mortal(self.standings, clock), **limits)
        finally:
            self.clock, self.journal, self.kept = real
        self.backlog.hand_over(self.network._ports["daemon"].factory)
        return daemon

    def dies(self) -> None:
        """kill -9."""
        assert self.mortal is not None
        self.mortal.die()
        self.network.cut("daemon")
        self.network.forget("daemon")
        self.backlog = Backlog()
        self.network.listen("daemon", self.backlog)
        self.passes(0)

    def rises(self, after: float = 1.0) -> Daemon:
        """The next daemon, so many seconds later."""
        self.passes(after)
        daemon = self.moves_in(self.program, **self.limits)
        daemon.compare()
        self.passes(0)
        return daemon

    def killed(self, after: float = 1.0) -> Daemon:
        """kill -9, and the next one."""
        self.dies()
        return self.rises(after)

    def live(self) -> list[str]:
        """The calls whose rows are on the disk."""
        return [standing.name for standing in self.standings.load().standings]

    def whole(self, call: SimulatedCall, text: str) -> str:
        """What the caller has heard, put together where it was cut; has all of the text."""
        first, rest = self.read(call)[:2]
        overlap = max(n for n in range(len(rest) + 1) if first.endswith(rest[:n]))
        self.assertEqual(first + rest[overlap:], text)
        return rest


class SayTests(KilledHouse):
    """In the middle of a sentence."""

    def test_goes_on(self) -> None:
        """A sentence goes on where it was heard, at a word's beginning; then the flow does, and there is one record."""
        self.lives_in(flow({"a": [say(ALPHABET), say("Goodbye.")]}))
        call = self.ring()
        self.passes(0.7)
        self.killed()
        self.passes(10)
        rest = self.whole(call, ALPHABET)
        self.assertLess(len(rest), 20)
        self.assertEqual(self.read(call)[2:], ["Goodbye."])
        line = self.assert_ended(call, Ending.COMPLETED)
        self.assertEqual([step["result"] for step in line["steps"]], ["killed", "done", "done"])
        self.assertEqual((line["streams"], self.live()), (2, []))
