"""One agent of an ElevenLabs account: what was set in its dashboard, and how badly it is to behave."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from attrs import field, frozen

from voiced.simulator.vendors.elevenlabs_messages import BadMessage, Json
from voiced.simulator.vendors.elevenlabs_script import Line


@frozen(kw_only=True)
class Agent:
    """Settings of an agent; a conversation has those of the moment when it began (`attrs.evolve` for others)."""

    script: Sequence[Line] = ()
    """What it does in a conversation for which none is expected (`ElevenLabs.expect`)."""
    public: bool = False
    """Whether it talks to sockets without a signature."""
    output_format: str = "ulaw_8000"
    input_format: str = "ulaw_8000"
    overrides: Collection[str] = ()
    """What its Security page allows: `agent.first_message`, `agent.prompt.prompt`, `tts.voice_id`, `conversation` ...

    A name allows everything below it.
    """
    variables: Collection[str] = ()
    """Dynamic variables that its prompt uses."""
    client_events: Collection[str] | None = None
    """The types of events that it sends; None: all. An error is always sent."""
    metadata_after: float | None = 0.0
    """Seconds between the initiation and its metadata; None: never."""
    first_event: int = 1
    """The first event_id."""
    interrupt_above: float | None = None
    """It interrupts itself when a chunk of the caller's audio is louder than this (see `agent_audio.Ear`)."""
    receive_timeout: float | None = 60.0
    """Seconds without anything of the caller's after which it hangs up; None: never."""
    refuse: int | None = field(default=None)
    """The HTTP status that its handshakes are refused with (403)."""
    unauthorized: int = 1008
    """The code that sockets without a good signature are closed with."""

    def sends(self, kind: str, wanted: Collection[str] | None) -> bool:
        """Whether events of that type are sent; `wanted` is the conversation's own list, if it has one."""
        enabled = self.client_events if wanted is None else wanted
        return enabled is None or kind in enabled or kind == "error"

    def check(self, initiation: Json) -> None:
        """Whether a conversation may begin so. Raises BadMessage."""
        for name in _leaves(_object(initiation, "conversation_config_override")):
            if not any(f"{name}.".startswith(f"{allowed}.") for allowed in self.overrides):
                raise BadMessage("override_error", f"Override for field '{name}' is not allowed by config.")
        variables = _object(initiation, "dynamic_variables")
        for name, value in variables.items():
            if name.startswith("system__") or not isinstance(value, str | int | float | bool):
                raise BadMessage("value_error", f"dynamic_variables: {name} cannot be {value!r:.80}")
        if missing := [name for name in self.variables if name not in variables]:
            raise BadMessage("missing_dynamic_variable", f"Missing required dynamic variables: {', '.join(missing)}")


def _object(initiation: Json, name: str) -> Json:
    found = initiation.get(name, {})
    if not isinstance(found, dict):
        raise BadMessage("value_error", f"{name} is not an object")
    return found


def _leaves(overrides: Any, where: str = "") -> Iterator[str]:
    """The dotted names of what is overridden: null and "" count, an empty object does not."""
    if not isinstance(overrides, dict):
        yield where
        return
    for name, value in overrides.items():
        yield from _leaves(value, f"{where}.{name}" if where else name)
