"""Authentication by opaque token, by one look at the table of digests.

Who was found before is remembered, for views that confirm their caller with what they do.
"""

from __future__ import annotations

from functools import partial
from threading import Lock
from typing import Any

from django.db import DEFAULT_DB_ALIAS
from django.utils.functional import SimpleLazyObject
from knox import crypto
from knox.auth import TokenAuthentication as KnoxTokenAuthentication
from knox.models import AuthToken
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from apps.identity.models import User
from wildrydes import prepared
from wildrydes.confirming import Assumption
from wildrydes.front_door.remembering import Remembered, takes_for_granted

REFUSAL = "The token is not valid."
MOST_REMEMBERED = 10_000
# `Model.from_db` takes values in the order of the model's fields, whatever that of the names is.
OF_TOKEN = ["digest", "user_id", "expiry"]
OF_USER = ["id", "username", "is_active", "role", "customer", "fleet"]
FIND = """
SELECT token.digest, token.user_id, token.expiry,
    owner.id, owner.username, owner.is_active, owner.role, owner.customer, owner.fleet
FROM knox_authtoken AS token JOIN identity_user AS owner ON owner.id = token.user_id
WHERE token.digest = %s AND owner.is_active
    AND (token.expiry IS NULL OR token.expiry > clock_timestamp())
"""
CONFIRM = "SELECT identity_confirm(%s, %s, %s, %s, %s, %s)"

Row = tuple[Any, ...]
Found = tuple[User, AuthToken]


class Memory:
    """Rows of callers that were found, by digest. Beyond `most` the first to come goes first."""

    def __init__(self, *, most: int) -> None:
        self._rows: dict[str, Row] = {}
        self._most = most
        self._lock = Lock()

    def recall(self, digest: str) -> Row | None:
        """Return the row that was kept last."""
        return self._rows.get(digest)

    def keep(self, digest: str, row: Row) -> None:
        """Remember a row."""
        with self._lock:
            self._rows.pop(digest, None)
            if len(self._rows) >= self._most:
                del self._rows[next(iter(self._rows))]
            self._rows[digest] = row

    def forget(self, digest: str) -> None:
        """Remember nothing of a digest."""
        with self._lock:
            self._rows.pop(digest, None)


memory = Memory(most=MOST_REMEMBERED)


class TokenAuthentication(KnoxTokenAuthentication):  # type: ignore[misc]
    """`Authorization: Token …`, as knox stores it.

    The token is found by its digest, in one prepared statement; knox itself needs two and deletes
    on the way. Of the user only what a request needs is read, the rest when somebody asks for it.
    Whatever is wrong with a token, the answer is the same.
    """

    def authenticate(self, request: Request) -> Found | None:
        """Return the user and the stored token, None without one; raises `AuthenticationFailed`.

        Where the view confirms its caller both are as they were when they were last looked up.
        """
        self._take_for_granted = takes_for_granted(request)
        words = request._request.META.get("HTTP_AUTHORIZATION", "").encode("latin-1").split()
        prefix = self.authenticate_header(request).encode()
        if len(words) == 2 and words[0].lower() == prefix.lower():
            return self.authenticate_credentials(words[1])
        found: Found | None = super().authenticate(request)  # none, or what is wrong with it
        return found

    def authenticate_credentials(self, token: bytes) -> Found:
        """Return the user and the stored token; raises `AuthenticationFailed` (401)."""
        try:
            digest = crypto.hash_token(token.decode("ascii"))
        except UnicodeDecodeError:
            raise AuthenticationFailed(REFUSAL) from None
        row = memory.recall(digest)
        if row is None or self._take_for_granted is None:
            return _found(_look_up(digest))
        confirm = Assumption(CONFIRM, (digest, *_facts(row)))
        self._take_for_granted(Remembered(confirm, look_up=partial(_anew, digest, row)))
        return _found(row)


def _look_up(digest: str) -> Row:
    row: Row | None = prepared.execute(FIND, [digest]).fetchone()
    if row is None:
        memory.forget(digest)
        raise AuthenticationFailed(REFUSAL)
    memory.keep(digest, row)
    return row


def _anew(digest: str, remembered: Row) -> Found | None:
    """Return who is found now; None where that is who was remembered."""
    row = _look_up(digest)
    return None if _facts(row) == _facts(remembered) else _found(row)


def _found(row: Row) -> Found:
    user = User.from_db(DEFAULT_DB_ALIAS, OF_USER, row[len(OF_TOKEN) :])
    return user, SimpleLazyObject(partial(_token, row, user))  # few ask for the token


def _token(row: Row, user: User) -> AuthToken:
    token = AuthToken.from_db(DEFAULT_DB_ALIAS, OF_TOKEN, row[: len(OF_TOKEN)])
    token.user = user
    return token


def _facts(row: Row) -> Row:
    """Return what is confirmed of a valid caller: id, username, role, customer and fleet."""
    _, user_id, _, _, username, _, *others = row
    return (user_id, username, *others)
