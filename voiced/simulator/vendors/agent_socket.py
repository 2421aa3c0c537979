"""The WebSocket under a vendor's double: Autobahn's server, which tells its owner and decides nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from attrs import frozen
from autobahn.twisted.resource import WebSocketResource
from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

CLOSE_SECONDS = 5.0
"""How long the other side may take to answer our close frame before the socket is dropped."""

_log = Logger()


@frozen
class SocketEnd:
    """How a socket came to its end."""

    code: int
    """Ours if we closed it, else the other side's; 1006 if the connection was lost."""
    reason: str
    clean: bool
    """Whether both sides said goodbye."""
    ours: bool
    """Whether the close frame was ours."""


class SocketOwner(Protocol):
    """Who is told what happens on a socket, from its handshake on."""

    def receive(self, payload: bytes, binary: bool) -> None:
        """A message has come."""

    def lost(self, end: SocketEnd) -> None:
        """It is over."""


Welcome = Callable[["AgentSocket"], SocketOwner]
"""Called when a handshake is done; gives the owner."""


def agent_socket(clock: IReactorTime, welcome: Welcome) -> WebSocketResource:
    """The resource that takes one WebSocket."""
    factory = WebSocketServerFactory(reactor=clock)
    factory.noisy = False
    factory.setProtocolOptions(failByDrop=False, closeHandshakeTimeout=CLOSE_SECONDS, webStatus=False)
    factory.protocol = lambda: _Protocol(welcome)
    return WebSocketResource(factory)


class _Protocol(WebSocketServerProtocol):  # type: ignore[misc]
    """Autobahn's side; everything of ours is in `_agent`, for Autobahn owns the other names."""

    tcpNoDelay = True

    def __init__(self, welcome: Welcome) -> None:
        super().__init__()
        self._agent = AgentSocket(self, welcome)

    def onConnect(self, request: Any) -> str | None:
        # ElevenLabs' browser client asks for "convai", OpenAI's for "realtime", and both hang up without an answer
        return next((name for name in request.protocols if name in ("convai", "realtime")), None)

    def onOpen(self) -> None:
        self._agent.guarded(self._agent.opened)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self._agent.guarded(self._agent.received, payload, isBinary)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        self._agent.guarded(self._agent.closed, wasClean, code, reason)


class AgentSocket:
    """One socket, from its handshake to its end. `_write` is what becomes of messages now."""

    def __init__(self, protocol: _Protocol, welcome: Welcome) -> None:
        self._protocol = protocol
        self._welcome = welcome
        self._owner: SocketOwner | None = None
        self._write: Callable[[bytes, bool], None] = self._transmit

    # What its owner does

    def send(self, message: str | bytes, binary: bool = False) -> None:
        """Send a message; nothing happens on a socket that is closing, closed or mute."""
        self._write(message.encode() if isinstance(message, str) else message, binary)

    def close(self, code: int, reason: str = "") -> None:
        """Say goodbye. Autobahn's own `sendClose` knows only 1000 and 3000-4999."""
        if self._protocol.state == self._protocol.STATE_OPEN:
            self._protocol.sendCloseFrame(code, reason.encode()[:120])

    def drop(self) -> None:
        """The connection breaks."""
        self._protocol.transport.abortConnection()

    def mute(self, deaf: bool = False) -> None:
        """Nothing is sent any more, though the connection stays. `deaf`: nothing is read either, not even a close."""
        self._write = _forget
        if deaf:
            self._protocol.transport.pauseProducing()

    # What Autobahn tells it

    def guarded(self, act: Callable[..., None], *arguments: Any) -> None:
        """Do it; what it raises is a fault of the double's."""
        try:
            act(*arguments)
        except Exception:  # noqa: BLE001 - Autobahn would swallow it in four different ways
            _log.failure("a fault of the double's")
            self.close(1011, "a fault of the double's")

    def opened(self) -> None:
        """The handshake is done."""
        self._owner = self._welcome(self)

    def received(self, payload: bytes, binary: bool) -> None:
        """A message has come."""
        if self._owner is not None:
            self._owner.receive(payload, binary)

    def closed(self, clean: bool, code: int | None, reason: str | None) -> None:
        """It is over, or never came to a handshake."""
        if self._owner is None:
            return
        ours = self._protocol.closedByMe and self._protocol.localCloseCode is not None
        if ours:
            code, reason = self._protocol.localCloseCode, (self._protocol.localCloseReason or b"").decode()
        # RFC 6455, 7.1.5: a close frame without a code is 1005, and Autobahn says None
        self._owner.lost(SocketEnd(code or (1005 if clean else 1006), reason or "", clean, ours))

    def _transmit(self, message: bytes, binary: bool) -> None:
        if self._protocol.state == self._protocol.STATE_OPEN:
            self._protocol.sendMessage(message, binary)


def _forget(message: bytes, binary: bool) -> None:
    pass
