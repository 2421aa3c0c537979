"""Several daemons with one data directory, whatever comes to whichever, and whichever is killed."""

from __future__ import annotations

from collections import Counter
from random import Random

from tests.files_house import NUMBER
from tests.test_calls_shared import NODES, SAID, SharedHouse

SEEDS = 6


class RandomTests(SharedHouse):
    """Some calls, and a proxy that has dice."""

    def again(self) -> None:
        """The next house."""
        self.tearDown()
        self.setUp()

    def test_turns(self) -> None:
        """Every call is whole, and written down once."""
        for seed in range(SEEDS):
            dice = Random(seed)
            self.balancer.plan = [dice.choice(NODES) for _ in range(100)]
            calls = []
            for n in range(4):
                calls.append(self.carrier.ring(NUMBER, from_=f"+1415555014{n}"))
                self.passes(dice.uniform(0, 1))
            self.passes(30)
            for call in calls:
                self.assert_whole(call)
            self.again()

    def test_killed(self) -> None:
        """One is killed at any moment, and the next of its name begins: no call is lost, none ends twice."""
        for seed in range(SEEDS):
            dice = Random(seed)
            self.balancer.plan = [dice.choice(NODES) for _ in range(100)]
            calls = [self.carrier.ring(NUMBER, from_=f"+1415555014{n}") for n in range(4)]
            self.passes(dice.uniform(0.3, 5))
            killed = dice.choice(NODES)
            self.kill(killed)
            self.passes(dice.uniform(0, 3))
            self.begin(killed)
            self.balancer.alive.append(killed)
            self.passes(60)
            endings = Counter(len(self.lines(call)) for call in calls)
            self.assertEqual((endings, seed), (Counter({1: 4}), seed))
            for call in calls:
                self.assertTrue("".join(self.heard(call)).endswith(SAID[-20:]), (seed, self.heard(call)))
            self.again()
