"""An API in memory, with everything behind it pretended: the fakes, and that they are what they play."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
from twisted.internet.defer import Deferred, fail, maybeDeferred, succeed
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.pages import notFound
from twisted.web.server import Site
from zope.interface import implementer
from zope.interface.verify import verifyObject

from voiced.api.front import Front
from voiced.api.routes import ApiRoutes
from voiced.call.placing import Placing
from voiced.call.records import CallInfo, CallRecord, Said
from voiced.call.version import Reloaded, Version
from voiced.call.wish import Wish
from voiced.errors import StoreError
from voiced.iguard import Party
from voiced.ikept import IKeptCalls, KeptPage
from voiced.ivoiced import Dial
from voiced.net.bodylimit import LimitedRequest

KEY, NARROW = "a-key-of-twenty-characters", "another-key-of-twenty-chars"
PARTIES = {KEY: Party("crm"), NARROW: Party("sales", frozenset({"sales"}))}
PUBLIC_URL = "https://voiced.test"
PAGE = "https://app.example.com"
NOW = 1_700_000_000.0
SID = "CA" + "0" * 31 + "1"
RELOADED = Reloaded(Version("a" * 12, NOW - 60), Version("b" * 12, NOW), ("sales", "support"), ("listen",))
NUMBER = "+14155550100"
JSON, FORM = "application/json", "application/x-www-form-urlencoded"


@attrs.define
class FakePlacing(Placing):
    """Remembers wishes, and answers with what it was told to."""

    wishes: list[tuple[Wish, Party]] = attrs.field(factory=list)
    answer: Callable[[], Deferred[str]] = lambda: succeed(SID)
    parties: list[Party] = attrs.field(factory=list)
    """Who has asked for a transfer, each time."""
    refuses: Deferred[None] | None = None
    """What asking for a transfer comes to, before the call is told."""
    orphans: list[str] = attrs.field(factory=list)
    """Calls that another daemon has placed."""
    asked: list[str] = attrs.field(factory=list)
    """What was asked whether it is one of them."""
    broken: StoreError | None = None

    def place(self, wish: Wish, party: Party) -> Deferred[str]:
        """See Placing."""
        self.wishes.append((wish, party))
        return self.answer()

    def connect(self, session: Any, dial: Dial, party: Party) -> Deferred[None]:
        """See Placing."""
        self.parties.append(party)
        return self.refuses or maybeDeferred(session.transfer, dial, party)

    def end(self, call_sid: str) -> Deferred[bool]:
        """See Placing."""
        self.asked.append(call_sid)
        return succeed(call_sid in self.orphans) if self.broken is None else fail(self.broken)


@attrs.frozen
class FakeFlow:
    """A flow is its name here."""

    name: str


@attrs.define(eq=False)
class FakeCall:
    """A live call; what was done to it is in `done`, and `error` is what it raises instead."""

    info: CallInfo
    flow: FakeFlow
    record: CallRecord
    stage: str = "running"
    position: list[tuple[str, str, int]] = attrs.field(factory=list)
    lines: list[Said] = attrs.field(factory=list)
    done: list[Any] = attrs.field(factory=list)
    error: Exception | None = None

    def said(self) -> Sequence[Said]:
        """See LiveCall."""
        return self.lines

    def end_by_api(self, goodbye: bool) -> None:
        """See LiveCall."""
        self._do("goodbye" if goodbye else "now")

    def transfer(self, dial: Dial, party: Party) -> None:
        """See LiveCall."""
        self._do(dial)

    def _do(self, what: Any) -> None:
        if self.error is not None:
            raise self.error
        self.done.append(what)


@attrs.define
class FakeLive:
    """The live calls."""

    calls: list[FakeCall] = attrs.field(factory=list)

    def __iter__(self) -> Any:
        return iter(self.calls)

    def find(self, call_sid: str) -> FakeCall | None:
        """See LiveCalls."""
        return next((call for call in self.calls if call.info.sid == call_sid), None)


@implementer(IKeptCalls)
@attrs.define
class FakeKept:
    """Calls that are over, in a list, newest first; a cursor is a place in it."""

    lines: list[dict[str, Any]] = attrs.field(factory=list)
    asked: list[str] = attrs.field(factory=list)
    error: Deferred[Any] | None = None

    def keep(self, line: Mapping[str, Any]) -> Deferred[None]:
        """See IKeptCalls."""
        self.lines.insert(0, dict(line))
        return succeed(None)

    def find(self, call_sid: str) -> Deferred[Mapping[str, Any] | None]:
        """See IKeptCalls."""
        self.asked.append(call_sid)
        return self.error or succeed(next((line for line in self.lines if line["call"] == call_sid), None))

    def page(self, limit: int, before: str | None, flows: frozenset[str] | None) -> Deferred[KeptPage]:
        """See IKeptCalls. Raises ValueError for a cursor that is none."""
        at = int(before or 0)
        mine = [line for line in self.lines if flows is None or line["flow"] in flows]
        more = str(at + limit) if len(mine) > at + limit else None
        return self.error or succeed(KeptPage(mine[at : at + limit], more))


def live_call(sid: str = SID, flow: str = "test", began: float = NOW, **more: Any) -> FakeCall:
    """A live call of that flow."""
    info = CallInfo(sid, "main", NUMBER, "+14155550123")
    return FakeCall(info, FakeFlow(flow), CallRecord(info, flow, began), **more)


@attrs.frozen
class Reply:
    """An HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Its body, read; it says that it is JSON, and how long."""
        assert self.headers["content-type"] == JSON, self.headers
        assert int(self.headers["content-length"]) == len(self.body)
        return json.loads(self.body)


def parse(answer: bytes) -> Reply:
    """The bytes of an answer, read."""
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = [line.partition(": ") for line in lines]
    names = [name.lower() for name, _, _ in pairs]
    assert len(names) == len(set(names)), f"a header is there twice: {names}"
    return Reply(int(first.split()[1]), {name.lower(): value for name, _, value in pairs}, body)


class ApiTestCase(SynchronousTestCase):
    """Test cases that ask an API: `self.ask("GET", "/calls")`."""

    cors: Sequence[str] = (PAGE,)
    party_of: Any = staticmethod(PARTIES.get)

    def setUp(self) -> None:
        """An API with two keys; nobody is on the line."""
        self.clock = Clock()
        self.clock.advance(NOW)
        self.placing, self.live, self.kept = FakePlacing(), FakeLive(), FakeKept()
        self.reloading: Deferred[Reloaded] = succeed(RELOADED)
        self.api = ApiRoutes(
            self.party_of,
            self.placing,
            self.live,
            self.kept,
            self.clock,
            PUBLIC_URL,
            self.cors,
            reload=lambda: self.reloading,
        )
        self.requests: list[Any] = []

        def factory(channel: Any, *rest: Any) -> LimitedRequest:
            self.requests.append(LimitedRequest(channel, *rest))
            return self.requests[-1]

        self.site = Site(Front(self.api.app.resource(), notFound()), factory, reactor=self.clock)
        self.site.log = lambda request: None
        self.site.startFactory()
        self.addCleanup(self.site.stopFactory)

    def send(
        self, method: str, path: str, body: bytes = b"", headers: Sequence[tuple[str, str]] = ()
    ) -> tuple[Any, StringTransport]:
        """Send a request; gives its connection, on which the answer may come later."""
        channel, transport = self.site.buildProtocol(None), StringTransport()
        channel.makeConnection(transport)
        lines = [f"{method} {path} HTTP/1.1", "Host: voiced.test"]
        lines += [f"{name}: {value}" for name, value in [*headers, ("Content-Length", str(len(body)))]]
        channel.dataReceived("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)
        return channel, transport

    def ask(
        self, method: str, path: str, body: Any = b"", *, key: str | None = KEY, kind: str | None = None, **more: str
    ) -> Reply:
        """The answer to a request: an object is sent as JSON; `more` are headers, with _ for -."""
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        kind = JSON if kind is None and body != b"" else kind
        headers = [(name.replace("_", "-"), value) for name, value in more.items()]
        headers += [("Authorization", f"Bearer {key}")] if key else []
        headers += [("Content-Type", kind)] if kind else []
        return parse(self.send(method, path, sent, headers)[1].value())

    def assert_problem(self, reply: Reply, status: int, **parts: Any) -> str:
        """It is a no with this status and these parts (`path`, `rule`, `code`); gives its sentence."""
        said = reply.json
        sentence = said.pop("error")
        self.assertEqual((reply.status, said), (status, {"success": False, "code": 0} | parts))
        self.assertTrue(sentence)
        return str(sentence)


class FakeTests(SynchronousTestCase):
    """The fakes themselves."""

    def test_kept(self) -> None:
        """The kept calls provide their interface, and page."""
        kept = FakeKept()
        self.assertTrue(verifyObject(IKeptCalls, kept))
        for number in range(3):
            kept.keep({"call": f"CA{number}", "flow": "test"})
        first = self.successResultOf(kept.page(2, None, None))
        second = self.successResultOf(kept.page(2, first.before, None))
        self.assertEqual([line["call"] for line in [*first.lines, *second.lines]], ["CA2", "CA1", "CA0"])
        self.assertIsNone(second.before)
