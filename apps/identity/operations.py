"""What may be done with accounts and tokens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from knox import crypto
from knox.models import AuthToken
from knox.settings import CONSTANTS, knox_settings

from apps.identity.messages import CustomerRegistered
from apps.identity.models import User
from wildrydes import publishing


class AlreadyRegisteredError(Exception):
    """The username or the customer id belongs to another account."""


@dataclass(frozen=True)
class IssuedToken:
    """A token in clear: it is shown once, and only its digest is stored."""

    token: str
    expires_at: datetime


def register_customer(
    *, username: str, password: str, customer: str, email: str = "", name: str = ""
) -> User:
    """Register a customer and, if they can be written to, publish `v1.customer.registered`.

    Raises `AlreadyRegisteredError`, and then nothing has happened.
    """
    user = User(username=username, email=email, first_name=name)
    user.role, user.customer = User.Role.CUSTOMER, customer
    with transaction.atomic():
        _register(user, password=password)
        if email:
            event = CustomerRegistered(customer=customer, email=email, name=name)
            publishing.publish(event, subject=customer, group_id=customer)
    return user


def register_unicorn(*, username: str, password: str, fleet: str) -> User:
    """Register a unicorn of a fleet. Raises `AlreadyRegisteredError`."""
    user = User(username=username, role=User.Role.UNICORN, fleet=fleet)
    return _register(user, password=password)


def register_staff(*, username: str, password: str, operator: bool = False) -> User:
    """Register a member of staff; an operator also gets the whole of the admin.

    Raises `AlreadyRegisteredError`.
    """
    user = User(username=username, role=User.Role.STAFF)
    user.is_staff = user.is_superuser = operator
    return _register(user, password=password)


def issue_token(*, user: User, now: datetime, token: str = "") -> IssuedToken:
    """Issue a token that is valid for `REST_KNOX["TOKEN_TTL"]`; the user's expired ones go.

    `token` is given where it must be known before; issuing it again renews its expiry.
    """
    token = token or crypto.create_token_string()
    expires_at = now + knox_settings.TOKEN_TTL
    with transaction.atomic():
        AuthToken.objects.filter(user=user, expiry__lt=now).delete()
        AuthToken.objects.update_or_create(
            digest=crypto.hash_token(token),
            create_defaults={
                "user": user,
                "token_key": token[: CONSTANTS.TOKEN_KEY_LENGTH],
                "expiry": expires_at,
            },
            defaults={"expiry": expires_at},
        )
    return IssuedToken(token, expires_at)


def revoke_token(*, token: AuthToken) -> None:
    """Revoke one token; the user's others stay. Safe to call twice."""
    AuthToken.objects.filter(digest=token.digest).delete()


def _register(user: User, *, password: str) -> User:
    user.set_password(password)
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError as error:
        if "unique" not in str(error):
            raise
        raise AlreadyRegisteredError(user.username) from error
    return user
