"""What an agent is given, watched: its speeches and its tools as they are, and somebody is told when it uses them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs
from twisted.internet.defer import Deferred
from zope.interface import implementer

from voiced.call.playback import Speech
from voiced.ivoiced import Heard, IAgentTool, ISpeech, IToolbox, ToolResult


@implementer(ISpeech)
@attrs.frozen(eq=False)
class WatchedSpeech:
    """A speech; `fed()` is called after each piece of it."""

    _speech: Speech
    _fed: Callable[[], None]

    @property
    def done(self) -> Deferred[Heard]:
        """See ISpeech."""
        return self._speech.done

    def feed(self, audio: bytes) -> None:
        """See ISpeech."""
        if not self._speech.ended:
            self._speech.feed(audio)
            self._fed()

    def end(self) -> None:
        """See ISpeech."""
        self._speech.end()

    def so_far(self) -> Heard:
        """See ISpeech."""
        return self._speech.so_far()


@implementer(IToolbox)
@attrs.define
class WatchedTools:
    """A toolbox; `used()` is called after each use of it."""

    _toolbox: IToolbox
    _used: Callable[[], None]
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
            self._used()
            return result

        self.at_work += 1
        return self._toolbox.use(name, arguments).addBoth(ended)
