"""The transcript says who said what, and of the agent's words only those the caller heard."""

import weakref

import attrs
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from voiced.call.activity import FRAMES, Activity
from voiced.call.audio import FRAME, SILENCE, from_linear
from voiced.call.records import Said
from voiced.call.transcript import MOST_LINES, OPEN, Transcript, heard_text
from voiced.ivoiced import Heard, ISpeech, Who


@implementer(ISpeech)
@attrs.define
class Speech:
    """A speech of which so much was heard."""

    heard: Heard
    done: Deferred = attrs.field(factory=Deferred)

    def feed(self, audio):
        """See ISpeech."""

    def end(self):
        """See ISpeech."""

    def so_far(self):
        """See ISpeech."""
        return self.heard


class HeardTextTests(SynchronousTestCase):
    def test_table(self):
        """Whole words in proportion to the time, and a sign where it stops."""
        text = "Our rooms face the sea."
        for heard, expected in [
            (Heard(2.0, 2.0), text),
            (Heard(2.0, 2.0, cut=True), text + "…"),
            (Heard(1.0, 2.0, cut=True), "Our rooms…"),
            (Heard(1.0, 2.0), "Our rooms…"),
            (Heard(0.1, 2.0, cut=True), ""),
            (Heard(0.0, 0.0, cut=True), ""),
            (Heard(0.0, 0.0), ""),
        ]:
            self.assertEqual(heard_text(text, heard), expected, heard)


class TranscriptTests(SynchronousTestCase):
    def test_lines(self):
        """In order, with their times; the caller's are whole, and what nobody heard is not there."""
        transcript = Transcript()
        transcript.add(Who.AGENT, " Hello there. ", 1.0, Speech(Heard(1.0, 1.0)))
        transcript.add(Who.CALLER, "Hi.", 2.0)
        transcript.add(Who.CALLER, "  ", 2.5)
        transcript.add(Who.AGENT, "You will not hear this.", 3.0, Speech(Heard(0.0, 2.0, cut=True)))
        self.assertEqual(transcript.lines(), [Said("agent", "Hello there.", 1.0), Said("caller", "Hi.", 2.0)])

    def test_corrected(self):
        """The vendor's own correction is taken as it is, whatever we think was heard."""
        transcript = Transcript()
        transcript.correct("Nothing was said yet.")
        transcript.add(Who.AGENT, "One two three.", 1.0, Speech(Heard(0.1, 9.0, cut=True)))
        transcript.add(Who.CALLER, "Stop.", 2.0)
        transcript.correct("One two")
        self.assertEqual([said.text for said in transcript.lines()], ["One two", "Stop."])

    def test_once(self):
        """A vendor that says the same text twice has said it once."""
        transcript, speech = Transcript(), Speech(Heard(1.0, 1.0))
        transcript.add(Who.AGENT, "Hel", 1.0, speech)
        transcript.add(Who.AGENT, "Hello.", 2.0, speech)
        transcript.add(Who.AGENT, " ", 3.0, speech)
        self.assertEqual(transcript.lines(), [Said("agent", "Hello.", 1.0)])

    def test_settled(self):
        """Of a line that is older than the newest ones only its words are kept, once no more of it will be heard."""
        transcript = Transcript()
        heard, unheard = Speech(Heard(1.0, 2.0, cut=True)), Speech(Heard(1.0, 1.0))
        transcript.add(Who.AGENT, "Our rooms face the sea.", 0.0, heard)
        transcript.add(Who.AGENT, "Anything else?", 1.0, unheard)
        gone = weakref.ref(heard)
        heard.done.callback(heard.heard)
        for number in range(OPEN):
            transcript.add(Who.CALLER, f"{number}", float(number))
        before = transcript.lines()
        self.assertEqual([said.text for said in before[:3]], ["Our rooms…", "Anything else?", "0"])
        self.assertEqual(len(before), OPEN + 2)
        del heard
        self.assertIsNone(gone())
        self.assertIs(transcript.lines()[0], before[0])
        unheard.heard = Heard(0.0, 1.0)
        self.assertEqual(transcript.lines()[1].text, "0")
        unheard.done.callback(unheard.heard)
        transcript.add(Who.CALLER, "One more.", 99.0)
        self.assertEqual([said.text for said in transcript.lines()[:2]], ["Our rooms…", "0"])

    def test_an_old_line_is_not_corrected(self):
        """A correction is of what was said just now."""
        transcript = Transcript()
        transcript.add(Who.AGENT, "One two three.", 0.0, None)
        for number in range(OPEN):
            transcript.add(Who.CALLER, f"{number}", float(number))
        transcript.correct("One two")
        self.assertEqual(transcript.lines()[0].text, "One two three.")

    def test_bounded(self):
        """An agent that never stops does not fill the memory."""
        transcript = Transcript()
        for _ in range(MOST_LINES + 5):
            transcript.add(Who.AGENT, "blah", 0.0)
        self.assertEqual(len(transcript.lines()), MOST_LINES)


class ActivityTests(SynchronousTestCase):
    def feed(self, *frames):
        """Whether the last of these frames is active, after a second of silence."""
        activity = Activity()
        for frame in [SILENCE * FRAME] * 50:
            activity.feed(frame)
        return [activity.feed(frame) for frame in frames][-1]

    def test_loud(self):
        """A sound is one when it lasts."""
        loud = from_linear((3000).to_bytes(2, "little", signed=True) * FRAME)
        self.assertTrue(self.feed(*[loud] * FRAMES))
        self.assertFalse(self.feed(*[loud] * (FRAMES - 1)))

    def test_silence(self):
        """Silence and a faint hiss are none."""
        faint = from_linear((60).to_bytes(2, "little", signed=True) * FRAME)
        self.assertFalse(self.feed(*[SILENCE * FRAME] * 20))
        self.assertFalse(self.feed(*[faint] * 20))

    def test_a_new_noise(self):
        """A noise that stays is the line's own after a while."""
        loud = from_linear((3000).to_bytes(2, "little", signed=True) * FRAME)
        self.assertFalse(self.feed(*[loud] * 50 * 30))
