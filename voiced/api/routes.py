"""The API's side of the daemon's HTTP: Klein routes that ask for a key, act, and answer in JSON."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import urlencode

from klein import Klein
from klein.interfaces import IKleinRequest
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.iweb import IRequest
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from voiced.api import listing, openapi, showing, wishes
from voiced.api.answer import Answer, Declined, no_such_call, problem
from voiced.api.entrance import Entrance, headers
from voiced.api.messages import CallsQuery, Done, EndQuery, Initiated, NoQuery, Problem, encode
from voiced.api.reading import from_form, read, spread
from voiced.api.showing import LiveCall, LiveCalls, may_see
from voiced.call.placing import Placing
from voiced.call.version import Reloaded
from voiced.errors import CallOver, VoicedError
from voiced.iguard import Party
from voiced.ikept import IKeptCalls
from voiced.inodes import INeighbours
from voiced.net.relaying import asked, is_relayed

CALLS = "/calls"
OUTBOUND_CALL = "/outbound-call"
RELOAD = "/reload"
DOCUMENT = "/openapi.json"
PATHS = (OUTBOUND_CALL, CALLS, RELOAD, DOCUMENT)
"""What is the API's: these, and all that is below them."""

_SID = re.compile(r"[A-Za-z0-9]{1,64}")

T = TypeVar("T")
Act = Callable[[Any, Party], Awaitable[Answer]]

log = Logger()


class ApiRoutes:
    """`party_of` finds the party of an API key (in constant time); None: no keys are set, and the API is off."""

    app = Klein()

    def __init__(
        self,
        party_of: Callable[[str], Party | None] | None,
        placing: Placing,
        live: LiveCalls,
        kept: IKeptCalls,
        clock: IReactorTime,
        public_url: str,
        cors: Sequence[str] = (),
        *,
        reload: Callable[[], Deferred[Reloaded]],
        neighbours: INeighbours | None = None,
    ) -> None:
        self.admit(party_of, cors)
        self._neighbours = neighbours
        self._reload = reload
        self._placing = placing
        self._live = live
        self._kept = kept
        self._clock = clock
        self._public_url = public_url.rstrip("/")
        self._document = encode(openapi.document(self._public_url))

    def admit(self, party_of: Callable[[str], Party | None] | None, cors: Sequence[str]) -> None:
        """Who may come in from now on."""
        self._entrance = Entrance(party_of, cors)

    # Routes

    @app.route(OUTBOUND_CALL, methods=["POST"])
    def outbound_call(self, request: IRequest) -> Deferred[bytes]:
        """Call somebody; answered when the carrier has accepted the call."""
        return self._serve(request, self._place)

    @app.route(CALLS, methods=["GET"])
    def calls(self, request: IRequest) -> Deferred[bytes]:
        """The calls that live, and those that are over."""
        return self._serve(request, self._list)

    @app.route(CALLS + "/<sid>", methods=["GET"])
    def call(self, request: IRequest, sid: str) -> Deferred[bytes]:
        """All about one call."""
        return self._serve(request, lambda asked, party: self._show(asked, party, sid))

    @app.route(CALLS + "/<sid>", methods=["DELETE"])
    def end(self, request: IRequest, sid: str) -> Deferred[bytes]:
        """End a call."""
        return self._serve(request, lambda asked, party: self._end(asked, party, sid))

    @app.route(CALLS + "/<sid>/transfer", methods=["POST"])
    def transfer(self, request: IRequest, sid: str) -> Deferred[bytes]:
        """Connect the human of a call with somebody else."""
        return self._serve(request, lambda asked, party: self._transfer(asked, party, sid))

    @app.route(RELOAD, methods=["POST"])
    def reload(self, request: IRequest) -> Deferred[bytes]:
        """Read the settings and flows again."""
        return self._serve(request, self._reread)

    @app.route(DOCUMENT, methods=["GET"])
    def document(self, request: IRequest) -> bytes:
        """The OpenAPI document; it needs no key."""
        return self._send(request, Answer(200, self._document))

    @app.route(OUTBOUND_CALL, methods=["OPTIONS"])
    @app.route(CALLS, methods=["OPTIONS"])
    @app.route(CALLS + "/<sid>", methods=["OPTIONS"])
    @app.route(CALLS + "/<sid>/transfer", methods=["OPTIONS"])
    @app.route(RELOAD, methods=["OPTIONS"])
    @app.route(DOCUMENT, methods=["OPTIONS"])
    def preflight(self, request: IRequest, sid: str = "") -> bytes:
        """What may be asked here, and by which web pages (CORS)."""
        methods = ", ".join(sorted(IKleinRequest(request).mapper.allowed_methods()))
        return self._send(
            request, Answer(204, None, {"Allow": methods, **self._entrance.preflight(request, methods)})
        )

    @app.handle_errors(HTTPException)
    def no_such_route(self, request: IRequest, failure: Failure) -> bytes:
        """404, or 405 with what may be asked."""
        if isinstance(failure.value, MethodNotAllowed):
            methods = ", ".join(sorted(failure.value.valid_methods or ()))
            return self._send(request, Answer(405, Problem(error=f"only {methods} here"), {"Allow": methods}))
        return self._send(request, Answer(404, Problem(error=f"nothing is here; see {DOCUMENT}")))

    @app.handle_errors(Exception)
    def broken(self, request: IRequest, failure: Failure) -> bytes:
        """500: a fault of ours; the log has its traceback, and the request's id."""
        log.failure("request {id!r}: the API broke down", failure, id=_id(request))
        return self._send(request, Answer(500, Problem(error="something went wrong on our side; the log says what")))

    # What is done

    async def _place(self, request: Any, party: Party) -> Answer:
        _read_query(request, NoQuery)
        wish = wishes.wish(wishes.body(request), headers(request, wishes.KEY_HEADER))
        placed = maybeDeferred(self._placing.place, wish, party)
        placed.addCallback(_placed, party.name)
        return Answer(200, Initiated(sid=await shielded(placed)))

    async def _list(self, request: Any, party: Party) -> Answer:
        query = _read_query(request, CallsQuery)
        found = await listing.page(query, party, self._live, self._kept, self._clock.seconds())
        if found.before is not None:
            more = {"state": query.state, "limit": query.limit, "before": found.before}
            found.next = f"{self._public_url}{CALLS}?" + urlencode({k: v for k, v in more.items() if v is not None})
        return Answer(200, found)

    async def _show(self, request: Any, party: Party, sid: str) -> Answer:
        _read_query(request, NoQuery)
        call = self._find(party, sid)
        if call is None and (elsewhere := await self._elsewhere(request, sid)) is not None:
            return elsewhere
        call = call or self._find(party, sid)
        if call is not None:
            return Answer(200, showing.live(call, self._clock.seconds()))
        return Answer(200, showing.kept(await self._find_kept(party, sid)))

    async def _end(self, request: Any, party: Party, sid: str) -> Answer:
        how = _read_query(request, EndQuery).how
        call = self._find(party, sid)
        if call is None and (elsewhere := await self._elsewhere(request, sid)) is not None:
            return elsewhere
        call = call or self._find(party, sid)
        if call is None and await self._of_another_daemon(party, sid):
            log.info("{party}: ends {call}, which a daemon before us has placed", party=party.name, call=sid)
            return Answer(202, Done(message="The call is ending", sid=sid))
        if call is None:
            await self._find_kept(party, sid)
            return Answer(200, Done(message="The call is over", sid=sid))
        try:
            call.end_by_api(how == "goodbye")
        except CallOver:
            return Answer(200, Done(message="The call is over", sid=sid))
        log.info("{party}: ends {call} ({how})", party=party.name, call=sid, how=how)
        return Answer(202, Done(message="The call is ending", sid=sid))

    async def _transfer(self, request: Any, party: Party, sid: str) -> Answer:
        _read_query(request, NoQuery)
        dial = wishes.dial(wishes.body(request))
        call = self._find(party, sid)
        if call is None and (elsewhere := await self._elsewhere(request, sid)) is not None:
            return elsewhere
        call = call or self._find(party, sid)
        if call is None:
            await self._find_kept(party, sid)
            raise CallOver
        try:
            await self._placing.connect(call, dial, party)
        except CallOver:
            raise Declined(409, f"the call cannot be transferred now: it is {call.stage}") from None
        log.info("{party}: transfers {call}", party=party.name, call=sid)
        return Answer(202, Done(message="The call is being transferred", sid=sid))

    async def _reread(self, request: Any, party: Party) -> Answer:
        _read_query(request, NoQuery)
        if party.flows is not None:
            raise Declined(403, "this key is for some flows only, and a reload is of them all")
        log.info("{party}: reloads", party=party.name)
        return Answer(200, showing.reloaded(await shielded(self._reload())))

    # Within

    def _find(self, party: Party, sid: str) -> LiveCall | None:
        """The live call of that SID; what the party may not see is as if it were not there."""
        call = self._live.find(sid) if _SID.fullmatch(sid) else None
        if call is not None and not may_see(party, call.flow.name):
            raise no_such_call()
        return call

    async def _elsewhere(self, request: Any, sid: str) -> Answer | None:
        """What another daemon of the data directory answers, which has this call; None where none has it, or it is
        taken up here by now."""
        if self._neighbours is None or is_relayed(request) or not _SID.fullmatch(sid):
            return None
        answer = await self._neighbours.ask([sid], asked(request))
        return None if answer is None else Answer(answer.status, answer.body)

    async def _of_another_daemon(self, party: Party, sid: str) -> bool:
        """Whether a daemon that is no more has placed it, and it is being ended; its flow is not known any more."""
        if party.flows is not None or not _SID.fullmatch(sid) or await self._kept.find(sid) is not None:
            return False
        return await self._placing.end(sid)

    async def _find_kept(self, party: Party, sid: str) -> Any:
        line = await self._kept.find(sid) if _SID.fullmatch(sid) else None
        if line is None or not may_see(party, str(line.get("flow"))):
            raise no_such_call()
        return line

    def _serve(self, request: Any, act: Act) -> Deferred[bytes]:
        """Let in who has a key, act, and answer. Klein cancels it when the client goes away."""
        return Deferred.fromCoroutine(self._answer(request, act)).addCallback(
            lambda answer: self._send(request, answer)
        )

    async def _answer(self, request: Any, act: Act) -> Answer:
        try:
            party = self._entrance.party(request)
            request.party = party.name  # for the access log
            return await act(request, party)
        except VoicedError as error:
            return problem(error, _id(request))

    def _send(self, request: Any, answer: Answer) -> bytes:
        request.setResponseCode(answer.status, HTTPStatus(answer.status).phrase.encode())
        request.setHeader("Cache-Control", "no-store")
        for name, value in (self._entrance.cors(request) | dict(answer.headers)).items():
            request.setHeader(name, value)
        if answer.message is None:
            return b""
        body = answer.message if isinstance(answer.message, bytes) else encode(answer.message)
        request.setHeader("Content-Type", "application/json")
        request.setHeader("Content-Length", str(len(body)))
        return body


def shielded(work: Deferred[T]) -> Deferred[T]:
    """The same for who may go away: cancelling it leaves the work alone, and its faults are logged all the same."""
    waiting: Deferred[T] = Deferred()

    def failed(failure: Failure) -> None:
        if waiting.called and not failure.check(VoicedError):
            log.failure("what an API client did not wait for broke down", failure)
        waiting.errback(failure)

    work.addCallbacks(waiting.callback, failed)
    return waiting


def _placed(sid: str, party: str) -> str:
    log.info("{party}: places {call}", party=party, call=sid)
    return sid


def _read_query(request: Any, wanted: type[Any]) -> Any:
    query: bytes = request.uri.partition(b"?")[2]
    return read(spread(from_form(query), ("limit",)), wanted)


def _id(request: Any) -> str:
    return str(getattr(request, "request_id", ""))
