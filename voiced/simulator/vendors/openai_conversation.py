"""The conversation of a Realtime session: its items, who has put them there, and how far they were heard."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter

from attrs import define, field, frozen
from twisted.internet.defer import Deferred

from voiced.simulator.mulaw import RATE
from voiced.simulator.vendors.agent_end import AgentEnd
from voiced.simulator.vendors.openai_messages import Fault, Json
from voiced.simulator.vendors.openai_reply import Item
from voiced.simulator.vendors.waiting import Waiting


@frozen
class ToolOutput:
    """What became of a function call."""

    call_id: str
    output: str


@define(eq=False)
class Conversation(AgentEnd):
    """What the daemon does to the items."""

    items: dict[str, Item] = field(init=False, factory=dict)
    """The conversation."""
    created: list[Json] = field(init=False, factory=list)
    """The items that the daemon has put into it, function call outputs among them."""
    tool_outputs: list[ToolOutput] = field(init=False, factory=list)
    truncations: list[tuple[str, int]] = field(init=False, factory=list)
    """The good ones: item id, milliseconds."""
    _numbers: Counter[str] = field(init=False, factory=Counter)
    _outputs: Waiting[ToolOutput | None] = field(init=False, factory=Waiting)
    _calls: set[str] = field(init=False, factory=set)

    @abstractmethod
    def send(self, kind: str, **fields: object) -> None:
        """Send a message of that type."""

    def number(self, kind: str) -> str:
        """A new id: `item_7`."""
        self._numbers[kind] += 1
        return f"{kind}_{self._numbers[kind]}"

    def add(self, item: Item, call_id: str | None = None) -> str | None:
        """The conversation has one more, a function call if it has an id of that; gives the id of the one before."""
        before = next(reversed(self.items), None)
        self.items[item.id] = item
        if call_id is not None:
            self._calls.add(call_id)
        return before

    def when_output(self, call_id: str) -> Deferred[ToolOutput | None]:
        """Fires with the output of that function call, or None when the session ends without one."""
        return self._outputs.wait(call_id)

    def create(self, item: Json) -> None:
        """The daemon adds an item. Raises Fault."""
        kind = item.get("type")
        if kind not in ("message", "function_call", "function_call_output"):
            raise Fault(f"Invalid value: {kind!r:.40}.", param="item.type")
        output = _output(item, self._calls) if kind == "function_call_output" else None
        body = {"id": self.number("item"), "object": "realtime.item", "status": "completed", **item}
        self.created.append(item)
        self._announce(body, self.add(Item(body["id"], kind, str(item.get("role", "")))))
        if output is not None:
            self.tool_outputs.append(output)
            self._outputs.come(output, output.call_id)

    def delete(self, item_id: str) -> None:
        """The daemon takes an item away. Raises Fault."""
        self._item(item_id, "delete")
        del self.items[item_id]
        self.send("conversation.item.deleted", item_id=item_id)

    def truncate(self, item_id: str, end: int) -> None:
        """Only so many milliseconds of an item were heard. Raises Fault."""
        item = self._item(item_id, "truncate")
        if not item.spoken:
            raise Fault("Only model output audio messages can be truncated", param="item_id")
        if end > item.milliseconds:
            raise Fault(
                f"Audio content of {item.milliseconds}ms is already shorter than {end}ms", param="audio_end_ms"
            )
        item.audio = end * RATE // 1000
        self.truncations.append((item_id, end))
        self.send("conversation.item.truncated", item_id=item_id, content_index=0, audio_end_ms=end)

    def commit(self, turn: str) -> None:
        """What the caller has said is an item."""
        body: Json = {"id": turn, "object": "realtime.item", "type": "message", "role": "user", "status": "completed"}
        body["content"] = [{"type": "input_audio", "transcript": None}]
        before = self.add(Item(turn, "message", "user"))
        self.send("input_audio_buffer.committed", item_id=turn, previous_item_id=before)
        self._announce(body, before)

    def _announce(self, body: Json, before: str | None) -> None:
        self.send("conversation.item.added", item=body, previous_item_id=before)
        self.send("conversation.item.done", item=body, previous_item_id=before)

    def _item(self, item_id: str, what: str) -> Item:
        if item_id not in self.items:
            message = f"Error with item {what}: the item with id '{item_id}' does not exist."
            raise Fault(message, f"item_{what}_invalid_item_id", "item_id")
        return self.items[item_id]


def _output(item: Json, calls: set[str]) -> ToolOutput:
    call_id, output = item.get("call_id"), item.get("output")
    if not isinstance(output, str):
        raise Fault("Invalid type for 'item.output': expected a string.", "invalid_type", "item.output")
    if call_id not in calls:
        raise Fault(f"Tool call ID '{call_id}' not found in conversation.", "invalid_tool_call_id", "item.call_id")
    return ToolOutput(str(call_id), output)
