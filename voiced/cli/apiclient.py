"""The daemon's HTTP API, as the tools of the command line speak it.

POST   /outbound-call   {"number", "flow"?, "variables"?, "idempotency_key"?, ...}   ->  {"callSid": "CA..."}
GET    /calls?state=live                    ->  {"calls": [{"callSid", "flow", "node", "verb", ...}], "before"}
GET    /calls/{sid}                         ->  {"state", "stage", "ending", "seconds", "transcript", ...}
DELETE /calls/{sid}?how=now
POST   /reload                              ->  {"version": {"hash", "loaded"}, "flows": [...], "restart": [...]}
errors                                      <-  {"error": "...", "rule"?, "path"?, "faults"?}, a Retry-After header
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar
from urllib.parse import quote

import attrs
import msgspec
from treq.client import HTTPClient
from twisted.internet import error
from twisted.internet.defer import Deferred, TimeoutError  # noqa: A004 - Twisted's own
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from voiced.errors import VoicedError
from voiced.net.exchange import Answer, read_answer
from voiced.net.trouble import NETWORK, reason_of
from voiced.secret import Secret

PLACE_SECONDS = 60.0
"""How long the daemon may take to place a call: it asks the carrier, and may have to ask again."""
LOOK_SECONDS = 10.0
RELOAD_SECONDS = 60.0
"""How long the daemon may take to read and check its files: some ten milliseconds each, and it may have many."""
MOST_BYTES = 4 * 1024 * 1024
"""What is read of an answer: a call's transcript may be long."""

MOST_LISTED = 200
"""Calls in a page: the API's own bound."""

T = TypeVar("T")


class Wanted(msgspec.Struct, frozen=True, omit_defaults=True, rename={"from_": "from"}):
    """A call to be placed: the body of `POST /outbound-call`. What is left out is as the daemon has it."""

    number: str
    flow: str | None = None
    prompt: str | None = None
    first_message: str | None = None
    variables: dict[str, str] = {}
    from_: str | None = None
    idempotency_key: str | None = None

    def __repr__(self) -> str:
        return f"Wanted(flow={self.flow!r}, …)"  # a number and a prompt are nobody else's business


class Line(msgspec.Struct, frozen=True):
    """A line of a conversation."""

    who: str = ""
    text: str = ""


class Conversation(msgspec.Struct, frozen=True):
    """What an agent and the human have said so far."""

    transcript: list[Line] = []


class Call(msgspec.Struct, frozen=True):
    """What the daemon says of a call: as much of it as the tools need."""

    state: str
    """`live` or `ended`."""
    stage: str = ""
    ending: str | None = None
    seconds: float | None = None
    agents: list[Conversation] = []
    reason: str | None = None

    @property
    def over(self) -> bool:
        return self.state == "ended"

    @property
    def transcript(self) -> list[Line]:
        """All that was said, to each of its agents in turn."""
        return [line for conversation in self.agents for line in conversation.transcript]


class LiveCall(msgspec.Struct, frozen=True):
    """A live call, in a few words."""

    callSid: str
    stage: str = ""
    direction: str = "inbound"
    caller: str = ""
    called: str = ""
    flow: str = ""
    node: str = ""
    verb: str = ""
    agent: str = ""
    answered: str | None = None
    seconds: float | None = None


class LiveCalls(msgspec.Struct, frozen=True):
    """Live calls, newest first; `before` where there are more than these."""

    calls: list[LiveCall] = []
    before: str | None = None


class Version(msgspec.Struct, frozen=True):
    """Which settings and flows the daemon follows."""

    hash: str
    loaded: str


class Reloaded(msgspec.Struct, frozen=True):
    """What a reload has done."""

    version: Version
    flows: list[str] = []
    restart: list[str] = []
    """Settings that hold from its next start only."""


class Wrong(msgspec.Struct, frozen=True):
    """What is wrong in one place of one of the daemon's files."""

    file: str
    line: int
    column: int
    message: str


class _Placed(msgspec.Struct, frozen=True):
    callSid: str


class _No(msgspec.Struct, frozen=True):
    error: str = ""
    code: int = 0
    rule: str = ""
    path: str = ""
    faults: list[Wrong] = []


class Unanswered(VoicedError):
    """The daemon could not be asked, or its answer did not come: what was asked for may have been done."""


class Denied(VoicedError):
    """The daemon answered, and not with what was asked for; the message is its own sentence.

    `status` is HTTP's, `code` the carrier's (0: none), `rule` the guard's rule and `path` the field of the request
    that it names, `retry_after` how many seconds later it may be otherwise, `faults` what is wrong in its files.
    """

    def __init__(
        self,
        message: str,
        status: int,
        *,
        code: int = 0,
        rule: str = "",
        path: str = "",
        retry_after: float | None = None,
        faults: Sequence[Wrong] = (),
    ) -> None:
        self.status = status
        self.code = code
        self.rule = rule
        self.path = path
        self.retry_after = retry_after
        self.faults = faults
        super().__init__(message)


@attrs.frozen
class _Reply:
    """An answer, and the one header of it that is read."""

    answer: Answer
    retry_after: float | None


@attrs.frozen
class Api:
    """The API of one daemon. Everything fails with Unanswered or Denied (CancelledError when cancelled) only."""

    http: HTTPClient
    url: str
    """Where it is, without a slash at its end."""
    key: Secret
    clock: IReactorTime
    socket: str = ""
    """The socket that it is reached by, where the URL does not say."""

    def place(self, wanted: Wanted) -> Deferred[str]:
        """Have a call placed; fires with its SID. The same idempotency key again gives the same call again."""
        asked = self._ask("POST", "/outbound-call", PLACE_SECONDS, msgspec.json.encode(wanted))
        return asked.addCallback(lambda reply: _read(reply, _Placed).callSid)

    def look(self, call_sid: str) -> Deferred[Call]:
        """What the daemon says of that call."""
        return self._ask("GET", _path(call_sid), LOOK_SECONDS).addCallback(_read, Call)

    def live(self) -> Deferred[LiveCalls]:
        """The live calls, as many as a page has."""
        return self._ask("GET", f"/calls?state=live&limit={MOST_LISTED}", LOOK_SECONDS).addCallback(_read, LiveCalls)

    def hang_up(self, call_sid: str) -> Deferred[None]:
        """End that call at once."""
        return self._ask("DELETE", _path(call_sid) + "?how=now", LOOK_SECONDS).addCallback(_good)

    def reload(self) -> Deferred[Reloaded]:
        """Have it read its settings and flows again."""
        return self._ask("POST", "/reload", RELOAD_SECONDS).addCallback(_read, Reloaded)

    def _ask(self, method: str, path: str, seconds: float, body: bytes | None = None) -> Deferred[Any]:
        headers = {"Authorization": f"Bearer {self.key.reveal()}", "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        waits: list[float | None] = []

        def note(response: Any) -> Any:
            waits.append(_seconds(response.headers.getRawHeaders("Retry-After", [""])[0]))
            return response

        asked = self.http.request(
            method, self.url + path, headers=headers, data=body, unbuffered=True, allow_redirects=False,
            reactor=self.clock,
        )  # fmt: skip
        read: Deferred[Any] = read_answer(asked.addCallback(note), MOST_BYTES)
        read.addTimeout(seconds, self.clock)
        return read.addCallbacks(lambda answer: _Reply(answer, waits[0]), self._unanswered)

    def _unanswered(self, failure: Failure) -> None:
        failure.trap(*NETWORK)
        match reason_of(failure):
            case error.ConnectionRefusedError():
                why = "nobody listens there: is the daemon running, with these settings?"
            case error.DNSLookupError():
                why = "its name cannot be found"
            case TimeoutError() | error.TimeoutError() | error.TCPTimedOutError():
                why = "it does not answer in time"
            case reason:
                why = f"the connection was lost ({type(reason).__name__})"
        raise Unanswered(f"the daemon at {self.socket or self.url} cannot be asked: {why}") from failure.value


def _path(call_sid: str) -> str:
    return f"/calls/{quote(call_sid, safe='')}"


def _good(reply: _Reply) -> None:
    answer = reply.answer
    if 200 <= answer.status < 300:
        return
    no = _decoded(answer.body, _No) or _No()
    sentence = (
        f"{no.path}: {no.error}"
        if no.path
        else no.error or f"it answered {answer.status}, and not as voiced's API does: is its address right?"
    )
    raise Denied(
        sentence,
        answer.status,
        code=no.code,
        rule=no.rule,
        path=no.path,
        retry_after=reply.retry_after,
        faults=no.faults,
    )


def _read(reply: _Reply, kind: type[T]) -> T:
    _good(reply)
    decoded = _decoded(reply.answer.body, kind)
    if decoded is None:
        raise Denied("its answer is not one of voiced's API: is its address right?", reply.answer.status)
    return decoded


def _decoded(body: bytes, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _seconds(header: str) -> float | None:
    """A Retry-After in seconds; voiced sends no dates (RFC 9110 §10.2.3 has both)."""
    return float(header) if header.isascii() and header.isdigit() and len(header) < 10 else None
