"""Every answer of LimitedSite has the same headers and a name, and its line in the log tells no secret."""

from twisted.logger import LogLevel, capturedLogs

from tests.test_net_site import GET, POST, AtTheSite
from voiced.net import accesslog
from voiced.net.bodylimit import MOST


class HeaderTests(AtTheSite):
    SAME = {
        "X-Content-Type-Options": ["nosniff"],
        "Cache-Control": ["no-store"],
        "Content-Security-Policy": ["default-src 'none'; frame-ancestors 'none'"],
        "Referrer-Policy": ["no-referrer"],
        "Server": ["voiced"],
        "Strict-Transport-Security": ["max-age=31536000"],
    }
    ANSWERS = {
        200: GET,
        400: b"nonsense\r\n\r\n",
        408: POST,
        413: b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (MOST + 1, b"x" * (MOST + 1)),
        500: b"GET /broken HTTP/1.1\r\n\r\n",
    }

    def test_every_answer(self):
        """Every answer has every one of them once, and a name, whatever went wrong."""
        self.opens(secure=True)
        for status, request in self.ANSWERS.items():
            client = self.client(request)
            self.passes(15)
            self.assertEqual(client.statuses, [status])
            self.assertEqual({name: client.header(name) for name in self.SAME}, self.SAME)
            self.assertRegex(" ".join(client.header("X-Request-Id")), "^[0-9a-f]{16}$")
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_path_not_text(self):
        """The same for a request that is refused for its path."""
        client = self.client(b"GET /%ff HTTP/1.1\r\n\r\n")
        self.assertEqual((client.statuses, client.header("Cache-Control")), ([400], ["no-store"]))
        self.assertEqual(self.site.refused, {"400": 1})

    def test_not_by_https(self):
        """Who is not reached by https does not say so."""
        self.assertEqual(self.client(GET).header("Strict-Transport-Security"), [])

    def test_own_headers(self):
        """What a route says of its answer stands; what serves it is nobody's business."""
        client = self.client(b"GET /page HTTP/1.1\r\n\r\n")
        self.assertEqual(client.header("Content-Security-Policy"), ["default-src 'self'"])
        self.assertEqual(client.header("Server"), ["voiced"])

    def test_request_id(self):
        """Each request has an id of ours, the same for its route and its client; the client's own is not taken."""
        theirs = GET.replace(b"Host: h", b"X-Request-Id: theirs")
        client = self.client(theirs + theirs)
        ids = [request.request_id for request in self.root.requests]
        self.assertEqual((client.header("X-Request-Id"), len(set(ids))), (ids, 2))

    def test_id_of_a_request_turned_down(self):
        """A request that never became whole has one, too, with its request line and without."""
        for half in (b"GET / HTTP/1.1\r\nX", b"GE"):
            client = self.client(half)
            self.passes(15)
            self.assertRegex(" ".join(client.header("X-Request-Id")), "^[0-9a-f]{16}$")


class LogTests(AtTheSite):
    def logged(self, *requests):
        """The events of what these requests left in the log."""
        with capturedLogs() as logs:
            self.client(*requests)
            self.passes(15)
        return [event for event in logs if event["log_namespace"] == "voiced.net.accesslog"]

    def test_line(self):
        """What was asked for, what was answered, how much and how fast, and the request's name."""
        with capturedLogs() as logs:
            client = self.client(b"GET /later HTTP/1.1\r\n\r\n")
            self.passes(0.25)
            self.root.requests[0].write(b"four")
            self.root.requests[0].finish()
            self.passes(0)
        (event,) = logs
        self.assertEqual(
            event["log_format"].format(**event),
            f"GET /later: 200, 4 bytes in 250.0 ms, request {client.header('X-Request-Id')[0]}",
        )

    def test_levels(self):
        """A request of a client whose key is known is for everybody to see, with the key's name; others are not."""
        webhook, ours = self.logged(GET + b"GET /key HTTP/1.1\r\n\r\n")
        self.assertEqual((webhook["log_level"], ours["log_level"]), (LogLevel.debug, LogLevel.info))
        self.assertIn("crm: GET /key: 200", ours["log_format"].format(**ours))

    def test_no_query(self):
        """A query holds secrets, and is not in the log, whatever became of its request."""
        events = self.logged(
            b"GET /a?call=secret HTTP/1.1\r\n\r\n",
            b"GET /%ff?call=secret HTTP/1.1\r\n\r\n",
        )
        self.assertEqual([event["path"] for event in events], ["/a", "/%ff"])
        events += self.logged(b"POST /b?call=secret HTTP/1.1\r\nContent-Length: 3\r\n\r\n")
        self.assertEqual((events[-1]["method"], events[-1]["path"], events[-1]["status"]), ("POST", "/b", 408))
        self.assertNotIn("secret", str(events))

    def test_hostile_texts(self):
        """A path is shown on one line, in ASCII, its beginning only, and never filled in; so is a method."""
        for text, shown in (
            (b"/a\r\n2024 [info] forged", r"/a\r\n2024 [info] forged"),
            (b"/\x1b[31m\x08", r"/\x1b[31m\x08"),
            (b"/\xff\xc3\xa9", r"/\xff\xc3\xa9"),
            (b"/{log_source}{0}", "/{log_source}{0}"),
            (b"/" + b"x" * 1000, "/" + "x" * 199),
            (b"/" + b"\x01" * 1000, ("/" + r"\x01" * 200)[:200]),
        ):
            with capturedLogs() as logs:
                accesslog.note(text, text, 404, 0, 0.0, "id")
            line = logs[0]["log_format"].format(**logs[0])
            self.assertEqual(line, f"{shown[:20]} {shown}: 404, 0 bytes in 0.0 ms, request id")

    def test_hostile_request(self):
        """The same on the way through a request."""
        (event,) = self.logged(b"GET /{log_source}" + b"x" * 1000 + b" HTTP/1.1\r\n\r\n")
        self.assertEqual(event["path"], "/{log_source}" + "x" * 187)

    def test_turned_down(self):
        """What never became a request is in the log as far as it came."""
        (event,) = self.logged(b"nonsense\r\n\r\n")
        self.assertEqual((event["method"], event["path"], event["status"]), ("-", "-", 400))
        self.assertEqual(event["log_level"], LogLevel.debug)
