"""Plays a scenario from its ring to its end, and says how it went."""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from voiced.errors import ConfigError
from voiced.rehearsal.caller import Caller
from voiced.rehearsal.expecting import unmet
from voiced.rehearsal.listener import Listener
from voiced.rehearsal.overheard import overhearing
from voiced.rehearsal.performance import Failure, Performance, from_journal
from voiced.rehearsal.pretended import Pretended, content, needed
from voiced.rehearsal.reading import Ear
from voiced.rehearsal.scenario import Scenario
from voiced.rehearsal.stage import Stage
from voiced.settings.load import Configuration, read
from voiced.simulator.carrier import SimulatedCall
from voiced.simulator.memory import elapse, tell_autobahn

AFTERWARDS = 200.0
"""Seconds after the end within which every timer of a call has to be over."""


def configured(path: Path, environ: Mapping[str, str]) -> Configuration:
    """Settings and flows, whose secrets need not be there. Raises ConfigError."""
    return read(path, Pretended(environ, needed(path)), content=content)


def perform(scenario: Scenario, configuration: Configuration) -> Performance:
    """Play it. Nothing of it is left afterwards. Should something in here break, that is a failure, too."""
    began = time.perf_counter()
    try:
        performance = _performed(scenario, configuration)
    except Exception as error:  # noqa: BLE001 - nothing of a scenario may keep the others from being played
        why = traceback.format_exception_only(error)[-1].strip()
        failure = Failure(f"voiced itself broke, please report it: {why}", detail=_where(error))
        performance = Performance(scenario.scenario, failures=(failure,))
    return attrs.evolve(performance, took=time.perf_counter() - began)


def _where(error: Exception) -> str:
    """The lines of code on the way to what broke."""
    return "".join(traceback.format_tb(error.__traceback__)[-3:])


def _performed(scenario: Scenario, configuration: Configuration) -> Performance:
    with overhearing() as overheard:
        try:
            stage = Stage(configuration, scenario)
        except ConfigError as error:  # a plugin that cannot be made
            return Performance(scenario.scenario, failures=(Failure(f"it cannot be played: {error}"),))
        put_back = tell_autobahn(stage.clock)
        try:
            performance = _played(stage)
        finally:
            put_back()
    faults = [Failure(f"the log has a traceback: {fault}") for fault in overheard.faults]
    failures = (*performance.failures, *faults)
    performance = attrs.evolve(performance, failures=failures, log=tuple(overheard.lines))
    if performance.passed:  # else the rest did not happen as it should have
        performance = attrs.evolve(performance, failures=tuple(unmet(scenario.expect, performance)))
    return performance


def _played(stage: Stage) -> Performance:
    callee = stage.scenario.call
    call = stage.ring() if callee is None else stage.place(callee)
    if call is None:
        elapse(stage.clock, AFTERWARDS)
        return _not_placed(stage)
    caller = Caller(stage, call, Listener(call, Ear(stage.labels)))
    stage.lose_streams(call)
    caller.play()
    stage.part()
    elapse(stage.clock, AFTERWARDS)
    caller.listener.look()
    failures = [*caller.failures, *map(Failure, (*stage.complaints, *stage.leftovers()))]
    facts: dict[str, str] = {} if caller.session is None else dict(caller.session.facts)
    heard, awaited = tuple(caller.listener.sentences), frozenset(caller.awaited)
    return _performance(stage, call, heard=heard, awaited=awaited, facts=facts, failures=tuple(failures))


def _performance(stage: Stage, call: SimulatedCall, **more: Any) -> Performance:
    kept = from_journal(stage.journal.lines, call.sid, call.rang_at)
    return Performance(stage.scenario.scenario, sheet=tuple(call.sheet), **kept, **more)


def _not_placed(stage: Stage) -> Performance:
    """Nobody was called: only who expects that, and nothing more, is content."""
    performance = Performance(stage.scenario.scenario, **from_journal(stage.journal.lines, "", 0.0))
    why = f"the call was not placed: {stage.refused.get('error', 'no reason is known')}"
    if stage.scenario.expect.refused is None:
        return attrs.evolve(performance, failures=(Failure(why),))
    if stage.scenario.steps:
        left = f"{why}, and so its steps were never done: take `steps:` away, or `refused:`"
        return attrs.evolve(performance, failures=(Failure(left, 1),))
    return performance
