"""Webhooks: which are Twilio's, what they say, and the TwiML we answer with."""

from urllib.parse import parse_qsl, urlencode, urlsplit
from xml.etree import ElementTree

from hypothesis import assume, given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator
from twisted.trial.unittest import SynchronousTestCase

from voiced.call.records import Direction, Ending
from voiced.errors import Forged
from voiced.ivoiced import Apologise, Dial, Dialled, HangUp, NewStream
from voiced.secret import Secret
from voiced.twilio.webhook import (
    ANSWERED_BY,
    FALLBACK,
    OUTBOUND,
    OUTBOUND_CONNECTION,
    OVERRIDES,
    STATUS,
    Account,
    Accounts,
    Answers,
    candidates,
    check_handshake,
    read,
    signature_of,
)

URL = "https://voice.example.com/call/incoming"
MAIN = Account("main", "AC1", (Secret("12345"),))
OTHER = Account("other", "AC2", (Secret("new"), Secret("old")))
ACCOUNTS = Accounts([MAIN, OTHER])
CALL = {"AccountSid": "AC1", "CallSid": "CA1", "From": "+14155550101", "To": "+14155550123"}
LEGACY = {"CallSid": "CA1234567890ABCDE", "Digits": "1234", "To": "+18005551212"}
PHP = "/myapp.php?foo=1&bar=2"

VECTORS = [  # from Twilio's own SDK and documentation, token 12345
    (
        "https://example.com" + PHP,
        {**LEGACY, "Caller": "+14158675310", "From": "+14158675310"},
        "L/OH5YylLD5NRKLltdqwSvS0BnU=",
    ),
    (
        "https://mycompany.com" + PHP,
        {**LEGACY, "Caller": "+12349013030", "From": "+12349013030"},
        "0/KCTR6DLpKmkAf8muzZqo1nDgQ=",
    ),
    ("wss://ex.com/stream", {}, "WDVQVaQ+NgZkaVl6on9O0gKJ24E="),
    ("wss://ex.com/stream/", {}, "Y3rMhZne0wYNUQAlX+z8tvzQ9u0="),
]

CANDIDATES = [
    ("https://h/x", ["https://h/x", "https://h:443/x"]),
    ("https://h", ["https://h", "https://h:443"]),
    ("https://h:443/x", ["https://h:443/x", "https://h/x"]),
    ("https://h:8443/x?b=2&a=%20", ["https://h:8443/x?b=2&a=%20", "https://h/x?b=2&a=%20"]),
    ("http://h/x", ["http://h/x", "http://h:80/x"]),
    ("http://h:8080/x", ["http://h:8080/x", "http://h/x"]),
    ("https://h/x#rc=2&rp=all", ["https://h/x", "https://h:443/x"]),
    ("https://user:pw@h/x", ["https://h/x", "https://h:443/x"]),
    ("https://us%40er:p@w@h:8443/x", ["https://h:8443/x", "https://h/x"]),
    ("https://[::1]/x", ["https://[::1]/x", "https://[::1]:443/x"]),
    ("https://[::1]:8443/x", ["https://[::1]:8443/x", "https://[::1]/x"]),
    ("https://h/x/", ["https://h/x/", "https://h:443/x/"]),
    ("https://h//x?a=//b", ["https://h//x?a=//b", "https://h:443//x?a=//b"]),
    ("wss://h/x", ["wss://h/x", "wss://h/x/", "wss://h:443/x", "wss://h:443/x/"]),
    ("wss://h/x/", ["wss://h/x/", "wss://h/x", "wss://h:443/x/", "wss://h:443/x"]),
    ("wss://h", ["wss://h", "wss://h/", "wss://h:443", "wss://h:443/"]),
    ("wss://h:9/x", ["wss://h:9/x", "wss://h:9/x/", "wss://h/x", "wss://h/x/"]),
    ("ws://h/x", ["ws://h/x", "ws://h:80/x"]),
    ("https://h[/call/incoming", []),
    ("https://h:99999/x", []),
    ("https://h:x/x", []),
]


def sign(url, fields, token=None):
    """A signature by Twilio's own signer."""
    return RequestValidator(token or "12345").compute_signature(url, fields)


class Repeated(dict):
    """A form with names that come more than once, as Twilio's signer knows it from Django."""

    def getlist(self, name):
        return self[name]


class SignatureTests(SynchronousTestCase):
    def test_vectors(self):
        """Twilio's own examples."""
        for url, fields, signature in VECTORS:
            self.assertEqual(signature_of(Secret("12345"), url, fields.items()), signature, url)

    def test_candidates(self):
        """The forms of each URL that Twilio may have signed; nobody signs what is no URL."""
        for url, expected in CANDIDATES:
            self.assertEqual(candidates(url), expected, url)

    def test_either_port(self):
        """A webhook signed with or without the port is Twilio's, whichever we gave out."""
        for given_, signed in [(URL, URL.replace(".com", ".com:443")), (URL.replace(".com", ".com:443"), URL)]:
            form = read(urlencode(CALL).encode(), given_, sign(signed, CALL), ACCOUNTS)
            self.assertEqual(form.call_sid, "CA1")

    def test_two_tokens(self):
        """While a token is being rotated both verify."""
        fields = {**CALL, "AccountSid": "AC2"}
        for token in ("new", "old"):
            form = read(urlencode(fields).encode(), URL, sign(URL, fields, token), ACCOUNTS)
            self.assertIs(form.account, OTHER)

    def test_handshake(self):
        """A media socket is signed for its wss URL, with or without a final slash."""
        for signed in ("wss://ex.com/stream", "wss://ex.com/stream/", "wss://ex.com:443/stream"):
            check_handshake(["wss://one.ex.com/stream", "wss://ex.com/stream"], sign(signed, {}), [MAIN])

    def test_forged_handshake(self):
        """One that is unsigned, or signed for another URL or scheme or with another token, is forged."""
        for signature in ("", sign("https://ex.com/stream", {}), sign("wss://ex.com/stream", {}, "old")):
            self.assertRaises(Forged, check_handshake, ["wss://ex.com/stream"], signature, [MAIN])


class ReadTests(SynchronousTestCase):
    def refused(self, body, url=URL, signature=None, **options):
        """Why it is refused."""
        if signature is None:
            signature = sign(URL, CALL)
        return str(self.assertRaises(Forged, read, body, url, signature, ACCOUNTS, **options))

    def test_good(self):
        """A signed form is read, and says whose it is."""
        form = read(urlencode(CALL).encode(), URL, sign(URL, CALL), ACCOUNTS)
        self.assertEqual((form.account, dict(form.fields)), (MAIN, CALL))

    def test_forged(self):
        """Anything but the very form for the very URL is refused."""
        good = urlencode(CALL).encode()
        for body, url, signature in [
            (good, URL, ""),
            (good, URL, "garbage"),
            (good, URL, "é"),
            (good, URL, sign(URL, CALL, "old")),
            (good, URL, sign(URL, CALL).lower()),
            (good + b"&Extra=1", URL, None),
            (good.replace(b"0101", b"0102"), URL, None),
            (good, URL + "/", None),
            (good, URL + "?a=1", None),
            (good, URL.replace("https", "http"), None),
            (good, URL.replace("voice", "evil"), None),
        ]:
            self.assertIn("signature" if signature != "" else "not signed", self.refused(body, url, signature))

    def test_a_stranger(self):
        """A request that names no account of ours is refused, even where signatures are off."""
        for body in (b"", b"CallSid=CA1", b"AccountSid=AC9&CallSid=CA1", b'{"AccountSid": "AC1"}'):
            why = "not in voiced.yaml" if b"=AC9" in body else "it names no account"
            self.assertIn(why, self.refused(body))
            self.assertIn(why, self.refused(body, insecure=True))

    def test_another_account_of_ours(self):
        """One account's token does not sign for another."""
        fields = {**CALL, "AccountSid": "AC2"}
        self.refused(urlencode(fields).encode(), signature=sign(URL, fields, "12345"))

    def test_not_a_form(self):
        """Bytes that are no text, and forms without end, are refused before anything is looked at."""
        for body in (b"\xff\xfe", b"a=1&" * 300):
            self.assertIn("not a form", self.refused(body))

    def test_not_a_url(self):
        """A request line that makes no URL is a stranger's, not a fault of ours."""
        self.refused(urlencode(CALL).encode(), url="https://voice.example.com[call/incoming")

    def test_insecure(self):
        """Where signatures are off, an unsigned form is read."""
        form = read(urlencode(CALL).encode(), URL, "", ACCOUNTS, insecure=True)
        self.assertEqual(form.call_sid, "CA1")

    @given(st.dictionaries(st.text(min_size=1), st.lists(st.text(), min_size=1, max_size=3), max_size=5))
    def test_as_twilio_signs(self, extra):
        """Doubled names, blank values, any characters: what Twilio's own signer signs is accepted."""
        fields = Repeated({**{name: [value] for name, value in CALL.items()}, **extra, "AccountSid": ["AC1"]})
        body = urlencode(fields, doseq=True).encode()
        form = read(body, URL, sign(URL, fields), ACCOUNTS)
        self.assertEqual(set(form.fields), set(fields))

    @given(st.data())
    def test_flipping_anything(self, choices):
        """One other byte in the form, the URL or the signature, and it is refused."""
        parts = [urlencode({**CALL, "Empty": ""}), URL, sign(URL, {**CALL, "Empty": ""})]
        which = choices.draw(st.integers(0, 2))
        at = choices.draw(st.integers(0, len(parts[which]) - 1))
        other = choices.draw(st.sampled_from("aZ0=&/-"))
        flipped = parts[which][:at] + other + parts[which][at + 1 :]
        assume(flipped.lower() != parts[which].lower())
        assume(which or parse_qsl(flipped, True) != parse_qsl(parts[0], True))
        parts[which] = flipped
        self.assertRaises(Forged, read, parts[0].encode(), *parts[1:], ACCOUNTS)


class FormTests(SynchronousTestCase):
    def form(self, **fields):
        """A form with these fields."""
        fields = {**CALL, **fields}
        return read(urlencode(fields).encode(), URL, sign(URL, fields), ACCOUNTS)

    def test_info(self):
        """Who is calling whom, by which account, and how sure the carrier is."""
        info = self.form(Direction="inbound", StirVerstat="TN-Validation-Passed-A").info()
        self.assertEqual((info.sid, info.account), ("CA1", "main"))
        self.assertEqual((info.caller, info.called), ("+14155550101", "+14155550123"))
        self.assertEqual((info.direction, info.attestation), (Direction.INBOUND, "TN-Validation-Passed-A"))

    def test_callers(self):
        """Whoever calls is taken as the carrier names him, also when that is nobody."""
        for caller in ("anonymous", "unknown", "+266696687", "sip:ann@example.com", "client:ann", "", "Ann <é>"):
            self.assertEqual(self.form(From=caller).info().caller, caller)

    def test_nobody(self):
        """A form that says nothing of its call is a call of nobody."""
        fields = {"AccountSid": "AC1"}
        form = read(b"AccountSid=AC1", URL, sign(URL, fields), ACCOUNTS)
        info = form.info()
        self.assertEqual((form.call_sid, info.sid, info.caller, info.called), ("", "", "", ""))
        self.assertEqual((info.attestation, form.ending()), ("", None))

    def test_directions(self):
        """Only `inbound`, or nothing, is inbound."""
        self.assertIs(self.form().info().direction, Direction.INBOUND)
        for direction in ("outbound-api", "outbound-dial"):
            self.assertIs(self.form(Direction=direction).info().direction, Direction.OUTBOUND)

    def test_endings(self):
        """Terminal states end a call; every other says nothing."""
        for status, ending in [*ENDED.items(), *((status, None) for status in GOING_ON)]:
            self.assertEqual(self.form(CallStatus=status).ending(), ending, status)

    def test_answered_by(self):
        """All that Twilio's detection says, by either mode; a form of anything else says nothing of it."""
        self.assertIsNone(self.form().answered_by())
        for said, who in WHO.items():
            self.assertEqual(self.form(AnsweredBy=said).answered_by(), who, said)

    def test_dialled(self):
        """What became of a leg, in our words; whatever Twilio says tomorrow is a failure."""
        self.assertIsNone(self.form(CallStatus="in-progress", DialCallDuration="7").dialled())
        for said, result in DIALLED.items():
            self.assertEqual(self.form(DialCallStatus=said, DialCallDuration="7").dialled(), Dialled(result, 7.0))

    def test_durations(self):
        """A duration that is missing, or no whole number of seconds, is none; it never raises."""
        self.assertEqual(self.form(DialCallStatus="completed").dialled(), Dialled("answered", 0.0))
        for said, seconds in TALKED:
            form = self.form(DialCallStatus="completed", DialCallDuration=said)
            self.assertEqual(form.dialled(), Dialled("answered", seconds), said)

    @given(st.text(), st.text(), st.text())
    def test_any_fields(self, status, duration, found):
        """Whatever a signed form holds, it is one of the words that a flow may meet, and no time runs backwards."""
        form = self.form(DialCallStatus=status, DialCallDuration=duration, AnsweredBy=found)
        self.assertIn(form.dialled().result, {"answered", "busy", "no_answer", "canceled", "failed"})
        self.assertGreaterEqual(form.dialled().seconds, 0)
        self.assertIn(form.answered_by(), {"human", "machine", "fax", "unknown"})


class ReferenceTests(SynchronousTestCase):
    """Our own name for a call that we have placed, in the URL of what is asked about it."""

    def form(self, query, **options):
        """A form that came to a URL with this query, signed for just that."""
        url = URL + query
        return read(urlencode(CALL).encode(), url, sign(url, CALL), ACCOUNTS, **options)

    def test_queries(self):
        """It is what `call` says in the query, decoded once, and "" where that says nothing; nothing raises."""
        for query, reference in QUERIES:
            for options in ({}, {"insecure": True}):
                self.assertEqual(self.form(query, **options).reference, reference, query)

    def test_is_signed(self):
        """Another reference than the one that was signed for is a forgery."""
        signature = sign(URL + "?call=r1", CALL)
        for query in ("?call=r2", "?call=r1&call=r2", "?call=R1", "?call=r1+", "?call=%721", ""):
            self.assertRaises(Forged, read, urlencode(CALL).encode(), URL + query, signature, ACCOUNTS)

    def test_not_of_the_form(self):
        """A field of that name in the body is not it."""
        fields = {**CALL, "call": "r1"}
        form = read(urlencode(fields).encode(), URL, sign(URL, fields), ACCOUNTS)
        self.assertEqual(form.reference, "")

    def test_hidden(self):
        """It opens a call as a ticket does: no log shows it."""
        form = self.form("?call=a-secret-name")
        self.assertEqual(form.reference, "a-secret-name")
        self.assertNotIn("a-secret-name", repr(form))

    @given(st.text(st.characters(codec="utf-8"), min_size=1))
    def test_there_and_back(self, reference):
        """Whatever it is: what we give out, and Twilio signs, is what we read."""
        for path in (OUTBOUND, FALLBACK, STATUS, ANSWERED_BY):
            address = Answers("https://voice.example.com").url(path, reference)
            self.assertTrue(address.isascii())
            self.assertNotRegex(address, r"[\s\"'<>\\]")
            asked, _, overrides = address.partition("#")
            self.assertEqual(("#" + overrides, urlsplit(asked).path), (OVERRIDES, path))
            self.assertEqual(parse_qsl(urlsplit(asked).query, strict_parsing=True), [("call", reference)])
            form = read(urlencode(CALL).encode(), asked, sign(asked, CALL), ACCOUNTS)
            self.assertEqual(form.reference, reference)


ENDED = {
    "completed": Ending.CALLER_HUNG_UP,
    "busy": Ending.BUSY,
    "failed": Ending.FAILED,
    "no-answer": Ending.NO_ANSWER,
    "canceled": Ending.CANCELLED,
}
WHO = {
    "human": "human",
    "machine_start": "machine",
    "machine_end_beep": "machine",
    "machine_end_silence": "machine",
    "machine_end_other": "machine",
    "fax": "fax",
    "unknown": "unknown",
    "": "unknown",
    "Human": "unknown",
    "somebody": "unknown",
}
"""AnsweredBy, of `Enable` and of `DetectMessageEnd` (twilio.com/docs/voice/answering-machine-detection), and odd
ones."""
DIALLED = {
    "completed": "answered",
    "answered": "answered",
    "busy": "busy",
    "no-answer": "no_answer",
    "failed": "failed",
    "canceled": "canceled",
    "": "failed",
    "strange": "failed",
}
"""DialCallStatus (twilio.com/docs/voice/twiml/dial), and odd ones."""
TALKED = [
    ("0", 0.0),
    ("42", 42.0),
    ("007", 7.0),
    ("14400", 14400.0),
    ("", 0.0),
    ("-5", 0.0),
    ("+5", 0.0),
    ("1.5", 0.0),
    ("1e9", 0.0),
    ("1_000", 0.0),
    (" 5", 0.0),
    ("nan", 0.0),
    ("inf", 0.0),
    ("\u0664\u0662", 0.0),
    ("\u00b2", 0.0),
]
"""DialCallDuration, and the seconds that it is."""
QUERIES = [
    ("", ""),
    ("?call", ""),
    ("?call=", ""),
    ("?call=r1", "r1"),
    ("?a=1&call=r1&b=2", "r1"),
    ("?%63all=r1", "r1"),
    ("?Call=r1", ""),
    ("?recall=r1", ""),
    ("?call=r1&call=r2", "r2"),
    ("?call=a+b%2Bc%26call%3Dx", "a b+c&call=x"),
    ("?call=%2572", "%72"),
    ("?call=r1;x=2", "r1;x=2"),
    ("?call=%00%0d%0a", "\x00\r\n"),
    ("?call=%ff", "\ufffd"),
    ("?call=%", "%"),
    ("?call=%zz", "%zz"),
    ("?call=<Hangup/>\"'", "<Hangup/>\"'"),
    ("?call=../../x", "../../x"),
    ("?call=r1?call=r2", "r1?call=r2"),
    ("?" + "a=1&" * 5000 + "call=r1", "r1"),
    ("?call=" + "r" * 60000, "r" * 60000),
]
"""The query of a URL, and the reference in it."""
GOING_ON = ["queued", "initiated", "ringing", "in-progress", "strange", ""]
HOSTILE = "CA\"'><Hangup/>&amp;/../?#é\n"


class AnswersTests(SynchronousTestCase):
    base = "https://voice.example.com"

    def twiml(self, sequel, call_sid="CA1", ticket="t1"):
        """What is answered, as Twilio parses it."""
        text = Answers(self.base + "/").sequel(sequel, call_sid, ticket)
        return ElementTree.fromstring(text)  # noqa: S314 - our own

    def shape(self, element):
        """An element as nested lists: its tag, attributes and text, then its children."""
        text = [element.text] if element.text else []
        return [element.tag, element.attrib, *text, *(self.shape(child) for child in element)]

    def test_new_stream(self):
        """A stream with its ticket, and both ways to `/call/after`; the stream's own URL has no fragment."""
        after = self.base + "/call/after" + OVERRIDES
        stream = {
            "url": "wss://voice.example.com/call/connection/CA1",
            "statusCallback": self.base + "/call/stream-status" + OVERRIDES,
            "statusCallbackMethod": "POST",
        }
        ticket = ["Parameter", {"name": "ticket", "value": "t1"}]
        connect = ["Connect", {"action": after, "method": "POST"}, ["Stream", stream, ticket]]
        redirect = ["Redirect", {"method": "POST"}, after]
        self.assertEqual(self.shape(self.twiml(NewStream())), ["Response", {}, connect, redirect])

    def test_hang_up(self):
        """Nothing is said."""
        self.assertEqual(self.shape(self.twiml(HangUp())), ["Response", {}, ["Hangup", {}]])

    def test_apologise(self):
        """The carrier speaks, whatever the sentence holds, and hangs up."""
        sentence = 'We are "sorry" & <so> on, é.'
        expected = ["Response", {}, ["Say", {}, sentence], ["Hangup", {}]]
        self.assertEqual(self.shape(self.twiml(Apologise(sentence))), expected)

    def test_dial(self):
        """A human's number or SIP address; the caller hears it ring, and we are told what became of it."""
        for number, noun in [("+14155550100", "Number"), ("sip:desk@example.com?a=1&b=<2>", "Sip")]:
            after = "https://voice.example.com/call/after" + OVERRIDES
            asked = {"answerOnBridge": "true", "action": after, "method": "POST"}
            dial = [
                "Dial",
                {**asked, "timeout": "20", "timeLimit": "60", "callerId": "+14155550123"},
                [noun, {}, number],
            ]
            self.assertEqual(self.shape(self.twiml(Dial(number, "+14155550123", 20, 60))), ["Response", {}, dial])

    def test_outbound_stream(self):
        """A call that we have placed has its stream at a path of its own; the rest is the same."""
        text = Answers(self.base).stream("CA1", "t1", OUTBOUND_CONNECTION)
        url = "wss://voice.example.com/outbound-media-stream/CA1"
        self.assertEqual(Answers(self.base).stream_url("CA1", OUTBOUND_CONNECTION), url)
        self.assertEqual(ElementTree.fromstring(text).find("Connect/Stream").get("url"), url)  # noqa: S314 - our own
        inbound = Answers(self.base).stream("CA1", "t1")
        self.assertEqual(text, inbound.replace("/call/connection/", "/outbound-media-stream/"))
        self.assertEqual(Answers(self.base).sequel(NewStream(), "CA1", "t1", OUTBOUND_CONNECTION), text)
        hostile = Answers(self.base).stream_url(HOSTILE, OUTBOUND_CONNECTION)
        self.assertNotRegex(hostile.removeprefix("wss://"), r"[?#<>\"'\s]|/\.\./")

    def test_url(self):
        """Our own name for the call stands in the query, before the overrides; without one there is no query."""
        answers = Answers("https://example.com/voice/")
        url = "https://example.com/voice/call/status"
        self.assertEqual(answers.url(STATUS), url + OVERRIDES)
        self.assertEqual(answers.url(STATUS, ""), url + OVERRIDES)
        for reference, written in [
            ("r1-a_B", "r1-a_B"),
            ("a&b=#?/", "a%26b%3D%23%3F%2F"),
            ("\r\né <", "%0D%0A%C3%A9+%3C"),
        ]:
            self.assertEqual(answers.url(STATUS, reference), f"{url}?call={written}{OVERRIDES}")

    def test_overrides(self):
        """Every http address carries its overrides within Twilio's bounds, and every one is absolute."""
        self.assertEqual(OVERRIDES, "#ct=2000&rc=5&rp=all&tt=15000")
        text = Answers(self.base).sequel(NewStream(), "CA1", "t1")
        self.assertEqual(text.count("https://"), text.count("#ct=2000&amp;rc=5&amp;rp=all&amp;tt=15000"))
        self.assertEqual((text.count("https://"), text.count("wss://"), text.count('="/')), (3, 1, 0))

    def test_insecure_base(self):
        """Over plain http the stream is plain too, and a port stays."""
        answers = Answers("http://127.0.0.1:8080")
        self.assertEqual(answers.stream_url("CA1"), "ws://127.0.0.1:8080/call/connection/CA1")

    def test_base_with_a_path(self):
        """A daemon behind a path of its domain keeps it in every address."""
        answers = Answers("https://example.com/voice/")
        self.assertEqual(answers.stream_url("CA1"), "wss://example.com/voice/call/connection/CA1")
        self.assertEqual(answers.url("/call/after"), "https://example.com/voice/call/after" + OVERRIDES)

    def test_hostile_call_sid(self):
        """A SID that is no SID stays within its attribute and its path segment."""
        stream = self.twiml(NewStream(), HOSTILE).find("Connect/Stream")
        self.assertTrue(stream.get("url").startswith(self.base.replace("https", "wss") + "/call/connection/CA%22"))
        self.assertNotRegex(stream.get("url").removeprefix("wss://"), r"[?#<>\"'\s]|/\.\./")

    @given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff")))
    def test_any_ticket_and_sid(self, text):
        """Whatever they hold, the document has the same shape and gives them back."""
        root = self.twiml(NewStream(), text, text)
        tags = ["Response", "Connect", "Stream", "Parameter", "Redirect"]
        self.assertEqual([element.tag for element in root.iter()], tags)
        self.assertEqual(root.find("Connect/Stream/Parameter").get("value"), text)

    def test_parameter_is_short(self):
        """The ticket's parameter has room to spare under Twilio's 500 characters, and the page under 64 KiB."""
        parameter = self.twiml(NewStream(), ticket="t" * 32).find("Connect/Stream/Parameter")
        self.assertLess(len(parameter.get("name") + parameter.get("value")), 500)
        self.assertLess(len(Answers(self.base).sequel(NewStream(), "CA" + "1" * 32, "t" * 32)), 4000)
