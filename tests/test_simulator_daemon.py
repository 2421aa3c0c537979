"""The double of a daemon that the simulator's own tests call: scripted answers, and sockets that remember."""

import json
from base64 import b64encode

from autobahn.twisted.resource import WebSocketResource
from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import IResource, Resource
from twisted.web.server import NOT_DONE_YET, Site
from zope.interface import implementer

from voiced.simulator.carrier import Carrier
from voiced.simulator.memory import MemoryNetwork, elapse, settle, tell_autobahn

PUBLIC = "https://voiced.example.com"
NUMBER = "+14155550123"
STREAM = '<Connect action="/after"><Stream url="/stream/1"><Parameter name="ticket" value="t1"/></Stream></Connect>'
HANGUP = "<Hangup/>"
NEVER = object()
"""An answer that does not come."""


class DoubleSocket(WebSocketServerProtocol):
    """The daemon's end of a stream: keeps what it hears, says what a test tells it to."""

    tcpNoDelay = True

    def onConnect(self, request):
        self.factory.double.handshakes.append(request)

    def onOpen(self):
        self.heard, self.lost = [], None
        self.factory.double.sockets.append(self)

    def onMessage(self, payload, isBinary):
        self.heard.append(json.loads(payload))

    def onClose(self, wasClean, code, reason):
        self.lost = code

    def events(self, *names):
        """What was heard of these events."""
        return [message for message in self.heard if message["event"] in names]

    @property
    def sid(self):
        return self.events("start")[0]["streamSid"]

    def say(self, event, **about):
        self.sendMessage(json.dumps({"event": event, "streamSid": self.sid, **about}).encode())

    def media(self, audio):
        self.say("media", media={"payload": b64encode(audio).decode()})

    def mark(self, name):
        self.say("mark", mark={"name": name})


@implementer(IResource)
class Double(Resource):
    """Answers each path with the next of its scripted answers; the last one again and again."""

    isLeaf = True

    def __init__(self, clock):
        super().__init__()
        self.answers = {"/incoming": [STREAM + HANGUP], "/after": [HANGUP], "/status": [(204, "")]}
        self.forms, self.tokens, self.signatures = [], [], []
        self.sockets, self.handshakes = [], []
        factory = WebSocketServerFactory(PUBLIC.replace("https", "wss") + ":443", reactor=clock)
        factory.protocol, factory.double = DoubleSocket, self
        factory.setProtocolOptions(failByDrop=False)
        self._streams = WebSocketResource(factory)

    def render(self, request):
        path = request.path.decode()
        if path.startswith("/stream/"):
            return self._streams.render(request)
        form = {key.decode(): values[0].decode() for key, values in request.args.items()}
        self.forms.append((path, form))
        self.tokens.append(request.getHeader("I-Twilio-Idempotency-Token"))
        self.signatures.append(request.getHeader("X-Twilio-Signature"))
        scripted = self.answers.get(path, [(404, "")])
        return self._answer(request, scripted.pop(0) if len(scripted) > 1 else scripted[0])

    def _answer(self, request, answer):
        if answer is NEVER:
            return NOT_DONE_YET
        status, body = answer if isinstance(answer, tuple) else (200, f"<Response>{answer}</Response>")
        request.setResponseCode(status)
        request.setHeader("Content-Type", "text/xml")
        request.setHeader("Content-Length", str(len(body)))
        return body.encode()

    def asked(self, path):
        """The forms that came to that path."""
        return [form for where, form in self.forms if where == path]


class DoubleTestCase(SynchronousTestCase):
    """A carrier, a double of a daemon, and a network in memory between them."""

    def setUp(self):
        self.clock = Clock()
        self.addCleanup(tell_autobahn(self.clock))
        self.network = MemoryNetwork(self.clock)
        self.double = Double(self.clock)
        self.port = self.network.listen("daemon", Site(self.double, reactor=self.clock))
        self.carrier = self.make_carrier()
        self.carrier.number(NUMBER, "/incoming", fallback_url="/fallback", status_url="/status")

    def make_carrier(self, **how):
        return Carrier(self.clock, daemon=self.network.endpoint("daemon"), public_url=PUBLIC, seed=1, **how)

    def ring(self, *answers, **how):
        """Somebody rings; the daemon's first answers are these."""
        if answers:
            self.double.answers["/incoming"] = list(answers)
        call = self.carrier.ring(NUMBER, **how)
        settle(self.clock)
        return call

    def socket(self):
        return self.double.sockets[-1]

    def elapse(self, seconds):
        elapse(self.clock, seconds)

    def codes(self, call):
        """The codes of the call's warnings."""
        return [alert.code for alert in call.warnings]


class CallTests(DoubleTestCase):
    """The whole road of a call, once."""

    def test_whole_call(self):
        """A call is answered, streamed, hung up by the daemon, and reported."""
        call = self.ring()
        self.elapse(0.1)
        socket = self.socket()
        socket.media(b"\x10" * 800)
        socket.mark("end")
        self.elapse(0.2)
        socket.sendClose(1000)
        self.elapse(0.1)
        self.assertEqual(self.successResultOf(call.ended), "<Hangup>")
        self.assertEqual([form["CallStatus"] for form in self.double.asked("/status")], ["completed"])
        self.assertEqual(call.heard.count(0x10), 800)
        self.assertEqual([mark.name for mark in call.marks], ["end"])
