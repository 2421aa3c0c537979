"""The steps that decide where a flow goes, and what it knows: goto, choose, hangup, lookup."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec
from twisted.internet.defer import TimeoutError as TimedOut
from twisted.logger import Logger
from zope.interface import implementer

from voiced.errors import LookupFailed
from voiced.ivoiced import END, End, ICall, IStep, Mentions

log = Logger()


@implementer(IStep)
class Goto(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Go on at another node."""

    shorthand: ClassVar[str] = "node"

    node: str

    def mentions(self) -> Mentions:
        """The node."""
        return Mentions(nodes=(self.node,), goes_on=False)

    async def run(self, call: ICall) -> str:
        """Go there."""
        return self.node


@implementer(IStep)
class Choose(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Go to the node that stands for what a fact says; to `otherwise`, or on with the next step, when none does.

    Facts compare as text; one that is not there is "".
    """

    fact: Annotated[str, msgspec.Meta(min_length=1)]
    cases: Annotated[dict[str, str], msgspec.Meta(min_length=1)]
    otherwise: str | None = None

    def mentions(self) -> Mentions:
        """The nodes, and the fact."""
        otherwise = (self.otherwise,) if self.otherwise else ()
        return Mentions(nodes=(*self.cases.values(), *otherwise), reads=(self.fact,))

    async def run(self, call: ICall) -> str | None:
        """Go there."""
        return self.cases.get(call.facts.get(self.fact, ""), self.otherwise)


@implementer(IStep)
class Hangup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """End the call, when all that was said has been heard; `reason` says why, in the call's record."""

    shorthand: ClassVar[str] = "reason"

    reason: str = ""

    def mentions(self) -> Mentions:
        """Nothing; it is the end."""
        return Mentions(goes_on=False)

    async def run(self, call: ICall) -> End:
        """End the flow."""
        if self.reason:
            call.hang_up_because(self.reason)
        return END


@implementer(IStep)
class Lookup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ask a lookup who is calling; what it knows is read as `{party.name}` and so on.

    A lookup that fails, or takes longer than `timeout` seconds, is left behind: the flow goes on without its facts.
    """

    shorthand: ClassVar[str] = "use"

    use: str
    timeout: Annotated[float, msgspec.Meta(gt=0)] = 2.0

    def mentions(self) -> Mentions:
        """The lookup. What facts it sets, only the lookup knows."""
        return Mentions(lookups=(self.use,), sets=("party.*",))

    async def run(self, call: ICall) -> None:
        """Ask it, and remember the answer."""
        try:
            known = await call.look_up(self.use).addTimeout(self.timeout, call.clock)
        except TimedOut:
            call.note(f"no answer within {self.timeout:g} s")
        except LookupFailed as error:
            log.warn("{call}: lookup {lookup}: {error}", call=call.info.sid, lookup=self.use, error=str(error))
            call.note("no answer")
        else:
            call.facts.update({f"party.{name}": value for name, value in known.items()})
            call.note("known" if known else "not known")
