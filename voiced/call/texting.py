"""Texts of a call that are on their way: whoever waits may leave, the sending goes on, and nothing is sent twice."""

from __future__ import annotations

from collections.abc import Callable, Hashable

import attrs
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from voiced.call.underway import UnderWay

log = Logger()


@attrs.define(eq=False)
class _Text:
    """One of them: what came of it, and who waits for that."""

    result: str | Failure | None = None
    waiting: Deferred[str] | None = None


class Texting:
    """Sends each text once, by a name for it.

    A caller who hangs up, a line that is lost, and silence of Twilio's cancel the step that sends; what Twilio was
    asked for it may have done all the same. So it is let be, and a step that runs again on the next line gets what
    came of it.
    """

    def __init__(self) -> None:
        self._texts: dict[Hashable, _Text] = {}
        self._under_way = UnderWay()

    def send(self, name: Hashable, send: Callable[[], Deferred[str]]) -> Deferred[str]:
        """What comes of `send()`, which is called unless somebody has left before they were told of that name.

        Cancelling leaves. Whatever `send` raises is raised.
        """
        text = self._texts.get(name)
        if text is None:
            sending = send()
            text = self._texts[name] = _Text()
            self._under_way.begin()
            sending.addBoth(self._over, text)
        waiting = text.waiting = Deferred(lambda _: setattr(text, "waiting", None))
        waiting.addBoth(self._told, name)
        self._tell(text)
        return waiting

    def settled(self) -> Deferred[None]:
        """Fires when none is on its way any more."""
        return self._under_way.settled()

    def _over(self, result: str | Failure, text: _Text) -> None:
        text.result = result
        if text.waiting is None and isinstance(result, Failure):
            log.warn("a text that no step waits for any more was not sent: {error}", error=result.getErrorMessage())
        self._tell(text)
        self._under_way.end()

    def _tell(self, text: _Text) -> None:
        if text.waiting is not None and text.result is not None:
            text.waiting.callback(text.result)

    def _told(self, result: str | Failure, name: Hashable) -> str | Failure:
        if not (isinstance(result, Failure) and result.check(CancelledError)):
            del self._texts[name]
        return result
