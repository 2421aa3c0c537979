"""The step that asks who is calling: lookup."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

import msgspec
from twisted.internet.defer import TimeoutError as TimedOut
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from voiced.call.steps.facts import check_fact
from voiced.call.steps.meanwhile import bridged
from voiced.call.template import Template
from voiced.errors import LookupFailed
from voiced.ivoiced import ICall, IStep, Mentions, Prompt

log = Logger()


@implementer(IStep)
class Lookup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ask a lookup who is calling; what it knows is read as `{party.name}` and so on (or with `into`, not `party`).

    A lookup that fails, or takes longer than `timeout` seconds, is left behind: the flow goes on without its facts.

    `filler` is a sentence for the meantime, unless the answer is there at once; it is heard to its end, and one
    that cannot be spoken is left out. With `ringing: true` the caller hears a ringing until the answer is there.
    """

    shorthand: ClassVar[str] = "use"

    use: str
    timeout: Annotated[float, msgspec.Meta(gt=0, le=60)] = 2.0
    filler: Template | None = None
    ringing: bool = False
    into: str = "party"
    voice: str | None = None

    def __post_init__(self) -> None:
        check_fact(self.into)
        if self.filler is not None and self.ringing:
            raise ValueError("`filler` and `ringing: true` would be heard at once: take one out")
        if self.filler is None and self.voice is not None:
            raise ValueError("`voice` is for the `filler`, and there is none")

    def mentions(self) -> Mentions:
        """The lookup, and what is said meanwhile. What facts it sets, only the lookup knows."""
        return Mentions(
            lookups=(self.use,),
            voices=(self.voice,) if self.voice else (),
            prompts=(Prompt(self.filler, self.voice),) if self.filler else (),
            reads=self.filler.needs if self.filler else (),
            sets=(f"{self.into}.*",),
        )

    async def run(self, call: ICall) -> None:
        """Ask it, and remember the answer."""
        known = call.look_up(self.use).addTimeout(self.timeout, call.clock)
        asking = known.addCallbacks(self._known, self._unknown, callbackArgs=(call,), errbackArgs=(call,))
        await bridged(call, asking, self.filler, self.voice, ringing=self.ringing)

    def _known(self, known: Mapping[str, str], call: ICall) -> None:
        call.facts.update({f"{self.into}.{name}": value for name, value in known.items()})
        call.note("known" if known else "not known")

    def _unknown(self, failure: Failure, call: ICall) -> None:
        if failure.check(TimedOut):
            call.note(f"no answer within {self.timeout:g} s")
            return
        failure.trap(LookupFailed)
        error = failure.getErrorMessage()
        log.warn("{call}: lookup {lookup}: {error}", call=call.info.sid, lookup=self.use, error=error)
        call.note("no answer")
