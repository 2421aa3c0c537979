"""Whole calls on which a message is left: how it ends, what is on the disk then, and what the record says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import deferLater
from twisted.logger import capturedLogs
from zope.interface import implementer

from tests.house import House, flow, say
from tests.test_recordings import Disk
from voiced.call import audio
from voiced.call.records import Ending
from voiced.call.steps.message import Voicemail
from voiced.call.steps.speech import Pause
from voiced.call.template import Template
from voiced.call.tones import BEEP
from voiced.ivoiced import ICall, IStep, Mentions
from voiced.recordings import Recordings, create
from voiced.simulator.carrier import SimulatedCall
from voiced.simulator.line import Line
from voiced.testing.fake_hearing import FakeHearing
from voiced.testing.fakes import read_speech, spell

PROMPT = Template.parse("Speak.")
AFTER = say("{voicemail.seconds} s by {voicemail.ended_by}.")
MESSAGE = "PLEASE CALL ME BACK"
"""In capitals: small letters are spelled too faintly for a voice."""
AT = 1.5
"""Seconds after the ring at which the beep is over: 0.4 s of prompt, 0.4 s of beep, and the pauses."""


@implementer(IStep)
@attrs.frozen
class Note:
    """A step for a call that is over: keeps what the flow knows of the message."""

    known: dict[str, str] = attrs.field(factory=dict)

    def mentions(self) -> Mentions:
        """Nothing."""
        return Mentions()

    async def run(self, call: ICall) -> None:
        """Keep it."""
        self.known.update(call.facts)


class VoicemailCase(House):
    """A house with a data directory."""

    def setUp(self) -> None:
        """An empty directory."""
        super().setUp()
        self.root = Path(self.mktemp())
        self.root.mkdir()
        self.note = Note()

    def lives(self, *, create: Any = create, in_thread: Any = maybeDeferred, more: Any = None, **step: Any) -> None:
        """Every caller may leave a message."""
        recordings = Recordings(self.root, self.clock, in_thread, create)
        voicemail = Voicemail(PROMPT, otherwise="nothing", **step)
        nodes = {
            "start": [voicemail, AFTER],
            "nothing": [say("Nothing.")],
            "sorry": [say("Sorry.")],
            "gone": [self.note],
        }
        settings = {"on_error": "sorry", "on_hangup": "gone"}
        self.lives_in(flow(nodes, **settings), recordings=recordings, **(more or {}))

    def speaks(self, text: str = MESSAGE, **how: Any) -> SimulatedCall:
        """Somebody rings, and says this after the beep."""
        call = self.ring(**how)
        self.passes(AT)
        call.speak(spell(text))
        self.passes(len(text) * 0.05)
        return call

    def files(self) -> list[str]:
        """What is recorded, by path below the data directory."""
        return sorted(str(path.relative_to(self.root)) for path in self.root.rglob("*.*"))

    def sound(self, file: str) -> bytes:
        """What a player of WAV files plays."""
        return audio.from_file(file, (self.root / file).read_bytes())

    def name(self, call: SimulatedCall, number: int = 1) -> str:
        """Where a message of this call is."""
        return f"recordings/2023-11-14/{call.sid}-{number}.wav"


class EndTests(VoicemailCase):
    """How a message ends."""

    def test_silence(self) -> None:
        """A message that ends with silence is on the disk without it, and the flow goes on."""
        self.lives()
        call = self.speaks()
        self.passes(5.5)
        [file] = self.files()
        self.assertEqual(file, self.name(call))
        self.assertEqual(read_speech(self.sound(file)), [MESSAGE])
        self.passes(3)
        record = self.assert_ended(call, Ending.COMPLETED)
        [recording] = record["recordings"]
        self.assertEqual((recording["file"], recording["ended_by"]), (file, "silence"))
        self.assertEqual(recording["seconds"], round(audio.seconds(self.sound(file)), 3))
        self.assertLess(recording["seconds"], 3.0)
        spoken = f"{recording['seconds']:.1f} s by silence."
        self.assertEqual(record["steps"][0]["result"], f"{recording['seconds']:.1f} s, ended by silence")
        self.assertEqual([self.read(call)[0], self.read(call)[-1]], ["Speak.", spoken])
        self.assertIn(BEEP, call.heard)

    def test_key(self) -> None:
        """A key ends it at once."""
        self.lives()
        call = self.speaks()
        call.press("#")
        self.passes(3)
        self.assertEqual(self.assert_ended(call, Ending.COMPLETED)["recordings"][0]["ended_by"], "key")
        self.assertEqual(read_speech(self.sound(self.name(call))), [MESSAGE])

    def test_key_during_the_prompt(self) -> None:
        """A key before the beep cuts the prompt, and the message is taken all the same."""
        self.lives()
        call = self.ring()
        self.passes(0.2)
        call.press("#")
        self.passes(1.0)
        call.speak(spell(MESSAGE))
        self.passes(1.0)
        call.press("#")
        self.passes(3)
        self.assertEqual(len(self.assert_ended(call, Ending.COMPLETED)["recordings"]), 1)

    def test_limit(self) -> None:
        """The limit ends it in the middle of a word."""
        self.lives(max_seconds=4)
        call = self.speaks(MESSAGE * 10)
        record = self.assert_ended(call, Ending.COMPLETED)
        self.assertEqual(record["recordings"][0]["ended_by"], "limit")
        self.assertAlmostEqual(record["recordings"][0]["seconds"], 4.0, places=1)

    def test_hang_up(self) -> None:
        """Who hangs up in the middle has left what was said until then; `on_hangup` knows of it."""
        self.lives()
        call = self.speaks()
        call.hang_up()
        self.passes(1)
        record = self.assert_ended(call, Ending.CALLER_HUNG_UP)
        self.assertEqual(record["recordings"][0]["ended_by"], "hangup")
        self.assertEqual(read_speech(self.sound(self.name(call))), [MESSAGE])
        self.assertEqual(
            (self.note.known["voicemail.file"], self.note.known["voicemail.ended_by"]), (self.name(call), "hangup")
        )

    def test_nothing_said(self) -> None:
        """Who says nothing leaves nothing, and the flow goes its other way."""
        self.lives()
        call = self.ring()
        self.passes(10)
        self.assertEqual(self.assert_ended(call, Ending.COMPLETED)["recordings"], [])
        self.assertEqual((self.files(), self.read(call)[-1]), ([], "Nothing."))

    def test_hang_up_at_the_beep(self) -> None:
        """Who hangs up at the beep leaves nothing either."""
        self.lives()
        call = self.ring()
        self.passes(AT)
        call.hang_up()
        self.passes(1)
        self.assertEqual((self.assert_ended(call, Ending.CALLER_HUNG_UP)["recordings"], self.files()), ([], []))

    def test_drained(self) -> None:
        """A daemon that is stopped keeps what was said."""
        self.lives()
        call = self.speaks()
        drained = self.daemon.drain()
        self.passes(1)
        self.successResultOf(drained)
        self.assertEqual(len(self.assert_ended(call, Ending.DRAINED)["recordings"]), 1)
        self.assertEqual(read_speech(self.sound(self.name(call))), [MESSAGE])


class TroubleTests(VoicemailCase):
    """Streams that die, lines that drop frames, and disks."""

    def test_stream_lost(self) -> None:
        """What was said before the stream died is kept; on the new one the caller is asked again."""
        self.lives()
        call = self.speaks("THE FIRST HALF")
        self.carrier.drop_stream(call)
        self.passes(AT + 0.5)
        call.speak(spell("ALL OF IT"))
        self.passes(9)
        record = self.assert_ended(call, Ending.COMPLETED)
        heard = [read_speech(self.sound(self.name(call, number))) for number in (1, 2)]
        self.assertEqual(heard, [["THE FIRST HALF"], ["ALL OF IT"]])
        self.assertEqual([each["ended_by"] for each in record["recordings"]], ["hangup", "silence"])

    def test_bad_line(self) -> None:
        """On a line that drops frames the file is as long as the message was."""
        self.lives(silence=3)
        call = self.speaks(MESSAGE * 3, line=Line(3, gaps=0.05))
        self.passes(8)
        record = self.assert_ended(call, Ending.COMPLETED)
        sound = self.sound(self.name(call)).strip(audio.SILENCE)
        self.assertGreater(record["missing"]["seconds"], 0.3)
        self.assertLess(abs(audio.seconds(sound) - len(MESSAGE) * 3 * 0.05), 0.1)

    def test_full_disk(self) -> None:
        """A disk that is full in the middle is the flow's `on_error`; what was before is kept."""
        with capturedLogs() as logs:
            self.lives(create=Disk(30000).create)
            call = self.speaks(MESSAGE * 10)
        self.passes(3)
        record = self.assert_ended(call, Ending.COMPLETED)
        self.assertEqual(self.read(call)[-1], "Sorry.")
        self.assertEqual([each["ended_by"] for each in record["recordings"]], ["failed"])
        self.assertIn("No space left", record["faults"][0])
        self.assertIn(str(self.root / "recordings"), record["steps"][0]["result"])
        told = [event for event in logs if event["log_namespace"] == "voiced.recordings"]
        self.assertEqual([event["call"] for event in told], [call.sid])

    def test_no_recordings(self) -> None:
        """A daemon that keeps none says so to the flow."""
        self.lives_in(flow({"start": [Voicemail(PROMPT)], "sorry": [say("Sorry.")]}, on_error="sorry"))
        call = self.ring()
        self.passes(4)
        self.assertEqual(self.read(call)[-1], "Sorry.")
        self.assertIn("keeps no recordings", self.assert_ended(call, Ending.COMPLETED)["faults"][0])

    def test_slow_disk(self) -> None:
        """A call that is over waits for the disk: its last line has the message in it."""
        self.lives(in_thread=self.later)
        call = self.speaks()
        call.hang_up()
        self.passes(2)
        self.assertIsNotNone(self.daemon.switchboard.find(call.sid))
        self.passes(3)
        record = self.assert_ended(call, Ending.CALLER_HUNG_UP)
        self.assertEqual([each["ended_by"] for each in record["recordings"]], ["hangup"])
        self.assertEqual(self.note.known["voicemail.file"], self.name(call))

    def later(self, f: Callable[..., Any], *arguments: Any) -> Deferred[Any]:
        """A thread that takes a second and a half for everything."""
        return deferLater(self.clock, 1.5, f, *arguments)


class TranscriptTests(VoicemailCase):
    """Messages that our own ears write down."""

    def test_text(self) -> None:
        """The text is beside the file a moment after the call, which does not wait for it."""
        self.lives(transcribe=True, more={"hearing": FakeHearing(self.clock, delay=20.0)})
        call = self.speaks()
        call.hang_up()
        self.passes(1)
        [recording] = self.assert_ended(call, Ending.CALLER_HUNG_UP)["recordings"]
        self.assertFalse((self.root / recording["transcript"]).exists())
        self.passes(20)
        self.assertEqual((self.root / recording["transcript"]).read_text(), MESSAGE + "\n")


class ManyTests(VoicemailCase):
    """Many callers."""

    def test_at_once(self) -> None:
        """Messages do not get mixed up."""
        self.lives()
        calls = {f"MESSAGE {letter}": self.ring() for letter in "ABCDEFGH"}
        self.passes(AT)
        for text, call in calls.items():
            call.speak(spell(text))
        self.passes(12)
        for text, call in calls.items():
            self.assert_ended(call, Ending.COMPLETED)
            self.assertEqual(read_speech(self.sound(self.name(call))), [text])

    def test_two_on_one_call(self) -> None:
        """Each message of a call is a file of its own."""
        recordings = Recordings(self.root, self.clock, maybeDeferred)
        self.lives_in(flow({"start": [Voicemail(PROMPT), Pause(1), Voicemail(PROMPT)]}), recordings=recordings)
        call = self.ring()
        for text in ("ONE ONE ONE", "TWO TWO TWO"):
            self.passes(AT)
            call.speak(spell(text))
            self.passes(1)
            call.press("#")
            self.passes(1)
        self.passes(3)
        record = self.assert_ended(call, Ending.COMPLETED)
        self.assertEqual([each["file"] for each in record["recordings"]], [self.name(call), self.name(call, 2)])
        self.assertEqual(read_speech(self.sound(self.name(call, 2))), ["TWO TWO TWO"])
