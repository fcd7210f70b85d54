"""Who may call: one table of users, each in one role."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractUser
from django.contrib.auth.models import UserManager as DjangoUserManager
from django.db import models
from django.db.models import Q


class UserManager(DjangoUserManager["User"]):
    """Make `createsuperuser` create members of staff."""

    def create_superuser(
        self,
        username: str,
        email: str | None = None,
        password: str | None = None,
        **fields: Any,
    ) -> User:
        """Create a member of staff who may do everything in the admin."""
        fields.setdefault("role", User.Role.STAFF)
        return super().create_superuser(username, email, password, **fields)


class User(AbstractUser):
    """A person or device with a role.

    `customer` is the opaque id by which all other services know a customer; `fleet` the fleet
    that a unicorn belongs to. The database refuses a customer without the first and a unicorn
    without the second.
    """

    class Role(models.TextChoices):
        CUSTOMER = "customer", "Customer"
        UNICORN = "unicorn", "Unicorn"
        STAFF = "staff", "Staff"

    role = models.CharField(max_length=10, choices=Role.choices)
    customer = models.CharField(max_length=64, null=True, blank=True, unique=True)
    fleet = models.CharField(max_length=64, blank=True)

    objects = UserManager()  # type: ignore[misc]

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(role="customer", customer__isnull=False)
                | Q(role="unicorn") & ~Q(fleet="")
                | Q(role="staff"),
                name="identity_user_role_is_complete",
                violation_error_message="A customer needs a customer id, a unicorn a fleet.",
            ),
            models.CheckConstraint(
                condition=Q(customer__isnull=True) | ~Q(customer=""),
                name="identity_user_customer_not_empty",
            ),
        ]

    def __str__(self) -> str:
        return self.username
