"""What works and nobody can have meant: every warning with its file, line, column and sentence, and where none is."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.written_files import Case, cases, said_of
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

    def test_broken_plugin(self) -> None:
        """A plugin module that cannot be imported is named, though nothing needs it."""
        registry = Registry(Registry.find().found, {"voiced.plugins.acme": "ImportError: No module named 'acme'"})
        (said,) = self.said(Case("", {}), registry)
        why = "the plugin module voiced.plugins.acme cannot be imported (ImportError: No module named 'acme'), and"
        self.assertEqual(said, f"voiced.yaml:1:1: warning: {why} nothing here needs it: mend it, or take it away")
