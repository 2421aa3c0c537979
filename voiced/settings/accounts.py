"""The `twilio:` of voiced.yaml: one account, or several by name."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from voiced.secret import Secret
from voiced.settings import address, check
from voiced.settings.numbers import number
from voiced.settings.part import Part
from voiced.settings.plainyaml import BROKEN
from voiced.twilio.webhook import Account

ONLY = "main"
"""The name of an account that voiced.yaml gives none."""

_SID = re.compile(r"AC[0-9a-fA-F]{32}")
_SHOWN = re.compile(r"'(?:AC.*|\$\{.*\})'")
"""What may be shown of what stands in a SID's place: anything else may be the token."""
_NO_BLOCK = "expects settings below it: `account_sid` and `auth_token`"
"""Nothing is shown of what stands there instead: it may be the token."""
_PLACE = re.compile(r"[a-z0-9-]+")


class Written(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An account as voiced.yaml writes it. Of two tokens, the second is the one that is being rotated in or out."""

    account_sid: str
    """`AC` and 32 hexadecimal digits."""
    auth_token: Secret | list[Secret] | None = None
    """What requests are signed with; while you rotate it, a list of both."""
    number: str | None = None
    """Calls are placed from it."""
    base_url: str | None = None
    """Instead of https://api.twilio.com: a proxy, a simulator."""
    region: str | None = None
    """Where the account lives, like ie1; with `edge`."""
    edge: str | None = None
    """Where its traffic enters, like dublin."""


def accounts(part: Part, *, insecure: bool) -> tuple[Account, ...]:
    """Every account that is right; whatever is not is noted."""
    if not part.value:
        part.wrong("no Twilio account: write its `account_sid` and `auth_token`", named=True)
    if isinstance(part.value, str):
        part.wrong(_NO_BLOCK)
        return ()
    single = any(name in part for name in Written.__struct_fields__)
    written = [(ONLY, part)] if single else list(part.items())
    found: dict[str, Account] = {}
    for name, inner in written:
        account = _account(name, inner, insecure=insecure)
        if account is not None and account.sid in found:
            inner["account_sid"].wrong(f"the account {found[account.sid].name!r} has this SID already")
        elif account is not None:
            found[account.sid] = account
    return tuple(found.values())


def _account(name: str, part: Part, *, insecure: bool) -> Account | None:
    if isinstance(part.value, str):
        return part.wrong(_NO_BLOCK) and None
    written = check.decode(part, Written)
    if isinstance(part.value, dict | None) and part["auth_token"].value in (None, []) and not insecure:
        part.wrong(
            "`auth_token` is missing: without it a stranger's requests look like Twilio's; "
            "write it, or `insecure: true` for trials on this machine only",
            named=True,
        )
    their_number, url = number(part["number"]), address.base_url(part["base_url"])
    region, edge = _label(part["region"]), _label(part["edge"])
    if written is None or BROKEN in (their_number, url, region, edge):
        return None
    if not _SID.fullmatch(written.account_sid):
        shown = part["account_sid"].written if _SHOWN.fullmatch(part["account_sid"].written) else "this"
        return part["account_sid"].wrong(f"{shown} is no account SID: `AC` and 32 hexadecimal digits") and None
    return Account(name, written.account_sid, _tokens(written.auth_token), their_number, url, region, edge)


def _tokens(written: Secret | list[Secret] | None) -> tuple[Secret, ...]:
    if written is None:
        return ()
    return tuple(written) if isinstance(written, list) else (written,)


def _label(part: Part) -> Any:
    """A region or edge: it becomes part of a host's name."""
    text = part.value
    if isinstance(text, str) and not _PLACE.fullmatch(text):
        return part.wrong(f"{part.written} is no name like ie1 or dublin")
    return text if isinstance(text, str) else None
