"""OpenAI, as far as the daemon can tell: the Realtime API (GA), and chat completions.

    GET  /v1/realtime?model=…      a WebSocket (openai_messages), Authorization: Bearer sk-…
    POST /v1/chat/completions      (openai_chat)

In memory or over real sockets, as the clock and the port that it is given:

    double = OpenAI(clock)
    double.expect(Reply("Hello."), Reply("Goodbye.", calls=[Call("hang_up")]))
    network.listen("api.openai.com", double.site())
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from hmac import compare_digest
from itertools import count

from twisted.internet.interfaces import IReactorTime
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from voiced.simulator.vendors.agent_audio import Voice, spell
from voiced.simulator.vendors.agent_socket import AgentSocket, agent_socket
from voiced.simulator.vendors.openai_chat import Chat, ChatReply
from voiced.simulator.vendors.openai_messages import Fault
from voiced.simulator.vendors.openai_refusals import complaint, refusal
from voiced.simulator.vendors.openai_reply import Call, Reply
from voiced.simulator.vendors.openai_session import Check, Model, Session
from voiced.simulator.vendors.vendor import Asked, Refusal, Weather, serve, write_json

__all__ = ["API_KEY", "Call", "ChatReply", "Model", "OpenAI", "Reply", "Session"]

API_KEY = "sk-of-a-pretend-account"


class OpenAI:
    """One account at OpenAI.

    `voice` makes mu-law at 8000 of text. `check` is asked about every message of a Realtime session (see `Check`).
    """

    def __init__(
        self,
        clock: IReactorTime,
        *,
        api_key: str = API_KEY,
        voice: Voice = spell,
        check: Check = lambda direction, message: None,
    ) -> None:
        self.model = Model()
        """How sessions behave from now on."""
        self.sessions: list[Session] = []
        """Every socket that came to a handshake, oldest first."""
        self.requests: list[Asked] = []
        """What was asked over HTTP, handshakes among it."""
        self.chat = Chat(Weather(complaint))
        self.on_session: Callable[[Session], object] = lambda session: None
        """Called with each session when its socket opens."""
        self._clock = clock
        self._api_key = api_key
        self._voice = voice
        self._check = check
        self._numbers = count(1)
        self._expected: deque[tuple[Reply, ...]] = deque()

    def expect(self, *replies: Reply) -> None:
        """The responses of the next session for which none are expected yet, in their order."""
        self._expected.append(replies)

    def site(self) -> Site:
        """To be listened with, in memory or on a port."""
        return Site(self.resource, reactor=self._clock, timeout=None)

    @property
    def resource(self) -> Resource:
        """The root of api.openai.com."""
        return _Root(self)

    # What _Root asks for

    def render(self, request: Request) -> bytes | int:
        """Answer one request."""
        asked = Asked.of(request)
        self.requests.append(asked)
        match asked.method, asked.path:
            case "GET", "/v1/realtime":
                return self._handshake(request, asked)
            case "POST", "/v1/chat/completions":
                return serve(request, self._complete(request, asked))
        message = f"Invalid URL ({asked.method} {asked.path})"
        return write_json(request, 404, refusal(404, "invalid_request_error", None, message).body)

    async def _complete(self, request: Request, asked: Asked) -> None:
        self._authenticate(asked)
        await self.chat.complete(self._clock, request, asked)

    def _authenticate(self, asked: Asked) -> None:
        given = asked.headers.get("authorization", "")
        if not compare_digest(given.encode(), f"Bearer {self._api_key}".encode()):
            raise Refusal(401, complaint(401))

    def _handshake(self, request: Request, asked: Asked) -> bytes | int:
        try:
            self._authenticate(asked)
        except Refusal as refused:
            return write_json(request, 401, refused.body)
        model = self.model
        if model.refuse is not None:
            return write_json(request, model.refuse, complaint(model.refuse))
        taken: bytes | int = agent_socket(self._clock, lambda socket: self._meet(socket, model, asked)).render(
            request
        )
        return taken

    def _meet(self, socket: AgentSocket, model: Model, asked: Asked) -> Session:
        fault = _unusable(asked)
        replies = () if fault or not self._expected else self._expected.popleft()
        session = Session(
            socket=socket,
            clock=self._clock,
            check=self._check,
            id=f"sess_{next(self._numbers)}",
            model=model,
            query=asked.query,
            replies=deque(replies),
            voice=self._voice,
        )
        self.sessions.append(session)
        self.on_session(session)
        if fault is None:
            session.begin()
        else:
            session.fails(fault.message, fault.code or "", fault.type)
            session.closes(4000, f"{fault.type}.{fault.code}")
        return session


def _unusable(asked: Asked) -> Fault | None:
    """Why there can be no session for that handshake."""
    if "openai-beta" in asked.headers:
        return Fault(
            "The Realtime Beta API is no longer supported. Please use the GA API.", "beta_api_shape_disabled"
        )
    if not asked.query.get("model"):
        return Fault("You must provide a model parameter.", "missing_model")
    return None


class _Root(Resource):
    """Every path of the API."""

    isLeaf = True

    def __init__(self, double: OpenAI) -> None:
        super().__init__()
        self._double = double

    def render(self, request: Request) -> bytes | int:
        return self._double.render(request)
