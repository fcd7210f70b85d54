"""The accounts that a development installation is seeded with.

Their passwords and tokens are derived from the installation's secret key: every run can print
working ones although only hashes are stored, and no two installations share them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.utils.crypto import salted_hmac
from knox import crypto
from knox.models import AuthToken

from apps.identity import operations
from apps.identity.models import User

PASSWORD_CHARACTERS = 24
RENEW_BEFORE = timedelta(days=1)
ONE_AT_A_TIME = 7_264_001  # an advisory lock of our own choosing


@dataclass(frozen=True, kw_only=True)
class Account:
    """A demo account. `customer` and `fleet` are empty where the role has none."""

    username: str
    role: str
    customer: str = ""
    fleet: str = ""
    name: str = ""

    @property
    def email(self) -> str:
        """Return the address of a customer; `.example` is never delivered to."""
        return f"{self.username}@wildrydes.example" if self.customer else ""

    @property
    def password(self) -> str:
        """Return this installation's password for the account."""
        return self._derived("password")[:PASSWORD_CHARACTERS]

    @property
    def token(self) -> str:
        """Return this installation's token for the account."""
        return self._derived("token")

    def _derived(self, purpose: str) -> str:
        salt = f"wildrydes.demo.{purpose}"
        return salted_hmac(salt, self.username, algorithm="sha256").hexdigest()


ACCOUNTS = (
    Account(username="cmr", role=User.Role.CUSTOMER, customer="cmr", name="Camille"),
    Account(username="thandi", role=User.Role.CUSTOMER, customer="thandi", name="Thandi"),
    Account(username="pieter", role=User.Role.CUSTOMER, customer="pieter", name="Pieter"),
    Account(username="cmr-declined", role=User.Role.CUSTOMER, customer="cmr-declined", name="Dana"),
    Account(username="cmr-capture", role=User.Role.CUSTOMER, customer="cmr-capture", name="Cato"),
    Account(username="cmr-closed", role=User.Role.CUSTOMER, customer="cmr-closed", name="Clio"),
    Account(username="cmr-refund", role=User.Role.CUSTOMER, customer="cmr-refund", name="Remi"),
    Account(username="rarity", role=User.Role.UNICORN, fleet="cape-town"),
    Account(username="shadowfax", role=User.Role.UNICORN, fleet="winelands"),
    Account(username="operator", role=User.Role.STAFF),
)


def seed(*, now: datetime) -> None:
    """Make every demo account exist, with its password and a token that is valid for a while.

    Safe to call again, and at the same time from two processes.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ONE_AT_A_TIME])
        for account in ACCOUNTS:
            _ensure(account, now=now)


def unicorn(*, username: str, fleet: str, now: datetime) -> Account:
    """Make the demo account of one unicorn exist, perhaps one more than the seeded; return it.

    Safe to call again. For a name that somebody else has, `User.DoesNotExist` is raised.
    """
    account = Account(username=username, role=User.Role.UNICORN, fleet=fleet)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ONE_AT_A_TIME])
        _ensure(account, now=now)
        User.objects.get(username=username, role=User.Role.UNICORN, fleet=fleet)
    return account


def _ensure(account: Account, *, now: datetime) -> None:
    user = User.objects.filter(username=account.username).first()
    if user is None:
        user = _register(account)
    else:
        _let_in_again(user, account)
    standing = AuthToken.objects.filter(
        digest=crypto.hash_token(account.token), expiry__gt=now + RENEW_BEFORE
    )
    if not standing.exists():
        operations.issue_token(user=user, now=now, token=account.token)


def _let_in_again(user: User, account: Account) -> None:
    """Make an account that was there before active, with the password of this installation."""
    if not user.is_active or not user.check_password(account.password):
        user.is_active = True
        user.set_password(account.password)
        user.save(update_fields=["is_active", "password"])
        AuthToken.objects.filter(user=user).delete()  # they may be those of an older secret key


def _register(account: Account) -> User:
    username, password = account.username, account.password
    match account.role:
        case User.Role.CUSTOMER:
            return operations.register_customer(
                username=username,
                password=password,
                customer=account.customer,
                email=account.email,
                name=account.name,
            )
        case User.Role.UNICORN:
            return operations.register_unicorn(
                username=username, password=password, fleet=account.fleet
            )
    return operations.register_staff(username=username, password=password, operator=True)
