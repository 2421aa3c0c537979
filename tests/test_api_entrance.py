"""Who gets in (keys, web pages), and what is said about paths and methods that are not there."""

from __future__ import annotations

from tests.test_api_memory import KEY, NARROW, PAGE, PUBLIC_URL, SID, ApiTestCase, Reply, live_call, parse

ROUTES = [
    ("POST", "/outbound-call"),
    ("GET", "/calls"),
    ("GET", f"/calls/{SID}"),
    ("DELETE", f"/calls/{SID}"),
    ("POST", f"/calls/{SID}/transfer"),
]


class KeyTests(ApiTestCase):
    """API keys."""

    def test_none_and_wrong(self) -> None:
        """Everything that acts or shows needs a key; without one nothing is read, and all are answered the same."""
        self.live.calls = [live_call()]
        for method, path in ROUTES:
            replies = [self.ask(method, path, b"{", key=key) for key in (None, "wrong", KEY[:-1], KEY + "x")]
            self.assertEqual({reply.headers["www-authenticate"] for reply in replies}, {"Bearer"})
            self.assertEqual(len({self.assert_problem(reply, 401) for reply in replies}), 1)
        self.assertEqual((self.placing.wishes, self.live.calls[0].done), ([], []))

    def authorized(self, *values: str) -> int:
        """The status with these Authorization headers."""
        _, transport = self.send("GET", "/calls", headers=[("Authorization", value) for value in values])
        return parse(transport.value()).status

    def test_forms(self) -> None:
        """The scheme is read in any case (RFC 9110 §11.1); one header, and nothing beside the key."""
        good = [self.authorized(f"{scheme} {KEY}") for scheme in ("Bearer", "bearer", "BEARER", "Bearer  ")]
        self.assertEqual(good, [200] * 4)
        for values in (
            [KEY],
            [f"Basic {KEY}"],
            [f"Bearer {KEY} x"],
            [f"Bearer {KEY}, Bearer {KEY}"],
            [f"Bearer {KEY}"] * 2,
            [f"Bearer {KEY}é"],
            ["Bearer"],
            ["Bearer "],
            [""],
        ):
            with self.subTest(values=values):
                self.assertEqual(self.authorized(*values), 401)

    def test_not_known_to_the_log(self) -> None:
        """Who is refused has no name."""
        self.ask("GET", "/calls", key="wrong")
        self.assertFalse(hasattr(self.requests[-1], "party"))
        self.ask("GET", "/calls", key=NARROW)
        self.assertEqual(self.requests[-1].party, "sales")


class OffTests(ApiTestCase):
    """No keys are set."""

    party_of = None

    def test_off(self) -> None:
        """All is 403, and says what to set; the document is there."""
        for method, path in ROUTES:
            self.assertIn("api.keys", self.assert_problem(self.ask(method, path), 403))
        self.assertEqual(self.ask("GET", "/openapi.json", key=None).status, 200)


class PathTests(ApiTestCase):
    """Paths and methods."""

    def test_unknown(self) -> None:
        """A path below the API's that is not there is 404 in JSON, whoever asks."""
        for path in (
            "/calls/",
            "/calls/CA1/x",
            "/calls//CA1",
            "/outbound-call/",
            "/openapi.json/x",
            "/calls/CA1/transfer/",
        ):
            for key in (KEY, None):
                self.assert_problem(self.ask("GET", path, key=key), 404)

    def test_not_ours(self) -> None:
        """Any other path is not the API's, however it begins."""
        for path in (
            "/",
            "/outbound-call-twiml",
            "/callsign",
            "/call/incoming",
            "//calls",
            "/%63alls",
            "/calls%2fCA1",
        ):
            reply = self.ask("GET", path)
            self.assertEqual((reply.status, reply.headers["content-type"]), (404, "text/html; charset=utf-8"))

    def test_methods(self) -> None:
        """A method that is not there is 405, and says which are."""
        for path, wrong, allowed in (
            ("/outbound-call", "GET", "OPTIONS, POST"),
            ("/calls", "POST", "GET, HEAD, OPTIONS"),
            (f"/calls/{SID}", "PUT", "DELETE, GET, HEAD, OPTIONS"),
            (f"/calls/{SID}/transfer", "DELETE", "OPTIONS, POST"),
            ("/reload", "GET", "OPTIONS, POST"),
            ("/openapi.json", "TRACE", "GET, HEAD, OPTIONS"),
            ("/calls", "BREW", "GET, HEAD, OPTIONS"),
        ):
            for key in (KEY, None):
                reply = self.ask(wrong, path, key=key)
                self.assert_problem(reply, 405)
                self.assertEqual(reply.headers["allow"], allowed)

    def test_bug(self) -> None:
        """What breaks is 500, and logged with the request's id."""
        self.live.calls = None  # type: ignore[assignment]
        self.assert_problem(self.ask("GET", "/calls"), 500)
        [failure] = self.flushLoggedErrors(TypeError)
        self.assertIn("NoneType", failure.getErrorMessage())

    def test_not_kept_by_caches(self) -> None:
        """Nobody between us and the client keeps an answer."""
        for reply in (self.ask("GET", "/calls"), self.ask("GET", "/calls", key=None), self.ask("GET", "/calls/x/y")):
            self.assertEqual(reply.headers["cache-control"], "no-store")


class PageTests(ApiTestCase):
    """Web pages that may ask (CORS)."""

    def allowed(self, reply: Reply) -> str | None:
        """The origin that may read the answer; every answer says that it depends on it."""
        self.assertEqual(reply.headers["vary"], "Origin")
        self.assertNotIn("access-control-allow-credentials", reply.headers)
        return reply.headers.get("access-control-allow-origin")

    def test_listed(self) -> None:
        """A listed page may read every answer, also one that says no."""
        for how in ({}, {"key": None}, {"key": "wrong"}):
            for method, path in [*ROUTES, ("GET", "/calls/x/y"), ("PUT", "/calls"), ("GET", "/openapi.json")]:
                self.assertEqual(self.allowed(self.ask(method, path, Origin=PAGE, **how)), PAGE)  # type: ignore[arg-type]

    def test_others(self) -> None:
        """Any other origin gets no header: it is compared whole and exactly."""
        for origin in (
            "https://app.example.com.evil.test",
            "https://APP.example.com",
            "http://app.example.com",
            "https://app.example.com:443",
            "https://app.example.com/",
            "null",
            "*",
            "",
            f"{PAGE}, https://evil.test",
        ):
            self.assertIsNone(self.allowed(self.ask("GET", "/calls", Origin=origin)))
        self.assertIsNone(self.allowed(self.ask("GET", "/calls")))
        _, transport = self.send("GET", "/calls", headers=[("Origin", PAGE), ("Origin", PAGE)])
        self.assertIsNone(self.allowed(parse(transport.value())))

    def preflight(self, path: str, origin: str) -> Reply:
        """What a browser is told before it asks."""
        more = {"Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": "authorization"}
        reply = self.ask("OPTIONS", path, key=None, Origin=origin, **more)
        self.assertEqual((reply.status, reply.body), (204, b""))
        return reply

    def test_preflight(self) -> None:
        """A listed page may send these methods and headers."""
        for path, methods in (
            ("/outbound-call", "OPTIONS, POST"),
            ("/calls", "GET, HEAD, OPTIONS"),
            (f"/calls/{SID}", "DELETE, GET, HEAD, OPTIONS"),
            ("/reload", "OPTIONS, POST"),
            (f"/calls/{SID}/transfer", "OPTIONS, POST"),
            ("/openapi.json", "GET, HEAD, OPTIONS"),
        ):
            reply = self.preflight(path, PAGE)
            self.assertEqual(self.allowed(reply), PAGE)
            self.assertEqual(reply.headers["access-control-allow-methods"], methods)
            self.assertEqual(
                reply.headers["access-control-allow-headers"], "Authorization, Content-Type, Idempotency-Key"
            )
            self.assertEqual(reply.headers["allow"], methods)

    def test_preflight_of_others(self) -> None:
        """Another page is told nothing."""
        reply = self.preflight("/outbound-call", "https://evil.test")
        self.assertIsNone(self.allowed(reply))
        self.assertFalse([name for name in reply.headers if name.startswith("access-control-")])

    def test_script_reads(self) -> None:
        """A script may read when to come back, and the request's id."""
        reply = self.ask("GET", "/calls", Origin=PAGE)
        self.assertEqual(reply.headers["access-control-expose-headers"], "Retry-After, X-Request-Id")


class NoPagesTests(ApiTestCase):
    """Without a list no page may ask."""

    cors = ()

    def test_nobody(self) -> None:
        """Not even the page that says nothing of itself."""
        for origin in (PAGE, PUBLIC_URL, "", "null"):
            for method in ("GET", "OPTIONS"):
                reply = self.ask(method, "/calls", Origin=origin)
                self.assertFalse([name for name in reply.headers if name.startswith("access-control-")])
