"""What works and nobody can have meant: every warning with its file, line, column and sentence, and where none is."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.written_files import GOOD, Case, cases, said_of
from voiced.settings.registry import Registry

TABLE = Path(__file__).parent / "odd_files.txt"
LONG = "word " * 600 + "end"
"""3003 characters; the shortest limit that there is, is 3000."""


class OddFilesTests(SynchronousTestCase):
    """The table beside this file."""

    maxDiff = None

    def said(self, case: Case, registry: Registry | None = None) -> list[str]:
        """All that is said of its files."""
        directory = Path(self.mktemp())
        case.files = {name: text.replace("LONG", LONG) for name, text in case.files.items()}
        case.write(directory)
        return said_of(directory, *([] if registry is None else [registry]))

    def test_table(self) -> None:
        """Each case gets its warnings, and no other."""
        for case in cases(TABLE):
            self.assertEqual(self.said(case), case.said, case.title)

    def test_many_flows(self) -> None:
        """Flows in a ring of calls are looked through in no time, and what is odd in one is found in one."""
        count = 60
        flow = "flow: f{}\nstart: a\nnodes:\n  a:\n    - menu: {{prompt: x, keys: {{1: b}}}}\n  b:\n    - call: f{}\n"
        files = {f"flows/f{n}.yaml": flow.format(n, (n + 1) % count) for n in range(count)}
        files["flows/f7.yaml"] += "  c:\n    - hangup\n"
        files["voiced.yaml"] = GOOD["voiced.yaml"] + "voices: {anna: {engine: local}}\n"
        why = "warning: nodes.c: no step and no setting leads to this node: take it away"
        self.assertEqual(self.said(Case("", files)), [f"flows/f7.yaml:8:3: {why}"])

    def test_broken_plugin(self) -> None:
        """A plugin module that cannot be imported is named, though nothing needs it."""
        registry = Registry(Registry.find().found, {"voiced.plugins.acme": "ImportError: No module named 'acme'"})
        (said,) = self.said(Case("", {}), registry)
        why = "the plugin module voiced.plugins.acme cannot be imported (ImportError: No module named 'acme'), and"
        self.assertEqual(said, f"voiced.yaml:1:1: warning: {why} nothing here needs it: mend it, or take it away")
