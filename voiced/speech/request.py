"""Request: waits for the head of a vendor's HTTP response, and turns what the network does into SynthesisErrors."""

from __future__ import annotations

from OpenSSL import SSL
from service_identity import VerificationError
from twisted.internet import error
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure
from twisted.web.iweb import IResponse

from voiced.errors import SynthesisError
from voiced.net.trouble import NETWORK, SEVERAL
from voiced.speech.body import drop_body


def response_to(request: Deferred[IResponse], host: str, clock: IReactorTime, limit: float) -> Deferred[IResponse]:
    """The response to a request just sent to `host`, when its head is there; within `limit` seconds.

    Fails with SynthesisError for whatever the network did, and with CancelledError when cancelled (Twisted itself
    fails with one of five errors then, each for a stage of the connection). A response that comes too late is closed.
    """

    def give_up(reason: Exception) -> None:
        if not response.called:
            response.errback(reason)
            request.cancel()

    def late() -> None:
        give_up(SynthesisError(f"{host} did not answer within {limit:g} s", retry=True))

    def received(result: IResponse) -> None:
        if response.called:
            drop_body(result)
        else:
            timer.cancel()
            response.callback(result)

    def failed(failure: Failure) -> None:
        if not response.called:
            timer.cancel()
            response.errback(_named(failure, host))

    def stop(_: Deferred[IResponse]) -> None:
        timer.cancel()
        give_up(CancelledError())

    response: Deferred[IResponse] = Deferred(stop)
    timer = clock.callLater(limit, late)
    request.addCallbacks(received, failed)
    return response


def _named(failure: Failure, host: str) -> Failure:
    """This failure as a SynthesisError, when it is the network's; as it is, when it is a bug's."""
    reason = failure.value
    while isinstance(reason, SEVERAL) and reason.reasons:
        reason = reason.reasons[0].value
    if not failure.check(*NETWORK):
        return failure
    return Failure(_sentence(reason, host))


def _sentence(reason: BaseException | None, host: str) -> SynthesisError:
    match reason:
        case error.DNSLookupError():
            return SynthesisError(
                f"the name {host} cannot be found: check this machine's DNS, and base_url", retry=True
            )
        case error.ConnectionRefusedError():
            return SynthesisError(f"{host} refused the connection: check base_url and the firewall", retry=True)
        case error.TimeoutError() | error.TCPTimedOutError():
            return SynthesisError(f"{host} did not take the connection in time: check the network", retry=True)
        case SSL.Error() | VerificationError():
            return SynthesisError(
                f"TLS with {host} failed: check this machine's clock, its CA certificates and base_url"
            )
    return SynthesisError(f"the connection to {host} was lost ({type(reason).__name__})", retry=True)
