"""What operators and their programs read of the daemon: /health/live, /health/ready and /metrics.

-> GET /health/ready                      <- 200 {"ready": true}
                                          <- 503 {"ready": false, "why": ["draining"]}
-> GET /metrics                           <- 200 Prometheus' text, in the form that was asked for
"""

from __future__ import annotations

import json
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

from klein import Klein
from prometheus_client.exposition import choose_encoder
from twisted.logger import Logger

from voiced.watch.health import Health
from voiced.watch.metrics import Metrics

PATHS = ("/metrics", "/health")
FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")
"""A request with one of these came through a proxy: whoever sent it is not on this machine."""
WHO = ("local", "key", "everybody")
"""Who may read /metrics: this machine and keys, keys, or whoever reaches it. A key is one for all flows."""

log = Logger()


class Pages:
    """`opens(authorization)` says whether that header has a key for all flows; `readers` is one of WHO."""

    app = Klein()
    app.url_map.merge_slashes = False

    def __init__(
        self, metrics: Metrics, health: Health, opens: Callable[[str], bool], readers: str = "local"
    ) -> None:
        self._metrics = metrics
        self._health = health
        self._opens = opens
        self.readers = readers

    @app.route("/health/live", methods=["GET"])
    def live(self, request: Any) -> bytes:
        """The process is there, and its reactor turns: that is all there is to it."""
        return _json(request, 200, {"live": True})

    @app.route("/health/ready", methods=["GET"])
    def ready(self, request: Any) -> bytes:
        """Whether new calls are welcome. For a balancer; calls that live are no business of it."""
        why = self._health.why_not()
        return _json(request, 503, {"ready": False, "why": why}) if why else _json(request, 200, {"ready": True})

    @app.route("/metrics", methods=["GET"])
    def metrics(self, request: Any) -> bytes:
        """All counts and times."""
        authorization = _header(request, "Authorization")
        if not self._may_read(request, authorization):
            log.warn("refused /metrics to {who}", who="a wrong key" if authorization else "somebody without a key")
            request.setHeader(b"WWW-Authenticate", b"Bearer")
            return _json(request, 401, {"error": "this needs an API key for all flows: Authorization: Bearer …"})
        encode, kind = choose_encoder(_header(request, "Accept"))
        request.setHeader(b"Content-Type", kind.encode())
        text: bytes = encode(self._metrics.registry)
        return text

    def _may_read(self, request: Any, authorization: str) -> bool:
        if self.readers == "everybody":
            return True
        if authorization:
            return self._opens(authorization)
        return self.readers == "local" and is_local(request)


def is_local(request: Any) -> bool:
    """Whether a request comes from this machine itself, and not through a proxy on it that says so."""
    try:
        address = ip_address(getattr(request.client, "host", ""))
    except ValueError:
        return False
    loopback = getattr(address, "ipv4_mapped", None) or address
    return loopback.is_loopback and not any(_header(request, name) for name in FORWARDED)


def _json(request: Any, status: int, answer: dict[str, Any]) -> bytes:
    request.setResponseCode(status)
    request.setHeader(b"Content-Type", b"application/json")
    return json.dumps(answer, ensure_ascii=False).encode()


def _header(request: Any, name: str) -> str:
    return (request.getHeader(name.encode()) or b"").decode("latin-1")
