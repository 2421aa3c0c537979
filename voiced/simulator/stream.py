"""One media stream: the WebSocket that the carrier opens to the daemon, and what goes over it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.internet.error import TimeoutError as Late
from twisted.internet.interfaces import IProtocol
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure

from voiced.simulator.account import Account
from voiced.simulator.line import Leg
from voiced.simulator.messages import MALFORMED, BadMessage, Clear, MarkRequest, Media, Writer, read
from voiced.simulator.mulaw import RATE
from voiced.simulator.player import Player
from voiced.simulator.sheet import Sheet
from voiced.simulator.uplink import Uplink
from voiced.simulator.websocket import Socket, sockets


@frozen
class StreamEnd:
    """Why a stream is over."""

    opened: bool
    """False: the daemon could not be reached, or refused the handshake."""
    code: int
    """Of the WebSocket's close; 1006 if the connection was lost."""
    reason: str


@frozen
class StreamOrder:
    """What TwiML, or a test that forges it, says about a stream to open."""

    url: str
    call_sid: str
    parameters: Mapping[str, str] = field(factory=dict)
    name: str = ""
    signature: str | None = field(default=None, kw_only=True)
    """What to sign with instead of the right one; empty for no signature at all."""
    silent: bool = field(default=False, kw_only=True)
    """Neither connected nor start nor frames: whoever opened it speaks with `send_raw`."""


@define(eq=False)
class MediaStream:
    """The carrier's end of one stream."""

    _account: Account
    _sheet: Sheet
    _leg: Leg
    order: StreamOrder
    sid: str = field(init=False)
    end: StreamEnd | None = None
    """Why it is over, once it is."""
    player: Player | None = None
    """From the handshake on."""
    on_begin: Callable[[], object] = lambda: None
    """Called when the handshake is done."""
    received: list[Media | MarkRequest | Clear] = field(factory=list)
    """Every good message of the daemon."""
    _writer: Writer = field(init=False)
    _connecting: Deferred[IProtocol] | None = None
    _socket: Socket | None = None
    _uplink: Uplink | None = None
    _waiting: list[Deferred[StreamEnd]] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.sid = self._account.new_sid("MZ")
        self._writer = Writer(self._account.sid, self.order.call_sid, self.sid)

    @property
    def live(self) -> bool:
        """Between the handshake and the end."""
        return self.player is not None and self.end is None

    def when_ended(self) -> Deferred[StreamEnd]:
        """Fires when the stream is over, whoever ended it; cancelling only stops waiting."""
        waiting: Deferred[StreamEnd] = Deferred()
        if self.end is None:
            self._waiting.append(waiting)
        else:
            waiting.callback(self.end)
        return waiting

    def dial(self) -> None:
        """Open the socket."""
        url = self.order.url
        if fault := self._unusable(url):
            self._fail(*fault)
            return
        way = self._account.way(url)
        if way is None:
            self._fail(31904, f"{url}: host unreachable")
            return
        signature = self._account.signature(url) if self.order.signature is None else self.order.signature
        endpoint, asked = way
        factory = sockets(asked, signature, self, self._account.clock)
        connecting = self._connecting = endpoint.connect(factory)
        connecting.addCallbacks(self._connected, self._unreachable)

    def press(self, digit: str) -> None:
        if self._uplink is not None:
            self._uplink.send(self._writer.dtmf(digit))

    def send_raw(self, payload: str | bytes, binary: bool = False) -> None:
        """Put this on the wire as it is: for tests of what the daemon does with nonsense."""
        if self._socket is not None:
            self._socket.sendMessage(payload.encode() if isinstance(payload, str) else payload, binary)

    def stop(self) -> None:
        """The call leaves the stream: `stop`, then the socket closes."""
        if self.live and self._uplink is not None:
            self._uplink.flush()
            self._uplink.send(self._writer.stop())
        self._finish(StreamEnd(self.player is not None, 1000, "stopped"))
        if self._socket is not None:
            self._socket.sendClose(1000)
        elif self._connecting is not None:
            self._connecting.cancel()

    def drop(self) -> None:
        """The connection breaks."""
        if self._socket is not None:
            self._socket.transport.abortConnection()

    def begin(self, socket: Socket) -> None:
        """The handshake is done."""
        self._socket = socket
        if self.end is not None:
            socket.sendClose(1000)
            return
        self.player = Player(self._account.clock, self._marked, self._discarded)
        self._sheet.note("twilio", "stream", f"{self.sid} open")
        if not self.order.silent:
            self._speak(self.player)
        self.on_begin()

    def receive(self, payload: bytes, binary: bool) -> None:
        """The daemon has sent a message."""
        if self.player is None or self.end is not None:
            return
        try:
            if binary:
                raise BadMessage(MALFORMED, f"a binary frame of {len(payload)} bytes")
            message = read(payload, self.sid)
        except BadMessage as bad:
            self._sheet.alert(bad.code, bad.text)
            return
        self.received.append(message)
        self._obey(message, self.player)

    def closed(self, code: int, reason: str) -> None:
        """The socket is closed."""
        if self.end is not None:
            return
        if self.player is None:
            self._fail(31920, f"handshake refused: {reason}")
        elif code == 1006:
            self._sheet.alert(31903, f"connection lost: {reason}", "error")
        else:
            self._sheet.alert(
                31921, f"closed by the daemon with {code} {reason}", "info" if code == 1000 else "error"
            )
        self._finish(StreamEnd(self.player is not None, code, reason))

    def _speak(self, player: Player) -> None:
        uplink = self._uplink = Uplink(self._account.clock, self._leg, self._writer, player, self._transmit)
        uplink.send(self._writer.connected())
        uplink.send(self._writer.start(self.order.parameters))
        uplink.begin()

    def _obey(self, message: Media | MarkRequest | Clear, player: Player) -> None:
        match message:
            case Media(audio):
                if player.queued == 0:
                    self._sheet.note("daemon", "audio", f"after {player.rested / RATE:.2f} s of silence")
                player.play(audio)
            case MarkRequest(name):
                player.mark(name)
            case Clear():
                self._sheet.note("daemon", "clear", f"{player.queued / RATE:.2f} s unheard")
                player.clear()

    def _unusable(self, url: str) -> tuple[int, str] | None:
        parts = urlsplit(url)
        wanted = "ws" if self._account.public_url.startswith("http:") else "wss"
        if parts.scheme != wanted:
            return 31922, f"{url}: only {wanted} is supported"
        if parts.query or parts.fragment:
            return 31920, f"{url}: a query is not supported here"
        return None

    def _connected(self, socket: IProtocol) -> None:
        self._connecting = None
        if self.end is not None and isinstance(socket, Protocol) and socket.transport is not None:
            socket.transport.loseConnection()

    def _unreachable(self, failure: Failure) -> None:
        self._connecting = None
        if self.end is None:
            code = 31902 if failure.check(Refused) else 31901 if failure.check(Late) else 31904
            self._fail(code, failure.getErrorMessage())

    def _fail(self, code: int, text: str) -> None:
        self._sheet.alert(code, text, "error")
        self._finish(StreamEnd(False, 1006, f"{code} {text}"))

    def _finish(self, end: StreamEnd) -> None:
        if self.end is not None:
            return
        self.end = end
        if self._uplink is not None:
            self._uplink.stop()
        if self.player is not None:
            self.player.stop()
        for waiting in self._waiting:
            if not waiting.called:
                waiting.callback(end)

    def _marked(self, name: str, played: bool) -> None:
        self._sheet.mark(name, played)
        send = self._transmit if self._uplink is None else self._uplink.send
        send(self._writer.mark(name))

    def _discarded(self, amount: int) -> None:
        self._sheet.alert(31931, f"{amount} bytes of audio discarded: more than ten minutes queued")

    def _transmit(self, message: str) -> None:
        if self._socket is not None:
            self._socket.transmit(message)
