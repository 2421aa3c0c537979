"""What the operator of this daemon may do from a telephone (IOperator), done."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from twisted.logger import Logger
from zope.interface import implementer

from voiced.errors import ConfigError
from voiced.ioperator import IOperator

log = Logger()


@implementer(IOperator)
class Operator:
    """`report()` says what broke; `switch()` gives whether all calls go to the human from now on (None: there is
    none); `back()` swaps the former program in, gives whether there is one, and may raise ConfigError."""

    def __init__(
        self, report: Callable[[], Mapping[str, str]], switch: Callable[[], bool | None], back: Callable[[], bool]
    ) -> None:
        self._report = report
        self._switch = switch
        self._back = back

    def report(self) -> Mapping[str, str]:
        """See IOperator."""
        return self._report()

    def all_to_human(self) -> str:
        """See IOperator."""
        on = self._switch()
        if on is None:
            log.error("the operator wants all calls to go to the human, and there is none: set `human`")
            return "no_human"
        log.warn("at the operator's word: {now}", now=_ALL if on else _AS_BEFORE)
        return "on" if on else "off"

    def last_good_flows(self) -> str:
        """See IOperator."""
        try:
            found = self._back()
        except ConfigError as error:
            log.error("the flows from before the last reload cannot be had any more: {error}", error=str(error))
            found = False
        return "done" if found else "none"


_ALL = "every new call is connected with `human`, until they say so again, or `voiced reload`"
_AS_BEFORE = "new calls have their flows again"
