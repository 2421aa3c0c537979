"""The step by which an operator tells the daemon what to do: operator."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec
from zope.interface import implementer

from voiced.ioperator import TROUBLE_FACTS
from voiced.ivoiced import ICall, IStep, Mentions

RESULT = "operator.result"
TROUBLE = "trouble."


@implementer(IStep)
class Operator(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Let the operator act on this daemon: `operator: report`, `operator: all_to_human`, `operator: last_good_flows`.

    `report` sets `{trouble.kind}`, `{trouble.text}`, `{trouble.call}` and `{trouble.record}`: what broke, and the
    failed call's record in sentences. `all_to_human` connects every new call with the setting `human`; once more,
    and it does not any longer. `last_good_flows` has new calls follow what was there before the last reload. What
    came of these two is `{operator.result}`: `on`, `off` or `no_human`; `done` or `none`.

    Whoever comes to this step does it: where strangers may, let a `gather` ask for a secret first.
    """

    shorthand: ClassVar[str] = "do"

    do: Literal["report", "all_to_human", "last_good_flows"]

    def mentions(self) -> Mentions:
        """The facts that it sets."""
        if self.do == "report":
            return Mentions(sets=tuple(TROUBLE + name for name in TROUBLE_FACTS))
        return Mentions(sets=(RESULT,))

    async def run(self, call: ICall) -> None:
        """Do it."""
        if self.do == "report":
            found = call.operator.report()
            call.facts.update({TROUBLE + name: text for name, text in found.items()})
            call.note(found["kind"])
            return
        acts = {"all_to_human": call.operator.all_to_human, "last_good_flows": call.operator.last_good_flows}
        result = call.facts[RESULT] = acts[self.do]()
        call.note(f"{self.do}: {result}")
