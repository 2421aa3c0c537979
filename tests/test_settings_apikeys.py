"""The `api:` of voiced.yaml: what becomes of a good one, and what is said of each bad one, without any key in it."""

from __future__ import annotations

from tests.test_settings_daemon import ENVIRON, DaemonCase, edited
from voiced.errors import ConfigError
from voiced.iguard import Party

KEY, OTHER = "0123456789-abcdefghi", "abcdefghi-0123456789"
ENV = ENVIRON | {"VOICED_API_KEY": KEY, "CRM_KEY": OTHER, "SHORT": "tooshort", "SPACED": "a key with some spaces"}
WHOLE = """\
api:
  keys:
    - "${VOICED_API_KEY}"
    - {name: crm, key: "${CRM_KEY}", flows: [hello], calls_per_minute: 10, calls_per_day: 500}
  cors: ["https://app.example.com", "http://localhost:3000", "http://[::1]"]
"""
NO_ORIGIN = "is no origin like https://app.example.com: scheme, host in small letters, port; no path"
SHORT = "is shorter than 20 characters: `openssl rand -base64 24` makes a good one"

BROKEN: list[tuple[str, list[str]]] = [
    (KEY, ['8:6: api: expects settings below it, like `keys: ["${VOICED_API_KEY}"]`']),
    ("{key: x}", ["8:7: api: there is no setting 'key' here; did you mean 'keys'?"]),
    (f"{{keys: {KEY}}}", ["8:13: api.keys: expects a list, each key on a line that begins with `- `"]),
    ("{keys: {crm: x}}", ["8:13: api.keys: expects a list, each entry on a line that begins with `- `"]),
    ("{keys: ['${SHORT}']}", [f"8:14: api.keys.1: {SHORT}"]),
    ("{keys: [nineteen-characters]}", [f"8:14: api.keys.1: {SHORT}"]),
    (
        "{keys: ['${SPACED}']}",
        ["8:14: api.keys.1: has characters that a header cannot carry: letters, digits and signs of ASCII only"],
    ),
    ("{keys: [[x]]}", ["8:14: api.keys.1: expects text, and `{` or `[` is syntax: put the text in quotes"]),
    (
        "{keys: ['${NOPE}']}",
        ["8:14: the environment variable NOPE is not set, or empty: set it before voiced starts"],
    ),
    (
        "{keys: ['${VOICED_API_KEY}', '${VOICED_API_KEY}']}",
        ["8:35: api.keys.2: this key is here twice: each name needs a key of its own"],
    ),
    (
        "{keys: [{name: a, key: '${CRM_KEY}'}, {name: a, key: '${VOICED_API_KEY}'}]}",
        ["8:44: api.keys.2: the name 'a' is here twice: whatever a key does is noted by its name"],
    ),
    ("{keys: [{name: a}]}", ["8:14: api.keys.1: the setting 'key' is missing"]),
    ("{keys: [{key: '${CRM_KEY}'}]}", ["8:14: api.keys.1: the setting 'name' is missing"]),
    (
        "{keys: [{name: a, key: '${CRM_KEY}', flow: hello}]}",
        ["8:43: api.keys.1: there is no setting 'flow' here; did you mean 'flows'?"],
    ),
    (
        "{keys: [{name: a, key: '${CRM_KEY}', flows: [hello, helo]}]}",
        ["8:58: api.keys.1.flows.2: no flow is called 'helo'; did you mean 'hello'?"],
    ),
    (
        "{keys: [{name: a, key: '${CRM_KEY}', calls_per_day: 0}]}",
        ["8:58: api.keys.1.calls_per_day: must be at least 1, not '0'"],
    ),
    ("{cors: ['*']}", ["8:14: api.cors.1: `*` would let every page on the web try: write each origin"]),
    ("{cors: ['https://app.example.com/']}", [f"8:14: api.cors.1: 'https://app.example.com/' {NO_ORIGIN}"]),
    ("{cors: ['https://App.example.com']}", [f"8:14: api.cors.1: 'https://App.example.com' {NO_ORIGIN}"]),
    ("{cors: ['null']}", [f"8:14: api.cors.1: 'null' {NO_ORIGIN}"]),
    (
        "{cors: ['http://app.example.com']}",
        ["8:14: api.cors.1: 'http://app.example.com' must begin with https:// (http:// is for this machine itself)"],
    ),
    ("{cors: x}", ["8:13: api.cors: expects a list, each entry on a line that begins with `- `, not 'x'"]),
]


class ApiTests(DaemonCase):
    """Who may use the API."""

    maxDiff = None

    def test_off(self) -> None:
        """Without keys, and with keys that are not set, the API is off."""
        for block in ("", "api: {}", "api: {keys: ['${NONE:-}', {name: crm, key: '${NONE:-}'}]}", "api: {keys: }"):
            found = self.settings({"+": block}).api
            self.assertEqual((len(found.keys), found.cors), (0, ()), block)

    def test_whole(self) -> None:
        """Each key is a party with a name; one without a name has its number for one."""
        found = self.configuration(edited({"+": WHOLE}), ENV).settings.api
        self.assertEqual(found.keys.party_of(KEY), Party("key-1"))
        self.assertEqual(found.keys.party_of(OTHER), Party("crm", frozenset({"hello"}), 10, 500))
        self.assertEqual(found.cors, ("https://app.example.com", "http://localhost:3000", "http://[::1]"))

    def test_broken(self) -> None:
        """Whatever is wrong is said in its place, and nothing of a key with it."""
        for block, faults in BROKEN:
            found = self.faults_of(edited({"+": f"api: {block}"}))
            self.assertEqual(found, faults, block)
            for name in ("VOICED_API_KEY", "CRM_KEY", "SHORT", "SPACED"):
                self.assertNotIn(ENV[name], "\n".join(found))

    def test_token_in_the_wrong_place(self) -> None:
        """A token, written out where something else belongs, is not shown either."""
        token = "0123456789abcdef0123456789abcdef"
        for block in (token, f"{{account_sid: {token}, auth_token: x}}", f"{{a: {token}}}"):
            found = self.faults_of(edited({"twilio": f"twilio: {block}"}))
            self.assertTrue(found, block)
            self.assertNotIn(token[:8], "\n".join(found))
        for url in ("https://user:{}@x.example", "https://u:a/{}@x.example", "{}@x.example", "http://{}@x.example"):
            found = self.faults_of(edited({"public_url": f"public_url: {url.format(token)}"}))
            self.assertTrue(found, url)
            self.assertNotIn(token[:8], "\n".join(found))

    def faults_of(self, text: str) -> list[str]:
        """What is wrong with this voiced.yaml, where the keys are set."""
        try:
            self.configuration(text, ENV)
        except ConfigError as error:
            return [str(fault).removeprefix(f"{self.directory}/voiced.yaml:") for fault in error.faults]
        return []
