"""The step queue: who waits, what is heard meanwhile, and who is rung."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from voiced.call.audio import RATE
from voiced.call.steps.queue import Queue
from voiced.call.template import Template
from voiced.call.tones import WAITING
from voiced.errors import CallOver, ConfigError, Refused, SynthesisError
from voiced.ivoiced import Dial, Dialled, End, HangUp, Mentions, Prompt
from voiced.settings.flowfile import Names, load_flows
from voiced.settings.registry import Registry
from voiced.testing.contracts import StepContract
from voiced.testing.fake_call import FakeCall

DESK = "+14155550100"
LINE = f"queue {DESK}"
MUSIC = Random(7).randbytes(20000)
"""2.5 s of something that can be told apart."""
REGISTRY = Registry.find()


def queue(to: str = DESK, **settings: Any) -> Queue:
    """Callers wait for this number."""
    return Queue(Template.parse(to), **settings)


def start(step: Queue, call: FakeCall) -> Deferred[Any]:
    """The step, running."""
    return Deferred.fromCoroutine(step.run(call))


def passes(call: FakeCall, seconds: int) -> None:
    """Time passes, a tenth of a second after the other."""
    call.clock.pump([0.1] * (seconds * 10))


class QueueContract(StepContract, SynchronousTestCase):
    """queue, second in line."""

    def make_step(self) -> Queue:
        """With all it can have."""
        return queue(music="music.wav", key="1", message="leave", otherwise="sorry", most_waiting=5, voice="rachel")

    def make_call(self) -> FakeCall:
        """Somebody is before it."""
        return FakeCall(pace=1.0, inside={LINE: 1}, sounds={"music.wav": MUSIC})


class FirstContract(QueueContract):
    """queue, first in line."""

    def make_call(self) -> FakeCall:
        """Nobody is before it."""
        return FakeCall(pace=1.0, sounds={"music.wav": MUSIC})


class FirstTests(SynchronousTestCase):
    """Who is first in line."""

    def test_rings(self) -> None:
        """The number is rung at once, and the place is kept as long as that may last."""
        call = FakeCall()
        self.assertIs(self.successResultOf(start(queue(ring=15), call)), End.TRANSFERRED)
        self.assertEqual((call.legs, call.said, call.notes), ([Dial(DESK, timeout=15)], [], ["try 1"]))
        self.assertEqual(call.leaving, {LINE: 25.0})

    def test_comes_back(self) -> None:
        """Where nobody was there, the caller hears the place, and it is tried again when it is time to."""
        call = FakeCall(pace=1.0)
        step = queue(retry=20)
        self.successResultOf(start(step, call))
        call._dialled = Dialled("busy")
        passes(call, 5)
        again = start(step, call)
        self.assertEqual([said.text for said in call.said], ["You are number 1 in line."])
        passes(call, 14)
        self.assertNoResult(again)
        passes(call, 2)
        self.assertIs(self.successResultOf(again), End.TRANSFERRED)
        self.assertEqual((len(call.legs), call.notes[-1], call.interrupts), (2, "try 2", 1))

    def test_refused(self) -> None:
        """Where a rule forbids it, waiting helps nobody."""
        call = FakeCall(forbids=Refused("spend", "enough for today"))
        self.assertEqual(self.successResultOf(start(queue(otherwise="sorry"), call)), "sorry")
        self.assertEqual((call.facts["queue.result"], call.parts), ("refused", []))
        later = FakeCall(dialled=Dialled("refused"))
        self.assertEqual(self.successResultOf(start(queue(otherwise="sorry"), later)), "sorry")

    def test_refused_for_now(self) -> None:
        """A rule that may say otherwise in time is waited for, as long as the caller may wait at all."""
        call = FakeCall(forbids=Refused("rate", "too many in this minute", retry_after=60))
        running = start(queue(retry=20, most=90), call)
        passes(call, 10)
        self.assertNoResult(running)
        call._forbids = None
        passes(call, 15)
        self.assertIs(self.successResultOf(running), End.TRANSFERRED)
        late = FakeCall(forbids=Refused("rate", "too many today", retry_after=90))
        self.assertIsNone(self.successResultOf(start(queue(most=90), late)))
        self.assertEqual((late.facts["queue.result"], late.parts), ("refused", []))

    def test_nobody(self) -> None:
        """A fact that is no number is nobody to be called."""
        call = FakeCall()
        self.assertIsNone(self.successResultOf(start(queue("{party.owner}"), call)))
        self.assertEqual((call.facts["queue.result"], call.sequel), ("failed", HangUp()))

    def test_forgets(self) -> None:
        """Once it is over nothing is left of it but how it ended."""
        call = FakeCall(dialled=Dialled("refused"))
        call.facts[f"queue.since of {LINE}"] = "0.0"
        self.successResultOf(start(queue(), call))
        left = {name for name in call.facts if name.startswith("queue.")}
        self.assertEqual(left, {"queue.result", "queue.waited"})


class WaitingTests(SynchronousTestCase):
    """Who is not first."""

    def setUp(self) -> None:
        """Somebody is before the caller."""
        self.call = FakeCall(pace=2.0, inside={LINE: 2}, sounds={"music.wav": MUSIC})

    def test_position(self) -> None:
        """The place is spoken at once, and again every so many seconds, as it is then."""
        start(queue(every=10), self.call)
        passes(self.call, 8)
        self.assertEqual([said.text for said in self.call.said], ["You are number 3 in line."])
        self.call.inside[LINE] = 1
        passes(self.call, 5)
        self.assertEqual([said.text for said in self.call.said][1:], ["You are number 2 in line."])

    def test_silent(self) -> None:
        """An empty one is not spoken."""
        start(queue(position=Template.parse("")), self.call)
        passes(self.call, 40)
        self.assertEqual(self.call.said, [])

    def test_music(self) -> None:
        """The music begins again when it is over, without a gap, and goes on where it was after a sentence."""
        start(queue(music="music.wav", every=11), self.call)
        passes(self.call, 20)
        first, second, third = self.call.played[:3]
        self.assertEqual(first + second, (MUSIC * 5)[: 12 * RATE])
        self.assertEqual(len(self.call.said), 2)
        at = (MUSIC * 2).index(third[:1000])
        heard = [seconds * RATE % len(MUSIC) for seconds in (11, 12)]  # between the two sentences
        self.assertLess(min(abs(at - each) for each in heard), 0.2 * RATE)

    def test_tone(self) -> None:
        """Without music there is a soft tone."""
        start(queue(), self.call)
        passes(self.call, 3)
        self.assertEqual(self.call.played, [(WAITING * 2)[: 6 * RATE]])

    def test_moves_up(self) -> None:
        """As soon as the caller is first, it rings."""
        running = start(queue(), self.call)
        passes(self.call, 10)
        self.call.inside[LINE] = 0
        passes(self.call, 2)
        self.assertIs(self.successResultOf(running), End.TRANSFERRED)

    def test_time(self) -> None:
        """After `most` seconds the flow goes elsewhere, and the place is given back."""
        running = start(queue(most=30, otherwise="sorry"), self.call)
        passes(self.call, 29)
        self.assertNoResult(running)
        passes(self.call, 2)
        self.assertEqual(self.successResultOf(running), "sorry")
        self.assertEqual((self.call.facts["queue.result"], self.call.facts["queue.waited"]), ("time", "30"))
        self.assertEqual((self.call.parts, self.call.clock.getDelayedCalls()), ([], []))

    def test_time_in_a_sentence(self) -> None:
        """Time that is up while the place is spoken is up after it; a key pressed in that sentence counts."""
        for pressed, node in (("", "sorry"), ("1", "leave")):
            call = FakeCall(pace=2.0, inside={LINE: 2})
            running = start(queue(most=13, every=10, key="1", message="leave", otherwise="sorry"), call)
            call.clock.pump([0.1] * 135)
            call.press(pressed)
            passes(call, 2)
            self.assertEqual(self.successResultOf(running), node)

    def test_key(self) -> None:
        """The key leads to its node at once, also in a sentence; other keys do nothing."""
        for seconds in (1, 5):
            call = FakeCall(pace=2.0, inside={LINE: 2})
            running = start(queue(key="1", message="leave", otherwise="sorry"), call)
            passes(call, seconds)
            call.press("5")
            self.assertNoResult(running)
            call.press("1")
            passes(call, 1)
            self.assertEqual(self.successResultOf(running), "leave")
            self.assertEqual((call.facts["queue.result"], call.parts), ("key", []))

    def test_keys_before(self) -> None:
        """What was pressed before the waiting began is no wish to leave it."""
        self.call.press("1")
        running = start(queue(key="1", message="leave"), self.call)
        passes(self.call, 5)
        self.assertNoResult(running)

    def test_full(self) -> None:
        """Where as many wait as may, nobody else does; who waits already stays."""
        running = start(queue(most_waiting=2, otherwise="sorry"), self.call)
        self.assertEqual(self.successResultOf(running), "sorry")
        self.assertEqual(self.call.facts["queue.result"], "full")
        self.call.facts[f"queue.since of {LINE}"] = "0.0"
        self.assertNoResult(start(queue(most_waiting=2), self.call))

    def test_part(self) -> None:
        """A name of its own is another line."""
        call = FakeCall(inside={LINE: 2})
        self.assertIs(self.successResultOf(start(queue(part="sales"), call)), End.TRANSFERRED)

    def test_line_lost(self) -> None:
        """Whose line is gone keeps the place, and what is remembered; the voice that fails gives it back."""
        running = start(queue(), self.call)
        passes(self.call, 5)
        self.call.hang_up()
        passes(self.call, 2)
        self.failureResultOf(running, CallOver)
        self.assertEqual(self.call.leaving, {LINE: 45.0})
        self.assertIn(f"queue.since of {LINE}", self.call.facts)

    def test_cancelled(self) -> None:
        """Who hangs up leaves nothing running, and who is taken elsewhere does not keep the place for long."""
        running = start(queue(), self.call)
        passes(self.call, 5)
        running.cancel()
        self.failureResultOf(running, CancelledError)
        self.assertEqual((self.call.clock.getDelayedCalls(), self.call.leaving), ([], {LINE: 45.0}))

    def test_voice_fails(self) -> None:
        """Where the flow goes to its `on_error`, nobody waits any more."""

        def fails(*_: Any, **__: Any) -> Any:
            raise SynthesisError("quota")

        self.call.say = fails  # type: ignore[method-assign]
        self.failureResultOf(start(queue(), self.call), SynthesisError)
        self.assertEqual(self.call.parts, [])


NEED = "`key` and `message`, the node that it leads to, need each other"
WHO = "`transfer` is a telephone number like +14155550100, in quotes, or a SIP address like sip:desk@example.com"
BROKEN = [
    ("sales", f"{WHO}, not 'sales'"),
    ("{transfer: sip:desk@example.com, key: 1}", NEED),
    ("{transfer: sip:desk@example.com, message: a}", NEED),
    ("{transfer: sip:desk@example.com, ring: 2}", "ring: must be at least 5, not '2'"),
    ("{transfer: sip:desk@example.com, every: 2}", "every: must be at least 5, not '2'"),
    (
        "{transfer: sip:desk@example.com, key: x, message: a}",
        "key: 'x' is not a choice; there are: #, *, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, A, B, C, D",
    ),
]


class SettingsTests(SynchronousTestCase):
    """What it may be set to."""

    def test_sentences(self) -> None:
        """Each fault says what to do."""
        directory = Path(self.mktemp())
        directory.mkdir()
        for body, sentence in BROKEN:
            text = f"flow: x\nvoice: v\nstart: a\nnodes:\n  a:\n    - queue: {body}\n"
            (directory / "x.yaml").write_text(text, "utf-8")
            error = self.assertRaises(ConfigError, load_flows, directory, Names(("v",)), REGISTRY)
            self.assertEqual([fault.message for fault in error.faults], [f"node 'a', step 1 (queue): {sentence}"])

    def test_mentions(self) -> None:
        """Whom it names, what is heard, and where it leads."""
        position = Template.parse("{queue.position} {x}")
        step = queue(music="m.wav", position=position, key="1", message="a", otherwise="b", voice="v")
        expected = Mentions(
            nodes=("a", "b"),
            voices=("v",),
            files=("m.wav",),
            prompts=(Prompt(position, "v"),),
            reads=("x",),
            sets=("queue.position", "queue.result", "queue.waited"),
            keys=("1",),
            waits=True,
            goes_on=False,
            targets=(DESK,),
        )
        self.assertEqual(step.mentions(), expected)
        other = queue("{desk}", position=Template.parse("")).mentions()
        self.assertEqual((other.targets, other.reads, other.prompts, other.goes_on), ((), ("desk",), (), True))
