"""docs/scenarios.md: what stands there is played as it stands there."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import voiced
from voiced.rehearsal import scenariofile
from voiced.rehearsal.acts import ACTS
from voiced.rehearsal.rehearse import configured, perform
from voiced.rehearsal.scenario import Expect, Setting
from voiced.rehearsal.turns import TURNS

PAGE = (Path(voiced.__file__).parent.parent / "docs" / "scenarios.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    """The blocks of code in the page."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


class PageTests(SynchronousTestCase):
    """The page."""

    def setUp(self) -> None:
        """Its restaurant."""
        self.directory = Path(self.mktemp()).absolute()
        (self.directory / "flows").mkdir(parents=True)
        settings, flow, *self.files = blocks("yaml")
        (self.directory / "voiced.yaml").write_text(settings, "utf-8")
        (self.directory / "flows" / "restaurant.yaml").write_text(flow, "utf-8")

    def test_scenarios(self) -> None:
        """Every scenario of the page goes as it says."""
        configuration = configured(self.directory / "voiced.yaml", {})
        path, played = self.directory / "page.yaml", 0
        for text in self.files:
            path.write_text(text, "utf-8")
            page = scenariofile.read(path)
            page.check(configuration)
            for written in page.scenarios:
                went = perform(written.scenario, configuration)
                self.assertEqual(went.failures, (), written.scenario.scenario)
                played += 1
        self.assertEqual(played, 8)

    def test_code(self) -> None:
        """The example in Python runs, and says how it went."""
        (code,) = blocks("python")
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            exec(code.replace('"voiced.yaml"', repr(str(self.directory / "voiced.yaml"))), {})  # noqa: S102
        self.assertIn("- presses: '2'", said.getvalue())

    def test_names(self) -> None:
        """Every verb and setting is on the page."""
        names = [*ACTS, *TURNS, *Expect.__struct_encode_fields__, *Setting.__struct_encode_fields__]
        self.assertEqual([name for name in names if not re.search(rf"\b{name}\b", PAGE)], [])
