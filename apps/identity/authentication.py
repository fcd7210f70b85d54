"""Authentication by opaque token: one look at the table of digests for each request."""

from __future__ import annotations

from django.utils import timezone
from knox import crypto
from knox.auth import TokenAuthentication as KnoxTokenAuthentication
from knox.models import AuthToken
from rest_framework.exceptions import AuthenticationFailed

from apps.identity.models import User

REFUSAL = "The token is not valid."


class TokenAuthentication(KnoxTokenAuthentication):  # type: ignore[misc]
    """`Authorization: Token …`, as knox stores it.

    The token is found by its digest, in one statement; knox itself needs two and deletes on the
    way. Whatever is wrong with a token, the answer is the same.
    """

    def authenticate_credentials(self, token: bytes) -> tuple[User, AuthToken]:
        """Return the user and the stored token; raises `AuthenticationFailed` (401)."""
        try:
            digest = crypto.hash_token(token.decode("ascii"))
        except UnicodeDecodeError:
            raise AuthenticationFailed(REFUSAL) from None
        try:
            found = AuthToken.objects.select_related("user").get(digest=digest)
        except AuthToken.DoesNotExist:
            raise AuthenticationFailed(REFUSAL) from None
        if not found.user.is_active:
            raise AuthenticationFailed(REFUSAL)
        if found.expiry is not None and found.expiry <= timezone.now():
            raise AuthenticationFailed(REFUSAL)
        return found.user, found
