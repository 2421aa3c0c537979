"""Turn-taking: when the caller's turn begins, when it is over, and what was said in it; in the audio's own time."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from voiced.agents.talking.turntaking import Patience, TurnTaking, leads_on
from voiced.call.audio import silence
from voiced.errors import RecognitionFailed
from voiced.testing.fake_hearing import FakeHearing
from voiced.testing.fakes import spell

PATIENCE = Patience(understood=0.3, usual=0.5, unfinished=1.0, longest_turn=3.0)


class Listener:
    """Writes down what it is told."""

    def __init__(self):
        self.told = []
        self.spoke = 0
        self.guesses = []

    def speaks(self):
        self.spoke += 1

    def perhaps(self, text):
        self.guesses.append(text)

    def turn(self, text, quiet):
        self.told.append(text)
        self.quiet = quiet

    def no_words(self):
        self.told.append(None)

    def deaf(self, failure):
        self.told.append(failure.value)


class TurnTakingTests(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()
        self.hearing = FakeHearing(self.clock)
        self.listener = Listener()
        self.known = set()
        self.turns = TurnTaking(self.hearing, self.clock, PATIENCE, self.known.__contains__, self.listener)

    def hear(self, *pieces):
        """Texts are spoken, numbers are seconds of silence; all in frames of 20 ms."""
        audio = b"".join(spell(piece) if isinstance(piece, str) else silence(piece) for piece in pieces)
        for at in range(0, len(audio), 160):
            self.turns.feed(audio[at : at + 160])

    def assertTold(self, *told):
        self.assertEqual(self.listener.told, list(told))

    def test_turn(self):
        """A turn is over after the usual wait, and not before."""
        self.hear(0.5, "Hello there", 0.45)
        self.assertTold()
        self.hear(0.1)
        self.assertTold("Hello there")

    def test_silence(self):
        """Silence is no turn, and asks nobody to recognise it."""
        self.hear(5.0)
        self.assertEqual((self.listener.spoke, self.hearing.recognised), (0, []))

    def test_click(self):
        """What is shorter than three windows is no speech."""
        self.hear(0.512, "a", 1.0)
        self.assertEqual((self.listener.spoke, self.hearing.recognised), (0, []))

    def test_onset(self):
        """It is told at once that the caller speaks, and again each second."""
        self.hear("Hello")
        self.assertEqual(self.listener.spoke, 1)
        self.hear("x" * 40)
        self.assertEqual(self.listener.spoke, 3)

    def test_before_the_onset(self):
        """What came shortly before speech was noticed belongs to it: nothing of the first word is lost."""
        self.hear(2.0, "Hello there", 1.0)
        self.assertIn(spell("Hello there"), self.hearing.recognised[0])
        self.assertTrue(self.hearing.recognised[0].startswith(silence(0.2)))

    def test_speculation(self):
        """It is recognised in the first gap, while we wait whether there is more."""
        self.hear("Hello there", 0.25)
        self.assertEqual(self.listener.guesses, ["Hello there"])
        self.assertTold()

    def test_goes_on(self):
        """A caller who goes on was not done: the guess is dropped, and all is one turn."""
        self.hear("I have", 0.3, "a question", 0.6)
        self.assertTold("I have a question")
        self.assertEqual(self.listener.guesses, ["I have", None, "I have a question"])

    def test_goes_on_early(self):
        """A recognition that is not wanted any more is dropped."""
        self.hearing.delay = 0.1
        self.hear("I have", 0.3, "a question", 0.3)
        self.clock.advance(0.1)
        self.hear(0.3)
        self.assertTold("I have a question")
        self.assertEqual(self.hearing.cancellations, 1)

    def test_understood(self):
        """Words that the brain knows are answered sooner."""
        self.known.add("breakfast")
        self.hear("breakfast", 0.36)
        self.assertTold("breakfast")

    def test_leads_on(self):
        """Words that lead on are waited for longer."""
        self.hear("I would like to", 0.9)
        self.assertTold()
        self.hear(0.2)
        self.assertTold("I would like to")

    def test_slow_recogniser(self):
        """The turn is over as soon as it is recognised, when the recogniser needs longer than the wait."""
        self.hearing.delay = 2.0
        self.hear("Hello there", 1.0)
        self.assertTold()
        self.clock.pump([0.1] * 20)
        self.assertTold("Hello there")

    def test_no_words(self):
        """A cough is no turn; and what follows it is one."""
        self.hearing.texts = [""]
        self.hear("krchm", 0.5, "Hello there", 0.6)
        self.assertTold(None, "Hello there")

    def test_longest_turn(self):
        """Who talks without end is answered all the same, and goes on in a new turn."""
        self.hear("x" * 70, 0.6)
        self.assertEqual(len(self.listener.told), 2)
        self.assertEqual(len(self.hearing.recognised[0]), 24064)

    def test_two_turns(self):
        """A second turn knows nothing of the first."""
        self.hear("Hello there", 0.6, "Goodbye now", 0.6)
        self.assertTold("Hello there", "Goodbye now")

    def test_deaf(self):
        """That the recogniser broke is told, once."""
        self.hearing.fail_with = RecognitionFailed("it broke")
        self.hear("Hello there", 0.6)
        self.assertTold(self.hearing.fail_with)

    def test_line_without_silence(self):
        """A line that sends nothing while nobody speaks is silent, too."""
        self.hear("Hello there")
        self.clock.pump([0.26] * 3)
        self.assertTold("Hello there")
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stopped(self):
        """Stopped in the middle of a turn, nothing is told any more, and nothing is left."""
        self.hearing.delay = 0.1
        self.hear("Hello there", 0.3)
        self.turns.stop()
        self.clock.advance(1)
        self.hear(1.0)
        self.assertTold()
        self.assertEqual((self.hearing.cancellations, self.clock.getDelayedCalls()), (1, []))

    def test_stopped_by_what_it_tells(self):
        """It may be stopped by who is told."""
        self.listener.turn = lambda text, quiet: self.turns.stop()
        self.hear("Hello there", 0.6, "Goodbye now", 0.6)
        self.assertEqual(len(self.hearing.recognised), 1)

    def test_late_ears(self):
        """Ears that are only just loading, and forget the beginning, still take the right audio for speech."""
        audio = silence(1.0) + spell("Hello there") + silence(0.6)
        detector = self.hearing.detectors[0]
        self.turns._detector = Late(detector, audio[4000:])
        for at in range(0, len(audio), 160):
            self.turns.feed(audio[at : at + 160])
        self.assertTold("Hello there")


class Late:
    """A detector that says nothing until all is there, and then only of the end of it."""

    def __init__(self, detector, end):
        self.detector, self.end, self.size = detector, end, 4000

    def feed(self, audio):
        self.size += len(audio)
        return self.detector.feed(self.end) if self.size >= len(self.end) + 8000 else ()


class LeadsOnTests(SynchronousTestCase):
    def test_table(self):
        """Which words lead on, and which do not."""
        for text in (
            "And,",
            "I would like to.",
            "Um",
            "Do you have a room for?",
            "4, 1",
            "So,",
            "It's four one",
            "...",
            "",
            "a 7 8",
        ):
            self.assertTrue(leads_on(text), text)
        for text in ("Yes.", "A table for two?", "What?", "I live in room 415.", "Maybe.", "That is all."):
            self.assertFalse(leads_on(text), text)


class PatienceTests(SynchronousTestCase):
    def test_order(self):
        """Waiting longer for what is understood makes no sense, and says so."""
        error = self.assertRaises(ValueError, Patience, understood=0.8)
        self.assertIn("`understood` is the shortest", str(error))
