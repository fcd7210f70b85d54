"""The account that PostgreSQL runs under: our own, or an unprivileged one when we are root."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass

from config.embedded import errors

UNPRIVILEGED = ("nobody", "daemon")  # initdb wants an entry in the password file


@dataclass(frozen=True)
class Account:
    """A user of this machine."""

    name: str
    uid: int
    gid: int

    @property
    def is_current(self) -> bool:
        """Return whether this process already runs under the account."""
        return self.uid == os.geteuid()


def server_account() -> Account:
    """Return who PostgreSQL runs as: the current user unless that is root."""
    if os.geteuid() != 0:
        return Account(name=str(os.geteuid()), uid=os.geteuid(), gid=os.getegid())
    for name in UNPRIVILEGED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name=name, uid=entry.pw_uid, gid=entry.pw_gid)
    raise errors.EmbeddedServerError(
        "PostgreSQL refuses to run as root, and this machine has none of the accounts "
        f"{', '.join(UNPRIVILEGED)}. Run as an ordinary user, or set DATABASE_URL."
    )
