"""What the service manager is told, over a real datagram socket: it cannot be seen otherwise."""

from __future__ import annotations

import os
import secrets
import socket
from pathlib import Path
from tempfile import TemporaryDirectory

from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from voiced.net.notify import ServiceManager, service_manager


class NotifyTests(SynchronousTestCase):
    """Datagrams, as sd_notify(3) describes them."""

    def setUp(self) -> None:
        """A service manager that listens."""
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.socket.close)
        self.socket.setblocking(False)

    def path(self) -> str:
        """A name for a socket; trial's own directories are too deep for one."""
        directory = TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        return str(Path(directory.name) / "notify")

    def test_path(self) -> None:
        """News go to a path, a line each."""
        address = self.path()
        self.socket.bind(address)
        ServiceManager(address).tell(READY=1, STATUS="3 calls")
        self.assertEqual(self.socket.recv(999), b"READY=1\nSTATUS=3 calls\n")

    def test_abstract(self) -> None:
        """News go to an abstract name."""
        name = f"voiced-test-{os.getpid()}-{secrets.token_hex(4)}"
        self.socket.bind("\0" + name)
        ServiceManager("@" + name).tell(WATCHDOG=1)
        self.assertEqual(self.socket.recv(999), b"WATCHDOG=1\n")

    def test_line_ends(self) -> None:
        """What is told cannot pass for other news."""
        address = self.path()
        self.socket.bind(address)
        ServiceManager(address).tell(STATUS="bad\nSTOPPING=1\rX")
        self.assertEqual(self.socket.recv(999), b"STATUS=bad STOPPING=1 X\n")

    def test_nobody(self) -> None:
        """Without a socket nobody is told."""
        with capturedLogs() as logged:
            ServiceManager().tell(READY=1)
        self.assertEqual(logged, [])

    def test_gone(self) -> None:
        """A socket that is not there is logged once, and stops nothing."""
        manager = ServiceManager(self.path())
        with capturedLogs() as logged:
            manager.tell(READY=1)
            manager.tell(WATCHDOG=1)
        self.assertEqual([event["log_level"] for event in logged], [LogLevel.warn])
        self.assertIn("NotifyAccess=main", logged[0]["log_format"])

    def test_full(self) -> None:
        """A service manager that does not read makes nobody wait."""
        address = self.path()
        self.socket.bind(address)
        manager = ServiceManager(address)
        with capturedLogs() as logged:
            for _ in range(5000):
                manager.tell(WATCHDOG=1)
        self.assertEqual(len(logged), 1)
        self.assertEqual(self.socket.recv(999), b"WATCHDOG=1\n")


class EnvironmentTests(SynchronousTestCase):
    """What systemd says in the environment."""

    def test_nothing(self) -> None:
        """Started by hand there is nobody."""
        self.assertFalse(service_manager({}, 7).listens)

    def test_strange(self) -> None:
        """An address of another kind is nobody's."""
        self.assertFalse(service_manager({"NOTIFY_SOCKET": "vsock:2:1"}, 7).listens)

    def test_watchdog(self) -> None:
        """How long we may be silent is meant for this process, or for whoever reads it."""
        known = {"NOTIFY_SOCKET": "/run/notify", "WATCHDOG_USEC": "30000000"}
        cases = [
            ({}, 30.0),
            ({"WATCHDOG_PID": "7"}, 30.0),
            ({"WATCHDOG_PID": "8"}, None),
            ({"WATCHDOG_USEC": "0"}, None),
            ({"WATCHDOG_USEC": "soon"}, None),
            ({"WATCHDOG_USEC": ""}, None),
        ]
        for more, silence in cases:
            self.assertEqual(service_manager(known | more, 7).silence, silence, more)
