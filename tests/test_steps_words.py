"""The step menu, when the caller may also say the answer; and who waits for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from tests.house import House, flow, say
from voiced.call.answering import LONGEST, Answering
from voiced.call.audio import FRAME, RATE, seconds, silence
from voiced.call.keypad import Keypad
from voiced.call.records import Ending
from voiced.call.steps.digits import Menu
from voiced.call.template import Template
from voiced.call.tones import tone
from voiced.errors import ConfigError, FlowError, RecognitionFailed
from voiced.settings.flowfile import Names, load_flows
from voiced.settings.registry import Registry
from voiced.simulator.carrier import SimulatedCall
from voiced.testing.contracts import StepContract
from voiced.testing.fake_call import FakeCall, Said
from voiced.testing.fake_hearing import FakeHearing
from voiced.testing.fakes import spell

PROMPT, WRONG = Template.parse("Is it right?"), Template.parse("Pardon?")
WORDS = {"1": ["YES", "CONFIRM"], "2": ["CANCEL", "NO THANKS"]}
REGISTRY = Registry.find()


def menu(**settings: Any) -> Menu:
    """Yes or no."""
    settings = {"prompt": PROMPT, "words": WORDS, "invalid": WRONG, "otherwise": "desk"} | settings
    return Menu(keys={"1": "yes", "2": "no"}, **settings)


class WordsContract(StepContract, SynchronousTestCase):
    """menu, with words."""

    def make_step(self) -> Menu:
        """That may be said over the prompt."""
        return menu(barge_in="speech")


class AnsweringTests(SynchronousTestCase):
    """One answer."""

    def setUp(self) -> None:
        """Ears, and a keypad."""
        self.clock = Clock()
        self.hearing = FakeHearing(self.clock, delay=0.1)
        self.keypad = Keypad(self.clock)

    def tearDown(self) -> None:
        """Nothing is left behind."""
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def waits(self, timeout: float = 6.0) -> Answering:
        """Somebody waits for an answer."""
        return Answering(self.hearing, self.clock, self.keypad, timeout, WORDS)

    def hears(self, answering: Answering, audio: bytes) -> None:
        """The caller's line brings this, frame by frame as time passes."""
        for at in range(0, len(audio), FRAME):
            answering.hear(audio[at : at + FRAME])
            self.clock.advance(seconds(FRAME))

    def test_words(self) -> None:
        """Once the caller pauses, what was said is recognised, and its key is the answer."""
        for said, key in [("YES", "1"), ("NO THANKS", "2"), ("SOMETHING ELSE", "")]:
            answering = self.waits()
            self.hears(answering, silence(0.5) + spell(said) + silence(0.4))
            self.assertNoResult(answering.result)
            self.hears(answering, silence(0.2))
            self.assertEqual(self.successResultOf(answering.result), key)

    def test_key(self) -> None:
        """A key is an answer at once, also while the caller speaks, or is recognised."""
        for said in (b"", spell("YES"), spell("YES") + silence(0.46)):
            answering = self.waits()
            self.hears(answering, said)
            self.keypad.press("2")
            self.keypad.hand_over()
            self.assertEqual(self.successResultOf(answering.result), "2")
            answering.hear(spell("YES"))

    def test_nothing(self) -> None:
        """Whoever says nothing has answered nothing when the time is up."""
        answering = self.waits(3.0)
        self.hears(answering, silence(2.9))
        self.assertNoResult(answering.result)
        self.hears(answering, silence(0.2))
        self.assertIsNone(self.successResultOf(answering.result))

    def test_late(self) -> None:
        """Who has begun to speak in time is heard to the end, and recognised."""
        answering = self.waits(1.0)
        self.hears(answering, silence(0.8) + spell("CONFIRM THAT PLEASE") + silence(0.6))
        self.assertEqual(self.successResultOf(answering.result), "1")

    def test_noise(self) -> None:
        """Steady noise is no answer, and does not keep the flow waiting for ever."""
        answering = self.waits(2.0)
        self.hearing.texts = ["uh"] * 20
        self.hears(answering, self.noise(10.9))
        self.assertNoResult(answering.result)
        self.hears(answering, self.noise(0.2))
        self.assertIsNone(self.successResultOf(answering.result))

    def test_noise_at_last(self) -> None:
        """What is being recognised when nothing more counts, still counts; what comes then does not."""
        for text, key in (("YES", "1"), ("uh", None)):
            self.hearing = FakeHearing(self.clock, delay=2.0)
            self.hearing.texts = [text] * 20
            answering = self.waits(3.0)
            self.hears(answering, silence(2.8) + self.noise(9.3))
            self.assertNoResult(answering.result)
            self.hears(answering, self.noise(0.2))
            self.assertNoResult(answering.result)
            self.hears(answering, self.noise(1.0))
            self.assertEqual(self.successResultOf(answering.result), key)

    def noise(self, length: float) -> bytes:
        """So many seconds without a pause."""
        return (spell("K") * 1000)[: round(length * RATE)]

    def test_two_listen(self) -> None:
        """Where somebody listens for keys already, the answer fails, and nothing is left."""
        other = self.keypad.listen(1.0)
        self.failureResultOf(self.waits().result, FlowError)
        self.clock.advance(1.0)
        self.assertIsNone(self.successResultOf(other))

    def test_cough(self) -> None:
        """What was no word is nothing: the caller may still answer, as long as there is time."""
        answering = self.waits(2.0)
        self.hearing.texts = ["uh"]
        self.hears(answering, spell("KKK") + silence(0.7))
        self.assertNoResult(answering.result)
        self.hears(answering, spell("YES") + silence(0.7))
        self.assertEqual(self.successResultOf(answering.result), "1")
        late = self.waits(0.5)
        self.hearing.texts = ["uh"]
        self.hears(late, spell("KKKKKKKKK") + silence(0.7))
        self.assertIsNone(self.successResultOf(late.result))

    def test_hums(self) -> None:
        """A hum is no word, whatever the recogniser makes of it; a whole sentence may be dark."""
        hum = tone(0.5, 150.0, -10.0)
        for text, key in [("No thanks.", None), ("No thanks, no thanks.", None), ("No thanks, I am well.", "2")]:
            answering = self.waits(1.0)
            self.hearing.texts = [text]
            self.hears(answering, silence(0.2) + hum + silence(0.8))
            self.assertEqual(self.successResultOf(answering.result), key, text)

    def test_clicks_and_echoes(self) -> None:
        """A click is too short, and our own echo too faint."""
        answering = self.waits(1.0)
        self.hears(answering, spell("Y") + silence(0.3) + spell("yes") + silence(0.8))
        self.assertIsNone(self.successResultOf(answering.result))
        self.assertEqual(self.hearing.recognised, [])

    def test_goes_on(self) -> None:
        """Who goes on while the first part is being recognised is heard again."""
        self.hearing.delay = 1.5
        answering = self.waits()
        self.hears(answering, spell("WELL") + silence(0.5) + spell("CANCEL") + silence(2.2))
        self.assertEqual(self.successResultOf(answering.result), "2")
        self.assertEqual(self.hearing.cancellations, 1)

    def test_endless(self) -> None:
        """Who does not stop is recognised all the same."""
        answering = self.waits()
        self.hears(answering, spell("YES " * 50))
        self.assertEqual(self.successResultOf(answering.result), "1")
        self.assertLess(abs(seconds(self.hearing.recognised[0]) - LONGEST), 0.1)

    def test_all_at_once(self) -> None:
        """Who was overheard has answered with the first words that were complete."""
        self.hearing.delay = 0.0
        answering = self.waits()
        answering.hear(spell("YES") + silence(0.6) + spell("CANCEL") + silence(0.6))
        self.assertEqual(self.successResultOf(answering.result), "1")

    def test_no_audio(self) -> None:
        """A line that sends nothing for silence has a pause, too."""
        answering = self.waits()
        self.hears(answering, spell("YES"))
        self.clock.advance(0.5)
        self.clock.advance(0.1)
        self.assertEqual(self.successResultOf(answering.result), "1")

    def test_broken(self) -> None:
        """Where the recogniser is broken, keys are heard until the time is up."""
        self.hearing.fail_with = RecognitionFailed("no model")
        answering = self.waits(1.0)
        self.hears(answering, spell("YES") + silence(1.0))
        self.assertIsNone(self.successResultOf(answering.result))

    def test_cancelled(self) -> None:
        """Cancelling ends all of it, at every moment."""
        for said in (b"", spell("YES"), spell("YES") + silence(0.48)):
            answering = self.waits()
            self.hears(answering, said)
            answering.result.cancel()
            self.failureResultOf(answering.result, CancelledError)
        self.assertEqual(self.hearing.cancellations, 1)


class MenuWordsTests(SynchronousTestCase):
    """menu, with words."""

    def test_said(self) -> None:
        """Words choose as their key does."""
        call = FakeCall()
        running: Deferred[Any] = Deferred.fromCoroutine(menu().run(call))
        call.speak("Cancel it, please.")
        self.assertEqual(self.successResultOf(running), "no")
        self.assertEqual((call.facts["menu.key"], call.notes), ("2", ["key 2"]))

    def test_other_words(self) -> None:
        """Words that stand for nothing are a wrong key."""
        call = FakeCall()
        running: Deferred[Any] = Deferred.fromCoroutine(menu(retries=1).run(call))
        call.speak("Maybe")
        call.speak("Perhaps")
        self.assertEqual(self.successResultOf(running), "desk")
        self.assertEqual([said.text for said in call.said], ["Is it right?", "Pardon?"] * 2)
        self.assertEqual(call.notes, ["other words"] * 2)

    def test_over_the_prompt(self) -> None:
        """With `barge_in: speech` the words that cut the prompt are the answer."""
        call = FakeCall(pace=10.0)
        running: Deferred[Any] = Deferred.fromCoroutine(menu(barge_in="speech").run(call))
        call.speak("yes")
        self.assertEqual(self.successResultOf(running), "yes")
        self.assertEqual(call.said, [Said("Is it right?", by_speech=True)])
        self.assertTrue(menu().mentions().hears)

    def test_not_over_the_prompt(self) -> None:
        """Without it they are not heard."""
        call = FakeCall(pace=10.0)
        running: Deferred[Any] = Deferred.fromCoroutine(menu().run(call))
        call.speak("yes")
        self.assertNoResult(running)

    def test_nobody_answers(self) -> None:
        """Silence leads to the flow's `on_silence`; words do not."""
        for speak, node in ((False, "hello"), (True, None)):
            call = FakeCall(on_silence="hello")
            running: Deferred[Any] = Deferred.fromCoroutine(menu(otherwise=None, retries=0).run(call))
            if speak:
                call.speak("Maybe")
            call.clock.advance(6)
            self.assertEqual(self.successResultOf(running), node)


BROKEN = [
    ("words: {2: [no]}", "`words` has the key '2', and `keys` has no node for it"),
    ("words: {1: []}", "words.1: must not be empty"),
    ("words: {1: ['?!']}", "`words`: '?!' of key 1 has no word in it"),
    ("barge_in: speech", "`barge_in: speech` needs `words`: what the caller may say for each key"),
    (
        "words: {1: [yes]}, barge_in: speech, interruptible: false",
        "`barge_in: speech` and `interruptible: false` contradict each other: take one out",
    ),
    ("words: {1: [Yes], 3: ['yes!']}", "`words`: 'yes!' stands for two keys"),
]


class FileTests(SynchronousTestCase):
    """Flow files with words."""

    def test_sentences(self) -> None:
        """Each fault says what to do."""
        directory = Path(self.mktemp())
        directory.mkdir()
        for body, sentence in BROKEN:
            step = f"menu: {{prompt: x, keys: {{1: a, 3: a}}, {body}}}"
            text = f"flow: x\nvoice: v\nstart: a\nnodes:\n  a:\n    - {step}\n"
            (directory / "x.yaml").write_text(text, "utf-8")
            error = self.assertRaises(ConfigError, load_flows, directory, Names(("v",)), REGISTRY)
            self.assertEqual([fault.message for fault in error.faults], [f"node 'a', step 1 (menu): {sentence}"])


class WordsCalls(House):
    """Whole calls."""

    def rings(self, hearing: FakeHearing | None, **settings: Any) -> SimulatedCall:
        """Somebody is asked whether it is right, and a second has passed."""
        nodes = {"start": [menu(**settings)], "yes": [say("Good.")], "no": [say("Bad.")], "desk": [say("Desk.")]}
        self.lives_in(flow(nodes), hearing=hearing)
        call = self.ring()
        self.passes(1.0)
        return call

    def ears(self) -> FakeHearing:
        """Ears of our own."""
        return FakeHearing(self.clock, delay=0.1)

    def ends(self, call: SimulatedCall, *texts: str) -> None:
        """The call is over, and this was heard."""
        self.passes(12)
        self.assert_ended(call, Ending.COMPLETED)
        self.assert_heard(call, *texts)

    def test_said(self) -> None:
        """The words of the caller choose; small ones and those of no key are a wrong key."""
        call = self.rings(self.ears())
        call.speak(spell("MAYBE"))
        self.passes(3)
        call.speak(spell("CANCEL"))
        self.ends(call, "Is it right?", "Pardon?", "Is it right?", "Bad.")

    def test_line_lost(self) -> None:
        """A line that is lost while the caller is asked is nothing that came of the caller."""
        call = self.rings(self.ears())
        self.passes(2)
        session = self.daemon.switchboard.find(call.sid)
        assert session is not None
        self.carrier.drop_stream(call)
        self.passes(3)
        self.assertEqual((session.record.streams, session.inputs), (2, 0))

    def test_over_the_prompt(self) -> None:
        """What cuts the prompt is the answer, though most of it was said before."""
        call = self.long(self.ears())
        call.speak(spell("CONFIRM THAT"))
        self.passes(8)
        self.assert_ended(call, Ending.COMPLETED)
        heard = "".join(self.read(call))
        self.assertTrue(heard.endswith("Good.") and len(heard) < 60, heard)

    def long(self, ears: FakeHearing) -> SimulatedCall:
        """A prompt of eight seconds, a second ago."""
        prompt = Menu(Template.parse("Is it right? " * 12), {"1": "yes"}, words={"1": ["CONFIRM"]}, barge_in="speech")
        self.lives_in(flow({"start": [prompt], "yes": [say("Good.")]}), hearing=ears)
        call = self.ring()
        self.passes(1.0)
        return call

    def test_at_the_end_of_the_prompt(self) -> None:
        """Who begins to speak while the last of the prompt is heard is heard from the first word on."""
        prompt = Template.parse("RIGHT?")
        self.voice.pause = 0.0
        nodes = {"start": [menu(prompt=prompt, barge_in="speech")], "yes": [say("Good.")], "desk": [say("Desk.")]}
        for begin in (0.0, 0.05, 0.15, 0.25, 0.3, 0.35, 0.45):
            self.lives_in(flow({**nodes, "no": [say("Bad.")]}), hearing=self.ears())
            call = self.ring()
            self.passes(begin)
            call.speak(spell("YES"))
            self.passes(5)
            self.assert_ended(call, Ending.COMPLETED)
            self.assertIn("Good.", "".join(self.read(call)), begin)

    def test_key_over_the_prompt(self) -> None:
        """A key does what it always did."""
        call = self.long(self.ears())
        call.press("1")
        self.passes(3)
        self.assert_ended(call, Ending.COMPLETED)

    def test_without_ears(self) -> None:
        """Where there are none, or they break, keys are heard; the log says so."""
        call = self.rings(None)
        call.speak(spell("YES"))
        self.passes(1)
        call.press("2")
        self.ends(call, "Is it right?", "Bad.")
        deaf = self.ears()
        deaf.detector = self.fails  # type: ignore[method-assign]
        with capturedLogs() as logs:
            call = self.rings(deaf)
            call.press("1")
            self.ends(call, "Is it right?", "Good.")
        self.assertIn("nobody listens for words", str([event.get("log_format") for event in logs]))

    @property
    def fails(self) -> Callable[[], Any]:
        """A detector that there cannot be."""

        def detector() -> Any:
            raise RecognitionFailed("no model")

        return detector

    def test_hangs_up(self) -> None:
        """Who hangs up in the middle of an answer leaves nothing behind."""
        call = self.rings(self.ears())
        call.speak(spell("YES"))
        self.passes(0.2)
        call.hang_up()
        self.passes(1)
        self.assert_ended(call, Ending.CALLER_HUNG_UP)
