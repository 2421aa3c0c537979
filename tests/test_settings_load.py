"""From files to a program: what is found, made, kept apart and rendered ahead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from voiced.call.privacy import Privacy
from voiced.call.program import Program
from voiced.errors import ConfigError, VoicedError
from voiced.ivoiced import ITTSEngine, Tools, Utterance
from voiced.maker import Maker
from voiced.secret import Secret
from voiced.settings.load import build_program, find_settings, read, static_prompts
from voiced.settings.making import identity
from voiced.settings.registry import Found, Registry
from voiced.testing.fake_call import FakeCall
from voiced.testing.fakes import FakeTools, SpellingVoice, read_speech

CONFIG = Path(__file__).parent.parent / "config"
ENVIRON = {
    "SERVER_DOMAIN": "voice.example.com",
    "TWILIO_ACCOUNT_SID": "AC" + "a" * 32,
    "TWILIO_AUTH_TOKEN": "the-token",
    "ELEVENLABS_API_KEY": "the-key",
}


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """This module is the voice `toy`."""

    pitch: float = 1.0
    keys: list[Secret] = []
    labels: dict[str, str] = {}
    base_url: str | None = None
    folder: Path | None = None


def make(settings: Settings, tools: Tools) -> SpellingVoice:
    """A voice that spells; one of a high pitch cannot be made."""
    if settings.pitch > 2:
        raise VoicedError("no voice is that high: pip install glass")
    return SpellingVoice()


REGISTRY = Registry((*Registry.find().found, Found(Maker("voice", "toy", "A toy", __name__), __name__)))

VOICED = """\
listen: "tcp:8080:interface=127.0.0.1"
public_url: https://voice.example.com
twilio: {account_sid: AC0123456789abcdef0123456789abcdef, auth_token: x}
voices:
  rachel: {engine: toy, fallback: spare}
  spare: {engine: toy, cache: false}
voice: rachel
lookups:
  crm: {lookup: table, callers: {"+14155550100": {name: Ann}}}
numbers: {default: hello}
privacy: open
human: "+14155550199"
apology: Sorry.
"""
HELLO = """\
flow: hello
start: a
nodes:
  a:
    - say: "Hello {party.name|there}."
    - say: "We are open."
    - say: {text: "We are open.", voice: spare}
    - menu: {prompt: "Press one.", keys: {1: a}, invalid: "No."}
    - say: "We are open."
"""


class ProgramCase(SynchronousTestCase):
    """Test cases with files."""

    def setUp(self) -> None:
        """A directory with one flow."""
        self.directory = Path(self.mktemp())
        (self.directory / "flows").mkdir(parents=True)
        (self.directory / "flows" / "hello.yaml").write_text(HELLO)
        self.clock = Clock()
        self.tools = FakeTools(self.clock, directory=self.directory / "var")

    def program(self, text: str = VOICED) -> Program:
        """The program of this voiced.yaml."""
        (self.directory / "voiced.yaml").write_text(text)
        self.configuration = read(self.directory / "voiced.yaml", {}, REGISTRY)
        return build_program(self.configuration, self.tools)

    def speak(self, voice: Any, utterance: Utterance) -> list[str]:
        """What is heard of this voice."""
        heard: list[bytes] = []
        self.successResultOf(voice.synthesize(utterance, heard.append))
        return read_speech(b"".join(heard))


class BuildTests(ProgramCase):
    """The program."""

    def test_has_what_the_files_say(self) -> None:
        """Flows, numbers, sentences and privacy."""
        program = self.program()
        self.assertIs(program.flow_for("+14155550123"), program.flows["hello"])
        self.assertEqual((program.human, program.apology, program.privacy), ("+14155550199", "Sorry.", Privacy.OPEN))
        self.assertEqual(program.busy, Program({}, program.dial_plan).busy)

    def test_voices_speak(self) -> None:
        """Every voice is one, and speaks."""
        program = self.program()
        for name in ("rachel", "spare"):
            verifyObject(ITTSEngine, program.voices[name])
            self.assertEqual(self.speak(program.voices[name], Utterance("Hello.")), ["Hello."])

    def test_speech_is_kept(self) -> None:
        """What may be kept is, for the voices that want it."""
        program = self.program()
        self.speak(program.voices["spare"], Utterance("Hello.", keep=True))
        self.assertFalse((self.directory / "var" / "speech").exists())
        self.speak(program.voices["rachel"], Utterance("Hello.", keep=True))
        self.assertEqual(len(list((self.directory / "var" / "speech").iterdir())), 1)

    def test_lookups(self) -> None:
        """A lookup is made with its settings."""
        lookup = self.program().lookups["crm"]
        self.assertEqual(self.successResultOf(lookup.lookup(FakeCall())), {"name": "Ann"})

    def test_plugin_that_cannot_be_made(self) -> None:
        """A plugin that has what it needs nowhere on this machine is a fault of the line that chose it."""
        error = self.assertRaises(ConfigError, self.program, VOICED.replace("spare: {", "spare: {pitch: 3, "))
        self.assertEqual(str(error), f"{self.directory}/voiced.yaml:6:3: no voice is that high: pip install glass")

    def test_static_prompts(self) -> None:
        """What is the same for all callers is known before the first: each once, in each voice that says it."""
        prompts = list(static_prompts(self.program()))
        texts = [
            ("rachel", "We are open."),
            ("spare", "We are open."),
            ("rachel", "Press one."),
            ("rachel", "No."),
            ("rachel", "Sorry."),
            ("rachel", "Goodbye."),
        ]
        self.assertEqual(prompts, [(voice, Utterance(text, keep=True)) for voice, text in texts])

    def test_identity(self) -> None:
        """Who speaks is told apart by what makes the sound: not by keys, nor by where the vendor is."""
        self.program()
        chosen = self.configuration.settings.voices["rachel"]
        expected = b'["toy",{"folder":null,"keys":[],"labels":{},"pitch":1.0}]'
        self.assertEqual(identity(chosen), expected)
        block = "engine: toy, keys: [x], base_url: https://other.example"
        self.program(VOICED.replace("rachel: {engine: toy", "rachel: {" + block))
        self.assertEqual(identity(self.configuration.settings.voices["rachel"]), expected)
        self.program(
            VOICED.replace("rachel: {engine: toy", "rachel: {engine: toy, pitch: 2, labels: {b: c}, folder: /f")
        )
        other = b'["toy",{"folder":"/f","keys":[],"labels":{"b":"c"},"pitch":2.0}]'
        self.assertEqual(identity(self.configuration.settings.voices["rachel"]), other)


class FindTests(SynchronousTestCase):
    """The settings file, when none is named."""

    def test_find(self) -> None:
        """The one here, else the one in config/."""
        here = Path(self.mktemp())
        (here / "config").mkdir(parents=True)
        error = self.assertRaises(ConfigError, find_settings, here)
        self.assertIn(f"{here}/voiced.yaml:1:1: there is no such file, and no {here}/config/voiced.yaml", str(error))
        (here / "config" / "voiced.yaml").write_text("")
        self.assertEqual(find_settings(here), here / "config" / "voiced.yaml")
        (here / "voiced.yaml").write_text("")
        self.assertEqual(find_settings(here), here / "voiced.yaml")


class ShippedTests(SynchronousTestCase):
    """The files that come with voiced."""

    def test_voiced_yaml(self) -> None:
        """It needs the names of the environment that the manual says, and nothing else."""
        configuration = read(CONFIG / "voiced.yaml", ENVIRON)
        self.assertEqual(configuration.settings.public_url, "https://voice.example.com")
        self.assertEqual(sorted(configuration.flows), ["hello", "oncall", "reception"])
        self.assertEqual(configuration.flows["hello"].voice, "rachel")

    def test_voiced_yaml_without_its_environment(self) -> None:
        """Each name that is missing is a fault in the line that uses it."""
        error = self.assertRaises(ConfigError, read, CONFIG / "voiced.yaml", {})
        lines = (CONFIG / "voiced.yaml").read_text().splitlines()
        for name, fault in zip(ENVIRON, error.faults, strict=True):
            self.assertIn(f"the environment variable {name} is not set", fault.message)
            self.assertIn("${" + name, lines[fault.line - 1])

    def test_demo_yaml(self) -> None:
        """The demonstration needs nothing at all."""
        configuration = read(CONFIG / "demo.yaml", {"PORT": "9999", "TWILIO_API": "http://127.0.0.1:9998"})
        self.assertEqual(configuration.settings.listen, "uv:9999:interface=127.0.0.1")
        self.assertEqual(configuration.settings.accounts[0].base_url, "http://127.0.0.1:9998")
        self.assertEqual(configuration.settings.numbers, {"+14155550123": "demo"})
