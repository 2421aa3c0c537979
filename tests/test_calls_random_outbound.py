"""Calls that we place, and API clients who ask for anything, in any order: nothing is left behind, nobody is called
twice for one key."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from tests.agents import ScriptedAgent
from tests.house import NUMBER, PERSON, House, flow, say
from voiced.call.flow import OnMachine
from voiced.call.optout import OptOut
from voiced.call.program import Colleague
from voiced.call.steps.handover import Agent, Transfer
from voiced.call.steps.speech import Pause
from voiced.call.template import Template
from voiced.call.wish import Ways
from voiced.errors import Refused
from voiced.simulator.carrier import Callbacks, SimulatedCall

DESK = "+14155550100"
AI = Template.parse("AI.")
NODES = {
    "start": [
        say("Hello, this is a sentence that takes its time."),
        Agent("helper"),
        Transfer(Template.parse(DESK)),
        Pause(2),
        say("Bye."),
    ],
    "message": [say("Please ring us back.")],
    "gone": [Pause(1)],
}
ASKS = ("place", "place_other", "place_twice", "end", "end_now", "transfer", "look")
CARRIER = ("status", "doubled_status", "twiml", "after", "dialled", "fallback", "machine", "human")
HUMAN = ("hang_up", "press", "drop", "agent_leaves", "opts_out")
TROUBLE = (
    "rest_500",
    "rest_silent",
    "rest_lost",
    "rest_late",
    "rest_429",
    "refuse_number",
    "guard_no",
    "lose",
    "refuse",
)
TIME = ("moment", "second", "seconds", "minute", "two_minutes")
MANNERS = [
    Callbacks(),
    Callbacks(late=3),
    Callbacks(doubled=True),
    Callbacks(disordered=True),
    Callbacks(lost={"all"}),
]
PEOPLE = ["answers", "busy", "no-answer", "rejects", "failed"]


class RandomOutboundTests(House):
    """What no order of events may do."""

    @settings(max_examples=30)
    @given(
        acts=st.lists(st.sampled_from((*ASKS, *CARRIER, *HUMAN, *TROUBLE, *TIME, "drain")), max_size=16),
        manners=st.sampled_from(MANNERS),
        person=st.sampled_from(PEOPLE),
        who=st.sampled_from(["human", "machine"]),
        desk=st.sampled_from(["completed", "busy", "no-answer"]),
        on_machine=st.sampled_from([None, *OnMachine]),
    )
    def test_nothing_is_left(
        self,
        acts: list[str],
        manners: Callbacks,
        person: str,
        who: str,
        desk: str,
        on_machine: OnMachine | None,
    ) -> None:
        """Whatever happens: no call, ticket, place, timer, agent or error stays; one key is one call."""
        House.setUp(self)
        self.carrier.callbacks = manners
        self.carrier.person(PERSON, person, answered_by=who)  # type: ignore[arg-type]
        self.carrier.callee(DESK, desk, ring=2.0, talk=5.0)
        self.agent = ScriptedAgent(self.clock)
        self.drained: list[Deferred[None]] = []
        self.answers: list[tuple[str, Deferred[tuple[int, Any]]]] = []
        self.ways = Ways("test", 20, 60, {NUMBER: "main"})
        message = "message" if on_machine is OnMachine.LEAVE_MESSAGE else None
        self.lives_in(
            flow(NODES, on_hangup="gone", disclose=AI, opt_out=OptOut("9"), on_machine=on_machine, message=message),
            agents={"helper": Colleague(self.agent)},
        )
        for act in ["place", *acts]:
            self.act(act)
        self.guard.refusals.clear()
        self.carrier.account.refused.clear()
        self.carrier.ledger.faults.clear()
        self.passes(600)
        for drained in self.drained:
            self.successResultOf(drained)
        House.tearDown(self)
        self.assertEqual(self.daemon.switchboard._tickets, {})
        self.assertTrue(self.agent.talking is None or self.agent.talking.called)
        self.check_answers()

    def tearDown(self) -> None:
        """Each example has swept up behind itself."""

    def check_answers(self) -> None:
        """Every request was answered; those with one key had one call; the journal has each call once."""
        calls: dict[str, set[str]] = {}
        for key, asked in self.answers:
            status, body = self.successResultOf(asked)
            self.assertIn(status, (200, 202, 400, 403, 404, 409, 422, 429, 502, 503, 504), body)
            if key and status == 200:
                calls.setdefault(key, set()).add(body["callSid"])
        self.assertEqual([sids for sids in calls.values() if len(sids) > 1], [])
        given = [sid for sids in calls.values() for sid in sids]
        self.assertEqual(len(given), len(set(given)), "two keys have one call")
        lines = Counter((line["call"], line["event"]) for line in self.journal.lines)
        for sid in self.carrier.calls:
            self.assertEqual(lines[sid, "began"], lines[sid, "ended"], sid)
            self.assertLessEqual(lines[sid, "began"], 1, sid)

    def act(self, act: str) -> None:
        """One thing happens, to the last call where it is about one."""
        call = list(self.carrier.calls.values())[-1] if self.carrier.calls else None
        if act in TIME:
            self.passes(dict(zip(TIME, (0.05, 1.0, 5.0, 60.0, 120.0), strict=True))[act])
        elif act in TROUBLE:
            self.trouble(act)
        elif act == "drain":
            self.drained.append(self.daemon.drain())
        elif act in ASKS:
            self.ask(act, call)
        elif call is not None:
            (self.webhook if act in CARRIER else self.human)(act, call)

    def ask(self, act: str, call: SimulatedCall | None) -> None:
        """An API client asks for something."""
        if act.startswith("place"):
            key = "other" if act == "place_other" else "one"  # to the same number
            for _ in range(2 if act == "place_twice" else 1):
                wish = {"number": PERSON, "idempotency_key": key, "prompt": "Be kind."}
                self.answers.append((key, self.asks("POST", "/outbound-call", wish)))
        elif call is not None:
            method, path, wish = {
                "end": ("DELETE", "", None),
                "end_now": ("DELETE", "?how=now", None),
                "transfer": ("POST", "/transfer", {"to": DESK}),
                "look": ("GET", "", None),
            }[act]
            self.answers.append(("", self.asks(method, f"/calls/{call.sid}{path}", wish)))
        self.passes(0)

    def webhook(self, act: str, call: SimulatedCall) -> None:
        """A request of Twilio's comes out of the blue."""
        asked = [form for _, url, form in call.webhooks.requests if "call=" in url]
        reference = next((url.partition("call=")[2].partition("#")[0] for _, url, _ in call.webhooks.requests), "")
        form = {**(asked[-1] if asked else {}), **call.form()}
        path, more = {
            "status": ("/call/status", {"CallStatus": "completed"}),
            "doubled_status": ("/call/status", {"CallStatus": "ringing"}),
            "twiml": ("/outbound-call-twiml", {"CallStatus": "in-progress"}),
            "after": ("/call/after", {}),
            "dialled": ("/call/after", {"DialCallStatus": "busy"}),
            "fallback": ("/call/fallback", {"ErrorCode": "11200"}),
            "machine": ("/call/answered-by", {"AnsweredBy": "machine_end_beep"}),
            "human": ("/call/answered-by", {"AnsweredBy": "human"}),
        }[act]
        self.carrier.post(f"{path}?call={reference}" if reference else path, {**form, **more})
        self.passes(0)

    def human(self, act: str, call: SimulatedCall) -> None:
        """Somebody on the line does something."""
        if act == "hang_up":
            call.hang_up()
        elif act in ("press", "opts_out"):
            call.press("1" if act == "press" else "9")
        elif act == "drop":
            self.carrier.drop_stream(call)
        elif self.agent.talking is not None and not self.agent.talking.called:
            self.agent.ends("transferred", number=DESK)
        self.passes(0)

    def trouble(self, act: str) -> None:
        """The carrier's API, its way to us, or the guard is bad from now on, for a while."""
        match act:
            case "rest_500":
                self.carrier.fail_rest(500)
            case "rest_silent":
                self.carrier.fail_rest(None)
            case "rest_lost":
                self.carrier.lose_rest()
            case "rest_late":
                self.carrier.delay_rest(4)
            case "rest_429":
                self.carrier.fail_rest(429)
            case "refuse_number":
                self.carrier.refuse(PERSON, 21211)
            case "guard_no":
                self.guard.refusals |= {kind: Refused("rule", "no") for kind in ("place", "leg", "converse")}
            case "lose":
                self.carrier.lose_answers(2)
            case _:
                self.carrier.refuse_webhooks(2)
