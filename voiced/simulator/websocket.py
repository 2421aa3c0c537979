"""The WebSocket under a stream: Autobahn's client, which tells its stream and decides nothing."""

from __future__ import annotations

from typing import Protocol

from autobahn.exception import Disconnected
from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

_log = Logger()


class SocketOwner(Protocol):
    """Who is told what happens on a socket."""

    def begin(self, socket: Socket) -> None:
        """The handshake is done."""

    def receive(self, payload: bytes, binary: bool) -> None:
        """A message has come."""

    def closed(self, code: int, reason: str) -> None:
        """It is over, or never came to a handshake: 1006 without a close of the daemon's."""


class Socket(WebSocketClientProtocol):  # type: ignore[misc]
    """The carrier's end."""

    tcpNoDelay = True

    def __init__(self, owner: SocketOwner) -> None:
        super().__init__()
        self._owner = owner

    def onOpen(self) -> None:
        try:
            self._owner.begin(self)
        except Exception:  # noqa: BLE001 - Autobahn would swallow it
            _log.failure("the simulated stream could not begin")

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self._owner.receive(payload, isBinary)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        self._owner.closed(code or 1006, reason or "")

    def transmit(self, message: str) -> None:
        """Send a text, unless the other side's close is on its way to us."""
        try:
            self.sendMessage(message.encode("utf-8"))
        except Disconnected:
            pass


def sockets(url: str, signature: str, owner: SocketOwner, clock: IReactorTime) -> WebSocketClientFactory:
    """The factory of one socket, whose handshake carries that signature (none if empty)."""
    headers = {"X-Twilio-Signature": signature} if signature else {}
    factory = WebSocketClientFactory(url, headers=headers, useragent="Twilio.TmeWs/1.0", reactor=clock)
    factory.setProtocolOptions(failByDrop=False, tcpNoDelay=True)
    factory.protocol = lambda: Socket(owner)
    return factory
