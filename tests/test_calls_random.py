"""Whole calls to which anything may happen, in any order: nothing is left behind, and each ends once."""

from __future__ import annotations

import json
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.house import NUMBER, House, flow, say
from voiced.call.optout import OptOut
from voiced.call.steps.digits import Menu
from voiced.call.steps.routing import Goto
from voiced.call.steps.speech import Pause
from voiced.call.template import Template
from voiced.simulator.carrier import Callbacks, SimulatedCall

NODES = {
    "start": [
        say("Hello there."),
        Menu(Template.parse("Press 1."), {"1": "one", "2": "start"}, timeout=2, retries=1, otherwise="bye"),
    ],
    "one": [say("One.", interruptible=False), Pause(1), Goto("bye")],
    "bye": [say("Bye.")],
    "gone": [Pause(1)],
}
ACTS = (
    *("ring", "press", "opts_out", "hang_up", "drop", "garbage", "stop", "second"),
    *("after", "fallback", "ended", "alive", "incoming"),
    *("lose", "refuse", "next", "action", "drain"),
    *("moment", "second_passes", "minute"),
)
ACTION = st.sampled_from(ACTS)
MANNERS = st.sampled_from([Callbacks(), Callbacks(late=3), Callbacks(doubled=True), Callbacks(disordered=True)])


class RandomTests(House):
    """What no order of events may do."""

    @settings(max_examples=25)
    @given(
        acts=st.lists(ACTION, max_size=14), manners=MANNERS, pace=st.sampled_from([0, 0.05]), most=st.integers(1, 3)
    )
    def test_nothing_is_left(self, acts: list[str], manners: Callbacks, pace: float, most: int) -> None:
        """Whatever happens: no call, ticket, timer or error stays, and each call has one beginning and one end."""
        House.setUp(self)
        self.carrier.callbacks, self.voice.pace = manners, pace
        self.lives_in(flow(NODES, on_hangup="gone", opt_out=OptOut("9")), most_calls=most)
        for act in ["ring", *acts]:
            self.act(act)
        self.passes(100)
        self.passes(0)
        House.tearDown(self)
        self.assertEqual(self.daemon.switchboard._tickets, {})
        lines = Counter((line["call"], line["event"]) for line in self.journal.lines)
        opted_out = [line["call"] for line in self.journal.lines if line.get("opted_out")]
        self.assertEqual(len(opted_out), len([kind for kind, _ in self.guard.asked if kind == "opt_out"]))
        for sid in self.carrier.calls:
            self.assertEqual(lines[sid, "began"], lines[sid, "ended"], sid)
            self.assertLessEqual(lines[sid, "began"], 1, sid)

    def tearDown(self) -> None:
        """Each example has swept up behind itself."""

    def act(self, act: str) -> None:
        """One thing happens to the last call that rang."""
        call = list(self.carrier.calls.values())[-1] if self.carrier.calls else None
        if act in ("moment", "second_passes", "minute"):
            self.passes({"moment": 0.07, "second_passes": 1.1, "minute": 60}[act])
        elif act == "ring" or call is None:
            self.carrier.ring(NUMBER)
            self.passes(0)
        elif act in ("lose", "refuse"):
            {"lose": self.carrier.lose_answers, "refuse": self.carrier.refuse_webhooks}[act](2)
        elif act in ("next", "action"):
            self.carrier.after_close = act
        elif act == "drain":
            self.daemon.drain()
        elif act in ("after", "fallback", "ended", "alive", "incoming"):
            self.webhook(act, call)
        else:
            self.on_the_line(act, call)

    def webhook(self, act: str, call: SimulatedCall) -> None:
        """A webhook comes out of the blue."""
        path = {"ended": "status", "alive": "status"}.get(act, act)
        status = "completed" if act == "ended" else "in-progress"
        self.carrier.post(f"/call/{path}", {**call.form(), "CallStatus": status})
        self.passes(0)

    def on_the_line(self, act: str, call: SimulatedCall) -> None:
        """Something happens on the line itself."""
        live = call.stream is not None and call.stream.live
        if act in ("press", "opts_out"):
            call.press("1" if act == "press" else "9")
        elif act == "hang_up":
            call.hang_up()
        elif act == "drop":
            self.carrier.drop_stream(call)
        elif act == "second":
            other = self.carrier.open_stream(f"/call/connection/{call.sid}", call.sid)
            self.passes(0)
            other.drop()
        elif live and act in ("garbage", "stop"):
            stop = json.dumps({"event": "stop", "streamSid": call.stream.sid})
            call.stream.send_raw(stop if act == "stop" else "garbage")
