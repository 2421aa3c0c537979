"""A caller who interrupts: paused for at once, decided within half a second, and nothing is left pending."""

import math
import struct

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from voiced.call.audio import FRAME, from_linear, silence
from voiced.call.bargein import DECIDE, BargeIn
from voiced.call.words import are_few, are_words, brightness, slower
from voiced.errors import RecognitionFailed
from voiced.testing.fake_hearing import FakeHearing
from voiced.testing.fakes import read_speech, spell

NOTHING = b"\x10\x10\x90\x90" * 400
"""200 ms of a loud and bright sound."""


class Saying:
    """What is said to the caller: it notes what becomes of it, and when."""

    def __init__(self, clock):
        self.clock = clock
        self.playing = True
        self.events = []

    def pause(self):
        self.note("pause")

    def resume(self):
        self.note("resume")

    def cut(self):
        self.note("cut")
        self.playing = False

    def note(self, what):
        self.events.append((what, round(self.clock.seconds(), 2)))


class BargeInTests(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()
        self.hearing = FakeHearing(self.clock, delay=0.05)
        self.saying = Saying(self.clock)
        self.bargein = BargeIn(self.hearing, self.clock, self.saying)

    def tearDown(self):
        self.bargein.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def hear(self, *sounds):
        """The caller's line brings these, a frame every 20 ms."""
        audio = b"".join(sounds)
        for at in range(0, len(audio), FRAME):
            self.clock.pump([0.01, 0.01])
            self.bargein.hear(audio[at : at + FRAME])

    @property
    def events(self):
        return [what for what, _ in self.saying.events]

    def times(self):
        """Seconds from the pause to what followed."""
        (_, began), *rest = self.saying.events
        return {what: round(moment - began, 2) for what, moment in rest}

    def test_words(self):
        """A word stops us: paused after its first window, cut when it was recognised."""
        self.hear(silence(1), spell("STOP"), silence(1))
        self.assertEqual(self.saying.events[0], ("pause", 1.04))
        self.assertEqual(self.events, ["pause", "cut"])
        self.assertLess(self.times()["cut"], 0.5)

    def test_beginning_is_recognised(self):
        """What is recognised begins before the onset: a first consonant may be faint."""
        self.hear(silence(1), b"\x70" * 800, spell("STOP"), silence(1))
        self.assertTrue(self.hearing.recognised[0].startswith(silence(0.1)))
        self.assertEqual(read_speech(self.hearing.recognised[0])[0][-4:], "STOP")

    def test_few_words_are_looked_at_twice(self):
        """What becomes something else when it is played slower was no word; what is one still, was."""
        for texts, becomes in ((["elephant", "mm"], "resume"), (["elephant", "elegant"], "cut")):
            self.hearing.texts = texts
            self.hear(NOTHING, silence(1))
            self.assertEqual(self.events[-2:], ["pause", becomes])

    def test_goes_on_speaking(self):
        """Who speaks on is decided within half a second, by what was said so far."""
        self.hear(spell("I WANT TO TALK TO SOMEBODY"))
        self.assertEqual(self.events, ["pause", "cut"])
        self.assertLess(self.times()["cut"], 0.5)

    def test_no_words(self):
        """After a back-channel we go on."""
        self.hearing.texts = ["Mm-hmm."]
        self.hear(NOTHING, silence(1))
        self.assertEqual(self.events, ["pause", "resume"])
        self.assertLess(self.times()["resume"], 0.5)

    def test_too_short_to_be_a_word(self):
        """A click makes us go on at once, and nobody is asked."""
        self.hear(b"\x00" * 300, silence(1))
        self.assertEqual(self.events, ["pause", "resume"])
        self.assertLess(self.times()["resume"], 0.25)
        self.assertEqual(self.hearing.recognised, [])

    def test_faint(self):
        """What is as faint as an echo is not heard."""
        self.hear(b"\x70" * 8000)
        self.assertEqual(self.events, [])

    def test_echo(self):
        """What is not so faint, but over as soon as we pause, makes us pause no more; a caller still does."""
        for _ in range(3):
            self.hear(b"\x59" * 1600, silence(1))
        self.assertEqual(self.events, ["pause", "resume"])
        self.assertEqual(self.hearing.recognised, [])
        self.hear(spell("STOP"), silence(1))
        self.assertEqual(self.events[2:], ["pause", "cut"])

    def test_nothing_playing(self):
        """While we are silent nothing is decided; but who began to speak then is heard from the beginning."""
        self.saying.playing = False
        self.hear(spell("HELLO"))
        self.assertEqual(self.events, [])
        self.saying.playing = True
        self.hear(spell(" THERE"), silence(1))
        self.assertEqual(self.events, ["pause", "cut"])
        self.assertIn("LO THERE", read_speech(self.hearing.recognised[-1])[-1])

    def test_over_while_undecided(self):
        """A key has cut what we paused: there is nothing to decide, and nobody is asked any more."""
        self.hear(spell("STOP"), silence(0.14))
        self.saying.playing = False
        self.hear(silence(1))
        self.assertEqual((self.events, self.hearing.cancellations), (["pause"], 1))

    def test_stopped_while_undecided(self):
        """What we said goes on, if it is there still; nothing is pending."""
        for playing, expected in ((True, ["pause", "resume"]), (False, ["pause"])):
            self.saying.events.clear()
            self.saying.playing = True
            self.hear(spell("STOP"))
            self.saying.playing = playing
            self.bargein.stop()
            self.assertEqual((self.events, self.clock.getDelayedCalls()), (expected, []))

    def test_late_recogniser(self):
        """After half a second we go on; the words still stop us when they come."""
        self.hearing.delay = 0.3
        self.hearing.texts = ["Something else"] * 2
        self.hear(NOTHING, silence(1))
        self.assertEqual(self.events, ["pause", "resume", "cut"])
        self.assertEqual(self.times()["resume"], DECIDE)

    def test_late_second_opinion(self):
        """Where only the first opinion is there in time, it counts."""
        self.hearing.delay = 0.12
        self.hear(spell("STOP"), silence(1))
        self.assertEqual((self.events, self.times()["cut"]), (["pause", "cut"], DECIDE))

    def test_late_recogniser_and_long_speech(self):
        """Who has spoken for 400 ms by then is believed to have words."""
        self.hearing.delay = 9.0
        self.hear(NOTHING, NOTHING, NOTHING, silence(1))
        self.assertEqual((self.events, self.times()["cut"]), (["pause", "cut"], DECIDE))

    def test_late_and_no_words(self):
        """A late answer that there are none changes nothing."""
        self.hearing.delay = 0.3
        self.hearing.texts = ["Hm."]
        self.hear(NOTHING, silence(1))
        self.assertEqual(self.events, ["pause", "resume"])

    def test_broken_recogniser(self):
        """How long it sounded decides: a short sound is nothing, a long one is words."""
        self.hearing.fail_with = RecognitionFailed("broken")
        self.hear(NOTHING, silence(1))
        self.assertEqual(self.events, ["pause", "resume"])
        self.hear(NOTHING, NOTHING, NOTHING, silence(1))
        self.assertEqual(self.events[2:], ["pause", "cut"])

    def test_sound_goes_on_without_words(self):
        """We go on over somebody who laughs; when words come at last, they stop us."""
        self.hearing.texts = ["Ha, ha, ha."]
        self.hear(NOTHING * 5)
        self.assertEqual(self.events, ["pause", "resume"])
        self.hear(spell("STOP IT PLEASE NOW"))
        self.assertEqual(self.events, ["pause", "resume", "cut"])

    def test_laughter_ends(self):
        """It is over without words: the next sound makes us pause again."""
        self.hearing.texts = ["Ha, ha, ha."] * 2
        self.hear(NOTHING * 3, silence(1), spell("STOP"), silence(1))
        self.assertEqual(self.events, ["pause", "resume", "pause", "cut"])

    def test_broken_while_it_goes_on(self):
        """A recogniser that breaks after we went on is no reason to stop."""
        self.hearing.texts = ["Ha, ha, ha."]
        self.hear(NOTHING * 3)
        self.hearing.fail_with = RecognitionFailed("broken")
        self.hear(NOTHING * 3, silence(1))
        self.assertEqual(self.events, ["pause", "resume"])

    def test_ends_and_begins_again(self):
        """A gap within words: the first part is asked about, and when it is none the whole is."""
        self.hearing.texts = ["Um."]
        self.hear(b"\x10\x10\x90\x90" * 200, silence(0.14), spell("STOP NOW"), silence(1))
        self.assertEqual(self.events, ["pause", "cut"])
        self.assertEqual([read_speech(heard)[-1:] for heard in self.hearing.recognised[:2]], [[], ["ST"]])

    def test_audio_at_once(self):
        """What the carrier held back comes in one piece, and is heard as well."""
        self.bargein.hear(silence(1) + spell("STOP") + silence(0.5))
        self.clock.pump([0.05] * 20)
        self.assertEqual(self.events, ["pause", "cut"])


class WordsTests(SynchronousTestCase):
    def test_words(self):
        """What interrupts, what does not, and what nobody can have said in that time."""
        table = {
            ("Stop.", 0.2): True,
            ("No thank you.", 0.5): True,
            ("Um, I'd like", 0.4): True,
            ("4, 5, 6", 0.5): True,
            ("", 0.5): False,
            ("Mm-hmm.", 0.3): False,
            ("Uh huh.", 0.3): False,
            ("You", 0.3): False,
            ("♪♪", 0.5): False,
            ("© transcript Emily Beynon", 1.0): False,
            ("This is the first time I've ever seen a bird.", 0.3): False,
            ("The first of the first of the first.", 1.0): False,
        }
        for (text, voiced), expected in table.items():
            self.assertEqual(are_words(text, NOTHING, voiced), expected, text)

    def test_hummed(self):
        """One or two words in a sound that is dark were hummed; more were not."""
        wave = (round(9000 * math.sin(2 * math.pi * 250 * n / 8000)) for n in range(4000))
        hum = from_linear(struct.pack("<4000h", *wave))
        self.assertTrue(0.005 < brightness(hum) < 0.089)
        self.assertFalse(are_words("No.", hum, 0.5))
        self.assertTrue(are_words("No thank you.", hum, 0.5))

    def test_brightness(self):
        """Silence has none, a hiss has much; what is faint beside the loudest does not count."""
        self.assertEqual(brightness(b""), 0.0)
        self.assertEqual(brightness(silence(0.1)), 0.0)
        hiss = b"\x10\x90" * 400
        self.assertGreater(brightness(hiss), 3.5)
        self.assertAlmostEqual(brightness(hiss[:768] + b"\x6f" * 2560), brightness(hiss), 1)

    def test_slower(self):
        """A ninth longer, and nothing is left out."""
        self.assertEqual(slower(bytes(range(20))), bytes([*range(9), 8, *range(9, 18), 17, 18, 19]))
        self.assertEqual(slower(b""), b"")

    def test_few(self):
        """Two are few."""
        self.assertEqual([are_few(text) for text in ("", "Stop.", "The house.", "Can I speak")], [True] * 3 + [False])
