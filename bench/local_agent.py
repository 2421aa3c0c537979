"""`python -m bench.local_agent`: how soon the local agent answers, and how often it cuts a caller off.

The real ears and the real voice, on the real clock: frames of 20 ms go into the agent, and what it says is taken to
be played the moment it is sent. The delay is that from the last sample of the caller's sentence that is to be heard
to the first such sample of the answer. The caller speaks with the local voice, over a line with a little noise, at
paces from slow to quick; a bar in a sentence is a pause of 200 to 450 ms, as somebody makes who thinks.

`python -m bench.local_agent 4` has four callers at once.
"""

from __future__ import annotations

import os
import random
import statistics
import sys
from collections import deque
from typing import Any

import attrs
import numpy as np
from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.internet.task import LoopingCall, deferLater, react

from voiced.agents.brains.rules import Rule
from voiced.agents.local import Brain, Settings, make
from voiced.call.audio import FRAME, RATE, from_linear, seconds, to_linear
from voiced.call.template import Template
from voiced.hearing.local import open_hearing
from voiced.ivoiced import Brief, ISpeech, Who
from voiced.speech import local_model
from voiced.speech.local import LocalVoice
from voiced.speech.local import Settings as VoiceSettings
from voiced.testing.fake_call import FakeCall
from voiced.testing.fake_line import FakeLine
from voiced.testing.fakes import FakeTools

SENTENCES = """
Good evening. / Breakfast, please. / Is there a gym? / Thank you. / Yes, please. / No, not today. / My name is Anna.
When do you serve breakfast? / How much is a double room? / Can I have a late checkout? / Do you have a swimming pool?
I would like to book a table for tonight. / What time is breakfast on a Sunday morning? / Where can I park my car?
Is there a train from the airport, or should I take a taxi? / Could you wake me at seven tomorrow morning, please?
I arrive on the third of May, and I leave on the ninth. / We are two adults, two children, and a very small dog.
Can you tell me whether the restaurant is still open at ten in the evening? / I have lost my room key.
The heating in my room does not work, and it is rather cold in here. / Do you take credit cards? / What a pity.
I booked a room last week, but I have not heard anything from you since then. / Is the bar open?
Yes, that would be very kind of you. / Well, I am not sure about that, to be honest. / How far is the beach?
Hello, this is Peter Miller, I have a question about my bill. / Are pets allowed? / That sounds good to me.
Could I change my booking from Friday to Saturday, if that is possible? / Please send somebody up to my room.
How long does it take to get to the city centre by bus? / I need some more towels. / It is far too loud here.
I would like | a room with a view. / Do you have a table for | four people tonight? / Um | when is breakfast?
My name is | Robert Brown. / I am calling because | I cannot find my booking. / Can I | leave my luggage here?
We would like to stay | until next Wednesday. / So | how much is that in total? / I think | we need another bed.
The problem is that | the window does not close. / Could you please | call me a taxi? / Well, um | that is all.
I want to cancel | my reservation for tomorrow. / Is it possible to | pay in cash? / Good morning | is anybody there?
My flight is delayed, and | I will not be there before midnight. / I left my coat in | the breakfast room, I think.
What do you | recommend for dinner? / We have a reservation for the | twelfth of August. / Yes | that is right.
Hi, um | I wanted to ask | whether you have a car park. / Is there | a pharmacy | near the hotel?
Actually, | I would prefer a quiet room, if you have one. / Can I get | a vegetarian | breakfast?
"""
TURNS = [sentence.strip() for line in SENTENCES.strip().splitlines() for sentence in line.split("/")]
KNOWN = "breakfast, taxi, table * tonight, car park, park my car, luggage, key, towels, thank you, good evening, gym"
RULES = (Rule(when=tuple(KNOWN.split(", ")), say=Template.parse("Of course. I will see to that at once.")),)
PAUSES = (0.2, 0.45)
PACES = (0.85, 1.25)
AUDIBLE = 400
"""Of 32767 (-38 dB): a sample that is to be heard."""
NOISE = 12
"""The line's own noise, -69 dB."""
LATEST = 4.0
"""Seconds after which there is no answer any more."""


def loud(audio: bytes) -> Any:
    """Where the samples are that are to be heard."""
    return np.flatnonzero(np.abs(np.frombuffer(to_linear(audio), "<i2").astype(np.int32)) > AUDIBLE)


def spoken(sentence: str, dice: random.Random) -> bytes:
    """The sentence as somebody says it."""
    pace = dice.uniform(*PACES)
    pieces = []
    for number, part in enumerate(sentence.split("|")):
        if number:
            pieces.append(np.zeros(round(dice.uniform(*PAUSES) * RATE)))
        audio = local_model.render(part.strip(), pace)
        heard = loud(audio)
        pieces.append(np.frombuffer(to_linear(audio), "<i2")[heard[0] : heard[-1] + 1])
    clean = np.concatenate(pieces) * dice.uniform(0.4, 1.1)
    return from_linear(noisy(clean, dice))


def noisy(samples: Any, dice: random.Random) -> bytes:
    """The samples, over the line."""
    noise = np.random.default_rng(dice.randrange(1 << 32)).normal(0, NOISE, len(samples))
    return np.clip(samples + noise, -32767, 32767).astype("<i2").tobytes()


class Speech:
    """Tells the line when its first sample is to be heard."""

    def __init__(self, line: Line, speech: ISpeech) -> None:
        self._line = line
        self._speech = speech
        self.done = speech.done
        self.end = speech.end
        self.so_far = speech.so_far
        self._fed = 0.0

    def feed(self, audio: bytes) -> None:
        heard = loud(audio)
        if len(heard) and self._line.answered is None:
            self._line.answered = self._line.clock.seconds() + self._line.queued + seconds(int(heard[0]))
        self._speech.feed(audio)


class Line(FakeLine):
    """A line that notes when it was answered, and when the agent took the caller to have finished."""

    answered: float | None = None
    taken: list[tuple[float, str]]

    def speak(self) -> Any:
        return Speech(self, super().speak())

    def said(self, who: Who, text: str, speech: ISpeech | None = None) -> None:
        if who is Who.CALLER:
            self.taken.append((self.clock.seconds(), text))


@attrs.frozen
class Turn:
    """How a turn went: the delay in seconds (None: no answer), and whether the caller was cut off."""

    sentence: str
    understood: str
    delay: float | None
    early: bool


class Caller:
    """Somebody on the telephone, who says one sentence after the other and interrupts every answer."""

    def __init__(self, reactor: Any, agent: Any, voice: Any, seed: int) -> None:
        self._reactor = reactor
        self._dice = random.Random(seed)
        self._line = Line(reactor)
        self._line.taken = []
        self._talking = agent.converse(self._line, FakeCall(clock=reactor, voices={"": voice}), Brief())
        self._talking.addErrback(lambda failure: failure.trap(CancelledError))
        self._saying: deque[bytes] = deque()
        quiet = np.zeros(RATE * 2)
        self._quiet = deque(frames(from_linear(noisy(quiet, self._dice))))
        self._began = reactor.seconds()
        self._sent = 0
        self._ticking = LoopingCall(self._tick)
        self._ticking.clock = reactor
        self._ticking.start(seconds(FRAME))

    async def talk(self, sentences: list[str], audio: list[bytes]) -> list[Turn]:
        """Say these."""
        turns = [await self._say(*each) for each in zip(sentences, audio, strict=True)]
        self._ticking.stop()
        self._talking.cancel()
        return turns

    async def _say(self, sentence: str, audio: bytes) -> Turn:
        await deferLater(self._reactor, self._dice.uniform(0.6, 0.8))
        self._line.taken = []
        self._line.answered = None
        begins = self._began + self._sent * seconds(FRAME)
        self._saying.extend(frames(audio))
        ends = begins + seconds(int(loud(audio)[-1]))
        while self._line.answered is None or self._reactor.seconds() < ends:
            await deferLater(self._reactor, 0.01)
            if self._reactor.seconds() > ends + LATEST:
                break
            if self._line.answered is not None and self._line.answered < ends:
                self._line.interrupt()  # as the call would; and what follows is another turn
                self._line.answered = None
        answered = self._line.answered
        early = any(when < ends for when, _ in self._line.taken)
        await deferLater(self._reactor, 0.1)
        self._line.interrupt()
        text = " + ".join(text for _, text in self._line.taken)
        return Turn(sentence, text, None if answered is None else answered - ends, early)

    def _tick(self) -> None:
        """Every frame is sent when its last sample was spoken."""
        due = int((self._reactor.seconds() - self._began) / seconds(FRAME))
        while self._sent < due:
            self._sent += 1
            if self._saying:
                self._line.caller_says(self._saying.popleft())
            else:
                self._quiet.rotate(-1)
                self._line.caller_says(self._quiet[0])


def frames(audio: bytes) -> list[bytes]:
    """Frames of 20 ms; the last one is filled up."""
    return [audio[at : at + FRAME].ljust(FRAME, b"\xff") for at in range(0, len(audio), FRAME)]


def share(figures: list[float], part: float) -> float:
    """The figure that so large a part of them does not exceed."""
    return sorted(figures)[min(len(figures) - 1, round(len(figures) * part))]


async def bench(reactor: Any, callers: int) -> None:
    """All of it, as a Markdown table; what went wrong below it."""
    dice = random.Random(7)
    audio = [spoken(sentence, dice) for sentence in TURNS]
    hearing = open_hearing(reactor.callFromThread)
    reactor.addSystemEventTrigger("before", "shutdown", hearing.close)
    tools = attrs.evolve(
        FakeTools(reactor, hearing=hearing),
        in_thread=lambda f, *args: threads(reactor, f, *args),
    )
    voice = LocalVoice(VoiceSettings(), tools, local_model)
    agent = make(Settings(Brain(RULES)), tools)
    await threads(reactor, local_model.warm)
    await hearing.recognise(audio[0])
    load, used = os.getloadavg()[0], os.times()
    began = reactor.seconds()
    talks = []
    for seed in range(callers):
        start = seed * len(TURNS) // callers
        caller = Caller(reactor, agent, voice, seed)
        order = [*range(start, len(TURNS)), *range(start)][: max(len(TURNS) // callers, 30)]
        talk = caller.talk([TURNS[at] for at in order], [audio[at] for at in order])
        talks.append(Deferred.fromCoroutine(talk))
        await deferLater(reactor, 0.37)
    turns = [turn for each in await gatherResults(talks) for turn in each]
    now = os.times()
    work = (now.user + now.system - used.user - used.system) / (reactor.seconds() - began)
    report(turns, callers, f"load {load:.2f} before and {os.getloadavg()[0]:.2f} after; {work:.0%} of a core")


def report(turns: list[Turn], callers: int, machine: str) -> None:
    """Print it."""
    delays = [turn.delay for turn in turns if turn.delay is not None and not turn.early]
    early = [turn for turn in turns if turn.early]
    print(f"{os.cpu_count()} cores, {machine}\n")
    print("| callers | turns | median | 95 % | worst | cut off | no answer |\n|---|---|---|---|---|---|---|")
    print(
        f"| {callers} | {len(turns)} | {statistics.median(delays):.3f} s | {share(delays, 0.95):.3f} s | "
        f"{max(delays):.3f} s | {len(early)} ({len(early) / len(turns):.1%}) | "
        f"{sum(turn.delay is None for turn in turns)} |\n"
    )
    for turn in turns:
        slow = turn.delay is None or turn.delay > 0.85
        if turn.early or slow or "-v" in sys.argv:
            print(
                f"- {'cut off' if turn.early else turn.delay}: {turn.sentence!r}, understood as {turn.understood!r}"
            )


def threads(reactor: Any, f: Any, *args: Any) -> Any:
    """Call it in a worker thread."""
    from twisted.internet.threads import deferToThreadPool

    return deferToThreadPool(reactor, reactor.getThreadPool(), f, *args)


if __name__ == "__main__":
    count = next((int(word) for word in sys.argv[1:] if word.isdigit()), 1)
    react(lambda reactor: Deferred.fromCoroutine(bench(reactor, count)), ())
