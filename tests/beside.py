"""Somebody else's plugins, on the path for the time of a test."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import voiced.plugins


def install(case: SynchronousTestCase, directory: Path, *packages: str) -> None:
    """Put this directory on the path as `pip install` would; when the test is over, nobody has it in mind any more.

    `packages` are those that it brings, besides its modules in voiced.plugins.
    """
    plugins = directory / "voiced" / "plugins"
    names = {*packages, *(f"voiced.plugins.{file.stem}" for file in plugins.glob("*.py"))}

    def forget() -> None:
        inside = tuple(f"{package}." for package in packages)
        for name in [name for name in sys.modules if name in names or name.startswith(inside)]:
            del sys.modules[name]

    case.patch(sys, "path", [str(directory), *sys.path])
    case.patch(sys, "dont_write_bytecode", True)
    case.patch(voiced.plugins, "__path__", [*voiced.plugins.__path__, str(plugins)])
    importlib.invalidate_caches()
    forget()
    case.addCleanup(forget)
