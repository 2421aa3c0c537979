"""`twistd voiced`: reads the settings, builds the daemon and listens; stops it without cutting anybody's sentence."""

from __future__ import annotations

import atexit
import os
import signal
import sys
from pathlib import Path
from typing import Any

from OpenSSL import SSL
from twisted.application.service import IService, MultiService
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.logger import ILogObserver, Logger
from twisted.python import usage
from twisted.python.failure import Failure

from voiced.errors import ConfigError, Fault, StoreError, VoicedError
from voiced.logfile import observer
from voiced.net import uvreactor
from voiced.net.listening import Listening
from voiced.net.notify import service_manager
from voiced.nodes.reaching import door
from voiced.settings.address import held_by_systemd
from voiced.settings.load import Configuration, find_settings, read
from voiced.supervised import Supervised
from voiced.watch.garbage import Garbage

NOT_STARTED, CUT_SHORT = 1, 3
"""How the process ends, besides 0: with settings or a port that will not do; and told twice to stop, with calls that
it has cut short."""
LAST_ERRANDS = 120.0
"""Seconds that a stop may take beside `drain_seconds`: the sentence then spoken and the goodbye (38), Twilio's asking
what now (15), `on_hangup` (10), the carrier's and the disk's answers. The service manager is told that it is so."""
STARTING_SECONDS = 5.0
"""From the start until the reactor's lag says how much the machine can bear: models are read, prompts rendered."""
SWITCH = 0.0005
"""Seconds that the reactor waits at most for a thread that has Python's lock (the database's, most of all). Python's
own 0.005 is a quarter of a frame, each time the reactor has waited for something to do."""
HAND_OVER_SECONDS = 5.0
"""Until all is on the disk that the next daemon needs; whatever is not by then is lost."""

DEAF = "voiced cannot listen: {error} Is another voiced running?"

log = Logger()


def checked(config: str | None, directory: Path) -> tuple[Path, Configuration]:
    """The settings file (found, where none is named) and all that it says. Raises ConfigError."""
    path = Path(config) if config else find_settings(directory)
    configuration = read(path, os.environ)
    listen = configuration.settings.listen
    if not held_by_systemd(listen):
        try:
            serverFromString(None, listen)
        except (ValueError, TypeError, LookupError, OSError, SSL.Error) as error:
            why = f"`listen: {listen}` is no Twisted endpoint that works here: {error}"
            raise ConfigError([Fault(str(path), 1, 1, why)]) from error
    return path, configuration


def complaint(error: ConfigError, outcome: str = "nothing was started") -> str:
    """What is wrong with the settings, and what has come of it, as a page for people."""
    count = len(error.faults)
    return f"{error}\n\nvoiced: {count} fault{'s' if count > 1 else ''} in the settings; {outcome}."


def doubts(configuration: Configuration) -> str:
    """What works, and nobody can have meant, a line each; "" when there is nothing."""
    return "".join(f"{fault.warning}\n" for fault in configuration.warnings)


def summary(path: Path, configuration: Configuration) -> str:
    """What is right with them, in a line."""
    settings = configuration.settings
    return (
        f"{path}: good. {len(settings.numbers)} number(s), {len(configuration.flows)} flow(s), "
        f"{len(settings.voices)} voice(s), version {configuration.hash}; "
        f"listening will be {settings.listen} for {settings.public_url}"
    )


class Options(usage.Options):
    """The command line of `twistd voiced`."""

    synopsis = "[--config FILE] [--check]"
    optParameters = [["config", "c", None, "The settings (./voiced.yaml, else ./config/voiced.yaml)."]]
    optFlags = [["check", None, "Check the settings and flows, say what is wrong with them, start nothing."]]

    def __init__(self) -> None:
        super().__init__()
        uvreactor.prefer()  # before anything imports the reactor, and after twistd has read its own --reactor

    def postOptions(self) -> None:
        """Named by Twisted: all options are read. Faults end it here: one page, exit code 1."""
        try:
            # A reload reads the same file, wherever twistd has gone by then.
            config = self["config"] and str(Path(self["config"]).absolute())
            path, self.configuration = checked(config, Path.cwd())
        except ConfigError as error:
            sys.stderr.write(complaint(error) + "\n")
            raise SystemExit(1) from None
        if self["check"]:
            sys.stdout.write(doubts(self.configuration) + summary(path, self.configuration) + "\n")
            raise SystemExit(0)


def makeService(options: Options, reactor: Any = None) -> IService:
    """Named by twistd: the daemon, not yet started."""
    if reactor is None:
        from twisted.internet import reactor
    try:
        return DaemonService(options.configuration, reactor, options.parent)
    except ConfigError as error:  # a plugin that cannot be made, on this machine, from these settings
        sys.stderr.write(complaint(error) + "\n")
        raise SystemExit(1) from None


def _endpoint(reactor: Any, listen: str, file: Path) -> IStreamServerEndpoint:
    """The endpoint. Raises ConfigError: systemd hands its sockets to the service only."""
    try:
        endpoint: IStreamServerEndpoint = serverFromString(reactor, listen)
    except (ValueError, TypeError, LookupError, OSError) as error:
        why = (
            f"`listen: {listen}`: systemd has handed over no such socket: is voiced.socket enabled and started "
            "(`systemctl status voiced.socket`; voiced@1.socket for one of several), and has it as many Listen…= "
            "lines as `index=` counts, from 0?"
        )
        raise ConfigError([Fault(str(file), 1, 1, why)]) from error
    return endpoint


def ends_with(code: int) -> None:
    """Have the process end with this code, where twistd would end it with 0; after all that is done at the end."""
    atexit.register(end_now, code)


def end_now(code: int) -> None:
    """End the process, and do nothing more."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


class DaemonService(MultiService):
    """The daemon as twistd starts and stops it."""

    def __init__(self, configuration: Configuration, reactor: Any, twistd: Any = None) -> None:
        super().__init__()
        self._twistd = twistd
        """The options of twistd itself; None where somebody else runs this."""
        # Not above: Klein imports the reactor, and whoever runs twistd may want another one.
        from voiced.building import Building

        self._reactor = reactor
        self._warnings = configuration.warnings
        # At once: until there is one for it, this signal ends a process, and systemd takes that for what was wanted.
        signal.signal(signal.SIGHUP, self._told_to_reload)
        self._settings = configuration.settings
        file = configuration.file
        endpoint = _endpoint(reactor, self._settings.listen, file)
        self.building = Building(configuration, reactor, lambda: checked(str(file), file.parent)[1])
        self._garbage = Garbage(reactor, lambda: len(self.building.daemon.switchboard))
        self._supervised = Supervised(service_manager(os.environ, os.getpid()), reactor, self._status)
        self._listening = Listening(endpoint, self.building.daemon.site())
        self._listening.setServiceParent(self)
        self._meet(configuration)

    def _meet(self, configuration: Configuration) -> None:
        """Let daemons with the same data directory reach us, where this one has a name among them."""
        site, settings = self.building.daemon.neighbours_site(), self._settings
        if site is None or settings.plain.node is None:
            return
        try:
            endpoint = door(self._reactor, settings.data.absolute(), settings.plain.node)
        except StoreError as error:
            raise ConfigError([Fault(str(configuration.file), 1, 1, str(error))]) from error
        Listening(endpoint, site).setServiceParent(self)

    def setServiceParent(self, parent: Any) -> None:
        """Named by Twisted: twistd puts us into its application, and asks that next how to log."""
        if self._twistd is not None:
            logs = observer(self._twistd, self.building.logs, self._reactor.callFromThread)
            parent.setComponent(ILogObserver, logs)
        super().setServiceParent(parent)

    def privilegedStartService(self) -> None:
        """Named by Twisted: take the port while we may. One that cannot be had ends it with a sentence."""
        try:
            super().privilegedStartService()
        except CannotListenError as error:
            log.critical(DEAF, error=error)
            raise SystemExit(NOT_STARTED) from None

    def startService(self) -> None:
        """Named by Twisted: begin to render prompts ahead."""
        super().startService()
        sys.setswitchinterval(SWITCH)
        self._garbage.begin()
        if self._settings.plain.insecure:
            log.critical("INSECURE: nothing is signed, whoever reaches {at} can ring", at=self._settings.listen)
        for fault in self._warnings:
            log.warn("{warning}", warning=fault.warning)
        self._reactor.callWhenRunning(self._ready)
        self.building.daemon.compare()
        self.building.warm_up()

    def stopService(self) -> Deferred[None]:
        """Named by Twisted: calls go on for `drain_seconds`, every caller hears the end of the sentence with the port
        open, then all stops."""
        seconds = self.building.drain_seconds
        drained: Deferred[Any] = self.building.drain(seconds)
        self.building.oncall.stop()
        self._supervised.stopping(seconds + LAST_ERRANDS)
        drained.addCallback(self._stopped)
        # The last to stop: signs of life come as long as anything is done.
        return drained.addCallback(lambda _: self._supervised.stop())

    def _stopped(self, _: object) -> Deferred[Any]:
        self.building.lag.stop()
        self._garbage.stop()
        stopped: Deferred[Any] = MultiService.stopService(self)
        return stopped

    def _status(self) -> str:
        """What `systemctl status` shows."""
        switchboard = self.building.daemon.switchboard
        doing = "stopping, no new calls; " if switchboard.draining else ""
        return f"{doing}live calls: {len(switchboard)}, over: {switchboard.endings.total()}"

    def _deaf(self, failure: Failure) -> None:
        log.critical(DEAF, error=failure.value)
        ends_with(NOT_STARTED)
        self._reactor.stop()

    def _ready(self) -> None:
        """The reactor runs; it has just taken the signals for itself."""
        self.building.lag.begin(STARTING_SECONDS)
        self.building.oncall.begin()
        signal.signal(signal.SIGTERM, self._told_to_stop)
        signal.signal(signal.SIGINT, self._told_to_stop)
        signal.signal(signal.SIGUSR2, self._told_to_hand_over)
        self._listening.when_listening.addCallbacks(self._hears, self._deaf)

    def _hears(self, _: object) -> None:
        self._supervised.ready()
        log.info(
            "voiced listens on {listen} as {url}, version {version}",
            listen=self._settings.listen,
            url=self._settings.public_url,
            version=self.building.studio.program.version.hash,
        )

    def _told_to_stop(self, number: int, frame: object) -> None:
        self._reactor.callFromThread(self._stop)

    def _stop(self) -> None:
        if self.building.daemon.switchboard.draining:
            left = len(self.building.daemon.switchboard)
            log.warn("told to stop again: {n} calls end here", n=left)
            if left:
                ends_with(CUT_SHORT)
            self.building.abandon()
        else:
            self._reactor.stop()

    def _told_to_hand_over(self, number: int, frame: object) -> None:
        self._reactor.callFromThread(self._hand_over)

    def _hand_over(self) -> None:
        """End at once, and leave the calls to the daemon that follows; if there is a socket that waits for it."""
        switchboard = self.building.daemon.switchboard
        if switchboard.draining:
            log.warn("SIGUSR2: it is stopping already")
            return
        if not held_by_systemd(self._settings.listen):
            log.warn("SIGUSR2: calls can be left to the next daemon by one whose socket systemd holds: told to stop")
            self._stop()
            return
        log.info("SIGUSR2: {n} calls are left to the daemon that follows", n=len(switchboard))
        self.building.oncall.stop()
        self._supervised.stopping(HAND_OVER_SECONDS)
        # Who connects from now on waits in the socket's queue for the daemon that follows; who has, is answered.
        self._listening.stopService()
        written = self.building.leave().addTimeout(HAND_OVER_SECONDS, self._reactor)
        # Not by way of the reactor's own stop, which drains: the streams break when the process ends, not before.
        written.addErrback(lambda failure: log.failure("not all is written down", failure))
        written.addBoth(lambda _: end_now(0))

    def _told_to_reload(self, number: int, frame: object) -> None:
        self._reactor.callFromThread(self._reload)

    def _reload(self) -> None:
        log.info("SIGHUP: reading the settings and flows again")
        self.building.reload().addErrback(_not_reloaded)


def _not_reloaded(failure: Failure) -> None:
    if not failure.check(VoicedError):  # those have been logged
        log.failure("the reload broke down; new calls go on as before", failure)
