"""Writes that do not wait for the reactor's next turn.

Twisted keeps what is written to a TCP socket until the reactor finds the socket writable, and collects small writes
to a TLS one until a timer. For a frame of a voice that is a system call, or a timer, more than the frame needs. Where
nothing waits before it, it is sent at once; where something does, it is queued as ever, so that the order stays.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.tcp import Connection
from twisted.protocols.policies import ProtocolWrapper
from twisted.protocols.tls import BufferingTLSTransport, TLSMemoryBIOProtocol


def outlet(transport: Any) -> Any:
    """What has a `write` that does what this transport's does; and now, if this kind can and nothing waits before it.

    Where the transport writes at once by itself (uvloop's), or is of a kind not known here, it is the transport.
    """
    if type(transport) is ProtocolWrapper:  # which only counts who is connected
        transport = transport.transport
    if isinstance(transport, BufferingTLSTransport):
        return _Encrypting(transport)
    if isinstance(transport, Connection):
        return _Sending(transport)
    return transport


class _Sending:
    """Plain TCP by Twisted."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport

    def write(self, data: bytes) -> None:
        """Past the reactor's next turn."""
        transport = self._transport
        if not _idle(transport):
            transport.write(data)
            return
        sent = transport.writeSomeData(data)
        # an error, or 0, is left to the reactor, which finds it again and does what is due
        rest = data[sent:] if isinstance(sent, int) and sent >= 0 else data
        if rest:
            transport.write(rest)


class _Encrypting:
    """TLS by Twisted."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport

    def write(self, data: bytes) -> None:
        """Past the timer that collects small writes, and past the queue of the socket below."""
        transport = self._transport
        if getattr(transport._aggregator, "_buffer", None) != []:  # something waits; or the connection is gone
            transport.write(data)
            return
        below = transport.transport
        idle = isinstance(below, Connection) and _idle(below)
        TLSMemoryBIOProtocol.write(transport, data)
        if idle and below._tempDataBuffer and not below.disconnecting:
            below.doWrite()  # what goes wrong is found again by the reactor, for which the socket still waits


def _idle(transport: Any) -> bool:
    """Whether it is connected, plain TCP, and has nothing to send."""
    return bool(
        transport.connected
        and not transport.TLS
        and not transport.disconnecting
        and not transport.dataBuffer
        and not transport._tempDataBuffer
    )
