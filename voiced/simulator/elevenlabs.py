"""ElevenLabs, as far as the daemon can tell: its Agents, and its text-to-speech.

    GET  /v1/convai/conversation/get-signed-url?agent_id=…   -> {"signed_url": "wss://…"}
    GET  /v1/convai/conversation?agent_id=…&conversation_signature=…   a WebSocket (elevenlabs_messages)
    POST /v1/text-to-speech/{voice}[/stream]                 (elevenlabs_speech)
    GET, PATCH /v1/convai/agents/{agent_id}                  (elevenlabs_dashboard)

In memory or over real sockets, as the clock and the port that it is given:

    double = ElevenLabs(clock)
    double.expect(Says("Hello."), AwaitsSpeech(), Ends())
    network.listen("api.elevenlabs.io", double.site())
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from hmac import compare_digest
from itertools import count
from random import Random
from urllib.parse import urlencode

from attrs import frozen
from twisted.internet.interfaces import IReactorTime
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from voiced.simulator.vendors.agent_audio import Voice, spell
from voiced.simulator.vendors.agent_socket import AgentSocket, agent_socket
from voiced.simulator.vendors.elevenlabs_agent import Agent
from voiced.simulator.vendors.elevenlabs_dashboard import patched, shown
from voiced.simulator.vendors.elevenlabs_record import Check
from voiced.simulator.vendors.elevenlabs_refusals import complaint, invalid_body, refusal
from voiced.simulator.vendors.elevenlabs_script import Line, Script
from voiced.simulator.vendors.elevenlabs_speech import TextToSpeech
from voiced.simulator.vendors.elevenlabs_talk import Conversation
from voiced.simulator.vendors.script import Performance
from voiced.simulator.vendors.vendor import Asked, Refusal, Weather, serve, write_json

__all__ = ["AGENT_ID", "API_KEY", "Agent", "Conversation", "ElevenLabs"]

API_KEY = "sk_of_a_pretend_account"
AGENT_ID = "agent_pretend"
SIGNATURE_SECONDS = 15 * 60.0
"""How long a signed URL is good for connecting (elevenlabs.io/docs, "Authentication")."""


@frozen
class _Ticket:
    """What a signature stands for."""

    agent_id: str
    until: float
    once: bool


class ElevenLabs:
    """One account at ElevenLabs.

    `voice` makes mu-law at 8000 of text. `public_url` is what signed URLs begin with (`wss://…`); without it, they
    lead to where they were asked for. `check` is asked about every message (see `Check`).
    """

    def __init__(
        self,
        clock: IReactorTime,
        *,
        api_key: str = API_KEY,
        public_url: str | None = None,
        voice: Voice = spell,
        check: Check = lambda direction, message: None,
        seed: int = 0,
    ) -> None:
        self.agents: dict[str, Agent] = {AGENT_ID: Agent()}
        """By id; change it at any time."""
        self.conversations: list[Conversation] = []
        """Every socket that came to a handshake, oldest first; those without a good signature are closed soon."""
        self.requests: list[Asked] = []
        """What was asked over HTTP, handshakes among it."""
        self.signed_url = Weather(complaint)
        """How the request for a signed URL fails: `double.signed_url.fail(429)`, `.fail(None)`, `.after = 3.0`."""
        self.dashboard = Weather(complaint)
        """How looking at an agent's settings, and changing them, fails."""
        self.speech = TextToSpeech(voice, Weather(complaint))
        self.single_use = False
        """Whether a signature is good for one socket, as it always is if `include_conversation_id` was asked for."""
        self.on_conversation: Callable[[Conversation], object] = lambda conversation: None
        """Called with each conversation when its socket opens."""
        self._clock = clock
        self._api_key = api_key
        self._public_url = public_url
        self._check = check
        self._random = Random(seed)
        self._numbers = count(1)
        self._expected: deque[Script] = deque()
        self._tickets: dict[str, _Ticket] = {}

    @property
    def agent(self) -> Agent:
        """The agent AGENT_ID, which is there from the beginning."""
        return self.agents[AGENT_ID]

    @agent.setter
    def agent(self, agent: Agent) -> None:
        self.agents[AGENT_ID] = agent

    def expect(self, *script: Line) -> None:
        """What the next conversation without a script does, in place of its agent's own."""
        self._expected.append(script)

    def site(self) -> Site:
        """To be listened with, in memory or on a port."""
        return Site(self.resource, reactor=self._clock, timeout=None)

    @property
    def resource(self) -> Resource:
        """The root of api.elevenlabs.io."""
        return _Root(self)

    # What _Root asks for

    def render(self, request: Request) -> bytes | int:
        """Answer one request."""
        asked = Asked.of(request)
        self.requests.append(asked)
        match asked.method, asked.path.strip("/").split("/"):
            case "GET", ["v1", "convai", "conversation"]:
                return self._handshake(request, asked)
            case "GET", ["v1", "convai", "conversation", "get-signed-url" | "get_signed_url"]:
                return serve(request, self._sign(request, asked))
            case "GET" | "PATCH", ["v1", "convai", "agents", agent_id]:
                return serve(request, self._dashboard(request, asked, agent_id))
            case "POST", ["v1", "text-to-speech", voice]:
                return serve(request, self._speak(request, asked, voice, stream=False))
            case "POST", ["v1", "text-to-speech", voice, "stream"]:
                return serve(request, self._speak(request, asked, voice, stream=True))
        return write_json(request, 404, {"detail": "Not Found"})

    async def _sign(self, request: Request, asked: Asked) -> None:
        await self.signed_url.pass_by(self._clock)
        self._authenticate(asked)
        agent_id = asked.query.get("agent_id")
        if agent_id is None:
            raise Refusal(422, invalid_body("missing", "Field required", "agent_id"))
        if agent_id not in self.agents:
            raise refusal(404, "not_found", "agent_not_found", f"Agent with id {agent_id} not found.")
        once = self.single_use or asked.query.get("include_conversation_id", "").lower() == "true"
        self._forget_late_tickets()
        signature = f"cvtkn_{self._random.getrandbits(160):040x}"
        self._tickets[signature] = _Ticket(agent_id, self._clock.seconds() + SIGNATURE_SECONDS, once)
        query = urlencode({"agent_id": agent_id, "conversation_signature": signature})
        write_json(request, 200, {"signed_url": f"{self._base(request)}/v1/convai/conversation?{query}"})

    async def _dashboard(self, request: Request, asked: Asked, agent_id: str) -> None:
        await self.dashboard.pass_by(self._clock)
        self._authenticate(asked)
        if agent_id not in self.agents:
            raise refusal(404, "not_found", "agent_not_found", f"Agent with id {agent_id} not found.")
        if asked.method == "PATCH":
            self.agents[agent_id] = patched(agent_id, self.agents[agent_id], asked.body)
        write_json(request, 200, shown(agent_id, self.agents[agent_id]))

    def _forget_late_tickets(self) -> None:
        now = self._clock.seconds()
        self._tickets = {signature: ticket for signature, ticket in self._tickets.items() if ticket.until >= now}

    async def _speak(self, request: Request, asked: Asked, voice: str, stream: bool) -> None:
        self._authenticate(asked)
        await self.speech.speak(self._clock, request, asked, voice, stream)

    def _authenticate(self, asked: Asked) -> None:
        key = asked.headers.get("xi-api-key", "")
        if not compare_digest(key.encode(), self._api_key.encode()):
            code = "invalid_api_key" if key else "missing_api_key"
            raise refusal(401, "authentication_error", code, "Invalid API key")

    def _base(self, request: Request) -> str:
        if self._public_url is not None:
            return self._public_url.rstrip("/")
        return f"{'wss' if request.isSecure() else 'ws'}://{request.getHeader('host')}"

    def _handshake(self, request: Request, asked: Asked) -> bytes | int:
        agent_id = asked.query.get("agent_id", "")
        agent = self.agents.get(agent_id, Agent())
        if agent.refuse is not None:
            return write_json(request, agent.refuse, complaint(agent.refuse))
        taken: bytes | int = agent_socket(
            self._clock, lambda socket: self._meet(socket, agent, agent_id, asked)
        ).render(request)
        return taken

    def _meet(self, socket: AgentSocket, agent: Agent, agent_id: str, asked: Asked) -> Conversation:
        fault = self._unauthorized(agent, agent_id, asked.query.get("conversation_signature"))
        script = self._expected.popleft() if self._expected and not fault else agent.script
        conversation = Conversation(
            socket=socket,
            clock=self._clock,
            check=self._check,
            id=f"conv_{next(self._numbers):026d}",
            agent=agent,
            query=asked.query,
            script=Performance(script),
            voice=self.speech.voice,
        )
        self.conversations.append(conversation)
        if fault:
            conversation.closes(agent.unauthorized, fault)
        self.on_conversation(conversation)
        return conversation

    def _unauthorized(self, agent: Agent, agent_id: str, signature: str | None) -> str:
        """Why this socket may not talk to the agent; empty if it may."""
        if agent_id not in self.agents:
            return "The AI agent you are trying to reach does not exist."
        if signature is None:
            return "" if agent.public else "Authentication is required for this agent."
        ticket = self._tickets.get(signature)
        if ticket is None or ticket.agent_id != agent_id or ticket.until < self._clock.seconds():
            return "The conversation signature is not valid."
        if ticket.once:
            del self._tickets[signature]
        return ""


class _Root(Resource):
    """Every path of the API."""

    isLeaf = True

    def __init__(self, double: ElevenLabs) -> None:
        super().__init__()
        self._double = double

    def render(self, request: Request) -> bytes | int:
        return self._double.render(request)
