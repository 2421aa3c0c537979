"""TwiML as the carrier reads it."""

from twisted.trial.unittest import SynchronousTestCase

from voiced.simulator.twiml import Connect, Dial, Hangup, Pause, Play, Redirect, Reject, Say, Stream, read

DOCUMENTS = [
    ("<Say voice='alice'>Hello &amp; welcome</Say>", Say("Hello & welcome", "alice")),
    ("<Play>/greeting</Play>", Play("/greeting")),
    ("<Play digits='1w2'/>", Play("", "1w2")),
    ("<Pause/>", Pause(1.0)),
    ("<Pause length='5'/>", Pause(5.0)),
    ("<Hangup/>", Hangup()),
    ("<Reject reason='busy'/>", Reject("busy")),
    ("<Redirect method='GET'> /x </Redirect>", Redirect("/x", "GET")),
    ("<Dial>+14155550133</Dial>", Dial(("+14155550133",))),
    (
        "<Dial action='/after' timeout='20'><Number>+14155550133</Number><Sip>sip:a@example.com</Sip></Dial>",
        Dial(
            ("+14155550133", "sip:a@example.com"),
            "/after",
            "POST",
            20.0,
            14400.0,
            {"action": "/after", "timeout": "20"},
        ),
    ),
    (
        (
            "<Connect action='/a' method='GET'><Stream url='wss://x/y' statusCallback='https://x/s' name='n'>"
            "<Parameter name='k' value='v'/></Stream></Connect>"
        ),
        Connect(Stream("wss://x/y", {"k": "v"}, "https://x/s", "n"), "/a", "GET"),
    ),
]
FAULTS = [
    (12100, b"<Response><Say>half</Response>", "text/xml"),
    (12100, b"<Answer/>", "text/xml"),
    (12100, b"hello", "text/html"),
    (12300, b"{}", "application/json"),
    (11750, b"<Response>" + b" " * 65536 + b"</Response>", "text/xml"),
    (12200, b"<Response><Gather/></Response>", "text/xml"),
    (12200, b"<Response><hangup/></Response>", "text/xml"),
    (12200, b"<Response><Hangup now='yes'/></Response>", "text/xml"),
    (12200, b"<Response><Connect/></Response>", "text/xml"),
    (12200, b"<Response><Dial><Number ring='3'>+14155550133</Number></Dial></Response>", "text/xml"),
    (12200, b"<Response><Dial>+14155550133<Pigeon/></Dial></Response>", "text/xml"),
    (12200, b"<Response><Pause length='long'/></Response>", "text/xml"),
    (31941, b"<Response><Connect><Stream url='x' track='both_tracks'/></Connect></Response>", "text/xml"),
]


class TwiMLTests(SynchronousTestCase):
    """Documents and complaints."""

    def test_verbs(self):
        """Every verb that is played here."""
        for written, verb in DOCUMENTS:
            document = read(f"<Response>{written}</Response>".encode(), "text/xml; charset=utf-8")
            self.assertEqual((document.verbs, document.alerts), ((verb,), ()), written)

    def test_faults(self):
        """Every complaint, with Twilio's code."""
        for code, body, kind in FAULTS:
            self.assertEqual([alert.code for alert in read(body, kind).alerts], [code], body[:80])

    def test_unknown_verb_is_skipped(self):
        """What is not known is left out; the rest is done."""
        document = read(b"<Response><Gather/><Hangup/></Response>", "text/xml")
        self.assertEqual((document.verbs, document.failed), ((Hangup(),), False))

    def test_no_length(self):
        """An answer in chunks may be truncated."""
        alerts = read(b"<Response/>", "text/xml", sized=False).alerts
        self.assertIn("Content-Length", alerts[0].text)

    def test_text(self):
        """Plain text is spoken."""
        self.assertEqual(read(b"Hello", "text/plain").verbs, (Say("Hello"),))

    def test_long_parameter(self):
        """A parameter of 500 characters is left out."""
        parameter = f"<Parameter name='k' value='{'v' * 499}'/>"
        body = f"<Response><Connect><Stream url='x'>{parameter}</Stream></Connect></Response>"
        document = read(body.encode(), "text/xml")
        self.assertEqual(document.verbs, (Connect(Stream("x")),))
        self.assertEqual([alert.code for alert in document.alerts], [12200])
