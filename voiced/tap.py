"""`twistd voiced`: reads the settings, builds the daemon and listens; stops it without cutting anybody's sentence."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from OpenSSL import SSL
from twisted.application import strports
from twisted.application.service import IService, MultiService
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.logger import ILogObserver, Logger
from twisted.python import usage
from twisted.python.failure import Failure

from voiced.errors import ConfigError, Fault, VoicedError
from voiced.logfile import observer
from voiced.settings.load import Configuration, find_settings, read

log = Logger()


def checked(config: str | None, directory: Path) -> tuple[Path, Configuration]:
    """The settings file (found, where none is named) and all that it says. Raises ConfigError."""
    path = Path(config) if config else find_settings(directory)
    configuration = read(path, os.environ)
    listen = configuration.settings.listen
    if not listen.startswith("systemd:"):  # systemd hands its sockets to the service only
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
        self.building = Building(configuration, reactor, lambda: checked(str(file), file.parent)[1])
        self._listening = strports.service(self._settings.listen, self.building.daemon.site(), reactor=reactor)
        self._listening.setServiceParent(self)

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
            log.critical("voiced cannot listen: {error} Is another voiced running?", error=error)
            raise SystemExit(1) from None

    def startService(self) -> None:
        """Named by Twisted: listen, and begin to render prompts ahead."""
        super().startService()
        if self._settings.plain.insecure:
            log.critical("INSECURE: nothing is signed, whoever reaches {at} can ring", at=self._settings.listen)
        for fault in self._warnings:
            log.warn("{warning}", warning=fault.warning)
        self._reactor.callWhenRunning(self._ready)
        self.building.daemon.compare()
        self.building.warm_up()

    def stopService(self) -> Deferred[None]:
        """Named by Twisted: every caller hears the end of the sentence with the port open, then all stops."""
        drained: Deferred[Any] = self.building.drain()
        return drained.addCallback(self._stopped)

    def _stopped(self, _: object) -> Deferred[Any]:
        self.building.lag.stop()
        stopped: Deferred[Any] = MultiService.stopService(self)
        return stopped

    def _ready(self) -> None:
        """The reactor runs; it has just taken the signals for itself."""
        self.building.lag.begin()
        signal.signal(signal.SIGTERM, self._told_to_stop)
        signal.signal(signal.SIGINT, self._told_to_stop)
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
            log.warn("told to stop again: {n} calls end here", n=len(self.building.daemon.switchboard))
            self.building.abandon()
        else:
            self._reactor.stop()

    def _told_to_reload(self, number: int, frame: object) -> None:
        self._reactor.callFromThread(self._reload)

    def _reload(self) -> None:
        log.info("SIGHUP: reading the settings and flows again")
        self.building.reload().addErrback(_not_reloaded)


def _not_reloaded(failure: Failure) -> None:
    if not failure.check(VoicedError):  # those have been logged
        log.failure("the reload broke down; new calls go on as before", failure)
