"""All that a call follows, as one value: loaded, checked, swapped whole. Each call keeps the one it began with."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

import attrs

from voiced.call.dialplan import DialPlan
from voiced.call.filing import IRecordings
from voiced.call.flow import Flow
from voiced.call.privacy import Privacy
from voiced.call.version import Version
from voiced.ioperator import IOperator, Unoperated
from voiced.ivoiced import IAgent, IAgentTool, ICallerLookup, IHearing, ITTSEngine, Prompt
from voiced.iweb import IWebServices


@attrs.frozen
class Colleague:
    """An agent as voiced.yaml employs it."""

    agent: IAgent
    tools: Mapping[str, IAgentTool] = attrs.field(factory=dict)
    """What it may do besides talking, by the name it knows."""
    barge_in: str = "auto"
    """Who hears that the caller interrupts: `auto` (the agent, if it can), `local` (our own ears) or `none`."""
    prompts: tuple[Prompt, ...] = ()
    """What it says to all callers alike; with the voice of the flow, where none is named."""

    @property
    def needs_ears(self) -> bool:
        """Whether our own ears listen for interruptions."""
        return self.barge_in == "local" or (self.barge_in == "auto" and not self.agent.notices_interruptions)


@attrs.frozen
class Overflow:
    """What becomes of callers for whom there is no room: one of these, where it is set."""

    reject: str | None = None
    """See Reject.reason."""
    forward: str | None = None
    """E.164 or `sip:…`: who takes them instead, at the carrier."""
    flow: str | None = None
    """The flow that takes `most` of them, when it is only too many calls that there are: one in which they wait."""
    most: int = 0


@attrs.frozen
class Program:
    """Flows, who may speak in them, and the sentences for callers whom no flow takes."""

    flows: Mapping[str, Flow]
    dial_plan: DialPlan
    voices: Mapping[str, ITTSEngine] = attrs.field(factory=dict)
    agents: Mapping[str, Colleague] = attrs.field(factory=dict)
    lookups: Mapping[str, ICallerLookup] = attrs.field(factory=dict)
    hearing: IHearing | None = None
    """Ears of our own, where anything needs them."""
    recordings: IRecordings | None = None
    """Where recordings are kept; None: nothing is recorded."""
    web: IWebServices | None = None
    """The web services that flows may ask; None: there are none."""
    apology: str = "We are sorry, something went wrong on our side. Please call again later. Goodbye."
    busy: str = "All our lines are busy at the moment. Please call again in a few minutes. Goodbye."
    overflow: Overflow = Overflow()
    """What becomes of callers for whom there is no room; nothing: they hear `busy`."""
    refusal: str = "This number is not in service. Goodbye."
    goodbye: str = "Goodbye."
    """The last sentence to somebody whose call an API client, its time limit, or a daemon that stops, ends."""
    drain_say: str | None = None
    """What new callers hear while the daemon stops; `busy` unless set."""
    drain_to: str | None = None
    """E.164: who gets new calls while the daemon stops."""
    named: frozenset[str] = frozenset()
    """Every number and SIP address that the settings and flows themselves connect somebody with."""
    human: str | None = None
    """E.164: who gets a call that reaches the fallback URL and that we do not know, and all on `all_to_human`."""
    all_to_human: bool = False
    """Whether every new call goes to `human`: the operator has said so."""
    operator: IOperator = attrs.field(factory=Unoperated)
    """What steps may do for the operator of the daemon."""
    privacy: Privacy = Privacy.MASKED
    keeps_wire: bool = False
    """Whether the journal keeps what came over the wires of each call, for `voiced replay`."""
    chance: Callable[[], float] = random.random
    """The dice: at least 0, less than 1."""
    version: Version = attrs.field(factory=Version)
    """Which files it was made of, and when."""

    def flow_for(self, called: str) -> Flow | None:
        """The flow that answers this number, or None."""
        name = self.dial_plan.flow_for(called)
        return None if name is None else self.flows[name]
