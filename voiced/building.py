"""The daemon as the settings want it: accounts, tools, voices, journal and program, ready to listen."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import attrs
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from voiced.call.program import Program
from voiced.call.records import CallRecord
from voiced.call.room import Room
from voiced.call.version import Reloaded
from voiced.daemon import Api, Daemon, Nodes
from voiced.errors import ConfigError, Fault, Refused, StoreError
from voiced.guard.guard import Attempt, Guard
from voiced.hearing.local import open_hearing
from voiced.ioperator import IOperator, OnCall, Unoperated
from voiced.ivoiced import IHearing, Tools, Utterance
from voiced.iwatch import IWatch
from voiced.journal import FileJournal
from voiced.nodes.reaching import agent
from voiced.oncall import Ringing
from voiced.operating import Operator
from voiced.recordings import Recordings
from voiced.reloading import Reloading
from voiced.settings.daemon import Settings
from voiced.settings.load import Configuration, build_program, read, static_prompts
from voiced.settings.made import Made
from voiced.settings.ways import ways
from voiced.speech.cache import Cache
from voiced.speech.prerender import Rendered, prerender
from voiced.speech.voice import Voice
from voiced.store.store import FILE as STORE
from voiced.store.store import Store, open_store
from voiced.tools import http_client, real_tools
from voiced.twilio.rest import TwilioCarrier
from voiced.twilio.webhook import Account, Accounts
from voiced.watch.health import Look, has_room
from voiced.watch.lag import Lag
from voiced.watch.load import Load
from voiced.watch.logs import Logging
from voiced.watch.metrics import Metrics
from voiced.watch.noticing import Noticing

JOURNAL = "journal.jsonl"

log = Logger()


class Hearing:
    """The ears of this process, opened when first asked for; their threads end with the reactor."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._ears: IHearing | None = None

    def __call__(self) -> IHearing:
        """See Tools.hearing."""
        if self._ears is None:
            self._ears = open_hearing(self._reactor.callFromThread)
            self._reactor.addSystemEventTrigger("during", "shutdown", self._ears.close)
        return self._ears


def _pepper(settings: Settings) -> bytes:
    """What the numbers in the store are hashed with: a secret of the settings, which is not in the store."""
    return "".join(token.reveal() for account in settings.accounts for token in account.tokens[:1]).encode()


def _opened(path: Path, tools: Tools, pepper: bytes, node: str) -> Store:
    """The store. Raises ConfigError: without its counts, the guard would allow what it must not."""
    try:
        return open_store(path, tools.in_thread, tools.reactor, pepper, node)
    except StoreError as error:
        raise ConfigError([Fault(str(path), 1, 1, str(error))]) from error


class Studio:
    """The program of a checked configuration, with all who speak in it; there is no port, and nothing is counted
    but by `watch`."""

    def __init__(
        self,
        configuration: Configuration,
        reactor: Any,
        watch: IWatch | None = None,
        operator: IOperator | None = None,
    ) -> None:
        self._operator = operator or Unoperated()
        settings = configuration.settings
        http = http_client(reactor)
        self.carrier = TwilioCarrier(settings.accounts, http, reactor, settings.node_url or settings.public_url)
        self.directory = settings.data.absolute()  # twistd may leave this working directory
        self.tools = real_tools(reactor, http, self.carrier, self.directory, Hearing(reactor), watch)
        self._recordings = Recordings(self.directory, reactor, self.tools.in_thread)
        self._made = Made()
        self.program = self.make(configuration)

    def make(self, configuration: Configuration) -> Program:
        """A program; whoever was made for the one before is taken over. Raises ConfigError, and then nothing was."""
        made = self._made.anew()
        program = build_program(configuration, self.tools, made)
        made.done()
        self._made = made
        return attrs.evolve(program, recordings=self._recordings, operator=self._operator)

    def prompts(self) -> Iterator[tuple[str, Cache, Utterance]]:
        """Every fixed prompt, for each cached engine that may have to speak it: fallbacks begin at once, too."""
        for name, utterance in static_prompts(self.program):
            voice = self.program.voices[name]
            for engine in voice.engines if isinstance(voice, Voice) else ():
                if isinstance(engine, Cache):
                    yield name, engine, utterance


def restart_for(now: Settings, new: Settings) -> tuple[str, ...]:
    """What is another in the new settings, and cannot change while the daemon runs; `now` is what it started with."""
    kept = {
        "listen": now.listen != new.listen,
        "public_url": now.public_url != new.public_url,
        "node_url": now.node_url != new.node_url,
        "data": now.data.absolute() != new.data.absolute(),
        "node": now.plain.node != new.plain.node,
        "insecure": now.plain.insecure != new.plain.insecure,
        "logs.format": now.plain.logs.format != new.plain.logs.format,
    }
    return tuple(name for name, changed in kept.items() if changed)


def replaceable(accounts: Sequence[Account], new: Sequence[Account]) -> bool:
    """Whether live calls can do with the new accounts: those that there are have to stay, tokens and all else may
    change."""
    sids = {account.name: account.sid for account in new}
    return all(sids.get(account.name) == account.sid for account in accounts)


def _on_call(settings: Settings) -> OnCall | None:
    return None if settings.plain.oncall is None else settings.plain.oncall.on_call()


class Building:
    """What stands between a checked configuration and a port. `reread()` reads it once more; raises ConfigError."""

    def __init__(
        self, configuration: Configuration, reactor: Any, reread: Callable[[], Configuration] | None = None
    ) -> None:
        settings = self._started = configuration.settings
        self.logs = Logging(settings.plain.logs.logs())
        self.lag = Lag(reactor)
        metrics = Metrics(self.lag)
        self.oncall = Ringing(
            _on_call(settings),
            lambda wish, party: self.daemon.placing.place(wish, party),
            lambda: self.noticing.look(self.daemon.health.troubles()),
            lambda trouble: self.noticing.stands(trouble),
            reactor,
        )
        self.noticing = Noticing(metrics, reactor, self.oncall, self._live)
        operator = Operator(self.noticing.report, lambda: self.daemon.all_to_human(), self._go_back)
        self._now = configuration
        """What new calls follow."""
        self._before: Configuration | None = None
        """What they followed before the last reload that has changed anything."""
        self.studio = Studio(configuration, reactor, self.noticing, operator)
        tools, data = self.studio.tools, self.studio.directory
        self.journal = FileJournal(data / JOURNAL, tools.in_thread)
        self.store = _opened(data / STORE, tools, _pepper(settings), settings.plain.node or "")
        self.guard = Guard(
            settings.outbound,
            settings.inbound,
            reactor,
            self.store.counts,
            self._refused,
            pepper=_pepper(settings),
            opted_out=self.store.opted_out,
            shared=self.store.shared,
        )
        self._accounts = Accounts(settings.accounts)
        self._warming: Deferred[None] = succeed(None)
        self._render = settings.plain.prerender
        self.drain_seconds = settings.plain.drain_seconds
        self.reload = Reloading(
            reread or (lambda: read(configuration.file, os.environ)),
            tools.in_thread,
            self._follow,
            lambda: self.studio.program.version,
            lambda: self.daemon.switchboard.draining,
            reactor,
        )
        self.daemon = Daemon(
            self.studio.program,
            self._accounts,
            settings.public_url,
            reactor,
            self.studio.carrier,
            self.journal,
            self.guard,
            self._api(settings),
            node_url=settings.node_url,
            room=Room(settings.plain.limits.limits(), Load(self.lag)),
            metrics=metrics,
            troubles={
                "disk": Look(partial(tools.in_thread, has_room, data), reactor),
                "journal": Look(self.journal.can_be_written, reactor),
                "store": Look(self.store.can_be_written, reactor),
            },
            insecure=settings.plain.insecure,
            standings=self.store.standings,
            watch=self.noticing,
            nodes=None if self.store.shared is None else Nodes(self.store.standings, agent(reactor, data)),
        )
        self.noticing.outlived(self.daemon.outlived)

    def _api(self, settings: Settings) -> Api:
        return Api(
            self.store.placed,
            self.store.kept,
            ways(settings, tuple(self._accounts.by_name.values())),
            settings.api.keys.party_of if settings.api.keys else None,
            settings.api.cors,
            self.reload,
            settings.plain.metrics,
        )

    def _follow(self, configuration: Configuration) -> Reloaded:
        """Have new calls follow this configuration. Raises ConfigError, and then nothing has changed."""
        settings, before = configuration.settings, self.studio.program.version
        program = self.studio.make(configuration)
        restart = restart_for(self._started, settings) + self._serve(settings)
        self.studio.program = program
        if configuration.hash != self._now.hash:
            self._before = self._now
        self._now = configuration
        self.oncall.on_call = _on_call(settings)
        self.guard.follow(settings.outbound, settings.inbound)
        self.daemon.follow(program, self._api(settings), settings.plain.limits.limits())
        self._render = settings.plain.prerender
        self.logs.follow(settings.plain.logs.logs())
        self.drain_seconds = settings.plain.drain_seconds
        self.warm_up()
        return Reloaded(before, program.version, tuple(sorted(program.flows)), restart)

    def _go_back(self) -> bool:
        """Have new calls follow the program from before the last reload that changed anything, once; says if there is
        one. Keys, rules and accounts stay, and so does whether all calls go to the human. Raises ConfigError."""
        if self._before is None:
            log.warn("the operator wants the flows from before the last reload: there was none")
            return False
        before, all_to_human = self._before, self.daemon.program.all_to_human
        program = self.studio.program = self.studio.make(before)
        self.daemon.program = attrs.evolve(program, all_to_human=all_to_human and program.human is not None)
        self._now, self._before = before, None
        self.warm_up()
        log.warn(
            "at the operator's word new calls follow version {version} again, from before the last reload; the files "
            "have not changed: mend them, then `voiced reload`",
            version=program.version.hash,
        )
        return True

    def _live(self, call_sid: str) -> CallRecord | None:
        session = self.daemon.switchboard.find(call_sid)
        return None if session is None else session.record

    def _serve(self, settings: Settings) -> tuple[str, ...]:
        """Use these accounts from now on, where that is possible; else what needs a restart."""
        now = tuple(self._accounts.by_name.values())
        if now == settings.accounts:
            return ()
        if settings.plain.insecure != self._started.plain.insecure or not replaceable(now, settings.accounts):
            return ("twilio",)
        self._accounts.serve(settings.accounts)
        self.studio.carrier.serve(settings.accounts)
        return ()

    def warm_up(self) -> None:
        """Render the fixed prompts that are not rendered yet, beside everything else. Failures warn."""
        self._warming.cancel()  # what it has rendered stays; two at once are too many for a vendor's plan
        if self._render:
            prompts = self.studio.prompts()
            rendering = prerender(prompts, lambda done, total: None)
            self._warming = rendering.addCallbacks(self._rendered, self._not_rendered)

    def drain(self, seconds: float = 0.0) -> Deferred[None]:
        """Let calls go on for `seconds`, and then every caller hear the end of the sentence; fires when the last call
        is over and written down."""
        return Deferred.fromCoroutine(self._drain(seconds))

    async def _drain(self, seconds: float) -> None:
        await self.daemon.drain(seconds)
        await self._write_down()
        await self.store.close()

    def leave(self) -> Deferred[None]:
        """Leave the calls to the daemon that follows: fires when all is on the disk that it needs, and nothing may
        happen between that and the end of this process. The store stays open: calls may still begin meanwhile."""
        return Deferred.fromCoroutine(self.daemon.leave(lambda: Deferred.fromCoroutine(self._write_down())))

    async def _write_down(self) -> None:
        await self.daemon.kept()
        await self.journal.when_written()
        try:
            await self.guard.settled()
        except StoreError as error:
            log.error("the guard's counts are not kept over this restart: {error}", error=str(error))

    def abandon(self) -> None:
        """End every call at once."""
        self.daemon.abandon()

    def _refused(self, refusal: Refused, attempt: Attempt) -> None:
        self.daemon.refused(refusal, **attrs.asdict(attempt, recurse=False))

    def _rendered(self, rendered: Rendered) -> None:
        log.info("prompts: {new} rendered, {held} were there", new=rendered.new, held=rendered.held)
        for (voice, reason), count in Counter((each.voice, each.reason) for each in rendered.missing).items():
            log.warn(
                "voice {voice} could not render {n} prompts ahead: {reason}", voice=voice, n=count, reason=reason
            )

    def _not_rendered(self, failure: Failure) -> None:
        if failure.check(CancelledError):
            return
        log.failure("rendering prompts ahead broke down; they are rendered when they are needed", failure)
