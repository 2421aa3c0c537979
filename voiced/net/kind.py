"""What Autobahn keeps for each socket, kept once for a kind of sockets: a call has two, and there are many calls.

Autobahn's factory has its options on each instance, and each protocol copies those that its class does not have; so
they stand on our classes, and no instance has any. What only the handshake needed goes when the socket is open.
"""

from __future__ import annotations

from types import FunctionType
from typing import Any

_OF_HANDSHAKE = (
    "_wskey",
    "http_headers",
    "http_request_data",
    "http_request_host",
    "http_request_params",
    "http_request_path",
    "http_request_uri",
    "http_response_data",
    "http_status_line",
    "websocket_extensions",
    "websocket_key",
    "websocket_origin",
    "websocket_protocols",
)
"""What Autobahn's protocols set while they shake hands, and look at no more."""


class Settled:
    """Stands before an Autobahn factory class among the bases: `settle` has given it its options."""

    def resetProtocolOptions(self) -> None:
        """Named by Autobahn, whose `__init__` sets each option of the instance by this: the class has them all."""

    def setProtocolOptions(self, **options: Any) -> None:
        """Named by Autobahn. Raises TypeError: the sockets of this factory would not see what is set here."""
        raise TypeError("the options of a kind of sockets stand on its classes: see voiced.net.kind.settle")


def settle(factory: type, protocol: type, **options: Any) -> None:
    """Put the options of this kind of sockets on both classes: Autobahn's own, but for these (setProtocolOptions)."""
    autobahn: Any = next(base for base in factory.__mro__[1:] if not issubclass(base, Settled))
    usual = autobahn.__new__(autobahn)
    usual.resetProtocolOptions()
    usual.setProtocolOptions(**options)
    for name, value in vars(usual).items():
        plain = staticmethod(value) if isinstance(value, FunctionType) else value  # it is no method of theirs
        setattr(factory, name, plain)
        setattr(protocol, name, plain)


class _Queue(list[Any]):
    """What waits to be sent in pieces, or not before the next turn: nearly always nothing. An empty deque has room
    for 64 things already, 600 bytes."""

    __slots__ = ()

    def popleft(self) -> Any:
        """Named by deque's users."""
        return self.pop(0)


def let_go(protocol: Any) -> None:
    """Of what only the handshake needed, now that the socket is open."""
    kept = vars(protocol)
    protocol.send_queue = _Queue(protocol.send_queue)
    for name in _OF_HANDSHAKE:
        kept.pop(name, None)
    kept["_transport_details"] = None  # the ends of the wire, for Autobahn's WAMP
