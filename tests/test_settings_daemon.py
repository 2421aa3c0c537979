"""voiced.yaml: what becomes of a good one, and what is said of each bad one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from voiced.call.privacy import Privacy
from voiced.errors import ConfigError
from voiced.maker import Maker
from voiced.secret import Secret
from voiced.settings.daemon import Settings as DaemonSettings
from voiced.settings.load import Configuration, read
from voiced.settings.registry import Found, Registry
from voiced.twilio.webhook import Account

SID = "AC" + "0123456789abcdef" * 2
OTHER_SID = "AC" + "f" * 32


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """This module is the plugin `toy`: a voice, an agent and a lookup."""

    pitch: float = 1.0
    api_key: Secret | None = None
    base_url: str | None = None


def make(settings: Settings, tools: Any) -> Settings:
    """Never called here."""
    return settings


BUILTIN = Registry.find()
TOYS = tuple(Found(Maker(kind, "toy", "A toy", __name__), __name__) for kind in ("voice", "agent", "lookup"))
LOST = Found(Maker("voice", "lost", "A voice whose module is gone", "no_such_module"), __name__)
REGISTRY = Registry((*BUILTIN.found, *TOYS, LOST))

GOOD = f"""\
listen: "tcp:8080:interface=127.0.0.1"
public_url: https://voice.example.com
twilio: {{account_sid: {SID}, auth_token: "${{TOKEN}}"}}
voices:
  rachel: {{engine: toy, api_key: "${{KEY}}"}}
numbers:
  default: hello
"""
ENVIRON = {"TOKEN": "the-token", "KEY": "the-key", "YAML": "{a: b}", "SID": "the-secret-sid"}
HELLO = "flow: hello\nstart: a\nnodes: {a: [say: x]}\n"

ENDPOINT = 'is no endpoint like "uv:8080:interface=127.0.0.1"'
URL = "is no URL like https://voice.example.com: a scheme, a host, at most a path"
HTTPS = "must begin with https:// (http:// is for `insecure: true` only)"
NUMBER = 'a number begins with + and its country, like "+14155550123"'
DIALLED = f'is no number, no prefix like "+44*", no address like sip:… and not `default`; {NUMBER}'
NO_TOKEN = (
    "`auth_token` is missing: without it a stranger's requests look like Twilio's; "
    "write it, or `insecure: true` for trials on this machine only"
)
NO_URL = "`public_url` is missing: the https:// URL by which Twilio reaches this daemon; signatures are made from it"
OPEN_DOOR = (
    "with `insecure: true` only this machine may reach the daemon: "
    "add `:interface=127.0.0.1` to {}, or take `insecure` out"
)
LOCAL = "must begin with https:// (http:// is for this machine itself)"
VOICELESS = "it speaks, and has no voice: write `voice:` into the flow or voiced.yaml"
KNOWN = (
    "agents, api, apology, busy, cache, data, drain_say, drain_seconds, drain_to, flows, goodbye, http, human, "
    "inbound, insecure, journal, limits, listen, logs, lookups, metrics, node, node_url, numbers, oncall, outbound, "
    "overflow, prerender, privacy, public_url, refusal, tools, twilio, voice, voices"
)
NO_MODULE = "ModuleNotFoundError: No module named 'no_such_module'"
VOICES = "no voice 'tyo' is installed; did you mean 'toy'?"

Edit = dict[str, str]
"""Lines of GOOD by their beginning -> what stands there instead; "+": what is added at the end."""

BROKEN: list[tuple[Edit, list[str]]] = [
    ({"listen": "listen: 8080"}, [f"1:9: listen: '8080' {ENDPOINT}"]),
    ({"listen": "listen: tcp:http"}, ["1:9: listen: 'tcp:http' has no port from 0 to 65535 after `tcp:`"]),
    ({"listen": "listen: uv:http"}, ["1:9: listen: 'uv:http' has no port from 0 to 65535 after `uv:`"]),
    ({"listen": "listen: uvtls:99999"}, ["1:9: listen: 'uvtls:99999' has no port from 0 to 65535 after `uvtls:`"]),
    ({"listen": "listen: tcp:99999"}, ["1:9: listen: 'tcp:99999' has no port from 0 to 65535 after `tcp:`"]),
    ({"public_url": ""}, [f"1:1: {NO_URL}"]),
    (
        {"public_url": "public_url: ${NOPE}"},
        ["2:13: the environment variable NOPE is not set, or empty: set it before voiced starts"],
    ),
    (
        {"public_url": "public_url: http://voice.example.com"},
        [f"2:13: public_url: 'http://voice.example.com' {HTTPS}"],
    ),
    ({"public_url": "public_url: voice.example.com"}, [f"2:13: public_url: 'voice.example.com' {URL}"]),
    (
        {"public_url": "public_url: https://https://x.example"},
        [f"2:13: public_url: 'https://https://x.example' {URL}"],
    ),
    ({"public_url": "public_url: https://x.example:http"}, [f"2:13: public_url: 'https://x.example:http' {URL}"]),
    ({"public_url": "public_url: https://u:p@x.example"}, [f"2:13: public_url: this {URL}"]),
    (
        {"public_url": "public_url: https://x.example/?a=b"},
        ["2:13: public_url: 'https://x.example/?a=b' must end with its path: without `?` and `#`"],
    ),
    (
        {"public_url": "public_url: https://${TOKEN}/x y"},
        ["2:13: public_url: 'https://${TOKEN}/x y' " + URL],
    ),
    ({"twilio": ""}, ["1:1: twilio: no Twilio account: write its `account_sid` and `auth_token`"]),
    ({"twilio": f"twilio: {{account_sid: {SID}}}"}, [f"3:1: twilio: {NO_TOKEN}"]),
    ({"twilio": f"twilio: {{account_sid: {SID}, auth_token: []}}"}, [f"3:1: twilio: {NO_TOKEN}"]),
    (
        {"twilio": f"twilio: {{account_sid: {SID}, auth_token: ' '}}"},
        ["3:71: twilio.auth_token: is empty, and this secret is needed"],
    ),
    ({"twilio": "twilio: {auth_token: x}"}, ["3:1: twilio: the setting 'account_sid' is missing"]),
    (
        {"twilio": "twilio: {account_sid: AC12, auth_token: x}"},
        ["3:23: twilio.account_sid: 'AC12' is no account SID: `AC` and 32 hexadecimal digits"],
    ),
    (
        {"twilio": "twilio: {account_sid: '${SID}', auth_token: x}"},
        ["3:23: twilio.account_sid: '${SID}' is no account SID: `AC` and 32 hexadecimal digits"],
    ),
    (
        {"twilio": f"twilio: {{account_sid: {SID}, auth_token: x, number: 4155550123}}"},
        [f"3:82: twilio.number: '4155550123' is no telephone number: {NUMBER}"],
    ),
    (
        {"twilio": f"twilio: {{account_sid: {SID}, auth_token: x, base_url: http://x.example}}"},
        [f"3:84: twilio.base_url: 'http://x.example' {LOCAL}"],
    ),
    (
        {"twilio": f"twilio: {{account_sid: {SID}, auth_token: x, region: a.b}}"},
        ["3:82: twilio.region: 'a.b' is no name like ie1 or dublin"],
    ),
    (
        {"twilio": f"twilio: {{account_sid: {SID}, token: x, auth_token: x}}"},
        ["3:59: twilio: there is no setting 'token' here; did you mean 'auth_token'?"],
    ),
    (
        {
            "twilio": f"twilio:\n  a: {{account_sid: {SID}, auth_token: x}}\n"
            f"  b: {{account_sid: {SID}, auth_token: y}}"
        },
        ["5:20: twilio.b.account_sid: the account 'a' has this SID already"],
    ),
    (
        {"twilio": f"twilio:\n  a: {{account_sid: {SID}}}\n  b: x"},
        ["4:3: twilio.a: " + NO_TOKEN, "5:6: twilio.b: expects settings below it: `account_sid` and `auth_token`"],
    ),
    ({"  rachel": "  rachel: {engine: tyo}"}, [f"5:20: voices.rachel.engine: {VOICES}"]),
    (
        {"  rachel": "  rachel: {engine: '${NOPE}'}"},
        ["5:20: the environment variable NOPE is not set, or empty: set it before voiced starts"],
    ),
    (
        {"  rachel": "  rachel: {engine: lost}"},
        [f"5:20: voices.rachel.engine: the voice 'lost' cannot be used: no_such_module fails with {NO_MODULE}"],
    ),
    (
        {"  rachel": "  rachel: {}"},
        ["5:3: voices.rachel: the setting 'engine' is missing; installed: elevenlabs, local, lost, toy"],
    ),
    ({"  rachel": "  rachel: toy"}, ["5:11: voices.rachel: expects settings (`name: value`) below it, not 'toy'"]),
    (
        {"  rachel": "  rachel: {engine: toy, pitch: high}"},
        ["5:32: voices.rachel.pitch: expects a number, not 'high'"],
    ),
    (
        {"  rachel": "  rachel: {engine: toy, pich: 1}"},
        ["5:25: voices.rachel: there is no setting 'pich' here; did you mean 'pitch'?"],
    ),
    (
        {"  rachel": "  rachel: {engine: toy, cache: yes}"},
        ["5:32: voices.rachel.cache: write true or false, not 'yes'"],
    ),
    (
        {"  rachel": "  rachel: {engine: toy, fallback: spare}"},
        ["5:35: voices.rachel.fallback: no voice is called 'spare'; there are: rachel"],
    ),
    (
        {"  rachel": "  rachel: {engine: toy, fallback: rachel}"},
        ["5:35: voices.rachel.fallback: the fallbacks go in a circle: 'rachel' comes back to itself"],
    ),
    (
        {"  rachel": "  rachel: {engine: toy, fallback: b}\n  b: {engine: toy, fallback: rachel}", "+": "voice: b"},
        [
            "5:35: voices.rachel.fallback: the fallbacks go in a circle: 'rachel' comes back to itself",
            "6:30: voices.b.fallback: the fallbacks go in a circle: 'b' comes back to itself",
        ],
    ),
    (
        {"voices": "", "  rachel": ""},
        [f"flows/hello.yaml:3:13: node 'a', step 1 (say): {VOICELESS}"],
    ),
    ({"+": "voice: rahcel"}, ["8:8: voice: no voice is called 'rahcel'; did you mean 'rachel'?"]),
    (
        {"+": "agents: {sales: {agent: toy, pich: 1}}"},
        ["8:30: agents.sales: there is no setting 'pich' here; did you mean 'pitch'?"],
    ),
    (
        {"+": "agents: {sales: {engine: toy}}"},
        ["8:10: agents.sales: the setting 'agent' is missing; installed: elevenlabs, local, openai, toy"],
    ),
    (
        {"+": "lookups: {crm: {lookup: tabel}}"},
        ["8:25: lookups.crm.lookup: no lookup 'tabel' is installed; did you mean 'table'?"],
    ),
    (
        {"+": "lookups: {crm: {lookup: table}}"},
        ["8:11: lookups.crm: write either `callers` (numbers, each with facts) or `file` (a CSV or YAML file)"],
    ),
    ({"+": "lookups: x"}, ["8:10: lookups: expects settings (`name: value`) below it, not 'x'"]),
    (
        {"numbers": "", "  default": ""},
        ["1:1: numbers: no number has a flow: write one, or `default: <flow>` for all of them"],
    ),
    ({"  default": "  default: helo"}, ["7:12: numbers.default: no flow is called 'helo'; did you mean 'hello'?"]),
    ({"  default": "  default:"}, ["7:3: numbers.default: has no value: write one, or take the line out"]),
    ({"  default": "  4155550123: hello"}, [f"7:3: numbers.4155550123: '4155550123' {DIALLED}"]),
    ({"  default": "  '+44**': hello"}, [f"7:3: numbers.+44**: '+44**' {DIALLED}"]),
    (
        {"  default": "  '+1 415 555 0123': hello\n  '+14155550123': hello"},
        ["8:3: numbers.+14155550123: the number '+14155550123' is here twice, as '+1 415 555 0123' too"],
    ),
    ({"+": "privacy: mask"}, ["8:10: privacy: 'mask' is not a choice; did you mean 'masked'?"]),
    ({"+": "insecure: on"}, ["8:11: insecure: write true or false, not 'on'"]),
    ({"+": "insecure: true", "listen": "listen: tcp:8080"}, [f"1:9: listen: {OPEN_DOOR.format(repr('tcp:8080'))}"]),
    (
        {"+": "insecure: true", "listen": "listen: tcp:8080:interface=0.0.0.0"},
        [f"1:9: listen: {OPEN_DOOR.format(repr('tcp:8080:interface=0.0.0.0'))}"],
    ),
    ({"+": "limits: {calls: 0}"}, ["8:17: limits.calls: must be at least 1, not '0'"]),
    ({"+": "limits: {cals: 5}"}, ["8:10: limits: there is no setting 'cals' here; did you mean 'calls'?"]),
    ({"+": "cache: {size_mb: big}"}, ["8:18: cache.size_mb: expects a whole number, not 'big'"]),
    ({"+": "human: '911'"}, [f"8:8: human: '911' is no telephone number: {NUMBER}"]),
    ({"+": "apology: ''"}, ["8:10: apology: must not be empty"]),
    ({"+": "prerender: no"}, ["8:12: prerender: write true or false, not 'no'"]),
    (
        {"+": "flows: elsewhere"},
        [
            "elsewhere:1:1: there is no flow here: write one into a file *.yaml",
            "7:12: numbers.default: no flow is called 'hello'; there are none",
        ],
    ),
    ({"+": "carriers: {flow: x}"}, [f"8:1: there is no setting 'carriers' here; there are: {KNOWN}"]),
    ({"+": "data: [x]"}, ["8:7: data: expects text, and `{` or `[` is syntax: put the text in quotes"]),
    (
        {"listen": "listen: x", "  rachel": "  rachel: {engine: tyo}", "+": "privacy: x"},
        [
            f"1:9: listen: 'x' {ENDPOINT}",
            f"5:20: voices.rachel.engine: {VOICES}",
            "8:10: privacy: 'x' is not a choice; there are: masked, open, strict",
        ],
    ),
]


def edited(edit: Edit) -> str:
    """GOOD with some lines changed; a line that is taken out stays as an empty one."""
    lines = GOOD.splitlines()
    for beginning, instead in edit.items():
        lines = [instead if beginning != "+" and line.startswith(beginning) else line for line in lines]
    return "\n".join([*lines, edit.get("+", "")])


class DaemonCase(SynchronousTestCase):
    """Test cases with a directory for voiced.yaml and one flow."""

    def setUp(self) -> None:
        """The flow `hello`."""
        self.directory = Path(self.mktemp())
        (self.directory / "flows").mkdir(parents=True)
        (self.directory / "flows" / "hello.yaml").write_text(HELLO)

    def configuration(self, text: str, environ: dict[str, str] = ENVIRON) -> Configuration:
        """All that the files say, with this voiced.yaml."""
        (self.directory / "voiced.yaml").write_bytes(text.encode("utf-8", "surrogatepass"))
        return read(self.directory / "voiced.yaml", environ, REGISTRY)

    def settings(self, edit: Edit) -> DaemonSettings:
        """The settings of GOOD with these changes."""
        return self.configuration(edited(edit)).settings

    def faults(self, text: str) -> list[str]:
        """What is wrong with this voiced.yaml, without its name."""
        try:
            self.configuration(text)
        except ConfigError as error:
            return [str(f).removeprefix(f"{self.directory}/").removeprefix("voiced.yaml:") for f in error.faults]
        return []


class GoodSettingsTests(DaemonCase):
    """Settings without a fault."""

    def test_good(self) -> None:
        """Everything is where it belongs, and the rest has its default."""
        settings = self.settings({})
        self.assertEqual(settings.accounts, (Account("main", SID, (Secret("the-token"),)),))
        self.assertEqual(
            (settings.listen, settings.public_url), ("tcp:8080:interface=127.0.0.1", "https://voice.example.com")
        )
        self.assertEqual((settings.flows, settings.data), (self.directory / "flows", self.directory / "var"))
        self.assertEqual((settings.numbers, settings.human, settings.voice), ({"default": "hello"}, None, "rachel"))
        self.assertEqual(
            (settings.plain.privacy, settings.plain.insecure, settings.plain.limits.calls),
            (Privacy.MASKED, False, 200),
        )
        self.assertEqual(settings.voices["rachel"].settings, Settings(api_key=Secret("the-key")))

    def test_accounts_by_name(self) -> None:
        """Several accounts have names; one whose token is being changed has two."""
        block = f"twilio:\n  a: {{account_sid: {SID}, auth_token: [x, y], number: +1 415 555-0123}}\n"
        block += f"  b: {{account_sid: {OTHER_SID}, auth_token: z, region: ie1, edge: dublin, base_url: 'http://[::1]:80/'}}"
        first = Account("a", SID, (Secret("x"), Secret("y")), "+14155550123")
        second = Account("b", OTHER_SID, (Secret("z"),), None, "http://[::1]:80", "ie1", "dublin")
        self.assertEqual(self.settings({"twilio": block}).accounts, (first, second))

    def test_public_url(self) -> None:
        """A path is kept, a slash at the end is not."""
        for written in ("https://x.example/voice/", "https://x.example/voice"):
            self.assertEqual(
                self.settings({"public_url": f"public_url: {written}"}).public_url, "https://x.example/voice"
            )

    def test_insecure(self) -> None:
        """On this machine alone, neither token nor public URL is needed."""
        edit = {"public_url": "", "twilio": f"twilio: {{account_sid: {SID}}}", "+": "insecure: true"}
        for listen in (
            "tcp:8080:interface=127.0.0.1",
            "tcp:port=8080:interface=\\:\\:1",
            "tcp:8080:interface=localhost",
            "uv:8080:interface=127.0.0.1",
        ):
            self.assertEqual(
                self.settings({**edit, "listen": f"listen: '{listen}'"}).public_url, "http://localhost:8080"
            )
        for listen in ("unix:/run/voiced", "uvunix:/run/voiced"):
            self.assertEqual(self.settings({**edit, "listen": f"listen: {listen}"}).public_url, "http://localhost")

    def test_insecure_with_all_that_security_needs(self) -> None:
        """What is written holds all the same."""
        settings = self.settings({"public_url": "public_url: http://x.test", "+": "insecure: true"})
        self.assertEqual((settings.public_url, len(settings.accounts[0].tokens)), ("http://x.test", 1))

    def test_default_listen(self) -> None:
        """Unless told, the daemon is behind a proxy on this machine."""
        self.assertEqual(self.settings({"listen": ""}).listen, "uv:8080:interface=127.0.0.1")

    def test_numbers(self) -> None:
        """Numbers are written as people write them, and are what the carrier will say."""
        lines = '  "+1 (415) 555-0123": hello\n  +44*: hello\n  sip:desk@x.example: hello\n  default: hello'
        self.assertEqual(
            list(self.settings({"  default": lines}).numbers),
            ["+14155550123", "+44*", "sip:desk@x.example", "default"],
        )

    def test_voices(self) -> None:
        """Of several voices one may be the default; each may have another to fall back to."""
        lines = "  rachel: {engine: toy, fallback: spare, cache: false}\n  spare: {engine: toy, pitch: 2}"
        settings = self.settings({"  rachel": lines, "+": "voice: spare"})
        self.assertEqual((settings.voices["rachel"].fallback, settings.voices["rachel"].cache), ("spare", False))
        self.assertEqual((settings.voice, settings.voices["spare"].settings), ("spare", Settings(pitch=2.0)))

    def test_agents_and_lookups(self) -> None:
        """Each names its plugin and has its settings."""
        more = "agents: {sales: {agent: toy}}\nlookups: {crm: {lookup: table, callers: {'+1*': {name: Ann}}}}"
        settings = self.settings({"+": more})
        self.assertEqual((settings.agents["sales"].plugin, settings.lookups["crm"].plugin), ("toy", "table"))

    def test_the_rest(self) -> None:
        """The settings that say all they mean."""
        more = "privacy: strict\nlimits: {calls: 5}\ncache: {size_mb: 1}\nhuman: +1 415 555 0100\n"
        more += "busy: Wait.\nprerender: false\ndata: /d"
        settings = self.settings({"+": more})
        plain = settings.plain
        self.assertEqual((plain.privacy, plain.limits.calls, plain.cache.size_mb), (Privacy.STRICT, 5, 1))
        self.assertEqual((settings.human, plain.busy, plain.prerender), ("+14155550100", "Wait.", False))
        self.assertEqual(settings.data, Path("/d"))


class BrokenSettingsTests(DaemonCase):
    """Settings with a fault."""

    maxDiff = None

    def test_broken(self) -> None:
        """Whatever is wrong is said once, in its place, with what to do."""
        for edit, faults in BROKEN:
            self.assertEqual(sorted(self.faults(edited(edit))), sorted(faults), edit)

    def test_empty(self) -> None:
        """An empty file, and one that holds something else."""
        self.assertEqual(
            self.faults(""), ["1:1: this file is empty: the example config/voiced.yaml has all that a daemon needs"]
        )
        self.assertEqual(self.faults("- a"), ["1:1: expects settings (`name: value`) below it"])

    def test_with_the_flows(self) -> None:
        """The faults of voiced.yaml and of its flows come together."""
        (self.directory / "flows" / "hello.yaml").write_text(HELLO.replace("say", "sya"))
        faults = self.faults(edited({"+": "privacy: x"}))
        self.assertEqual([fault.split(": ")[0] for fault in faults], ["flows/hello.yaml:3:13", "8:10"])

    def test_flow_that_cannot_be_read(self) -> None:
        """A number of a flow whose file is broken is not blamed too."""
        (self.directory / "flows" / "hello.yaml").write_text("flow: [")
        self.assertEqual([fault.split(": ")[0] for fault in self.faults(GOOD)], ["flows/hello.yaml:1:7"])

    def test_no_secret_is_shown(self) -> None:
        """Wherever a secret is filled in wrongly, no sentence gives it away."""
        for name in (
            "listen",
            "public_url",
            "privacy",
            "insecure",
            "limits",
            "human",
            "data",
            "voice",
            "apology",
            "twilio",
        ):
            for value in ("${TOKEN}", "{x: '${TOKEN}'}", "['${TOKEN}']"):
                self.assertNotIn("the-token", str(self.faults(edited({name: "", "+": f"{name}: {value}"}))))

    def test_no_secret_is_shown_deeper(self) -> None:
        """Nor in the blocks below."""
        for block in (
            "twilio: {{account_sid: '{0}', number: '{0}', base_url: '{0}', region: '{0}.', edge: '{0}.'}}",
            "voices: {{a: {{engine: '{0}', fallback: '{0}', cache: '{0}'}}, b: {{engine: toy, pitch: '{0}'}}}}",
            "numbers: {{'{0}': hello, default: '{0}'}}",
            "lookups: {{a: {{lookup: '{0}'}}, b: {{lookup: table, callers: '{0}'}}}}",
            "limits: {{calls: '{0}', '{0}': 1}}",
        ):
            name = block.partition(":")[0]
            faults = self.faults(
                edited({name: "", "  default" if name == "numbers" else "": "", "+": block.format("${TOKEN}")})
            )
            self.assertNotIn("the-token", str(faults))
            self.assertTrue(faults)

    def test_settings_do_not_show_secrets(self) -> None:
        """Nor does the repr of what was read."""
        shown = repr(self.configuration(GOOD))
        self.assertNotIn("the-token", shown)
        self.assertNotIn("the-key", shown)

    @settings(deadline=None)
    @given(st.text(alphabet="ab:{}[],-#&*!|>'\" \n\\$") | st.text(), st.sampled_from(list(GOOD.splitlines())))
    def test_any_text(self, text: str, line: str) -> None:
        """No file makes anything but settings or a ConfigError."""
        self.faults(text)
        self.faults(GOOD.replace(line, f"{line.partition(':')[0]}: {text}"))
