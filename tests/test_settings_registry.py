"""Plugins by name: ours, other people's, and those that cannot be used."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from voiced.call.steps.speech import Say
from voiced.ivoiced import IMaker
from voiced.maker import Maker
from voiced.settings.registry import Found, PluginError, Registry

ACME = """
from voiced.maker import Maker
voice = Maker("voice", "acme", "Acme's voices", "acme_engine")
again = voice
count = 5
"""
ENGINE = "Settings = make = None\n"


class InstalledTests(SynchronousTestCase):
    """What comes with voiced."""

    def test_names(self) -> None:
        """The built-in plugins are found, by kind."""
        registry = Registry.find()
        self.assertIn("elevenlabs", registry.names("voice"))
        self.assertIn("table", registry.names("lookup"))
        self.assertIn("menu", registry.names("step"))

    def test_makers(self) -> None:
        """Each is what a plugin has to be, and has something to say for itself."""
        for entry in Registry.find().found:
            verifyObject(IMaker, entry.maker)
            self.assertTrue(entry.maker.description)

    def test_step(self) -> None:
        """A step's name stands for its class."""
        self.assertIs(Registry.find().load("step", "say"), Say)

    def test_finding_imports_no_plugin(self) -> None:
        """To know the names, nothing behind them is imported."""
        code = "import sys; from voiced.settings.registry import Registry; Registry.find(); print(*sys.modules)"
        modules = run(code, Path.cwd()).split()
        self.assertIn("voiced.plugins.voiced_builtin", modules)
        self.assertEqual([name for name in modules if name.startswith(("voiced.speech", "voiced.call.steps."))], [])


class ThirdPartyTests(SynchronousTestCase):
    """A package of plugin modules, as other people would write them."""

    def find(self, **modules: str) -> Registry:
        """The registry of a package with these modules; `engine` modules lie beside it."""
        package = ModuleType(f"plugins_{self.id().rpartition('.')[2]}")
        directory = Path(self.mktemp())
        directory.mkdir()
        package.__path__ = [str(directory)]
        self.patch(sys, "path", [*sys.path, str(directory)])
        self.patch(sys, "modules", {**sys.modules, package.__name__: package})
        self.patch(sys, "dont_write_bytecode", True)
        for name, code in modules.items():
            (directory / f"{name}.py").write_text(code)
        return Registry.find(package)

    def fails(self, registry: Registry, kind: str, name: str) -> str:
        """The sentence about a plugin that cannot be loaded."""
        return str(self.assertRaises(PluginError, registry.load, kind, name))

    def test_found_once(self) -> None:
        """A plugin is found by what it is, whatever else the module holds, and however often it names it."""
        registry = self.find(acme=ACME, acme_engine=ENGINE)
        self.assertEqual(registry.names("voice"), ["acme"])
        self.assertEqual(registry.load("voice", "acme").__name__, "acme_engine")

    def test_unknown(self) -> None:
        """An unknown name is answered with what there is."""
        registry = self.find(acme=ACME)
        self.assertEqual(self.fails(registry, "voice", "acne"), "no voice 'acne' is installed; did you mean 'acme'?")
        self.assertEqual(self.fails(registry, "voice", "zoo"), "no voice 'zoo' is installed; there are: acme")
        self.assertEqual(self.fails(registry, "agent", "zoo"), "no agent 'zoo' is installed; there are none")

    def test_broken_module(self) -> None:
        """A plugin module that cannot be imported is named when a name is missed, and hides no other."""
        registry = self.find(acme=ACME, bad_one="import no_such_module", worse="1 +", exits="raise KeyError('x')")
        self.assertEqual(registry.names("voice"), ["acme"])
        sentence = self.fails(registry, "agent", "zoo")
        self.assertIn("bad_one fails with ModuleNotFoundError: No module named 'no_such_module'", sentence)
        self.assertIn("worse fails with SyntaxError", sentence)
        self.assertIn("exits fails with KeyError: 'x'", sentence)

    def test_twice(self) -> None:
        """Two plugins of one name are refused, and both modules named."""
        registry = self.find(acme=ACME, acme_copy=ACME)
        sentence = self.fails(registry, "voice", "acme")
        self.assertIn("the voice 'acme' is installed more than once, by ", sentence)
        for found in registry.found:
            self.assertIn(found.where, sentence)

    def test_engine_that_cannot_be_imported(self) -> None:
        """A module behind a name that cannot be imported is named, with its error."""
        sentence = self.fails(self.find(acme=ACME, acme_engine="import no_such_module"), "voice", "acme")
        reason = "ModuleNotFoundError: No module named 'no_such_module'"
        self.assertEqual(sentence, f"the voice 'acme' cannot be used: acme_engine fails with {reason}")

    def test_engine_that_is_none(self) -> None:
        """A module behind a name must have what makes the voice."""
        registry = self.find(acme=ACME, acme_engine="Settings = None")
        self.assertEqual(
            self.fails(registry, "voice", "acme"), "the voice 'acme' cannot be used: acme_engine has no `make`"
        )

    def test_step_that_is_none(self) -> None:
        """A step is a Struct in a module."""
        for module, reason in (
            ("voiced.errors.VoicedError", "voiced.errors.VoicedError is no msgspec.Struct"),
            ("voiced.errors.NoSuch", "voiced.errors.NoSuch fails with AttributeError"),
            ("nowhere", "nowhere fails with ValueError"),
        ):
            registry = Registry((Found(Maker("step", "odd", "Odd", module), "here"),))
            self.assertIn(reason, self.fails(registry, "step", "odd"))

    def test_in_a_directory_on_the_path(self) -> None:
        """A module in somebody's `voiced/plugins/` is found, when that directory is on the path."""
        site = Path(self.mktemp())
        (site / "voiced" / "plugins").mkdir(parents=True)
        (site / "voiced" / "plugins" / "acme.py").write_text(ACME)
        (site / "acme_engine.py").write_text(ENGINE)
        code = "from voiced.settings.registry import Registry; print(Registry.find().load('voice', 'acme').__name__)"
        self.assertEqual(run(code, site.resolve()), "acme_engine\n")
        self.assertEqual(list(site.rglob("dropin.cache")), [])


def run(code: str, path: Path) -> str:
    """What a Python of its own prints, with this directory on its path."""
    import voiced

    house = Path(voiced.__file__).parent.parent
    environ = {**os.environ, "PYTHONPATH": f"{house}{os.pathsep}{path}", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=environ, check=True, capture_output=True, text=True).stdout  # noqa: S603
