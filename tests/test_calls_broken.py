"""Whole calls on which something breaks: the stream, the voice, a step, the carrier's manners."""

from __future__ import annotations

from typing import ClassVar

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from zope.interface import implementer

from tests.house import House, flow, say
from voiced.call.flow import MOST_STEPS, Flow
from voiced.call.records import Ending
from voiced.call.steps.handover import Agent
from voiced.call.steps.routing import Goto
from voiced.call.steps.speech import Pause
from voiced.errors import CallOver, FlowError, SynthesisError
from voiced.ivoiced import AgentLimits, Brief, Dial, ICall, IStep, Mentions
from voiced.simulator.carrier import Callbacks
from voiced.testing.fakes import SpellingVoice
from voiced.twilio.web import Refusal

APOLOGY = "Sorry."


@implementer(IStep)
class Do(msgspec.Struct, frozen=True):
    """A step that does what the test says."""

    act: object
    shorthand: ClassVar[str] = "act"

    def mentions(self) -> Mentions:
        """Nothing."""
        return Mentions()

    async def run(self, call: ICall) -> None:
        """Do it."""
        result = self.act(call)
        if isinstance(result, Deferred):
            await result


def fails(call: ICall) -> None:
    raise FlowError("the step did not work")


def breaks(call: ICall) -> None:
    raise ZeroDivisionError("a fault in a plugin")


def over(call: ICall) -> None:
    raise CallOver


class BrokenFlow(Flow):
    """A flow that cannot even be walked."""

    async def run(self, call: object, run: object) -> Ending:
        """See Flow."""
        raise ZeroDivisionError("a fault of ours")


class CallerGoneTests(House):
    """Callers who hang up at the worst moment."""

    def hangs_up_after(self, seconds: float, *steps: IStep) -> dict[str, object]:
        """Ring a flow of these steps and hang up after so long; gives the record."""
        self.lives_in(flow({"start": list(steps)}))
        self.call = self.ring()
        self.passes(seconds)
        self.call.hang_up()
        self.passes(1)
        return self.assert_ended(self.call, Ending.CALLER_HUNG_UP)

    def test_during_synthesis(self) -> None:
        """The synthesis is cancelled, and nobody stays behind."""
        self.voice.first_after = 1.0
        record = self.hangs_up_after(0.5, say("Too late."))
        self.assertEqual(self.voice.cancellations, 1)
        self.assertEqual(record["steps"][0]["result"], "cut off")

    def test_during_sentence(self) -> None:
        """What was heard was heard; the flow goes nowhere else."""
        self.hangs_up_after(0.4, say("Good morning."), say("Never said."))
        self.assert_heard(self.call, "Good mor")
        self.assertEqual(self.voice.spoken, ["Good morning."])

    def test_during_pause(self) -> None:
        """Its timer goes, too."""
        self.hangs_up_after(1, Pause(60))
        self.assertEqual(self.due_after(50), [])

    def test_before_stream(self) -> None:
        """A caller who hangs up while it rings: the ticket and its timer go."""
        self.lives_in(flow({"start": [say("Hi.")]}))
        self.network.endpoint("daemon")
        call = self.carrier.ring(to="+14155550123")
        self.carrier.callbacks = Callbacks(late=2.0)
        call.hang_up()
        self.passes(40)
        self.assertEqual(len(self.daemon.switchboard), 0)

    def test_during_goodbye(self) -> None:
        """Who hangs up in our last sentence has had a complete call."""
        self.lives_in(flow({"start": [say("Good"), Do(lambda call: call._speaker.send(b"\x01" * 8000))]}))
        call = self.ring()
        self.passes(1)
        call.hang_up()
        self.passes(1)
        self.assert_ended(call, Ending.COMPLETED)

    def test_on_hangup(self) -> None:
        """The flow's `on_hangup` runs when the caller has gone; whatever needs the line raises CallOver there."""
        gone: list[object] = []

        def tries(call: ICall) -> None:
            conversing = call.converse("x", Brief(), AgentLimits())
            for verb in (call.listen(1), call.wait(1), conversing, call.play(b"a"), call.say(say("a").text)):
                verb.addErrback(lambda failure: gone.append(failure.type))
            self.assertRaises(CallOver, call.interrupt)

        nodes = {"start": [Pause(9)], "gone": [Do(tries), Do(fails)]}
        self.lives_in(flow(nodes, on_hangup="gone"))
        call = self.ring()
        self.passes(1)
        call.hang_up()
        self.passes(1)
        record = self.assert_ended(call, Ending.CALLER_HUNG_UP)
        self.assertEqual(gone, [CallOver] * 5)
        self.assertIn("on_hangup: the step did not work", record["faults"])

    def test_on_hangup_breaks(self) -> None:
        """A fault in `on_hangup` is logged with its traceback and ends nothing but itself."""
        self.lives_in(flow({"start": [Pause(9)], "gone": [Do(breaks)]}, on_hangup="gone"))
        call = self.ring()
        self.passes(1)
        call.hang_up()
        self.passes(1)
        self.assert_ended(call, Ending.CALLER_HUNG_UP)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_on_hangup_beside_a_dead_api(self) -> None:
        """`on_hangup` does not wait for a dead API, and no step of it begins once the call is over."""
        steps: list[float] = []
        slow = [Do(lambda call: (steps.append(self.clock.seconds()), deferLater(self.clock, 6))[1])] * 9
        self.lives_in(flow({"start": [Pause(9)], "gone": slow}, on_hangup="gone"))
        call = self.ring()
        self.carrier.refuse_webhooks(100)
        self.carrier.fail_rest(None, times=2)
        self.daemon.switchboard.find(call.sid)._stalled()
        self.passes(200)
        self.assertEqual(len(steps), 2)
        self.assertIn("has not said yet that the call is ended", str(self.journal.lines[-1]["faults"]))

    def test_abandoned_beside_a_dead_api(self) -> None:
        """A second SIGTERM does not wait for an API that does not answer, and is quiet about it."""
        self.lives_in(flow({"start": [Pause(9)]}))
        call = self.ring()
        self.carrier.refuse_webhooks(100)
        self.carrier.fail_rest(None)
        self.daemon.switchboard.find(call.sid)._stalled()
        self.passes(16)
        drained = self.daemon.drain()
        self.assertNoResult(drained)
        self.daemon.abandon()
        self.passes(5)
        self.successResultOf(drained)
        self.assertEqual(len(self.journal.lines[-1]["faults"]), 2)
        self.carrier.ledger.faults.clear()

    def test_on_hangup_never_gives_up(self) -> None:
        """Whatever it does with being cancelled: the call ends, and so does the daemon."""
        nodes = {
            "start": [Pause(9)],
            "gone": [Do(lambda call: Deferred(lambda _: None).addErrback(lambda _: Deferred()))],
        }
        self.lives_in(flow(nodes, on_hangup="gone"))
        call = self.ring()
        self.passes(1)
        call.hang_up()
        self.passes(1)
        drained = self.daemon.drain()
        self.assertNoResult(drained)
        self.daemon.switchboard.abandon()
        self.successResultOf(drained)

    def test_on_hangup_hangs(self) -> None:
        """`on_hangup` has ten seconds."""
        nodes = {"start": [Pause(9)], "gone": [Do(lambda call: Deferred())]}
        self.lives_in(flow(nodes, on_hangup="gone"))
        call = self.ring()
        self.passes(1)
        call.hang_up()
        self.passes(9)
        self.assertEqual(len(self.daemon.switchboard), 1)
        self.passes(2)
        self.assert_ended(call, Ending.CALLER_HUNG_UP)

    def due_after(self, seconds: float) -> list[object]:
        """What is still to happen later than so many seconds from now."""
        return [due for due in self.clock.getDelayedCalls() if due.getTime() > self.clock.seconds() + seconds]


class StreamLostTests(House):
    """The media stream dies under a live call."""

    def setUp(self) -> None:
        """A call that is in its second step."""
        super().setUp()
        self.lives_in(flow({"start": [say("One."), say("Two, at some length."), say("Three.")]}), apology=APOLOGY)
        self.call = self.ring()
        self.passes(0.6)

    def test_comes_back(self) -> None:
        """A new stream comes, and the flow goes on at the step it was in."""
        self.carrier.drop_stream(self.call)
        self.passes(5)
        self.assert_heard(self.call, "One.", "Two, aTwo, at some length.", "Three.")
        record = self.assert_ended(self.call, Ending.COMPLETED)
        self.assertEqual(record["streams"], 2)
        self.assertIn("the media socket is gone", record["faults"][0])

    def test_comes_back_by_redirect(self) -> None:
        """The same where the carrier goes on with the next verb."""
        self.carrier.after_close = "next"
        self.carrier.drop_stream(self.call)
        self.passes(5)
        self.assert_ended(self.call, Ending.COMPLETED)

    def test_too_often(self) -> None:
        """A line that breaks again and again is given up, with an apology that needs no stream."""
        for _ in range(4):
            self.carrier.drop_stream(self.call)
            self.passes(0.5)
        self.passes(5)
        self.assertEqual(self.call.said, [APOLOGY])
        self.assert_ended(self.call, Ending.STREAM_LOST)

    def test_no_stream_ever_again(self) -> None:
        """A stream that never comes back is offered four times, not for ever."""
        form, texts = {**self.call.form(), "CallStatus": "in-progress"}, []
        for _ in range(6):
            answer = self.carrier.post("/call/after", form)
            self.clock.advance(0)
            self.carrier.refuse_webhooks(0)
            while not answer.called:
                self.clock.advance(0)
            texts.append(self.successResultOf(answer).text)
            if (session := self.daemon.switchboard.find(self.call.sid)) is not None and session.streaming:
                session.stream_lost(session._stream, Ending.STREAM_LOST, "again")
        self.assertLessEqual(sum("<Stream" in text for text in texts), 4)
        self.assertIn("<Hangup", texts[-1])

    def test_nobody_asks(self) -> None:
        """When the carrier does not ask what now, the call is ended by its API: no caller is left in silence."""
        self.carrier.refuse_webhooks(100)
        session = self.daemon.switchboard.find(self.call.sid)
        session.stream_lost(session._stream, Ending.STREAM_LOST, "the socket died, and Twilio did not notice")
        self.passes(16)
        self.assertEqual([dict(r.form) for r in self.carrier.rest_requests], [{"Status": "completed"}])
        self.assert_ended(self.call, Ending.STREAM_LOST)

    def test_api_down_too(self) -> None:
        """Where the API fails as well, the record says so; it is asked until it has ended the call."""
        self.carrier.refuse_webhooks(100)
        self.carrier.fail_rest(500, times=5)
        session = self.daemon.switchboard.find(self.call.sid)
        session.stream_lost(session._stream, Ending.STREAM_LOST, "the socket died, and Twilio did not notice")
        self.passes(30)
        self.assertEqual(len(self.daemon.switchboard), 0)
        self.assertIn("has not said yet that the call is ended", session.record.faults[-1])
        self.assertEqual(len(self.carrier.rest_requests), 5)
        self.passes(30)
        self.assertEqual(len(self.carrier.rest_requests), 6)

    def test_asked_before_the_socket_dies(self) -> None:
        """`/call/after` while we believe in the stream: it is gone, and the flow goes on on a new one."""
        form = self.call.form()
        answer = self.carrier.post("/call/after", form)
        self.passes(0)
        self.assertIn("<Stream", self.successResultOf(answer).text)
        self.passes(5)
        self.assertEqual(self.assert_ended(self.call, Ending.COMPLETED)["streams"], 2)

    def test_caller_gone_while_away(self) -> None:
        """The call may end while no stream is there."""
        session = self.daemon.switchboard.find(self.call.sid)
        session.after()
        session.caller_gone(Ending.CALLER_HUNG_UP)
        self.passes(1)
        self.assertEqual(self.journal.lines[-1]["ending"], "caller_hung_up")

    def test_last_mark_lost(self) -> None:
        """A last mark that never comes back holds the call for two seconds, not for ever."""
        self.lives_in(flow({"start": [Do(lambda call: call._speaker.send(b"\x01" * 1600))]}))
        call = self.ring()
        self.daemon.switchboard.find(call.sid).mark_returned = lambda name: None
        self.passes(1)
        self.assertFalse(call.over)
        self.passes(2)
        self.assert_ended(call, Ending.COMPLETED)

    def test_marks_stop(self) -> None:
        """A stream on which no mark comes back any more is dead, whatever its socket says: the flow goes on anew."""
        self.daemon.switchboard.find(self.call.sid).mark_returned = lambda name: None
        self.passes(10)
        self.assertEqual(len(self.call.streams), 1)
        del self.daemon.switchboard.find(self.call.sid).mark_returned
        self.passes(5)
        record = self.assert_ended(self.call, Ending.COMPLETED)
        self.assertEqual(record["faults"], ["the carrier does not say any more what it has played"])
        self.assertEqual(record["streams"], 2)

    def test_lost_while_draining(self) -> None:
        """A stream that dies while the last words are heard ends the call as it would have ended."""
        self.lives_in(flow({"start": [Do(lambda call: call._speaker.send(b"\x01" * 16000))]}))
        call = self.ring()
        self.passes(1)
        self.carrier.drop_stream(call)
        self.passes(3)
        self.assert_ended(call, Ending.COMPLETED)


class HandshakeTests(House):
    """The stream that was announced never comes."""

    def test_once(self) -> None:
        """A stream that could not be opened is offered once more."""
        self.lives_in(flow({"start": [say("Hi.")]}))
        call = self.carrier.ring("+14155550123")
        self.refuse_socket(1)
        self.passes(5)
        self.assert_heard(call, "Hi.")

    def test_twice(self) -> None:
        """After the second failure the caller hears an apology."""
        self.lives_in(flow({"start": [say("Hi.")]}), apology=APOLOGY)
        call = self.carrier.ring("+14155550123")
        self.refuse_socket(2)
        self.passes(5)
        self.assertEqual(call.said, [APOLOGY])
        self.assertEqual(self.journal.lines[-1]["ending"], "stream_lost")

    def test_never(self) -> None:
        """A call whose stream never comes, and of which nobody says anything any more, is given up after 30 s."""
        self.lives_in(flow({"start": [say("Hi.")]}))
        form = {"CallSid": "CA1", "AccountSid": self.carrier.account.sid, "From": "", "To": "+14155550123"}
        self.carrier.post("/call/incoming", form)
        self.passes(31)
        self.assertEqual(self.journal.lines[-1]["ending"], "failed")

    def refuse_socket(self, times: int) -> None:
        """So many media sockets are refused."""
        routes, socket = self.daemon.routes, self.daemon.routes._socket
        left = [None] * times

        def refuse(session: object) -> object:
            return (left.pop(), Refusal(500))[1] if left else socket(session)

        routes._socket = refuse


class FailureTests(House):
    """Voices and steps that fail."""

    def run_flow(self, nodes: dict[str, list[IStep]], **more: object) -> None:
        """Ring a flow, to its end."""
        self.lives_in(flow(nodes, **more), apology=APOLOGY)
        self.call = self.ring()
        self.passes(20)

    def test_on_error(self) -> None:
        """A step that fails leads to `on_error`, and the call is complete."""
        self.run_flow({"start": [Do(fails), say("No.")], "sorry": [say("Human.")]}, on_error="sorry")
        self.assert_heard(self.call, "Human.")
        record = self.assert_ended(self.call, Ending.COMPLETED)
        self.assertEqual(record["steps"][0]["result"], "failed: the step did not work")
        self.assertEqual(record["faults"], ["the step did not work"])

    def test_once(self) -> None:
        """`on_error` is tried once; then we say goodbye."""
        self.run_flow({"start": [Do(fails)], "sorry": [Do(fails), say("No.")]}, on_error="sorry")
        self.assert_heard(self.call, APOLOGY)
        self.assert_ended(self.call, Ending.FAILED)

    def test_no_on_error(self) -> None:
        """Without `on_error` we say goodbye at once."""
        self.run_flow({"start": [Do(fails)]})
        self.assert_heard(self.call, APOLOGY)
        self.assert_ended(self.call, Ending.FAILED)

    def test_bug(self) -> None:
        """A fault in a plugin is logged with its traceback, and the caller hears a goodbye."""
        self.run_flow({"start": [Do(breaks)], "sorry": [say("No.")]}, on_error="sorry")
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assert_heard(self.call, APOLOGY)
        self.assert_ended(self.call, Ending.BUG)

    def test_voice_dead(self) -> None:
        """When no voice of ours can say sorry, the carrier says it."""
        self.voice.fail_with = SynthesisError("the vendor is down")
        self.run_flow({"start": [say("Hi.")]})
        self.assertEqual(self.call.said, [APOLOGY])
        self.assert_ended(self.call, Ending.FAILED)

    def test_voice_dies_in_sentence(self) -> None:
        """What arrived before the voice died is heard, then the flow's rescue."""
        self.voice.fail_with, self.voice.fail_after = SynthesisError("the vendor died"), 3
        other = SpellingVoice()
        nodes = {"start": [say("Hello.")], "sorry": [say(" Sorry.", voice="other")]}
        self.lives_in(flow(nodes, on_error="sorry"), voices={"test": self.voice, "other": other})
        call = self.ring()
        self.passes(3)
        self.assert_heard(call, "Hel Sorry.")

    def test_no_such_voice(self) -> None:
        """A step that names a voice nobody has is a failure like any other."""
        self.run_flow({"start": [say("Hi.", voice="nobody")]})
        self.assert_ended(self.call, Ending.FAILED)

    def test_circle_while_time_passes(self) -> None:
        """... also where the clock moves between two steps, as a real one does."""
        tick = Do(lambda call: setattr(self.clock, "rightNow", self.clock.rightNow + 1e-6))
        self.run_flow({"start": [tick, Goto("start")]})
        record = self.assert_ended(self.call, Ending.FAILED)
        self.assertEqual(len(record["steps"]), MOST_STEPS)

    def test_circle(self) -> None:
        """A flow that runs in a circle without a caller is stopped."""
        self.run_flow({"start": [Goto("again")], "again": [Goto("start")]})
        record = self.assert_ended(self.call, Ending.FAILED)
        self.assertIn("runs in a circle", record["faults"][0])

    def test_flow_itself_breaks(self) -> None:
        """Even a fault in the walking of flows lets the caller hear an apology."""

        nodes = flow({"start": [say("Hi.")]}).nodes
        self.lives_in(BrokenFlow("broken", "start", nodes, voice="test"), apology=APOLOGY)
        call = self.ring()
        self.passes(3)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(call.said, [APOLOGY])
        self.assert_ended(call, Ending.BUG)

    def test_cancelled_by_itself(self) -> None:
        """A step whose own work was cancelled by somebody else has failed: the caller is not left in silence."""
        gone = Deferred()
        self.run_flow(
            {"start": [Do(lambda call: (gone.cancel(), gone)[1])], "sorry": [say("Sorry!")]}, on_error="sorry"
        )
        self.assert_heard(self.call, "Sorry!")
        record = self.assert_ended(self.call, Ending.COMPLETED)
        self.assertEqual(record["faults"], ["a step was cancelled, and not by us"])

    def test_call_over_by_itself(self) -> None:
        """So has one that says that the call is over while it is not."""
        self.run_flow({"start": [Do(over)]})
        self.assert_heard(self.call, APOLOGY)
        self.assert_ended(self.call, Ending.FAILED)

    def test_no_voice_for_the_apology(self) -> None:
        """A flow without a voice lets the carrier say sorry; that is no bug."""
        self.run_flow({"start": [Do(fails)]}, voice=None)
        self.assertEqual(self.call.said, [APOLOGY])
        self.assert_ended(self.call, Ending.FAILED)

    def test_once_a_call(self) -> None:
        """A stream that comes back does not bring `on_error` back."""
        nodes = {"start": [Do(fails)], "sorry": [say("Sorry. "), Pause(5), Do(fails)]}
        self.lives_in(flow(nodes, on_error="sorry"), apology=APOLOGY)
        call = self.ring()
        self.passes(2)
        self.carrier.drop_stream(call)
        self.passes(20)
        self.assert_heard(call, "Sorry. ", APOLOGY)

    def test_stubborn_step(self) -> None:
        """A step that swallows its cancellation takes no second step, and changes no ending."""
        taken: list[str] = []
        waiting = Deferred()

        def stubborn(call: ICall) -> Deferred[None]:
            return waiting.addErrback(lambda cancelled: None)

        self.lives_in(flow({"start": [Do(stubborn), Do(lambda call: taken.append("a step too far"))]}))
        call = self.ring()
        self.passes(1)
        call.hang_up()
        self.passes(1)
        self.assert_ended(call, Ending.CALLER_HUNG_UP)
        self.assertEqual(taken, [])

    def test_unknown_names(self) -> None:
        """Agents, lookups and sounds that nobody has are failures of the step, not faults of the daemon."""
        for step in (Agent("x"), Do(lambda c: c.look_up("x")), Do(lambda c: c.sound("x")), say("Hi.", voice="x")):
            self.run_flow({"start": [step]})
            self.assert_ended(self.call, Ending.FAILED)

    def test_interrupt(self) -> None:
        """A step may silence our speech itself."""
        speech = "A sentence of some length."
        steps = [Do(lambda call: (call.say(say(speech).text), call.wait(0.5))[1]), Do(lambda call: call.interrupt())]
        self.run_flow({"start": steps})
        self.assert_heard(self.call, speech[:10])

    def test_two_listeners(self) -> None:
        """Two steps cannot listen for keys at once."""
        self.run_flow({"start": [Do(lambda call: (call.listen(1), call.listen(1))[1])]})
        record = self.assert_ended(self.call, Ending.FAILED)
        self.assertIn("two steps listen for keys at once", record["faults"])

    def test_dial_after_all_is_said(self) -> None:
        """What the flow has chosen waits for the flow's end, also when the stream dies on the way there."""
        self.carrier.callee("+14155550199", talk=5)
        steps = [Do(lambda call: call.then(Dial("+14155550199"))), say("Wait.")]
        self.lives_in(flow({"start": steps}))
        call = self.ring()
        self.passes(0.1)
        self.carrier.drop_stream(call)
        self.passes(20)
        self.assertEqual("".join(self.read(call)), "WaWait.")
        self.assertEqual(len(call.dialed), 1)

    def test_dial(self) -> None:
        """A step may leave the caller to a human; the carrier dials."""
        self.carrier.callee("+14155550199", talk=5)
        self.run_flow({"start": [say("Wait."), Do(lambda call: call.then(Dial("+14155550199")))]})
        self.assertEqual([dial.numbers for dial in self.call.dialed], [("+14155550199",)])
        self.assert_ended(self.call, Ending.COMPLETED)


class CallbackTests(House):
    """The carrier's callbacks, in all their disorder."""

    def test_every_manner(self) -> None:
        """Late, doubled, disordered: the call ends once."""
        for callbacks in (Callbacks(late=5), Callbacks(doubled=True), Callbacks(disordered=True)):
            self.carrier.callbacks = callbacks
            self.lives_in(flow({"start": [say("Hi.")]}))
            call = self.ring()
            self.passes(20)
            self.assert_ended(call, Ending.COMPLETED)

    def test_answer_lost(self) -> None:
        """A webhook that is repeated because its answer was lost makes one call, with the same ticket."""
        self.lives_in(flow({"start": [say("Hi.")]}))
        self.carrier.lose_answers(1)
        call = self.ring()
        self.passes(20)
        self.assert_heard(call, "Hi.")
        self.assert_ended(call, Ending.COMPLETED)
        self.assertEqual([line["event"] for line in self.journal.lines], ["began", "ended"])

    def test_after_answer_lost(self) -> None:
        """The answer to `/call/after` may be lost, too."""
        self.lives_in(flow({"start": [say("One."), say("Two.")]}))
        call = self.ring()
        self.passes(0.4)
        self.carrier.lose_answers(2)
        self.carrier.drop_stream(call)
        self.passes(20)
        self.assert_ended(call, Ending.COMPLETED)
