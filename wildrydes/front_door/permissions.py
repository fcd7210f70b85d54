"""Who may pass the front door: callers are let through by their role, which `identity` gives them.

The kernel knows no role by name; a view names those that it serves.
"""

from __future__ import annotations

from functools import cache

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView


class HasRole(BasePermission):
    """Let callers of certain roles pass; the others get 403, and the unknown 401."""

    roles: tuple[str, ...] = ()

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Say whether the caller has one of the roles."""
        return getattr(request.user, "role", None) in self.roles


@cache
def only(*roles: str) -> type[HasRole]:
    """Return a permission for these roles."""
    return type(f"Only{''.join(role.title() for role in roles)}", (HasRole,), {"roles": roles})
