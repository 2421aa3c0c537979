"""The programs under test: voiced as it is run, and its rivals, each a process of its own on a core of its own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import attrs

from bench.load.account import LENGTHY, PUBLIC, TOKEN
from bench.machine import node_version

START_SECONDS = 30.0
STOP_SECONDS = 15.0
RIVALS = Path(__file__).parent / "rivals"
BUILD = Path(__file__).parent.parent / "build" / "bench"
"""Git ignores it: what npm installs, and what a quick run reports."""
AGENT_NUMBER = "+14155550123"
PROMPT_NUMBER = "+14155550124"
LENGTHY_NUMBER = "+14155550125"
AGENT_ID, API_KEY = "agent_bench", "sk_bench"
UVLOOP = "uv:{port}:interface=127.0.0.1"
GROUPED = 60
"""Milliseconds."""

SETTINGS = """
listen: "{listen}"
public_url: https://{public}
twilio: {{account_sid: AC00000000000000000000000000000000, auth_token: {token}, base_url: "{vendors}"}}
voices:
  vendor: {{engine: elevenlabs, voice: 21m00Tcm4TlvDq8ikWAM, api_key: {key}, base_url: "{vendors}"}}
  lengthy: {{engine: elevenlabs, voice: {lengthy}, api_key: {key}, base_url: "{vendors}"}}
agents: {{helper: {{agent: elevenlabs, agent_id: {agent}, api_key: {key}, base_url: "{vendors}"{more}}}}}
numbers: {{"{agent_number}": agent, "{prompt_number}": prompt, "{lengthy_number}": lengthy}}
limits: {{calls: 100000}}
inbound: {{calls_at_once: 100000, calls_per_day: 10000000, agent_minutes_per_day: 10000000}}
"""
FLOWS = {
    "agent": '- agent: {use: helper, fallback: "Nobody is here."}',
    "prompt": '- say: "A prompt that is the same for all, and is in the cache."',
    "lengthy": f'- say: {{text: "{"A sentence that takes most of a minute. " * 2}", voice: lengthy}}',
}
FLOW = """
flow: {name}
voice: vendor
start: start
nodes:
  start:
    {step}
"""


class NotStarted(Exception):
    """A program that should be measured does not run."""


@attrs.frozen
class Surroundings:
    """What a program finds when it starts."""

    home: Path
    """An empty directory of its own."""
    port: int
    vendors: str
    """The URL of the doubles of ElevenLabs and Twilio."""
    certificate: Path
    core: int
    tree: Path
    """The checkout whose voiced is measured."""

    def environment(self) -> dict[str, str]:
        """Of every program."""
        return {
            **os.environ,
            "PYTHONPATH": str(self.tree),
            "SSL_CERT_FILE": str(self.certificate),
            "NODE_EXTRA_CA_CERTS": str(self.certificate),
            "PORT": str(self.port),
            "SERVER_DOMAIN": PUBLIC,
            "ELEVENLABS_BASE_URL": self.vendors,
            "ELEVENLABS_AGENT_ID": AGENT_ID,
            "ELEVENLABS_API_KEY": API_KEY,
        }


@attrs.frozen
class Program:
    """One that is measured. `command` prepares its home and gives the command line."""

    name: str
    command: Callable[[Surroundings], list[str]]
    environment: Mapping[str, str] = {}
    ours: bool = False

    def start(self, where: Surroundings) -> Running:
        """Start it on its core; returns when its port is open. Raises NotStarted, with what it has written."""
        running = Running(self, self.process(where, self.command(where)), where)
        running.wait_for_port()
        return running

    def process(
        self,
        where: Surroundings,
        command: list[str],
        more: Mapping[str, str] = MappingProxyType({}),
        sockets: tuple[int, ...] = (),
    ) -> subprocess.Popen[bytes]:
        """That command, on its core, with more in its environment, and these sockets of ours."""
        environment = {**where.environment(), **self.environment, **more}
        with (where.home / "log").open("ab") as log:
            return subprocess.Popen(  # noqa: S603 - the commands are below
                command, cwd=where.home, env=environment, stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, pass_fds=sockets,
                preexec_fn=lambda: os.sched_setaffinity(0, {where.core}),
            )  # fmt: skip


@attrs.define
class Running:
    """A program that runs."""

    program: Program
    process: subprocess.Popen[bytes]
    where: Surroundings

    @property
    def log(self) -> str:
        """The end of what it has written."""
        return (self.where.home / "log").read_text(errors="replace")[-2000:]

    def wait_for_port(self) -> None:
        """Until it listens."""
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.where.port), 1.0).close()
                return
            except OSError:
                time.sleep(0.05)
        self.stop()
        raise NotStarted(f"{self.program.name} does not listen; it says:\n{self.log}")

    def stop(self) -> None:
        """End it: politely, then not."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def free_port() -> int:
    """A port of 127.0.0.1 that nobody has now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


# voiced

TWISTD = str(Path(sys.executable).with_name("twistd"))


def write_settings(where: Surroundings, listen: str, more: str, besides: str) -> None:
    """Settings and flows as an operator writes them; `more` is the agent's, what `besides` says stands for ours."""
    (where.home / "flows").mkdir(exist_ok=True)
    for name, step in FLOWS.items():
        (where.home / "flows" / f"{name}.yaml").write_text(FLOW.format(name=name, step=step))
    settings = SETTINGS.format(
        listen=listen.format(port=where.port), public=PUBLIC, token=TOKEN, vendors=where.vendors, key=API_KEY,
        agent=AGENT_ID, more=more, agent_number=AGENT_NUMBER, prompt_number=PROMPT_NUMBER, lengthy=LENGTHY,
        lengthy_number=LENGTHY_NUMBER,
    )  # fmt: skip
    instead = {line.partition(":")[0] for line in besides.splitlines() if line[:1].isalpha()}
    kept = [line for line in settings.splitlines() if line.partition(":")[0] not in instead]
    (where.home / "voiced.yaml").write_text("\n".join([*kept, besides, ""]))


def voiced(name: str, listen: str, more: str = "", besides: str = "", twistd: tuple[str, ...] = ()) -> Program:
    """The real process; `twistd` are options of its own."""

    def command(where: Surroundings) -> list[str]:
        write_settings(where, listen, more, besides)
        return [TWISTD, "--nodaemon", "--pidfile=", *twistd, "voiced", "--config", "voiced.yaml"]

    return Program(name, command, ours=True)


def complaint(where: Surroundings, listen: str, more: str = "", besides: str = "") -> str:
    """What this voiced has against these settings; "" when they are good."""
    write_settings(where, listen, more, besides)
    checking = subprocess.run(  # noqa: S603
        [TWISTD, "voiced", "--config", "voiced.yaml", "--check"],
        cwd=where.home, env=where.environment(), capture_output=True, text=True,
    )  # fmt: skip
    return "" if checking.returncode == 0 else checking.stdout + checking.stderr


def choices_of_voiced(where: Surroundings, besides: str) -> tuple[list[Program], list[str]]:
    """voiced in each way that is measured, and a word on each that this voiced does not know.

    Raises NotStarted when it takes none of them.
    """
    listen = "tcp:{port}:interface=127.0.0.1"
    if against := complaint(where, listen, besides=besides):
        raise NotStarted(f"voiced does not take the bench's settings:\n{against}")
    words = []
    if complaint(where, UVLOOP, besides=besides):
        words.append("this voiced has no `uv:` endpoint: it listens on `tcp:`")
    else:
        listen = UVLOOP
    if complaint(where, listen, ", group_ms: 20", besides):
        words.append("this voiced has no `group_ms`: it is measured as it is, with 20 ms a message")
        return [voiced("voiced", listen, "", besides)], words
    found = [
        voiced("voiced", listen, ", group_ms: 20", besides),
        voiced(f"voiced, {GROUPED} ms groups", listen, f", group_ms: {GROUPED}", besides),
        voiced("voiced, default groups", listen, "", besides),
    ]
    return found, words


# The rivals


def plain() -> Program:
    """Twisted, Autobahn and json, as one writes them."""
    return Program("plain Autobahn", lambda where: [sys.executable, str(RIVALS / "plain.py")])


def node() -> Program | None:
    """Fastify and ws; None where there is no Node. npm installs what package.json pins on first use."""
    if node_version() is None:
        return None
    home = BUILD / "node"
    home.mkdir(parents=True, exist_ok=True)
    for file in ("package.json", "package-lock.json", "bridge.js"):
        shutil.copy(RIVALS / "node" / file, home / file)
    installed = home / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < (RIVALS / "node/package-lock.json").stat().st_mtime:
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--silent"], cwd=home, check=True)  # noqa: S607
    return Program("Node fastify + ws", lambda where: ["node", str(home / "bridge.js")], {"NODE_ENV": "production"})
