"""TLS on connections that uvloop carries: OpenSSL by Python's `ssl`, between uvloop's plain transport and ours.

    uvloop's transport  ── ciphertext ─►  UvTls  ── plaintext, a record at most ─►  UvTransport
                        ◄─────────────          ◄─────────────────────────────

uvloop's own TLS has a buffer of 256 KiB and a dozen objects for each connection, and takes 30 seconds to part from
somebody who does not answer. Here what is kept is OpenSSL's own; a frame that is sent or received is one function.
"""

from __future__ import annotations

import ssl
from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

RECORD: Final = 16 * 1024
"""Bytes that a record carries at most (RFC 8446, 5.1), and that are given on at once at most."""
PIECE: Final = 2 * RECORD
"""Bytes of ciphertext that OpenSSL is fed at once at most: what it was fed once it keeps room for."""
PARTING_SECONDS: Final = 5.0
"""How long a goodbye may stay without an answer: most go without one, and are seen to go."""
TAKING_SECONDS: Final = 30.0
"""How long a connection that is closed may go without anything of what was written being taken."""
_NOTHING: Final = -1
"""Less than any length."""


def client_context() -> ssl.SSLContext:
    """What says who is who: this machine's trust store. Reading it takes a while."""
    return ssl.create_default_context()


def server_context(certificate: str, key: str) -> ssl.SSLContext:
    """For who shows this certificate (PEM files, the former with the whole chain), and speaks HTTP/1.1.

    Raises OSError and ssl.SSLError for files that are not there, or are no such things.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    context.set_alpn_protocols(["http/1.1"])
    return context


class UvTls:
    """One connection's TLS: to uvloop an asyncio protocol, to `party` (an asyncio protocol, too) its transport.

    `ready(self)` is called when both have greeted each other, and the certificate is good; from then on `party` hears
    all that a protocol hears. When it does not come to that within `patience` seconds of `connection_made`, it is
    `refused(error)` once the connection is closed, and nothing else: ssl.SSLError, ConnectionAbortedError when it
    took too long, another OSError when the connection was lost.

    With a `name` we call somebody of that name, without one somebody calls us.
    """

    __slots__ = (
        "_backlog",
        "_closing",
        "_decrypt",
        "_deliver",
        "_encrypt",
        "_error",
        "_feed",
        "_greeting",
        "_incoming",
        "_left",
        "_loop",
        "_object",
        "_outgoing",
        "_party",
        "_patience",
        "_paused",
        "_sealed",
        "_send",
        "_straight",
        "_timer",
        "_transport",
        "_unsent",
        "data_received",
    )

    data_received: Callable[[bytes], None]
    """Named by asyncio: what it does changes in the course of a connection."""

    def __init__(
        self,
        loop: AbstractEventLoop,
        party: Any,
        context: ssl.SSLContext,
        name: str | None,
        patience: float,
        ready: Callable[[UvTls], None],
        refused: Callable[[BaseException], None],
    ) -> None:
        self._loop, self._party, self._patience = loop, party, patience
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._feed, self._sealed = self._incoming.write, self._outgoing.read
        both = (self._incoming, self._outgoing)
        self._object: Any = context.wrap_bio(*both, server_side=name is None, server_hostname=name)
        here: Any = self._object._sslobj  # type: ignore[attr-defined]  # what ssl.SSLObject passes everything to
        self._decrypt, self._encrypt = here.read, here.write
        self._deliver = party.data_received
        self._greeting: Any = (ready, refused)
        """Who is told what becomes of the handshake, until that is known."""
        self._straight = _NOTHING
        """Bytes up to which what comes goes straight through: none while something has to be thought of."""
        self._backlog: Any = b""
        """Ciphertext that OpenSSL was not fed yet. While there is some, uvloop reads nothing."""
        self._unsent = b""
        """What was written while OpenSSL had to hear something first: TLS 1.2 may negotiate anew."""
        self._paused = self._closing = False
        self._error: BaseException | None = None
        self._left = 0
        """Bytes that uvloop had still to send when it was last looked at."""
        self._timer: TimerHandle | None = None
        self.data_received = self._greet

    # What uvloop tells us

    def connection_made(self, transport: Any) -> None:
        """Named by asyncio: there is a connection, without TLS."""
        self._transport = transport
        self._send = transport.write
        self._timer = self._loop.call_later(self._patience, self._too_late)
        self._shake_hands()

    def eof_received(self) -> bool:
        """Named by asyncio: the other side is gone without a goodbye. False: uvloop sends what it has, and closes."""
        if self._greeting is None:
            self._begin_to_part()
        return False

    def pause_writing(self) -> None:
        """Named by asyncio."""
        self._party.pause_writing()

    def resume_writing(self) -> None:
        """Named by asyncio."""
        self._party.resume_writing()

    def connection_lost(self, error: BaseException | None) -> None:
        """Named by asyncio: it is gone. Whoever keeps us keeps nothing of OpenSSL's."""
        error = self._error or error
        party, greeting = self._party, self._greeting
        self._wait_no_more()
        self._deafen()
        self._backlog = self._unsent = b""
        self._object = self._party = self._greeting = self._incoming = self._outgoing = None  # type: ignore[assignment]
        self._feed = self._sealed = self._decrypt = self._encrypt = self._deliver = self._send = _gone
        self.data_received = _gone
        if greeting is None:
            party.connection_lost(error)
        else:
            greeting[1](error or ConnectionResetError("the connection was closed before TLS began"))

    # What our own transport asks for

    def write(self, data: bytes) -> None:
        """Send this, now if nothing waits before it."""
        if len(data) > self._straight:
            self._write_more(data)
            return
        try:
            self._encrypt(data)
        except ssl.SSLError as error:
            self._not_written(data, error)
        else:
            self._send(self._sealed())

    def writelines(self, pieces: Iterable[bytes]) -> None:
        """Send these."""
        self.write(b"".join(pieces))

    def pause_reading(self) -> None:
        """Give nothing on until `resume_reading`: neither what has come already, nor what comes."""
        if not self._closing:
            self._paused = True
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Give on again what comes, what has come meanwhile before it; not before the next turn of the loop."""
        if self._paused and not self._closing:
            self._paused = False
            self._loop.call_soon(self._resume)

    def close(self) -> None:
        """Send what was written and a goodbye, and hear theirs: see TAKING_SECONDS and PARTING_SECONDS.

        Nothing is given on any more but the end: TimeoutError when they did not answer, or not take what was written.
        """
        if self._closing:
            return
        self._begin_to_part()
        self.data_received = self._hear_out
        self._transport.set_protocol(self)
        self._hear_out(self._backlog)
        self._transport.resume_reading()

    def abort(self) -> None:
        """Close at once, without a word."""
        self._deafen()
        self._transport.abort()

    def is_closing(self) -> bool:
        """Whether it is closed, or about to be."""
        return self._closing or bool(self._transport.is_closing())

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """`ssl_object` while it is connected; else what uvloop says."""
        return self._object if name == "ssl_object" else self._transport.get_extra_info(name, default)

    # The handshake

    def _greet(self, data: bytes) -> None:
        self._feed(data)
        self._shake_hands()

    def _shake_hands(self) -> None:
        self._agree(self._object.do_handshake, self._begin)

    def _agree(self, take_step: Callable[[], object], agreed: Callable[[], None]) -> None:
        """Take a step that needs both: what OpenSSL has to say for it is sent; `agreed()` comes once they have."""
        try:
            take_step()
        except ssl.SSLWantReadError:
            self._send(self._sealed())
        except ssl.SSLError as error:
            self._fail(error)
        else:
            self._send(self._sealed())
            agreed()

    def _begin(self) -> None:
        (ready, _), self._greeting = self._greeting, None
        self._wait_no_more()
        self._straight = RECORD
        self.data_received = self._receive
        self._transport.set_protocol(self)
        ready(self)
        self._pump()

    def _too_late(self) -> None:
        self._fail(ConnectionAbortedError(f"TLS did not begin within {self._patience:g} seconds"))

    # Receiving

    def _receive(self, data: bytes) -> None:
        size = len(data)
        if size > self._straight:
            self._backlog = memoryview(data)
            self._pump()
            return
        self._feed(data)
        try:
            plain = self._decrypt(size)
        except ssl.SSLError as error:
            self._not_read(error)
            return
        if not plain:
            self._part()
            return
        self._deliver(plain)
        # A record is longer than what it carries: if all that was asked for came, there is more of an earlier one.
        if len(plain) == size or self._incoming.pending or self._outgoing.pending:
            self._flush()
            self._pump()

    def _pump(self) -> None:
        """Give on what there is, until nothing is left or it is not wanted any more."""
        while not self._paused:
            if not self._incoming.pending and not self._object.pending():
                if not self._backlog:
                    return
                self._feed(self._backlog[:PIECE])
                self._backlog = self._backlog[PIECE:]
            try:
                plain = self._decrypt(RECORD)
            except ssl.SSLError as error:
                self._not_read(error)
                continue
            self._flush()
            if plain:
                self._deliver(plain)
            else:
                self._part()

    def _resume(self) -> None:
        self._pump()
        if not self._paused:
            self._transport.resume_reading()

    def _not_read(self, error: ssl.SSLError) -> None:
        if isinstance(error, ssl.SSLWantReadError):
            self._flush()
        else:
            self._fail(error)

    # Sending

    def _write_more(self, data: bytes) -> None:
        """What is much, or has something before it."""
        if self._unsent:
            self._unsent += data
        elif not self._closing:
            self._transport.writelines(self._records(data))

    def _records(self, data: bytes) -> Iterator[bytes]:
        """That in ciphertext, a record each: never twice, however much it is."""
        here = memoryview(data)
        for start in range(0, len(here), RECORD):
            try:
                self._encrypt(here[start : start + RECORD])
            except ssl.SSLError as error:
                self._not_written(here[start:], error)
                return
            yield self._sealed()

    def _not_written(self, data: bytes | memoryview, error: ssl.SSLError) -> None:
        if isinstance(error, ssl.SSLWantReadError):
            self._unsent = bytes(data)
            self._straight = _NOTHING
        else:
            self._fail(error)

    def _flush(self) -> None:
        """Send what OpenSSL has to say by itself, and what it would not take before that."""
        self._send(self._sealed())
        if self._unsent:
            unsent, self._unsent = self._unsent, b""
            self._straight = _NOTHING if self._closing else RECORD
            self._transport.writelines(self._records(unsent))

    # The end

    def _part(self) -> None:
        """They have said goodbye."""
        self._party.eof_received()
        self.close()

    def _hear_out(self, data: bytes) -> None:
        """Hear what they still say for their goodbye only, and say ours when all is sent."""
        self._backlog = b""
        self._feed(data)
        try:
            while self._decrypt(RECORD):
                pass
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:  # both have said it
            self._transport.close()
            return
        except ssl.SSLError as error:
            self._fail(error)
            return
        self._flush()
        if not self._unsent:
            self._agree(self._object.unwrap, self._transport.close)

    def _begin_to_part(self) -> None:
        if not self._closing:
            self._deafen()
            self._wait_for_them()

    def _wait_for_them(self) -> None:
        self._left = self._transport.get_write_buffer_size()
        self._timer = self._loop.call_later(TAKING_SECONDS if self._left else PARTING_SECONDS, self._hasten)

    def _hasten(self) -> None:
        if self._transport.get_write_buffer_size() < self._left:
            self._wait_for_them()
        else:
            self._fail(
                TimeoutError("what was sent last was not taken" if self._left else "no answer to TLS's goodbye")
            )

    def _fail(self, error: BaseException) -> None:
        """It is over, for this reason; they hear of it if OpenSSL has an alert for it."""
        self._deafen()
        self._error = error
        self._send(self._sealed())
        self._transport.abort()

    def _deafen(self) -> None:
        self._closing = self._paused = True
        self._straight = _NOTHING

    def _wait_no_more(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _gone(data: Any = None) -> Any:
    """There is no connection any more."""
