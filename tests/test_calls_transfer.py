"""Whole calls that are put through to somebody else, in memory: by the flow, by an agent, by an API client."""

from __future__ import annotations

from typing import Any

import msgspec
from zope.interface import implementer

from tests.agents import ScriptedAgent
from tests.house import NUMBER, House, flow, say
from voiced.agents.tools.transfer import Settings, make
from voiced.call.program import Colleague
from voiced.call.records import Ending
from voiced.call.steps.handover import Agent, Transfer
from voiced.call.steps.routing import Goto
from voiced.call.steps.speech import Pause
from voiced.call.template import Template
from voiced.errors import Refused, StoreError, SynthesisError
from voiced.icarrier import CallOrder
from voiced.ikept import Placed
from voiced.ivoiced import Dial, End, ICall, IStep, Mentions
from voiced.simulator.carrier import ACCOUNT_SID, Callbacks, SimulatedCall

DESK = "+14155550100"
CALLER = "+14155550177"


def transfer(to: str = DESK, **more: Any) -> Transfer:
    """A step that connects the caller with this number."""
    return Transfer(Template.parse(to), **more)


class Desk(House):
    """A house whose flow puts callers through to a desk, and says why it could not."""

    def setUp(self) -> None:
        """The flow."""
        super().setUp()
        self.lives_in(
            flow({"start": [say("Wait."), transfer(timeout=20), say("It was {transfer.result}.")]}),
            named=frozenset({DESK}),
        )

    def comes(self, **how: Any) -> SimulatedCall:
        """Somebody calls, and hears "Wait."."""
        call = self.ring(from_=CALLER, **how)
        self.passes(1.5)
        return call


class StepTests(Desk):
    """The step `transfer`."""

    def test_answered(self) -> None:
        """The desk takes the call: they talk, and when they have, the call is over."""
        self.carrier.callee(DESK, ring=3.0, talk=20.0)
        call = self.comes()
        self.passes(10)
        session = self.daemon.switchboard.find(call.sid)
        self.assertEqual(session.stage if session else None, "dialled")
        self.passes(20)
        record = self.assert_ended(call, Ending.TRANSFERRED)
        self.assert_heard(call, "Wait.")
        self.assertEqual([permit.talked for permit in self.guard.permits if permit.kind == "leg"], [[20.0]])
        self.assertEqual((record["legs"][0]["result"], record["legs"][0]["seconds"]), ("answered", 20.0))

    def test_what_is_dialled(self) -> None:
        """The caller hears the ringing, the desk sees the caller, and how long they may talk is said."""
        self.comes()
        self.passes(1)
        call = next(iter(self.carrier.calls.values()))
        asked = call.dialed[0].attributes
        self.assertEqual((asked["answerOnBridge"], asked["callerId"], asked["timeout"]), ("true", CALLER, "20"))
        self.assertEqual(asked["timeLimit"], "14379")  # what is left of the call, less the ringing
        self.assertEqual(self.guard.asked[-1], ("leg", (DESK, True)))

    def test_sip(self) -> None:
        """A SIP address, secure or not, is dialled as one."""
        for target in ("sip:desk@example.com", "sips:desk@example.com;transport=tls"):
            self.lives_in(flow({"start": [transfer(target)]}))
            call = self.ring(from_=CALLER)
            self.passes(40)
            self.assertEqual(call.dialed[0].numbers, (target,))
            self.assert_ended(call, Ending.TRANSFERRED)

    def test_not_answered(self) -> None:
        """Busy, silent or out of reach: the caller is told, and the flow goes on, knowing why."""
        sorry = "I am sorry, nobody can take your call at the moment."
        for status, result in [("busy", "busy"), ("no-answer", "no_answer"), ("failed", "failed")]:
            self.carrier.callee(DESK, status, ring=3.0)
            call = self.comes()
            self.passes(20)
            self.assertEqual("".join(self.read(call)), f"Wait.{sorry}It was {result}.")
            record = self.assert_ended(call, Ending.COMPLETED)
            self.assertEqual(record["legs"][0]["result"], result)
            self.assertEqual(record["steps"][2]["result"], result)

    def test_rings_too_long(self) -> None:
        """The desk has as long as the step says."""
        self.carrier.callee(DESK, ring=90.0)
        call = self.comes()
        self.passes(40)
        self.assertIn("It was no_answer.", "".join(self.read(call)))

    def test_caller_leaves_while_it_rings(self) -> None:
        """A caller who gives up has hung up: nobody was connected."""
        self.carrier.callee(DESK, ring=15.0)
        call = self.comes()
        self.passes(5)
        call.hang_up()
        self.passes(6)
        record = self.assert_ended(call, Ending.CALLER_HUNG_UP)
        self.assertEqual(record["legs"][0]["result"], "canceled")

    def test_caller_leaves_the_desk(self) -> None:
        """A caller who hangs up on the desk was transferred, whichever of Twilio's requests comes first."""
        for how in (Callbacks(), Callbacks(late=2.0)):
            self.carrier.callbacks = how
            self.carrier.callee(DESK, ring=1.0, talk=60.0)
            call = self.comes()
            self.passes(5)
            call.hang_up()
            self.passes(10)
            self.assert_ended(call, Ending.TRANSFERRED)

    def test_nobody_says_what_became_of_it(self) -> None:
        """When the carrier never comes back, we ask it to end the call, once they must have finished."""
        self.lives_in(flow({"start": [transfer(timeout=20, seconds=60)]}))
        self.carrier.callee(DESK, ring=1.0, talk=50.0)
        call = self.ring(from_=CALLER)
        self.passes(5)
        self.carrier.refuse_webhooks(100)
        self.passes(120)
        self.carrier.refuse_webhooks(0)
        self.passes(20)
        self.assertIsNone(self.daemon.switchboard.find(call.sid))

    def test_refused(self) -> None:
        """A rule forbids it: nobody is dialled, and the flow goes on."""
        self.guard.refusals["leg"] = Refused("spend", "enough for today")
        call = self.comes()
        self.passes(10)
        self.assertEqual(call.dialed, [])
        self.assertIn("It was refused.", "".join(self.read(call)))
        self.assertEqual(self.assert_ended(call, Ending.COMPLETED)["legs"], [])

    def test_round_robin(self) -> None:
        """A flow may try one after the other, longer than a call may lose its stream."""
        desks = [f"+1415555010{n}" for n in range(6)]
        for desk in desks:
            self.carrier.callee(desk, "busy", ring=1.0)
        steps = [transfer(desk, fallback=Template.parse("")) for desk in desks]
        self.lives_in(flow({"start": [*steps, say("Nobody.")]}))
        call = self.ring(from_=CALLER)
        self.passes(60)
        self.assert_heard(call, "Nobody.")
        self.assertEqual([each.numbers for each in call.dialed], [(desk,) for desk in desks])

    def test_same_step_again(self) -> None:
        """A flow that comes to the step again dials again."""
        self.carrier.callee(DESK, "busy", ring=1.0)
        self.lives_in(flow({"start": [transfer(fallback=Template.parse("")), Pause(1), Goto("start")]}))
        call = self.ring(from_=CALLER)
        self.passes(20)
        self.assertGreater(len(call.dialed), 2)

    def test_caller_id(self) -> None:
        """Where the caller has no number, the desk sees ours."""
        call = self.ring(from_="anonymous")
        self.passes(3)
        self.assertEqual(call.dialed[0].attributes["callerId"], NUMBER)

    def test_drained(self) -> None:
        """A daemon that stops does not wait for two who talk without it."""
        call = self.comes()
        self.passes(5)
        drained = self.daemon.drain()
        self.passes(1)
        self.successResultOf(drained)
        self.assertFalse(call.over)

    def test_daemon_was_restarted(self) -> None:
        """When they have talked, a daemon that knows nothing of it ends the call, and does not begin it again."""
        self.carrier.callee(DESK, ring=1.0, talk=20.0)
        call = self.comes()
        self.passes(5)
        self.daemon.drain()
        self.passes(1)
        self.lives_in(flow({"start": [say("Hello.")]}))
        self.passes(30)
        self.assertTrue(call.over)
        self.assert_heard(call, "Wait.")


class AgentTransferTests(House):
    """An agent puts the caller through."""

    def setUp(self) -> None:
        """An agent with the tool."""
        super().setUp()
        self.agent = ScriptedAgent(self.clock)
        tool = make(Settings(to={"sales": DESK}), None)  # type: ignore[arg-type]
        steps = [Agent("helper"), say("After {agent.outcome}: {transfer.result|no leg}.")]
        colleagues = {"helper": Colleague(self.agent, {"transfer_call": tool})}
        self.lives_in(flow({"start": steps}), agents=colleagues, named=frozenset({DESK}))
        self.call = self.ring(from_=CALLER)
        self.passes(1)

    def test_by_name(self) -> None:
        """It chooses a name; a number of the model's own is none."""
        for to, error in ((DESK, True), ("sales", False)):
            result = self.successResultOf(self.agent.brief.tools.use("transfer_call", {"to": to}))
            self.assertEqual(result.error, error)

    def test_answered(self) -> None:
        """The caller is connected, and the agent is gone."""
        self.agent.ends("transferred", to="sales", number=DESK)
        self.passes(40)
        self.assertEqual(self.call.dialed[0].numbers, (DESK,))
        self.assert_ended(self.call, Ending.TRANSFERRED)

    def test_not_answered(self) -> None:
        """When nobody is there, the flow goes on behind the agent; the agent is not asked a second time."""
        self.carrier.callee(DESK, "busy", ring=1.0)
        self.agent.ends("transferred", to="sales", number=DESK)
        self.passes(20)
        self.assertIn("After transferred: busy.", "".join(self.read(self.call)))
        self.assertEqual(len(self.assert_ended(self.call, Ending.COMPLETED)["agents"]), 1)

    def test_number_that_nobody_named(self) -> None:
        """A number that the settings do not have is for the guard to allow, as any other."""
        self.agent.ends("transferred", number="+19005550100")
        self.passes(2)
        self.assertEqual(self.guard.asked[-1], ("leg", ("+19005550100", False)))


class ApiTests(Desk):
    """An API client looks, ends, and puts through."""

    def setUp(self) -> None:
        """A long flow."""
        super().setUp()
        self.lives_in(flow({"start": [say("Hello."), Pause(30), say("Bye.")]}))
        self.call = self.ring(from_=CALLER)
        self.passes(2)

    def now(self, method: str, path: str, wish: Any = None) -> tuple[int, Any]:
        """What the API answers at once."""
        asked = self.asks(method, path, wish)
        self.passes(0)
        return self.successResultOf(asked)

    def test_look(self) -> None:
        """A live call says where it is; one that is over, how it ended."""
        _, body = self.now("GET", f"/calls/{self.call.sid}")
        self.assertEqual((body["state"], body["stage"], body["position"][0]["node"]), ("live", "running", "start"))
        self.call.hang_up()
        self.passes(1)
        _, body = self.now("GET", f"/calls/{self.call.sid}")
        self.assertEqual((body["state"], body["ending"]), ("ended", "caller_hung_up"))
        _, listed = self.now("GET", "/calls")
        self.assertEqual([call["callSid"] for call in listed["calls"]], [self.call.sid])

    def test_status(self) -> None:
        """Whoever asks learns that we are here; who has a key for everything, what is counted."""
        self.guard.refusals["leg"] = Refused("allow", "not there")
        self.carrier.post("/call/status", self.call.form(), signature="")
        for key in (None, "wrong" * 8):
            asked = self.asks("GET", "/", key=key)
            self.passes(0)
            self.assertEqual(self.successResultOf(asked), (200, {"message": "Server is running"}))
        _, body = self.now("GET", "/")
        self.assertEqual((body["calls"], body["refused"]), (1, {"unsigned": 1}))

    def test_goodbye(self) -> None:
        """The call ends with a goodbye."""
        self.assertEqual(self.now("DELETE", f"/calls/{self.call.sid}")[0], 202)
        self.passes(5)
        self.assert_heard(self.call, "Hello.", "Goodbye.")
        self.assert_ended(self.call, Ending.CANCELLED)

    def test_at_once(self) -> None:
        """The call ends without a word."""
        self.assertEqual(self.now("DELETE", f"/calls/{self.call.sid}?how=now")[0], 202)
        self.passes(1)
        self.assert_heard(self.call, "Hello.")
        self.assert_ended(self.call, Ending.CANCELLED)

    def test_transfer(self) -> None:
        """The caller is connected with somebody, by the guard's leave."""
        self.assertEqual(self.now("POST", f"/calls/{self.call.sid}/transfer", {"to": DESK})[0], 202)
        self.passes(40)
        self.assertEqual(self.guard.asked[-1], ("leg", (DESK, False, "crm")))
        self.assert_ended(self.call, Ending.TRANSFERRED)

    def test_transfer_needs_a_number_of_ours(self) -> None:
        """Whom the other side sees is a number of ours, or the caller: 400 for any other."""
        for caller_id, expected in (("+12025550100", 400), (NUMBER, 202)):
            status, _ = self.now("POST", f"/calls/{self.call.sid}/transfer", {"to": DESK, "caller_id": caller_id})
            self.assertEqual(status, expected)

    def test_transfer_with_a_full_disk(self) -> None:
        """Where the counts cannot be kept, nobody is dialled: 503."""
        self.guard.forgets = StoreError("the disk is full")
        status, _ = self.now("POST", f"/calls/{self.call.sid}/transfer", {"to": DESK})
        self.passes(5)
        self.assertEqual((status, self.call.dialed), (503, []))

    def test_transfer_of_a_call_that_parts(self) -> None:
        """A call that is ending cannot be transferred, nor ended again: 409, and 202 without another request."""
        self.now("DELETE", f"/calls/{self.call.sid}")
        self.assertEqual(self.now("POST", f"/calls/{self.call.sid}/transfer", {"to": DESK})[0], 409)
        session = self.daemon.switchboard.find(self.call.sid)
        assert session is not None
        self.passes(5)
        session.end_by_api(goodbye=False)
        self.passes(1)
        self.assertEqual(self.carrier.rest_requests, [])

    def test_carrier_does_not_end_it(self) -> None:
        """A carrier that fails for ten minutes is left to its own time limit."""
        sid = "CA" + "7" * 32
        self.placed.known["crm one"] = Placed("x", CallOrder("main", DESK, NUMBER, "a reference"), 0.0, sid)
        self.carrier.fail_rest(500, times=10)
        self.now("DELETE", f"/calls/{sid}")
        self.passes(600)
        self.assertEqual(len(self.carrier.rest_requests), 10)

    def test_end_of_another_daemons_call(self) -> None:
        """A call that a daemon before us has placed can be ended; a stranger's is not there."""
        order = CallOrder("main", DESK, NUMBER, "a reference")
        sid = "CA" + "7" * 32
        self.placed.known["crm one"] = Placed("x", order, 0.0, sid)
        self.assertEqual(self.now("DELETE", f"/calls/{sid}")[0], 202)
        self.assertEqual(self.now("DELETE", "/calls/CA" + "8" * 32)[0], 404)
        self.passes(1)
        self.assertEqual([each.path.rpartition("/")[2] for each in self.carrier.rest_requests], [f"{sid}.json"])

    def test_transfer_refused(self) -> None:
        """403 with the rule's name, and the flow goes on as if nothing had been."""
        self.guard.refusals["leg"] = Refused("allow", "not there")
        status, body = self.now("POST", f"/calls/{self.call.sid}/transfer", {"to": DESK})
        self.assertEqual((status, body["rule"]), (403, "allow"))
        self.passes(40)
        self.assert_heard(self.call, "Hello.", "Bye.")

    def test_transfer_not_answered(self) -> None:
        """The flow goes on with the step it was in."""
        self.carrier.callee(DESK, "busy", ring=1.0)
        self.now("POST", f"/calls/{self.call.sid}/transfer", {"to": DESK})
        self.passes(50)
        self.assertEqual("".join(self.read(self.call)), "Hello.Bye.")
        self.assert_ended(self.call, Ending.COMPLETED)

    def test_end_while_connected(self) -> None:
        """Two who talk are parted at once."""
        self.now("POST", f"/calls/{self.call.sid}/transfer", {"to": DESK})
        self.passes(10)
        self.now("DELETE", f"/calls/{self.call.sid}")
        self.passes(8)
        self.assert_ended(self.call, Ending.CANCELLED)


class EndTests(House):
    """An API client ends a call, wherever it is."""

    def test_voice_fails(self) -> None:
        """A voice that cannot say goodbye ends the call without it."""
        self.lives_in(flow({"start": [Pause(30)]}))
        call = self.ring()
        self.passes(1)
        self.voice.fail_with = SynthesisError("the vendor is down")
        self.end(call.sid)
        self.passes(5)
        self.assert_ended(call, Ending.CANCELLED)

    def test_no_voice(self) -> None:
        """A flow that has no voice has no last word."""
        self.lives_in(flow({"start": [Pause(30)]}, voice=None))
        call = self.ring()
        self.passes(1)
        self.end(call.sid)
        self.passes(5)
        self.assert_heard(call)
        self.assert_ended(call, Ending.CANCELLED)

    def test_expected(self) -> None:
        """Before its stream is there, the carrier says goodbye; one that is ended at once hears nothing."""
        self.lives_in(flow({"start": [Pause(30)]}))
        form = {"AccountSid": ACCOUNT_SID, "From": CALLER, "To": NUMBER, "CallStatus": "in-progress"}
        for number, (goodbye, said) in enumerate([(True, "<Say>Goodbye.</Say>"), (False, "<Response><Hangup")]):
            sid = f"CA{number:032}"
            self.carrier.post("/call/incoming", {**form, "CallSid": sid})
            self.passes(0)
            self.end(sid, goodbye=goodbye)
            answer = self.carrier.post("/call/after", {**form, "CallSid": sid})
            self.passes(0)
            self.assertIn(said, self.successResultOf(answer).body.decode())

    def test_twice(self) -> None:
        """A call that is being ended politely can be ended at once; and one that is over is left alone."""
        self.lives_in(flow({"start": [say("A sentence " * 30)]}))
        call = self.ring()
        self.passes(1)
        self.end(call.sid)
        self.end(call.sid)
        self.passes(1)
        self.assertFalse(call.over)
        self.end(call.sid, goodbye=False)
        self.passes(1)
        self.assert_ended(call, Ending.CANCELLED)

    def test_after_the_carrier_has_lost_the_stream(self) -> None:
        """A call whose stream is away is ended by the carrier's API."""
        self.lives_in(flow({"start": [Pause(30)]}))
        call = self.ring()
        self.passes(1)
        self.carrier.refuse_webhooks(100)
        self.carrier.drop_stream(call)
        self.passes(0)
        self.carrier.refuse_webhooks(0)
        session = self.daemon.switchboard.find(call.sid)
        assert session is not None
        self.assertEqual(session.stage, "away")
        session.end_by_api(goodbye=True)
        self.passes(2)
        self.assert_ended(call, Ending.CANCELLED)

    def end(self, sid: str, *, goodbye: bool = True) -> None:
        """As the API does it."""
        session = self.daemon.switchboard.find(sid)
        assert session is not None
        session.end_by_api(goodbye)


class WorstMomentTests(House):
    """Something happens between the choice of whom to connect and the connection."""

    def setUp(self) -> None:
        """A long sentence, and somebody to connect with."""
        super().setUp()
        self.lives_in(flow({"start": [say("A sentence " * 30), transfer()]}), named=frozenset({DESK}))
        self.call = self.ring(from_=CALLER)
        self.passes(1)
        found = self.daemon.switchboard.find(self.call.sid)
        assert found is not None
        self.session = found

    def test_ended_after_all(self) -> None:
        """An API client who ends the call then ends it: nobody is dialled."""
        self.session.transfer(Dial(DESK))
        self.passes(1)
        self.session.end_by_api(goodbye=True)
        self.passes(60)
        self.assertEqual((self.call.dialed, self.call.said), ([], ["Goodbye."]))
        self.assert_ended(self.call, Ending.CANCELLED)

    def test_daemon_stops_in_the_last_words(self) -> None:
        """The daemon tells the carrier whom to dial, and does not wait for what they have to say."""
        self.carrier.callee(DESK, ring=1.0, talk=300.0)
        self.session.transfer(Dial(DESK))
        self.passes(1)
        drained = self.daemon.drain()
        self.passes(60)
        self.successResultOf(drained)
        self.assertEqual(len(self.call.dialed), 1)
        self.assertFalse(self.call.over)

    def test_daemon_stops_before_the_carrier_asks(self) -> None:
        """The same when the carrier is just about to ask what now."""
        self.carrier.callee(DESK, ring=1.0, talk=300.0)
        self.carrier.refuse_webhooks(100)
        self.session.transfer(Dial(DESK))
        self.until("away")
        drained = self.daemon.drain()
        self.carrier.refuse_webhooks(0)
        answer = self.carrier.post("/call/after", {**self.call.form(), "CallStatus": "in-progress"})
        self.passes(2)
        self.assertIn("<Dial", self.successResultOf(answer).body.decode())
        self.successResultOf(drained)

    def test_money_of_those_who_talk_on(self) -> None:
        """Two who talk on when the daemon stops count as long as they may talk."""
        self.carrier.callee(DESK, ring=1.0, talk=300.0)
        self.session.transfer(Dial(DESK, seconds=120))
        self.until("dialled")
        self.passes(3)
        self.daemon.drain()
        self.passes(1)
        self.assertEqual([permit.talked for permit in self.guard.permits if permit.kind == "leg"], [[120.0]])

    def test_refused_after_another_choice(self) -> None:
        """A choice whose place was given back is not dialled when the next one is refused."""
        self.session.then(Dial(DESK))
        self.guard.refusals["leg"] = Refused("allow", "not there")
        self.assertRaises(Refused, self.session.transfer, Dial("+14155550188"))
        self.session.end_by_api(goodbye=True)
        self.passes(40)
        self.assertEqual(self.call.dialed, [])
        self.assert_ended(self.call, Ending.CANCELLED)

    def test_stopped_after_nobody_answered(self) -> None:
        """A call that came back from a transfer and is drained is called drained."""
        self.carrier.callee(DESK, "busy", ring=1.0)
        self.session.transfer(Dial(DESK))
        self.until("dialled")
        self.until("running")
        self.daemon.drain()
        self.passes(60)
        self.assert_ended(self.call, Ending.DRAINED)

    def test_daemon_stops_while_it_rings(self) -> None:
        """When nobody answers, the human hears that we are sorry, although the daemon did not wait."""
        self.carrier.callee(DESK, "busy", ring=10.0)
        self.session.transfer(Dial(DESK))
        self.until("dialled")
        drained = self.daemon.drain()
        self.passes(1)
        self.successResultOf(drained)
        self.passes(20)
        self.assertIn("We are sorry", " ".join(self.call.said))

    def until(self, stage: str) -> None:
        """Time passes until the call is there."""
        for _ in range(1000):
            if self.session.stage == stage:
                return
            self.passes(0.1)
        self.fail(f"the call never came to be {stage}")

    def test_status_comes_first(self) -> None:
        """The carrier says that the call is over before it says what became of the leg."""
        self.carrier.callee(DESK, ring=1.0, talk=300.0)
        self.session.transfer(Dial(DESK))
        self.until("dialled")
        self.passes(4)
        form = {**self.call.form(), "CallStatus": "completed"}
        for _ in range(2):
            self.carrier.post("/call/status", form)
        self.passes(1)
        self.assertIsNotNone(self.daemon.switchboard.find(self.call.sid))
        more = {"DialCallStatus": "completed", "DialCallDuration": "4", "DialBridged": "true"}
        self.carrier.post("/call/after", {**form, **more})
        self.passes(1)
        last = self.journal.lines[-1]
        self.assertEqual((last["ending"], last["legs"][0]["seconds"]), ("transferred", 4.0))

    def test_only_the_status_comes(self) -> None:
        """When nobody says what became of the leg, a short one was not answered, and a long one was."""
        for after, ending in ((5, "caller_hung_up"), (60, "transferred")):
            self.lives_in(flow({"start": [transfer(timeout=20)]}), named=frozenset({DESK}))
            self.carrier.callee(DESK, ring=1.0, talk=300.0)
            call = self.ring(from_=CALLER)
            self.passes(after)
            self.carrier.post("/call/status", {**call.form(), "CallStatus": "completed"})
            self.passes(6)
            last = [line for line in self.journal.lines if line["call"] == call.sid][-1]
            self.assertEqual(last["ending"], ending)


class LimitTests(House):
    """A call may not last longer because somebody else is on it."""

    def test_leg_gets_what_is_left(self) -> None:
        """The leg may last as long as the call may."""
        self.guard.seconds = 100
        self.lives_in(flow({"start": [Pause(30), transfer()]}))
        call = self.ring(from_=CALLER)
        self.passes(32)
        self.assertEqual(call.dialed[0].attributes["timeLimit"], "40")  # of the 70 s that are left, 30 may ring

    def test_time_is_up_while_it_rings(self) -> None:
        """It rings no longer than half of what is left, and the call ends with a goodbye in time."""
        self.guard.seconds = 40
        self.carrier.callee(DESK, "no-answer", ring=60.0)
        self.lives_in(flow({"start": [Pause(20), transfer(timeout=20), say("Still here?")]}))
        call = self.ring(from_=CALLER)
        self.passes(40)
        self.assertEqual("".join(self.read(call)), "I am sorry, nobody can take your call at the moment.Goodbye.")
        self.assert_ended(call, Ending.TIMEOUT)

    def test_time_is_up_while_they_talk(self) -> None:
        """Two who talk are ended by the leg's own limit, at the carrier."""
        self.guard.seconds = 60
        self.carrier.callee(DESK, ring=1.0, talk=500.0)
        self.lives_in(flow({"start": [transfer(timeout=20)]}))
        call = self.ring(from_=CALLER)
        self.passes(58)
        self.assert_ended(call, Ending.TRANSFERRED)

    def test_no_time_for_another_leg(self) -> None:
        """When the carrier comes back late from a leg that nobody took, the call ends with a goodbye."""
        self.guard.seconds = 30
        self.lives_in(flow({"start": [transfer(timeout=20), say("Still here?")]}))
        self.carrier.callee(DESK, "busy", ring=14.0)
        call = self.ring(from_=CALLER)
        self.passes(5)
        session = self.daemon.switchboard.find(call.sid)
        assert session is not None
        self.carrier.refuse_webhooks(100)
        self.passes(18)
        self.carrier.refuse_webhooks(0)
        form = {**call.form(), "CallStatus": "in-progress", "DialCallStatus": "busy"}
        answer = self.carrier.post("/call/after", form)
        self.passes(1)
        self.assertIn("<Say>Goodbye.</Say>", self.successResultOf(answer).body.decode())
        self.assertEqual(session.record.ending, Ending.TIMEOUT)

    def test_another_leg_instead(self) -> None:
        """A step of a plugin that chooses twice whom to dial has one leg, and one place with the guard."""
        self.lives_in(flow({"start": [Twice()]}), named=frozenset({DESK}))
        call = self.ring(from_=CALLER)
        self.passes(1)
        self.assertEqual([permit.talked for permit in self.guard.permits if permit.kind == "leg"], [[None], []])
        self.passes(60)
        self.assertEqual([each.numbers for each in call.dialed], [(DESK,)])

    def test_hangs_up_before_it_is_dialled(self) -> None:
        """A caller who leaves during the last sentence costs no leg."""
        self.lives_in(flow({"start": [say("A sentence " * 30)]}))
        call = self.ring(from_=CALLER)
        self.passes(1)
        session = self.daemon.switchboard.find(call.sid)
        assert session is not None
        session.transfer(Dial(DESK))
        self.passes(1)
        call.hang_up()
        self.passes(1)
        self.assertEqual([permit.talked for permit in self.guard.permits if permit.kind == "leg"], [[None]])
        self.assertEqual(call.dialed, [])
        self.assert_ended(call, Ending.CALLER_HUNG_UP)


@implementer(IStep)
class Twice(msgspec.Struct, frozen=True):
    """A step that changes its mind."""

    def mentions(self) -> Mentions:
        """See IStep."""
        return Mentions()

    async def run(self, call: ICall) -> End | None:
        """See IStep."""
        if call.dialled() is not None:
            return None
        call.dial(Dial("+14155550188"))
        call.dial(Dial(DESK))
        return End.TRANSFERRED


class InboundGuardTests(House):
    """The guard says no to a caller."""

    def setUp(self) -> None:
        """Two flows."""
        super().setUp()
        self.lives_in(flow({"start": [say("Hello.")]}), flow({"start": [say("Leave a message.")]}, "other"))

    def test_sentence(self) -> None:
        """The caller hears the rule's own sentence, and the record has its name."""
        self.guard.refusals["ring"] = Refused("deny", "on the deny list", say="Please write to us.")
        call = self.ring(from_=CALLER)
        self.passes(5)
        self.assertEqual((call.said, call.streams), (["Please write to us."], []))
        self.assertEqual(self.assert_ended(call, Ending.REFUSED)["faults"], ["refused by rule deny"])

    def test_flow(self) -> None:
        """Another flow takes the caller."""
        permit = self.guard._permit("ring")
        self.guard.refusals["ring"] = Refused("anonymous", "no number", flow="other", permit=permit)
        call = self.ring(from_="anonymous")
        self.passes(5)
        self.assert_heard(call, "Leave a message.")

    def test_flow_has_the_permit_of_the_rule(self) -> None:
        """Who is taken by another flow holds a place as any caller does."""
        permit = self.guard._permit("ring")
        self.guard.refusals["ring"] = Refused("anonymous", "no number", flow="other", permit=permit)
        self.ring(from_="anonymous")
        self.passes(5)
        self.assertEqual(len(permit.talked), 1)

    def test_flow_is_gone(self) -> None:
        """The flow that the rule names is not there: the caller is refused, and the place is free again."""
        permit = self.guard._permit("ring")
        self.guard.refusals["ring"] = Refused("anonymous", "no number", flow="gone", permit=permit)
        call = self.ring(from_="anonymous")
        self.passes(5)
        self.assertEqual((call.streams, permit.talked), ([], [None]))
        self.assertEqual(self.assert_ended(call, Ending.REFUSED)["faults"], ["refused by rule anonymous"])

    def test_repeated_webhook_counts_once(self) -> None:
        """The carrier repeats itself: it is the same call."""
        call = self.ring(from_=CALLER)
        self.carrier.post("/call/incoming", call.form())
        self.passes(5)
        self.assertEqual([kind for kind, _ in self.guard.asked], ["ring"])

    def test_seconds(self) -> None:
        """A call lasts as long as the guard lets it."""
        self.guard.seconds = 20
        self.lives_in(flow({"start": [Pause(100)]}))
        call = self.ring(from_=CALLER)
        self.passes(25)
        self.assert_heard(call, "Goodbye.")
        self.assert_ended(call, Ending.TIMEOUT)

    def test_agent_minutes(self) -> None:
        """When agents have talked enough for today, the fallback is spoken; what they talk is counted."""
        agent = ScriptedAgent(self.clock)
        self.lives_in(flow({"start": [Agent("helper"), Agent("helper")]}), agents={"helper": Colleague(agent)})
        call = self.ring(from_=CALLER)
        self.passes(4)
        self.guard.refusals["converse"] = Refused("agent_minutes_per_day", "enough for today")
        agent.ends()
        self.passes(10)
        self.assertIn("our assistant cannot speak", "".join(self.read(call)))
        self.assertEqual([permit.talked for permit in self.guard.permits if permit.kind == "converse"], [[4.0]])

    def test_agent_minutes_with_a_sentence(self) -> None:
        """The rule's own sentence is spoken instead of the step's."""
        agent = ScriptedAgent(self.clock)
        steps = [Agent("helper"), say("It {agent.outcome}.")]
        self.lives_in(flow({"start": steps}), agents={"helper": Colleague(agent)})
        self.guard.refusals["converse"] = Refused("agent_minutes_per_day", "enough", say="Try {again} tomorrow.")
        call = self.ring(from_=CALLER)
        self.passes(10)
        self.assertEqual("".join(self.read(call)), "Try {again} tomorrow.It failed.")
