"""The voices of a rehearsal: what they say can be read, and they break when the scenario says so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial

import attrs
from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from zope.interface import implementer

from voiced.call.audio import silence
from voiced.errors import SynthesisError
from voiced.ivoiced import Deliver, ITTSEngine, Utterance
from voiced.rehearsal.acts import words
from voiced.rehearsal.reading import Labels
from voiced.rehearsal.scenario import Fault
from voiced.settings.chosen import ChosenVoice
from voiced.speech.delivery import delivering
from voiced.speech.voice import Voice

PAUSE = 0.1
"""Seconds of silence after each sentence."""


@implementer(ITTSEngine)
@attrs.define(eq=False)
class ReadableVoice:
    """A voice of voiced.yaml, by name, whose audio says who speaks and what (voiced.rehearsal.reading)."""

    name: str
    _labels: Labels
    _clock: IReactorTime
    _faults: Sequence[Fault] = ()
    _spoken: int = 0

    def synthesize(self, utterance: Utterance, deliver: Deliver) -> Deferred[None]:
        """See ITTSEngine."""
        self._spoken += 1
        faults = [fault for fault in self._faults if fault.hits(self._spoken)]
        return delivering(partial(self._speak, utterance.text, faults), deliver)

    async def _speak(self, text: str, faults: Sequence[Fault], deliver: Deliver) -> None:
        for fault in faults:
            if fault.fails:
                raise SynthesisError(f"the scenario lets the voice {self.name} fail")
            await deferLater(self._clock, fault.late or 0.0)
        if not text.strip():
            raise SynthesisError("there is nothing to say in this text")
        deliver(self._labels.speech("voice", self.name, text) + silence(PAUSE))


@implementer(ITTSEngine)
@attrs.frozen(eq=False)
class Mute:
    """A voice with its fallbacks; none of them says a sentence while the scenario says so."""

    _voice: ITTSEngine
    _clock: IReactorTime
    _faults: Sequence[Fault]
    _asked: Counter[str]
    """How often each sentence was to be said, by whomever."""

    def synthesize(self, utterance: Utterance, deliver: Deliver) -> Deferred[None]:
        """See ITTSEngine."""
        text = words(utterance.text)
        self._asked[text] += 1
        mine = [each for each in self._faults if words(each.sentence or "") == text and each.hits(self._asked[text])]
        if any(fault.fails for fault in mine):
            return fail(SynthesisError("the scenario lets every voice fail at this sentence"))
        late = sum(fault.late or 0.0 for fault in mine)
        if not late:
            return self._voice.synthesize(utterance, deliver)
        waiting: Deferred[None] = deferLater(self._clock, late)
        return waiting.addCallback(lambda _: self._voice.synthesize(utterance, deliver))


def voices(
    chosen: Mapping[str, ChosenVoice], labels: Labels, clock: IReactorTime, faults: Sequence[Fault]
) -> dict[str, ITTSEngine]:
    """A readable voice for each of voiced.yaml, each with its own fallback."""
    sentences = [fault for fault in faults if fault.sentence is not None]
    made: dict[str, ITTSEngine] = {}

    def make(name: str) -> ITTSEngine:
        if name not in made:
            fallback = chosen[name].fallback
            mine = [fault for fault in faults if fault.voice == name]
            engine = ReadableVoice(name, labels, clock, mine)
            made[name] = Voice(engine, clock, None if fallback is None else make(fallback))
        return made[name]

    for name in chosen:
        make(name)
    if not sentences:
        return made
    asked: Counter[str] = Counter()
    return {name: Mute(voice, clock, sentences, asked) for name, voice in made.items()}
