"""The machine: which cores there are, what it is, how busy it was."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import attrs

PACKAGES = ("twisted", "autobahn", "msgspec", "uvloop", "picows")
QUIET = 0.5
"""The load average (one minute) up to which figures are worth something: less than half a core was at work."""


def cores() -> tuple[int, int]:
    """The core of the program under test, and that of the load generator. Raises RuntimeError on one core."""
    found = sorted(os.sched_getaffinity(0))
    if len(found) < 2:
        raise RuntimeError("the bench needs two cores: one for the program under test, one for the load generator")
    return found[0], found[1]


def load() -> float:
    """The load average of the last minute."""
    return os.getloadavg()[0]


@attrs.frozen
class Machine:
    """What the figures are from."""

    processor: str
    cores: int
    kernel: str
    versions: dict[str, str]

    @classmethod
    def here(cls) -> Machine:
        """This one."""
        versions = {"Python": platform.python_version()}
        for name in PACKAGES:
            try:
                versions[name] = version(name)
            except PackageNotFoundError:
                continue
        if (node := node_version()) is not None:
            versions["Node"] = node
        return cls(
            _processor(), os.cpu_count() or 0, f"{platform.system()} {platform.release().partition('-')[0]}", versions
        )


def commit(tree: Path) -> str:
    """Which commit of voiced a checkout has, and whether it was changed since; "an unknown version" outside git."""
    asked = subprocess.run(  # noqa: S603
        ["git", "-C", str(tree), "describe", "--always", "--dirty", "--exclude=*"],  # noqa: S607
        capture_output=True, text=True,
    )  # fmt: skip
    return asked.stdout.strip() or "an unknown version"


def node_version() -> str | None:
    """Of the Node that is installed, if one is."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return None
    return subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
