"""Authentication by opaque token: one look at the table of digests for each request."""

from __future__ import annotations

from django.db import DEFAULT_DB_ALIAS
from django.utils import timezone
from knox import crypto
from knox.auth import TokenAuthentication as KnoxTokenAuthentication
from knox.models import AuthToken
from rest_framework.exceptions import AuthenticationFailed

from apps.identity.models import User
from wildrydes import prepared

REFUSAL = "The token is not valid."
OF_TOKEN = ["digest", "user_id", "expiry"]
OF_USER = ["id", "username", "is_active", "role", "customer", "fleet"]
FIND = """
SELECT token.digest, token.user_id, token.expiry, owner.id, owner.username, owner.is_active,
    owner.role, owner.customer, owner.fleet
FROM knox_authtoken AS token JOIN identity_user AS owner ON owner.id = token.user_id
WHERE token.digest = %s
"""


class TokenAuthentication(KnoxTokenAuthentication):  # type: ignore[misc]
    """`Authorization: Token …`, as knox stores it.

    The token is found by its digest, in one prepared statement; knox itself needs two and deletes
    on the way. Of the user only what a request needs is read, the rest when somebody asks for it.
    Whatever is wrong with a token, the answer is the same.
    """

    def authenticate_credentials(self, token: bytes) -> tuple[User, AuthToken]:
        """Return the user and the stored token; raises `AuthenticationFailed` (401)."""
        try:
            digest = crypto.hash_token(token.decode("ascii"))
        except UnicodeDecodeError:
            raise AuthenticationFailed(REFUSAL) from None
        row = prepared.execute(FIND, [digest]).fetchone()
        if row is None:
            raise AuthenticationFailed(REFUSAL)
        found = AuthToken.from_db(DEFAULT_DB_ALIAS, OF_TOKEN, row[: len(OF_TOKEN)])
        user = User.from_db(DEFAULT_DB_ALIAS, OF_USER, row[len(OF_TOKEN) :])
        if not user.is_active:
            raise AuthenticationFailed(REFUSAL)
        if found.expiry is not None and found.expiry <= timezone.now():
            raise AuthenticationFailed(REFUSAL)
        found.user = user
        return user, found
