"""Puts the house together: switchboard, sessions, routes and journal, around one program."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.web.server import Site

from voiced import journal
from voiced.call.flow import Flow
from voiced.call.program import Program
from voiced.call.records import CallInfo, CallRecord, Ending
from voiced.call.session import CallSession
from voiced.call.switchboard import Switchboard
from voiced.ivoiced import ICarrier, IJournal
from voiced.net.bodylimit import LimitedRequest
from voiced.twilio.media import call_socket
from voiced.twilio.web import CallRoutes
from voiced.twilio.webhook import Accounts

IDLE_SECONDS = 60.0
"""How long an HTTP connection may be idle. A WebSocket has left HTTP by then."""

log = Logger()


class QuietSite(Site):
    """A site without an access log: Twisted's own would write every webhook's URL down."""

    noisy = False

    def log(self, request: object) -> None:
        """Named by twisted.web: a request is done."""


class Daemon:
    """Everything between the listening port and the flows; it listens nowhere by itself."""

    def __init__(
        self,
        program: Program,
        accounts: Accounts,
        public_url: str,
        clock: IReactorTime,
        carrier: ICarrier,
        records: IJournal,
        *,
        most_calls: int = 200,
        insecure: bool = False,
    ) -> None:
        self.program = program
        self._clock = clock
        self._carrier = carrier
        self._records = records
        self.switchboard = Switchboard(clock, self._session, most_calls, self._began, self._ended)
        self.routes = CallRoutes(
            lambda: self.program,
            self.switchboard,
            accounts,
            public_url,
            lambda session: call_socket(session, self.switchboard, clock),
            insecure=insecure,
        )

    def site(self) -> Site:
        """The HTTP side, for an endpoint to listen with."""
        return QuietSite(self.routes.app.resource(), LimitedRequest, reactor=self._clock, timeout=IDLE_SECONDS)

    def drain(self) -> Deferred[None]:
        """Take no new call, let each live one hear its sentence to the end; fires when none is left."""
        if len(self.switchboard):
            log.info("stopping: {n} calls may finish their sentence", n=len(self.switchboard))
        return self.switchboard.drain()

    def _session(
        self, info: CallInfo, program: Program, flow: Flow, finished: Callable[[CallSession, Ending], None]
    ) -> CallSession:
        return CallSession(info, program, flow, self._clock, self._carrier, finished)

    def _began(self, record: CallRecord, program: Program) -> None:
        line = journal.began(record, program.privacy)
        known = {key: line[key] for key in ("call", "caller", "called", "flow")}
        log.info("{call}: {caller} calls {called}, flow {flow}", **known)
        self._records.write(line)

    def _ended(self, record: CallRecord, program: Program) -> None:
        self._records.write(journal.ended(record, program.privacy))
