"""Says how scenarios went: to people, and to a CI (JUnit XML)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from operator import itemgetter
from pathlib import Path
from xml.etree import ElementTree

import attrs

from voiced.rehearsal.performance import Failure, Performance
from voiced.rehearsal.scenariofile import Written

_UNFIT = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot say."""


@attrs.frozen
class Played:
    """A scenario of a file, and how it went."""

    written: Written
    performance: Performance

    @property
    def line(self) -> str:
        """One line of it."""
        went = self.performance
        how = "ok    " if went.passed else "FAILED"
        return f"{how}  {went.scenario}  ({went.seconds:.1f} s of call, {went.took * 1000:.0f} ms)"

    @property
    def trouble(self) -> str:
        """What was not as expected, with its place in the file; "" where all was."""
        return "\n".join(self._told(failure) for failure in self.performance.failures)

    def _told(self, failure: Failure) -> str:
        line = self.written.line_of(failure.step) if failure.step else self.written.line_at(failure.where)
        about = f"step {failure.step}: " if failure.step else ""
        head = f"{self.written.file}:{line}: {about}{failure.message}"
        return "\n".join([head, *(f"    {each}" for each in failure.detail.splitlines())])


def page(played: Played) -> str:
    """All that happened on the call, in order: what the caller did, the flow's steps, and what was heard."""
    went = played.performance
    rows = [(each.time, each.who, f"{each.what} {each.detail}") for each in went.sheet if each.who == "caller"]
    rows += [(step.began, "flow", f"{step.place} {step.verb}: {step.result}") for step in went.steps]
    rows += [(each.began, each.voice or "sound", repr(each.shown)) for each in went.heard]
    rows.sort(key=itemgetter(0))
    lines = [f"    {second:7.2f} s  {who:<10} {what}" for second, who, what in rows]
    return "\n".join([*lines, *(f"    log: {line}" for line in went.log)])


def summary(played: Sequence[Played]) -> str:
    """The last line."""
    failed = sum(not each.performance.passed for each in played)
    took = sum(each.performance.took for each in played)
    return f"{len(played)} scenario(s), {failed} failed, in {took:.2f} s"


def junit(played: Sequence[Played]) -> bytes:
    """The same as JUnit XML, a suite for each file."""
    root = ElementTree.Element("testsuites")
    for file in dict.fromkeys(each.written.file for each in played):
        mine = [each for each in played if each.written.file == file]
        failed = sum(not each.performance.passed for each in mine)
        took = sum(each.performance.took for each in mine)
        about = {"name": file, "tests": str(len(mine)), "failures": str(failed), "errors": "0", "time": f"{took:.3f}"}
        suite = ElementTree.SubElement(root, "testsuite", about)
        for each in mine:
            _case(suite, each)
    ElementTree.indent(root)
    written: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def _case(suite: ElementTree.Element, played: Played) -> None:
    went = played.performance
    about = {
        "name": _fit(went.scenario),
        "classname": Path(played.written.file).with_suffix("").as_posix().replace("/", "."),
        "file": played.written.file,
        "line": str(played.written.line),
        "time": f"{went.took:.3f}",
    }
    case = ElementTree.SubElement(suite, "testcase", about)
    if not went.passed:
        failure = ElementTree.SubElement(case, "failure", {"message": _fit(went.failures[0].message)})
        failure.text = _fit(played.trouble)


def _fit(text: str) -> str:
    return _UNFIT.sub("�", text)
