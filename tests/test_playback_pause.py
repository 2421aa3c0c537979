"""Speech that pauses goes on where it stopped: nothing of it is lost, and every byte is accounted for."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.test_playback import PlaybackCase
from voiced.call.audio import FRAME, SILENCE, loudness, silence
from voiced.call.kept import BACK, Kept
from voiced.call.playback import MARK_EVERY, Playback
from voiced.ivoiced import Heard
from voiced.simulator.player import Player

DOINGS = ["feed", "pause", "resume", "wait"]


class PauseTests(PlaybackCase):
    def test_clears_and_keeps(self):
        """Pausing empties the carrier's queue; what comes meanwhile is kept, and nothing is sent."""
        speech = self.playback.speak()
        speech.feed(b"\x01" * 1600)
        self.clock.advance(0.1)
        self.playback.pause()
        speech.feed(b"\x01" * 1600)
        self.assertEqual(self.stream.shape, [1600, "clear"])
        self.assertEqual((self.playback.position(), self.playback.queued), (800, 0.3))

    def test_goes_on(self):
        """Resuming sends what was not heard, from the beginning of the word, with marks of a new generation."""
        speech = self.say(MARK_EVERY)
        generation = self.playback.generation
        self.clock.advance(0.1)
        self.playback.pause()
        self.playback.resume()
        sent = self.stream.shape[self.stream.shape.index("clear") + 1 :]
        self.assertEqual(sum(part for part in sent if isinstance(part, int)), MARK_EVERY - 800 + FRAME)
        self.assertEqual(sent[-1], f"{generation + 1}.1")
        self.playback.mark_returned(sent[-1])
        self.assertEqual(self.successResultOf(speech.done), Heard(0.3, 0.3))

    def test_stale_marks(self):
        """The marks that the clearing gives back say nothing."""
        speech = self.say(MARK_EVERY)
        self.playback.pause()
        self.playback.mark_returned("0.1")
        self.assertNoResult(speech.done)
        self.assertEqual(speech.so_far(), Heard(0.0, 0.3))

    def test_cut_while_paused(self):
        """Interrupting a pause cuts at what had been heard, and clears only once."""
        speech = self.say(8000)
        self.clock.advance(0.25)
        self.playback.pause()
        self.clock.advance(0.4)
        self.playback.interrupt()
        self.assertEqual(self.successResultOf(speech.done), Heard(0.25, 1.0, cut=True))
        self.assertEqual(speech.so_far(), Heard(0.25, 1.0, cut=True))
        self.assertEqual(self.stream.told.count("clear"), 1)

    def test_ends_while_paused(self):
        """A speech that ends, and somebody who waits, while we pause: both are told when it has gone on."""
        speech = self.playback.speak()
        speech.feed(b"\x01" * 1600)
        self.playback.pause()
        speech.end()
        heard = self.playback.when_heard()
        self.playback.resume()
        for told in [told for told in self.stream.told if isinstance(told, str)]:
            self.playback.mark_returned(told)
        self.assertEqual(self.successResultOf(speech.done), Heard(0.2, 0.2))
        self.assertIsNone(self.successResultOf(heard))

    def test_waits_without_a_speech(self):
        """Plain audio that was paused is heard out, too."""
        self.playback.send(b"\x01" * 1600)
        self.clock.advance(0.2)
        self.playback.pause()
        heard = self.playback.when_heard()
        self.playback.resume()
        self.playback.mark_returned(self.stream.told[-1])
        self.assertIsNone(self.successResultOf(heard))

    def test_not_kept(self):
        """What is not kept could not go on: it cannot be paused, and nothing after it either, until it is heard."""
        self.playback.keep(False)
        self.playback.send(b"\x01" * 1600)
        self.playback.pause()
        self.playback.keep(True)
        self.playback.send(b"\x01" * 1600)
        self.clock.advance(0.1)
        self.playback.pause()
        self.assertNotIn("clear", self.stream.told)
        for told in [told for told in self.stream.told if isinstance(told, str)]:
            self.playback.mark_returned(told)
        self.playback.send(b"\x01" * 1600)
        self.playback.pause()
        self.assertIn("clear", self.stream.told)

    def test_kept_on(self):
        """To be told again what it does already changes nothing."""
        self.playback.send(b"\x01" * 1600)
        self.playback.keep(True)
        self.playback.pause()
        self.assertIn("clear", self.stream.told)

    def test_too_late(self):
        """What is over cannot be paused any more: its mark is on its way, and says so."""
        speech = self.say(1600)
        self.clock.advance(0.2)
        self.playback.pause()
        self.assertNotIn("clear", self.stream.told)
        self.playback.mark_returned("0.1")
        self.assertEqual(self.successResultOf(speech.done), Heard(0.2, 0.2))

    def test_what_was_over_is_not_said_again(self):
        """However quiet it was before, it goes on within the speech that was cut, not in the one before."""
        self.say(1600)
        self.clock.advance(0.2)
        self.playback.mark_returned("0.1")
        self.say(8000)
        self.clock.advance(0.04)
        self.playback.pause()
        self.playback.resume()
        again = sum(part for part in self.stream.shape[self.stream.shape.index("clear") :] if isinstance(part, int))
        self.assertLessEqual(again, 8000)

    def test_forgets_what_was_heard(self):
        """A long call keeps no more than what may have to be said again."""
        for _ in range(50):
            self.say(MARK_EVERY)
            self.clock.advance(0.3)
            self.playback.mark_returned(f"0.{self.playback._numbers}")
        self.assertLessEqual(self.playback._kept.ends - self.playback._kept.begins, BACK + 2 * MARK_EVERY)

    def test_twice(self):
        """Pausing while paused, and resuming while not, changes nothing."""
        self.say(8000)
        self.playback.resume()
        self.playback.pause()
        told = list(self.stream.told)
        self.playback.pause()
        self.assertEqual(self.stream.told, told)

    def test_without_a_stream(self):
        """There is nothing to pause without a stream, and losing it ends a pause."""
        speech = self.say(8000)
        self.playback.pause()
        self.playback.attach(None)
        self.playback.pause()
        self.playback.resume()
        self.assertTrue(self.successResultOf(speech.done).cut)

    def test_no_watch_while_paused(self):
        """No mark is missed while none is due."""
        self.say(8000)
        self.playback.pause()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_playing(self):
        """Something plays while anything is to be heard, also in a pause."""
        self.assertFalse(self.playback.playing)
        self.say(800)
        self.assertTrue(self.playback.playing)
        self.playback.pause()
        self.clock.advance(10)
        self.assertTrue(self.playback.playing)


class KeptTests(SynchronousTestCase):
    def test_between(self):
        """What is kept can be read from any place to any other."""
        kept = Kept()
        for piece in (b"abc", b"def", b"ghi"):
            kept.add(piece)
        self.assertEqual(b"".join(kept.between(2, 7)), b"cdefg")
        kept.forget(4)
        self.assertEqual((kept.begins, b"".join(kept.between(0, 99))), (3, b"defghi"))

    def test_word_before(self):
        """A word begins where it is quietest, the nearest if several places are."""
        kept = Kept()
        word = b"\x01" * FRAME * 4
        kept.add(word + silence(0.06) + word)
        self.assertEqual(kept.word_before(11 * FRAME), 6 * FRAME)
        self.assertEqual(kept.word_before(0), 0)

    def test_loudness(self):
        """Silence is 0, the loudest sample 127; nothing at all is silent."""
        self.assertEqual([loudness(SILENCE), loudness(b"\x80"), loudness(b"\x00"), loudness(b"")], [0, 127, 127, 0])


class TruthTests(SynchronousTestCase):
    """Against a carrier that plays what it gets, however the pauses fall and however slow the network is."""

    @settings(max_examples=60, deadline=None)
    @given(
        delay=st.sampled_from([0.0, 0.01, 0.08]),
        doings=st.lists(st.tuples(st.sampled_from(DOINGS), st.integers(1, 40)), max_size=25),
    )
    def test_nothing_is_lost(self, delay, doings):
        """The caller hears every frame, in order, and at most 0.4 s (and the network's delay) of it twice."""
        clock = Clock()
        playback = Playback(clock)
        player = Player(clock, lambda name, played: clock.callLater(delay, playback.mark_returned, name))
        playback.attach(_Slow(clock, delay, player))
        speech, number = playback.speak(), 0
        for doing, amount in doings:
            if doing == "feed":
                speech.feed(b"".join(bytes([(number + n) % 250]) * FRAME for n in range(amount)))
                number += amount
            elif doing == "wait":
                clock.pump([0.02] * amount)
            else:
                getattr(playback, doing)()
        speech.end()
        playback.resume()
        clock.pump([0.02] * (number * 2 + 100))
        self.assertEqual(self.successResultOf(speech.done), Heard(number / 50, number / 50))
        self._assert_complete(player.heard, number, BACK // FRAME + round(delay / 0.02) + 2)

    def _assert_complete(self, heard, number, most_back):
        frames = [heard[at] for at in range(FRAME // 2, len(heard), 1) if at % 8 == 0 and heard[at] != SILENCE[0]]
        expected = 0
        for value in frames:
            step = (value - expected) % 250
            self.assertTrue(step <= 1 or step >= 250 - most_back, f"from frame {expected} to {value}")
            expected = value
        self.assertEqual(expected, (number - 1) % 250 if number else 0)


class _Slow:
    """A stream over a network with a delay."""

    def __init__(self, clock, delay, player):
        self._later = lambda act, *what: clock.callLater(delay, act, *what)
        self._player = player

    def send_audio(self, audio, mark=""):
        self._later(self._player.play, audio)
        if mark:
            self.send_mark(mark)

    def send_mark(self, name):
        self._later(self._player.mark, name)

    def send_clear(self):
        self._later(self._player.clear)
