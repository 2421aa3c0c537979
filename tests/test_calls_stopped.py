"""Whole calls during which the daemon is told to stop."""

from __future__ import annotations

from tests.house import NUMBER, House, flow, say
from voiced.call.records import Ending
from voiced.call.steps.speech import Pause, Play
from voiced.simulator.carrier import ACCOUNT_SID
from voiced.testing.fakes import spell


class DrainTests(House):
    """The utterance now spoken is the last; the port stays open until `/call/after` was answered."""

    def test_sentence(self) -> None:
        """The caller hears the sentence to its end, and nothing after it."""
        self.lives_in(flow({"start": [say("To the end."), say("Never said.")]}))
        call = self.ring()
        self.passes(0.2)
        drained = self.daemon.drain()
        self.assertNoResult(drained)
        self.passes(5)
        self.assert_heard(call, "To the end.")
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
        self.assertEqual("".join(self.read(call)).replace(" ", ""), "Totheend.")
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
        """What is spoken may take 30 s, no more: whoever stops the daemon does not wait for an opera."""
        self.lives_in(flow({"start": [Play("opera")]}, sounds={"opera": spell("la") * 1000}))
        call = self.ring()
        self.passes(1)
        drained = self.daemon.drain()
        self.passes(29)
        self.assertNoResult(drained)
        self.passes(2)
        self.successResultOf(drained)
        self.assert_ended(call, Ending.DRAINED)

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
