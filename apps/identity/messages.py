"""The published language of identity: what it tells, and who is calling."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self


@dataclass(frozen=True, kw_only=True)
class CustomerRegistered:
    """A customer who can be written to has registered, or was told to us anew."""

    TYPE: ClassVar[str] = "v1.customer.registered"

    customer: str
    email: str
    name: str

    def to_data(self) -> dict[str, Any]:
        """Return the JSON-ready object."""
        return {"customer": self.customer, "email": self.email, "name": self.name}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_data` wrote; raises `KeyError` for a field that is missing."""
        return cls(customer=data["customer"], email=data["email"], name=data["name"])


CUSTOMER = "customer"
UNICORN = "unicorn"
STAFF = "staff"


@dataclass(frozen=True, kw_only=True)
class Caller:
    """One authenticated caller. `customer` and `fleet` are empty where the role has none."""

    user_id: int
    role: str
    customer: str = ""
    fleet: str = ""

    @classmethod
    def of(cls, user: Any) -> Self:
        """Return who is calling, given an authenticated request's user."""
        return cls(
            user_id=user.pk,
            role=user.role,
            customer=user.customer or "",
            fleet=user.fleet or "",
        )
