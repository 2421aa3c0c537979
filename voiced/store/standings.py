"""Where live calls stand, for the daemon after this one: a row for each, sealed, and gone when the call is over.

A row holds all that a call has learnt: numbers, keys, words, private facts. It is sealed (AES-256-GCM) with a key
that is made of a secret of the settings, which is not in the file: whoever has the disk alone reads nothing of it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Mapping
from typing import Any

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from zope.interface import implementer

from voiced.istanding import IStandings, Remembered, Standing
from voiced.store.database import Database
from voiced.store.schema import KEPT, LIVE

LATELY = 1000
"""So many calls that are over are remembered: who asks about one of them is not taken for a new call."""
_NONCE = 12
"""Bytes (NIST SP 800-38D, 8.2.2: of a random one, good for some 2**32 rows with one key)."""

_NEW = insert(LIVE)
_REPLACE = _NEW.on_conflict_do_update(index_elements=[LIVE.c.call], set_={"standing": _NEW.excluded.standing})

log = Logger()


@implementer(IStandings)
class Standings:
    """Sealed rows in a table. `pepper` is a secret that is the same after a restart."""

    def __init__(self, database: Database, pepper: bytes) -> None:
        self._database = database
        self._seal = AESGCM(hashlib.blake2b(pepper, digest_size=32, person=b"voiced standing").digest())

    def load(self) -> Remembered:
        """See IStandings. Rows of calls that are over, and such as cannot be read, are deleted."""
        return self._database.now(self._load)

    def keep(self, standings: Mapping[str, Standing], over: Collection[str]) -> Deferred[None]:
        """See IStandings."""
        named = {_text(name): standing for name, standing in standings.items()}
        rows = [{"call": name, "standing": self._sealed(name, standing)} for name, standing in named.items()]
        gone = LIVE.delete().where(LIVE.c.call.in_(sorted(map(_text, over))))

        def write(connection: Connection) -> None:
            if rows:
                connection.execute(_REPLACE, rows)
            if over:
                connection.execute(gone)

        return self._database.run(write)

    def _load(self, connection: Connection) -> Remembered:
        lately = select(KEPT.c.call).order_by(KEPT.c.number.desc()).limit(LATELY)
        over = tuple(reversed(connection.execute(lately).scalars().all()))
        standings = []
        for name, sealed in connection.execute(select(LIVE.c.call, LIVE.c.standing)).all():
            known = select(KEPT.c.number).where(KEPT.c.call == name)
            standing = None if connection.execute(known).first() else self._opened(name, sealed)
            if standing is None:
                connection.execute(LIVE.delete().where(LIVE.c.call == name))
            else:
                standings.append(standing)
        return Remembered(tuple(sorted(standings, key=lambda each: each.record.began)), over)

    def _sealed(self, name: str, standing: Standing) -> bytes:
        nonce = os.urandom(_NONCE)
        return nonce + self._seal.encrypt(nonce, _encoded(standing), name.encode())

    def _opened(self, name: str, sealed: bytes) -> Standing | None:
        try:
            text = self._seal.decrypt(sealed[:_NONCE], sealed[_NONCE:], name.encode())
            return msgspec.json.decode(text, type=Standing)
        except InvalidTag:
            why = "it was sealed with another Twilio token than today's"
        except (msgspec.MsgspecError, ValueError) as error:
            why = f"another version of voiced wrote it ({type(error).__name__})"
        log.error(
            "{call}: where this call stood cannot be read: {why}; it begins anew when Twilio asks", call=name, why=why
        )
        return None


def _encoded(standing: Standing) -> bytes:
    try:
        return msgspec.json.encode(standing)
    except UnicodeEncodeError:  # lone surrogates of a hostile caller, which UTF-8 has no bytes for
        return msgspec.json.encode(_clean(msgspec.to_builtins(standing)))


def _clean(value: Any) -> Any:
    """The same, with texts that have bytes."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        return {_clean(name): _clean(inner) for name, inner in value.items()}
    return [_clean(inner) for inner in value] if isinstance(value, list | tuple) else value


def _text(text: str) -> str:
    return text.encode(errors="replace").decode()
