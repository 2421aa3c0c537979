"""The agent's end of a call: one Autobahn client factory, one socket. They tell their owner and decide nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Protocol

from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from twisted.internet.interfaces import IPushProducer, IReactorTime
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from voiced.ivoiced import Door
from voiced.net.frames import FastLane
from voiced.net.kind import Settled, let_go, settle
from voiced.net.trouble import NETWORK, sentence

LARGEST = 16 * 1024 * 1024
"""Bytes of a message: ElevenLabs' own clients take as much, and audio messages of 100s of KB occur."""
CLOSE_SECONDS = 2.0
"""How long the vendor may take to answer our close frame before the socket is dropped."""
PING_EVERY = 20.0
PING_SECONDS = 10.0
"""How long the vendor may take to answer a ping of ours: a dead network shows in no other way."""

_REFUSED = re.compile(r"upgrade failed \[(\d{3})\]")
"""What Autobahn says when a handshake is answered by HTTP."""

log = Logger()


class SocketOwner(Protocol):
    """Who is told what happens on a socket."""

    def opened(self) -> None:
        """The handshake is done."""

    def received(self, payload: bytes) -> None:
        """A message has come."""

    def closed(self, code: int | None, reason: str) -> None:
        """The socket is gone; the code and reason, as far as there are any: the vendor's, unless we had to close."""

    def refused(self, status: int) -> None:
        """The handshake was answered with this HTTP status."""

    def failed(self, why: str) -> None:
        """It never came to a handshake, or we cannot go on with it; `why` is for the operator."""


class AgentFactory(Settled, WebSocketClientFactory):  # type: ignore[misc]
    """Builds the socket of one conversation. Its name says nothing of the URL, which may be signed."""

    noisy = False

    def __init__(self, door: Door, owner: SocketOwner, sid: str, clock: IReactorTime) -> None:
        super().__init__(
            door.url, headers=dict(door.headers), protocols=list(door.subprotocols), useragent="voiced", reactor=clock
        )
        self._call = (owner, sid)

    def __repr__(self) -> str:
        return f"<the agent's socket of {self._call[1]}>"

    def buildProtocol(self, addr: Any) -> AgentProtocol:
        """Named by Twisted."""
        protocol = AgentProtocol()
        protocol.factory = self
        call = protocol._call = AgentSocket(protocol, *self._call)
        protocol.onMessage = call.message  # straight to it: 50 times a second
        return protocol


class AgentProtocol(FastLane, WebSocketClientProtocol):  # type: ignore[misc]
    """Autobahn's side of the socket; everything of ours is in `_call`, for Autobahn owns the other names."""

    tcpNoDelay = True  # Autobahn reads the class attribute only: what the factory is told comes too late
    _call: AgentSocket
    onMessage: Callable[[bytes, bool], None]

    def onOpen(self) -> None:
        """Named by Autobahn: the handshake is done."""
        let_go(self)
        self._call.opened()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Named by Twisted; Autobahn keeps what the network says to itself."""
        self._call.lost = reason
        super().connectionLost(reason)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        """Named by Autobahn: the socket is gone."""
        self._call.closed(code, reason or "")


settle(
    AgentFactory,
    AgentProtocol,
    failByDrop=False,
    closeHandshakeTimeout=CLOSE_SECONDS,
    maxMessagePayloadSize=LARGEST,
    maxFramePayloadSize=LARGEST,
    autoPingInterval=PING_EVERY,
    autoPingTimeout=PING_SECONDS,
)


@implementer(IPushProducer)
class AgentSocket:
    """One socket. While the vendor does not read, what would be sent is dropped: stale audio helps nobody."""

    def __init__(self, protocol: AgentProtocol, owner: SocketOwner, sid: str) -> None:
        self.owner = owner
        self.congested = False
        self.lost: Failure | None = None
        """Why the connection ended, once it has."""
        self._protocol = protocol
        self._host = protocol.factory.host
        self._sid = sid
        self._open = False
        self.say: Callable[[bytes], None] = protocol.say
        """Send a text, unless the socket is closing or gone."""

    def send(self, message: str) -> None:
        """Likewise."""
        self.say(message.encode())

    def close(self) -> None:
        """End in order (1000); a socket that is not open yet is dropped."""
        if self._protocol.state == self._protocol.STATE_OPEN:
            self._protocol.transport.unregisterProducer()  # TLS would wait for it before it closes
            self._protocol.sendClose(1000)
        elif self._protocol.state in (self._protocol.STATE_CONNECTING, self._protocol.STATE_PROXY_CONNECTING):
            self._protocol.transport.abortConnection()

    # What Autobahn and the transport tell us

    def opened(self) -> None:
        """The handshake is done."""
        self._open = True
        self._protocol.transport.registerProducer(self, True)
        self.guarded(self.owner.opened)

    def closed(self, code: int | None, reason: str) -> None:
        """The socket is gone."""
        if self._open:
            ours = self._protocol.localCloseCode
            broken = ours not in (None, 1000)  # what a reply to the vendor's own close says is 1000
            self.guarded(self.owner.closed, ours if broken else code, "" if broken else reason)
        elif refused := _REFUSED.search(reason):
            self.guarded(self.owner.refused, int(refused[1]))
        else:
            self.guarded(self.owner.failed, self._why())

    def _why(self) -> str:
        if self.lost is not None and self.lost.check(*NETWORK) and not self._protocol.droppedByMe:
            return sentence(self.lost, self._host)
        return f"{self._host} did not take the socket: check that base_url leads to the vendor"

    def message(self, payload: bytes, binary: bool) -> None:
        """A message; some vendors put JSON into binary frames."""
        try:
            self.owner.received(payload)
        except Exception:  # noqa: BLE001 - Autobahn would swallow it in four different ways
            self._broken()

    def guarded(self, act: Callable[..., None], *arguments: Any) -> None:
        """Do it; what it raises is a fault of ours, and ends this socket and nothing else."""
        try:
            act(*arguments)
        except Exception:  # noqa: BLE001 - likewise
            self._broken()

    def _broken(self) -> None:
        log.failure("{call}: a fault of ours in the agent's socket", call=self._sid)
        self.owner.failed("a fault of ours in the agent's socket: the log has its traceback")

    def pauseProducing(self) -> None:
        """Named by Twisted: the vendor does not read as fast as the caller speaks."""
        self.congested = True

    def resumeProducing(self) -> None:
        """Named by Twisted: it reads again."""
        self.congested = False

    def stopProducing(self) -> None:
        """Named by Twisted: the connection is gone."""
        self.congested = True
