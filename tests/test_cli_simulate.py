"""`voiced simulate`: what it prints, writes and exits with."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from click.testing import CliRunner
from twisted.trial.unittest import SkipTest

from tests.rehearsals import SETTINGS, Rehearsals
from voiced.cli import main
from voiced.cli.simulate import settings_above
from voiced.errors import ConfigError
from voiced.rehearsal import rehearse
from voiced.rehearsal.performance import Failure, Performance
from voiced.rehearsal.report import Played, junit
from voiced.rehearsal.scenario import Expect, Scenario
from voiced.rehearsal.scenariofile import Written
from voiced.settings.part import Part
from voiced.settings.plainyaml import parse

GOOD = 'scenario: "Who rings is greeted"\nsteps: [{hears: Buongiorno}]\n'
TWO = """\
scenarios:
  - scenario: "Good"
    steps: [{hears: Buongiorno}]
  - scenario: "Bad"
    steps:
      - hears: Bob
      - hears: One for the table
    expect: {ending: completed}
"""


class SimulateTests(Rehearsals):
    """The command."""

    def simulate(self, *arguments: str | Path) -> Any:
        """Its result."""
        return CliRunner().invoke(main, ["simulate", *map(str, arguments)])

    def test_good(self) -> None:
        """One line for each scenario, and the settings are found above the file; code 0."""
        result = self.simulate(self.write("flows/tests/good.yaml", GOOD))
        self.assertEqual(result.exit_code, 0, result.output)
        self.assertRegex(
            result.output, r"ok +Who rings is greeted  \(9\.0 s of call, \d+ ms\)\n1 scenario\(s\), 0 failed"
        )

    def test_bad(self) -> None:
        """A failure says where it stands, what was expected and what was heard; code 1."""
        path = self.write("tests/two.yaml", TWO)
        result = self.simulate(path)
        self.assertEqual(result.exit_code, 1, result.output)
        self.assertIn(f"{path}:7: step 2: hears 'One for the table': never\n", result.output)
        self.assertIn("expected: One for the table\n", result.output)
        self.assertIn("2 scenario(s), 1 failed, in ", result.output)

    def test_bad_expectation(self) -> None:
        """What is expected of the whole call, and is not so, is said in its own line."""
        path = self.write(
            "tests/late.yaml", "scenario: a\nsteps: []\nexpect:\n  ending: transferred\n  heard: [Ciao]\n"
        )
        output = self.simulate(path).output
        self.assertIn(f"{path}:4: the ending was to be transferred", output)
        self.assertIn(f"{path}:5: 'Ciao' was to be heard", output)

    def test_junit(self) -> None:
        """A suite for each file, a case for each scenario."""
        one, two = self.write("tests/one.yaml", GOOD), self.write("tests/two.yaml", TWO)
        report = self.directory / "report.xml"
        self.simulate("--junit", report, one, two)
        suites = ElementTree.parse(report).getroot()  # noqa: S314 - we have written it
        self.assertEqual(
            [(suite.get("name"), suite.get("failures")) for suite in suites], [(str(one), "0"), (str(two), "1")]
        )
        good, bad = suites[1]
        self.assertEqual((good.get("name"), len(good), bad.get("line")), ("Good", 0, "4"))
        self.assertEqual(bad[0].get("message"), "hears 'One for the table': never")
        self.assertIn("step 2: hears", bad[0].text or "")

    def test_no_report(self) -> None:
        """A report that cannot be written is told of before anything is played, with code 2."""
        good = self.write("tests/good.yaml", GOOD)
        for place in (self.directory, self.directory / "none" / "report.xml"):
            result = self.simulate("--junit", place, good)
            self.assertEqual((result.exit_code, result.stdout), (2, ""), result.output)
            self.assertRegex(result.stderr, "^voiced: the report .* cannot be written: .*; name another file")

    def test_full_disk(self) -> None:
        """A report that cannot be written in the end is told of, too."""
        if not Path("/dev/full").exists():
            raise SkipTest("a disk that is always full is Linux's")
        result = self.simulate("--junit", "/dev/full", self.write("tests/good.yaml", GOOD))
        self.assertEqual(result.exit_code, 2, result.output)
        self.assertIn("1 scenario(s), 0 failed", result.stdout)
        self.assertIn("cannot be written: No space left on device", result.stderr)

    def test_broken_inside(self) -> None:
        """A mistake of ours fails the scenario that meets it; the others are played."""
        played = rehearse.unmet

        def unmet(expect: Expect, went: Performance) -> list[Failure]:
            if went.scenario == "Good":
                raise KeyError("surprise")
            return played(expect, went)

        self.patch(rehearse, "unmet", unmet)
        result = self.simulate(self.write("tests/two.yaml", TWO), self.write("tests/good.yaml", GOOD))
        self.assertEqual(result.exit_code, 1, result.output)
        self.assertIn("two.yaml:2: voiced itself broke, please report it: KeyError: 'surprise'", result.output)
        self.assertIn("in unmet", result.output)
        self.assertIn("3 scenario(s), 2 failed, in ", result.output)

    def test_no_xml(self) -> None:
        """What no XML can say, as a vendor's error may have it, is left out of the report."""
        failed = Performance("Bad \a", failures=(Failure("it said \x00"),))
        written = Written(Scenario(scenario="Bad"), Part(parse("scenario: Bad", "a.yaml")))
        case = ElementTree.fromstring(junit([Played(written, failed)]))[0][0]  # noqa: S314 - we have written it
        self.assertEqual((case.get("name"), case[0].get("message")), ("Bad \ufffd", "it said \ufffd"))

    def test_verbose(self) -> None:
        """Every step, key and sentence, and what the daemon warned of."""
        steps = 'steps: [{hears: "One for"}, {presses: "1"}, {hears: Nobody}]\nagents: {reception: [fails: it broke]}'
        result = self.simulate("--verbose", self.write("tests/a.yaml", f"scenario: it\n{steps}"))
        self.assertEqual(result.exit_code, 0, result.output)
        for line in (
            "0.00 s  rachel     'Buongiorno, Bob: caffè!'",
            "caller     presses 1",
            "flow       booking.1 agent: ",
        ):
            self.assertIn(line, result.output)
        self.assertRegex(result.output, r"log: CA\w+: agent reception: it broke")

    def test_wrong_files(self) -> None:
        """A file that is wrong, or not there, or has wrong settings: every fault, and code 2."""
        cases = {
            self.write("tests/a.yaml", "scenario: a\nsteps: [jumps]"): "a.yaml:2:9: step 1: there is no 'jumps' here",
            self.write("tests/b.yaml", "scenario: a\nconfig: c.yaml"): "c.yaml:1:1: cannot be read",
            self.write("tests/d.yaml", "scenario: a\nflow: nope"): "d.yaml:2:7: flow: no flow is called 'nope'",
            self.directory / "none.yaml": "none.yaml:1:1: cannot be read",
        }
        for path, fault in cases.items():
            result = self.simulate(path)
            self.assertEqual(result.exit_code, 2, result.output)
            self.assertIn(fault, result.output)

    def test_wrong_among_good(self) -> None:
        """Nothing is played while any of them is wrong, and what is wrong is named once, of all of them."""
        good, bad = self.write("tests/good.yaml", GOOD), self.write("tests/a.yaml", "scenario: a\nsteps: [jumps]")
        worse = self.write("tests/b.yaml", "scenario: a\nflow: nope\nchance: 3")
        result = self.simulate(good, bad, worse, bad)
        self.assertEqual(result.exit_code, 2)
        self.assertNotIn("ok ", result.output)
        self.assertIn("\n\nvoiced: 2 faults; nothing was played.\n", result.output)

    def test_which_settings(self) -> None:
        """Those of --config, else the file's own, else the nearest voiced.yaml above it."""
        other = self.write("other/her.yaml", SETTINGS.replace("Bob", "Eve") + "flows: ../flows\n")
        own = self.write("tests/own.yaml", "config: ../other/her.yaml\nscenario: a\nsteps: [{hears: Eve}]")
        plain = self.write("tests/plain.yaml", "scenario: a\nsteps: [{hears: Eve}]")
        self.assertEqual([self.simulate(own).exit_code, self.simulate(plain).exit_code], [0, 1])
        self.assertEqual(self.simulate("--config", other, plain).exit_code, 0)
        self.assertEqual(settings_above(plain), self.directory / "voiced.yaml")

    def test_no_settings(self) -> None:
        """Where there are none, the file is named, and what to do."""
        with self.assertRaises(ConfigError) as caught:
            settings_above(Path("/nowhere/tests/a.yaml"))
        self.assertIn("/nowhere/tests/a.yaml:1:1: there is no voiced.yaml above this file", str(caught.exception))

    def test_environment(self) -> None:
        """What voiced.yaml reads of its surroundings may stand in the file."""
        self.write("voiced.yaml", SETTINGS.replace("name: Bob", 'name: "${OWNER}"'))
        path = self.write("tests/a.yaml", "environment: {OWNER: Luigi}\nscenario: a\nsteps: [{hears: Luigi}]")
        self.assertEqual(self.simulate(path).exit_code, 0)
