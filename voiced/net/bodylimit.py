"""Bounds the body of an HTTP request: twisted.web has no limit of its own."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote_to_bytes

from twisted.web.server import Request

MOST = 64 * 1024
"""Bytes; a Twilio form has under 4 KiB."""
PATIENCE = 16
"""A body up to so many times too large is read to its end and thrown away, for only then does its sender read our
answer; a larger one is cut off."""


class LimitedRequest(Request):
    """A request that answers 413 for a body over MOST bytes, declared or chunked, and 400 for a path not in text."""

    _size = 0

    def handleContentChunk(self, data: bytes) -> None:
        """Named by twisted.web: some of the body has arrived."""
        self._size += len(data)
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
