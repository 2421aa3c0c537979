"""Whole calls during which the daemon is told to stop."""

from __future__ import annotations

from typing import Any

from tests.agents import ScriptedAgent
from tests.house import NUMBER, PERSON, House, flow, say
from voiced.call.program import Colleague
from voiced.call.records import Ending
from voiced.call.steps.handover import Agent, Transfer
from voiced.call.steps.speech import Pause, Play
from voiced.call.template import Template
from voiced.errors import Refused, SynthesisError
from voiced.ivoiced import IStep
from voiced.simulator.carrier import ACCOUNT_SID, SimulatedCall
from voiced.testing.fakes import spell

NUMBER_OF_DESK = "+14155550100"


class DrainTests(House):
    """The utterance now spoken is the last; the port stays open until `/call/after` was answered."""

    def test_sentence(self) -> None:
        """The caller hears the sentence to its end, and the goodbye."""
        self.lives_in(flow({"start": [say("To the end."), say("Never said.")]}))
        call = self.ring()
        self.passes(0.2)
        drained = self.daemon.drain()
        self.assertNoResult(drained)
        self.passes(5)
        self.assert_heard(call, "To the end.", "Goodbye.")
        self.assert_ended(call, Ending.DRAINED)
        self.successResultOf(drained)

    def test_unfinished_synthesis(self) -> None:
        """A sentence that still arrives from its voice is heard to its end, too."""
        self.voice.pace, self.voice.piece = 0.1, 800
        self.lives_in(flow({"start": [say("To the end."), say("Never said.")]}))
        call = self.ring()
        self.passes(0.15)
        self.daemon.drain()
        self.passes(5)
        self.assertEqual("".join(self.read(call)).replace(" ", ""), "Totheend.Goodbye.")
        self.assert_ended(call, Ending.DRAINED)

    def test_pause(self) -> None:
        """Every other wait is cancelled."""
        self.lives_in(flow({"start": [Pause(60), say("Never said.")]}))
        call = self.ring()
        drained = self.daemon.drain()
        self.passes(1)
        self.successResultOf(drained)
        self.assert_ended(call, Ending.DRAINED)

    def test_long_sound(self) -> None:
        """What is spoken may take 38 s, with the goodbye: whoever stops the daemon does not wait for an opera."""
        self.lives_in(flow({"start": [Play("opera")]}, sounds={"opera": spell("la") * 1000}))
        call = self.ring()
        self.passes(1)
        drained = self.daemon.drain()
        self.passes(37)
        self.assertNoResult(drained)
        self.passes(2)
        self.successResultOf(drained)
        self.assert_ended(call, Ending.DRAINED)

    def test_long_sound_and_goodbye(self) -> None:
        """Of the 38 s the sound has 30: one of 29 s is heard to its end, and the goodbye after it, too."""
        self.lives_in(flow({"start": [Play("aria")]}, sounds={"aria": spell("la") * 290}))
        call = self.ring()
        self.passes(0.1)
        drained = self.daemon.drain()
        self.passes(28.8)
        self.assertNoResult(drained)
        self.passes(1.5)
        self.successResultOf(drained)
        self.assert_heard(call, "la" * 290 + "Goodbye.")
        self.assert_ended(call, Ending.DRAINED)

    def test_long_sound_when_cancelled(self) -> None:
        """An API client who ends a call politely does not wait for the opera either: 30 s, and no more."""
        self.lives_in(flow({"start": [Play("opera")]}, sounds={"opera": spell("la") * 1000}))
        call = self.ring()
        self.passes(1)
        self.daemon.switchboard.find(call.sid).end_by_api(goodbye=True)
        self.passes(29.5)
        self.assertEqual(len(self.daemon.switchboard), 1)
        self.passes(1)
        self.assert_ended(call, Ending.CANCELLED)

    def test_after_the_flow(self) -> None:
        """A call whose flow has ended, and that only waits for the carrier, ends as it would have: no apology."""
        self.lives_in(flow({"start": [say("Bye.")]}), apology="Sorry.")
        call = self.ring()
        session = self.daemon.switchboard.find(call.sid)
        self.passes(0.2)
        session.mark_returned("0.1")
        self.daemon.drain()
        self.passes(9)
        self.assertEqual(call.said, [])
        self.assert_ended(call, Ending.COMPLETED)

    def test_before_stream(self) -> None:
        """A call whose stream has not come yet hears an apology; the stream is not wanted any more."""
        self.lives_in(flow({"start": [say("Hi.")]}), apology="Sorry.")
        form = {"CallSid": "CA1", "AccountSid": ACCOUNT_SID, "From": "", "To": NUMBER, "CallStatus": "in-progress"}
        self.carrier.post("/call/incoming", form)
        self.passes(0)
        drained, ticket = self.daemon.drain(), self.daemon.switchboard.ticket("CA1")
        stream = self.carrier.open_stream("/call/connection/CA1", "CA1", {"ticket": ticket})
        self.passes(1)
        self.assertEqual(stream.end.code, 1008)
        answer = self.carrier.post("/call/after", form)
        self.passes(1)
        self.assertIn("<Say>Sorry.</Say>", self.successResultOf(answer).text)
        self.successResultOf(drained)
        self.assertEqual(self.journal.lines[-1]["ending"], "drained")

    def test_away(self) -> None:
        """So does one whose stream is lost just then."""
        self.lives_in(flow({"start": [say("A long sentence.")]}), apology="Sorry.")
        call = self.ring()
        self.passes(0.2)
        session = self.daemon.switchboard.find(call.sid)
        session.stream_lost(session._stream, Ending.STREAM_LOST, "the socket died")
        self.daemon.drain()
        call.stream.drop()
        self.passes(9)
        self.assertEqual(call.said, ["Sorry."])
        self.assert_ended(call, Ending.DRAINED)

    def test_new_call(self) -> None:
        """Who calls now hears that we are busy."""
        self.lives_in(flow({"start": [Pause(5)]}), busy="Busy.")
        self.ring()
        self.daemon.switchboard._drained = None
        drained = self.daemon.drain()
        call = self.ring()
        self.passes(9)
        self.assertEqual(call.said, ["Busy."])
        self.successResultOf(drained)

    def test_idle(self) -> None:
        """With no call there is nothing to wait for; asking twice is the same."""
        self.lives_in(flow({"start": [say("Hi.")]}))
        self.successResultOf(self.daemon.drain())
        self.successResultOf(self.daemon.drain())

    def test_abandon(self) -> None:
        """A second SIGTERM ends every call at once."""
        self.lives_in(flow({"start": [say("To the end.")]}))
        call = self.ring()
        self.passes(0.2)
        drained = self.daemon.drain()
        self.daemon.switchboard.abandon()
        self.passes(0.1)
        self.successResultOf(drained)
        self.assertEqual(self.journal.lines[-1]["ending"], "drained")
        self.assertEqual(self.journal.lines[-1]["call"], call.sid)


class DrainSecondsTests(House):
    """With time to go on, who is on the line is left alone until it is over."""

    def drains(self, *steps: IStep, seconds: float = 30, **settings: Any) -> SimulatedCall:
        """A call in these steps, and a daemon that has been told to stop."""
        self.lives_in(flow({"start": list(steps)}), **settings)
        call = self.ring()
        self.passes(1)
        self.drained = self.daemon.drain(seconds)
        return call

    def test_completed(self) -> None:
        """A call that ends in time ends as it would have."""
        call = self.drains(say("One."), Pause(10), say("Two."))
        self.passes(15)
        self.assert_heard(call, "One.", "Two.")
        self.assert_ended(call, Ending.COMPLETED)
        self.successResultOf(self.drained)

    def test_time_is_up(self) -> None:
        """One that does not hears the sentence to its end, then, and the goodbye."""
        call = self.drains(Pause(30), say("To the end."), Pause(600), say("Never said."), goodbye="Farewell.")
        self.passes(29)
        self.assertNoResult(self.drained)
        self.passes(10)
        self.assert_heard(call, "To the end.", "Farewell.")
        self.assert_ended(call, Ending.DRAINED)
        self.successResultOf(self.drained)

    def test_agent(self) -> None:
        """A conversation goes on, too; when time is up what the agent is saying is heard out, then the goodbye."""
        agent = ScriptedAgent(self.clock)
        call = self.drains(Agent("helper"), say("Never said."), seconds=10, agents={"helper": Colleague(agent)})
        agent.says("I may talk.")
        self.passes(8.5)
        agent.says("And to the end.")
        self.passes(15)
        self.assertEqual("".join(self.read(call)), "I may talk.And to the end.Goodbye.")
        self.assertEqual(agent.cancelled, 1)
        self.assert_ended(call, Ending.DRAINED)
        self.successResultOf(self.drained)

    def test_speechless(self) -> None:
        """A voice that fails says no goodbye, and keeps nobody on the line."""
        self.voice.fail_with = SynthesisError("no voice")
        call = self.drains(Pause(600), seconds=5)
        self.passes(7)
        self.assert_ended(call, Ending.DRAINED)
        self.successResultOf(self.drained)

    def test_ringing(self) -> None:
        """A telephone that we let ring is called off at once: nobody was told anything yet."""
        self.lives_in(flow({"start": [Pause(5)]}, name="main"))
        self.carrier.person(PERSON, "no-answer")
        call = self.calls_out(flow="main")
        self.passes(1)
        drained = self.daemon.drain(30)
        self.passes(2)
        self.assertTrue(call.over)
        self.successResultOf(drained)

    def test_connected(self) -> None:
        """Nobody waits for two who talk without us; they talk on."""
        self.carrier.callee(NUMBER_OF_DESK, ring=2.0, talk=60.0)
        call = self.drains(say("Wait."), Transfer(Template.parse(NUMBER_OF_DESK)), named=frozenset({NUMBER_OF_DESK}))
        self.passes(10)
        self.successResultOf(self.drained)
        self.assertFalse(call.over)

    def test_abandoned(self) -> None:
        """Told again, it ends every call at once."""
        call = self.drains(Pause(600))
        self.passes(5)
        self.daemon.abandon()
        self.passes(1)
        self.assertTrue(call.over)
        self.successResultOf(self.drained)

    def test_told_what(self) -> None:
        """Who calls meanwhile hears `drain_say`, and it is in the journal."""
        self.drains(Pause(20), busy="Busy.", drain_say="Please call again in a minute.")
        late = self.ring()
        self.passes(5)
        self.assertEqual(late.said, ["Please call again in a minute."])
        self.assert_ended(late, Ending.OVERLOADED)

    def test_told_that_we_are_busy(self) -> None:
        """Without it, that all lines are busy."""
        self.drains(Pause(20), busy="Busy.")
        late = self.ring()
        self.passes(5)
        self.assertEqual(late.said, ["Busy."])

    def test_sent_elsewhere(self) -> None:
        """With `drain_to` they are connected with that number, if the guard allows it."""
        self.drains(Pause(20), drain_to=NUMBER_OF_DESK)
        late = self.ring()
        self.passes(5)
        self.assertEqual([dial.numbers for dial in late.dialed], [(NUMBER_OF_DESK,)])
        self.assertEqual(self.guard.asked[-1], ("leg", (NUMBER_OF_DESK, True)))

    def test_not_sent_elsewhere(self) -> None:
        """One whom the guard does not let through hears what the others hear."""
        self.drains(Pause(20), drain_to=NUMBER_OF_DESK, drain_say="Later, please.")
        self.guard.refusals["leg"] = Refused("transfers_per_minute", "too many")
        late = self.ring()
        self.passes(5)
        self.assertEqual(late.said, ["Later, please."])
