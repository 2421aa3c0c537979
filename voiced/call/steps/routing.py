"""The steps that decide where a flow goes, and where it ends: goto, choose, hangup."""

from __future__ import annotations

from typing import ClassVar

import msgspec
from zope.interface import implementer

from voiced.call.steps.conditions import Name, When
from voiced.call.template import Template
from voiced.ivoiced import END, Apologise, End, ICall, IStep, Mentions


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
    """Go to the node that stands for what is known; to `otherwise`, or on with the next step, when none does.

    `cases` are what the `fact` may say, word for word, each with its node: `cases: {completed: bye, failed: sorry}`.
    `when` is a list of conditions, and the first that holds leads to its node: `{in: [gold, silver], goto: vip}`,
    `{prefix: "+49", goto: german}`, `{at_least: 100, below: 500, goto: bulk}`, `{fact: party.name, present: true,
    goto: known}`. Cases come before conditions. Facts compare as text, but for ranges of numbers; one that is not
    there is "".
    """

    one_of: ClassVar[tuple[str, ...]] = ("cases", "when")
    """Settings of which one has to be there, for the schema; here `__post_init__` says so."""

    fact: Name | None = None
    cases: dict[str, str] = {}
    otherwise: str | None = None
    when: list[When] = []

    def __post_init__(self) -> None:
        if not self.cases and not self.when:
            raise ValueError("`choose` needs `cases` (what a fact says: node) or `when` (a list of conditions)")
        if self.fact is None and (self.cases or any(each.fact is None for each in self.when)):
            raise ValueError("the setting 'fact' is missing: it says what decides")

    def mentions(self) -> Mentions:
        """The nodes, and the facts; whether one is there at all, may be asked of any."""
        otherwise = (self.otherwise,) if self.otherwise else ()
        nodes = (*self.cases.values(), *(each.node for each in self.when), *otherwise)
        asked = [self.fact] if self.cases else []
        asked += [each.fact or self.fact for each in self.when if each.present is None]
        reads = tuple(dict.fromkeys(fact for fact in asked if fact is not None))
        return Mentions(nodes=nodes, reads=reads, goes_on=self.otherwise is None)

    async def run(self, call: ICall) -> str | None:
        """Go there."""
        fact = self.fact or ""
        if self.cases and (node := self.cases.get(call.facts.get(fact, ""))) is not None:
            return node
        return next((each.node for each in self.when if each.holds(call.facts, fact)), self.otherwise)


@implementer(IStep)
class Hangup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """End the call, when all that was said has been heard; `reason` says why, in the call's record.

    `carrier_says` is a last sentence that the carrier itself speaks: for where no voice of ours may be able to.
    """

    shorthand: ClassVar[str] = "reason"

    reason: str = ""
    carrier_says: Template | None = None

    def mentions(self) -> Mentions:
        """What the last sentence reads. No voice renders it ahead: it is the carrier's."""
        return Mentions(reads=() if self.carrier_says is None else self.carrier_says.needs, goes_on=False)

    async def run(self, call: ICall) -> End:
        """End the flow."""
        if self.reason:
            call.hang_up_because(self.reason)
        if self.carrier_says is not None:
            call.then(Apologise(self.carrier_says.fill(call.facts, call.language)))
        return END
