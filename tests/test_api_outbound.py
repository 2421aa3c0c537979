"""POST /outbound-call: what is asked for, in which shapes, and what each thing that goes wrong is answered with."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from twisted.internet.defer import Deferred, fail
from twisted.internet.error import ConnectionLost
from twisted.python.failure import Failure

from tests.test_api_memory import FORM, JSON, KEY, NUMBER, SID, ApiTestCase, Reply, parse
from voiced.call.wish import Wish
from voiced.errors import (
    BadWish,
    CarrierError,
    FlowError,
    KeyReused,
    Overloaded,
    Refused,
    StoreError,
    VoicedError,
)

PATH = "/outbound-call"
WHOLE = {
    "number": NUMBER,
    "prompt": "You are Ann.",
    "first_message": "Hi {there}",
    "flow": "sales",
    "variables": {"name": "Ann", "a.b": "2"},
    "from": "+14155550123",
    "timeout": 30,
    "max_seconds": 120,
    "machine_detection": "message_end",
    "idempotency_key": "row-1",
}
WISH = Wish(
    NUMBER,
    "sales",
    "You are Ann.",
    "Hi {there}",
    {"name": "Ann", "a.b": "2"},
    "+14155550123",
    30,
    120,
    "message_end",
    "row-1",
)


class AskedTests(ApiTestCase):
    """What is asked for."""

    def test_reference(self) -> None:
        """The guide's request gets the guide's answer."""
        asked = {"number": NUMBER, "prompt": "You are Eric.", "first_message": "Hello"}
        reply = self.ask("POST", PATH, asked)
        self.assertEqual(reply.body, b'{"success":true,"message":"Call initiated","callSid":"%s"}' % SID.encode())
        self.assertEqual((reply.status, reply.json["callSid"]), (200, SID))
        [(wish, party)] = self.placing.wishes
        self.assertEqual(wish, Wish(NUMBER, prompt="You are Eric.", first_message="Hello"))
        self.assertEqual(party.name, "crm")

    def test_everything(self) -> None:
        """Every field arrives, as JSON and as a form; a form's variables are fields of their own."""
        form = {name: value for name, value in WHOLE.items() if name != "variables"}
        form |= {"variables.name": "Ann", "variables.a.b": "2"}
        self.ask("POST", PATH, WHOLE, kind="application/json; charset=utf-8")
        self.ask("POST", PATH, urlencode(form).encode(), kind=FORM)
        self.assertEqual([wish for wish, _ in self.placing.wishes], [WISH, WISH])

    def test_left_out(self) -> None:
        """What is left out, null, or empty in a form, overrides nothing; an empty text in JSON does."""
        for body, kind in (
            (b'{"number": "%s", "prompt": null, "from": null}', JSON),
            (b"number=%s&prompt=&from=&timeout=", FORM),
        ):
            number = NUMBER if kind == JSON else NUMBER.replace("+", "%2B")
            self.ask("POST", PATH, body % number.encode(), kind=kind)
        self.ask("POST", PATH, {"number": NUMBER, "first_message": ""})
        self.assertEqual(
            [wish for wish, _ in self.placing.wishes],
            [Wish(NUMBER), Wish(NUMBER), Wish(NUMBER, first_message="")],
        )

    def test_key_in_header(self) -> None:
        """An idempotency key may stand in the header, bare or in quotes, and in both places if it is the same."""
        for body, header in (({}, "k1"), ({}, '"k1"'), ({"idempotency_key": "k1"}, "k1")):
            self.ask("POST", PATH, {"number": NUMBER, **body}, Idempotency_Key=header)
        self.assertEqual([wish.idempotency_key for wish, _ in self.placing.wishes], ["k1"] * 3)

    def test_two_keys(self) -> None:
        """Two different ones are one too many."""
        reply = self.ask("POST", PATH, {"number": NUMBER, "idempotency_key": "k1"}, Idempotency_Key="k2")
        self.assert_problem(reply, 400, path="idempotency_key")
        channel_headers = [("Authorization", f"Bearer {KEY}"), ("Content-Type", JSON)]
        channel_headers += [("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
        _, transport = self.send("POST", PATH, b'{"number": "+1"}', channel_headers)
        self.assert_problem(parse(transport.value()), 400, path="idempotency_key")
        self.assertEqual(self.placing.wishes, [])

    def test_party(self) -> None:
        """The request carries the name of the key for the access log."""
        self.ask("POST", PATH, {"number": NUMBER})
        self.assertEqual(self.requests[-1].party, "crm")


class WrongTests(ApiTestCase):
    """What is not right gets 400 with its path, and nothing is placed."""

    def check(self, body: Any, path: str, kind: str = JSON) -> str:
        """It is refused, at this path; gives the sentence."""
        reply = self.ask("POST", PATH, body, kind=kind)
        parts = {"path": path} if path else {}
        sentence = self.assert_problem(reply, 400, **parts)
        self.assertEqual(self.placing.wishes, [])
        return sentence

    def test_number(self) -> None:
        """A missing or empty number gets the reference's text."""
        for body in ({}, {"number": ""}, {"number": None}, {"prompt": "x"}):
            self.assertEqual(self.check(body, "number"), "Phone number is required")
        for form in (b"", b"prompt=x", b"number="):
            self.assertEqual(self.check(form, "number", FORM), "Phone number is required")
        self.assertEqual(self.assert_problem(self.ask("POST", PATH), 400, path="number"), "Phone number is required")

    def test_fields(self) -> None:
        """Wrong types, lengths and names are named."""
        for fields, path in (
            ({"number": 14155550100}, "number"),
            ({"number": "1" * 65}, "number"),
            ({"nubmer": "x"}, "nubmer"),
            ({"prompt": ["x"]}, "prompt"),
            ({"prompt": "x" * 16385}, "prompt"),
            ({"first_message": "x" * 4097}, "first_message"),
            ({"flow": ""}, "flow"),
            ({"timeout": "30"}, "timeout"),
            ({"timeout": 4}, "timeout"),
            ({"timeout": 601}, "timeout"),
            ({"timeout": True}, "timeout"),
            ({"timeout": 30.5}, "timeout"),
            ({"timeout": 10**4000}, "timeout"),
            ({"max_seconds": 0}, "max_seconds"),
            ({"max_seconds": 86401}, "max_seconds"),
            ({"machine_detection": "Enable"}, "machine_detection"),
            ({"idempotency_key": ""}, "idempotency_key"),
            ({"idempotency_key": "x" * 256}, "idempotency_key"),
            ({"idempotency_key": "a b"}, "idempotency_key"),
            ({"idempotency_key": "ab\n"}, "idempotency_key"),
            ({"from": ""}, "from"),
            ({"variables": "name"}, "variables"),
            ({"variables": ["name"]}, "variables"),
            ({"variables": {"name": 3}}, "variables.name"),
            ({"variables": {"name": None}}, "variables.name"),
            ({"variables": {"good": "x", "name": {"x": "y"}}}, "variables.name"),
            ({"variables": {"name": "x" * 1025}}, "variables.name"),
            ({"variables": {"0name": "x"}}, "variables.0name"),
            ({"variables": {"": "x"}}, "variables."),
            ({"variables": {"name\n": "x"}}, "variables.name\n"),
            ({"variables": {"n" * 65: "x"}}, "variables." + "n" * 65),
            ({"variables": {f"n{number}": "x" for number in range(51)}}, "variables"),
        ):
            with self.subTest(fields=repr(fields)[:60]):
                self.check({"number": NUMBER} | fields, path)

    def test_forms(self) -> None:
        """A form says what is wrong with it, too."""
        for form, path in (
            (b"number=1&timeout=soon", "timeout"),
            (b"number=1&timeout=-1", "timeout"),
            (b"number=1&timeout=" + b"9" * 5000, "timeout"),
            (b"number=1&variables=x", "variables"),
            (b"number=1&variables.=x", "variables."),
            (b"number=1&number=2", "number"),
            (b"number=1&other=2", "other"),
            (b"number", ""),
            (b"number=%ff", ""),
            (b"number=\xff", ""),
            (b"&".join(b"a%d=1" % number for number in range(200)), ""),
        ):
            with self.subTest(form=form[:40]):
                self.check(form, path, FORM)

    def test_long_names(self) -> None:
        """A name of a stranger's is repeated in part only."""
        reply = self.ask("POST", PATH, {"number": NUMBER, "x" * 9999: 1})
        self.assertLess(len(reply.body), 300)
        self.assertEqual(reply.status, 400)

    def test_types(self) -> None:
        """Any other content type, and anything compressed, is 415."""
        for kind in (
            "text/plain",
            "application/jsonx",
            "",
            "application/json,text/x",
        ):
            _, transport = self.send(
                "POST", PATH, b'{"number": "1"}', [("Authorization", f"Bearer {KEY}"), ("Content-Type", kind)]
            )
            self.assert_problem(parse(transport.value()), 415)
        self.assert_problem(self.ask("POST", PATH, {"number": "1"}, Content_Encoding="gzip"), 415)
        self.assert_problem(self.ask("POST", PATH, b'{"number": "1"}', kind=""), 415)

    def test_query(self) -> None:
        """Parameters that are not there are named: somebody has put the fields into the URL."""
        self.assert_problem(self.ask("POST", f"{PATH}?number=1", {"number": "1"}), 400, path="number")


class RefusedTests(ApiTestCase):
    """What cannot be."""

    def refuse(self, error: Exception) -> Reply:
        """The answer when placing fails so."""
        self.placing.answer = lambda: fail(error)
        return self.ask("POST", PATH, {"number": NUMBER})

    def test_by_rules(self) -> None:
        """Each error of placing has its status, and its parts."""
        for error, status, parts in (
            (BadWish("variables.name", "No."), 400, {"path": "variables.name"}),
            (BadWish("", "No."), 400, {}),
            (Refused("allow", "No."), 403, {"rule": "allow"}),
            (KeyReused("No."), 422, {"path": "idempotency_key"}),
            (CarrierError("No.", code=21211, answer=400), 400, {"code": 21211}),
            (CarrierError("No.", code=20003), 502, {"code": 20003}),
            (CarrierError("No.", code=1, answer=200), 502, {"code": 1}),
            (CarrierError("No.", unsure=True, answer=504), 504, {}),
        ):
            with self.subTest(error=repr(error)):
                reply = self.refuse(error)
                self.assertEqual(self.assert_problem(reply, status, **parts), "No.")
                self.assertNotIn("retry-after", reply.headers)

    def test_status_in_words(self) -> None:
        """The first line of an answer names its status, also one that Twisted has no name for."""
        headers = [("Authorization", f"Bearer {KEY}"), ("Content-Type", JSON)]
        for error, line in (
            (KeyReused("No."), b"HTTP/1.1 422 Unprocessable Entity"),
            (Refused("calls_per_day", "No.", retry_after=9), b"HTTP/1.1 429 Too Many Requests"),
            (StoreError("No."), b"HTTP/1.1 503 Service Unavailable"),
        ):
            self.placing.answer = lambda error=error: fail(error)  # type: ignore[misc]
            _, transport = self.send("POST", PATH, b'{"number": "+14155550100"}', headers)
            self.assertEqual(transport.value().partition(b"\r\n")[0], line)

    def test_later(self) -> None:
        """What may be asked again says when, in whole seconds, at least one."""
        for error, status, after in (
            (Refused("per_minute", "No.", retry_after=0.01), 429, "1"),
            (Refused("per_minute", "No.", retry_after=12.1), 429, "13"),
            (Overloaded("No."), 503, "10"),
            (CarrierError("No.", code=20429, answer=503), 503, "10"),
        ):
            reply = self.refuse(error)
            self.assertEqual((reply.status, reply.headers["retry-after"]), (status, after))
            self.assertEqual(reply.json["error"], "No.")

    def test_store(self) -> None:
        """What is wrong with our disk is for the operator."""
        reply = self.refuse(StoreError("/var/lib/voiced/voiced.db: disk full"))
        self.assertNotIn("disk", self.assert_problem(reply, 503))
        self.assertEqual(reply.headers["retry-after"], "10")

    def test_unexpected(self) -> None:
        """An error that placing does not promise is a fault of ours; its words stay here."""
        for error in (FlowError("inner words"), VoicedError("inner words")):
            self.assertNotIn("inner", self.assert_problem(self.refuse(error), 500))

    def test_bug(self) -> None:
        """So is one without a name, raised or failed with: the log has it, the client does not."""
        self.assertNotIn("inner", self.assert_problem(self.refuse(ZeroDivisionError("inner words")), 500))
        self.placing.answer = lambda: Deferred().callback(1 // 0)  # type: ignore[return-value]
        self.assertNotIn("zero", self.assert_problem(self.ask("POST", PATH, {"number": NUMBER}), 500))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)


class GoneTests(ApiTestCase):
    """The client does not wait."""

    def hang_up(self) -> Deferred[str]:
        """A client asks, and goes; gives the placing, which goes on."""
        cancelled: list[Any] = []
        placing: Deferred[str] = Deferred(cancelled.append)
        self.placing.answer = lambda: placing
        headers = [("Authorization", f"Bearer {KEY}"), ("Content-Type", JSON)]
        channel, transport = self.send("POST", PATH, b'{"number": "+14155550100"}', headers)
        self.assertEqual(transport.value(), b"")
        channel.connectionLost(Failure(ConnectionLost()))
        self.assertEqual(cancelled, [])
        return placing

    def test_goes_on(self) -> None:
        """The call is placed all the same."""
        placing = self.hang_up()
        placing.callback(SID)
        self.assertEqual(self.successResultOf(placing), None)

    def test_fails(self) -> None:
        """A refusal is nobody's any more; a bug is logged."""
        self.hang_up().errback(Refused("allow", "No."))
        self.assertEqual(self.flushLoggedErrors(), [])
        self.hang_up().errback(ZeroDivisionError())
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_waits(self) -> None:
        """Who waits is answered when the carrier has accepted."""
        placing: Deferred[str] = Deferred()
        self.placing.answer = lambda: placing
        headers = [("Authorization", f"Bearer {KEY}"), ("Content-Type", JSON)]
        _, transport = self.send("POST", PATH, b'{"number": "+14155550100"}', headers)
        self.assertEqual(transport.value(), b"")
        placing.callback(SID)
        self.assertEqual(parse(transport.value()).json["callSid"], SID)
