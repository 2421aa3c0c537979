"""One connection in memory: two transports that carry bytes to each other on turns of a clock.

They behave as TCP's do where protocols can tell: nothing is delivered inside `write`, `loseConnection` flushes first,
each side hears `connectionLost` once, a paused reader holds the writer back, `transport.protocol` may be replaced.
"""

from __future__ import annotations

from collections.abc import Iterable

from attrs import define, field
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import (
    IConsumer,
    IDelayedCall,
    IHalfCloseableProtocol,
    IProducer,
    IProtocol,
    IPullProducer,
    IPushProducer,
    IReactorTime,
    ITCPTransport,
)
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

HIGH_WATER = 65536
"""Bytes waiting for the peer above which a producer is paused, as in `twisted.internet.abstract.FileDescriptor`."""

_log = Logger()


@implementer(ITCPTransport, IPushProducer, IConsumer)
@define(eq=False)
class MemoryTransport:
    """One end of a connection; `other` is the far end."""

    _clock: IReactorTime
    protocol: IProtocol
    _host: IPv4Address
    _peer: IPv4Address
    other: MemoryTransport = field(init=False)
    connected: bool = True
    disconnecting: bool = False
    _unsent: list[bytes] = field(factory=list)
    _turn: IDelayedCall | None = None
    _reading: bool = True
    _writing: bool = True
    _producer: IProducer | None = None
    _streaming: bool = False
    _producer_paused: bool = False
    _no_delay: bool = False
    _keep_alive: bool = False

    def write(self, data: bytes) -> None:
        if not isinstance(data, bytes | bytearray | memoryview):
            raise TypeError(f"transports write bytes, not {type(data).__name__}")
        if self.connected and self._writing and data:
            self._unsent.append(bytes(data))
            self._hold_producer()
            self._schedule()

    def writeSequence(self, data: Iterable[bytes]) -> None:
        self.write(b"".join(data))

    def loseConnection(self) -> None:
        if self.connected and not self.disconnecting:
            self.disconnecting = True
            self._reading = False
            self._schedule()

    def abortConnection(self) -> None:
        if self.connected and not (self.disconnecting and not self._writing):
            self.disconnecting, self._writing, self._reading = True, False, False
            self._forget()
            self._clock.callLater(0, self._break, ConnectionAborted(), ConnectionLost())

    def loseWriteConnection(self) -> None:
        if self.connected and self._writing:
            self._writing = False
            self._schedule()

    def cut(self) -> None:
        """The cable is cut: both ends learn, on the clock's next turn, that the connection was lost."""
        self._clock.callLater(0, self._break, ConnectionLost(), ConnectionLost())

    def pauseProducing(self) -> None:
        self._reading = False

    def resumeProducing(self) -> None:
        if self.connected and not self.disconnecting:
            self._reading = True
            self.other._schedule()

    def stopProducing(self) -> None:
        self.loseConnection()

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
        if self._producer is not None:
            raise RuntimeError(f"{self._producer!r} is still registered; cannot register {producer!r}")
        if not self.connected:
            producer.stopProducing()
            return
        self._producer, self._streaming, self._producer_paused = producer, streaming, not streaming
        if not streaming:
            self._schedule()

    def unregisterProducer(self) -> None:
        self._producer = None
        if self.connected and self.disconnecting:
            self._schedule()

    def getHost(self) -> IPv4Address:
        return self._host

    def getPeer(self) -> IPv4Address:
        return self._peer

    def getTcpNoDelay(self) -> bool:
        return self._no_delay

    def setTcpNoDelay(self, enabled: bool) -> None:
        self._no_delay = bool(enabled)

    def getTcpKeepAlive(self) -> bool:
        return self._keep_alive

    def setTcpKeepAlive(self, enabled: bool) -> None:
        self._keep_alive = bool(enabled)

    def _schedule(self) -> None:
        if self._turn is None and self.connected:
            self._turn = self._clock.callLater(0, self._flush)

    def _flush(self) -> None:
        """Bring what was written to the far end, unless it reads no more; then close if that was asked."""
        self._turn = None
        if not self.connected:
            return
        if self._unsent and self.other._reading:
            sent = b"".join(self._unsent)
            self._unsent.clear()
            self._deliver(sent)
        elif self.other.disconnecting:
            self._unsent.clear()
        if not self._unsent and self.connected:
            self._drained()

    def _deliver(self, sent: bytes) -> None:
        try:
            self.other.protocol.dataReceived(sent)
        except Exception as error:  # noqa: BLE001 - a reactor logs and disconnects too, whatever is raised
            _log.failure("a protocol failed on what it received")
            self.other._break(error, ConnectionLost())

    def _drained(self) -> None:
        if self._producer is not None and self._producer_paused:
            self._producer_paused = not self._streaming
            _resume(self._producer)
        elif self.disconnecting:
            self._break(ConnectionDone(), ConnectionDone())
        elif not self._writing:
            self.other._half_closed()

    def _hold_producer(self) -> None:
        waiting = sum(map(len, self._unsent))
        if self._producer is not None and self._streaming and not self._producer_paused and waiting > HIGH_WATER:
            self._producer_paused = True
            producer: IPushProducer = self._producer  # type: ignore[assignment]
            producer.pauseProducing()

    def _half_closed(self) -> None:
        if IHalfCloseableProtocol.providedBy(self.protocol):
            half: IHalfCloseableProtocol = self.protocol  # type: ignore[assignment]
            half.readConnectionLost()
        else:
            self.loseConnection()

    def _break(self, here: BaseException, there: BaseException) -> None:
        for end, reason in ((self, here), (self.other, there)):
            end._lost(reason)

    def _lost(self, reason: BaseException) -> None:
        if not self.connected:
            return
        self.connected, self.disconnecting = False, True
        self._forget()
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.stopProducing()
        self.protocol.connectionLost(Failure(reason))

    def _forget(self) -> None:
        """What was written is not sent any more."""
        self._unsent.clear()
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None


def _resume(producer: IProducer) -> None:
    resumable: IPushProducer | IPullProducer = producer  # type: ignore[assignment]
    resumable.resumeProducing()


def join(clock: IReactorTime, client: IProtocol, server: IProtocol, port: int, client_port: int) -> MemoryTransport:
    """Connect two protocols; returns the client's end. The caller tells the protocols (`makeConnection`)."""
    here, there = IPv4Address("TCP", "127.0.0.1", client_port), IPv4Address("TCP", "127.0.0.1", port)
    near, far = MemoryTransport(clock, client, here, there), MemoryTransport(clock, server, there, here)
    near.other, far.other = far, near
    return near
