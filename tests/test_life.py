"""The life machine: every state, everything that may come, and where that leads."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from voiced.call.life import AWAY_SECONDS, EXPECT_SECONDS, LOOK_AGAIN, PARTING_SECONDS, Life, begin_life
from voiced.call.records import Ending
from voiced.ivoiced import Apologise, Dial, HangUp, NewStream, Sequel

STATES = ("placed", "expected", "running", "draining", "away", "parting", "over")
WHY = Ending.STREAM_LOST

# input: where it leads from each state of STATES
TABLE = {
    "begin": ("placed", "running", "running", "draining", "running", "parting", "over"),
    "expired": ("placed", "parting", "running", "draining", "away", "parting", "over"),
    "flow_ended": ("placed", "expected", "draining", "draining", "away", "parting", "over"),
    "evict": ("parting", "away", "draining", "draining", "away", "parting", "over"),
    "heard_out": ("placed", "expected", "running", "away", "away", "parting", "over"),
    "drain_expired": ("placed", "expected", "running", "away", "away", "parting", "over"),
    "stream_lost": ("placed", "expected", "away", "away", "away", "parting", "over"),
    "away_expired": ("placed", "expected", "running", "draining", "parting", "parting", "over"),
    "caller_gone": ("parting", "parting", "parting", "parting", "parting", "parting", "over"),
    "answered": ("expected", "expected", "running", "draining", "away", "parting", "over"),
    "overdue": STATES,
    "parted": ("placed", "expected", "running", "draining", "away", "over", "over"),
}


class FakeCore:
    """What the machine moves, written down."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.sequel: Sequel = HangUp()
        self.flow: Deferred[None] = Deferred(lambda _: self.log.append("flow cancelled"))
        self.flow.addErrback(lambda _: None)
        self.heard: Deferred[None] = Deferred()
        self.parting: Deferred[None] = Deferred()
        self.log: list[str] = []

    connected = False
    stopping = False

    def ring_limit(self) -> float:
        return 65.0

    def look(self) -> None:
        self.log.append("looked")

    def leg_limit(self) -> float:
        return 100.0

    def offer(self) -> Sequel:
        return self.sequel

    def start_flow(self, stream: object) -> Deferred[None]:
        self.log.append(f"flow on {stream}")
        return self.flow

    def last_words(self, why: Ending) -> Deferred[None]:
        return self.heard

    def drain_limit(self, why: Ending) -> float:
        return 4.0

    def close_stream(self) -> None:
        self.log.append("stream closed")

    def turn_away(self, why: Ending) -> None:
        self.log.append("turned away")
        self.sequel = Apologise("Sorry.")

    def complete(self) -> None:
        self.log.append("completed")

    def part(self, why: Ending) -> Deferred[None]:
        self.log.append("parting")
        return self.parting

    def finish(self, why: Ending) -> None:
        self.log.append(f"finished: {why.value}")


def state_of(life: Life) -> str:
    """The name of the state that a life is in."""
    machine: Any = life
    return str(machine.__automat_transitioner__._state.name)


def life_in(state: str) -> tuple[Life, FakeCore]:
    """A life that was brought into a state."""
    core = FakeCore()
    life = begin_life(core, outbound=state == "placed")
    roads: dict[str, list[Any]] = {
        "placed": [],
        "expected": [],
        "running": [lambda: life.begin("s")],
        "draining": [lambda: life.begin("s"), lambda: life.flow_ended(WHY)],
        "away": [lambda: life.begin("s"), lambda: life.stream_lost(WHY)],
        "parting": [lambda: life.caller_gone(WHY)],
        "over": [lambda: life.caller_gone(WHY), lambda: life.parted(WHY)],
    }
    for step in roads[state]:
        step()
    assert state_of(life) == state
    return life, core


class TableTests(SynchronousTestCase):
    """Every state and every input."""

    def test_table(self) -> None:
        """Each leads where the table says, and from Over nothing leads anywhere."""
        for name, after in TABLE.items():
            for before, expected in zip(STATES, after, strict=True):
                life, _ = life_in(before)
                getattr(life, name)(*{"begin": ["s"], "answered": [], "overdue": []}.get(name, [WHY]))
                self.assertEqual(state_of(life), expected, f"{before} upon {name}")

    def test_after(self) -> None:
        """Whoever asks what now gets an answer in every state."""
        answers = {state: life_in(state)[0].after() for state in STATES if state not in ("running", "draining")}
        self.assertEqual(answers.pop("expected"), NewStream())
        self.assertEqual(set(answers.values()), {HangUp()})


class TimerTests(SynchronousTestCase):
    """What is left is stopped, what is entered begins."""

    def test_expected(self) -> None:
        """A stream that does not come ends the call after 30 s."""
        life, core = life_in("expected")
        core.clock.advance(EXPECT_SECONDS)
        self.assertEqual(state_of(life), "parting")

    def test_no_timer_stays(self) -> None:
        """A state that is left leaves no timer behind."""
        for state in ("placed", "expected", "draining", "away"):
            life, core = life_in(state)
            core.parting = succeed(None)
            life.caller_gone(WHY)
            core.clock.advance(0)
            self.assertEqual((state_of(life), core.clock.getDelayedCalls()), ("over", []))

    def test_overdue(self) -> None:
        """A call that we place and nobody tells us of is looked for, again and again."""
        _, core = life_in("placed")
        core.clock.advance(65)
        core.clock.advance(LOOK_AGAIN)
        self.assertEqual(core.log, ["looked"] * 2)

    def test_answered(self) -> None:
        """A call that was taken is not looked for; its stream is waited for, as any other's."""
        life, core = life_in("placed")
        life.answered()
        core.clock.advance(EXPECT_SECONDS)
        self.assertEqual(state_of(life), "parting")
        core.clock.advance(LOOK_AGAIN * 3)
        self.assertNotIn("looked", core.log)

    def test_taken_back(self) -> None:
        """A call that rings is ended by the API when we stop."""
        life, core = life_in("placed")
        life.evict(Ending.DRAINED)
        self.assertEqual(core.log, ["turned away", "completed"])

    def test_leg(self) -> None:
        """While the carrier connects the human, the call waits as long as that may take."""
        life, core = life_in("away")
        core.sequel = Dial("+14155550100")
        self.assertEqual(life.after(), core.sequel)
        core.clock.advance(99)
        self.assertEqual(state_of(life), "away")
        core.clock.advance(1)
        self.assertEqual(state_of(life), "parting")

    def test_leg_of_a_daemon_that_stops(self) -> None:
        """One that stops tells the carrier whom to dial, and does not wait for what becomes of it."""
        life, core = life_in("away")
        core.sequel, core.stopping = Dial("+14155550100"), True
        self.assertEqual(life.after(), core.sequel)
        self.assertEqual(state_of(life), "parting")

    def test_evicted_while_connected(self) -> None:
        """Nobody waits for two who talk without us: for us, the call is over."""
        life, core = life_in("away")
        core.connected = True
        life.evict(Ending.DRAINED)
        self.assertEqual((state_of(life), core.log[-1]), ("parting", "stream closed"))

    def test_offered_twice(self) -> None:
        """A stream is offered once more, and each offer gives it 30 s; then we apologise."""
        life, core = life_in("expected")
        core.clock.advance(20)
        self.assertEqual(life.after(), NewStream())
        core.clock.advance(20)
        self.assertEqual(state_of(life), "expected")
        self.assertEqual(life.after(), Apologise("Sorry."))
        self.assertEqual(state_of(life), "parting")

    def test_heard_out(self) -> None:
        """When all is heard, we close the stream."""
        life, core = life_in("draining")
        core.heard.callback(None)
        self.assertEqual((state_of(life), core.log[-1]), ("away", "stream closed"))

    def test_drain_expires(self) -> None:
        """When the last mark stays out, we close it all the same."""
        life, core = life_in("draining")
        core.clock.advance(4)
        self.assertEqual((state_of(life), core.log[-1]), ("away", "stream closed"))

    def test_away_offers_stream(self) -> None:
        """A new stream has 30 s to come."""
        life, core = life_in("away")
        core.sequel = NewStream()
        self.assertEqual(life.after(), NewStream())
        core.clock.advance(EXPECT_SECONDS - 1)
        self.assertEqual(state_of(life), "away")
        life.begin("t")
        self.assertEqual(core.log[-1], "flow on t")

    def test_away_expires(self) -> None:
        """Nobody asks: the call is completed by the API."""
        life, core = life_in("away")
        core.clock.advance(AWAY_SECONDS)
        self.assertEqual(state_of(life), "parting")
        self.assertIn("completed", core.log)

    def test_flow_is_cancelled_first(self) -> None:
        """When the line goes, the flow is cancelled before the stream is closed, and `on_hangup` comes after both."""
        life, core = life_in("running")
        life.caller_gone(WHY)
        core.clock.advance(0)
        self.assertEqual(core.log[1:], ["flow cancelled", "stream closed", "parting"])

    def test_parting_is_bounded(self) -> None:
        """`on_hangup` has ten seconds, and the ending is the one it parted with."""
        life, core = life_in("parting")
        core.clock.advance(0)
        core.clock.advance(PARTING_SECONDS)
        self.assertEqual((state_of(life), core.log[-1]), ("over", "finished: stream_lost"))
