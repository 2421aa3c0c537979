"""The carrier: rings the program under test with signed webhooks, and opens the streams that it asks for.

The stream's URL names a public host; the socket goes to the program's own port, as a proxy's would.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit
from xml.etree import ElementTree

from picows import ws_connect
from twilio.request_validator import RequestValidator

from bench.load.account import ACCOUNT, PUBLIC, TOKEN
from bench.load.caller import Caller
from bench.load.tally import Tally

PATIENCE = 10.0
"""Seconds for a request, a handshake, or an agent to answer."""
WAITS = 15.0
"""Seconds that Twilio waits for an answer to a webhook."""
_validator = RequestValidator(TOKEN)


class NotAnswered(Exception):
    """A call has not come so far as it should."""


class Connection:
    """One HTTP connection to the program that is kept; requests on it come one after the other."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, path: str, form: Mapping[str, str]) -> tuple[int, bytes]:
        """A signed webhook: status and body."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        body = urlencode(form).encode()
        signature = _validator.compute_signature(f"https://{PUBLIC}{path}", form)
        writer.write(
            f"POST {path} HTTP/1.1\r\nHost: {PUBLIC}\r\nX-Twilio-Signature: {signature}\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = next((line[15:] for line in head.split("\r\n") if line.startswith("content-length:")), None)
        if length is None:
            raise NotAnswered("an answer without a length")
        answer = await reader.readexactly(int(length))
        if "connection: close" in head:
            self.close()
        return int(head.split(" ", 2)[1]), answer

    def close(self) -> None:
        """No more requests on it."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


class Carrier:
    """Calls of one account to the program on that port."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._number = 0

    def form(self, called: str, **more: str) -> dict[str, str]:
        """What a webhook says of a new call."""
        self._number += 1
        number = self._number
        return {
            "AccountSid": ACCOUNT,
            "ApiVersion": "2010-04-01",
            "CallSid": f"CA{number:032x}",
            "CallStatus": "ringing",
            "Called": called,
            "Caller": f"+1415555{number % 10000:04d}",
            "Direction": "inbound",
            "From": f"+1415555{number % 10000:04d}",
            "To": called,
            **more,
        }

    async def ring(self, connection: Connection, called: str, tally: Tally, talks: bool = True) -> Caller:
        """A call, until its stream has begun. Raises NotAnswered."""
        form = self.form(called)
        number = self._number
        answer = await asyncio.wait_for(connection.post("/call/incoming", form), PATIENCE)
        return await self._stream(answer, number, form["CallSid"], tally, talks)

    async def come_back(self, lost: Caller, tally: Tally) -> Caller:
        """What follows a stream that broke, as Twilio asks it; until the next one has begun. Raises NotAnswered."""
        form = {
            "AccountSid": ACCOUNT, "ApiVersion": "2010-04-01", "CallSid": lost.call_sid, "CallStatus": "in-progress",
            "Direction": "inbound",
        }  # fmt: skip
        connection = Connection(self._port)
        try:
            answer = await asyncio.wait_for(connection.post(lost.after, form), WAITS)
        finally:
            connection.close()
        return await self._stream(answer, lost.number, lost.call_sid, tally, lost.talks)

    async def _stream(
        self, answer: tuple[int, bytes], number: int, call_sid: str, tally: Tally, talks: bool
    ) -> Caller:
        status, text = answer
        connect = ElementTree.fromstring(text).find(".//Connect") if status == 200 else None  # noqa: S314 - ours
        stream = None if connect is None else connect.find("Stream")
        if connect is None or stream is None:
            raise NotAnswered(f"no stream, but {status} {text.decode()[:200]}")
        parameters = {each.get("name", ""): each.get("value", "") for each in stream.iter("Parameter")}
        url = stream.get("url", "")
        caller = Caller(number, call_sid, parameters, tally, urlsplit(connect.get("action", "")).path, talks)
        headers = {"X-Twilio-Signature": _validator.compute_signature(url, {}), "Host": PUBLIC}
        await ws_connect(
            lambda: caller, f"ws://127.0.0.1:{self._port}{urlsplit(url).path}", extra_headers=headers,
            websocket_handshake_timeout=PATIENCE,
        )  # fmt: skip
        return caller

    async def over(self, connection: Connection, caller: Caller) -> None:
        """The call is over: its stream, and the callback that says so."""
        caller.hang_up()
        form = {"AccountSid": ACCOUNT, "CallSid": caller.call_sid, "CallStatus": "completed", "Direction": "inbound"}
        await asyncio.wait_for(connection.post("/call/status", form), PATIENCE)
        await asyncio.wait_for(caller.gone, PATIENCE)
