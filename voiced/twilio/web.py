"""What Twilio calls: webhooks and the media socket's handshake, as Klein routes.

Every request is checked before anything is looked at; every answer is TwiML that ends in a hang-up or a stream, or
an empty 204.
"""

from __future__ import annotations

import json
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from klein import Klein
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.iweb import IRequest
from twisted.web.resource import IResource, Resource

from voiced.call.flow import Flow
from voiced.call.program import Program
from voiced.call.records import CallInfo, Direction, Ending, Stage
from voiced.call.rescue import Rescue
from voiced.call.session import CallSession
from voiced.call.switchboard import Switchboard
from voiced.errors import Forged, Overloaded, Refused, StoreError, Unreachable
from voiced.iguard import IGuard
from voiced.inodes import INeighbours
from voiced.ivoiced import Apologise, HangUp, NewStream, Reject, Sequel
from voiced.net import exchange, relaying
from voiced.twilio import debugger, webhook
from voiced.twilio.debugger import Alert
from voiced.twilio.webhook import Accounts, Answers, Form

REPEATS_KEPT = 1000
"""Answers kept for Twilio's repeats of a request (it repeats within 15 s)."""
MOST_SOCKETS = 4
"""Media sockets of one call that may be open at once; Twilio opens one."""
LONGEST_SHOWN = 200
"""Characters of a stranger's request that the log shows."""
LIVE = ("queued", "initiated", "ringing", "in-progress")

Answer = bytes | Deferred[bytes]
"""What a route answers: later, only where other daemons have to be asked."""

log = Logger()


class CallRoutes:
    """The carrier's side of the daemon's HTTP. `program()` gives what new calls follow; `urls` are those by which
    Twilio reaches us, the first one for whatever comes of a call that we know; `socket(session)` takes one's
    WebSocket; `status(authorization)` is what whoever shows that header may know; `neighbours` are other daemons that
    may have a call which is not here (None: there are none)."""

    app = Klein()
    # Werkzeug would redirect // to /, to anybody, by a URL that names our own port.
    app.url_map.merge_slashes = False

    def __init__(
        self,
        program: Callable[[], Program],
        switchboard: Switchboard,
        accounts: Accounts,
        urls: Sequence[str],
        socket: Callable[[CallSession], IResource],
        guard: IGuard,
        rescue: Rescue,
        status: Callable[[str], Mapping[str, Any]],
        *,
        insecure: bool = False,
        alerted: Callable[[Alert], object] = lambda alert: None,
        neighbours: INeighbours | None = None,
    ) -> None:
        self._program = program
        self._switchboard = switchboard
        self._accounts = accounts
        self._urls = tuple(url.rstrip("/") for url in urls)
        self._answers = Answers(urls[0])
        self._socket = socket
        self._guard = guard
        self._rescue = rescue
        self._status = status
        self._insecure = insecure
        self._alerted = alerted
        self._neighbours = neighbours
        self._repeats: OrderedDict[str, str] = OrderedDict()
        self.refused: Counter[str] = Counter()

    @app.route("/", methods=["GET"])
    def status_page(self, request: IRequest) -> bytes:
        """Alive; and to whom `status` tells it, how many calls, and what was refused."""
        request.setHeader(b"Content-Type", b"application/json")
        status = {"message": "Server is running", **self._status(_header(request, "Authorization"))}
        return json.dumps(status).encode()

    @app.route(webhook.INCOMING, methods=["POST"])
    def incoming(self, request: IRequest) -> Answer:
        """An inbound call rings: number to flow to stream."""
        return self._answer(request, self._incoming)

    @app.route(webhook.OUTBOUND, methods=["POST"])
    def outbound(self, request: IRequest) -> Answer:
        """Somebody whom we have rung has taken the call."""
        return self._answer(request, self._outbound)

    @app.route(webhook.AFTER, methods=["POST"])
    def after(self, request: IRequest) -> Answer:
        """The stream of a call has ended, or never came: what now?"""
        return self._answer(request, self._after)

    @app.route(webhook.FALLBACK, methods=["POST"])
    def fallback(self, request: IRequest) -> Answer:
        """Another URL of ours failed at Twilio."""
        return self._answer(request, self._fallback)

    @app.route(webhook.STATUS, methods=["POST"])
    def status(self, request: IRequest) -> Answer:
        """A call's state has changed; callbacks come in any order, and any number of times."""
        return self._told(request, self._status_changed)

    @app.route(webhook.ANSWERED_BY, methods=["POST"])
    def answered_by(self, request: IRequest) -> Answer:
        """Twilio has found out whether a human or a machine has taken a call of ours."""
        return self._told(request, self._known_who)

    @app.route(webhook.STREAM_STATUS, methods=["POST"])
    def stream_status(self, request: IRequest) -> bytes:
        """What Twilio says of a media stream; only its errors are news."""
        form = self._read(request)
        if form.fields.get("StreamEvent") == "stream-error":
            error = form.fields.get("StreamError", "")
            log.warn("{call}: Twilio reports a stream error: {error}", call=form.call_sid, error=error)
        return self._no_content(request)

    @app.route(webhook.DEBUGGER, methods=["POST"])
    def debugger(self, request: IRequest) -> bytes:
        """Twilio's debugger has an alert for us."""
        self._alerted(debugger.read(self._read(request)))
        return self._no_content(request)

    @app.route(webhook.CONNECTION + "/<call_sid>", methods=["GET"])
    @app.route(webhook.OUTBOUND_CONNECTION + "/<call_sid>", methods=["GET"])
    def connection(self, request: IRequest, call_sid: str) -> IResource | Deferred[IResource]:
        """The handshake of a call's media socket: checked here, before there is any socket."""
        if self._neighbours is not None and self._switchboard.find(call_sid) is None:
            self._check_handshake(request, None)
            return Deferred.fromCoroutine(self._brought(self._neighbours, request, call_sid))
        return self._connection(request, call_sid)

    @app.handle_errors(Forged)
    def forged(self, request: IRequest, failure: Failure) -> bytes:
        """403, and nothing is started."""
        self.refused["unsigned"] += 1
        log.warn(
            "refused a request for {url}: {why}",
            url=" or ".join(url.partition("?")[0][:LONGEST_SHOWN] for url in self._known_as(request)),
            why=failure.getErrorMessage(),
        )
        request.setResponseCode(403)
        return b""

    @app.handle_errors(Unreachable, StoreError)
    def unreachable(self, request: IRequest, failure: Failure) -> bytes:
        """503, and Twilio asks again, and then by its fallback URL."""
        log.error("{error}", error=failure.getErrorMessage())
        request.setResponseCode(503)
        return b""

    # What is answered

    def _connection(self, request: IRequest, call_sid: str) -> IResource:
        session = self._switchboard.find(call_sid)
        self._check_handshake(request, session)
        if session is None:
            log.warn("{call!r}: a media socket for a call that is not expected", call=call_sid[:LONGEST_SHOWN])
            return Refusal(404)
        if session.streaming:
            log.warn("{call}: refused a second media socket for a live call", call=call_sid)
            return Refusal(409)
        if session.sockets >= MOST_SOCKETS:
            log.warn("{call}: refused a media socket: {n} are open already", call=call_sid, n=MOST_SOCKETS)
            return Refusal(429)
        return self._socket(session)

    def _check_handshake(self, request: IRequest, session: CallSession | None) -> None:
        accounts = self._accounts.by_name
        signers = accounts.values() if session is None else [accounts[session.info.account]]
        if not self._insecure:
            urls = ("ws" + url.removeprefix("http") for url in self._known_as(request))
            webhook.check_handshake(urls, _signature(request), signers)

    async def _brought(self, neighbours: INeighbours, request: IRequest, call_sid: str) -> IResource:
        """The stream of a call that another daemon has announced: it hands the call over."""
        try:
            refusal = await neighbours.bring(call_sid)
        except (Unreachable, StoreError) as error:
            log.error("{call}: {error}", call=call_sid[:LONGEST_SHOWN], error=str(error))
            refusal = 503
        if refusal is not None:
            log.warn("{call}: refused its media socket: {status}", call=call_sid[:LONGEST_SHOWN], status=refusal)
            return Refusal(refusal)
        return self._connection(request, call_sid)

    def _status_changed(self, form: Form) -> None:
        session, ending = self._session(form), form.ending()
        if session is not None and ending is not None:
            session.caller_gone(_ending(session, ending))
        elif ending is not None:
            self._rescue.over(form.call_sid, None)

    def _known_who(self, form: Form) -> None:
        session, who = self._session(form), form.answered_by()
        if session is not None and who is not None:
            session.answered_by(who)

    def _incoming(self, form: Form) -> str:
        info, program = form.info(), self._program()
        if self._switchboard.has_ended(info.sid):
            return self._say(form, HangUp())
        if self._session(form) is not None:  # the carrier repeats itself
            return self._say(form, NewStream())
        if info.direction is Direction.OUTBOUND:
            log.warn("{call}: a call that we did not place, or a daemon before us did", call=info.sid)
            return self._say(form, Apologise(program.apology))
        flow = program.flow_for(info.called)
        if flow is None:
            called = program.privacy.party(info.called)
            log.warn("{call}: no flow answers {called}; add it to `numbers:`", call=info.sid, called=called)
            self._switchboard.refuse(info, program, Ending.REFUSED)
            return self._say(form, Apologise(program.refusal))
        if self._switchboard.draining:
            return self._say(form, self._elsewhere(info, program))
        if program.all_to_human and program.human is not None:
            return self._say(form, self._to_human(info, program, program.human))
        try:
            self._switchboard.check_room()
        except Overloaded as error:
            waiting = self._waiting(program)
            if waiting is None:
                return self._overflow(form, info, program, error)
            flow = waiting
        try:
            permit = self._guard.ring(info)
        except Refused as error:
            log.warn("{call}: refused by rule {rule}", call=info.sid, rule=error.rule)
            instead = program.flows.get(error.flow or "")
            if instead is None:
                if error.permit is not None:  # for a flow that is no more
                    error.permit.over(None)
                self._switchboard.refuse(info, program, Ending.REFUSED, f"refused by rule {error.rule}")
                return self._say(form, Apologise(error.say or program.refusal))
            flow, permit = instead, error.permit
        self._switchboard.expect(info, program, flow, permit)
        return self._say(form, NewStream())

    def _waiting(self, program: Program) -> Flow | None:
        """The flow in which callers wait for whom there is no room; None where there is no room in it, either."""
        flow = program.flows.get(program.overflow.flow or "")
        try:
            self._switchboard.check_room(beyond=program.overflow.most)
        except Overloaded:
            return None
        return flow

    def _overflow(self, form: Form, info: CallInfo, program: Program, why: Overloaded) -> str:
        """What a caller gets for whom there is no room. It costs us this answer, and nothing later."""
        log.warn("{call}: no room for it: {why}", call=info.sid, why=str(why))
        self._switchboard.refuse(info, program, Ending.OVERLOADED, f"no room: {why}")
        instead = program.overflow
        if instead.reject is not None and form.fields.get("CallStatus") == "ringing":
            return self._say(form, Reject(instead.reject))
        if instead.forward is not None and not self._switchboard.draining:
            try:
                return self._say(form, self._rescue.dial(info, instead.forward))
            except Refused as error:
                log.warn("{call}: not forwarded: rule {rule}", call=info.sid, rule=error.rule)
        return self._say(form, Apologise(program.busy))

    def _outbound(self, form: Form) -> str:
        session = self._session(form)
        if session is None:
            over = self._switchboard.has_ended(form.call_sid) or form.fields.get("CallStatus") not in LIVE
            return self._say(form, HangUp() if over else Apologise(self._program().apology))
        if session.stage in (Stage.RINGING, Stage.EXPECTED, Stage.RUNNING):  # the last two: it repeats itself
            session.taken()
            return self._say(form, NewStream())
        return self._say(form, session.after())

    def _after(self, form: Form) -> str:
        session, dialled = self._session(form), form.dialled()
        if session is not None:
            if (ending := form.ending()) is None:
                return self._say(form, session.after(dialled))
            if dialled is not None:
                session.after(dialled)
            session.caller_gone(_ending(session, ending))
            return self._say(form, HangUp())
        self._rescue.over(form.call_sid, dialled)
        live = form.fields.get("CallStatus") in LIVE
        if live and dialled is not None and dialled.result != "answered":
            # They were to be connected by a daemon that is no more, or that does not wait for it: nobody was there.
            return self._say(form, Apologise(self._program().apology))
        if not live or dialled is not None or self._switchboard.has_ended(form.call_sid):
            return self._say(form, HangUp())
        # A call of a daemon that is no more: its flow starts anew, and its stream may fail once, not twice.
        answer = self._incoming(form)
        session = self._switchboard.find(form.call_sid)
        if session is not None:
            log.warn("{call}: unknown, but alive: it starts again", call=form.call_sid)
            session.after()
        return answer

    def _fallback(self, form: Form) -> str:
        code, url = form.fields.get("ErrorCode", "?"), form.fields.get("ErrorUrl", "?")
        failed = url.partition("?")[0][:LONGEST_SHOWN]
        log.error("{call}: Twilio could not use {url} (error {code})", call=form.call_sid, url=failed, code=code)
        session = self._session(form)
        if session is not None:
            return self._say(form, session.after(form.dialled()))
        program, info = self._program(), form.info()
        if self._switchboard.has_ended(form.call_sid):
            return self._say(form, HangUp())
        if program.human is None or info.direction is Direction.OUTBOUND or self._switchboard.draining:
            return self._say(form, Apologise(program.apology))
        return self._say(form, self._connected(info, program.human, program.apology))

    # Within

    def _elsewhere(self, info: CallInfo, program: Program) -> Sequel:
        """Where a new call goes, while we stop."""
        sorry = program.drain_say or program.busy
        if program.drain_to is not None:
            log.info("{call}: connected with `drain_to`: the daemon is stopping", call=info.sid)
            return self._connected(info, program.drain_to, sorry)
        log.warn("{call}: refused, the daemon is stopping", call=info.sid)
        self._switchboard.refuse(info, program, Ending.OVERLOADED, "the daemon is stopping")
        return Apologise(sorry)

    def _to_human(self, info: CallInfo, program: Program, human: str) -> Sequel:
        """The human gets it, at the operator's word. The call is over for us: no stream, no voice, no agent."""
        try:
            dial = self._rescue.dial(info, human)
        except Refused as error:
            log.warn("{call}: not connected with the human: rule {rule}", call=info.sid, rule=error.rule)
            self._switchboard.refuse(info, program, Ending.REFUSED, f"refused by rule {error.rule}")
            return Apologise(error.say or program.apology)
        log.info("{call}: connected with `human`: all calls are, at the operator's word", call=info.sid)
        self._switchboard.refuse(
            info, program, Ending.TRANSFERRED, "all calls go to the human, at the operator's word"
        )
        return dial

    def _connected(self, info: CallInfo, number: str, sorry: str) -> Sequel:
        """The number takes a call that has no flow here, if the guard allows it."""
        try:
            return self._rescue.dial(info, number)
        except Refused as error:
            log.warn("{call}: not connected: rule {rule}", call=info.sid, rule=error.rule)
            return Apologise(error.say or sorry)

    def _answer(self, request: IRequest, answer: Callable[[Form], str]) -> Answer:
        """TwiML."""
        form = self._read(request)
        if not form.call_sid:
            request.setResponseCode(400)
            return b"a voice webhook names its call: CallSid is missing"
        answered = partial(self._twiml, request, form, answer)
        if self._neighbours is None or self._is_here(form):
            return answered()
        return Deferred.fromCoroutine(self._answered(self._neighbours, request, form, answered))

    def _told(self, request: IRequest, tell: Callable[[Form], None]) -> Answer:
        """An empty answer."""
        form = self._read(request)
        if self._neighbours is None or not form.call_sid or self._is_here(form):
            tell(form)
            return self._no_content(request)
        return Deferred.fromCoroutine(self._told_elsewhere(self._neighbours, request, form, tell))

    async def _answered(
        self, neighbours: INeighbours, request: IRequest, form: Form, answered: Callable[[], bytes]
    ) -> bytes:
        """Of a call that is not here: the answer of the daemon that has it, or else ours."""
        if (elsewhere := await self._answered_elsewhere(neighbours, request, form)) is not None:
            if elsewhere.status == 200:
                _as_twiml(request, elsewhere.body)
            request.setResponseCode(elsewhere.status)
            return elsewhere.body
        body = await self._guard.whole(answered)
        await neighbours.settled()  # its stream may come to any of us
        return body

    async def _told_elsewhere(
        self, neighbours: INeighbours, request: IRequest, form: Form, tell: Callable[[Form], None]
    ) -> bytes:
        if (elsewhere := await self._answered_elsewhere(neighbours, request, form)) is not None:
            request.setResponseCode(elsewhere.status)
            return elsewhere.body
        tell(form)
        return self._no_content(request)

    async def _answered_elsewhere(
        self, neighbours: INeighbours, request: IRequest, form: Form
    ) -> exchange.Answer | None:
        if relaying.is_relayed(request):
            return exchange.Answer(relaying.MISDIRECTED, b"")
        names = [name for name in (form.call_sid, form.reference) if name]
        try:
            return await neighbours.ask(names, relaying.asked(request, self._urls))
        except StoreError as error:
            if request.path != webhook.INCOMING.encode():
                raise
            # A call that is new, most likely: it is not to wait for a disk.
            log.error(
                "{call}: whether another daemon has it is not known: {error}", call=form.call_sid, error=str(error)
            )
            return None

    def _is_here(self, form: Form) -> bool:
        return self._session(form) is not None or self._switchboard.has_ended(form.call_sid)

    def _twiml(self, request: IRequest, form: Form, answer: Callable[[Form], str]) -> bytes:
        """TwiML; a request that Twilio repeats gets the answer it got before."""
        token = _header(request, "I-Twilio-Idempotency-Token")
        key = f"{form.account.name} {request.path!r} {token}"
        twiml = self._repeats.get(key) if token else None
        if twiml is None:
            twiml = answer(form)
        if token:
            self._repeats[key] = twiml
            if len(self._repeats) > REPEATS_KEPT:
                self._repeats.popitem(last=False)
        return _as_twiml(request, twiml.encode())

    def _session(self, form: Form) -> CallSession | None:
        """The live call that the form is about. Raises Forged for a call of another account than the signer's."""
        session = self._switchboard.placed(form.reference) or self._switchboard.find(form.call_sid)
        if session is not None and form.call_sid != (session.info.sid or form.call_sid):
            raise Forged("the call's reference is for another call")
        if session is not None and form.reference and session is not self._switchboard.placed(form.reference):
            raise Forged("the call's reference is not its own")
        if session is not None and session.info.account != form.account.name:
            raise Forged("it is signed by another account than the call's")
        if session is not None and form.call_sid:
            self._switchboard.named(session, form.call_sid)
        return session

    def _say(self, form: Form, sequel: Sequel) -> str:
        ticket = self._switchboard.ticket(form.call_sid) if isinstance(sequel, NewStream) else ""
        outbound = form.info().direction is Direction.OUTBOUND
        path = webhook.OUTBOUND_CONNECTION if outbound else webhook.CONNECTION
        return self._answers.sequel(sequel, form.call_sid, ticket, path)

    def _read(self, request: IRequest) -> Form:
        body: Any = request.content
        url, *others = self._known_as(request)
        return webhook.read(
            body.read(), url, _signature(request), self._accounts, others=others, insecure=self._insecure
        )

    def _known_as(self, request: IRequest) -> list[str]:
        """The URLs by which Twilio may know it: those of ours, whatever the request says of its host."""
        uri: bytes = request.uri
        return [base + uri.decode("latin-1") for base in dict.fromkeys((*self._urls, *relaying.bases(request)))]

    def _no_content(self, request: IRequest) -> bytes:
        request.setResponseCode(204)
        return b""


class Refusal(Resource):
    """An empty answer with that status."""

    isLeaf = True

    def __init__(self, status: int) -> None:
        super().__init__()
        self._status = status

    def render(self, request: Any) -> bytes:
        """Named by twisted.web."""
        request.setResponseCode(self._status)
        return b""


def _ending(session: CallSession, ending: Ending) -> Ending:
    """A caller who leaves before we answer has hung up; it is not us who take the call back."""
    inbound = session.info.direction is Direction.INBOUND
    return Ending.CALLER_HUNG_UP if inbound and ending is Ending.CANCELLED else ending


def _as_twiml(request: IRequest, body: bytes) -> bytes:
    request.setHeader(b"Content-Type", b"text/xml; charset=utf-8")
    request.setHeader(b"Content-Length", str(len(body)).encode())
    return body


def _signature(request: IRequest) -> str:
    return _header(request, "X-Twilio-Signature")


def _header(request: IRequest, name: str) -> str:
    return (request.getHeader(name.encode()) or b"").decode("latin-1")
