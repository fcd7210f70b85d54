"""The password of Flower, made once for each state directory."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

FLOWER_USER = "operator"


@dataclass(frozen=True)
class Credentials:
    """A name and a password for HTTP basic authentication."""

    username: str
    password: str

    def __str__(self) -> str:
        return f"{self.username}:{self.password}"


def flower_credentials(state_dir: Path) -> Credentials:
    """Return Flower's credentials, making the password on first use; only its owner may read it."""
    path = state_dir / "flower-password"
    if not path.exists():
        draft = path.with_name(f".{path.name}-{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(18))
        draft.rename(path)
    return Credentials(username=FLOWER_USER, password=path.read_text().strip())
