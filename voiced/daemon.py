"""Puts the house together: switchboard, sessions, routes and journal, around one program."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.web.iweb import IAgent
from twisted.web.resource import IResource
from twisted.web.server import Site

from voiced import journal
from voiced.alerts import Alerts
from voiced.api.front import Front
from voiced.api.routes import ApiRoutes
from voiced.api.showing import time
from voiced.call.book import Book
from voiced.call.flow import Flow
from voiced.call.ordered import Ordered
from voiced.call.parts import Parts
from voiced.call.persevering import Persevering
from voiced.call.placing import Placing
from voiced.call.program import Program
from voiced.call.records import CallInfo, CallRecord, Departure, Ending
from voiced.call.rescue import Rescue
from voiced.call.reviving import Reviving
from voiced.call.room import Limits, Room
from voiced.call.session import CallSession
from voiced.call.switchboard import Switchboard
from voiced.call.version import Reloaded
from voiced.call.wish import Ways
from voiced.errors import ConfigError, Fault, Refused
from voiced.icarrier import ICarrier
from voiced.iguard import IGuard, IPermit, Party
from voiced.ikept import IJournal, IKeptCalls, IPlacedCalls
from voiced.istanding import ISharedStandings, IStandings, Remembered, Standing
from voiced.iwatch import IWatch
from voiced.net.relaying import Relayed
from voiced.net.site import LimitedSite
from voiced.nodes.handing import PATH as HAND_OVER
from voiced.nodes.handing import HandingOver
from voiced.nodes.neighbours import Neighbours
from voiced.twilio.media import call_socket
from voiced.twilio.web import CallRoutes
from voiced.twilio.webhook import Accounts
from voiced.watch.health import Health
from voiced.watch.metrics import Metrics
from voiced.watch.pages import PATHS as WATCHED
from voiced.watch.pages import Pages

IN_A_HURRY, LAST_REQUESTS = 1.0, 5.0
"""Seconds that the carrier may take, when we stop, to end the calls that it was asked to end."""

log = Logger()


def _no_files() -> Deferred[Reloaded]:
    return fail(ConfigError([Fault("", 1, 1, "the program of this daemon comes from no files: nothing to reload")]))


@attrs.frozen
class Api:
    """What the HTTP API needs beside the daemon's own rooms."""

    placed: IPlacedCalls
    kept: IKeptCalls
    ways: Ways = attrs.field(factory=Ways)
    party_of: Callable[[str], Party | None] | None = None
    """Who a key is; None: there are no keys, and the API is off."""
    cors: Sequence[str] = ()
    reload: Callable[[], Deferred[Reloaded]] = _no_files
    """Reads the settings and flows again; fails with ConfigError and Overloaded."""
    readers: str = "local"
    """Who may read /metrics: one of voiced.watch.pages.WHO."""


@attrs.frozen
class Nodes:
    """What a daemon needs beside others with the same data directory."""

    standings: ISharedStandings
    agent: IAgent
    """Reaches them, by their names (voiced.nodes.reaching)."""


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
        guard: IGuard,
        api: Api,
        *,
        node_url: str = "",
        room: Room | None = None,
        metrics: Metrics | None = None,
        troubles: Mapping[str, Callable[[], bool]] | None = None,
        insecure: bool = False,
        standings: IStandings | None = None,
        watch: IWatch | None = None,
        nodes: Nodes | None = None,
    ) -> None:
        self.program = program
        self._clock = clock
        self._carrier = carrier = Persevering(carrier, clock)
        self._records = records
        self._guard = guard
        self._kept = api.kept
        self._public_url = public_url
        self._rescue = Rescue(clock, guard)
        self._unplaced: Deferred[None] = succeed(None)
        """What a daemon that stops waits for, besides its calls."""
        self._in_a_hurry = False
        self._party_of = api.party_of
        self._parts = Parts()
        self._sites: list[LimitedSite] = []
        self._alerts = Alerts(records, clock)
        self.refusals: Counter[str] = Counter()
        """What the guard has refused, by rule."""
        self._book = None if standings is None else Book(standings, clock)
        self.switchboard = Switchboard(
            clock, self._session, room or Room(), self._began, self._ended, book=self._book
        )
        self.health = Health(self.switchboard, troubles)
        self.metrics = metrics or Metrics()
        self._watch: IWatch = watch or self.metrics
        """Who is told what happens on calls: the metrics, and whoever stands before them."""
        self.metrics.look_at(self.switchboard, self._all_refused, self.health)
        self.pages = Pages(self.metrics, self.health, self._opens, api.readers)
        self.placing = Placing(lambda: self.program, api.ways, self.switchboard, carrier, guard, api.placed, clock)
        self._accounts = accounts
        self._nodes = nodes
        neighbours = None if nodes is None else self._neighbours(nodes)
        self.routes = CallRoutes(
            lambda: self.program,
            self.switchboard,
            accounts,
            tuple(dict.fromkeys((node_url or public_url, public_url))),
            lambda session: call_socket(session, self.switchboard, clock),
            guard,
            self._rescue,
            self._status,
            insecure=insecure,
            alerted=self._alerts,
            neighbours=neighbours,
        )
        self.api = ApiRoutes(
            api.party_of,
            self.placing,
            self.switchboard,
            api.kept,
            clock,
            public_url,
            api.cors,
            reload=api.reload,
            neighbours=neighbours,
        )

        self._reviving = Reviving(
            self.switchboard,
            guard,
            self._parts,
            carrier,
            clock,
            self._taken_up,
            self.placing.ordered,
            self._lost,
        )
        left = Remembered((), ()) if standings is None else standings.load()
        self._reviving.take_up(left, program, accounts.by_name)
        self.outlived = left.calls_of(Departure.KILLED)
        """Live calls of the daemon before, under which it was killed, or has crashed."""

    def compare(self) -> Deferred[None]:
        """Ask the carrier about the calls of a daemon before us; fires when it has answered. Never fails."""
        return self._reviving.compare()

    def kept(self) -> Deferred[None]:
        """Fires when where the live calls stand is on the disk, or that was tried in vain."""
        return succeed(None) if self._book is None else self._book.settled()

    async def leave(self, written: Callable[[], Deferred[None]]) -> None:
        """Leave the calls to the daemon that follows; `written()` fires when all is on the disk that it needs, as far
        as it is there by then. Calls that begin meanwhile are left to it, too: it is asked again."""
        self.switchboard.leave()
        known: set[str] | None = None
        while known != (live := {call.name for call in self.switchboard}):
            known = live
            await written()

    def follow(self, program: Program, api: Api, limits: Limits) -> None:
        """What holds from now on: new calls follow this program, and the API has these keys, pages and ways.

        Calls that live keep their program. What `api` keeps (`placed`, `kept`) stays what it was.
        """
        self.program = program
        self.placing.ways = api.ways
        self.switchboard.room.limits = limits
        self._party_of = api.party_of
        self.api.admit(api.party_of, api.cors)
        self.pages.readers = api.readers

    def all_to_human(self) -> bool | None:
        """Connect every new call with the human, or if that is so already, no more; whether it is so from now on
        (None: there is no human). Following another program ends it."""
        if self.program.human is None:
            return None
        self.program = attrs.evolve(self.program, all_to_human=not self.program.all_to_human)
        return self.program.all_to_human

    def site(self) -> Site:
        """The HTTP side, for an endpoint to listen with."""
        return self._site(self._root())

    def neighbours_site(self) -> Site | None:
        """The same, for other daemons with the same data directory; None where there are none."""
        if self._nodes is None:
            return None
        handing = HandingOver(self.switchboard, self._nodes.standings, self._adopt)
        return self._site(Relayed(self._root(), {HAND_OVER: handing}))

    def _root(self) -> Front:
        watched = dict.fromkeys(WATCHED, self.pages.app.resource())
        return Front(self.api.app.resource(), self.routes.app.resource(), watched)

    def _site(self, root: IResource) -> Site:
        site = LimitedSite(root, self._clock, secure=self._public_url.startswith("https:"))
        self._sites.append(site)
        return site

    def _neighbours(self, nodes: Nodes) -> Neighbours:
        def over(call_sid: str) -> None:
            self.switchboard.remember([call_sid])

        return Neighbours(nodes.standings, nodes.agent, self._clock, self._adopt, over, self.kept)

    def _adopt(self, was: Standing) -> None:
        """A call of another daemon is ours from now on."""
        self._reviving.adopt(was, self.program, self._accounts.by_name)

    def drain(self, seconds: float = 0.0) -> Deferred[None]:
        """Take no new call; live ones may go on for `seconds`, then each hears its sentence to the end, and a
        goodbye. Fires when none is left.

        A call that the carrier was asked for, and has not named yet, is waited for: nobody else could take it back.
        """
        if len(self.switchboard):
            log.info(
                "stopping: {n} calls may go on for {seconds:g} s, and then finish their sentence; "
                "a second signal ends them at once",
                n=len(self.switchboard),
                seconds=seconds,
            )
        return Deferred.fromCoroutine(self._drain(seconds))

    def abandon(self) -> None:
        """Stop at once: every call ends here, and what was asked of the carrier is not waited for."""
        self._in_a_hurry = True
        self._unplaced.cancel()
        self.switchboard.abandon()

    async def _drain(self, seconds: float) -> None:
        await self.switchboard.drain(seconds)
        self._rescue.forget()
        if not self._in_a_hurry:
            self._unplaced = self.placing.settled().addErrback(lambda _: None)
            await self._unplaced
        await self._carrier.settled().addTimeout(
            IN_A_HURRY if self._in_a_hurry else LAST_REQUESTS, self._clock, lambda *_: None
        )
        for call_sid in self._carrier.pending:
            log.error("{call}: it could not be ended before we stop; its own time limit has to", call=call_sid)

    def refused(self, refusal: Refused, **attempt: Any) -> None:
        """The guard has refused something (voiced.journal.refused): for the log, and the journal."""
        line = journal.refused(refusal, self.program.privacy, time=self._clock.seconds(), **attempt)
        self.refusals[refusal.rule] += 1
        # Not `time`: the log has its own.
        shown = {key: line[key] for key in ("rule", "what", "party", "message")}
        log.warn("refused by rule {rule}: {what} {party}: {message}", **shown)
        self._records.write(line)

    def _status(self, authorization: str) -> dict[str, Any]:
        """What `GET /` counts, for a key that may see every call; nobody else learns more than that we are here."""
        if not authorization or not self._opens(authorization):
            return {}
        version = self.program.version
        return {
            "version": {"hash": version.hash, "loaded": time(version.loaded)},
            "calls": len(self.switchboard),
            "calls_by_version": dict(Counter(call.program.version.hash for call in self.switchboard)),
            "most_calls": self.switchboard.room.limits.calls,
            "endings": {ending.value: count for ending, count in self.switchboard.endings.items()},
            "refused": dict(self._all_refused()),
            "bad_tickets": dict(self.switchboard.bad_tickets),
        }

    def _opens(self, authorization: str) -> bool:
        """Whether this header has a key that may see every call."""
        scheme, _, key = authorization.partition(" ")
        party = self._party_of(key.strip()) if self._party_of is not None and scheme.lower() == "bearer" else None
        if party is None:
            log.warn("refused to count for a wrong key")
        return party is not None and party.flows is None

    def _all_refused(self) -> Counter[str]:
        """What was refused by whomever, by rule."""
        return sum((site.refused for site in self._sites), self.routes.refused + self.refusals)

    def _session(
        self,
        info: CallInfo,
        program: Program,
        flow: Flow,
        permit: IPermit,
        ordered: Ordered | None,
        finished: Callable[[CallSession, Ending], None],
        was: Standing | None = None,
    ) -> CallSession:
        return CallSession(
            info,
            program,
            flow,
            self._clock,
            self._carrier,
            self._guard,
            permit,
            finished,
            ordered,
            self._parts,
            self._watch,
            was=was,
        )

    def _taken_up(
        self, was: Standing, program: Program, flow: Flow, permit: IPermit, ordered: Ordered | None
    ) -> CallSession:
        """A call of a daemon before us, as it stood there."""
        return self._session(was.info, program, flow, permit, ordered, self.switchboard.over, was)

    def _lost(self, was: Standing) -> None:
        """A call of a daemon before us that cannot go on here is over."""
        if self._book is not None:
            self._book.over(was.name)
        self._ended(was.record, self.program)

    def _began(self, record: CallRecord, program: Program) -> None:
        line = journal.began(record, program.privacy)
        known = {key: line[key] for key in ("call", "caller", "called", "flow")}
        log.info("{call}: {caller} calls {called}, flow {flow}", **known)
        self._records.write(line)

    def _ended(self, record: CallRecord, program: Program) -> None:
        self._watch.ended(record)
        line = journal.ended(record, program.privacy)
        self._records.write(line)
        self._kept.keep({name: value for name, value in line.items() if name != "wire"})
