"""The plan of the house: who may import whom, read from the sources themselves.

A folder is a room and every module has a floor. A module imports from lower floors or from its own room, without
cycles, and never sideways into another room. Imports under `if TYPE_CHECKING:` do not count.
"""

import ast
from configparser import ConfigParser
from fnmatch import fnmatch
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import voiced

FLOORS = {
    "voiced.errors": 0,
    "voiced.secret": 0,
    "voiced.regular": 0,
    "voiced.call.audio": 0,
    "voiced.call.dtmf": 0,
    "voiced.call.facts": 0,
    "voiced.call.dialplan": 0,
    "voiced.call.privacy": 0,
    "voiced.call.records": 0,
    "voiced.call.pronunciation": 0,
    "voiced.call.spoken": 0,
    "voiced.call.keywords": 0,
    "voiced.call.opening": 0,
    "voiced.call.tones": 0,
    "voiced.call.template": 0,
    "voiced.call.version": 0,
    "voiced.call.week": 0,
    "voiced.icarrier": 1,
    "voiced.iguard": 1,
    "voiced.ikept": 1,
    "voiced.ioperator": 1,
    "voiced.istanding": 1,
    "voiced.ivoiced": 1,
    "voiced.iwatch": 1,
    "voiced.iweb": 1,
    "voiced.maker": 1,
    "voiced.call.activity": 2,
    "voiced.call.answering": 2,
    "voiced.call.arriving": 2,
    "voiced.call.bargein": 2,
    "voiced.call.kept": 2,
    "voiced.call.dictation": 2,
    "voiced.call.filing": 1,
    "voiced.call.retelling": 1,
    "voiced.call.keypad": 2,
    "voiced.call.parts": 2,
    "voiced.call.leg": 2,
    "voiced.call.optout": 2,
    "voiced.call.ordered": 2,
    "voiced.call.persevering": 2,
    "voiced.call.playback": 2,
    "voiced.call.recorder": 2,
    "voiced.call.rescue": 2,
    "voiced.call.rest": 2,
    "voiced.call.room": 2,
    "voiced.call.speaker": 2,
    "voiced.call.speaking": 2,
    "voiced.call.take": 2,
    "voiced.call.texting": 2,
    "voiced.call.transcript": 2,
    "voiced.call.underway": 2,
    "voiced.call.vigil": 2,
    "voiced.call.watched": 3,
    "voiced.call.wire": 2,
    "voiced.call.words": 2,
    "voiced.twilio.debugger": 2,
    "voiced.twilio.loose": 2,
    "voiced.twilio.mediastream": 2,
    "voiced.twilio.refusals": 2,
    "voiced.twilio.remedies": 2,
    "voiced.twilio.webhook": 2,
    "voiced.net": 2,
    "voiced.inodes": 3,
    "voiced.plugins": 2,
    "voiced.call.book": 3,
    "voiced.call.conversation": 3,
    "voiced.call.disclosing": 3,
    "voiced.call.flow": 3,
    "voiced.call.lasting": 3,
    "voiced.call.life": 3,
    "voiced.call.living": 3,
    "voiced.call.lookout": 3,
    "voiced.call.placing": 3,
    "voiced.call.program": 3,
    "voiced.call.reviving": 3,
    "voiced.call.scene": 3,
    "voiced.call.dialogue": 3,
    "voiced.call.session": 3,
    "voiced.call.steps": 3,
    "voiced.call.switchboard": 3,
    "voiced.call.toolbox": 3,
    "voiced.call.verbs": 3,
    "voiced.call.wish": 3,
    "voiced.agents": 4,
    "voiced.alerts": 5,
    "voiced.api": 4,
    "voiced.guard": 4,
    "voiced.hearing": 4,
    "voiced.journal": 4,
    "voiced.lookups": 4,
    "voiced.nodes": 4,
    "voiced.recordings": 4,
    "voiced.speech": 4,
    "voiced.supervised": 4,
    "voiced.store": 4,
    "voiced.tools": 4,
    "voiced.twilio.console": 4,
    "voiced.twilio.media": 4,
    "voiced.twilio.rest": 4,
    "voiced.twilio.web": 4,
    "voiced.watch": 4,
    "voiced.webservices": 4,
    "voiced.daemon": 5,
    "voiced.oncall": 5,
    "voiced.operating": 5,
    "voiced.settings": 5,
    "voiced.simulator": 5,
    "voiced.testing": 5,
    "voiced.building": 6,
    "voiced.logfile": 6,
    "voiced.doctor": 6,
    "voiced.reloading": 6,
    "voiced.rehearsal": 6,
    "voiced.tap": 6,
    "voiced.cli": 7,
}
"""The floor of every module, or of a whole folder."""

ROOT = Path(voiced.__file__).parent


def name_of(path):
    """A file's module."""
    return ".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__")


PATHS = {name_of(path): path.relative_to(ROOT.parent).as_posix() for path in sorted(ROOT.rglob("*.py"))}
"""Of each module, from where setup.cfg is."""
SETUP = ConfigParser()
SETUP.read(ROOT.parent / "setup.cfg", "utf-8")
INCLUDED = SETUP["coverage:report"]["include"]
"""Patterns of the files that are held to full coverage; a `*` at the end goes through folders, for coverage, too."""

MODULES = {name_of(path): ast.parse(path.read_text("utf-8"), str(path)) for path in sorted(ROOT.rglob("*.py"))}
PACKAGES = {name_of(path) for path in ROOT.rglob("__init__.py")}


def within(name, *folders):
    """Whether a module is one of these, or in one of these folders."""
    return any(f"{name}.".startswith(f"{folder}.") for folder in folders)


def floor(name):
    """A module's floor: its own entry in the table, or its folder's. None when there is none."""
    parts = name.split(".")
    names = [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
    return next((FLOORS[known] for known in names if known in FLOORS), None)


def room(name):
    """A module's room: the folder it is in, or `voiced` itself."""
    return ".".join(name.split(".")[: 2 if name.count(".") > 1 or name in PACKAGES else 1])


class Imports(ast.NodeVisitor):
    """Every module that a source imports when it runs, wherever the statement stands."""

    def __init__(self, tree):
        self.names = set()
        self.visit(tree)

    def visit_If(self, node):
        if "TYPE_CHECKING" in ast.unparse(node.test):
            node = ast.Module(body=node.orelse, type_ignores=[])
        self.generic_visit(node)

    def visit_Import(self, node):
        self.names.update(alias.name for alias in node.names)

    def visit_ImportFrom(self, node):
        assert node.level == 0, "imports are absolute, so that they can be read"
        self.names.update(f"{node.module}.{alias.name}" for alias in node.names)


def ours(imported):
    """The module of ours that an imported name is, or is in; "" for other people's."""
    parent = imported.rpartition(".")[0]
    return next((name for name in (imported, parent) if name in MODULES), "")


IMPORTED = {name: Imports(tree).names for name, tree in MODULES.items()}
GRAPH = {name: {ours(imported) for imported in names} - {""} for name, names in IMPORTED.items()}
EDGES = [(name, target) for name, targets in GRAPH.items() for target in sorted(targets)]


class FloorTests(SynchronousTestCase):
    def check(self, problems):
        """No problems, or all of them at once."""
        if problems := list(problems):
            self.fail("\n".join(problems))

    def test_everything_has_a_floor(self):
        """A new file has to say where it stands."""
        self.check(
            f"{name} has no floor: add it to FLOORS in tests/test_floors.py, where everything it imports is lower"
            for name in MODULES
            if floor(name) is None and name not in PACKAGES
        )

    def test_downwards(self):
        """A module imports from lower floors, or from its own room no higher than itself."""
        self.check(
            f"{name} (floor {floor(name)}) imports {target} (floor {floor(target)})"
            for name, target in EDGES
            if None not in (floor(name), floor(target))
            and not (floor(target) < floor(name) or (room(target) == room(name) and floor(target) == floor(name)))
        )

    def test_no_cycles(self):
        """No module imports itself by way of others, not even from within a function."""
        try:
            TopologicalSorter(GRAPH).prepare()
        except CycleError as error:
            self.fail("a circle of imports: " + " <- ".join(error.args[1]))

    def test_covered(self):
        """Floors 0 to 3, and no others, are held to 100 % of branches (`make coverage`)."""
        patterns = INCLUDED.split()
        self.check(
            f"{name} (floor {floor(name)}) is {'not ' if expected else ''}in setup.cfg, [coverage:report], `include`"
            for name, path in PATHS.items()
            if floor(name) is not None
            and (expected := floor(name) <= 3) != any(fnmatch(path, pattern) for pattern in patterns)
        )

    def test_covered_is_there(self):
        """What is to be covered is there: a name that has changed would be held to nothing."""
        self.check(
            f"setup.cfg, [coverage:report], includes {pattern}, and there is none"
            for pattern in INCLUDED.split()
            if not any(fnmatch(path, pattern) for path in PATHS.values())
        )

    def test_folders_are_empty(self):
        """An `__init__` holds a docstring: who imports a room's module imports nothing besides it."""
        self.check(
            f"{name}/__init__.py imports {', '.join(sorted(GRAPH[name]))}: put it into a module"
            for name in PACKAGES
            if GRAPH[name] and name != "voiced.cli"
        )

    def test_nobody_knows_twilio(self):
        """Calls, voices, agents and lookups know nothing of the carrier."""
        strangers = ("voiced.call", "voiced.speech", "voiced.agents", "voiced.lookups")
        self.check(
            f"{name} imports {target}: a call goes through voiced.ivoiced"
            for name, target in EDGES
            if within(name, *strangers) and within(target, "voiced.twilio")
        )

    def test_plugins_are_names(self):
        """A plugin module imports the names it needs to name others, and nothing that it names."""
        self.check(
            f"{name} imports {target}: name it instead"
            for name, target in EDGES
            if within(name, "voiced.plugins")
            and not within(target, "voiced.plugins", "voiced.maker", "voiced.ivoiced")
        )

    def test_simulator_stands_alone(self):
        """The other side of the wires shares no code with ours: a fault in both would hide."""
        forbidden = (
            "voiced.twilio",
            "voiced.speech",
            "voiced.settings",
            "voiced.daemon",
            "voiced.building",
            "voiced.tap",
        )
        self.check(
            f"{name} imports {target}"
            for name, target in EDGES
            if (within(name, "voiced.simulator") and within(target, *forbidden))
            or (
                within(target, "voiced.simulator")
                and not within(name, "voiced.simulator", "voiced.rehearsal", "voiced.cli")
            )
        )

    def test_nothing_imports_testing(self):
        """What is published for tests is for tests, and scenarios are tests."""
        self.check(
            f"{name} imports {target}"
            for name, target in EDGES
            if within(target, "voiced.testing") and not within(name, "voiced.testing", "voiced.rehearsal")
        )

    def test_global_reactor(self):
        """The reactor comes in through constructors; only whoever starts the process may import it."""
        self.check(
            f"{name} imports the global reactor: take it as an argument"
            for name, names in IMPORTED.items()
            if "twisted.internet.reactor" in names and not within(name, "voiced.tap", "voiced.cli")
        )

    def test_no_asyncio(self):
        """There is one event loop, and it is Twisted's; only what joins it with uvloop's knows of another's words."""
        self.check(
            f"{name} imports {imported}"
            for name, names in IMPORTED.items()
            for imported in names
            if within(imported, "asyncio") and not name.startswith("voiced.net.uv")
        )

    def test_docstrings(self):
        """Every module says what it is responsible for."""
        self.check(f"{name} has no docstring" for name, tree in MODULES.items() if not ast.get_docstring(tree))

    def test_the_table_is_read(self):
        """The reading itself: imports are found at every depth, and those for type checkers are not."""
        source = "import a.b\nif TYPE_CHECKING:\n    import c\nelse:\n    import d\ndef x():\n    from e import f\n"
        self.assertEqual(Imports(ast.parse(source)).names, {"a.b", "d", "e.f"})
        self.assertEqual(
            (ours("voiced.errors.Fault"), ours("voiced.errors"), ours("attrs")), ("voiced.errors",) * 2 + ("",)
        )
        self.assertIsNone(floor("voiced.brand_new"))
