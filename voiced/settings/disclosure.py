"""The `disclose:` of a flow; and where an agent can be reached without it, which deserves a warning."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from voiced.call.flow import Flow
from voiced.call.template import Template
from voiced.settings.part import Part
from voiced.settings.reach import Finding, empty, reached, steps_of


def check_disclosure(part: Part, disclose: Template | None, voice: str | None) -> None:
    """What is wrong with the `disclose` of this flow, of which this has been read, is noted."""
    if "disclose" in part and part["disclose"].value is None:
        part["disclose"].wrong("has no value: write what callers are told, or take the line out", named=True)
    if disclose is None:
        return
    if voice is None:
        part["disclose"].wrong(
            "it is spoken, and the flow has no voice: write `voice:` into it or voiced.yaml", named=True
        )
    if any(empty(wording) for wording in disclose.wordings):
        part["disclose"].wrong("is empty: write what callers are told, or take the line out")


def undisclosed(flows: Mapping[str, Flow], entries: Collection[str]) -> Iterator[Finding]:
    """Steps in which an agent speaks with somebody who was not told that it is one; each one once.

    `entries` are the flows that calls begin with: what such a flow discloses holds in those that it calls, too.
    """
    seen: set[tuple[str, str, int]] = set()
    for entry in sorted(set(entries) & set(flows)):
        if flows[entry].disclose is not None:
            continue
        for flow in reached(flows, entry):
            for node, number, step in steps_of(flow) if flow.disclose is None else ():
                if step.mentions().agents and (flow.name, node, number) not in seen:
                    seen.add((flow.name, node, number))
                    yield Finding(flow.name, node, number, _sentence(flow.name, entry))


def _sentence(flow: str, entry: str) -> str:
    where = "into this flow" if flow == entry else f"into this flow, or into {entry!r}, which leads here"
    what = 'write `disclose: "You are speaking with an AI."`'
    return f"an AI speaks here with people who were not told so: {what} {where}"
