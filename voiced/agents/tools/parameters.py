"""The parameters of a tool: the JSON Schema that an agent is shown, and the check of what it then sends."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec

from voiced.errors import ToolFailed
from voiced.net.url import Value

MOST_CHARACTERS = 4000
"""In one argument."""
_MOST_REASON = 200
_TYPES: Mapping[str, tuple[Any, str]] = {
    "string": (str, "a text"),
    "integer": (Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)], "a whole number"),
    "number": (float, "a number"),
    "boolean": (bool, "true or false"),
}
"""What JSON Schema calls a type -> the type, and a word for it."""

Description = Annotated[str, msgspec.Meta(min_length=1)]
"""What a tool does and when to use it, for the agent's language model."""


class Parameter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that an agent says when it uses a tool."""

    # What it is, for the agent's language model.
    description: str = ""
    type: Literal["string", "integer", "number", "boolean"] = "string"
    # All the values that there are, where there are few.
    enum: tuple[str, ...] = ()
    # Whether the agent must say it.
    required: bool = True

    def __post_init__(self) -> None:
        if len(set(self.enum)) != len(self.enum):
            raise ValueError("`enum` has a value twice")
        if self.enum and self.type == "boolean":
            raise ValueError("a boolean is true or false: take `enum` out")
        for value in self.enum:
            if _converted(value, self.type) is None:
                raise ValueError(f"`enum` has a value that is not {_TYPES[self.type][1]}: write another `type`")

    def schema(self) -> dict[str, Any]:
        """This parameter as JSON Schema."""
        schema: dict[str, Any] = {"type": self.type}
        if self.description:
            schema["description"] = self.description
        if self.enum:
            schema["enum"] = [_converted(value, self.type) for value in self.enum]
        return schema

    def checked(self, name: str, value: Any) -> Value:
        """The argument, of its type. Raises ToolFailed with a sentence that tells the agent what to send instead."""
        given = _converted(value, self.type)
        if given is None:
            raise ToolFailed(f"{name} must be {_TYPES[self.type][1]}.")
        choices = self.schema().get("enum", [given])
        if given not in choices:
            raise ToolFailed(f"{name} must be one of: {', '.join(map(str, choices))}.")
        return given


REASON = Parameter("Why, in a few words.", required=False)


def schema(parameters: Mapping[str, Parameter]) -> dict[str, Any]:
    """The JSON Schema of a tool with these parameters."""
    return {
        "type": "object",
        "properties": {name: parameter.schema() for name, parameter in parameters.items()},
        "required": [name for name, parameter in parameters.items() if parameter.required],
        "additionalProperties": False,
    }


def checked(arguments: Mapping[str, Any], parameters: Mapping[str, Parameter]) -> dict[str, Value]:
    """What an agent sent, as far as it was asked for; null is as if it were not there. Raises ToolFailed."""
    given = {name: arguments[name] for name in parameters if arguments.get(name) is not None}
    missing = [name for name, parameter in parameters.items() if parameter.required and name not in given]
    if missing:
        raise ToolFailed(f"{missing[0]} is missing.")
    return {name: parameters[name].checked(name, value) for name, value in given.items()}


def reason(arguments: Mapping[str, Any]) -> str:
    """The reason that an agent gives, if it gives one: nothing else it does may fail for it."""
    said = arguments.get("reason")
    return said.strip()[:_MOST_REASON] if isinstance(said, str) else ""


def _converted(value: Any, kind: str) -> Value | None:
    """The value as that type; a text that is a number may be one, as models write. None when it is none."""
    try:
        given: Value = msgspec.convert(value, _TYPES[kind][0], strict=False)
    except (msgspec.ValidationError, UnicodeEncodeError):  # the latter for half a surrogate pair
        return None
    if isinstance(given, float) and not math.isfinite(given):
        return None
    return None if isinstance(given, str) and len(given) > MOST_CHARACTERS else given
