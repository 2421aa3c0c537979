"""`voiced graph`: a flow as Mermaid text, and as SVG where graphviz is."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import msgspec
from click.testing import CliRunner, Result
from twisted.trial.unittest import SynchronousTestCase

from voiced.call.flow import Flow, Placed
from voiced.call.steps.calling import Call
from voiced.call.steps.digits import Menu
from voiced.call.steps.routing import Choose, Goto, Hangup
from voiced.call.steps.speech import Pause, Say
from voiced.call.template import Template
from voiced.cli import main
from voiced.cli.drawing.chart import Arrow, chart, line
from voiced.cli.drawing.dot import dot
from voiced.cli.drawing.labels import ways
from voiced.cli.drawing.mermaid import mermaid
from voiced.ivoiced import IStep, Mentions

FLOW = Flow(
    name="desk",
    start="hello",
    on_error="sorry",
    nodes={
        "hello": (
            Placed("say", Say(Template.parse('Say "A#1" <now> {party.name|`x`}'))),
            Placed("menu", Menu(Template.parse("Press one."), {"1": "sorry", "#": "hello"}, otherwise="sorry")),  # type: ignore[arg-type]
        ),
        "sorry": (Placed("call", Call("inner")), Placed("goto", Goto("hello"))),
    },
)
MERMAID = """\
flowchart TD
    %% desk
    n0(["start"])
    n1(["on_error"])
    n2["<b>hello</b><br/>say: Say #34;A#35;1#34; #60;now#62; #123;party.name#124;#96;x#96;#125;<br/>menu: Press one."]
    n3["<b>sorry</b><br/>call: inner<br/>goto: hello"]
    n4[["inner"]]
    n0 --> n2
    n1 -.-> n3
    n2 -->|"1"| n3
    n2 -->|"#35;"| n2
    n2 -->|"otherwise"| n3
    n3 -->|"call"| n4
    n3 --> n2
"""
DOT = """\
digraph "desk" {
  node [fontname="sans-serif"]; edge [fontname="sans-serif"];
  n0 [shape=box, style="rounded", label="start"];
  n1 [shape=box, style="rounded", label="on_error"];
  n2 [shape=box, label="hello\\nsay: Say \\"A#1\\" <now> {party.name|`x`}\\nmenu: Press one."];
  n3 [shape=box, label="sorry\\ncall: inner\\ngoto: hello"];
  n4 [shape=box, peripheries=2, label="inner"];
  n0 -> n2 [label=""];
  n1 -> n3 [label="", style=dashed];
  n2 -> n3 [label="1"];
  n2 -> n2 [label="#"];
  n2 -> n3 [label="otherwise"];
  n3 -> n4 [label="call"];
  n3 -> n2 [label=""];
}
"""


class Case(msgspec.Struct, frozen=True):
    """One entry of a list."""

    goto: str
    prefix: str | None = None
    among: tuple[str, ...] = ()
    fact: str | None = None
    present: bool | None = None


class Sort(msgspec.Struct, frozen=True):
    """A step of somebody else's, with nodes at every depth."""

    shorthand: ClassVar[str] = "plainly"

    plainly: str = ""
    sales: str = "sales"
    cases: tuple[Case, ...] = ()
    names: dict[str, Case] = {}
    said: tuple[str, ...] = ()

    def mentions(self) -> Mentions:
        """All nodes."""
        nodes = [case.goto for case in (*self.cases, *self.names.values())]
        return Mentions(nodes=(*nodes, *([self.plainly] if self.plainly else [])), labels=self.said)

    async def run(self, call: object) -> None:
        """Nothing."""


class LabelTests(SynchronousTestCase):
    """What leads to each node."""

    def test_table(self) -> None:
        """Keys, cases, settings by their names, entries of lists, and what a step says itself."""
        wide = Sort(
            cases=(Case("a", prefix="+44"), Case("b", among=("x", "y")), Case("a")), names={"late": Case("b")}
        )
        table: list[tuple[IStep, list[tuple[str, str]]]] = [
            (Goto("a"), [("", "a")]),
            (Hangup(), []),
            (Choose("sales", {"yes": "a", "no": "b", "maybe": "a"}, "b"), [*pairs("yes a no b maybe a otherwise b")]),
            (Choose("a", {"a": "a"}), [("a", "a")]),
            (wide, [("prefix +44", "a"), ("among x y", "b"), ("", "a"), ("late", "b")]),
            (Sort("sales"), [("", "sales")]),
            (
                Sort(cases=(Case("a", fact="party.name", present=True), Case("b", present=False, prefix="+44"))),
                [("party.name present", "a"), ("prefix +44 not present", "b")],
            ),
            (Sort("a", said=("now and then",)), [("now and then", "a")]),
        ]
        for step, labels in table:
            self.assertEqual(ways(step), labels, step)


def pairs(words: str) -> list[tuple[str, str]]:
    """Labels and nodes."""
    split = words.split()
    return list(zip(split[::2], split[1::2], strict=True))


class DrawingTests(SynchronousTestCase):
    """The texts."""

    maxDiff = None

    def test_mermaid(self) -> None:
        """Nodes with their steps, labelled arrows, heads, flows; nothing in a text is syntax."""
        self.assertEqual(mermaid(chart(FLOW)), MERMAID)

    def test_dot(self) -> None:
        """The same for graphviz."""
        self.assertEqual(dot(chart(FLOW)), DOT)

    def test_several_lead(self) -> None:
        """Of several steps in a node that lead away, each way names its step."""
        steps = (
            Placed("choose", Choose("party.tier", {"gold": "b"})),
            Placed("menu", Menu(Template.parse("Press one."), {"1": "b"}, otherwise="b")),
            Placed("goto", Goto("b")),
        )
        flow = Flow("f", "a", {"a": steps, "b": (Placed("hangup", Hangup()),)})
        labels = [arrow.label for arrow in chart(flow).arrows if arrow.there == ("node", "b")]
        self.assertEqual(labels, ["choose: gold", "menu: 1", "menu: otherwise", ""])

    def test_lines(self) -> None:
        """A step in a line, not too long, of one line."""
        table = {
            "say: " + "word " * 7 + "word…": Placed("say", Say(Template.parse("word\n" * 20))),
            "pause: 0.5": Placed("pause", Pause(0.5)),
            "choose: agent.outcome": Placed("choose", Choose("agent.outcome", {"a": "b"})),
            "hangup": Placed("hangup", Hangup()),
        }
        self.assertEqual([line(placed) for placed in table.values()], list(table))

    def test_heads(self) -> None:
        """Every setting that leads to a node has a box; a call comes to it by something that happens."""
        flow = Flow("f", "a", {"a": (Placed("hangup", Hangup()),)}, on_silence="a", on_hangup="a", message="a")
        self.assertEqual(
            chart(flow).arrows,
            tuple(
                Arrow(("head", name), ("node", "a"), dashed=name != "start")
                for name in ("start", "on_silence", "on_hangup", "message")
            ),
        )


class CommandTests(SynchronousTestCase):
    """The command."""

    def setUp(self) -> None:
        """Settings with one flow, and a path with nothing on it."""
        self.home = Path(self.mktemp()).absolute()
        (self.home / "flows").mkdir(parents=True)
        (self.home / "bin").mkdir()
        (self.home / "voiced.yaml").write_text(
            "public_url: https://voiced.test\nnumbers: {default: main}\n"
            "twilio: {account_sid: AC00000000000000000000000000000000, auth_token: a token}\n"
        )
        (self.home / "flows/main.yaml").write_text("flow: main\nstart: a\nnodes: {a: [hangup]}\n")

    def run_it(self, *arguments: str) -> Result:
        """Its result."""
        environment = {"PATH": str(self.home / "bin")}
        return CliRunner().invoke(main, ["graph", "-c", str(self.home / "voiced.yaml"), *arguments], env=environment)

    def has_dot(self, script: str) -> None:
        """A `dot` that does this."""
        program = self.home / "bin/dot"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o700)

    def test_prints(self) -> None:
        """Mermaid's text, always."""
        result = self.run_it("main")
        self.assertEqual((result.exit_code, result.stdout.splitlines()[0]), (0, "flowchart TD"))

    def test_without_secrets(self) -> None:
        """Who draws a flow need not have its secrets; what is wrong with it is said."""
        settings = self.home / "voiced.yaml"
        settings.write_text(settings.read_text().replace("a token", "'${TOKEN_OF_NOBODY}'"))
        self.assertEqual(self.run_it("main").exit_code, 0)
        settings.write_text("public_url: ftp://x\n")
        result = self.run_it("main")
        self.assertEqual(result.exit_code, 1)
        self.assertIn("nothing was drawn", result.stderr)

    def test_unknown(self) -> None:
        """A flow that there is none of."""
        result = self.run_it("mian")
        self.assertEqual(
            (result.exit_code, "no flow is called 'mian'; did you mean 'main'?" in result.stderr), (1, True)
        )

    def test_without_graphviz(self) -> None:
        """No `dot`: the text is there, and what to install."""
        result = self.run_it("main", "--svg", str(self.home / "main.svg"))
        self.assertEqual((result.exit_code, "flowchart TD" in result.stdout), (1, True))
        self.assertIn("apt install graphviz", result.stderr)

    def test_svg(self) -> None:
        """What `dot` draws of the text that it is given is in the file."""
        self.has_dot('[ "$1" = -Tsvg ] || exit 9; echo "<svg>"; while read -r line; do echo "$line"; done')
        result = self.run_it("main", "--svg", str(self.home / "main.svg"))
        self.assertEqual(result.exit_code, 0, result.output)
        drawn = (self.home / "main.svg").read_text()
        self.assertTrue(drawn.startswith('<svg>\ndigraph "main" {'), drawn)

    def test_graphviz_fails(self) -> None:
        """A `dot` that fails is named with what it says; so is a file that cannot be written."""
        self.has_dot("echo 'syntax error' >&2; exit 3")
        self.assertIn("dot ends with 3: syntax error", self.run_it("main", "--svg", str(self.home / "x.svg")).stderr)
        self.has_dot("while read -r line; do :; done")
        result = self.run_it("main", "--svg", str(self.home / "not/there.svg"))
        self.assertEqual((result.exit_code, "cannot be drawn" in result.stderr), (1, True))
