"""Published: what IAgentDialect promises, as tests that any dialect can run.

Another vendor's dialect is held to the contract in ten lines::

    from twisted.trial.unittest import SynchronousTestCase
    from voiced.testing.contracts import AgentDialectContract
    from acme.dialect import AcmeDialect

    class AcmeContract(AgentDialectContract, SynchronousTestCase):
        ready = ['{"type": "welcome", "session": "s1"}']
        speaks = ['{"type": "sound", "audio": "fn5+"}']

        def make_dialect(self):
            return AcmeDialect()
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, get_args

from zope.interface.verify import verifyObject

from voiced.agents.dialects.events import Audio, Ended, Event, Failed, Ready
from voiced.call.audio import silence
from voiced.ivoiced import Cut, Heard, IAgentDialect, ToolResult

_NONSENSE: Sequence[str | bytes] = (
    "", "null", "[]", "{}", "0", '"text"', "no JSON", "{", '{"type": null}', '{"type": 7}', '{"type": ["a"]}',
    '{"type": "brand_new"}', '{"type": "' + "x" * 10_000 + '"}', "[" * 5000, '{"a": 1e999}', '{"type": "\\ud800"}',
    b"", b"\xff\xfe", b"\x00" * 100, "\ud800", '{"type": "error"}',
)  # fmt: skip
_WRONG: Sequence[Any] = (None, "", "x", 0, -1, 10**40, 1.5, True, [], {}, [[]], {"type": "x"})
"""What stands in the place of a part of a message that was right."""


class AgentDialectContract:
    """What IAgentDialect promises; a mixin for `twisted.trial.unittest.SynchronousTestCase`.

    Override `make_dialect`, and name the vendor's messages after which it is ready, and some with which it speaks.
    """

    ready: ClassVar[Sequence[str]] = ()
    speaks: ClassVar[Sequence[str]] = ()

    # For mypy: what comes from SynchronousTestCase.
    assertEqual: Any
    assertTrue: Any
    assertIsInstance: Any

    def make_dialect(self) -> IAgentDialect:
        """A conversation that has not begun."""
        raise NotImplementedError

    # The promises

    def test_provides_the_interface(self) -> None:
        """It is an IAgentDialect, as zope.interface verifies."""
        verifyObject(IAgentDialect, self.make_dialect())

    def test_opens(self) -> None:
        """What begins the conversation is texts, and the same each time."""
        self._texts(self.make_dialect().opening())
        self.assertEqual(list(self.make_dialect().opening()), list(self.make_dialect().opening()))

    def test_is_ready_once(self) -> None:
        """It is ready when the vendor is, and says so once."""
        dialect = self.make_dialect()
        events = [event for message in self.ready for event in self._receive(dialect, message)]
        self.assertEqual(sum(isinstance(event, Ready) for event in events), 1)

    def test_speaks(self) -> None:
        """What the agent says is audio, in bytes, of an item that has a name."""
        dialect = self._begun()
        sounds = [event for message in self.speaks for event in self._receive(dialect, message)]
        pieces = [event for event in sounds if isinstance(event, Audio)]
        self.assertTrue(pieces)
        self.assertTrue(all(isinstance(piece.audio, bytes) and piece.audio and piece.item for piece in pieces))

    def test_cut_is_cut(self) -> None:
        """What comes late of an item that was cut is not heard."""
        dialect = self._begun()
        first = [event for message in self.speaks for event in self._receive(dialect, message)]
        cut = {event.item for event in first if isinstance(event, Audio)}
        self._texts(dialect.interrupted([Cut(item, Heard(0.0, 1.0, cut=True)) for item in sorted(cut)]))
        late = [event for message in self.speaks for event in self._receive(dialect, message)]
        self.assertEqual({event.item for event in late if isinstance(event, Audio)} & cut, set())

    def test_sends_texts(self) -> None:
        """The caller's audio and keys, results and the goodbye are texts; nothing is nothing."""
        dialect = self._begun()
        self.assertTrue(self._texts(dialect.audio(silence(0.02))))
        self.assertEqual(list(dialect.audio(b"")), [])
        self.assertTrue(self._texts(dialect.key("5")))
        self.assertTrue(self._texts(dialect.tool_result("call_1", ToolResult('a "text"\\n', error=True))))
        self._texts(dialect.interrupted([]))
        self._texts(dialect.closing())

    def test_before_it_is_ready(self) -> None:
        """What is asked of it too early does no harm."""
        dialect = self.make_dialect()
        self._texts(dialect.audio(silence(0.02)))
        self._texts(dialect.key("#"))
        self._texts(dialect.interrupted([Cut("nothing", Heard(0.0, 0.0, cut=True))]))

    def test_any_close(self) -> None:
        """However the socket ends, it is an end in order or a failure, with a sentence."""
        for code in (None, 0, 999, *range(1000, 1016), 3000, 4000, 4999, 70_000):
            for reason in ("", "normal", "x" * 123, "\ufffd"):
                end = self.make_dialect().closed(code, reason)
                self.assertIsInstance(end, (Ended, Failed))
                self.assertTrue(isinstance(end, Ended) or end.reason)

    def test_any_refusal(self) -> None:
        """A handshake that is answered otherwise is a failure, with a sentence."""
        for status in range(100, 600):
            self.assertTrue(self.make_dialect().refused(status).reason)

    def test_nonsense(self) -> None:
        """Whatever comes, it is events: nothing is raised."""
        for message in _NONSENSE:
            for dialect in (self.make_dialect(), self._begun()):
                self._receive(dialect, message)

    def test_damage(self) -> None:
        """Nor is anything raised by a message of the vendor's in which one part is not what it should be."""
        for message in (*self.ready, *self.speaks):
            for damaged in _damaged(json.loads(message)):
                self._receive(self._begun(), json.dumps(damaged))

    # Within

    def _begun(self) -> IAgentDialect:
        dialect = self.make_dialect()
        for message in self.ready:
            dialect.receive(message)
        return dialect

    def _receive(self, dialect: IAgentDialect, message: str | bytes) -> list[Any]:
        events = list(dialect.receive(message))
        self.assertTrue(all(isinstance(event, get_args(Event)) for event in events))
        return events

    def _texts(self, messages: Sequence[str]) -> list[str]:
        self.assertTrue(all(isinstance(message, str) and message for message in messages))
        return list(messages)


def _damaged(value: Any) -> Iterator[Any]:
    """The same with each part, at every depth, taken away or replaced by something that is wrong there."""
    yield from _WRONG
    if isinstance(value, dict):
        for name, part in value.items():
            rest = {other: value[other] for other in value if other != name}
            yield rest
            yield from ({**rest, name: wrong} for wrong in _damaged(part))
