"""What a network may do to an HTTP request of ours, as exceptions: the one list of them."""

from __future__ import annotations

from OpenSSL import SSL
from service_identity import VerificationError
from twisted.internet import defer, error
from twisted.web import client

SEVERAL = (client.ResponseFailed, client.ResponseNeverReceived, client.RequestTransmissionFailed)
"""Twisted's errors that hold the real reasons in a list."""
NETWORK = (
    *SEVERAL,
    client.RequestGenerationFailed,
    defer.TimeoutError,
    error.ConnectError,
    error.ConnectionClosed,
    error.ConnectionAborted,
    OSError,
    SSL.Error,
    VerificationError,
)
"""Everything that is the network's fault, or the vendor's, and not ours."""
