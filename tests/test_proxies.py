"""The samples for proxies, with the proxies themselves in front of real daemons: what Twilio signs passes through."""

from __future__ import annotations

import os
import re
import shutil
import socket
from pathlib import Path
from typing import Any

from OpenSSL import SSL
from twisted.internet import reactor
from twisted.internet.defer import inlineCallbacks
from twisted.internet.endpoints import SSL4ClientEndpoint, TCP4ClientEndpoint
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.ssl import CertificateOptions
from twisted.internet.task import deferLater
from twisted.trial.unittest import SkipTest

import voiced
from tests.certificates import certificate
from tests.test_twistd import NUMBER, PUBLIC_URL, Process, TwistdCase, free_port
from voiced.testing.fakes import read_speech

CONFIG = Path(voiced.__file__).parent.parent / "config"
HEARD = "The first sentence.The second."
MOST = 4
"""Calls that each of two daemons takes at once."""
BUSY = "All our lines are busy at the moment. Please call again in a few minutes. Goodbye."


def self_signed(directory: Path) -> tuple[Path, Path]:
    """A certificate of nobody's, and its key."""
    identity = certificate("voiced.test")
    shown, key = directory / "fullchain.pem", directory / "privkey.pem"
    shown.write_bytes(identity.dumpPEM())
    key.write_bytes(identity.privateKey.dump(SSL.FILETYPE_PEM))
    return shown, key


class ProxyCase(TwistdCase):
    """Test cases with a proxy before one daemon, or two."""

    def setUp(self) -> Any:
        """A port for the proxy."""
        self.front = free_port()
        return super().setUp()

    def program(self, name: str) -> str:
        """The proxy itself."""
        path = shutil.which(name, path=os.environ.get("PATH", "") + os.pathsep + "/usr/sbin")
        if path is None:
            raise SkipTest(f"{name} is not installed (apt-get install {name})")
        return path

    @inlineCallbacks
    def proxies(self, *command: str, **environment: str) -> Any:
        """Start a proxy, and wait until it listens."""
        self.proxy = Process()
        running = reactor.spawnProcess(
            self.proxy, command[0], command, env=os.environ | environment, path=str(self.home)
        )

        def stop() -> Any:
            if not self.proxy.ended.called:
                running.signalProcess("TERM")
            return self.proxy.ended

        self.addCleanup(stop)
        while True:
            self.assertFalse(self.proxy.ended.called, self.proxy.written)
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.front)) == 0:
                    return
            yield deferLater(reactor, 0.05)

    def reached(self, endpoint: IStreamClientEndpoint) -> None:
        """Twilio reaches everything by this endpoint: the names of the URLs are the proxy's business."""
        self.carrier.account.daemon = endpoint

    @inlineCallbacks
    def rings(self, calls: int = 1) -> Any:
        """So many calls at once are heard to their end; gives them."""
        rung = [self.carrier.ring(NUMBER) for _ in range(calls)]
        for call in rung:
            yield call.ended
            self.assertEqual("".join(read_speech(call.heard)), HEARD)
        return rung

    @inlineCallbacks
    def assert_forgeries_refused(self) -> Any:
        """What is not signed does not come through because a proxy brings it."""
        form = {"CallSid": "CA" + "1" * 32, "AccountSid": "AC" + "0" * 32, "From": "+14155550100", "To": NUMBER}
        answer = yield self.carrier.post("/call/incoming", form, signature="forged")
        self.assertEqual(answer.status, 403)

    @inlineCallbacks
    def caddy(self, sample: str, **environment: str) -> Any:
        """Start Caddy with this sample; without TLS, for which it would ask a certificate authority."""
        program = self.program("caddy")
        text = (CONFIG / sample).read_text("utf-8").replace("health_interval 2s", "health_interval 100ms")
        self.assertIn(site := "{$SERVER_DOMAIN} {\n", text)
        alone = text.replace(site, f"{{\n\tadmin off\n}}\n{site}\tbind 127.0.0.1\n")
        (self.home / sample).write_text(alone)
        command = (program, "run", "--adapter", "caddyfile", "--config", sample)
        domain = f"http://voiced.test:{self.front}"
        yield self.proxies(*command, SERVER_DOMAIN=domain, HOME=str(self.home.absolute()), **environment)
        self.reached(TCP4ClientEndpoint(reactor, "127.0.0.1", self.front))

    @inlineCallbacks
    def nginx(self, *edits: tuple[str, str]) -> Any:
        """Start nginx with its sample, so edited, and a certificate."""
        program, home = self.program("nginx"), self.home.absolute()
        certificate, key = self_signed(home)
        text = (CONFIG / "nginx.conf").read_text("utf-8")
        live = "/etc/letsencrypt/live/voice.example.com"
        edits = (("listen 443", f"listen 127.0.0.1:{self.front}"), (f"{live}/fullchain.pem", str(certificate)),
                 (f"{live}/privkey.pem", str(key)), *edits)  # fmt: skip
        for old, new in edits:
            self.assertIn(old, text)
            text = text.replace(old, new)
        paths = "access_log off; client_body_temp_path tmp; proxy_temp_path tmp;"
        (home / "nginx.conf").write_text(f"daemon off; pid nginx.pid; events {{}}\nhttp {{ {paths}\n{text}}}\n")
        yield self.proxies(program, "-p", str(home), "-c", "nginx.conf", "-e", "stderr")
        self.reached(SSL4ClientEndpoint(reactor, "127.0.0.1", self.front, CertificateOptions(verify=False)))


class OneTests(ProxyCase):
    """One daemon."""

    @inlineCallbacks
    def passes(self) -> Any:
        """A call comes through it, and nothing that is forged."""
        yield self.process.says("voiced listens on")
        yield self.rings()
        self.assertNotIn("refused a request", self.process.written)
        yield self.assert_forgeries_refused()

    @inlineCallbacks
    def test_caddy(self) -> Any:
        """Caddy."""
        self.start()
        yield self.caddy("Caddyfile", PORT=str(self.port))
        yield self.passes()

    @inlineCallbacks
    def test_nginx(self) -> Any:
        """nginx, with TLS."""
        self.start()
        yield self.nginx((":8080", f":{self.port}"))
        yield self.passes()


class TwoTests(ProxyCase):
    """Two daemons behind one name, each with files, a port, and a path of its own."""

    asked = 0
    """Callers that have asked by `asks`."""

    @inlineCallbacks
    def setUp(self) -> Any:
        """The second one's home is beside the first one's."""
        yield super().setUp()
        self.ports = [self.port, free_port()]
        home, settings = self.home, (self.home / "voiced.yaml").read_text()
        self.processes = []
        for node, port in enumerate(self.ports, 1):
            self.home = home / f"node{node}"
            shutil.copytree(home / "flows", self.home / "flows")
            own = settings.replace(f"uv:{self.port}:", f"uv:{port}:") + f"node_url: {PUBLIC_URL}/node{node}\n"
            own += f"limits: {{calls: {MOST}}}\nlogs: {{levels: {{voiced.net.accesslog: debug}}}}\n"
            (self.home / "voiced.yaml").write_text(own)
            self.processes.append(self.start())
        self.home = home

    @inlineCallbacks
    def both_listen(self) -> Any:
        """They are there: a proxy that asks before that thinks for `health_interval` that they are not."""
        for process in self.processes:
            yield process.says("voiced listens on")

    @inlineCallbacks
    def asks(self, path: str) -> Any:
        """What as many callers get as one daemon takes: who has each, or the sentence that they hear. Their streams
        never come: whoever has them has no room for others then."""
        got = []
        for _ in range(MOST):
            self.asked += 1
            form = {
                "CallSid": f"CA{self.asked:032}",
                "AccountSid": "AC" + "0" * 32,
                "From": "+14155550100",
                "To": NUMBER,
            }
            answer = yield self.carrier.post(path, form)
            got += re.findall(r"wss://voiced\.test/(node\d)/|<Say>(.*)</Say>", answer.body.decode())
        return ["".join(each) for each in got]

    @inlineCallbacks
    def is_known_to_be_full(self, process: Process) -> Any:
        """The proxy knows it of this daemon: it asks again, so it has understood the answer before that."""
        since = len(process.written)
        while process.written[since:].count("GET /health/ready: 503") < 2:
            self.assertFalse(process.ended.called, process.written)
            yield deferLater(reactor, 0.05)

    @inlineCallbacks
    def passes(self) -> Any:
        """Calls come to both, and all that follows of each to the one that has answered it."""
        yield self.both_listen()
        calls = yield self.rings(4)
        nodes = {re.search(r"voiced\.test/(node\d)/", call.twiml[0]).group(1) for call in calls}  # type: ignore[union-attr]
        self.assertEqual(nodes, {"node1", "node2"})
        for process in self.processes:
            self.assertIn("over, completed", process.written)
            self.assertNotIn("refused a request", process.written)
        yield self.assert_forgeries_refused()

    @inlineCallbacks
    def test_caddy(self) -> Any:
        """Caddy."""
        yield self.both_listen()
        first, second = map(str, self.ports)
        yield self.caddy("Caddyfile.nodes", PORT1=first, PORT2=second)
        yield self.passes()

    @inlineCallbacks
    def test_caddy_when_one_is_full(self) -> Any:
        """New calls go to the one that has room; where none has, a daemon says so to the caller, and not Caddy."""
        yield self.both_listen()
        first, second = map(str, self.ports)
        yield self.caddy("Caddyfile.nodes", PORT1=first, PORT2=second)
        for path, node, process in zip(
            ("/node1/call/incoming", "/call/incoming"), ("node1", "node2"), self.processes, strict=True
        ):
            self.assertEqual((yield self.asks(path)), [node] * MOST)
            yield self.is_known_to_be_full(process)
        self.assertEqual((yield self.asks("/call/incoming")), [BUSY] * MOST)

    @inlineCallbacks
    def test_nginx(self) -> Any:
        """nginx."""
        first, second = self.ports
        yield self.nginx(
            ("server 127.0.0.1:8080;", f"server 127.0.0.1:{first}; server 127.0.0.1:{second};"),
            ("    # location", "    location"),
            ("    #     proxy", "        proxy"),
            ("    # }", "    }"),
            (":8081", f":{first}"),
            (":8082", f":{second}"),
        )
        yield self.passes()
