"""Event stream: server-sent events, bytes in and texts out (WHATWG HTML, "Server-sent events").

data: {"choices": …}
<an empty line>
: a comment, to keep the connection alive
data: [DONE]
"""

from __future__ import annotations

import re

_LINE_END = re.compile(rb"\r\n|\n|\r(?=.)", re.DOTALL)
MOST = 1 << 20
"""Bytes that an event may have."""


class EventStream:
    """Gives the data of each event when it is complete; what else an event has (a name, an id) is not used here."""

    def __init__(self) -> None:
        self._rest = b""
        self._lines: list[str] = []

    def feed(self, data: bytes) -> list[str]:
        """More of the stream. Raises ValueError when an event is endless."""
        events: list[str] = []
        *lines, self._rest = _LINE_END.split(self._rest + data)
        for line in lines:
            if line.startswith(b"data:"):
                self._lines.append(line[5:].decode(errors="replace").removeprefix(" "))
            elif not line and self._lines:
                events.append("\n".join(self._lines))
                self._lines.clear()
        if len(self._rest) + sum(map(len, self._lines)) > MOST:
            raise ValueError("an event without an end")
        return events

    def end(self) -> list[str]:
        """The stream is over; gives an event that lacks but its last empty line."""
        return self.feed(b"\n\n")
