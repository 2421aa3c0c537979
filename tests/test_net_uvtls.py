"""What TLS costs under uvloop: reads of a record, and buffers in pages of their own."""

from __future__ import annotations

import contextlib
import ctypes
import ssl
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.certificates import certificate
from voiced.net import uvtls


class ReadTests(SynchronousTestCase):
    """voiced.net.uvtls.RecordReader."""

    def setUp(self) -> None:
        """Two ends, which have greeted each other."""
        ours = certificate()
        pem = Path(self.mktemp())
        pem.write_bytes(ours.privateKey.dump(1) + ours.dumpPEM())
        client = uvtls.client_context()
        client.load_verify_locations(cadata=ours.dumpPEM().decode())
        one, other = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.caller = client.wrap_bio(one, other, server_hostname="localhost")
        self.agent = uvtls.server_context(str(pem), str(pem)).wrap_bio(other, one, server_side=True)
        for end in (self.caller, self.agent) * 2:
            with contextlib.suppress(ssl.SSLWantReadError):
                end.do_handshake()

    def test_a_record_at_most(self) -> None:
        """Whoever asks for much gets a record, and the rest when they ask again: all of it, in order."""
        said = bytes(range(256)) * 200
        self.agent.write(said)
        pieces = []
        while sum(map(len, pieces)) < len(said):
            pieces.append(self.caller.read(256 * 1024))
        self.assertEqual(b"".join(pieces), said)
        self.assertEqual({len(piece) for piece in pieces[:-1]}, {uvtls.RECORD})

    def test_less(self) -> None:
        """Who asks for less gets no more than that, into a buffer, too."""
        self.agent.write(b"one two")
        self.assertEqual(self.caller.read(4), b"one ")
        buffer = bytearray(8)
        self.assertEqual((self.caller.read(3, buffer), buffer[:3]), (3, b"two"))

    def test_agrees_on_http(self) -> None:
        """HTTP/2 would go past everything."""
        self.assertIsNone(self.agent.selected_alpn_protocol())
        self.assertIsInstance(self.agent, uvtls.RecordReader)


class LargeBlocksTests(SynchronousTestCase):
    """voiced.net.uvtls.large_blocks_apart."""

    def setUp(self) -> None:
        """As if it were asked for the first time."""
        uvtls.large_blocks_apart.cache_clear()
        self.addCleanup(uvtls.large_blocks_apart.cache_clear)

    def test_told_once(self) -> None:
        """The C library is told, once."""
        told: list[tuple[int, int]] = []

        class Library:
            """glibc."""

            @staticmethod
            def mallopt(what: int, value: int) -> int:
                """See mallopt(3)."""
                told.append((what, value))
                return 1

        self.patch(ctypes, "CDLL", lambda name: Library)
        self.assertTrue(uvtls.large_blocks_apart())
        self.assertTrue(uvtls.large_blocks_apart())
        self.assertEqual(told, [(-3, 131072)])

    def test_another_library(self) -> None:
        """One that cannot be told does as it likes."""
        self.patch(ctypes, "CDLL", lambda name: object())
        self.assertFalse(uvtls.large_blocks_apart())

    def test_none(self) -> None:
        """Nor one that cannot be had."""

        def missing(name: Any) -> Any:
            raise OSError(name)

        self.patch(ctypes, "CDLL", missing)
        self.assertFalse(uvtls.large_blocks_apart())
