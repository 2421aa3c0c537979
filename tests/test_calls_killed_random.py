"""A daemon that is killed at any moment of any flow: every call goes on or ends, with exactly one record."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.agents import ScriptedAgent
from tests.house import flow, say
from tests.test_calls_killed import DESK, KilledHouse
from voiced.call.program import Colleague
from voiced.call.steps.calling import Call
from voiced.call.steps.digits import Gather, Menu
from voiced.call.steps.handover import Agent, Transfer
from voiced.call.steps.queue import Queue
from voiced.call.steps.routing import Hangup
from voiced.call.steps.sharing import Limit
from voiced.call.steps.speech import Pause
from voiced.call.template import Template

SENTENCE = Template.parse("Press a key now.")
STEPS: dict[str, Any] = {
    "say": say("A longer sentence, to be heard."),
    "pause": Pause(0.4),
    "menu": Menu(SENTENCE, {"1": "other"}, timeout=2, otherwise="other"),
    "gather": Gather(SENTENCE, "order", digits=2, timeout=2, retries=0),
    "agent": Agent("helper", seconds=3),
    "transfer": Transfer(Template.parse(DESK), timeout=5),
    "queue": Queue(Template.parse(DESK), most=8, ring=5, retry=3),
    "limit": Limit("part", 1, "other"),
    "call": Call("inner"),
    "hangup": Hangup(),
}
MOMENTS = st.tuples(st.floats(0.1, 4.0), st.lists(st.floats(0.0, 4.0), max_size=3))
"""When the daemon is killed, each so long after the last time; a call that was never kept begins anew."""


class RandomTests(KilledHouse):
    """Any steps, any moments, callers who press keys and hang up."""

    @given(
        steps=st.lists(st.sampled_from(sorted(STEPS)), min_size=1, max_size=4),
        desk=st.sampled_from(["busy", "completed"]),
        times=MOMENTS,
        keys=st.lists(st.booleans(), min_size=4, max_size=4),
        leaves=st.none() | st.integers(0, 3),
    )
    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def test_any(
        self, steps: list[str], desk: str, times: tuple[float, list[float]], keys: list[bool], leaves: int | None
    ) -> None:
        """It is over in the end, everywhere; there is one record; nothing of it is left on the disk."""
        self.setUp()
        moments = [times[0], *times[1]]
        self.carrier.callee(DESK, desk, ring=1.0, talk=3.0)
        agent = ScriptedAgent(self.clock)
        nodes = {"start": [STEPS[name] for name in steps], "other": [say("Other."), Hangup()]}
        inner = flow({"x": [say("Inner."), Pause(0.3)], "other": [say("Other.")]}, name="inner")
        self.lives_in(flow(nodes), inner, agents={"helper": Colleague(agent)}, named=frozenset({DESK}))
        call = self.ring()
        for number, moment in enumerate(moments):
            self.passes(moment)
            if keys[number]:
                call.press("1")
            self.dies()
            agent.cancelled = 0
            if leaves == number:
                call.hang_up()
            self.rises(0.5)
        self.passes(200)
        self.assertTrue(call.over)
        self.assertEqual(len(self.daemon.switchboard), 0)
        self.assertEqual([each["event"] for each in self.journal.lines], ["began", "ended"], str(moments))
        self.assertEqual(self.live(), [])
        self.assertEqual(len(self.daemon._parts), 0)
        self.doCleanups()
