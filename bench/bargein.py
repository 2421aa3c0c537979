"""`python -m bench.bargein [how many] [seed] [-v]`: who interrupts us is heard at once, and a cough stops nobody.

In virtual time. The caller, the line and the carrier's queue are the simulator's, the ears are the real ones: the
recogniser runs in this thread, and the time that took passes on the clock before its answer comes. Thresholds and
word lists were found with seeds 0, 1 and 7; the default seed is another one.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import attrs
import numpy as np
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock, deferLater
from zope.interface import implementer

from bench.sounds import BACK_CHANNELS, level, noises, pitched
from voiced.call.audio import RATE, from_linear
from voiced.call.bargein import BargeIn
from voiced.call.playback import Playback
from voiced.hearing.moonshine import Moonshine
from voiced.hearing.samples import samples
from voiced.hearing.silero import Silero
from voiced.icarrier import IMediaStream
from voiced.ivoiced import IDetector, IHearing
from voiced.simulator.line import Line
from voiced.simulator.player import Player
from voiced.speech.local_model import render

PHRASES = (
    "Stop.", "No.", "Wait.", "Hello?", "No thank you.", "Excuse me.", "Can I speak to somebody?", "Yes.", "Agent.",
    "Operator.", "Help.", "Hang on.", "Hold on.", "Sorry?", "What?", "Representative.", "I need help.",
    "Speak to a human.", "Not now.", "Stop it.", "Be quiet.", "Just a second.", "One moment.", "Wait a minute.",
    "I have a question.", "That's not right.", "No, that's wrong.", "Can you repeat that?", "I don't understand.",
    "Please stop talking.", "Let me talk to a person.", "I want to cancel my order.", "My number is four five six.",
    "How much does it cost?", "What time do you open?", "Who is this?", "Are you a robot?", "Billing.",
    "Sales, please.", "Customer service.", "Tomorrow at seven.", "I already did that.", "Never mind.", "Go back.",
    "Repeat.", "Cancel.", "Two.", "Actually, I changed my mind.", "Hey, listen.",
    "Please connect me to the front desk.",
)  # fmt: skip
OURS = (
    "Thank you for calling Acme. Our opening hours are nine to five, Monday to Friday.",
    "You can also write to us at any time, and somebody will answer you within a day.",
)
TELEVISION = ("And now the weather for the south and the west.", "He scores, and the crowd is on its feet!")
SILENT = {
    "a real line": Line.real(0),
    "in a car (-35 dBFS)": Line(noise=-35.0),
    "echo at -30 dB": Line(echo=-30.0, noise=-60.0),
    "echo at -26 dB": Line(echo=-26.0, noise=-60.0),
    "echo at -20 dB": Line(echo=-20.0, noise=-60.0),
}
FRAME = 0.02
VOICED = 10 ** (-25 / 20)
"""How loud the first 10 ms are that count as voiced, beside the loudest of the phrase."""


def mulaw(sound: Any) -> bytes:
    """Samples as telephone audio."""
    return from_linear((np.clip(sound, -1, 0.9999) * 32767).astype("<i2").tobytes())


def first_voiced(sound: Any) -> float:
    """Seconds until somebody is to be heard in it."""
    loudness = np.sqrt(np.convolve(sound**2, np.ones(80) / 80, "same"))
    return float(np.argmax(loudness > VOICED * loudness.max())) / RATE


@implementer(IHearing)
class Ears:
    """The models, without threads: an answer comes as much later as it took."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.took: list[float] = []
        self._silero = Silero()
        self._moonshine = Moonshine()
        self._moonshine.recognise(b"\xff" * RATE)

    def detector(self) -> IDetector:
        """See IHearing."""
        return self._silero.detector()

    def recognise(self, audio: bytes) -> Deferred[str]:
        """See IHearing."""
        began = time.perf_counter()
        text = self._moonshine.recognise(audio)
        self.took.append(time.perf_counter() - began)
        self.said = text
        return deferLater(self.clock, self.took[-1], succeed, text)

    def close(self) -> None:
        """See IHearing."""


@implementer(IMediaStream)
class Stream:
    """The carrier's queue; it notes every `clear`."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.clears: list[float] = []
        self.playback = Playback(clock)
        # Nothing that the carrier says arrives before we have said what we are saying.
        self.player = Player(clock, lambda name, _: clock.callLater(0, self.playback.mark_returned, name))

    def send_audio(self, audio: bytes, mark: str = "") -> None:
        """See IMediaStream."""
        self.player.play(audio)
        if mark:
            self.player.mark(mark)

    def send_mark(self, name: str) -> None:
        """See IMediaStream."""
        self.player.mark(name)

    def send_clear(self) -> None:
        """See IMediaStream."""
        self.clears.append(self.clock.seconds())
        self.player.clear()

    def close(self) -> None:
        """See IMediaStream."""


@attrs.define
class Saying:
    """What we say, and when it was cut."""

    stream: Stream
    paused: list[float] = attrs.field(factory=list)
    resumed: list[float] = attrs.field(factory=list)
    cuts: list[float] = attrs.field(factory=list)

    @property
    def playing(self) -> bool:
        """See voiced.call.bargein.Saying."""
        return self.stream.playback.playing

    def pause(self) -> None:
        """See voiced.call.bargein.Saying."""
        self.paused.append(self.stream.clock.seconds())
        self.stream.playback.pause()

    def resume(self) -> None:
        """See voiced.call.bargein.Saying."""
        self.resumed.append(self.stream.clock.seconds())
        self.stream.playback.resume()

    def cut(self) -> None:
        """See voiced.call.bargein.Saying."""
        self.cuts.append(self.stream.clock.seconds())
        self.stream.playback.interrupt()


@attrs.frozen
class Trial:
    """What became of one sound of a caller's."""

    kind: str
    paused: bool
    cut: bool
    latency: float
    """Milliseconds from its first voiced sample to the first `clear` after it."""
    decided: tuple[float, ...]
    """Milliseconds from each pause to its decision."""
    whole: bool
    """Whether the caller heard all of our speech, from where each pause began (only where it was not cut)."""
    said: str


def trial(ears: Ears, line: Line, kind: str, sound: Any, ours: bytes, after: float) -> Trial:
    """We speak, and `after` seconds later the caller makes this sound."""
    clock = ears.clock = Clock()
    ears.said = ""
    stream = Stream(clock)
    leg = line.leg(clock)
    saying = Saying(stream)
    bargein = BargeIn(ears, clock, saying)
    stream.playback.attach(stream)
    speech = stream.playback.speak()
    speech.feed(ours)
    speech.end()
    voiced, outbox, number, spoken = after + first_voiced(sound), [], 0, False
    while not speech.done.called:
        if not spoken and clock.seconds() >= after:
            leg.speak(mulaw(sound))
            spoken = True
        advance(clock, (number + 1) * FRAME)
        held = leg.held()
        outbox.append(leg.frame(number * FRAME, stream.player.heard_between, number * 160))
        if not held:
            frames, outbox = outbox, []
            for frame in frames:
                if frame is not None:
                    bargein.hear(frame)
        number += 1
    bargein.stop()
    clears = [clear for clear in stream.clears if clear >= voiced - 0.1]
    ends = sorted((*saying.resumed, *saying.cuts))
    decided = tuple((end - start) * 1000 for start, end in zip(saying.paused, ends, strict=False))
    whole = bool(saying.cuts) or heard_whole(stream.player.heard, ours, saying.paused)
    latency = (clears[0] - voiced) * 1000 if clears else float("inf")
    return Trial(kind, bool(saying.paused), bool(saying.cuts), latency, decided, whole, ears.said)


def advance(clock: Clock, until: float) -> None:
    """Let time pass, event by event, so that each finds the clock at its own time."""
    while calls := [call for call in clock.getDelayedCalls() if call.getTime() <= until]:
        clock.advance(max(0.0, min(call.getTime() for call in calls) - clock.seconds()))
    clock.advance(max(0.0, until - clock.seconds()))


def heard_whole(heard: bytes, ours: bytes, pauses: list[float]) -> bool:
    """Whether nothing was left out: what is heard after a pause begins where what came before ended, or before."""
    bounds = [0, *(round(pause * RATE) for pause in pauses), len(heard)]
    reached = 0
    for start, stop in pairwise(bounds):
        piece = heard[start:stop].strip(b"\xff")
        while ours[reached : reached + 1] == b"\xff":
            reached += 1
        at = ours.rfind(piece, 0, reached + len(piece))
        if at < 0:
            return False
        reached = max(reached, at + len(piece))
    return not ours[reached:].strip(b"\xff")


def interruptions(each: int, dice: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """Every phrase, as several people say it: slower and faster, higher and lower, down to 12 dB softer."""
    for phrase in PHRASES:
        for _ in range(each):
            sound = pitched(samples(render(phrase, dice.uniform(0.85, 1.25))), dice.uniform(0.88, 1.15))
            yield phrase, sound * 10 ** (-dice.uniform(0, 12) / 20)


def others(each: int, dice: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """All that is no interruption."""
    yield from noises(each, int(dice.integers(1 << 30)))
    for text in BACK_CHANNELS:
        for _ in range(max(each // 2, 1)):
            sound = pitched(samples(render(text, dice.uniform(0.7, 1.4))), dice.uniform(0.85, 1.15))
            yield f"“{text}”", level(sound, dice.uniform(0.15, 0.8))
    for _ in range(each):
        voices = [pitched(samples(render(text, 1.0)), dice.uniform(0.85, 1.2)) for text in TELEVISION]
        shortest = min(map(len, voices))
        sound = sum(voice[:shortest] for voice in voices)
        yield "television", sound / np.sqrt(np.mean(sound**2)) * 10 ** (-dice.uniform(42, 50) / 20)


def lines(seed: int) -> dict[str, Line]:
    """What it is tried on."""
    return {"clean": Line.clean(), "real": Line.real(seed)}


def run(each: int, seed: int, verbose: bool) -> None:
    """All of it."""
    ears, dice = Ears(), np.random.default_rng(seed)
    ours = b"".join(render(text, 1.0) for text in OURS)
    real: dict[str, list[Trial]] = defaultdict(list)
    noise: dict[str, list[Trial]] = defaultdict(list)
    for number, (kind, sound) in enumerate(interruptions(max(each // 4, 1), dice)):
        for name, line in lines(number).items():
            real[name].append(trial(ears, line, kind, sound, ours, dice.uniform(0.5, 3)))
    for number, (kind, sound) in enumerate(others(each, dice)):
        for line in lines(number).values():
            noise[kind].append(trial(ears, line, kind, sound, ours, dice.uniform(0.5, 3)))
    silent: dict[str, list[Trial]] = {
        name: [trial(ears, attrs.evolve(line, seed=one), name, np.zeros(RATE), ours, 1.0) for one in range(each)]
        for name, line in SILENT.items()
    }
    report(real, noise, ears.took)
    print("\n| nobody speaks | n | pauses | stopped us |\n|---|---|---|---|")
    for name, trials in silent.items():
        print(f"| {name} | {len(trials)} | {sum(len(t.decided) for t in trials)} | {sum(t.cut for t in trials)} |")
    if verbose:
        for one in [t for ts in real.values() for t in ts if not t.cut or t.latency > 250 or t.latency < 0]:
            print("real", one)
        for one in [
            t for ts in noise.values() for t in ts if t.cut or not t.whole or max(t.decided, default=0) > 500
        ]:
            print("noise", one)


def report(real: dict[str, list[Trial]], noise: dict[str, list[Trial]], took: list[float]) -> None:
    """Print it."""
    print("| interruptions | n | clear p50 | p95 | worst | stopped us |\n|---|---|---|---|---|---|")
    for name, trials in {**real, "all": [t for each in real.values() for t in each]}.items():
        p50, p95, worst = np.percentile([t.latency for t in trials], [50, 95, 100], method="lower")
        cut = sum(t.cut for t in trials)
        print(f"| {name} | {len(trials)} | {p50:.0f} ms | {p95:.0f} ms | {worst:.0f} ms | {cut / len(trials):.1%} |")
    print("\n| no words | n | paused | stopped us |\n|---|---|---|---|")
    everything = [t for each in noise.values() for t in each]
    for name, trials in {**noise, "all": everything}.items():
        paused, cut = (sum(t.paused for t in trials), sum(t.cut for t in trials))
        print(f"| {name} | {len(trials)} | {paused / len(trials):.1%} | {cut / len(trials):.1%} |")
    decided = [ms for t in (*everything, *(t for each in real.values() for t in each)) for ms in t.decided]
    p50, p95, worst = np.percentile(decided, [50, 95, 100])
    print(f"\n{len(decided)} pauses, decided after {p50:.0f} ms (95 %: {p95:.0f}, worst {worst:.0f}); "
          f"recogniser {np.median(took) * 1000:.0f} ms ({np.percentile(took, 95) * 1000:.0f})")  # fmt: skip
    resumed = [t for t in everything if t.paused and not t.cut]
    print(f"after {len(resumed)} trials with pauses for nothing, all of our speech was heard in "
          f"{sum(t.whole for t in resumed)}")  # fmt: skip


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    run(*numbers, *(10, 2)[len(numbers) :], verbose="-v" in sys.argv)
