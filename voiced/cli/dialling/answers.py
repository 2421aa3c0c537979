"""What the daemon's answers mean for a row of a list, and for all the others. Pure.

| answer to `POST /outbound-call` | means |
|---|---|
| 400 about the number or a variable, or with the carrier's code | this row cannot be called |
| 403 with a rule | this row may not be called |
| 403 with the rule of the key's flows, or without a rule; 401; 400 about what all rows share; all else | stop |
| 422 | this row was asked for before, with other options: it is not known what became of it |
| 429 with a rule about the destination | this row later |
| 429 | all rows later |
| 408, 409, 5xx | the same again, with the same key |
"""

from __future__ import annotations

import attrs

from voiced.call.records import Ending
from voiced.cli.apiclient import Call, Denied
from voiced.cli.dialling.results import Result

OF_THE_DESTINATION = frozenset({"hours", "per_destination_per_day", "destination"})
"""Rules of the guard that let others be called meanwhile."""
OF_THE_KEY = frozenset({"flows", "key"})
"""Rules that say the same of every row."""
LATER_SECONDS = 10.0
"""Until what is refused for now is asked for again, where the answer does not say when."""

TRY_AGAIN = frozenset({Ending.BUSY.value, Ending.NO_ANSWER.value})
GOOD = frozenset(
    each.value
    for each in (
        Ending.COMPLETED,
        Ending.CALLER_HUNG_UP,
        Ending.AGENT_ENDED,
        Ending.TRANSFERRED,
        Ending.MACHINE,
        Ending.TIMEOUT,
        Ending.SILENCE,
    )
)
"""Endings of a call that took place, as far as we had a hand in it."""


@attrs.frozen
class Stop:
    """No row can be called like this. `undone`: this one was certainly not; `remedy` is what to change."""

    undone: bool
    remedy: str = ""


@attrs.frozen
class Again:
    """The very same is asked for again, a little later."""


@attrs.frozen
class Later:
    """It was certainly not called; it, or all (`everybody`), may be in so many seconds."""

    seconds: float
    everybody: bool
    why: str
    rule: str = ""
    """The guard's rule that says so."""


@attrs.frozen
class Finished:
    """The row has come to its end."""

    result: Result
    why: str


Verdict = Stop | Again | Later | Finished


def verdict(denied: Denied) -> Verdict:
    """What it means that a call was not placed."""
    match denied.status:
        case 400 if denied.code or denied.path.partition(".")[0] in ("number", "variables"):
            return Finished(Result.FAILED, one_line(denied))
        case 403 if denied.rule and denied.rule not in OF_THE_KEY:
            return Finished(Result.REFUSED, denied.rule)
        case 422:
            return Finished(Result.UNKNOWN, "it was asked for with other options before")
        case 429:
            wait = LATER_SECONDS if denied.retry_after is None else denied.retry_after
            return Later(max(1.0, wait), denied.rule not in OF_THE_DESTINATION, one_line(denied), denied.rule)
        case 408 | 409:
            return Again()
        case status if 500 <= status < 600:
            return Again()
    return Stop(400 <= denied.status < 500, remedy(denied))


def remedy(denied: Denied) -> str:
    """What somebody who asked so has to change; "": what the daemon says is all there is to say."""
    match denied.status, denied.path, denied.rule:
        case 401, _, _:
            return "give a key that this daemon has (VOICED_API_KEY, or --key)"
        case 403, _, "flows":
            return "name a flow that this key may use (--flow), or give another key"
        case 403, _, _:
            return "the daemon has to be set up otherwise, or to be asked with another key"
        case 400, "flow", _:
            return "name a flow that the daemon has (--flow)"
        case 400, "from", _:
            return "name a number that the daemon has (--from)"
    return ""


def one_line(error: Exception) -> str:
    """Its sentence, without line breaks."""
    return " ".join(str(error).split())


def result_of(call: Call, attempts: int, retries: int) -> Result:
    """What an ended call makes of a row that was called so often, and may be `retries` times more than once."""
    if call.ending in TRY_AGAIN:
        return Result.WAITING if attempts <= retries else Result.UNREACHED
    return Result.DONE if call.ending in GOOD else Result.FAILED
