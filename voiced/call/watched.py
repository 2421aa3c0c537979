"""The tools that an agent is given, watched: they are as they are, and somebody is told when it uses them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from voiced.call.records import ToolRecord
from voiced.ivoiced import IAgentTool, IToolbox, ToolResult

MOST_USES = 500
"""Uses of tools that are written down in one conversation."""


@implementer(IToolbox)
@attrs.define
class WatchedTools:
    """A toolbox; `used()` is called after each use of it, and each is written down."""

    _toolbox: IToolbox
    _clock: IReactorTime
    _used: Callable[[], None]
    uses: list[ToolRecord]
    at_work: int = 0
    """How many are being used."""

    @property
    def tools(self) -> Mapping[str, IAgentTool]:
        """See IToolbox."""
        return self._toolbox.tools

    def use(self, name: str, arguments: Mapping[str, Any]) -> Deferred[ToolResult]:
        """See IToolbox."""

        def ended(result: Any) -> Any:
            self.at_work -= 1
            error = not isinstance(result, ToolResult) or result.error
            known = name if name in self.tools else ""
            if len(self.uses) < MOST_USES:
                self.uses.append(ToolRecord(known, round(self._clock.seconds() - began, 3), error))
            self._used()
            return result

        began = self._clock.seconds()
        self.at_work += 1
        return self._toolbox.use(name, arguments).addBoth(ended)
