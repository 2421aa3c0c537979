"""The telephone company, as voiced needs it: its API, and one live media stream. voiced.ivoiced has the rules."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from twisted.internet.defer import Deferred
from zope.interface import Interface

from voiced.call.records import Ending


class IMediaStream(Interface):
    """One live media stream of a call, as the session drives it. Nothing here raises once the stream is gone."""

    def send_audio(audio: bytes, mark: str = "") -> None:
        """Queue audio at the carrier; with a mark behind it, if that has a name: both in one write."""

    def send_mark(name: str) -> None:
        """Ask for this name back when all that was queued before it has been played."""

    def send_clear() -> None:
        """Empty the carrier's queue; it gives all outstanding marks back at once."""

    def close() -> None:
        """End the stream in order (close code 1000)."""


@attrs.frozen
class CallOrder:
    """A call to be placed."""

    account: str
    """The name of the carrier account in voiced.yaml."""
    to: str
    """E.164."""
    from_: str
    """E.164: a number of that account."""
    reference: str = attrs.field(repr=False)
    """Our own name for the call: it comes back in every request that the carrier makes about it."""
    timeout: int = 45
    """Seconds it may ring."""
    seconds: int = 900
    """Seconds it may last once it is answered; the carrier ends it then."""
    detect: str = ""
    """Whether the carrier shall find out who answers: "" (no), `enable` (at once) or `message_end` (machines: when
    their greeting is over)."""


@attrs.frozen
class CallState:
    """What the carrier knows of a call."""

    sid: str
    ending: Ending | None
    """How it ended; None while it is queued, rings or is in progress."""
    answered: bool = False


class ICarrier(Interface):
    """The telephone company's API, as voiced needs it. Fails with CarrierError only (CancelledError when cancelled).

    An account is named as in voiced.yaml.
    """

    def create(order: CallOrder) -> Deferred[str]:
        """Place a call; fires with its SID when the carrier has accepted it.

        What certainly was not done is tried again a few times (429: too many at once), what may have been done never
        is: CarrierError.unsure.
        """

    def send_text(account: str, to: str, from_: str, text: str) -> Deferred[str]:
        """Send a text message, both numbers E.164; fires with its SID when the carrier has accepted it.

        It is tried again as a `create` is. That it arrives, nobody promises.
        """

    def complete(call_sid: str, account: str) -> Deferred[None]:
        """End this call, ringing or not. A call that is over already is success."""

    def fetch(call_sid: str, account: str) -> Deferred[CallState]:
        """What the carrier knows of this call."""

    def find(order: CallOrder, since: float, until: float) -> Deferred[Sequence[str]]:
        """The SIDs of calls placed like this one between these moments (seconds since the epoch), newest first.

        For a `create` that got no answer: the carrier cannot be asked by our reference.
        """
