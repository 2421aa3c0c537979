"""What a network may do to a connection of ours: as exceptions, and as sentences for the operator."""

from __future__ import annotations

from OpenSSL import SSL
from service_identity import VerificationError
from twisted.internet import defer, error
from twisted.python.failure import Failure
from twisted.web import client

from voiced.net.outside import PrivateAddress

SEVERAL = (client.ResponseFailed, client.ResponseNeverReceived, client.RequestTransmissionFailed)
"""Twisted's errors that hold the real reasons in a list."""
NETWORK = (
    *SEVERAL,
    client.RequestGenerationFailed,
    defer.TimeoutError,
    error.ConnectError,
    error.ConnectingCancelledError,
    error.ConnectionClosed,
    error.ConnectionAborted,
    OSError,
    SSL.Error,
    VerificationError,
)
"""Everything that is the network's fault, or the vendor's, and not ours."""


def reason_of(failure: Failure) -> BaseException | None:
    """What really happened, where Twisted has wrapped it."""
    reason = failure.value
    while isinstance(reason, SEVERAL) and reason.reasons:
        reason = reason.reasons[0].value
    return reason


def sentence(failure: Failure, host: str) -> str:
    """What the network did to a connection with that host, and what to look at next."""
    match reason_of(failure):
        case error.DNSLookupError():
            return f"the name {host} cannot be found: check this machine's DNS, and base_url"
        case error.ConnectionRefusedError():
            return f"{host} refused the connection: check base_url and the firewall"
        case error.TimeoutError() | error.TCPTimedOutError() | defer.TimeoutError():
            return f"{host} did not take the connection in time: check the network"
        case SSL.Error() | VerificationError():
            return f"TLS with {host} failed: check this machine's clock, its CA certificates and base_url"
        case reason:
            return f"the connection to {host} was lost ({type(reason).__name__})"


def service_sentence(reason: BaseException | None) -> str:
    """The same of a web service whose `url` the operator has written: how the sentence goes on after its host."""
    match reason:
        case PrivateAddress():
            return "is in our own network, by its name's address: if it may be asked, set `allow_private: true`"
        case error.DNSLookupError():
            return "cannot be found: check this machine's DNS, and `url`"
        case error.ConnectionRefusedError():
            return "refused the connection: check `url` and the firewall"
        case SSL.Error() | VerificationError():
            return "has no good TLS certificate: check this machine's clock and CA certificates, and `url`"
    return f"did not answer: the connection was lost ({type(reason).__name__})"
