"""The daemon's HTTP API as the command line's tools see it, in memory: it calls nobody, and remembers whom."""

from __future__ import annotations

import json
from collections import Counter, deque
from typing import Any

from twisted.internet.task import Clock
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from voiced.cli.apiclient import Api
from voiced.secret import Secret
from voiced.simulator.memory import MemoryNetwork

KEY = "a key of twenty characters"


class ApiDouble(Resource):
    """Places calls that last `seconds`, once for each idempotency key; `endings` says how, number by number."""

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.clock.advance(1_700_000_000)
        self.seconds = 5.0
        self.endings: dict[str, deque[str]] = {}
        """How the next calls to a number end; `completed` when there is none (left)."""
        self.reasons: dict[str, str] = {}
        """Why the flow hangs up on a number."""
        self.answers: deque[tuple[int, dict[str, Any], dict[str, str]] | None] = deque()
        """What to answer instead to the next requests to place a call; None: nothing at all, but it is placed."""
        self.looks: deque[tuple[int, dict[str, Any], dict[str, str]]] = deque()
        """What to answer instead to the next looks at a call."""
        self.wanted: list[dict[str, Any]] = []
        """Every request to place a call."""
        self.rung: list[tuple[float, str]] = []
        """(when, number) of each call that was really placed."""
        self.forgets: set[str] = set()
        """CallSids that it does not know any more."""
        self.requests = 0
        self.dies_at: tuple[int, bool] | None = None
        """(request, done): with that request the other side dies; the request was still done, or was not."""
        self.stages: list[str] = ["running"]
        self.lines: list[dict[str, str]] = []
        self._calls: dict[str, tuple[str, float, str]] = {}
        """CallSid -> number, when, how it ends."""
        self._keys: dict[str, str] = {}

    @property
    def rings(self) -> Counter[str]:
        """How often each number was called."""
        return Counter(number for _, number in self.rung)

    @property
    def dead(self) -> bool:
        """Whether the other side has died."""
        return self.dies_at is not None and self.requests >= self.dies_at[0]

    def reached(self, key: str = KEY) -> Api:
        """A client of it, on a network of its own."""
        network = MemoryNetwork(self.clock)
        network.listen("daemon", Site(self, reactor=self.clock))
        return Api(network.http(), "http://daemon", Secret(key), self.clock)

    def reborn(self) -> None:
        """The other side comes back: nothing of what it waited for is left."""
        now = self.clock.seconds()
        self.clock = Clock()
        self.clock.advance(now)
        self.dies_at = None

    def render(self, request: Request) -> bytes | int:
        """Named by Twisted."""
        self.requests += 1
        if self.dead:
            if self.dies_at and self.dies_at[1]:
                self._serve(request)
            return NOT_DONE_YET
        answer = self._serve(request)
        if answer is None:
            return NOT_DONE_YET
        status, body, headers = answer
        request.setResponseCode(status)
        for name, value in headers.items():
            request.setHeader(name, value)
        return json.dumps(body).encode()

    def _serve(self, request: Request) -> tuple[int, dict[str, Any], dict[str, str]] | None:
        if request.getHeader("Authorization") != f"Bearer {KEY}":
            return 401, {"success": False, "error": "no such key"}, {}
        match request.method, request.path.decode().strip("/").split("/"):
            case b"POST", ["outbound-call"]:
                return self._place(json.loads(request.content.read()))
            case b"GET", ["calls", _] if self.looks:
                return self.looks.popleft()
            case b"GET", ["calls", sid] if sid in self._calls and sid not in self.forgets:
                return 200, self._shown(sid), {}
        return 404, {"success": False, "error": "there is no such call"}, {}

    def _place(self, wanted: dict[str, Any]) -> tuple[int, dict[str, Any], dict[str, str]] | None:
        self.wanted.append(wanted)
        answer = self.answers.popleft() if self.answers else (200, {}, {})
        if answer is not None and answer[0] != 200:
            return answer
        sid = self._keys.get(wanted.get("idempotency_key", ""))
        if sid is None:
            number, now = wanted["number"], self.clock.seconds()
            sid = f"CA{len(self._calls):032x}"
            self.rung.append((now, number))
            endings = self.endings.get(number)
            self._calls[sid] = (number, now, endings.popleft() if endings else "completed")
            if "idempotency_key" in wanted:
                self._keys[wanted["idempotency_key"]] = sid
        return None if answer is None else (200, {"success": True, "message": "Call initiated", "callSid": sid}, {})

    def _shown(self, sid: str) -> dict[str, Any]:
        number, began, ending = self._calls[sid]
        lasted = self.clock.seconds() - began
        call = {"callSid": sid, "called": number, "agents": [{"transcript": self.lines}]}
        if lasted < self.seconds:
            stage = self.stages[min(int(lasted), len(self.stages) - 1)]
            return {**call, "state": "live", "stage": stage, "ending": None, "seconds": lasted}
        return {**call, "state": "ended", "stage": "", "ending": ending, "seconds": self.seconds,
                "reason": self.reasons.get(number)}  # fmt: skip
