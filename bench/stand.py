"""The stand: a program under test on one core, the load generator on another, and what can be asked of both."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import attrs
import msgspec

from bench import certificate, machine
from bench.load import orders
from bench.proc import resident_kb
from bench.programs import AGENT_NUMBER, Program, Running, Surroundings, free_port

FULL = 0.9
"""The share of its core above which the load generator's figures do not count ..."""
LATE = 8.0
"""... and the milliseconds that its pacing may be late (p99)."""

T = TypeVar("T", bound=orders.Answer)


class NotCounted(Exception):
    """A run that says nothing of the program: the load generator, or something else, was in the way."""


class Generator:
    """The load generator's process."""

    def __init__(self, pem: Path, key: Path, core: int) -> None:
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "bench.load", str(pem), str(key)],
            cwd=Path(__file__).parent.parent, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        )  # fmt: skip
        self.doubles = msgspec.json.decode(self._line(), type=orders.Doubles)

    def obey(self, order: orders.Order, kind: type[T]) -> T:
        """Have it do that. Raises NotCounted when it cannot."""
        assert self._process.stdin is not None  # noqa: S101 - a pipe
        self._process.stdin.write(msgspec.json.encode(order) + b"\n")
        self._process.stdin.flush()
        answer = msgspec.json.decode(self._line(), type=orders.Answer)  # type: ignore[arg-type]
        if not isinstance(answer, kind):
            raise NotCounted(f"{type(order).__name__}: {answer}")
        return answer

    def stop(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()

    def _line(self) -> bytes:
        assert self._process.stdout is not None  # noqa: S101 - a pipe
        line = self._process.stdout.readline()
        if not line:
            raise NotCounted("the load generator has ended: its traceback is above")
        return line


@attrs.frozen
class Stand:
    """Both, while a program is measured."""

    running: Running
    generator: Generator
    anyhow: bool = False
    """Whether what is measured counts though the generator did not keep up."""

    def must_keep_up(self, own_cpu: float, late: float = 0.0) -> None:
        """Raises NotCounted when the load generator did not: its share of a core, how late its frames were (ms)."""
        if not self.anyhow and own_cpu > FULL:
            raise NotCounted(f"the load generator used {own_cpu:.0%} of its core")
        if not self.anyhow and late > LATE:
            raise NotCounted(f"the load generator sent its frames {late:.1f} ms late (p99)")

    def ring(self, calls: int, at_once: int = 8) -> orders.Rung:
        """So many calls more, with an agent each."""
        return self.generator.obey(orders.Ring(calls, AGENT_NUMBER, at_once), orders.Rung)

    def measure(self, seconds: float) -> orders.Measured:
        """Watch the live calls for so long, whether or not the generator keeps up."""
        return self.generator.obey(orders.Measure(seconds), orders.Measured)

    def hang_up(self) -> None:
        """Every call ends."""
        self.generator.obey(orders.HangUp(), orders.Done)

    def resident_kb(self) -> int:
        """The program's memory."""
        return resident_kb(self.running.process.pid)


class Bench:
    """Where stands are put up: a directory, a certificate, two cores."""

    def __init__(self, directory: Path, tree: Path, anyhow: bool) -> None:
        self._tree = tree
        self._anyhow = anyhow
        self._directory = directory
        self._pem, self._key = certificate.make(directory)
        self._cores = machine.cores()

    def surroundings(self, vendors: str = "http://127.0.0.1:9") -> Surroundings:
        """An empty home and a free port."""
        home = Path(tempfile.mkdtemp(dir=self._directory))
        return Surroundings(home, free_port(), vendors, self._pem, self._cores[0], self._tree)

    @contextmanager
    def stand(self, program: Program, tls: bool = True) -> Iterator[Stand]:
        """That program, started; `tls`: its agents are reached over wss. Both end with it."""
        generator = Generator(self._pem, self._key, self._cores[1])
        try:
            running = program.start(self.surroundings(f"http://127.0.0.1:{generator.doubles.http}"))
            try:
                port = running.where.port
                generator.obey(orders.Aim(port, running.process.pid, tls), orders.Done)
                yield Stand(running, generator, self._anyhow)
            finally:
                running.stop()
        finally:
            generator.stop()


@contextmanager
def bench(tree: Path, anyhow: bool = False) -> Iterator[Bench]:
    """For as long as it is measured; `tree` is the checkout whose voiced it is. `anyhow`: see Stand."""
    with tempfile.TemporaryDirectory(prefix="voiced-bench-") as directory:
        yield Bench(Path(directory), tree, anyhow)
