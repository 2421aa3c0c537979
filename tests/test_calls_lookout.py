"""Calls that we place and that the carrier is silent about, and keys whose store breaks: nothing is rung twice."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from tests.house import PERSON, flow, say
from tests.test_calls_outbound import Outbound
from voiced.call.flow import Flow
from voiced.call.life import LOOK_AGAIN
from voiced.call.living import RING_GRACE
from voiced.call.lookout import MOST_LOOKS
from voiced.call.placing import CERTAIN_AFTER
from voiced.call.records import Ending
from voiced.errors import StoreError
from voiced.simulator.carrier import Callbacks

FIRST_LOOK = 30 + RING_GRACE
"""Seconds after which a call that rings for 30 s at most is looked for."""


class LookoutTests(Outbound):
    """The carrier tells us nothing by itself."""

    def setUp(self) -> None:
        """All callbacks are lost."""
        super().setUp()
        self.carrier.callbacks = Callbacks(lost={"all"})

    def test_queued_for_ever(self) -> None:
        """A call that waits in the carrier's queue is asked about, and in the end taken back."""
        self.carrier.calls_per_second = 1 / 3600
        self.calls_out("+14155550111")
        call = self.calls_out()
        self.passes(FIRST_LOOK + LOOK_AGAIN * (MOST_LOOKS - 2))
        self.assertEqual((call.status, call.over), ("queued", False))
        self.passes(LOOK_AGAIN * 2)
        record = self.assert_ended(call, Ending.FAILED)
        self.assertEqual(call.status, "canceled")
        self.assertIn("the carrier has not told us by itself how it ended", record["faults"])

    def test_api_is_down(self) -> None:
        """While it cannot be asked either, the call is kept; then it is asked again."""
        self.carrier.person(PERSON, "busy")
        call = self.calls_out()
        self.carrier.fail_rest(500, times=2)
        self.passes(FIRST_LOOK + LOOK_AGAIN + 5)
        self.assertIsNotNone(self.daemon.switchboard.find(call.sid))
        self.passes(LOOK_AGAIN)
        self.assert_ended(call, Ending.BUSY)

    def test_api_stays_down(self) -> None:
        """A carrier that cannot be asked for five minutes has lost the call, as far as we can do anything."""
        self.carrier.person(PERSON, ring=1000.0)
        call = self.calls_out(timeout=120)
        self.carrier.fail_rest(500, times=100)
        self.passes(120 + RING_GRACE + LOOK_AGAIN * MOST_LOOKS)
        self.assertIsNone(self.daemon.switchboard.find(call.sid))
        self.carrier.ledger.faults.clear()

    def test_nobody_lists_it(self) -> None:
        """A call whose `create` got no answer and that is in no list has never been."""
        self.carrier.fail_rest(None)
        asked = self.asks("POST", "/outbound-call", {"number": PERSON})
        self.passes(FIRST_LOOK + 30)
        self.assertEqual(self.successResultOf(asked)[0], 504)
        self.assertEqual((self.guard.permits[0].talked, self.journal.lines), ([None], []))

    def test_created_late(self) -> None:
        """A carrier that takes its time with `create` is not asked about the call meanwhile."""
        self.carrier.fail_rest(429, times=3)
        self.carrier.delay_rest(7.5)
        self.carrier.person(PERSON, ring=3.0)
        asked = self.asks("POST", "/outbound-call", {"number": PERSON, "timeout": 5})
        self.passes(0)
        session = next(iter(self.daemon.switchboard))
        session.look()
        self.passes(15)
        self.assertEqual(self.successResultOf(asked)[0], 200)
        self.assertEqual({each.method for each in self.carrier.rest_requests}, {"POST"})

    def test_found_in_the_list(self) -> None:
        """A call whose `create` got no answer is found in the carrier's list, and the client gets its SID."""
        self.carrier.lose_rest()
        self.carrier.person(PERSON, ring=20.0)
        asked = self.asks("POST", "/outbound-call", {"number": PERSON})
        self.passes(9)
        call = next(iter(self.carrier.calls.values()))
        self.assertEqual(self.successResultOf(asked)[1]["callSid"], call.sid)

    def test_nobody_can_be_asked(self) -> None:
        """A call of which nobody knows whether it is there keeps its place while it is asked about, five minutes."""
        self.carrier.lose_rest()
        self.carrier.person(PERSON, "no-answer")
        asked = self.asks("POST", "/outbound-call", {"number": PERSON})
        self.carrier.fail_rest(500, times=100)
        self.passes(FIRST_LOOK + LOOK_AGAIN * (MOST_LOOKS - 2))
        self.assertEqual(self.successResultOf(asked)[0], 504)
        self.assertEqual(len(self.guard.held), 1)
        self.passes(LOOK_AGAIN * 2)
        self.assertEqual(self.guard.permits[0].talked, [0.0])
        self.carrier.ledger.faults.clear()

    def test_our_own_fault(self) -> None:
        """A fault of ours in asking is logged, and the next look is not kept from coming."""
        self.carrier.person(PERSON, "busy")
        call = self.calls_out()
        session = self.daemon.switchboard.find(call.sid)
        assert session is not None
        session.looks = None  # type: ignore[assignment]
        self.passes(FIRST_LOOK + 1)
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)
        session.looks = 1
        self.passes(LOOK_AGAIN)
        self.assert_ended(call, Ending.BUSY)

    def test_the_list_lags(self) -> None:
        """A call that the carrier lists only later is found, and counts."""
        self.carrier.lose_rest()
        self.carrier.person(PERSON, ring=25.0)
        asked = self.asks("POST", "/outbound-call", {"number": PERSON})
        self.carrier.fail_rest(500, times=2)  # the two looks for it
        self.passes(16)
        self.assertEqual(self.successResultOf(asked)[0], 504)
        call = next(iter(self.carrier.calls.values()))
        self.passes(30)
        self.assertEqual("".join(self.read(call)), "Hello you.")
        self.assert_ended(call, Ending.COMPLETED)


class TakenBackTests(Outbound):
    """The call is not wanted any more before the carrier has named it."""

    def test_daemon_stops(self) -> None:
        """It is ended at the carrier as soon as that says its name; the daemon waits for it, and the key is free."""
        self.carrier.delay_rest(3)
        self.carrier.person(PERSON, ring=20.0)
        self.carrier.callbacks = Callbacks(lost={"all"})
        asked = self.asks("POST", "/outbound-call", {"number": PERSON, "idempotency_key": "one"})
        self.passes(1)
        drained = self.daemon.drain()
        self.passes(1)
        self.assertNoResult(drained)
        self.passes(5)
        self.successResultOf(drained)
        self.assertEqual((self.successResultOf(asked)[0], self.placed.known), (503, {}))
        self.assertEqual(next(iter(self.carrier.calls.values())).status, "canceled")

    def test_second_term(self) -> None:
        """A daemon that is told twice does not wait for it."""
        self.carrier.fail_rest(None)
        self.asks("POST", "/outbound-call", {"number": PERSON})
        self.passes(1)
        drained = self.daemon.drain()
        self.daemon.abandon()
        self.passes(0)
        self.successResultOf(drained)

    def test_repeated_for_ever(self) -> None:
        """Clients who repeat their requests do not keep a daemon from stopping."""
        self.carrier.fail_rest(None, times=50)
        wish = {"number": PERSON, "idempotency_key": "one"}
        self.asks("POST", "/outbound-call", wish)
        self.passes(20)
        drained = self.daemon.drain()
        answers = []
        for _ in range(20):
            answers.append(self.asks("POST", "/outbound-call", wish))
            self.passes(2)
        self.successResultOf(drained)
        self.assertEqual({self.successResultOf(each)[0] for each in answers}, {503})
        self.carrier.ledger.faults.clear()

    def test_before_it_was_asked_for(self) -> None:
        """A daemon that stops while the guard's counts are written asks the carrier for nothing."""
        written: Deferred[None] = Deferred()
        self.guard.settled = lambda: written  # type: ignore[method-assign]
        asked = self.asks("POST", "/outbound-call", {"number": PERSON, "idempotency_key": "one"})
        self.passes(1)
        self.daemon.drain()
        self.passes(1)
        written.callback(None)
        self.passes(1)
        self.assertEqual((self.successResultOf(asked)[0], self.carrier.rest_requests), (503, []))
        self.assertEqual(self.placed.known, {})

    def test_and_the_api_is_down(self) -> None:
        """When that fails, it is tried until it is so."""
        self.carrier.delay_rest(3)
        self.carrier.person(PERSON, ring=40.0)
        asked = self.asks("POST", "/outbound-call", {"number": PERSON})
        self.passes(1)
        self.carrier.callbacks = Callbacks(lost={"all"})
        self.carrier.fail_rest(500, times=3)
        self.daemon.switchboard.abandon()
        self.passes(4)
        self.assertEqual(self.successResultOf(asked)[0], 503)
        call = next(iter(self.carrier.calls.values()))
        self.assertEqual(call.status, "ringing")
        self.passes(10)
        self.assertEqual(call.status, "canceled")


class BrokenStoreTests(Outbound):
    """The idempotency keys cannot be kept."""

    def again(self) -> tuple[int, Any]:
        """A request with a key."""
        asked = self.asks("POST", "/outbound-call", {"number": PERSON, "idempotency_key": "one"})
        self.passes(0.5)
        return self.successResultOf(asked)

    def test_from_the_beginning(self) -> None:
        """Nobody is called for a key that cannot be remembered: 503."""
        self.placed.broken = StoreError("the disk is full")
        status, body = self.again()
        self.assertEqual((status, self.carrier.rest_requests), (503, []))
        self.assertNotIn("disk", body["error"])

    def test_in_between(self) -> None:
        """A key that cannot be freed, or named, is said in the log; the call is as it is."""
        self.carrier.callbacks = Callbacks(lost={"all"})
        self.carrier.delay_rest(1)
        asked = self.asks("POST", "/outbound-call", {"number": PERSON, "idempotency_key": "one"})
        self.passes(0.5)
        self.placed.broken = StoreError("the disk is full")
        self.passes(1)
        self.assertEqual(self.successResultOf(asked)[0], 200)

    def test_when_it_is_freed(self) -> None:
        """The client is told what was wrong with the request, not that its key is still taken."""
        self.carrier.delay_rest(1)
        self.carrier.refuse(PERSON, 21211)
        asked = self.asks("POST", "/outbound-call", {"number": PERSON, "idempotency_key": "one"})
        self.passes(0.5)
        self.placed.broken = StoreError("the disk is full")
        self.passes(1)
        self.assertEqual(self.successResultOf(asked)[0], 400)


class LateNameTests(Outbound):
    """A call that was given up for unknown shows itself after all."""

    def test_key_is_named_by_the_webhook(self) -> None:
        """Whoever asks again with its key gets it, also when it is over."""
        self.carrier.lose_rest()
        self.carrier.fail_rest(500, times=2)
        self.carrier.person(PERSON, ring=20.0)
        self.carrier.callbacks = Callbacks(lost={"initiated", "ringing"})
        asked = self.asks("POST", "/outbound-call", {"number": PERSON, "idempotency_key": "one"})
        self.passes(16)
        self.assertEqual(self.successResultOf(asked)[0], 504)
        self.passes(60)
        call = next(iter(self.carrier.calls.values()))
        self.assert_ended(call, Ending.COMPLETED)
        again = self.asks("POST", "/outbound-call", {"number": PERSON, "idempotency_key": "one"})
        self.passes(0)
        self.assertEqual(self.successResultOf(again)[1]["callSid"], call.sid)

    def test_asked_again_meanwhile(self) -> None:
        """While it rings, unnamed, the carrier's list names it."""
        self.carrier.lose_rest()
        self.carrier.fail_rest(500, times=2)
        self.carrier.person(PERSON, ring=28.0)
        self.carrier.callbacks = Callbacks(lost={"initiated", "ringing"})
        wish = {"number": PERSON, "idempotency_key": "one"}
        asked: Deferred[Any] = self.asks("POST", "/outbound-call", wish)
        self.passes(16)
        self.assertEqual(self.successResultOf(asked)[0], 504)
        again = self.asks("POST", "/outbound-call", wish)
        self.passes(0.1)
        call = next(iter(self.carrier.calls.values()))
        self.assertEqual(self.successResultOf(again)[1]["callSid"], call.sid)
        self.passes(40)
        self.assert_ended(call, Ending.COMPLETED)

    def test_certain(self) -> None:
        """A key is not free before it is certain that its call never was."""
        self.carrier.fail_rest(None)
        wish = {"number": PERSON, "idempotency_key": "one"}
        asked = self.asks("POST", "/outbound-call", wish)
        self.passes(CERTAIN_AFTER - 1)
        self.assertEqual(self.successResultOf(asked)[0], 504)
        early = self.asks("POST", "/outbound-call", wish)
        self.passes(0)
        self.assertEqual(self.successResultOf(early)[0], 504)
        self.passes(2)
        late = self.asks("POST", "/outbound-call", wish)
        self.passes(0.1)
        self.assertEqual(self.successResultOf(late)[0], 200)


class TwoOfOneNumberTests(Outbound):
    """Two calls to one number, of which one got no answer: neither is taken for the other."""

    def wish(self, name: str, key: str) -> Deferred[Any]:
        """A call that says this name."""
        return self.asks(
            "POST", "/outbound-call", {"number": PERSON, "variables": {"name": name}, "idempotency_key": key}
        )

    def test_the_other_is_unnamed_too(self) -> None:
        """While both wait for their names, neither gets the one in the list."""
        self.carrier.person(PERSON, ring=20.0)
        self.carrier.callbacks = Callbacks(lost={"all"})
        self.carrier.fail_rest(None)
        silent = self.wish("B", "b")
        self.passes(2)
        self.carrier.delay_rest(7.9)
        late = self.wish("A", "a")
        self.passes(8)
        self.passes(20)
        call = next(iter(self.carrier.calls.values()))
        self.assertEqual(self.successResultOf(silent)[0], 504)
        self.assertEqual(self.successResultOf(late)[1]["callSid"], call.sid)
        self.assertEqual("".join(self.read(call)), "Hello A.")
        self.passes(300)
        self.assert_ended(call, Ending.COMPLETED)

    def test_after_a_restart(self) -> None:
        """The SID of another key's call is not this one's."""
        call = self.calls_out(idempotency_key="a")
        self.carrier.fail_rest(None)
        asked = self.wish("B", "b")
        self.passes(30)
        self.assertEqual(self.successResultOf(asked)[0], 504)
        self.lives_in(flow({"start": [say("Hello {variables.name|you}.")]}, "outreach"))
        again = self.wish("B", "b")
        self.passes(0.5)
        self.assertEqual(self.successResultOf(again)[0], 504)
        self.passes(CERTAIN_AFTER)
        anew = self.wish("B", "b")
        self.passes(0.5)
        self.assertNotEqual(self.successResultOf(anew)[1]["callSid"], call.sid)

    def test_after_a_restart_both_wait(self) -> None:
        """Of two keys that wait for one listed call, none gets it."""
        self.carrier.lose_rest()
        self.carrier.callbacks = Callbacks(lost={"all"})
        self.carrier.person(PERSON, ring=25.0)
        first = self.wish("A", "a")
        self.carrier.fail_rest(500, times=2)
        self.passes(15)
        self.assertEqual(self.successResultOf(first)[0], 504)
        order = self.placed.known["crm a"]
        self.placed.known["crm b"] = order
        self.daemon.switchboard.abandon()
        self.passes(1)
        self.lives_in(flow({"start": [say("Hello.")]}, "outreach"))
        again = self.wish("A", "a")
        self.passes(0.5)
        self.assertEqual(self.successResultOf(again)[0], 504)

    def test_neither_is_ever_named(self) -> None:
        """Two that nobody can tell apart are given up in the end; what they may have cost is not given back."""
        self.carrier.callbacks = Callbacks(lost={"all"})
        self.carrier.fail_rest(None, times=2)
        asked = [self.wish("A", "a"), self.wish("B", "b")]
        self.passes(FIRST_LOOK + LOOK_AGAIN * MOST_LOOKS)
        self.assertEqual([self.successResultOf(each)[0] for each in asked], [504, 504])
        self.assertEqual(len(self.daemon.switchboard), 0)
        self.assertIn([0.0], [permit.talked for permit in self.guard.permits])

    def test_one_name_for_one_call(self) -> None:
        """A name that a live call has is not given to another."""
        call = self.calls_out()
        self.carrier.fail_rest(None)
        self.asks("POST", "/outbound-call", {"number": "+14155550111"})
        self.passes(1)
        board = self.daemon.switchboard
        other = next(session for session in board if not session.info.sid)
        board.named(other, call.sid)
        self.assertEqual((other.info.sid, board.find(call.sid) is other), ("", False))


class StrangeWebhookTests(Outbound):
    """The carrier asks about calls that are not what it thinks."""

    def post(self, path: str, **form: str) -> str:
        """What a webhook is answered."""
        call = self.calls_out()
        answer = self.carrier.post(path, {**call.form(), **form})
        self.passes(0)
        return self.successResultOf(answer).body.decode()

    def test_unknown_outbound(self) -> None:
        """A call that a daemon before us has placed: the human hears that we are sorry."""
        for path in ("/outbound-call-twiml", "/call/incoming", "/call/after"):
            said = self.post(path, CallSid="CA" + "9" * 32, CallStatus="in-progress")
            self.assertIn("<Say>We are sorry", said)

    def test_unknown_and_over(self) -> None:
        """One that is over is hung up on."""
        said = self.post("/outbound-call-twiml", CallSid="CA" + "9" * 32, CallStatus="completed")
        self.assertEqual(said, '<?xml version="1.0" encoding="UTF-8"?><Response><Hangup /></Response>')

    def test_reference_of_another_call(self) -> None:
        """A reference is for one call: with another SID it is refused."""
        self.carrier.person(PERSON, ring=20.0)
        call = self.calls_out()
        reference = next(iter(self.daemon.switchboard._placed))
        form = {**call.form(), "CallSid": "CA" + "9" * 32, "CallStatus": "in-progress"}
        answer = self.carrier.post(f"/outbound-call-twiml?call={reference}", form)
        self.passes(0)
        self.assertEqual(self.successResultOf(answer).status, 403)

    def test_twiml_twice(self) -> None:
        """A carrier that asks twice gets the same ticket."""
        self.carrier.person(PERSON, ring=20.0)
        call = self.calls_out()
        reference = next(iter(self.daemon.switchboard._placed))
        said = []
        for _ in range(4):
            answer = self.carrier.post(f"/outbound-call-twiml?call={reference}", call.form(CallStatus="in-progress"))
            self.passes(0)
            said.append(self.successResultOf(answer).body.decode())
        self.assertIn("<Stream", said[0])
        self.assertEqual(set(said), {said[0]})

    def test_twiml_during_the_stream(self) -> None:
        """A carrier that repeats itself when the human is on the line does no harm: the sentence goes on."""
        call = self.calls_out()
        reference = next(iter(self.daemon.switchboard._placed))
        self.passes(2.3)
        self.carrier.post(f"/outbound-call-twiml?call={reference}", call.form())
        self.passes(10)
        self.assert_heard(call, "Hello you.")

    def test_nothing_for_get(self) -> None:
        """GET, which crawlers and curious people send, starts nothing and tells nothing (B26)."""
        for path in ("/outbound-call-twiml", "/outbound-call", "/call/incoming", "/call/answered-by"):
            asked = self.network.http().get("http://daemon" + path)
            self.passes(0)
            self.assertEqual(self.successResultOf(asked).code, 405)


class ManyTests(Outbound):
    """Several at once."""

    def test_two_people(self) -> None:
        """Calls to two people are told apart, whatever comes first."""
        people = ["+14155550111", "+14155550112"]
        calls = [self.calls_out(person, variables={"name": person}) for person in people]
        self.passes(10)
        for call, person in zip(calls, people, strict=True):
            self.assertEqual("".join(self.read(call)), f"Hello {person}.")

    def test_no_room(self) -> None:
        """When as many calls live as may: 503, and the guard is not asked."""
        self.lives_in(self.waiting(), most_calls=1)
        self.calls_out()
        status, _ = self.refused()
        self.assertEqual((status, len(self.guard.asked)), (503, 1))

    def test_draining(self) -> None:
        """A daemon that stops places no call."""
        self.lives_in(self.waiting())
        self.calls_out()
        self.passes(3)
        self.daemon.drain()
        self.assertEqual(self.refused()[0], 503)

    @staticmethod
    def waiting() -> Flow:
        """A flow that takes its time."""
        return flow({"start": [say("Hello. " * 100)]}, "outreach")
