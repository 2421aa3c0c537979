"""The step sms: who is texted, what becomes of it, and what it can be set to."""

from __future__ import annotations

from typing import Any

import attrs
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from voiced.call.records import Direction
from voiced.call.steps.texting import Sms
from voiced.call.template import Template
from voiced.errors import CarrierError, Refused
from voiced.ivoiced import MOST_TEXT, Mentions
from voiced.testing.contracts import StepContract
from voiced.testing.fake_call import INFO, TEXT_SID, FakeCall

WORDS = Template.parse("Your table is booked for {when|tonight}.")
NOBODY = ("", "anonymous", "sip:ann@example.com", "client:ann", "+1", "4155550100", "+14155550100\n")


def start(step: Sms, call: FakeCall) -> Deferred[Any]:
    """The step, running."""
    return Deferred.fromCoroutine(step.run(call))


def facts(call: FakeCall) -> tuple[str, str]:
    """What it says of the message."""
    return call.facts["sms.result"], call.facts["sms.sid"]


class SmsContract(StepContract, SynchronousTestCase):
    """sms."""

    def make_step(self) -> Sms:
        """With all it can have."""
        return Sms(WORDS, "+14155550123", "sorry")


class SlowSmsContract(SmsContract):
    """sms, while the carrier has not answered."""

    def make_call(self) -> FakeCall:
        """A carrier that takes its time, and then refuses."""
        call = FakeCall()
        call.texted = deferLater(call.clock, 2.0).addCallback(lambda _: _refuse())
        return call


def _refuse() -> str:
    raise CarrierError("sending a text: no")


class SmsTests(SynchronousTestCase):
    """What it does."""

    def test_sent(self) -> None:
        """The human is sent the words, from the number of the call; the facts say so."""
        call = FakeCall()
        call.facts["when"] = "eight"
        self.assertIsNone(self.successResultOf(start(Sms(WORDS, otherwise="sorry"), call)))
        self.assertEqual(call.texts, [("Your table is booked for eight.", None)])
        self.assertEqual((facts(call), call.notes), (("sent", TEXT_SID), ["sent"]))

    def test_from(self) -> None:
        """Another number of ours, as people write it."""
        call = FakeCall()
        self.successResultOf(start(Sms(WORDS, "+1 (415) 555-0124"), call))
        self.assertEqual(call.texts[0][1], "+14155550124")

    def test_refused(self) -> None:
        """A rule says no: its name is in the record and in the log, the number is not."""
        call = FakeCall(texted=Refused("dnc", "it is on the do-not-call list"))
        with capturedLogs() as events:
            self.assertEqual(self.successResultOf(start(Sms(WORDS, otherwise="sorry"), call)), "sorry")
        self.assertEqual((facts(call), call.notes), (("refused", ""), ["refused: dnc"]))
        self.assertNotIn("4155550100", str(events))

    def test_carrier_fails(self) -> None:
        """The carrier says no, or nothing: the flow goes on."""
        call = FakeCall(texted=CarrierError("sending a text: Twilio answered 400: no", code=21610))
        self.assertIsNone(self.successResultOf(start(Sms(WORDS), call)))
        self.assertEqual(facts(call), ("failed", ""))
        self.assertEqual(call.notes, ["failed: sending a text: Twilio answered 400: no"])

    def test_silence(self) -> None:
        """A carrier that says nothing keeps nobody waiting: the flow goes on, as nothing has failed yet."""
        call = FakeCall(texted=Deferred())
        running = start(Sms(WORDS, otherwise="sorry"), call)
        call.clock.advance(2.9)
        self.assertNoResult(running)
        call.clock.advance(0.1)
        self.assertIsNone(self.successResultOf(running))
        self.assertEqual((facts(call), call.clock.getDelayedCalls()), (("sending", ""), []))

    def test_nobody_to_text(self) -> None:
        """Who has no number in the form of E.164 is not texted."""
        for caller in NOBODY:
            call = FakeCall(info=attrs.evolve(INFO, caller=caller))
            self.assertEqual(self.successResultOf(start(Sms(WORDS, otherwise="sorry"), call)), "sorry")
            self.assertEqual((call.texts, facts(call)), ([], ("failed", "")), caller)
            self.assertIn("has no number", call.notes[0])

    def test_no_number_of_ours(self) -> None:
        """Whoever has called a SIP address of ours is texted only from a number that is written down."""
        outbound = attrs.evolve(INFO, direction=Direction.OUTBOUND, caller="sip:us@example.com")
        for info in (attrs.evolve(INFO, called="sip:us@example.com"), outbound):
            call = FakeCall(info=info)
            self.successResultOf(start(Sms(WORDS), call))
            self.assertEqual(call.texts, [])
            self.assertIn("write `from`", call.notes[0])
            self.successResultOf(start(Sms(WORDS, "+14155550124"), call))
            self.assertEqual(len(call.texts), 1)

    def test_length(self) -> None:
        """What is too long, or nothing, only turns out when it is filled: it is not sent, and not cut."""
        for words, sent in [("x" * MOST_TEXT, 1), ("x" * (MOST_TEXT + 1), 0), ("", 0), (" \n", 0)]:
            call = FakeCall()
            call.facts["x"] = words
            self.successResultOf(start(Sms(Template.parse("{x}")), call))
            self.assertEqual(len(call.texts), sent, words[:9])

    def test_after_the_caller_has_gone(self) -> None:
        """It needs no line."""
        call = FakeCall()
        call.hang_up()
        self.assertIsNone(self.successResultOf(start(Sms(WORDS), call)))
        self.assertEqual((facts(call), call.refused), (("sent", TEXT_SID), 0))

    def test_mentions(self) -> None:
        """All that it names; it speaks nothing."""
        expected = Mentions(nodes=("sorry",), sets=("sms.result", "sms.sid"))
        self.assertEqual(Sms(WORDS, otherwise="sorry").mentions(), expected)
        self.assertEqual(Sms(WORDS).mentions().nodes, ())

    def test_wrong(self) -> None:
        """Each slip has a sentence."""
        for words, text, ours in [
            ("more than 1600 characters", "x" * (MOST_TEXT + 1), None),
            ("there is nothing in it", " ", None),
            ("`from` is a number of ours", "x", "4155550123"),
            ("`from` is a number of ours", "x", "sip:us@example.com"),
        ]:
            self.assertIn(words, str(self.assertRaises(ValueError, Sms, Template.parse(text), ours)))
