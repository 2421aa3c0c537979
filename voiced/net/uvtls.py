"""TLS under uvloop: its contexts, and what its buffers cost.

uvloop has a buffer of 256 KiB for each TLS connection, of which a voice touches the first page or two; and it reads
256 KiB at a time, of which a record of TLS fills 16 at most. Here a buffer has pages of its own, that are the
machine's until they are touched and once the call is over, and a read is a record long. For 100 calls that was 20 to
30 KiB less for each (`python -m bench whole --only relay`).
"""

from __future__ import annotations

import ctypes
import ssl
from functools import cache
from typing import Any

RECORD = 16 * 1024
"""Bytes that one read gives at most: what a record may carry (RFC 8446, 5.1)."""
_APART = 128 * 1024
"""Bytes from which on a block of memory is the machine's own: glibc begins with that, and raises it to the size of
what is given back, unless it is told."""
_M_MMAP_THRESHOLD = -3
"""mallopt(3)."""


class RecordReader(ssl.SSLObject):
    """Reads a record at most, whatever is asked for: who asks for more gets the rest when they ask again."""

    def read(self, len: int = 1024, buffer: Any = None) -> Any:  # noqa: A002 - Python's own name
        """See ssl.SSLObject."""
        here: Any = self._sslobj  # type: ignore[attr-defined]  # what ssl.SSLObject passes it to, too, without a word
        most = min(len, RECORD)
        return here.read(most) if buffer is None else here.read(most, buffer)


def client_context() -> ssl.SSLContext:
    """What says who is who: this machine's trust store. Reading it takes a while."""
    return _small(ssl.create_default_context())


def server_context(certificate: str, key: str) -> ssl.SSLContext:
    """For who shows this certificate (PEM files, the former with the whole chain), and speaks HTTP/1.1.

    Raises OSError and ssl.SSLError for files that are not there, or are no such things.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    context.set_alpn_protocols(["http/1.1"])
    return _small(context)


def _small(context: ssl.SSLContext) -> ssl.SSLContext:
    context.sslobject_class = RecordReader
    large_blocks_apart()
    return context


@cache
def large_blocks_apart() -> bool:
    """Have what is large in pages of its own from now on; whether this machine's C library can be told so."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):  # not glibc: it does as it likes
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, _APART))
