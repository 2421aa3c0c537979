"""The `http:` of voiced.yaml, and what `check` says of flows that ask whom they may not."""

from __future__ import annotations

from tests.test_settings_daemon import DaemonCase, edited
from voiced.net.signature import Signature
from voiced.secret import Secret
from voiced.webservices import WebRules

KEY = "a-secret-that-nobody-may-see"
WHOLE = f"""\
http:
  sign: {KEY}
  private: [CRM.internal, "10.0.0.5", "[fd00::1]"]
  headers: {{API.example.com: {{Authorization: "Bearer ${{KEY}}"}}}}
"""
TEXT = "expects text, and `{` or `[` is syntax: put the text in quotes"
HOST = "is no host like crm.internal or 10.0.0.5: no scheme, no port, no path"
SHORT = "is shorter than 24 bytes: `echo whsec_$(openssl rand -base64 32)` makes a good one"
LIST = "expects a list, each entry on a line that begins with `- `"

BROKEN: list[tuple[str, list[str]]] = [
    ("x", ["8:7: http: expects settings (`name: value`) below it, not 'x'"]),
    ("{sing: x}", ["8:8: http: there is no setting 'sing' here; did you mean 'sign'?"]),
    ("{sign: short}", [f"8:14: http.sign: {SHORT}"]),
    ("{sign: ['x']}", [f"8:14: http.sign: {TEXT}"]),
    ("{private: crm}", [f"8:17: http.private: {LIST}, not 'crm'"]),
    ("{private: ['http://crm/']}", [f"8:18: http.private.1: 'http://crm/' {HOST}"]),
    ("{private: [[x]]}", [f"8:18: http.private.1: {TEXT}"]),
    ("{headers: {'crm:80': {X: y}}}", [f"8:18: http.headers.crm:80: 'crm:80' {HOST}"]),
    (
        "{headers: {crm.example: the-token}}",
        ['8:31: http.headers.crm.example: expects headers below it, like `Authorization: "Bearer ${TOKEN}"`'],
    ),
    ("{headers: {a.b: {Host: x}}}", ["8:24: http.headers.a.b.Host: 'Host' is no header that can be set"]),
    ("{headers: {a.b: {X: tökén}}}", ["8:24: http.headers.a.b.X: 'X' holds a line break, or what is not ASCII"]),
    (
        "{headers: {a.b: {X: [y]}}}",
        [f"8:27: http.headers.a.b.X: {TEXT}"],
    ),
]

FLOW = "flow: hello\nstart: a\nnodes:\n  a:\n    - say: x\n"
INSIDE = "is of our own network: if flows may ask it, name it in voiced.yaml (`http.private`)"
CLEAR = "voiced.yaml has headers for api.example.com, which could be read on the way: write https://"
URL = "`url` must be like https://host.example/path; only path and query may have a {name}"
ASKING: list[tuple[str, list[str]]] = [
    ('    - http: "https://other.example/"\n', []),
    ('    - http: "http://crm.internal/{call.sid}"\n', []),
    ('    - http: "https://[fd00::1]/"\n', []),
    ('    - http: "http://10.0.0.6/"\n', [f"flows/hello.yaml:6:7: node 'a', step 2 (http): 10.0.0.6 {INSIDE}"]),
    (
        "    - http:\n        method: POST\n        url: http://127.1/\n",
        [f"flows/hello.yaml:8:14: node 'a', step 2 (http): 127.1 {INSIDE}"],
    ),
    ("    - http: http://db/\n", [f"flows/hello.yaml:6:7: node 'a', step 2 (http): db {INSIDE}"]),
    ("    - http: http://api.example.com/\n", [f"flows/hello.yaml:6:7: node 'a', step 2 (http): {CLEAR}"]),
    ("    - http: https://api.example.com/\n", []),
    (
        "    - http: /calls\n",
        [f"flows/hello.yaml:6:13: node 'a', step 2 (http): {URL}"],
    ),
]


class WebTests(DaemonCase):
    """Whom flows may ask, and how."""

    maxDiff = None

    def test_default(self) -> None:
        """Without the block, or an environment for its secret, nothing is signed and nobody inside is asked."""
        for block in ("", "http: {}", 'http: {sign: "${NOT_THERE:-}"}'):
            self.assertEqual(self.settings({"+": block}).web, WebRules())

    def test_whole(self) -> None:
        """Everything is where it belongs; hosts as URLs have them."""
        expected = WebRules(
            Signature.parse(Secret(KEY)),
            frozenset({"crm.internal", "10.0.0.5", "fd00::1"}),
            {"api.example.com": {"Authorization": Secret("Bearer the-key")}},
        )
        web = self.settings({"+": WHOLE}).web
        self.assertEqual(web, expected)
        self.assertNotIn("the-key", repr(web))

    def test_broken(self) -> None:
        """Whatever is wrong is said in its place, with what to do."""
        for block, faults in BROKEN:
            self.assertEqual(self.faults(edited({"+": f"http: {block}"})), faults, block)

    def test_flows(self) -> None:
        """A flow that asks whom it may not is found before anybody calls, in its own line."""
        for step, faults in ASKING:
            (self.directory / "flows" / "hello.yaml").write_text(FLOW + step)
            self.assertEqual(self.faults(edited({"+": WHOLE})), faults, step)
