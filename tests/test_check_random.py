"""Whatever stands in the files, the check answers with faults or a configuration, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

import voiced
from tests.written_files import GOOD, REGISTRY
from voiced.errors import ConfigError, Fault
from voiced.settings.load import read

ROOT = Path(voiced.__file__).parent.parent
ENVIRON = {
    **dict.fromkeys(("SERVER_DOMAIN", "TWILIO_AUTH_TOKEN", "ELEVENLABS_API_KEY", "ELEVENLABS_AGENT_ID"), "pretended"),
    "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
}
SHIPPED = {
    "config/voiced.yaml": "config/flows",
    "config/demo.yaml": "config/demo",
    "examples/assistant/voiced.yaml": "examples/assistant/flows",
}
"""Settings, and their flows."""

NAMED = "voices: {anna: {engine: local}}\nagents: {sales: {agent: openai, api_key: k}}\n"

texts = st.text(alphabet="ab:{}[],-#&*!|>'\"$%@` \n\\+10") | st.text()
WORDS, SETTINGS, FLOWS = (
    re.findall(r"\S+", text)
    for text in (
        """
main a b c anna crm sales hangup say Hello {party.name} {menu.key|x} ${HOME} ${ 1 0 -1 true no +14155550100 en de
local elevenlabs openai table 9:00-17:00 * # failed agent.outcome call.party variables.name
""",
        """
listen public_url twilio api voices agents tools lookups numbers outbound inbound human voice flows data privacy
insecure limits cache apology prerender account_sid auth_token keys name key engine agent tool lookup fallback brain
rules when say then callers allow hours zone mon-fri prices spend_per_day dnc deny most default description
""",
        """
flow start voice language nodes on_error on_silence on_hangup on_machine message variables constants include
pronunciation max_seconds a b c say menu agent choose goto hangup lookup transfer voicemail call return pause play
text prompt keys fact cases otherwise use to with closed en de 1 2 failed
""",
    )
)
words = st.sampled_from(WORDS)
LIMITS = settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))


def structures(names: list[str]) -> st.SearchStrategy[Any]:
    """Blocks and lists of these names, with words that might stand there."""
    leaves = words | texts | st.none()
    keys = st.sampled_from(names) | words
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=5),
        max_leaves=20,
    )


@cache
def steps() -> st.SearchStrategy[Any]:
    """Steps that are nearly right: a verb, and the settings that it has."""
    verbs = REGISTRY.names("step")
    one: st.SearchStrategy[Any] = st.sampled_from(verbs).flatmap(
        lambda verb: (
            st.dictionaries(
                st.sampled_from([*REGISTRY.load("step", verb).__struct_fields__, "loud"]),
                words | st.lists(words, max_size=2) | st.dictionaries(words, words, max_size=3) | st.none(),
                max_size=5,
            ).map(lambda body: {verb: body})
            | words.map(lambda body: {verb: body})
            | st.just(verb)
        )
    )
    return one


nodes = st.sampled_from("abc")
good_steps = st.one_of(
    st.sampled_from(
        ["hangup", "voicemail", "return", {"agent": "sales"}, {"pause": 1}, {"transfer": "+14155550100"}]
    ),
    nodes.map(lambda node: {"goto": node}),
    st.sampled_from(["main", "other"]).map(lambda flow: {"call": {"flow": flow, "with": {"day": "{menu.key}"}}}),
    st.sampled_from(["{menu.key}", "{agent.x}", "{argument.day}", "{result}", "x"]).map(lambda text: {"say": text}),
    st.tuples(nodes, nodes).map(lambda two: {"menu": {"prompt": "x", "keys": {"1": two[0]}, "otherwise": two[1]}}),
    nodes.map(lambda node: {"choose": {"fact": "agent.outcome", "cases": {"failed": node}}}),
)


def flows(steps: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Flows of three nodes; whatever leads to one leads to one of them."""
    heads = dict.fromkeys(("on_error", "on_silence", "on_hangup"), nodes)
    some = st.lists(steps, min_size=1, max_size=4)
    return st.fixed_dictionaries(
        {"start": nodes, "nodes": st.fixed_dictionaries(dict.fromkeys("abc", some))}, optional=heads
    )


@st.composite
def mutations(draw: st.DrawFn) -> tuple[str, dict[str, str]]:
    """One of the shipped settings with its flows, in which lines were taken out, repeated, moved or changed."""
    name = draw(st.sampled_from(sorted(SHIPPED)))
    paths = [ROOT / name, *sorted((ROOT / SHIPPED[name]).glob("*.yaml"))]
    files = {str(path.relative_to(ROOT)): path.read_text("utf-8") for path in paths}
    changed = draw(st.sampled_from(sorted(files)))
    lines = [line for line in files[changed].splitlines() if line.strip() and not line.strip().startswith("#")]
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(lines) - 1))
        other = draw(st.sampled_from(lines))
        new = draw(
            st.sampled_from([[], [lines[at]] * 2, [other], [f"  {lines[at]}"], [lines[at].lstrip()]]) | st.just(None)
        )
        if new is None:
            cut = draw(st.integers(0, len(lines[at])))
            new = [lines[at][:cut] + draw(texts) + lines[at][cut + draw(st.integers(0, 5)) :]]
        lines[at : at + 1] = new
        lines = lines or ["a"]
    return name, {**files, changed: "\n".join(lines) + "\n"}


class RandomTests(SynchronousTestCase):
    """Files that nobody would write."""

    def setUp(self) -> None:
        """A directory."""
        self.directory = Path(self.mktemp())

    def check(self, name: str, files: dict[str, str]) -> Sequence[Fault]:
        """There are faults, or it is good and may have warnings; each has a place."""
        for path, text in files.items():
            file = self.directory / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text.encode("utf-8", "surrogatepass"))
        self.warned: Sequence[Fault] = ()
        try:
            said = self.warned = read(self.directory / name, ENVIRON, REGISTRY).warnings
        except ConfigError as error:
            said = error.faults
            self.assertTrue(said)
        for fault in said:
            self.assertTrue(fault.line >= 1 and fault.column >= 1 and fault.message, fault)
        return said

    @LIMITS
    @given(texts)
    def test_texts(self, text: str) -> None:
        """Any text is a voiced.yaml, or a flow, or the end of one."""
        self.check("voiced.yaml", {**GOOD, "voiced.yaml": text})
        self.check("voiced.yaml", {**GOOD, "voiced.yaml": GOOD["voiced.yaml"] + text})
        self.check("voiced.yaml", {**GOOD, "flows/main.yaml": GOOD["flows/main.yaml"] + text})

    @LIMITS
    @given(st.dictionaries(st.sampled_from(SETTINGS), structures(SETTINGS), max_size=8))
    def test_settings(self, value: Any) -> None:
        """Any structure of the settings' own names."""
        self.check("voiced.yaml", {**GOOD, "voiced.yaml": GOOD["voiced.yaml"] + written(value)})

    @LIMITS
    @given(st.dictionaries(st.sampled_from(FLOWS), structures(FLOWS), max_size=8))
    def test_flows(self, value: Any) -> None:
        """Any structure of flows' own names."""
        self.check("voiced.yaml", {**GOOD, "flows/main.yaml": written(value)})

    @LIMITS
    @given(flows(steps()))
    def test_nearly_right(self, value: Any) -> None:
        """Flows with settings that steps have, and values that they may have."""
        files = {"voiced.yaml": GOOD["voiced.yaml"] + NAMED, "flows/main.yaml": written({"flow": "main", **value})}
        self.check("voiced.yaml", files)

    @LIMITS
    @given(flows(good_steps), flows(good_steps))
    def test_odd(self, value: Any, other: Any) -> None:
        """Good flows: they go in circles, read facts and set them, call one another and themselves."""
        files = {"voiced.yaml": GOOD["voiced.yaml"] + NAMED, "flows/main.yaml": written({"flow": "main", **value})}
        for fault in self.check("voiced.yaml", {**files, "flows/other.yaml": written({"flow": "other", **other})}):
            self.assertTrue(fault in self.warned or ": nothing sets " in fault.message, fault)

    @LIMITS
    @given(mutations())
    def test_shipped(self, mutated: tuple[str, dict[str, str]]) -> None:
        """What is shipped, with lines gone, repeated, moved or changed."""
        self.check(*mutated)


def written(value: Any) -> str:
    """As YAML; every text in quotes that needs them."""
    return str(yaml.safe_dump(value, allow_unicode=True, sort_keys=False)) if value else ""
