"""A bridge as one writes it with Twisted, Autobahn and json: what voiced is measured against.

Called up by the bench only. It does what the official examples do and nothing that makes it slower: no signatures,
no logging, no marks. Nagle's algorithm stays on: Autobahn means to switch it off and forgets to, and whoever writes
such a bridge does not see that.

Environment: PORT, SERVER_DOMAIN, ELEVENLABS_BASE_URL, ELEVENLABS_AGENT_ID, ELEVENLABS_API_KEY.
"""

from __future__ import annotations

import json
import os
from typing import Any

import treq
from autobahn.twisted.resource import WebSocketResource
from autobahn.twisted.websocket import (
    WebSocketClientFactory,
    WebSocketClientProtocol,
    WebSocketServerFactory,
    WebSocketServerProtocol,
    connectWS,
)
from twisted.internet import endpoints, reactor
from twisted.internet.defer import ensureDeferred
from twisted.web.resource import Resource
from twisted.web.server import Site

DOMAIN = os.environ.get("SERVER_DOMAIN", "localhost")
ELEVENLABS = os.environ["ELEVENLABS_BASE_URL"]
TWIML = (
    '<?xml version="1.0" encoding="UTF-8"?><Response><Connect>'
    f'<Stream url="wss://{DOMAIN}/call/connection"/></Connect></Response>'
).encode()


class AgentProtocol(WebSocketClientProtocol):
    """The agent's end."""

    def onOpen(self) -> None:
        self.caller = self.factory.caller
        self.caller.agent = self
        agent = {"prompt": {"prompt": "You answer the telephone."}, "first_message": "Hello."}
        self.say({
            "type": "conversation_initiation_client_data",
            "conversation_config_override": {"agent": agent},
        })  # fmt: skip

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        message = json.loads(payload)
        match message.get("type"):
            case "audio":
                self.caller.play(message["audio_event"]["audio_base_64"])
            case "interruption":
                self.caller.say({"event": "clear", "streamSid": self.caller.stream_sid})
            case "ping":
                self.say({"type": "pong", "event_id": message["ping_event"]["event_id"]})

    def onClose(self, wasClean: bool, code: int, reason: str) -> None:
        if hasattr(self, "caller"):
            self.caller.agent = None

    def say(self, message: dict[str, Any]) -> None:
        self.sendMessage(json.dumps(message).encode())


class CallProtocol(WebSocketServerProtocol):
    """The carrier's end."""

    agent: AgentProtocol | None = None
    stream_sid: str | None = None

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        message = json.loads(payload)
        match message["event"]:
            case "start":
                self.stream_sid = message["start"]["streamSid"]
                ensureDeferred(self.connect())
            case "media":
                if self.agent is not None:
                    self.agent.say({"user_audio_chunk": message["media"]["payload"]})
            case "stop":
                if self.agent is not None:
                    self.agent.sendClose()

    def onClose(self, wasClean: bool, code: int, reason: str) -> None:
        if self.agent is not None:
            self.agent.sendClose()

    async def connect(self) -> None:
        answer = await treq.get(
            f"{ELEVENLABS}/v1/convai/conversation/get-signed-url",
            params={"agent_id": os.environ["ELEVENLABS_AGENT_ID"]},
            headers={"xi-api-key": os.environ["ELEVENLABS_API_KEY"]},
        )
        factory = WebSocketClientFactory((await treq.json_content(answer))["signed_url"])
        factory.noisy = False
        factory.protocol = AgentProtocol
        factory.caller = self
        connectWS(factory)

    def play(self, payload: str) -> None:
        self.say({"event": "media", "streamSid": self.stream_sid, "media": {"payload": payload}})

    def say(self, message: dict[str, Any]) -> None:
        self.sendMessage(json.dumps(message).encode())


class Incoming(Resource):
    """The webhook of inbound calls."""

    def render_POST(self, request: Any) -> bytes:
        request.setHeader(b"Content-Type", b"text/xml")
        return TWIML


class Status(Resource):
    """The callback that a call is over."""

    def render_POST(self, request: Any) -> bytes:
        request.setResponseCode(200)
        return b""


def site() -> Site:
    """All of it."""
    factory = WebSocketServerFactory()
    factory.noisy = False
    factory.protocol = CallProtocol
    root, call = Resource(), Resource()
    root.putChild(b"call", call)
    call.putChild(b"incoming", Incoming())
    call.putChild(b"status", Status())
    call.putChild(b"connection", WebSocketResource(factory))
    return Site(root)


if __name__ == "__main__":
    endpoints.serverFromString(reactor, f"tcp:{os.environ['PORT']}:interface=127.0.0.1").listen(site())
    reactor.run()
