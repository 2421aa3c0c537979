"""A voiced that may be killed: its socket is held for the next one, as systemd does, and it says when it listens."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time

import attrs

from bench.programs import START_SECONDS, NotStarted, Program, Running, Surroundings

LISTEN = 'listen: "uvsystemd:domain=INET:index=0"'
BACKLOG = 1024
"""Connections that wait for the next daemon: what config/voiced.socket allows."""
_AS_SYSTEMD = (
    "import os, sys\n"
    "os.dup2(int(sys.argv[1]), 3)\n"  # sd_listen_fds(3): sockets begin at 3
    "os.execve(sys.argv[2], sys.argv[2:], {**os.environ, 'LISTEN_FDS': '1', 'LISTEN_FDNAMES': 'voiced',\n"
    "    'LISTEN_PID': str(os.getpid())})\n"
)


@attrs.define
class Held(Running):
    """One that runs."""

    listener: socket.socket
    news: socket.socket
    """What it tells its service manager (sd_notify(3)) comes there."""

    def wait_until_ready(self) -> int:
        """Until it says that it listens; when that was (ns of the monotonic clock). Raises NotStarted."""
        until = time.monotonic() + START_SECONDS
        self.news.settimeout(0.1)
        while time.monotonic() < until and self.process.poll() is None:
            try:
                told = self.news.recv(4096).splitlines()
            except TimeoutError:
                continue
            if b"READY=1" in told:
                return time.monotonic_ns()
        self.stop()
        raise NotStarted(f"{self.program.name} does not listen; it says:\n{self.log}")

    def kill(self) -> int:
        """`kill -9`; when that was."""
        at = time.monotonic_ns()
        self.process.kill()
        self.process.wait()
        return at

    def start_again(self) -> int:
        """The next daemon, on the same socket and directory; when it listens. Raises NotStarted."""
        self.process = _process(self.program, self.where, self.listener)
        return self.wait_until_ready()

    def stop(self) -> None:
        """End it, and hold the socket no more."""
        super().stop()
        self.listener.close()
        self.news.close()


@attrs.frozen
class HeldProgram(Program):
    """A voiced that is started so."""

    def start(self, where: Surroundings) -> Held:
        """See Program."""
        listener = socket.create_server(("127.0.0.1", where.port), backlog=BACKLOG)
        news = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        news.bind(str(where.home / "notify"))
        running = Held(self, _process(self, where, listener), where, listener, news)
        running.wait_until_ready()
        return running


def held(program: Program, name: str) -> HeldProgram:
    """The same voiced, on a socket that is held for it. It takes calls on a busy machine, too: how many are live is
    part of the question, not of the answer."""

    def command(where: Surroundings) -> list[str]:
        line = program.command(where)
        settings = where.home / "voiced.yaml"
        text = re.sub(r"^listen: .*$", LISTEN, settings.read_text(), flags=re.MULTILINE)
        settings.write_text(re.sub(r"^limits: \{", "limits: {lag_ms: null, ", text, flags=re.MULTILINE))
        return line

    return HeldProgram(name, command, program.environment, ours=True)


def _process(program: Program, where: Surroundings, listener: socket.socket) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", _AS_SYSTEMD, str(listener.fileno()), *program.command(where)]
    more = {"NOTIFY_SOCKET": str(where.home / "notify")}
    return program.process(where, command, more, (listener.fileno(),))
