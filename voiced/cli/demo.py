"""`voiced demo`: the real daemon as a child process, and a call through it over real sockets, without any account."""

from __future__ import annotations

import json
import os
import re
import socket
import sys
from pathlib import Path
from typing import Any

import click
from twisted.internet.defer import Deferred, TimeoutError  # noqa: A004 - Twisted's own
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.error import ProcessTerminated
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import deferLater
from twisted.python.failure import Failure
from twisted.web.server import Site

from voiced.cli.call import CALLBACKS_SECONDS, carrier_for, keep, printer, what_went_wrong
from voiced.cli.configured import load
from voiced.cli.running import run
from voiced.settings.load import Configuration
from voiced.simulator.caller import Caller
from voiced.simulator.carrier import SimulatedCall

CONFIG = Path("config/demo.yaml")
NUMBER = "+14155550123"
ANSWER = "hours"
"""The node of config/demo/demo.yaml that the key 1 leads to."""
START_SECONDS = 30.0
"""How long the daemon may take to listen, on a slow machine."""
STOP_SECONDS = 10.0
CALL_SECONDS = 20.0
_LISTENS = "voiced listens on"
_TROUBLE = re.compile(r"#(?:error|critical)\]|Traceback|Unhandled")


class DaemonProcess(ProcessProtocol):
    """`twistd voiced`, running. `listening` fires when it does, `ended` when it is gone."""

    def __init__(self) -> None:
        self.listening: Deferred[None] = Deferred()
        self.ended: Deferred[None] = Deferred()
        self.code: int | None = None
        """Its exit code, once it is gone; -1 when a signal ended it."""
        self.lines: list[str] = []
        self._rest = ""

    def outReceived(self, data: bytes) -> None:
        """Named by Twisted: it has written something."""
        *lines, self._rest = (self._rest + data.decode(errors="replace")).split("\n")
        self.lines += lines
        if not self.listening.called and any(_LISTENS in line for line in lines):
            self.listening.callback(None)

    errReceived = outReceived

    def processEnded(self, reason: Failure) -> None:
        """Named by Twisted: it is gone."""
        self.lines.append(self._rest)
        if not self.listening.called:
            self.listening.errback(reason)
        exited: Any = reason.value
        self.code = -1 if exited.exitCode is None else exited.exitCode
        self.ended.callback(None)

    @property
    def trouble(self) -> list[str]:
        """Lines of its log that no good call writes."""
        return [line for line in self.lines if _TROUBLE.search(line)]


@click.command()
@click.option("--wav", "wav_file", type=click.Path(path_type=Path), default=Path("demo.wav"), metavar="FILE",
              show_default=True, help="Where to write what the callers heard.")  # fmt: skip
@click.option("--verbose", is_flag=True, help="Show every webhook's answer and callback, too.")
def demo(wav_file: Path, verbose: bool) -> None:
    """Start the daemon on config/demo.yaml, ring it, and listen: needs no account, no network and no telephone."""
    run(lambda reactor: show(reactor, wav_file, verbose))


async def show(reactor: Any, wav_file: Path, verbose: bool) -> None:
    """The whole demonstration; ends with code 1, and says why, when anything is missing."""
    from voiced.building import JOURNAL
    from voiced.cli.prerender import render

    api = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(site := Site(None))
    os.environ |= {"PORT": str(free_port()), "TWILIO_API": f"http://127.0.0.1:{api.getHost().port}"}
    _, configuration = load(str(CONFIG))
    await render(reactor, configuration)
    process = DaemonProcess()
    twistd = str(Path(sys.executable).with_name("twistd"))
    command = [twistd, "--nodaemon", "--pidfile=", "voiced", "--config", str(CONFIG)]
    running = reactor.spawnProcess(process, twistd, command, env=os.environ)
    try:
        await process.listening.addTimeout(START_SECONDS, reactor)
        call = await ring(reactor, configuration, site, verbose)
        running.signalProcess("TERM")
        await process.ended.addTimeout(STOP_SECONDS, reactor)
    except (ProcessTerminated, TimeoutError) as error:
        raise Shortfall(f"the daemon did not start, or did not stop: {error}\n" + "\n".join(process.lines)) from error
    finally:
        if process.code is None:
            running.signalProcess("KILL")
    if process.code != 0 or process.trouble:
        why = f"ended with code {process.code}" if process.code else "logged what no good call logs"
        raise Shortfall(f"the daemon {why}:\n" + "\n".join(process.trouble or process.lines))
    click.echo(record(configuration.settings.data / JOURNAL, call.sid))
    keep(call, wav_file)


async def ring(reactor: Any, configuration: Configuration, site: Site, verbose: bool) -> SimulatedCall:
    """Hear the greeting, press 1, hear the answer, and let the daemon hang up. Raises Shortfall."""
    carrier = carrier_for(reactor, configuration, NUMBER)
    site.resource = carrier.rest
    call = carrier.ring(NUMBER, on_entry=printer(verbose))
    caller = Caller(call, reactor, keys=["1"], quiet=0.6, most=CALL_SECONDS)
    await call.ended
    await deferLater(reactor, CALLBACKS_SECONDS)
    missing = [turn for turn, happened in turns(call).items() if not happened]
    if missing:
        raise Shortfall(f"this did not happen: {'; '.join(missing)}")
    if (trouble := what_went_wrong(call, caller)) is not None:
        raise Shortfall(trouble)
    return call


def record(journal: Path, call_sid: str) -> str:
    """What the daemon has written down of this call, for people. Raises Shortfall when that is nothing."""
    try:
        lines = journal.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise Shortfall(f"the daemon's journal {journal} cannot be read: {error.strerror}") from error
    for line in reversed(lines):
        kept = json.loads(line)
        if (kept["call"], kept["event"]) == (call_sid, "ended"):
            steps = [f"    {step['node']:<10} {step['verb']:<8} {step['result']}" for step in kept["steps"]]
            ended, first = (
                f"{kept['ending']} after {kept['seconds']} s",
                f"first audio after {kept['first_audio_ms']} ms",
            )
            if ANSWER not in {step["node"] for step in kept["steps"]}:
                raise Shortfall(f"the key did not lead to the node {ANSWER!r}: the answer was not what was asked for")
            return "\n".join([f"\nThe daemon's journal: {ended}; {first}", *steps, ""])
    raise Shortfall(f"the call is not in the daemon's journal, {journal}")


def turns(call: SimulatedCall) -> dict[str, bool]:
    """What a good demonstration has, in order, and whether this one had it."""
    pressed = [number for number, entry in enumerate(call.sheet) if entry.what == "presses"]
    spoken = [number for number, entry in enumerate(call.sheet) if (entry.who, entry.what) == ("daemon", "audio")]
    return {
        "the caller hears a greeting": bool(spoken) and (not pressed or spoken[0] < pressed[0]),
        "the caller presses a key": bool(pressed),
        "the caller hears the answer": bool(pressed) and spoken[-1] > pressed[0],
        "the daemon hangs up": bool(call.twiml) and "<Hangup" in call.twiml[-1],
    }


class Shortfall(click.ClickException):
    """Something of the demonstration did not happen."""


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
