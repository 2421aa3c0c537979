"""Whatever is sent, the answer is JSON and no fault of ours; and nothing that is sent gets anywhere it could harm."""

from __future__ import annotations

import io
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, fail
from twisted.internet.error import ConnectionLost
from twisted.logger import globalLogPublisher, textFileLogObserver
from twisted.python.failure import Failure

from tests.test_api_memory import FORM, JSON, KEY, NARROW, NUMBER, PAGE, SID, ApiTestCase, live_call, parse
from voiced.errors import BadWish

ATTACKS = (
    "\r\nSet-Cookie: a=b\r\n\r\n<html>",
    "\n2026-01-01T00:00:00+0000 [voiced#critical] forged",
    '"/><Dial>+19005550100</Dial><Say x="',
    "<![CDATA[<Hangup/>]]>&xxe;",
    "{call.caller} {0.__class__} %(x)s $x",
    "\x1b[2J\x00\x07",
    "../../etc/passwd",
    "'; DROP TABLE calls; --",
    "\u2028\u202e\ufeff",
)
PATHS = st.sampled_from(
    ["/outbound-call", "/calls", f"/calls/{SID}", f"/calls/{SID}/transfer", "/calls/CA1", "/openapi.json"]
)
METHODS = st.sampled_from(["GET", "POST", "DELETE", "HEAD", "PUT", "OPTIONS", "PATCH"])
KINDS = st.sampled_from([JSON, FORM, "text/plain", "application/json; charset=utf-8"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(["number", "prompt", "variables", "from", "timeout", "to", "caller_id", "flow"]) | st.text()
BODIES = st.binary() | st.dictionaries(NAMES, VALUES, max_size=5).map(lambda fields: json.dumps(fields).encode())
QUERIES = st.just("") | st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="#"), max_size=30
)


class HostileTests(ApiTestCase):
    """Requests of people who mean no good."""

    def logged(self) -> io.StringIO:
        """The log from now on, as twistd writes it."""
        written = io.StringIO()
        observer = textFileLogObserver(written)
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        return written

    @given(METHODS, PATHS, QUERIES, BODIES, KINDS, st.sampled_from([KEY, NARROW, None, "x"]))
    def test_never_ours(self, method: str, path: str, query: str, body: bytes, kind: str, key: str | None) -> None:
        """Any method, path, query, body and key: never a 5xx, always JSON (or nothing, where HTTP wants nothing)."""
        self.live.calls = [live_call()]
        target = f"{path}?{query}" if query and "%" not in query else path
        reply = self.ask(method, target, body, key=key, kind=kind)
        self.assertLess(reply.status, 500)
        if method != "HEAD" and reply.status != 204:
            self.assertIn("success" if reply.status >= 400 else next(iter(reply.json)), reply.json)

    @given(st.lists(st.tuples(
        st.sampled_from(["Authorization", "Idempotency-Key", "Origin", "Content-Encoding", "Content-Type"]),
        st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=40),
    ), max_size=4))  # fmt: skip
    def test_headers(self, headers: list[tuple[str, str]]) -> None:
        """Any header: nothing of it comes back as a header, and nothing breaks."""
        good = [("Authorization", f"Bearer {KEY}"), ("Content-Type", JSON)]
        _, transport = self.send("POST", "/outbound-call", b'{"number": "+14155550100"}', [*good, *headers])
        reply = parse(transport.value())
        self.assertLess(reply.status, 500)
        self.assertIn(reply.headers.get("access-control-allow-origin"), (None, PAGE))
        self.assertIn("success", reply.json)

    def test_fields(self) -> None:
        """A field is data: it arrives whole or is refused; neither headers nor log have anything of it."""
        log = self.logged()
        for attack in ATTACKS:
            for field in ("number", "prompt", "first_message", "flow", "from", "idempotency_key", attack):
                reply = self.ask("POST", "/outbound-call", {"number": NUMBER} | {field: attack})
                self.assertIn(reply.status, (200, 400))
                self.assertNotIn("set-cookie", reply.headers)
            self.ask("POST", "/outbound-call", {"number": NUMBER, "variables": {"x": attack, attack: "x"}})
            self.ask("POST", f"/calls/{SID}/transfer", {"to": attack, "caller_id": attack})
        wishes = [wish for wish, _ in self.placing.wishes]
        self.assertEqual([wish.prompt for wish in wishes if wish.prompt is not None], list(ATTACKS))
        for attack in ATTACKS:
            self.assertNotIn(attack, log.getvalue())
        lines = {line.partition(" ")[2] for line in log.getvalue().splitlines()}
        self.assertEqual(lines, {f"[voiced.api.routes#info] crm: places {SID}"})

    def test_echoed(self) -> None:
        """A name that is repeated in an answer is a JSON text there, and nothing else."""
        for attack in ATTACKS:
            reply = self.ask("POST", "/outbound-call", {"number": NUMBER, attack: 1})
            self.assertEqual((reply.status, reply.json["path"]), (400, attack))
            self.assertNotIn(b"\n", reply.body)

    def test_paths(self) -> None:
        """A SID that is none is asked of nobody, and is not in the log."""
        log = self.logged()
        for sid in ("%0d%0aX-A:%20b", "%00", "..", "%2e%2e", "%22%3E", "CA1;x", "a" * 65, "%F0%9F%98%80", "{call}"):
            for method, rest in (("GET", ""), ("DELETE", ""), ("POST", "/transfer")):
                body: Any = {"to": "+14155550199"} if method == "POST" else b""
                self.assert_problem(self.ask(method, f"/calls/{sid}{rest}", body), 404)
        self.assertEqual((self.kept.asked, self.placing.asked, log.getvalue()), ([], [], ""))

    def test_words_of_errors(self) -> None:
        """An error's own words are data in the answer, too."""
        self.placing.answer = lambda: fail(BadWish(ATTACKS[0], ATTACKS[1]))
        reply = self.ask("POST", "/outbound-call", {"number": NUMBER})
        self.assertEqual((reply.json["path"], reply.json["error"]), ATTACKS[:2])
        self.assertNotIn("set-cookie", reply.headers)

    def test_many_who_leave(self) -> None:
        """Clients that ask and go leave nothing behind but their calls."""
        placings: list[Deferred[str]] = []

        def place() -> Deferred[str]:
            placings.append(Deferred())
            return placings[-1]

        self.placing.answer = place
        for _ in range(20):
            headers = [("Authorization", f"Bearer {KEY}"), ("Content-Type", JSON)]
            channel, _ = self.send("POST", "/outbound-call", b'{"number": "+14155550100"}', headers)
            channel.connectionLost(Failure(ConnectionLost()))
        self.assertEqual(len(placings), 20)
        for placing in placings:
            placing.callback(SID)
        self.assertEqual(self.flushLoggedErrors(), [])
