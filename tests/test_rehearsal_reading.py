"""Audio that can be read: every text comes back as it was said, and what was cut is known to be."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis.strategies import integers, lists, text
from twisted.trial.unittest import SynchronousTestCase

from voiced.call.tones import BEEP
from voiced.rehearsal.difference import difference
from voiced.rehearsal.reading import Ear, Labels, read
from voiced.testing.fakes import spell

PAUSE = b"\xff" * 800


def heard(labels: Labels, audio: bytes, piece: int = 160) -> list[tuple[str, str, bool]]:
    """Who said what, and whether it was cut, in this audio, which comes in such pieces."""
    ear = Ear(labels)
    for at in range(0, len(audio), piece):
        ear.hear(audio[at : at + piece], at / 8000)
    ear.stop()
    return [(each.voice, each.text, each.cut) for each in ear.sentences]


class EarTests(SynchronousTestCase):
    """What a caller hears, read."""

    def setUp(self) -> None:
        """Two voices."""
        self.labels = Labels()
        self.hello = self.labels.speech("voice", "ann", "Hellooo, it's  Ann.") + PAUSE
        self.bye = self.labels.speech("agent", "bob", "Größe 12 ☎ …") + PAUSE

    def test_sentences(self) -> None:
        """Two of them, in any pieces, with letters twice and letters of all alphabets."""
        for piece in (1, 33, 160, 8000, 10**6):
            sentences = heard(self.labels, PAUSE + self.hello + self.bye, piece)
            self.assertEqual(sentences, [("ann", "Hellooo, it's  Ann.", False), ("bob", "Größe 12 ☎ …", False)])

    @settings(deadline=None, max_examples=60)
    @given(lists(text(min_size=1, max_size=30), max_size=4), integers(1, 4000))
    def test_any_text(self, texts: list[str], piece: int) -> None:
        """Whatever is said."""
        said = [each for each in texts if each.encode("utf-8", "ignore").decode() == each]
        labels = Labels()
        audio = b"".join(labels.speech("voice", f"v{n}", each) + PAUSE for n, each in enumerate(said))
        self.assertEqual(heard(labels, audio, piece), [(f"v{n}", each, False) for n, each in enumerate(said)])

    def test_times(self) -> None:
        """When each began and ended, in seconds."""
        ear = Ear(self.labels)
        ear.hear(PAUSE + self.hello, 2.0)
        (sentence,) = ear.sentences
        self.assertApproximates(sentence.began, 2.1, 0.001)
        self.assertApproximates(sentence.ended, 2.1 + 19 * 0.05, 0.002)

    def test_cut(self) -> None:
        """Cut by silence, by another sentence, or by the end of the call."""
        half = self.hello[: 7 + 5 * 400]
        cut = ("ann", "Hello", True)
        self.assertEqual(heard(self.labels, half + PAUSE), [cut])
        self.assertEqual(heard(self.labels, half + self.bye), [cut, ("bob", "Größe 12 ☎ …", False)])
        self.assertEqual(heard(self.labels, half), [cut])

    def test_speaking(self) -> None:
        """What is being said now, as far as it goes."""
        ear = Ear(self.labels)
        self.assertIsNone(ear.speaking)
        ear.hear(self.hello[: 7 + 400 * 4], 0.0)
        self.assertEqual((ear.speaking and ear.speaking.text, ear.sentences), ("Hell", []))

    def test_paused(self) -> None:
        """Speech that was paused, and went on a little before that, is one sentence."""
        paused = self.hello[: 7 + 400 * 9] + PAUSE + self.hello[7 + 400 * 6 + 100 :]
        self.assertEqual(heard(self.labels, paused), [("ann", "Hellooo, it's  Ann.", False)])

    def test_sounds(self) -> None:
        """A file, a beep, tones of somebody else's: as long as they are, and between sentences."""
        jingle = self.labels.sound("jingle.wav", 4000)
        self.assertEqual((len(jingle), len(self.labels.sound("click.wav", 3))), (4000, 9))
        tones = bytes(range(200)) * 10
        found = heard(self.labels, jingle + PAUSE + BEEP + PAUSE + tones + PAUSE + self.hello)
        self.assertEqual(
            [each[1] for each in found], ["[sound jingle.wav]", "[beep]", "[tones]", "Hellooo, it's  Ann."]
        )
        self.assertEqual([each[2] for each in found], [False] * 4)

    def test_half_a_letter(self) -> None:
        """Less than half a letter is none; nor is one that was cut in its middle."""
        self.assertEqual(read(spell("abc")[:900]), "ab")
        self.assertEqual(read(spell("é")[:400]), "")


class DifferenceTests(SynchronousTestCase):
    """What was heard instead of what was expected."""

    def test_marks(self) -> None:
        """The nearest words, with marks below what differs."""
        cases = {
            (
                "press one",
                "For hours, press two.",
            ): "expected: press one\nheard:    press two.\n                ^^ ^\n",
            ("Good day, Ann", "Good day"): "expected: Good day, Ann\nheard:    Good day\n                  *\n",
            ("Good day", "Something else"): "",
            ("Good day", ""): "",
        }
        for (expected, heard_text), shown in cases.items():
            self.assertEqual(difference(expected, [heard_text]), shown)
        self.assertEqual((difference(None, ["a"]), difference("a", [])), ("", ""))
