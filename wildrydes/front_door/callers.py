"""Who is calling, as plain values that a service can use without knowing identity's tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

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


def caller_of(request: Request) -> Caller:
    """Return who sent an authenticated request."""
    user: Any = request.user
    return Caller(
        user_id=user.pk,
        role=user.role,
        customer=user.customer or "",
        fleet=user.fleet or "",
    )


class HasRole(BasePermission):
    """Let callers of certain roles pass; the others get 403, and the unknown 401."""

    roles: tuple[str, ...] = ()

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Say whether the caller has one of the roles."""
        return getattr(request.user, "role", None) in self.roles


class IsCustomer(HasRole):
    """Only customers."""

    roles = (CUSTOMER,)


class IsUnicornOrStaff(HasRole):
    """Only unicorns and staff."""

    roles = (UNICORN, STAFF)


class IsStaff(HasRole):
    """Only staff."""

    roles = (STAFF,)
