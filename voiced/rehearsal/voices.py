"""The voices of a rehearsal: what they say can be read, and they break when the scenario says so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial

import attrs
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from zope.interface import implementer

from voiced.call.audio import silence
from voiced.errors import SynthesisError
from voiced.ivoiced import Deliver, ITTSEngine, Utterance
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
    _unsaid: Mapping[str, int] = attrs.field(factory=dict)
    """Sentences that no voice says any more once it has said them so often."""
    _said: Counter[str] = attrs.field(factory=Counter)
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
        self._said[text] += 1
        if self._said[text] > self._unsaid.get(text, self._said[text]):
            raise SynthesisError(f"the voice {self.name} has not said this then, either")
        if not text.strip():
            raise SynthesisError("there is nothing to say in this text")
        deliver(self._labels.speech("voice", self.name, text) + silence(PAUSE))


def voices(
    chosen: Mapping[str, ChosenVoice],
    labels: Labels,
    clock: IReactorTime,
    faults: Sequence[Fault],
    unsaid: Mapping[str, int],
) -> dict[str, ITTSEngine]:
    """A readable voice for each of voiced.yaml, each with its own fallback."""
    made: dict[str, ITTSEngine] = {}

    def make(name: str) -> ITTSEngine:
        if name not in made:
            fallback = chosen[name].fallback
            mine = [fault for fault in faults if fault.voice == name]
            engine = ReadableVoice(name, labels, clock, mine, unsaid)
            made[name] = Voice(engine, clock, None if fallback is None else make(fallback))
        return made[name]

    for name in chosen:
        make(name)
    return made
