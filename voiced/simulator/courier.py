"""How the carrier's callbacks arrive: on time and in order, or as badly as they do in the wild."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from email.utils import formatdate

from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from voiced.simulator.sheet import Sheet
from voiced.simulator.webhook import Answer, WebhookFailed, Webhooks

SWAP_WAIT = 1.0
"""Seconds that a disordered callback waits for one to overtake it."""

_log = Logger()


@frozen
class Callbacks:
    """How callbacks are delivered. Twilio promises no order, and repeats what it thinks was not received."""

    late: float = 0.0
    """Seconds."""
    doubled: bool = False
    """Each comes twice, with the same idempotency token."""
    disordered: bool = False
    """Of each two, the second comes first."""
    lost: frozenset[str] = field(default=frozenset(), converter=frozenset)
    """Those that never come: a CallStatus (`in-progress`), a StreamEvent, `answered-by`; `all` of them."""


@define(eq=False)
class Courier:
    """Delivers the callbacks of one call: its status, and its streams'."""

    _clock: IReactorTime
    _webhooks: Webhooks
    _sheet: Sheet
    _how: Callable[[], Callbacks]
    _new_token: Callable[[], str]
    _overtaken: list[Callable[[], None]] = field(factory=list)
    _swap: IDelayedCall | None = None

    def send(self, what: str, url: str, form: Mapping[str, str], method: str = "POST") -> None:
        """Deliver a callback; `what` is for the sheet, and its last word is the callback's name."""
        token, how = self._new_token(), self._how()
        if how.lost & {what.rpartition(" ")[2], "all"}:
            self._sheet.note("twilio", "callback", f"{what} (lost)")
            return

        def deliver() -> None:
            for _ in range(2 if how.doubled else 1):
                self._post(what, url, form, token, method)

        def depart() -> None:
            if how.disordered:
                self._overtake(deliver)
            else:
                deliver()

        if how.late:
            self._clock.callLater(how.late, depart)
        else:
            depart()

    def _overtake(self, deliver: Callable[[], None]) -> None:
        if self._swap is None:
            self._overtaken.append(deliver)
            self._swap = self._clock.callLater(SWAP_WAIT, self._release)
        else:
            self._swap.cancel()
            deliver()
            self._release()

    def _release(self) -> None:
        self._swap = None
        overtaken, self._overtaken = self._overtaken, []
        for deliver in overtaken:
            deliver()

    def _post(self, what: str, url: str, form: Mapping[str, str], token: str, method: str) -> None:
        self._sheet.note("twilio", "callback", what)
        posting = Deferred.fromCoroutine(self._webhooks.fetch(url, form, method, token))
        posting.addCallbacks(self._check, self._failed, callbackArgs=(what,))
        posting.addErrback(lambda failure: _log.failure("a simulated callback broke", failure))

    def _check(self, answer: Answer, what: str) -> None:
        if answer.status not in (200, 204) or answer.body:
            self._sheet.alert(
                15003, f"{what}: answered {answer.status} with {len(answer.body)} bytes, not an empty 204"
            )

    def _failed(self, failure: object) -> None:
        failed: WebhookFailed = failure.value  # type: ignore[attr-defined]
        self._sheet.alert(15003, f"{failed.url}: {failed.text}")


def rfc2822(seconds: float | None) -> str:
    """A moment as Twilio writes it: in UTC, and saying so with a plus."""
    return formatdate(seconds).replace("-0000", "+0000")
