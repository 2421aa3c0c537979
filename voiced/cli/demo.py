"""`voiced demo`: the real daemon as a child process, and a call through it over real sockets, without any account."""

from __future__ import annotations

import json
import os
import re
import socket
import sys
from collections.abc import Sequence
from itertools import pairwise
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

from voiced.cli.apiclient import Wanted
from voiced.cli.configured import load
from voiced.cli.outgoing import taken
from voiced.cli.reaching import address
from voiced.cli.ringing import CALLBACKS_SECONDS, Stage, carrier_for, keep, printer, spoken, what_went_wrong
from voiced.cli.running import run
from voiced.settings.load import Configuration
from voiced.simulator.caller import Caller, Spoken
from voiced.simulator.carrier import SimulatedCall
from voiced.simulator.line import Line

CONFIG = Path("config/demo.yaml")
NUMBER = "+14155550123"
QUESTION = "What time is breakfast?"
ANSWER = "seven until ten"
"""What the concierge of config/demo.yaml knows about it."""
FAREWELL = "Thank you, that is all."
START_SECONDS = 30.0
"""How long the daemon may take to listen, on a slow machine."""
STOP_SECONDS = 10.0
CALL_SECONDS = 40.0
QUIET_SECONDS = 0.6
"""So long nothing may have been said before a caller does the next thing."""
GUEST = "+14155550199"
"""Whom the daemon calls."""
_LISTENS = "voiced listens on"
_TROUBLE = re.compile(r"#(?:error|critical)\]|Traceback|Unhandled")


Acts = Sequence[str | Spoken]
"""Keys to press, and things to say (voiced.simulator.caller)."""


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
    path, configuration = load(str(CONFIG))
    await render(reactor, configuration)
    process = DaemonProcess()
    twistd = str(Path(sys.executable).with_name("twistd"))
    command = [twistd, "--nodaemon", "--pidfile=", "voiced", "--config", str(CONFIG)]
    running = reactor.spawnProcess(process, twistd, command, env=os.environ)
    try:
        await process.listening.addTimeout(START_SECONDS, reactor)
        click.echo("\nA caller who presses a key:\n")
        first = await ring(reactor, configuration, site, ["1"], verbose)
        click.echo(f"\nA caller who asks our concierge, which runs on this machine: {QUESTION!r}\n")
        second = await ring(reactor, configuration, site, ["3", *map(spoken, (QUESTION, FAREWELL))], verbose)
        click.echo(f"\nWe call somebody, by POST /outbound-call, and they press a key: {GUEST}\n")
        third = await call_out(reactor, path, configuration, site, verbose)
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
    journal = configuration.settings.data / JOURNAL
    click.echo(shown(record(journal, first.sid, ["hours", "goodbye"])))
    talked = record(journal, second.sid, ["concierge", "goodbye"])
    check_answer(talked)
    click.echo(shown(talked))
    click.echo(shown(record(journal, third.sid, ["coming", "goodbye"])))
    keep([first, second, third], wav_file)


async def ring(reactor: Any, configuration: Configuration, site: Site, acts: Acts, verbose: bool) -> SimulatedCall:
    """One call: do each of these when asked, until the daemon hangs up. Raises Shortfall."""
    carrier = carrier_for(reactor, configuration, NUMBER)
    site.resource = carrier.rest
    call = carrier.ring(NUMBER, on_entry=printer(verbose))
    caller = Caller(call, reactor, acts, quiet=QUIET_SECONDS, most=CALL_SECONDS)
    await call.ended
    await deferLater(reactor, CALLBACKS_SECONDS)
    return good(call, caller, acts)


async def call_out(
    reactor: Any, path: Path, configuration: Configuration, site: Site, verbose: bool
) -> SimulatedCall:
    """One call that the daemon places: it is taken, and a key is pressed. Raises Shortfall."""
    carrier = carrier_for(reactor, configuration, NUMBER)
    site.resource = carrier.rest
    acts = ["1"]
    stage = Stage(configuration, None, Line.clean(), acts, CALL_SECONDS, printer(verbose), QUIET_SECONDS)
    api = address((path, configuration), None, os.environ.get("VOICED_API_KEY")).api(reactor)
    call, caller = await taken(reactor, api, Wanted(GUEST, variables={"name": "Ann"}), stage, carrier)
    return good(call, caller, acts)


def good(call: SimulatedCall, caller: Caller, acts: Acts) -> SimulatedCall:
    """The call, if it went as planned. Raises Shortfall."""
    missing = [turn for turn, happened in turns(call, len(acts)).items() if not happened]
    if missing:
        raise Shortfall(f"this did not happen: {'; '.join(missing)}")
    if (trouble := what_went_wrong(call, caller)) is not None:
        raise Shortfall(trouble)
    return call


def record(journal: Path, call_sid: str, nodes: Sequence[str]) -> dict[str, Any]:
    """What the daemon has written down of this call, which has been at these nodes. Raises Shortfall."""
    try:
        lines = journal.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise Shortfall(f"the daemon's journal {journal} cannot be read: {error.strerror}") from error
    for line in reversed(lines):
        kept: dict[str, Any] = json.loads(line)
        if (kept["call"], kept["event"]) == (call_sid, "ended"):
            missed = [node for node in nodes if node not in {step["node"] for step in kept["steps"]}]
            if missed:
                raise Shortfall(f"the call has never been at {missed[0]!r}: the answer was not what was asked for")
            return kept
    raise Shortfall(f"the call is not in the daemon's journal, {journal}")


def shown(kept: dict[str, Any]) -> str:
    """A call's record, for people."""
    ending = f"{kept['ending']} after {kept['seconds']} s; first audio after {kept['first_audio_ms']} ms"
    steps = [f"    {step['node']:<10} {step['verb']:<8} {step['result']}" for step in kept["steps"]]
    said = [f"    {line['who'] + ':':<10} {line['text']}" for agent in kept["agents"] for line in agent["transcript"]]
    return "\n".join([f"\nThe daemon's journal: {ending}", *steps, *said, ""])


def check_answer(kept: dict[str, Any]) -> None:
    """The agent has understood the question, and answered it. Raises Shortfall."""
    lines = [(line["who"], line["text"]) for agent in kept["agents"] for line in agent["transcript"]]
    if not any(ANSWER in text for who, text in lines if who == "agent"):
        raise Shortfall(f"the agent did not answer {QUESTION!r}; what was said: {lines}")


def turns(call: SimulatedCall, acts: int) -> dict[str, bool]:
    """What a good call has, in order, and whether this one had it."""
    acted = [number for number, entry in enumerate(call.sheet) if entry.what in ("presses", "speaks")]
    spoken = [number for number, entry in enumerate(call.sheet) if (entry.who, entry.what) == ("daemon", "audio")]
    return {
        "the caller hears a greeting": bool(spoken) and (not acted or spoken[0] < acted[0]),
        "the caller does all that was planned": len(acted) == acts,
        "the caller hears an answer to each": all(
            any(here < number < after for number in spoken) for here, after in pairwise([*acted, len(call.sheet)])
        ),
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
