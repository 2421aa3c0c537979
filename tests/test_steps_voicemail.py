"""The step voicemail: what it does to a call, and what it can be set to."""

from __future__ import annotations

from typing import Any

import msgspec
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from voiced.call.steps.message import Voicemail
from voiced.call.template import Template
from voiced.call.tones import BEEP
from voiced.errors import RecordingFailed
from voiced.ivoiced import Mentions, Prompt, Recorded, RecordLimits
from voiced.settings.registry import Registry
from voiced.testing.contracts import StepContract
from voiced.testing.fake_call import RECORDED, FakeCall, Said

PROMPT = Template.parse("Speak, {party.name|you}.")


def start(step: Voicemail, call: FakeCall) -> Deferred[Any]:
    """The step, running."""
    return Deferred.fromCoroutine(step.run(call))


class VoicemailContract(StepContract, SynchronousTestCase):
    """voicemail."""

    def make_step(self) -> Voicemail:
        """With all it can have."""
        return Voicemail(PROMPT, max_seconds=60, silence=3, keys="#*", otherwise="goodbye", voice="rachel")

    def make_call(self) -> FakeCall:
        """A call on which everything takes a second."""
        return FakeCall(pace=1.0)


class NothingSaidContract(VoicemailContract):
    """voicemail, when nothing is said."""

    def make_call(self) -> FakeCall:
        """A call on which nobody says anything."""
        return FakeCall(recorded=Recorded("", 0.0, "silence"))


class VoicemailTests(SynchronousTestCase):
    """What it does."""

    def test_message(self) -> None:
        """The prompt is spoken, then the beep, then the caller is recorded; the facts say where and how long."""
        call = FakeCall()
        self.assertIsNone(self.successResultOf(start(Voicemail(PROMPT, voice="rachel"), call)))
        self.assertEqual((call.said, call.played), ([Said("Speak, you.", "rachel")], [BEEP]))
        self.assertEqual(call.recordings, [RecordLimits(120.0, 5.0, "#", transcribe=False)])
        facts = {name: value for name, value in call.facts.items() if name.startswith("voicemail.")}
        self.assertEqual(
            facts,
            {"voicemail.file": RECORDED.file, "voicemail.seconds": "12.5", "voicemail.ended_by": "silence"},
        )
        self.assertEqual(call.notes, ["12.5 s, ended by silence"])

    def test_limits(self) -> None:
        """What it is set to is what the call records within."""
        call = FakeCall()
        self.successResultOf(start(Voicemail(max_seconds=30, silence=2, keys="", transcribe=True), call))
        self.assertEqual(call.recordings, [RecordLimits(30.0, 2.0, "", transcribe=True)])

    def test_nothing_said(self) -> None:
        """Without a word the flow goes to `otherwise`, or on."""
        for otherwise in ("goodbye", None):
            call = FakeCall(recorded=Recorded("", 0.0, "silence"))
            self.assertEqual(self.successResultOf(start(Voicemail(otherwise=otherwise), call)), otherwise)
            self.assertEqual((call.facts["voicemail.file"], call.notes[0][:7]), ("", "nothing"))

    def test_quiet(self) -> None:
        """A prompt of its own may come before, and a beep, too: then nothing is said and nothing played."""
        call = FakeCall()
        self.successResultOf(start(Voicemail(Template.parse(" "), beep=False), call))
        self.assertEqual((call.said, call.played), ([], []))

    def test_keys_that_were_pressed_before(self) -> None:
        """A key that cut the prompt does not end the message, and is not kept for later."""
        call = FakeCall(pace=1.0, recorded=Deferred())
        running = start(Voicemail(PROMPT), call)
        call.press("#")
        call.press("#")
        call.clock.advance(0.4)
        self.assertNoResult(running)
        self.assertEqual((len(call.recordings), call.has_key()), (1, False))

    def test_full_disk(self) -> None:
        """A recording that fails is the flow's `on_error`."""
        call = FakeCall(recorded=RecordingFailed("the disk is full"))
        self.failureResultOf(start(Voicemail(PROMPT), call), RecordingFailed)

    def test_mentions(self) -> None:
        """What it says, needs and sets is known before any call."""
        sets = ("voicemail.file", "voicemail.seconds", "voicemail.ended_by")
        step = Voicemail(PROMPT, transcribe=True, otherwise="goodbye", voice="rachel")
        prompts = (Prompt(PROMPT, "rachel"),)
        self.assertEqual(
            step.mentions(),
            Mentions(
                nodes=("goodbye",),
                voices=("rachel",),
                hears=True,
                prompts=prompts,
                sets=sets,
                keys=("#",),
                waits=True,
            ),
        )
        self.assertEqual(Voicemail(Template.parse(""), keys="").mentions(), Mentions(sets=sets, waits=True))

    def test_settings(self) -> None:
        """Bounds, and keys that no telephone has, are wrong."""
        for wrong in ({"max_seconds": 0}, {"max_seconds": 3601}, {"silence": 0.5}, {"keys": "E"}, {"keys": "1 2"}):
            with self.assertRaises(msgspec.ValidationError):
                msgspec.convert(wrong, Voicemail)

    def test_built_in(self) -> None:
        """The verb `voicemail` is this step."""
        self.assertIs(Registry.find().load("step", "voicemail"), Voicemail)
