"""Request: waits for the head of a vendor's HTTP response, and turns what the network does into SynthesisErrors."""

from __future__ import annotations

from OpenSSL import SSL
from service_identity import VerificationError
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure
from twisted.web.iweb import IResponse

from voiced.errors import SynthesisError
from voiced.net.trouble import NETWORK, reason_of, sentence
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
        give_up(SynthesisError(f"{host} did not answer within {limit:g} s", retry=True, kind="late"))

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
    if not failure.check(*NETWORK):
        return failure
    retry = not isinstance(reason_of(failure), SSL.Error | VerificationError)
    return Failure(SynthesisError(sentence(failure, host), retry=retry, kind="unreachable"))
