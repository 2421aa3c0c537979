"""docs/plugins.md: its recipes, copied and tried as a newcomer would, and what it says that voiced says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import Any

from twisted.internet.task import Clock

from tests.beside import install
from tests.test_examples import ROOT, FilesCase, blocks, environment
from voiced import ivoiced
from voiced.ivoiced import Brief, Outcome
from voiced.maker import Maker
from voiced.settings.load import build_program, read
from voiced.settings.registry import Found, PluginError, Registry
from voiced.testing import contracts
from voiced.testing.fake_call import FakeCall
from voiced.testing.fake_line import FakeLine
from voiced.testing.fakes import FakeTools, spell

PAGE = (ROOT / "docs" / "plugins.md").read_text("utf-8")


class CopiedCase(FilesCase):
    """Test cases with every file of the page, where the page says."""

    def setUp(self) -> None:
        """Write them."""
        super().setUp()
        for block in (*blocks(PAGE, "python"), *blocks(PAGE, "yaml")):
            self.write(block.partition("\n")[0].removeprefix("# "), block)


class NewcomerTests(CopiedCase):
    """The page's commands, in a Python of their own."""

    def python(self, *arguments: str) -> tuple[int, str]:
        """Its code, and all that it printed."""
        yaml = environment(*blocks(PAGE, "yaml"))
        path = os.pathsep.join([str(self.directory), str(ROOT)])
        environ = {**os.environ, **yaml, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, *arguments]
        done = subprocess.run(command, env=environ, cwd=self.directory, capture_output=True, text=True)  # noqa: S603
        return done.returncode, done.stdout + done.stderr

    def voiced(self, *arguments: str) -> tuple[int, str]:
        """`voiced ...`"""
        return self.python("-c", "from voiced.cli import main; main()", *arguments)

    def test_contracts(self) -> None:
        """Every recipe keeps its contract: `python -m twisted.trial tests/test_*.py`."""
        tests = sorted(map(str, self.directory.glob("tests/test_*.py")))
        code, printed = self.python("-m", "twisted.trial", *tests)
        self.assertEqual(code, 0, printed)
        self.assertIn("PASSED (skips=1, ", printed)
        self.assertEqual(len(tests), 5)

    def test_check(self) -> None:
        """All of them together are good: `voiced check`."""
        code, printed = self.voiced("check")
        self.assertEqual(code, 0, printed)
        self.assertIn("good. 1 number(s), 1 flow(s), 1 voice(s)", printed)

    def test_init(self) -> None:
        """An __init__.py too many does what the page says."""
        self.write("voiced/plugins/__init__.py", "")
        _, printed = self.voiced("check")
        self.assertIn("voiced.yaml:8:13: voices.anna.engine: no voice 'acme' is installed", printed)
        self.write("voiced/__init__.py", "")
        _, printed = self.voiced("check")
        self.assertIn("No module named 'voiced.cli'", printed)


class RecipeTests(CopiedCase):
    """The recipes, as voiced finds and makes them."""

    def setUp(self) -> None:
        """Put them on the path."""
        super().setUp()
        install(self, self.directory, "acme")

    def test_line(self) -> None:
        """The settings and the flow are good, and all can be made."""
        configuration = read(self.directory / "voiced.yaml", environment(*blocks(PAGE, "yaml")))
        program = build_program(configuration, FakeTools(Clock(), directory=self.directory))
        self.assertEqual((set(program.voices), set(program.lookups)), ({"anna"}, {"book"}))

    def test_echo(self) -> None:
        """The agent says back what it was told, until the key."""
        plugin, clock = Registry.find().load("agent", "echo"), Clock()
        line = FakeLine(clock)
        talk = plugin.make(plugin.Settings(), FakeTools(clock)).converse(line, FakeCall(clock=clock), Brief())
        line.caller_says(spell("Is anybody there?"))
        clock.pump([0.1] * 20)
        line.press("#")
        self.assertEqual(line.heard, spell("Is anybody there?")[: len(line.heard)])
        self.assertEqual(self.successResultOf(talk), Outcome("completed"))


class WordsTests(CopiedCase):
    """What the page says."""

    def test_table(self) -> None:
        """The interfaces and contracts of its table, and of README's, are there, and none is forgotten."""
        for page in (PAGE, (ROOT / "README.md").read_text("utf-8")):
            rows = "".join(re.findall(r"^\| .*\|$", page, re.MULTILINE))
            named = set(re.findall(r"`(\w+)`", rows))
            self.assertLessEqual(set(contracts.__all__), named)
            interfaces = [name for name in named if re.match(r"I[A-Z]", name)]
            self.assertEqual(len(interfaces), 6)
            self.assertTrue(all(hasattr(ivoiced, name) for name in interfaces))

    def test_links(self) -> None:
        """Every file that it links to is there."""
        links = re.findall(r"\]\(([^)#]+)\)", PAGE)
        self.assertGreater(len(links), 5)
        self.assertEqual([link for link in links if not (ROOT / "docs" / link).exists()], [])

    def test_sentences(self) -> None:
        """What it says that voiced says of a broken plugin, voiced says."""
        self.write("acme/voice.py", "Settings = None\n")
        self.write("acme/gone.py", "import no_such_module\n")
        install(self, self.directory, "acme")
        acme = Found(Maker("voice", "acme", "", "acme.voice"), "voiced.plugins.acme")
        shipped = tuple(Found(Maker("voice", name, "", ""), "") for name in ("elevenlabs", "local"))
        said = [
            self.fails(Registry(shipped)),
            self.fails(Registry(shipped, {"voiced.plugins.acme": "KeyError: 'x'"})),
            self.fails(Registry((Found(Maker("voice", "acme", "", "acme.gone"), ""),))).replace("gone", "voice"),
            self.fails(Registry((acme,))),
            self.fails(Registry((Found(Maker("step", "confirm", "", "acme.confirm"), ""),)), "step", "confirm"),
            self.fails(Registry((acme, Found(acme.maker, "voiced.plugins.acme_old")))),
        ]
        quoted = re.findall("“(.+?)”", PAGE)
        self.assertEqual(len(quoted), len(said))
        for sentence, real in zip(quoted, said, strict=True):
            self.assertRegex(real, ".+".join(map(re.escape, sentence.split("…"))))

    def fails(self, registry: Registry, kind: str = "voice", name: str = "acme") -> str:
        """The sentence about a plugin that cannot be had."""
        error: Any = self.assertRaises(PluginError, registry.load, kind, name)
        return str(error)
