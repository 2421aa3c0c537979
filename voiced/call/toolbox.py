"""The tools of one conversation: whatever a tool does, the agent gets a result, in time and not too long."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import attrs
from twisted.internet.defer import CancelledError, Deferred, maybeDeferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from voiced.errors import CallOver, ToolFailed, VoicedError
from voiced.ivoiced import IAgentTool, ICall, IToolbox, ToolResult

MOST_TEXT = 16 * 1024
"""Bytes of a result's text, in UTF-8: what is longer costs the caller a silence while the agent reads it."""
_CUT = " … (the rest was cut off)"
_LONGEST_NAME = 64

_PLAIN = re.compile(r"[A-Za-z_]{1,64}")
"""A name that may be logged: a model may put a caller's number into one."""

_log = Logger()


@implementer(IToolbox)
@attrs.frozen
class Toolbox:
    """These tools, for this call. What is asked of them and what they answer is never logged."""

    tools: Mapping[str, IAgentTool]
    call: ICall = attrs.field(repr=False)

    def use(self, name: str, arguments: Mapping[str, Any]) -> Deferred[ToolResult]:
        """Cancelling it cancels the tool. A tool that does not stop when it is cancelled is not waited for."""
        tool = self.tools.get(name)
        if tool is None:
            shown = name if _PLAIN.fullmatch(name) else "one whose name is none"
            _log.warn(
                "{call}: the agent asks for a tool that it does not have, {tool}", call=self.call.info.sid, tool=shown
            )
            there = ", ".join(sorted(self.tools)) or "none"
            return succeed(_error(f"There is no tool {name[:_LONGEST_NAME]!r}; there are: {there}."))
        if not isinstance(arguments, Mapping):
            return succeed(_error("The arguments of a tool are a JSON object."))
        return self._use(name, tool, arguments)

    def _use(self, name: str, tool: IAgentTool, arguments: Mapping[str, Any]) -> Deferred[ToolResult]:
        clock = self.call.clock
        began = clock.seconds()

        def ended(answer: Any) -> None:
            if not used.called:
                limit.cancel()
                give(self._result(name, answer))

        def late() -> None:
            sentence = f"{name} did not answer within {tool.timeout:g} s: it may have happened, or not."
            give(_error(sentence), "too late")
            self._stop(name, running)

        def give(result: ToolResult, how: str = "error") -> None:
            tell = _log.warn if result.error else _log.info
            tell(
                "{call}: tool {tool}: {how} after {seconds:.2f} s",
                call=self.call.info.sid,
                tool=name,
                how=how if result.error else "ok",
                seconds=clock.seconds() - began,
            )
            used.callback(attrs.evolve(result, text=_capped(result.text)))

        def stop(_: Deferred[ToolResult]) -> None:
            limit.cancel()
            used.errback(CancelledError())
            self._stop(name, running)

        used: Deferred[ToolResult] = Deferred(stop)
        limit = clock.callLater(tool.timeout, late)
        running = maybeDeferred(tool.run, self.call, arguments)
        running.addBoth(ended)
        return used

    def _result(self, name: str, answer: Any) -> ToolResult:
        """What the agent is told of what a tool gave."""
        if isinstance(answer, ToolResult):
            return answer
        if not isinstance(answer, Failure):
            _log.error("{call}: tool {tool} gave no ToolResult", call=self.call.info.sid, tool=name)
        elif answer.check(ToolFailed):
            return _error(str(answer.value))
        elif answer.check(CallOver):
            return _error("The call is over.")
        elif answer.check(VoicedError):
            reason = answer.getErrorMessage()
            _log.warn("{call}: tool {tool}: {error}", call=self.call.info.sid, tool=name, error=reason)
            return _error(f"{name} could not do it.")
        else:
            _log.failure("{call}: tool {tool} broke down", answer, call=self.call.info.sid, tool=name)
        return _error(f"The tool {name} has a fault: do without it.")

    def _stop(self, name: str, running: Deferred[Any]) -> None:
        try:
            running.cancel()
        except Exception:  # noqa: BLE001 - whatever a tool's own canceller raises: the agent has its answer
            _log.failure("{call}: tool {tool} cannot be cancelled", call=self.call.info.sid, tool=name)


def _error(sentence: str) -> ToolResult:
    return ToolResult(sentence, error=True)


def _capped(text: str) -> str:
    """The text, not too long, and such that it can be sent: half a surrogate pair cannot."""
    whole = str(text).encode(errors="replace")
    if len(whole) <= MOST_TEXT:
        return whole.decode()
    return whole[: MOST_TEXT - len(_CUT.encode())].decode(errors="ignore") + _CUT
