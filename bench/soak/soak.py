"""One soak: a warm-up, a census, the calls, and a census again."""

from __future__ import annotations

import gc
import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any

import attrs
from twisted.logger import LogLevel, formatEvent, globalLogPublisher

from bench.soak.clock import HeapClock
from bench.soak.leftovers import Census, chain, grown, left, resident, take_census, used
from bench.soak.mishaps import Mishaps
from bench.soak.people import People
from bench.soak.premises import Premises
from voiced.simulator.memory import tell_autobahn

TUESDAY = 1_796_144_400.0
"""When it begins: 2026-12-01 17:00 UTC, when every shipped line is open."""
FORGOTTEN_AFTER = 60.0
"""Seconds after its end that the simulator may forget a call: late callbacks have come."""
PATIENCE = 600.0
"""Seconds within which all calls are over when nobody calls any more."""
DAY = 86400.0
EVENING = 900.0
"""Seconds that pass when all calls are over: what is kept for a while is let go. The rest of the night is a jump."""
COLLECT_EVERY = 50
"""Calls between two collections of garbage: what waits for one makes the holes in what is resident."""
AT_ONE_GO = 250
"""Calls between two nights, after the warm-up, which is one day. Most of what comes and goes is what the simulator
keeps of a day's calls: no later day is as long as that one, and the holes that it leaves are the largest.
"""
AT_A_TIME, MOST_FILLING = 20, 200
"""How many callers look in at once after the warm-up, and how many times at most."""
RUSH = 2
"""How many times as many calls are live while warming up."""
OUR_FAULTS = {12100, 12200, 12300, 13223, 13520, 31950, 31951}
"""Twilio's errors for TwiML and messages that we got wrong."""


@attrs.define
class Books:
    """What the journal is told: who lives, and how calls have ended. Calls that are over take no place."""

    open: dict[str, str] = attrs.field(factory=dict)
    """Who has begun and not ended, with the flow."""
    begun: set[str] = attrs.field(factory=set)
    """Who has begun, as long as the carrier knows of them."""
    endings: Counter[str] = attrs.field(factory=Counter)
    flows: Counter[str] = attrs.field(factory=Counter)
    verbs: Counter[str] = attrs.field(factory=Counter)
    wrong: list[str] = attrs.field(factory=list)
    _trail: Any = attrs.field(factory=hashlib.sha256)

    def note(self, line: Mapping[str, Any]) -> None:
        """A line of the journal."""
        self._trail.update(json.dumps(line, sort_keys=True).encode())
        sid = line.get("call", "")
        if line["event"] == "began":
            if sid in self.open:
                self.wrong.append(f"{sid} has begun twice")
            self.open[sid] = line["flow"]
            self.begun.add(sid)
        elif line["event"] == "ended":
            if self.open.pop(sid, None) is None:
                self.wrong.append(f"{sid} has ended twice, or without having begun: {line['ending']}")
            if not line["ending"]:
                self.wrong.append(f"{sid} has ended without an ending")
            self.endings[str(line["ending"])] += 1
            self.flows[line["flow"]] += 1
            self.verbs.update(step["verb"] for step in line["steps"])

    def fingerprint(self, random: Random) -> str:
        """Of all lines so far, and of what would be drawn next: two soaks that have the same went the same way."""
        trail = self._trail.copy()
        trail.update(repr(random.getstate()).encode())
        return str(trail.hexdigest()[:16])


@attrs.define
class Result:
    """How it went."""

    seed: int
    calls: int
    """At the carrier, both ways, after the warm-up."""
    most_live: int
    seconds: float
    """Of this machine's time, after the warm-up."""
    passed: float
    """Of the fake clock's."""
    before: Census
    after: Census
    books: Books
    mishaps: Counter[str]
    people: Counter[str]
    asked: Counter[str]
    found: list[str]
    """What is left, or went wrong; empty if all is well."""
    fingerprint: str
    """Of the whole journal, and of all that was drawn: the same code, seed and number of calls give the same."""


class Soak:
    """A soak in this directory, which is empty. `tell` is told how far it is."""

    def __init__(self, home: Path, seed: int, tell: Callable[[str], object] = lambda line: None) -> None:
        self.clock = HeapClock(TUESDAY)
        self._seed, self._tell = seed, tell
        self._random = Random(seed)
        self._books = Books()
        self._critical: list[str] = []
        self._wrong: list[str] = []
        self._restore = tell_autobahn(self.clock)
        globalLogPublisher.addObserver(self._listen)
        self.premises = Premises(home, self.clock, self._random, self._books.note)
        self._mishaps = Mishaps(self.premises, self.clock, self._random)
        self._people = People(self.premises, self.clock, self._random)
        self._calls = self._most_live = 0

    def run(
        self, calls: int, warm_up: int = 500, live: int = 30, minutes: float | None = None, *, memory: bool = True
    ) -> Result:
        """So many calls, `live` at once, after so many for warming up; at most so many minutes of real time. For the
        memory's sake all that the daemon remembers is filled before."""
        until = None if minutes is None else time.monotonic() + minutes * 60
        self.premises.prerender()
        self.clock.elapse(30)
        # A rush: what is resident afterwards is as much as a busy hour takes, and the calls that follow take no more.
        self._day(warm_up, RUSH * live, until)
        if memory:
            self._fill()
        found = [f"after the warm-up: {each}" for each in left(self.premises, self.clock)]
        before = take_census()
        self._calls = self._most_live = 0
        began, moment = time.monotonic(), self.clock.seconds()
        for books in (
            self._books.endings,
            self._books.verbs,
            self._mishaps.counts,
            self._people.kinds,
            self._people.asked,
        ):
            books.clear()
        self._days(calls, live, until)
        seconds, passed = time.monotonic() - began, self.clock.seconds() - moment
        found += left(self.premises, self.clock)
        after = take_census()
        found += self._compare(before, after)
        return Result(
            self._seed, self._calls, self._most_live, seconds, passed, before, after, self._books,
            self._mishaps.counts, self._people.kinds, self._people.asked, found,
            self._books.fingerprint(self._random),
        )  # fmt: skip

    def close(self) -> None:
        """Leave no trace in this process."""
        self.premises.close()
        self.clock.elapse(1)
        globalLogPublisher.removeObserver(self._listen)
        self._restore()

    def _days(self, calls: int, live: int, until: float | None) -> None:
        """So many calls, with nights between them."""
        begun = self._calls
        while (left := calls - (self._calls - begun)) > 0 and not _past(until):
            self._day(min(AT_ONE_GO, left), live, until)

    def _day(self, calls: int, live: int, until: float | None) -> None:
        """So many calls, and a night."""
        self._play(calls, live, until)
        self._end()
        gc.collect()
        self._tell(f"{self._calls} calls; KiB: {resident() // 1024} resident, {(used() or 0) // 1024} in use")

    def _fill(self) -> None:
        """Callers who hang up before they are answered, until the daemon remembers as many as it ever will: what it
        keeps is bounded by a number, and 500 calls are not that many."""
        switchboard = self.premises.daemon.switchboard
        kept = (switchboard._past, switchboard._spent)
        for _ in range(MOST_FILLING):
            if all(len(each) == each.maxlen for each in kept):
                self._end()
                return
            calls = [self._people.look_in() for _ in range(AT_A_TIME)]
            self.clock.elapse(0.1)
            for call in calls:
                call.hang_up()
            self.clock.elapse(FORGOTTEN_AFTER + 1)
            self._sweep()
        raise AssertionError(
            f"of what the daemon remembers {[len(each) for each in kept]} is there: it is never full"
        )

    def _play(self, calls: int, live: int, until: float | None) -> None:
        """So many calls, of which so many live, while things go wrong."""
        begun, carrier = self._calls, self.premises.carrier
        collect_at = COLLECT_EVERY
        while (placed := self._calls - begun + len(carrier.calls)) < calls and not _past(until):
            for _ in range(min(calls - placed, 1 + max(0, live - carrier.ledger.live) // 4)):
                self._people.call()
            for _ in range(self._random.randrange(3)):
                self._mishaps.happen()
            self.clock.elapse(self._random.expovariate(4.0))
            self._most_live = max(self._most_live, carrier.ledger.live)
            self._sweep()
            if placed >= collect_at:
                gc.collect()
                collect_at = placed + COLLECT_EVERY
        self._mishaps.calm()

    def _end(self) -> None:
        """Nobody calls any more; all end, a night passes, and one more call is made, to the smallest flow."""
        waited, carrier = 0.0, self.premises.carrier
        while waited < PATIENCE and (carrier.ledger.live or len(self.premises.daemon.switchboard)):
            self.clock.elapse(10.0)
            waited += 10.0
        self._sweep()
        self._wrong += [
            f"{call.sid} lives on after {PATIENCE:.0f} s" for call in carrier.calls.values() if not call.over
        ]
        self.clock.elapse(EVENING)
        # The next day, at a new hour: limits of a day begin anew, flows are closed or open.
        hour = self._random.choice((15, 17, 19, 22)) * 3600.0
        self.clock.jump(DAY - self.clock.seconds() % DAY + hour)
        self._people.greet()
        self.clock.elapse(300.0)
        self._sweep()
        self.premises.forget_files()

    def _sweep(self) -> None:
        """What the simulator keeps of calls that are over is let go, and looked at."""
        premises, now = self.premises, self.clock.seconds()
        carrier = premises.carrier
        for sid, call in list(carrier.calls.items()):
            if call.ended_at is not None and now > call.ended_at + FORGOTTEN_AFTER and sid not in self._books.open:
                del carrier.calls[sid]
                self._calls += 1
                if sid not in self._books.begun and any(stream.player is not None for stream in call.streams):
                    self._wrong.append(f"{sid} had a stream with us, and is not in the journal")
                self._books.begun.discard(sid)
                self._wrong += [f"{sid}: {alert}" for alert in call.warnings if alert.code in OUR_FAULTS]
        carrier.placed.clear()
        carrier.rest_requests.clear()
        carrier.webhooks.exchanged.clear()
        carrier.texts.clear()
        for double in (premises.elevenlabs, premises.spare):
            double.conversations[:] = [talk for talk in double.conversations if talk.closed is None]
            double.requests.clear()
            double.speech.spoken.clear()
        premises.openai.sessions[:] = [talk for talk in premises.openai.sessions if talk.closed is None]
        premises.openai.requests.clear()
        premises.hearing.recognised.clear()
        premises.hearing.detectors.clear()

    def _listen(self, event: Any) -> None:
        if event.get("log_level") is LogLevel.critical:
            trace = event["log_failure"].getTraceback() if "log_failure" in event else ""
            self._critical.append(f"logged: {formatEvent(event)}\n{trace}")

    def _compare(self, before: Census, after: Census) -> list[str]:
        found = [*self._books.wrong, *self._wrong, *self._critical]
        found += [f"{sid} ({flow}) has no end in the journal" for sid, flow in self._books.open.items()]
        for name, more in grown(before, after).items():
            found.append(f"{more} more {name}:\n    " + "\n    held by ".join(chain(name)))
        for what in ("threads", "files"):
            if getattr(after, what) > getattr(before, what):
                found.append(f"{what}: {getattr(before, what)} before, {getattr(after, what)} now")
        return found


def _past(until: float | None) -> bool:
    return until is not None and time.monotonic() >= until
