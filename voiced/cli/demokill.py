"""`voiced demo-kill`: the daemon is killed in the middle of a sentence, and the caller hears all of it."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import Any

import attrs
import click
from twisted.internet.defer import TimeoutError  # noqa: A004 - Twisted's own
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint
from twisted.internet.error import ProcessDone, ProcessExitedAlready, ProcessTerminated
from twisted.internet.task import deferLater
from twisted.web.server import Site

from voiced.cli.configured import load
from voiced.cli.demo import NUMBER, START_SECONDS, STOP_SECONDS, DaemonProcess, Shortfall, record
from voiced.cli.ringing import CALLBACKS_SECONDS, account_of, keep, printer
from voiced.cli.running import run
from voiced.settings.load import Configuration
from voiced.simulator.carrier import Carrier, SimulatedCall
from voiced.simulator.mulaw import RATE, SILENCE

CONFIG = Path("config/kill.yaml")
SPOKEN = 3.0
"""Seconds of the sentence after which the daemon is killed."""
CALL_SECONDS = 60.0
BACK_SECONDS = 2.0
"""Seconds from the new daemon's listening within which the caller hears it."""
LOOK = 0.01
_FD = 3
"""The first socket that systemd hands to a service (sd_listen_fds(3))."""
_EXEC = 'export LISTEN_PID=$$; exec "$@"'
"""A shell knows its own process id, which the daemon keeps."""


@attrs.define
class HeldDaemon:
    """`twistd voiced` on a socket that is held while there is no daemon."""

    reactor: Any
    config: Path
    listener: socket.socket = attrs.field(factory=lambda: socket.create_server(("127.0.0.1", 0)))
    process: DaemonProcess | None = None
    _running: Any = None

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self.listener.getsockname()[1]
        return port

    async def start(self) -> None:
        """A daemon begins, and listens. Raises Shortfall."""
        process = self.process = DaemonProcess()
        twistd = str(Path(sys.executable).with_name("twistd"))
        daemon = [twistd, "--nodaemon", "--pidfile=", "voiced", "--config", str(self.config)]
        self._running = self.reactor.spawnProcess(
            process,
            "/bin/sh",
            ["sh", "-c", _EXEC, "sh", *daemon],
            env={**os.environ, "LISTEN_FDS": "1", "LISTEN_FDNAMES": "voiced"},
            childFDs={0: "w", 1: "r", 2: "r", _FD: self.listener.fileno()},
        )
        try:
            await process.listening.addTimeout(START_SECONDS, self.reactor)
        except (ProcessDone, ProcessTerminated, TimeoutError) as error:
            raise Shortfall(f"the daemon did not start: {error}\n" + "\n".join(process.lines)) from error

    async def end(self, signal: str) -> None:
        """Send it a signal, and wait until it is gone; nothing happens where there is none."""
        process = self.process
        if process is not None and process.code is None:
            try:
                self._running.signalProcess(signal)
            except ProcessExitedAlready:
                return
            await process.ended.addTimeout(STOP_SECONDS, self.reactor)


@click.command("demo-kill")
@click.option("--wav", "wav_file", type=click.Path(path_type=Path), default=Path("demo-kill.wav"), metavar="FILE",
              show_default=True, help="Where to write what the callers heard.")  # fmt: skip
@click.option("--verbose", is_flag=True, help="Show every webhook's answer and callback, too.")
def demo_kill(wav_file: Path, verbose: bool) -> None:
    """Kill the daemon in the middle of a sentence, start another, and hear whether the caller hears all of it."""
    run(lambda reactor: show(reactor, CONFIG, wav_file, verbose))


async def show(reactor: Any, config: Path, wav_file: Path, verbose: bool = False) -> None:
    """The whole demonstration; ends with code 1, and says why, when anything is missing."""
    from voiced.building import JOURNAL
    from voiced.cli.prerender import render

    api = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(site := Site(None))
    os.environ["TWILIO_API"] = f"http://127.0.0.1:{api.getHost().port}"
    _, configuration = load(str(config))
    await render(reactor, configuration)
    daemon = HeldDaemon(reactor, config)
    carrier = _carrier(reactor, configuration, daemon.port)
    site.resource = carrier.rest
    try:
        await daemon.start()
        click.echo("\nA caller who hears a sentence, as it should be:\n")
        whole = await _over(reactor, carrier.ring(NUMBER, on_entry=printer(verbose)))
        click.echo("\nA caller whose daemon is killed in the middle of it:\n")
        call = carrier.ring(NUMBER, on_entry=printer(verbose))
        await _until(reactor, lambda: len(call.heard.strip(SILENCE)) >= SPOKEN * RATE)
        heard = len(call.heard)
        await daemon.end("KILL")
        killed = reactor.seconds()
        click.echo("          …       daemon  killed     with SIGKILL")
        await daemon.start()
        since = reactor.seconds()
        await _until(reactor, lambda: bool(call.heard[heard:].strip(SILENCE)) or call.over)
        heard_again = reactor.seconds()
        back = heard_again - since
        await _over(reactor, call)
        await daemon.end("TERM")
    finally:
        await daemon.end("KILL")
        daemon.listener.close()
    keep([whole, call], wav_file)
    check(whole.heard, call.heard)
    kept = record(configuration.settings.data / JOURNAL, call.sid, [])
    if kept["ending"] != "completed" or kept["streams"] < 2:
        raise Shortfall(f"the record says {kept['ending']} after {kept['streams']} stream(s)")
    if back > BACK_SECONDS:
        raise Shortfall(f"the caller waited {back:.2f} s after the daemon listened again")
    click.echo(f"The caller has heard the whole sentence; it was silent for {heard_again - killed:.2f} s.")


def check(whole: bytes, heard: bytes) -> None:
    """Whether what was heard with a break has all of what is heard without one. Raises Shortfall."""
    whole, heard = whole.strip(SILENCE), heard.strip(SILENCE)
    first, rest = _alike(whole, heard), _alike(whole[::-1], heard[::-1])
    if not 0 < first < len(whole):
        raise Shortfall("the daemon was not killed in the middle of the sentence")
    if first + rest < len(whole):
        gap = (len(whole) - first - rest) / RATE
        raise Shortfall(f"{gap:.2f} s of the sentence are missing, {first / RATE:.2f} s after its beginning")
    again = (first + rest - len(whole)) / RATE
    click.echo(f"Broken off after {first / RATE:.2f} s; {again:.2f} s of it were said again.")


def _alike(one: bytes, other: bytes) -> int:
    """How many bytes they begin with alike."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _carrier(reactor: Any, configuration: Configuration, port: int) -> Carrier:
    account = account_of(configuration, None)
    carrier = Carrier(
        reactor,
        daemon=TCP4ClientEndpoint(reactor, "127.0.0.1", port),
        public_url=configuration.settings.public_url,
        account_sid=account.sid,
        auth_token=account.tokens[0].reveal(),
        seed=reactor.seconds(),
    )
    carrier.number(NUMBER, "/call/incoming", fallback_url="/call/fallback", status_url="/call/status")
    return carrier


async def _until(reactor: Any, so: Any) -> None:
    """Until it is so. Raises Shortfall."""
    end = reactor.seconds() + CALL_SECONDS
    while not so():
        if reactor.seconds() > end:
            raise Shortfall("the caller has heard nothing for too long")
        await deferLater(reactor, LOOK)


async def _over(reactor: Any, call: SimulatedCall) -> SimulatedCall:
    await call.ended.addTimeout(CALL_SECONDS, reactor)
    await deferLater(reactor, CALLBACKS_SECONDS)
    return call
