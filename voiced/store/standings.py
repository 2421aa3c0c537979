"""Where live calls stand, for the daemon after this one: a row for each, sealed, and gone when the call is over.

A row holds all that a call has learnt: numbers, keys, words, private facts. It is sealed (AES-256-GCM) with a key
that is made of a secret of the settings, which is not in the file: whoever has the disk alone reads nothing of it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Collection, Mapping
from typing import Any

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from zope.interface import implementer

from voiced.istanding import ISharedStandings, IStandings, Keeper, Remembered, Standing, Whereabouts
from voiced.store.database import Database
from voiced.store.schema import KEPT, LIVE

LATELY = 1000
"""So many calls that are over are remembered: who asks about one of them is not taken for a new call."""
_NONCE = 12
"""Bytes (NIST SP 800-38D, 8.2.2: of a random one, good for some 2**32 rows with one key)."""

_NEW = insert(LIVE)
_REPLACE = _NEW.on_conflict_do_update(
    index_elements=[LIVE.c.call],
    set_={"standing": _NEW.excluded.standing},
    where=LIVE.c.node == _NEW.excluded.node,  # what is another's by now is left alone
)

log = Logger()


@implementer(IStandings, ISharedStandings)
class Standings:
    """Sealed rows in a table. `pepper` is a secret that is the same after a restart.

    `node` is the daemon's name among several ("": the only one, and whatever was left there is its own), and
    `is_gone(node)` says, in a worker thread, whether one of that name does not run.
    """

    def __init__(
        self, database: Database, pepper: bytes, node: str = "", is_gone: Callable[[str], bool] = lambda node: True
    ) -> None:
        self._database = database
        self.me = Keeper(node, os.urandom(8).hex())
        self._is_gone = is_gone
        self._seal = AESGCM(hashlib.blake2b(pepper, digest_size=32, person=b"voiced standing").digest())

    def load(self) -> Remembered:
        """See IStandings. Rows of calls that are over, and such as cannot be read, are deleted."""
        return self._database.now(self._load)

    def keep(self, standings: Mapping[str, Standing], over: Collection[str]) -> Deferred[None]:
        """See IStandings."""
        named = {_text(name): standing for name, standing in standings.items()}
        rows = [self._row(name, standing, self.me) for name, standing in named.items()]
        gone = LIVE.delete().where(LIVE.c.call.in_(sorted(map(_text, over))), LIVE.c.node == self.me.node)

        def write(connection: Connection) -> None:
            if rows:
                connection.execute(_REPLACE, rows)
            if over:
                connection.execute(gone)

        return self._database.run(write)

    def where(self, names: Collection[str]) -> Deferred[Whereabouts]:
        """See ISharedStandings."""
        texts = sorted(map(_text, names))
        live = select(LIVE.c.node, LIVE.c.boot).where(LIVE.c.call.in_(texts))
        ended = select(KEPT.c.number).where(KEPT.c.call.in_(texts))

        def read(connection: Connection) -> Whereabouts:
            over = connection.execute(ended).first() is not None
            row = connection.execute(live).first()
            if row is None:
                return Whereabouts(None, over)
            return Whereabouts(Keeper(row.node, row.boot, row.node != self.me.node and self._is_gone(row.node)), over)

        return self._database.run(read)

    def take(self, names: Collection[str], keeper: Keeper) -> Deferred[Standing | None]:
        """See ISharedStandings."""
        theirs = (LIVE.c.node == keeper.node) & (LIVE.c.boot == keeper.boot)
        wanted = LIVE.c.call.in_(sorted(map(_text, names))) & theirs
        mine = LIVE.update().where(wanted).values(node=self.me.node, boot=self.me.boot)
        taking = mine.returning(LIVE.c.call, LIVE.c.standing)

        def work(connection: Connection) -> Standing | None:
            row = connection.execute(taking).first()
            return None if row is None else self._opened(row.call, row.standing)

        return self._database.run(work)

    def hand_over(self, standing: Standing, keeper: Keeper) -> Deferred[None]:
        """See ISharedStandings."""
        row = self._row(_text(standing.name), standing, keeper)
        given = _NEW.on_conflict_do_update(index_elements=[LIVE.c.call], set_=dict(row))

        def write(connection: Connection) -> None:
            connection.execute(given, row)

        return self._database.run(write)

    def _row(self, name: str, standing: Standing, keeper: Keeper) -> dict[str, Any]:
        sealed = self._sealed(name, standing)
        return {"call": name, "standing": sealed, "node": keeper.node, "boot": keeper.boot}

    def _load(self, connection: Connection) -> Remembered:
        lately = select(KEPT.c.call).order_by(KEPT.c.number.desc()).limit(LATELY)
        over = tuple(reversed(connection.execute(lately).scalars().all()))
        standings = []
        mine = [LIVE.c.node == self.me.node] if self.me.node else []
        connection.execute(LIVE.update().where(*mine).values(node=self.me.node, boot=self.me.boot))
        for name, sealed in connection.execute(select(LIVE.c.call, LIVE.c.standing).where(*mine)).all():
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
