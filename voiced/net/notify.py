"""Tells the service manager how we are: sd_notify(3), a datagram of NAME=value lines to the socket that it names.

──► READY=1                                 we answer
──► WATCHDOG=1\nSTATUS=3 calls              we are alive; what `systemctl status` shows
──► STOPPING=1\nEXTEND_TIMEOUT_USEC=…       we stop, and may take that long
"""

from __future__ import annotations

import socket
from collections.abc import Mapping

import attrs
from twisted.logger import Logger

SOCKET = "NOTIFY_SOCKET"
"""The variable that names the socket: a path, or an abstract name behind an `@`."""
WATCHDOG, WATCHDOG_PID = "WATCHDOG_USEC", "WATCHDOG_PID"
"""The variables that say within how many microseconds which process has to show that it is alive."""

log = Logger()


@attrs.define
class ServiceManager:
    """Who has started us, and wants to know how we are: systemd, as a rule. Without a socket it is nobody."""

    address: str = ""
    silence: float | None = None
    """Seconds without a sign of life after which it kills us; None: it does not look."""
    _complained: bool = attrs.field(default=False, init=False)

    @property
    def listens(self) -> bool:
        """Whether there is somebody to tell."""
        return self.address != ""

    def tell(self, **news: str | int) -> None:
        """Send these, as they are named in sd_notify(3). Never waits, and never fails: a full or missing socket is
        logged once, and the next news may arrive."""
        if not self.listens:
            return
        lines = "".join(f"{name}={str(value).translate(_ONE_LINE)}\n" for name, value in news.items())
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.setblocking(False)
                sender.sendto(lines.encode(), _path(self.address))
        except OSError as error:
            self._complain(error)

    def _complain(self, error: OSError) -> None:
        if not self._complained:
            self._complained = True
            log.warn(
                "the service manager does not take our news at {address} ({error}): with WatchdogSec= it will "
                "restart us; is NotifyAccess=main in the unit?",
                address=self.address,
                error=error.strerror or str(error),
            )


_ONE_LINE = {ord("\n"): " ", ord("\r"): " "}


def service_manager(environ: Mapping[str, str], process: int) -> ServiceManager:
    """The one that the environment of this process names, if any."""
    address = environ.get(SOCKET, "")
    if address[:1] not in ("/", "@"):  # vsock:… is for machines, not for services
        return ServiceManager()
    return ServiceManager(address, _silence(environ, process))


def _silence(environ: Mapping[str, str], process: int) -> float | None:
    microseconds, whose = environ.get(WATCHDOG, ""), environ.get(WATCHDOG_PID, "")
    if whose not in ("", str(process)) or not (microseconds.isascii() and microseconds.isdigit()):
        return None
    return int(microseconds) / 1e6 or None


def _path(address: str) -> str:
    return "\0" + address[1:] if address.startswith("@") else address
