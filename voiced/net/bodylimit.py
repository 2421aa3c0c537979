"""Bounds the body of an HTTP request: twisted.web has no limit of its own."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote_to_bytes

from twisted.web.http import _MalformedChunkedDataError
from twisted.web.server import Request

MOST = 64 * 1024
"""Bytes; a Twilio form has under 4 KiB."""
PATIENCE = 16
"""A body up to so many times too large is read to its end and thrown away, for only then does its sender read our
answer; a larger one is cut off."""
MOST_PIECES = 1024
"""Chunks, or what of them came at once. One costs about 4 us, however small: without a limit, a socket that sends
chunks of a byte takes 40 ms of each turn of the reactor from everybody's calls (measured)."""


class LimitedRequest(Request):
    """A request that answers 413 for a body over MOST bytes, declared or chunked, and 400 for a path not in text or
    for a body in more than MOST_PIECES."""

    _size = 0
    _pieces = 0

    def handleContentChunk(self, data: bytes) -> None:
        """Named by twisted.web: some of the body has arrived."""
        self._size += len(data)
        self._pieces += 1
        if self._pieces > MOST_PIECES:
            # Twisted's own word for a body that is no body: it stops decoding, answers 400 and closes.
            raise _MalformedChunkedDataError("in too many pieces")
        if self._size <= MOST:
            super().handleContentChunk(data)
        elif self._size > MOST * PATIENCE >= self._size - len(data):
            self._cut_off()

    def requestReceived(self, *line: Any) -> None:
        """Named by twisted.web: all of the request has arrived."""
        self.method, self.uri, self.clientproto = line
        if self._size > MOST:
            self._refuse(413)
        elif not self._readable():
            self._refuse(400)
        else:
            # Who we are is in `public_url`; Klein would log a traceback for a host that is no name.
            self.requestHeaders.setRawHeaders(b"host", [b"voiced"])
            super().requestReceived(*line)

    def _readable(self) -> bool:
        """Whether its path is text: Klein would log a traceback for one that is not."""
        try:
            unquote_to_bytes(self.uri).decode()
        except UnicodeDecodeError:
            return False
        return True

    def _refuse(self, status: int) -> None:
        """Answer with that status and nothing else, and close."""
        self.setResponseCode(status)
        self.setHeader(b"Connection", b"close")
        self.setHeader(b"Content-Length", b"0")
        self.channel.persistent = False
        self.finish()

    def _cut_off(self) -> None:
        """Close at once: nobody would read an answer."""
        transport: Any = self.channel.transport
        transport.abortConnection()
