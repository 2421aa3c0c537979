"""A short soak, as `make soak` makes a long one: hundreds of calls on one daemon, and nothing is left of them."""

from __future__ import annotations

import gc
import os
import re
import subprocess
import sys
from pathlib import Path
from random import Random
from unittest import skipUnless

import attrs
from twisted.trial.unittest import SynchronousTestCase

import bench.soak
from bench.soak.clock import HeapClock
from bench.soak.leftovers import chain, grown, take_census
from bench.soak.report import MEMORY_LIMIT, too_big
from bench.soak.soak import Books, Soak
from voiced.call.records import Ending
from voiced.settings.registry import Registry

LINUX = Path("/proc/self/statm").exists()


class SoakTests(SynchronousTestCase):
    """Calls through every flow, while everything goes wrong."""

    @skipUnless(LINUX, "memory and files are counted in /proc")
    def test_nothing_is_left(self) -> None:
        """After all calls: no object of ours, no timer, ticket, place, socket, thread or file more than before, each
        call in the journal ended once, and nothing broke. (Memory is for `make soak`: here it would be noise.)"""
        home = Path(self.mktemp())
        home.mkdir(parents=True)
        soak = Soak(home, seed=6)
        self.addCleanup(soak.close)
        result = soak.run(calls=160, warm_up=60, memory=False)
        self.assertEqual(result.found, [], "\n".join(result.found))
        self.assertGreaterEqual(result.calls, 160)
        self.assertGreaterEqual(result.most_live, 20)
        self.assertGreaterEqual(len(result.mishaps), 30)
        self.assertLessEqual(set(result.books.endings), {ending.value for ending in Ending})
        self.assertGreaterEqual(len(result.books.endings), 5)

    @skipUnless(LINUX, "memory and files are counted in /proc")
    def test_again(self) -> None:
        """The same seed and number of calls give the same journal to the letter, in another process, too, whose sets
        are in another order."""
        home = Path(self.mktemp())
        home.mkdir(parents=True)
        soak = Soak(home, seed=7)
        self.addCleanup(soak.close)
        here = soak.run(calls=30, warm_up=20, memory=False).fingerprint
        bounds = ["--seed", "7", "--calls", "30", "--warm-up", "20", "--no-memory"]
        command = [sys.executable, "-m", "bench.soak", *bounds]
        settled = {**os.environ, "PYTHONHASHSEED": "1", "PYTHONMALLOC": "malloc"}
        told = subprocess.run(  # noqa: S603 - ourselves
            command,
            cwd=Path(bench.soak.__file__).parents[2],
            env=settled,
            capture_output=True,
            text=True,
            check=False,
        ).stdout
        self.assertEqual(re.findall("fingerprint ([0-9a-f]{16})", told), [here], told)

    def test_another_seed(self) -> None:
        """The fingerprint tells one soak from another: by its seed, and by a line of the journal."""
        books, random = Books(), Random(1)
        self.assertNotEqual(books.fingerprint(random), books.fingerprint(Random(2)))
        before = books.fingerprint(random)
        books.note({"event": "began", "call": "CA1", "flow": "hello"})
        self.assertNotEqual(books.fingerprint(random), before)

    def test_every_step_is_in_a_flow(self) -> None:
        """There is no step that the soak does not know."""
        home = Path(self.mktemp())
        home.mkdir(parents=True)
        soak = Soak(home, seed=1)
        self.addCleanup(soak.close)
        flows = soak.premises.daemon.program.flows.values()
        verbs = {placed.verb for flow in flows for steps in flow.nodes.values() for placed in steps}
        self.assertEqual(set(Registry.find().names("step")) - verbs, set())


class Thing:
    """Something of ours that is held."""

    __module__ = "voiced.imagined"


class LeftoverTests(SynchronousTestCase):
    """The soak sees what is left."""

    def test_grown(self) -> None:
        """One object more is found, with who holds it; one that is let go is not."""
        before = take_census()
        held = {"by": Thing()}
        self.assertEqual(grown(before, take_census()), {"voiced.imagined.Thing": 1})
        told = chain("voiced.imagined.Thing")
        self.assertIn("builtins.dict: {'by'", told[1])
        held.clear()
        self.assertEqual(grown(before, take_census()), {})

    def test_too_big(self) -> None:
        """A mebibyte more than after the warm-up is too much, of what is resident and of what is in use."""
        before = take_census()
        for memory, used, trouble in (
            (MEMORY_LIMIT, MEMORY_LIMIT, []),
            (MEMORY_LIMIT + 1024, 0, ["resident memory has grown by 1025 KiB; 1024 are allowed"]),
            (-5000, MEMORY_LIMIT + 1024, ["memory in use has grown by 1025 KiB; 1024 are allowed"]),
        ):
            start = attrs.evolve(before, used=0)
            after = attrs.evolve(before, memory=before.memory + memory, used=used)
            self.assertEqual(list(too_big(start, after)), trouble)
        self.assertEqual(list(too_big(before, attrs.evolve(before, used=None))), [])


class ClockTests(SynchronousTestCase):
    """The clock of the soak does as the reactor does."""

    def setUp(self) -> None:
        """It is noon."""
        self.clock = HeapClock(100.0)
        self.told: list[tuple[str, float]] = []

    def later(self, seconds: float, name: str):
        """A delayed call that tells its name and the time."""
        return self.clock.callLater(seconds, lambda: self.told.append((name, self.clock.seconds())))

    def test_order(self) -> None:
        """Calls come in order of time, and in that in which they were made, each at its own time."""
        for seconds, name in ((2, "c"), (1, "a"), (1, "b"), (9, "never")):
            self.later(seconds, name)
        self.clock.elapse(3)
        self.assertEqual(self.told, [("a", 101.0), ("b", 101.0), ("c", 102.0)])
        self.assertEqual((self.clock.seconds(), len(self.clock.getDelayedCalls())), (103.0, 1))

    def test_put_off_and_brought_forward(self) -> None:
        """A call that is reset or delayed comes once, when it is due now."""
        later, sooner = self.later(1, "later"), self.later(5, "sooner")
        later.delay(1)
        sooner.reset(0.5)
        self.clock.elapse(9)
        self.assertEqual(self.told, [("sooner", 100.5), ("later", 102.0)])

    def test_cancelled(self) -> None:
        """What is cancelled does not come, and is not kept, however much of it there is."""
        for call in [self.later(9, "no") for _ in range(5000)]:
            call.cancel()
        self.later(1, "yes")
        self.clock.elapse(20)
        self.assertEqual([name for name, _ in self.told], ["yes"])
        self.clock.tidy()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_jump(self) -> None:
        """After a jump ahead what is due comes late; after one back, it has to wait."""
        self.later(1, "late")
        self.clock.jump(5)
        self.clock.elapse(0)
        self.later(1, "waits")
        self.clock.jump(-3)
        self.clock.elapse(3.5)
        self.assertEqual(self.told, [("late", 105.0)])
        self.clock.elapse(1)
        self.assertEqual(self.told[1:], [("waits", 106.0)])

    def test_negative(self) -> None:
        """A delay of less than nothing is refused, as by the reactor."""
        self.assertRaises(AssertionError, self.clock.callLater, -1, gc.collect)

    def test_circle(self) -> None:
        """What goes round in circles is told, and not run for ever."""

        def again() -> None:
            self.clock.callLater(0, again)

        again()
        self.assertRaises(RuntimeError, self.clock.elapse, 0)
