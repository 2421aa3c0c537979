"""The steps that go into another flow, and come back: call, return."""

from __future__ import annotations

from typing import ClassVar

import msgspec
from zope.interface import implementer

from voiced.call.steps.facts import check_fact
from voiced.call.template import FACT, Template, Unspoken
from voiced.ivoiced import Back, End, ICall, IStep, Mentions


@implementer(IStep)
class Call(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"arguments": "with"}):
    """Walk through another flow, and go on here when it comes back.

    `with` are its arguments, by name: it reads them as `{argument.name}`. What it returns becomes the fact `result`
    names. A flow comes back by `return`, or when a node of it ends without a next one; `hangup` there ends the call.
    All facts are the call's: what one flow learns, the other knows. A step that fails leads to its own `on_error`,
    or else to that of the flow that has called it.
    """

    shorthand: ClassVar[str] = "flow"

    flow: str
    arguments: dict[str, Unspoken] = {}
    result: str = "result"

    def __post_init__(self) -> None:
        check_fact(self.result)
        for name in self.arguments:
            if not FACT.fullmatch(name):
                raise ValueError(
                    f"`with`: {name!r} is no name: write one like `order.number`, of letters, digits, `_`"
                )

    def mentions(self) -> Mentions:
        """The flow, and what its arguments read."""
        return Mentions(
            flows=(self.flow,),
            passes=tuple(self.arguments),
            reads=tuple(fact for text in self.arguments.values() for fact in text.needs),
            sets=(self.result,),
        )

    async def run(self, call: ICall) -> End | None:
        """Go there, and come back."""
        arguments = {name: text.fill(call.facts, call.language) for name, text in self.arguments.items()}
        secret = {f"argument.{name}" for name, text in self.arguments.items() if call.private & {*text.facts}}
        call.private |= secret
        came = await call.run_flow(self.flow, arguments)
        if isinstance(came, End):
            return came
        call.facts[self.result] = came.result
        if came.private:
            call.private.add(self.result)
        call.note(f"came back from {self.flow}")
        return None


@implementer(IStep)
class Return(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Go back to the flow that has called this one, with a result; where none has, the flow is at its end."""

    shorthand: ClassVar[str] = "result"

    result: Unspoken = Template.parse("")

    def mentions(self) -> Mentions:
        """What the result reads."""
        return Mentions(reads=self.result.needs, goes_on=False)

    async def run(self, call: ICall) -> Back:
        """Go back. A result that is made of a private fact is private."""
        private = bool(call.private & {*self.result.facts})
        return Back(self.result.fill(call.facts, call.language), private)
