"""What customer notification says to itself: send this notification by e-mail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID


@dataclass(frozen=True, kw_only=True)
class SendEmail:
    """Send one notification to its customer's e-mail address.

    It bears no address and no text: those are read when it is carried out, and stay out of the log.
    """

    TYPE: ClassVar[str] = "v1.email.send"

    notification: UUID

    def to_data(self) -> dict[str, Any]:
        """Return the JSON-ready object."""
        return {"notification": str(self.notification)}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> SendEmail:
        """Read what `to_data` wrote."""
        return cls(notification=UUID(data["notification"]))
