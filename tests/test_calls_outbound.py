"""Whole calls that we place, in memory: an API client asks, the carrier rings somebody, we hear what they hear."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import succeed

from tests.agents import ScriptedAgent
from tests.house import INITIATED, NUMBER, PARTY, PERSON, SHOP_KEY, House, flow, say
from voiced.call.flow import OnMachine
from voiced.call.lookout import LOOK_AFTER
from voiced.call.program import Colleague
from voiced.call.records import Ending
from voiced.call.steps.handover import Agent, Transfer
from voiced.call.steps.routing import Hangup
from voiced.call.steps.speech import Pause, Play
from voiced.call.template import Template
from voiced.errors import Refused, StoreError
from voiced.ivoiced import Brief
from voiced.simulator.carrier import Callbacks

OUTREACH = {"start": [say("Hello {variables.name|you}."), Hangup()]}


class Outbound(House):
    """A house with one flow to call people with."""

    on_machine: OnMachine | None = None

    def setUp(self) -> None:
        """One flow, and one number of ours."""
        super().setUp()
        self.lives_in(flow(OUTREACH, "outreach"))

    def lives_in(self, *flows: Any, **settings: Any) -> Any:
        """The first flow is the one that calls are placed with."""
        self.ways = self.ways.__class__(flows[0].name, 30, 600, {NUMBER: "main"})
        return super().lives_in(*flows, **settings)

    def refused(self, **wish: Any) -> tuple[int, Any]:
        """What an API client is answered, whose wish is not granted."""
        asked = self.asks("POST", "/outbound-call", {"number": PERSON, **wish})
        self.passes(20)
        return self.successResultOf(asked)


class AnsweredTests(Outbound):
    """Somebody takes the call."""

    def test_guide(self) -> None:
        """The API answers with the call's SID; the human hears the flow; the record says who placed it."""
        call = self.calls_out(variables={"name": "Ann"})
        self.passes(6)
        self.assert_heard(call, "Hello Ann.")
        record = self.assert_ended(call, Ending.COMPLETED)
        self.assertEqual((record["direction"], record["placed_by"], record["flow"]), ("outbound", "crm", "outreach"))
        self.assertEqual((record["caller"], record["called"]), ("+14•••••••23", "+14•••••••99"))
        self.assertEqual((call.from_, call.to), (NUMBER, PERSON))

    def test_nothing_private_at_the_carrier(self) -> None:
        """What the carrier is told, by REST and in TwiML, has neither prompt nor variables, but one ticket."""
        agent = ScriptedAgent(self.clock)
        self.lives_in(flow({"start": [Agent("helper")]}), agents={"helper": Colleague(agent)})
        call = self.calls_out(prompt="Be <kind> & brief.", first_message='Say "hi"', variables={"pet": "a dog"})
        self.passes(3)
        told = str([request.form for request in self.carrier.rest_requests]) + "".join(call.twiml)
        for secret in ("kind", "hi", "dog"):
            self.assertNotIn(secret, told)
        self.assertEqual(call.twiml[0].count("<Parameter"), 1)
        self.assertIn("/outbound-media-stream/" + call.sid, call.twiml[0])

    def test_variables_that_the_flow_asks_for(self) -> None:
        """A request that lacks one is answered 400 with its path, and nobody is called."""
        self.lives_in(flow(OUTREACH, "outreach", variables=("name", "day")))
        status, body = self.refused(variables={"name": "Ann", "dya": "Monday"})
        self.assertEqual((status, body["path"]), (400, "variables.day"))
        self.assertEqual(body["error"], "flow 'outreach' needs the variable 'day'")
        self.assertEqual(self.carrier.rest_requests, [])
        self.calls_out(variables={"name": "Ann", "day": "Monday"})
        self.passes(6)

    def test_limits(self) -> None:
        """Twilio is told how long it may ring and last."""
        self.calls_out(timeout=20, max_seconds=120)
        form = self.carrier.rest_requests[0].form
        self.assertEqual((form["Timeout"], form["TimeLimit"]), ("20", "120"))

    def test_time_is_up(self) -> None:
        """A call that has lasted as long as it may is ended with a last sentence."""
        self.lives_in(flow({"start": [Pause(600)]}))
        call = self.calls_out(max_seconds=30)
        self.passes(40)
        self.assert_heard(call, "Goodbye.")
        self.assert_ended(call, Ending.TIMEOUT)

    def test_stream_before_create_returns(self) -> None:
        """The human may be on the line before the carrier has answered us: the call goes its way."""
        self.carrier.delay_rest(6)
        placed = self.carrier.when_placed()
        asked = self.asks("POST", "/outbound-call", {"number": PERSON, "variables": {"name": "Ann"}})
        self.passes(5)
        call = self.successResultOf(placed)
        self.assertNoResult(asked)
        self.assertEqual("".join(self.read(call)), "Hello Ann.")
        self.passes(2)
        self.assertEqual(self.successResultOf(asked), (200, {**INITIATED, "callSid": call.sid}))
        self.assert_ended(call, Ending.COMPLETED)

    def test_hangs_up(self) -> None:
        """A human who hangs up ends it."""
        self.lives_in(flow({"start": [Pause(60)]}))
        call = self.calls_out()
        self.passes(5)
        call.hang_up()
        self.passes(1)
        self.assert_ended(call, Ending.CALLER_HUNG_UP)

    def test_callbacks(self) -> None:
        """Callbacks that are late, doubled, out of order, or lost change nothing."""
        for how in (Callbacks(late=9), Callbacks(doubled=True), Callbacks(disordered=True), Callbacks(lost={"all"})):
            self.carrier.callbacks = how
            call = self.calls_out()
            self.passes(20)
            self.assertEqual("".join(self.read(call)), "Hello you.")
            self.assert_ended(call, Ending.COMPLETED)


class NotAnsweredTests(Outbound):
    """Nobody takes it: each way has its name."""

    def test_endings(self) -> None:
        """Busy, no answer, declined, and what cannot be reached."""
        for does, ending in [
            ("busy", Ending.BUSY),
            ("no-answer", Ending.NO_ANSWER),
            ("rejects", Ending.BUSY),
            ("failed", Ending.FAILED),
        ]:
            self.carrier.person(PERSON, does)
            call = self.calls_out()
            self.passes(60)
            record = self.assert_ended(call, ending)
            self.assertEqual((record["answered"], record["steps"]), (None, []))
            self.assertEqual(self.guard.permits[-1].talked, [0.0])

    def test_callbacks_missing(self) -> None:
        """When the carrier does not tell us, we ask it."""
        self.carrier.callbacks = Callbacks(lost={"all"})
        self.carrier.person(PERSON, "busy")
        call = self.calls_out()
        self.passes(49)
        self.assertEqual([each.method for each in self.carrier.rest_requests], ["POST"])
        self.passes(2)
        self.assert_ended(call, Ending.BUSY)

    def test_taken_back_while_ringing(self) -> None:
        """An API client takes it back: it is ended at the carrier, and never answered."""
        self.carrier.person(PERSON, ring=20.0)
        call = self.calls_out()
        self.passes(5)
        self.assertEqual(self.now("DELETE", f"/calls/{call.sid}")[0], 202)
        self.passes(2)
        self.assert_ended(call, Ending.CANCELLED)

    def test_daemon_stops(self) -> None:
        """A daemon that stops takes back what still rings."""
        self.carrier.person(PERSON, ring=20.0)
        call = self.calls_out()
        self.passes(5)
        self.daemon.drain()
        self.passes(2)
        self.assert_ended(call, Ending.DRAINED)

    def now(self, method: str, path: str) -> tuple[int, Any]:
        """What the API answers at once."""
        asked = self.asks(method, path)
        self.passes(0)
        return self.successResultOf(asked)


class CarrierTroubleTests(Outbound):
    """The carrier refuses, or does not answer."""

    def test_refusals(self) -> None:
        """Its codes become statuses and sentences; nothing is left behind, and nothing counted."""
        for code, status in [(21211, 400), (21219, 502), (21216, 400), (10004, 503)]:
            self.carrier.refuse(PERSON, code)
            answered, body = self.refused()
            self.assertEqual((answered, body["success"], body["code"]), (status, False, code))
            self.assertEqual(self.guard.permits[-1].talked, [None])
        self.assertEqual(self.journal.lines, [])

    def test_too_many(self) -> None:
        """429 is tried again, and nobody notices."""
        self.carrier.fail_rest(429, times=2)
        placed = self.carrier.when_placed()
        asked = self.asks("POST", "/outbound-call", {"number": PERSON})
        self.passes(2)
        call = self.successResultOf(placed)
        self.assertEqual(self.successResultOf(asked)[0], 200)
        self.passes(10)
        self.assert_ended(call, Ending.COMPLETED)

    def test_down(self) -> None:
        """A broken Twilio is 502; the call may exist, so it is looked for, and not asked for again."""
        self.carrier.fail_rest(500)
        status, body = self.refused()
        self.assertEqual((status, body["success"]), (502, False))
        self.assertEqual([each.method for each in self.carrier.rest_requests], ["POST", "GET", "GET"])
        self.passes(60)
        self.assertEqual(self.guard.permits[-1].talked, [None])

    def test_lost_answer(self) -> None:
        """The call was placed and the answer is lost: it is found, and the client gets its SID."""
        self.carrier.lose_rest()
        self.carrier.person(PERSON, ring=20.0)
        placed = self.carrier.when_placed()
        asked = self.asks("POST", "/outbound-call", {"number": PERSON})
        self.passes(9)
        call = self.successResultOf(placed)
        self.assertEqual(self.successResultOf(asked), (200, {**INITIATED, "callSid": call.sid}))
        self.assertEqual(len(self.carrier.calls), 1)
        self.passes(30)
        self.assertEqual("".join(self.read(call)), "Hello you.")

    def test_lost_for_good(self) -> None:
        """No answer, and no call in its list: 504; in the end the place is free again."""
        self.carrier.fail_rest(None)
        asked = self.asks("POST", "/outbound-call", {"number": PERSON})
        self.passes(8 + 2 * LOOK_AFTER + 0.5)
        self.assertEqual(self.successResultOf(asked)[0], 504)
        self.passes(60)
        self.assertEqual((self.guard.held, len(self.daemon.switchboard)), ([], 0))


class GuardTests(Outbound):
    """The guard says no: nothing is asked of the carrier."""

    def test_refused(self) -> None:
        """403 with the rule's name; 429 with Retry-After, where waiting helps."""
        for retry_after, expected in ((None, 403), (12.5, 429)):
            self.guard.refusals["place"] = Refused("allow", "not there", retry_after=retry_after)
            status, body = self.refused()
            self.assertEqual((status, body["rule"]), (expected, "allow"))
        self.assertEqual(self.carrier.rest_requests, [])

    def test_key_for_another_flow(self) -> None:
        """A key that is for other flows may not use this one, whether it is there or not; the guard hears of it."""
        for name in ("outreach", "nobody"):
            asked = self.asks("POST", "/outbound-call", {"number": PERSON, "flow": name}, key=SHOP_KEY)
            self.passes(0)
            status, body = self.successResultOf(asked)
            self.assertEqual((status, body["rule"]), (403, "flows"))
        self.assertEqual(self.guard.asked, [("refuse", ("flows", "main", PERSON, "shop"))] * 2)

    def test_counts_are_kept_first(self) -> None:
        """Where the counters cannot be kept, nobody is called: 503."""
        self.guard.forgets = StoreError("the disk is full")
        self.assertEqual(self.refused()[0], 503)
        self.assertEqual((self.carrier.rest_requests, self.guard.permits[0].talked), ([], [None]))

    def test_what_it_is_asked(self) -> None:
        """Who asks, whom for, and how long."""
        self.calls_out(max_seconds=60)
        kind, (order, party) = self.guard.asked[0]
        self.assertEqual((kind, order.to, order.seconds, party), ("place", PERSON, 60, PARTY))

    def test_wishes(self) -> None:
        """What cannot be is 400, with the field's name."""
        for wish, path in [
            ({"flow": "nobody"}, "flow"),
            ({"prompt": "Be kind."}, "prompt"),
            ({"first_message": "Hi."}, "first_message"),
            ({"from": "+14155550111"}, "from"),
            ({"number": "4155550100"}, "number"),
        ]:
            status, body = self.refused(**wish)
            self.assertEqual((status, body["path"]), (400, path))
        self.assertEqual(self.guard.asked, [])


class AgentTests(Outbound):
    """What was asked for reaches the first agent, verbatim."""

    def setUp(self) -> None:
        """Two agents, one after the other."""
        super().setUp()
        self.agents = [ScriptedAgent(self.clock), ScriptedAgent(self.clock)]
        colleagues = {name: Colleague(agent) for name, agent in zip("ab", self.agents, strict=True)}
        first = Agent("a", first_message=say("Hi {call.party}.").text)
        self.lives_in(flow({"start": [first, Agent("b")]}), agents=colleagues)

    def briefs(self, **wish: Any) -> list[Brief]:
        """What both agents were asked."""
        self.calls_out(**wish)
        self.passes(3)
        self.agents[0].ends()
        self.passes(1)
        return [agent.brief for agent in self.agents]

    def test_verbatim(self) -> None:
        """Braces are braces; the second agent gets nothing of it."""
        first, second = self.briefs(prompt="{call.party} & <b>", first_message="{x}", variables={"name": "Ann"})
        self.assertEqual((first.prompt, first.first_message), ("{call.party} & <b>", "{x}"))
        self.assertEqual(first.variables["name"], "Ann")
        self.assertEqual((second.prompt, second.first_message, dict(second.variables)), (None, None, {}))

    def test_looked_at(self) -> None:
        """Whoever looks at the live call sees what was said so far."""
        call = self.calls_out()
        self.passes(3)
        self.agents[0].says("Good day.")
        self.passes(3)
        asked = self.asks("GET", f"/calls/{call.sid}")
        self.passes(0)
        _, body = self.successResultOf(asked)
        self.assertEqual([line["text"] for line in body["agents"][0]["transcript"]], ["Good day."])

    def test_left_out(self) -> None:
        """What is left out is as the flow has it."""
        first, _ = self.briefs()
        self.assertEqual((first.prompt, first.first_message), (None, f"Hi {PERSON}."))


class MachineTests(Outbound):
    """Who has answered is found out while the flow is under way."""

    nodes = {"start": [say("Hello."), Pause(30), say("Still there?")], "message": [say("Please ring us back.")]}

    def calls_machine(self, on_machine: OnMachine | None, who: str = "machine") -> Any:
        """Call somebody with a flow that does this when it is a machine."""
        message = "message" if on_machine is OnMachine.LEAVE_MESSAGE else None
        self.lives_in(flow(self.nodes, on_machine=on_machine, message=message))
        self.carrier.person(PERSON, answered_by=who, greeting=8.0, detected=3.0)
        return self.calls_out()

    def test_hangup(self) -> None:
        """A machine is hung up on."""
        call = self.calls_machine(OnMachine.HANGUP)
        self.passes(8)
        record = self.assert_ended(call, Ending.MACHINE)
        self.assertEqual(record["answered_by"], "machine")

    def test_message(self) -> None:
        """A message is left when its greeting is over; what was being done is left."""
        call = self.calls_machine(OnMachine.LEAVE_MESSAGE)
        self.passes(9)
        self.assert_heard(call, "Hello.")
        self.passes(5)
        self.assert_heard(call, "Hello.", "Please ring us back.")
        self.assert_ended(call, Ending.MACHINE)

    def test_message_cuts(self) -> None:
        """What is being said to the machine's greeting is cut: the message comes next, and not the next step."""
        self.nodes = {"start": [say("A sentence " * 40), say("Next.")], "message": [say("Please ring us back.")]}
        call = self.calls_machine(OnMachine.LEAVE_MESSAGE)
        self.passes(14)
        heard = "".join(self.read(call))
        self.assertTrue(heard.endswith("Please ring us back."), heard)
        self.assertNotIn("Next", heard)

    def test_continue(self) -> None:
        """The flow goes on, and knows it."""
        self.nodes = {"start": [Pause(5), say("You are a {call.answered_by}.")]}
        call = self.calls_machine(OnMachine.CONTINUE)
        self.passes(12)
        self.assert_heard(call, "You are a machine.")
        self.assert_ended(call, Ending.COMPLETED)

    def test_human(self) -> None:
        """A human is spoken with."""
        call = self.calls_machine(OnMachine.HANGUP, "human")
        self.passes(45)
        self.assert_heard(call, "Hello.", "Still there?")

    def test_fax(self) -> None:
        """A fax gets no message."""
        call = self.calls_machine(OnMachine.LEAVE_MESSAGE, "fax")
        self.passes(14)
        self.assertEqual(self.assert_ended(call, Ending.MACHINE)["answered_by"], "fax")

    def test_one_sentence(self) -> None:
        """A flow that is over before its greeting waits for the beep: the message is left all the same."""
        self.nodes = {"start": [say("Your parcel is here.")], "message": [say("Please ring us back.")]}
        call = self.calls_machine(OnMachine.LEAVE_MESSAGE)
        self.passes(30)
        self.assert_heard(call, "Your parcel is here.", "Please ring us back.")
        self.assertEqual(self.assert_ended(call, Ending.MACHINE)["answered_by"], "machine")

    def test_one_sentence_to_a_human(self) -> None:
        """Nobody waits any more once it is known that a human has heard it."""
        self.nodes = {"start": [say("Your parcel is here.")], "message": [say("Please ring us back.")]}
        call = self.calls_machine(OnMachine.LEAVE_MESSAGE, "human")
        self.passes(8)
        self.assert_heard(call, "Your parcel is here.")
        self.assert_ended(call, Ending.COMPLETED)

    def test_nobody_finds_out(self) -> None:
        """When the carrier does not say who it is, the call ends without a message."""
        self.nodes = {"start": [say("Your parcel is here.")], "message": [say("Please ring us back.")]}
        self.carrier.callbacks = Callbacks(lost={"answered-by"})
        call = self.calls_machine(OnMachine.LEAVE_MESSAGE)
        self.passes(50)
        self.assert_heard(call, "Your parcel is here.")
        self.assertEqual(self.assert_ended(call, Ending.COMPLETED)["answered_by"], "")

    def test_verdict_cannot_come_any_more(self) -> None:
        """A long flow waits no longer than the carrier listens."""
        self.nodes = {"start": [Pause(31), say("Your parcel is here.")], "message": [say("Ring us back.")]}
        self.carrier.callbacks = Callbacks(lost={"answered-by"})
        call = self.calls_machine(OnMachine.LEAVE_MESSAGE)
        self.passes(38)
        self.assert_heard(call, "Your parcel is here.")
        self.assert_ended(call, Ending.COMPLETED)

    def test_stream_lost_while_it_waits(self) -> None:
        """What was said is not said again."""
        self.nodes = {"start": [say("Your parcel is here.")], "message": [say("Ring us back.")]}
        self.carrier.callbacks = Callbacks(lost={"answered-by"})
        call = self.calls_machine(OnMachine.LEAVE_MESSAGE)
        self.passes(8)
        self.carrier.drop_stream(call)
        self.passes(40)
        self.assert_heard(call, "Your parcel is here.")
        self.assert_ended(call, Ending.COMPLETED)

    def test_human_leaves_while_it_waits(self) -> None:
        """A caller who hangs up in the meantime ends it at once."""
        self.nodes = {"start": [say("Your parcel is here.")], "message": [say("Please ring us back.")]}
        self.carrier.callbacks = Callbacks(lost={"answered-by"})
        call = self.calls_machine(OnMachine.LEAVE_MESSAGE)
        self.passes(8)
        call.hang_up()
        self.passes(1)
        self.assert_ended(call, Ending.CALLER_HUNG_UP)

    def test_connected_with_a_machine(self) -> None:
        """Nobody is left to talk with a machine: the leg is ended, whatever the flow does with machines."""
        for on_machine in (OnMachine.HANGUP, OnMachine.LEAVE_MESSAGE):
            self.nodes = {"start": [Transfer(Template.parse("+14155550100"))], "message": [say("Ring us back.")]}
            call = self.calls_machine(on_machine)
            self.passes(20)
            self.assertEqual(self.assert_ended(call, Ending.MACHINE)["answered_by"], "machine")

    def test_last_words(self) -> None:
        """A machine that is noticed in the last sentence is called one."""
        self.nodes = {"start": [say("Goodbye " * 12)]}
        call = self.calls_machine(OnMachine.HANGUP)
        self.passes(2.5)
        session = self.daemon.switchboard.find(call.sid)
        assert session is not None
        session._flow_ended(Ending.COMPLETED)
        session.answered_by("machine")
        self.passes(20)
        self.assert_ended(call, Ending.MACHINE)

    def test_last_words_of_another_end(self) -> None:
        """A call that ends otherwise is called by that, whoever has heard it."""
        call = self.calls_machine(OnMachine.HANGUP)
        self.passes(2.5)
        session = self.daemon.switchboard.find(call.sid)
        assert session is not None
        session.end_by_api(goodbye=True)
        session.answered_by("machine")
        self.passes(5)
        self.assertEqual(self.assert_ended(call, Ending.CANCELLED)["answered_by"], "machine")

    def test_during_the_apology(self) -> None:
        """An apology is heard to its end, whoever hears it."""
        self.nodes = {"start": [Pause(6), Play("missing")], "message": [say("Please ring us back.")]}
        call = self.calls_machine(OnMachine.LEAVE_MESSAGE)
        self.passes(30)
        self.assertIn("We are sorry", "".join(self.read(call)))
        self.assertTrue("".join(self.read(call)).endswith("Goodbye."))
        self.assert_ended(call, Ending.FAILED)

    def test_said_twice(self) -> None:
        """What the carrier says first is believed."""
        call = self.calls_machine(OnMachine.LEAVE_MESSAGE, "human")
        self.passes(6)
        session = self.daemon.switchboard.find(call.sid)
        assert session is not None
        session.answered_by("machine")
        self.passes(60)
        self.assert_heard(call, "Hello.", "Still there?")
        self.assertEqual(self.assert_ended(call, Ending.COMPLETED)["answered_by"], "human")

    def test_before_the_stream(self) -> None:
        """Who it is may be known before the stream is there: the message is all that is said."""
        call = self.calls_machine(OnMachine.LEAVE_MESSAGE)
        session = self.daemon.switchboard.find(call.sid)
        assert session is not None
        session.answered_by("machine")
        self.passes(6)
        self.assert_heard(call, "Please ring us back.")

    def test_off(self) -> None:
        """Nobody finds out where the client says so, or nothing depends on it."""
        self.calls_machine(None)
        self.assertNotIn("MachineDetection", self.carrier.rest_requests[-1].form)


class IdempotencyTests(Outbound):
    """One key, one call."""

    def again(self, **wish: Any) -> tuple[int, Any]:
        """The same request once more."""
        asked = self.asks("POST", "/outbound-call", {"number": PERSON, "idempotency_key": "row-7", **wish})
        self.passes(0.5)
        return self.successResultOf(asked)

    def test_again(self) -> None:
        """The same key gives the same call, also when that is over, and nothing is counted twice."""
        call = self.calls_out(idempotency_key="row-7")
        self.assertEqual(self.again()[1]["callSid"], call.sid)
        self.passes(30)
        self.assertEqual(self.again()[1]["callSid"], call.sid)
        self.assertEqual((len(self.carrier.calls), len(self.guard.asked)), (1, 1))

    def test_together(self) -> None:
        """Of many at once, one places the call, and all get it."""
        self.carrier.delay_rest(3)
        wish = {"number": PERSON}
        asked = [self.asks("POST", "/outbound-call", wish, **{"Idempotency-Key": "row-7"}) for _ in range(5)]
        self.passes(4)
        answers = {self.successResultOf(each)[1]["callSid"] for each in asked}
        self.assertEqual((len(answers), len(self.carrier.calls)), (1, 1))

    def test_after_restart(self) -> None:
        """A daemon that has begun anew knows the key."""
        call = self.calls_out(idempotency_key="row-7")
        self.passes(30)
        self.lives_in(flow(OUTREACH, "outreach"))
        self.assertEqual(self.again()[1]["callSid"], call.sid)
        self.assertEqual(len(self.carrier.calls), 1)

    def test_another_wish(self) -> None:
        """A key stands for one request."""
        self.calls_out(idempotency_key="row-7")
        self.assertEqual(self.again(timeout=20)[0], 422)

    def test_refused_first(self) -> None:
        """A request that was refused frees its key, for whoever waited, too."""
        self.guard.refusals["place"] = Refused("calls_per_minute", "wait", retry_after=30)
        self.assertEqual(self.again()[0], 429)
        del self.guard.refusals["place"]
        self.assertEqual(self.again()[0], 200)

    def test_fails_while_others_wait(self) -> None:
        """When the first of several fails, the next one tries; there is one call at most."""
        self.carrier.delay_rest(1)
        self.carrier.refuse(PERSON, 21216)
        wish = {"number": PERSON, "idempotency_key": "row-7"}
        asked = [self.asks("POST", "/outbound-call", wish) for _ in range(3)]
        self.passes(5)
        self.assertEqual([self.successResultOf(each)[0] for each in asked], [400] * 3)
        self.assertEqual(self.placed.known, {})

    def test_no_answer(self) -> None:
        """While nobody can say whether it was placed: 504, and no second call; when it was not, a new one."""
        self.carrier.fail_rest(None)
        asked = self.asks("POST", "/outbound-call", {"number": PERSON, "idempotency_key": "row-7"})
        self.passes(20)
        self.assertEqual(self.successResultOf(asked)[0], 504)
        self.assertEqual(self.again()[0], 504)
        self.passes(90)
        self.assertEqual(self.again()[0], 200)
        self.assertEqual(len(self.carrier.calls), 1)

    def test_killed_while_asking(self) -> None:
        """A daemon that was killed between asking and being answered finds the call it placed."""
        self.carrier.callbacks = Callbacks(lost={"all"})
        self.carrier.delay_rest(5)
        self.carrier.person(PERSON, ring=25.0)
        asked = self.asks("POST", "/outbound-call", {"number": PERSON, "idempotency_key": "row-7"})
        self.passes(1)
        asked.addErrback(lambda _: succeed(None))
        self.daemon.placing, self.guard.held[:] = None, []
        self.killed()
        status, body = self.again()
        self.assertEqual((status, body["callSid"]), (200, next(iter(self.carrier.calls))))

    def killed(self) -> None:
        """The daemon is gone, and another one is there."""
        for due in self.clock.getDelayedCalls():
            if "Life" in repr(due.func) or "life" in repr(due.func):
                due.cancel()
        self.guard.permits.clear()
        self.lives_in(flow(OUTREACH, "outreach"))
