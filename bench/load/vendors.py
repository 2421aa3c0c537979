"""What else is asked for over HTTP: signed URLs and speech of ElevenLabs, calls of Twilio's REST.

GET  /v1/convai/conversation/get-signed-url   -> {"signed_url": "ws(s)://127.0.0.1:…/v1/convai/conversation"}
POST /v1/text-to-speech/{voice}/stream        -> a second of mu-law; 40 s where the voice is LENGTHY
POST /2010-04-01/…/Calls/{sid}.json           -> {"sid", "status": "completed"}; asked with GET, it is in progress
"""

from __future__ import annotations

import asyncio
import ssl

import msgspec
from picows import WSUpgradeRequest, ws_create_server

from bench.load import sound
from bench.load.account import LENGTHY
from bench.load.agent import Agent
from bench.load.orders import Doubles

_SECOND = sound.decoded(sound.unstamped(50))
_LENGTHY = sound.decoded(sound.unstamped(40 * 50))


class Vendors:
    """The doubles. `tls` says how agents are reached; `agents` has those that talk, by the number of their call."""

    def __init__(self, certificate: str, key: str) -> None:
        self.tls = False
        self.agents: dict[int, Agent] = {}
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(certificate, key)

    async def listen(self) -> Doubles:
        """Open all three ports."""

        def meet(request: WSUpgradeRequest) -> Agent:
            return Agent(self.agents)

        http = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        ws = await ws_create_server(meet, "127.0.0.1", 0)
        wss = await ws_create_server(meet, "127.0.0.1", 0, ssl=self._context)
        self._servers = (http, ws, wss)
        self._doubles = Doubles(*(server.sockets[0].getsockname()[1] for server in self._servers))
        return self._doubles

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                length = next(
                    (line[15:] for line in head.lower().split("\r\n") if line.startswith("content-length:")), 0
                )
                await reader.readexactly(int(length))
                kind, body = self._answer(*head.split(" ", 2)[:2])
                about = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
                writer.write(about.encode() + body)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def _answer(self, method: str, path: str) -> tuple[str, bytes]:
        if path.startswith("/v1/convai/"):
            scheme, port = ("wss", self._doubles.wss) if self.tls else ("ws", self._doubles.ws)
            url = f"{scheme}://127.0.0.1:{port}/v1/convai/conversation?agent_id=agent_bench&conversation_signature=x"
            return "application/json", msgspec.json.encode({"signed_url": url})
        if path.startswith("/v1/text-to-speech/"):
            return "audio/basic", _LENGTHY if f"/{LENGTHY}/" in path else _SECOND
        sid = path.partition("?")[0].rpartition("/")[2].removesuffix(".json")
        return "application/json", msgspec.json.encode(
            {"sid": sid, "status": "in-progress" if method == "GET" else "completed"}
        )
