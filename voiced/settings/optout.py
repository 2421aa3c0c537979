"""The `opt_out:` of a flow: the key, the words and the sentence; and what about opting out deserves a warning."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import msgspec

from voiced.call.flow import Flow
from voiced.call.optout import CONFIRM, OptOut
from voiced.call.steps.digits import Key
from voiced.call.template import Template
from voiced.settings.part import Part
from voiced.settings.reach import Finding, empty, reached, steps_of

TOOL = "opt_out"
"""The plugin of the tool by which an agent opts somebody out."""


class WrittenOptOut(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How people say that they do not want to be called any more: by `key`, by one of these `words`, or to an agent
    that has the tool `opt_out`; and what they are told then."""

    key: Key | None = None
    words: tuple[str, ...] = ()
    confirm: Template = CONFIRM


def check_opt_out(part: Part, written: WrittenOptOut | None, tool: bool) -> OptOut | None:
    """The `opt_out` of a flow, of which this has been read; what else is wrong with it is noted.

    `tool`: some agent has the tool, so that one without a key and words is of use.
    """
    if "opt_out" not in part:
        return None
    part = part["opt_out"]
    if part.value is None:
        part.wrong('has no value: write `{key: "9"}`, or `{}` where only an agent\'s tool opts out', named=True)
    if written is None:
        return None
    for number, words in enumerate(written.words):
        if not OptOut(words=(words,)).said_in(words):
            part["words"][number].wrong(f"{part['words'][number].written} has no word in it: nobody can say it")
    misspelled = {*part.value} - {*WrittenOptOut.__struct_fields__}
    if not tool and not misspelled and not part["key"].value and not part["words"].value:
        part.wrong("nobody can use it: write `key` or `words`, or give an agent the tool `opt_out`", named=True)
    if any(empty(wording) for wording in written.confirm.wordings):
        part["confirm"].wrong("is empty: they have to hear that it is done")
    return OptOut(written.key, written.words, written.confirm)


def may_opt_out(agents: Part, tools: Part) -> bool:
    """Whether an agent has the tool, by whatever name."""
    declared = tools.value if isinstance(tools.value, dict) else ()
    named = {TOOL, *(name for name in declared if tools[name]["tool"].value == TOOL)}
    lists = [agents[name]["tools"].value for name in (agents.value if isinstance(agents.value, dict) else ())]
    used = (name for each in lists if isinstance(each, list) for name in each)
    return any(isinstance(name, str) and name in named for name in used)


def calling(flows: Mapping[str, Flow], named: Collection[str]) -> set[str]:
    """The flows of calls that we place: those that are `named` for that, and those that speak to machines."""
    return {*named} | {
        name for name, flow in flows.items() if flow.on_machine is not None or flow.message is not None
    }


def without_opt_out(flows: Mapping[str, Flow], called: Collection[str]) -> Iterator[Finding]:
    """Flows of calls that we place (`calling`) and that nobody can opt out of."""
    for name in sorted(set(called) & set(flows)):
        if flows[name].opt_out is None:
            yield Finding(
                name,
                "",
                0,
                "it calls people, and they cannot say that they do not want that: write "
                '`opt_out: {key: "9", words: ["stop calling"]}`, and tell them',
            )


def taken_keys(flows: Mapping[str, Flow], entries: Collection[str]) -> Iterator[Finding]:
    """Steps that wait for the key that opts out everywhere else, in a flow and those that it calls; each one once."""
    seen: set[tuple[str, str, int]] = set()
    for entry in sorted(set(entries) & set(flows)):
        for flow in reached(flows, entry):
            opt_outs = (each.opt_out for each in (flow, flows[entry]) if each.opt_out is not None)
            keys = {each.key for each in opt_outs if each.key is not None}
            for node, number, step in steps_of(flow):
                taken = sorted(keys & {*step.mentions().keys})
                if taken and (flow.name, node, number) not in seen:
                    seen.add((flow.name, node, number))
                    yield Finding(
                        flow.name,
                        node,
                        number,
                        f"the key {taken[0]} means something here, and opts out of being called everywhere else: who "
                        "presses it too early is never called again; take another key for `opt_out`",
                    )
