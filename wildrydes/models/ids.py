"""How rows are named: in order of time, without coordination."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """Return a UUIDv7: unique without coordination, and in order of time."""
    return uuid7()
