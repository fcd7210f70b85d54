"""Learn where customers can be reached, tell them something, send it by e-mail."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.core.validators import validate_email
from django.db import connection, transaction

from apps.customer_notification import texts
from apps.customer_notification.messages import SendEmail
from apps.customer_notification.models import STAFF, Contact, Notification
from apps.customer_notification.texts import Text
from wildrydes import crashpoints, publishing
from wildrydes.envelope import Envelope

logger = structlog.get_logger(__name__)

MAIL_DOMAIN = "wildrydes.example"

RECORD_CONTACTS = """
INSERT INTO customer_notification_contact AS contact (customer, email, name, as_of)
SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::timestamptz[])
ON CONFLICT (customer) DO UPDATE
SET email = excluded.email, name = excluded.name, as_of = excluded.as_of
WHERE contact.as_of <= excluded.as_of
"""


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where a customer says they can be reached."""

    customer: str
    email: str
    name: str
    as_of: datetime


@dataclass(frozen=True, kw_only=True)
class News:
    """Something to tell a customer of, or staff, once; `cause` is the message that told us.

    `kind` is one of `Notification.Kind`, and `about` the id of what it speaks of: of a thing that
    happens once, or of the event where it may happen again.
    """

    customer: str
    kind: str
    about: UUID
    text: Text
    cause: Envelope


def record_contacts(*, addresses: Sequence[Address]) -> None:
    """Keep what each customer said last, in one statement, in whatever order it arrives.

    What is not an e-mail address is not kept as one: that customer is told in the app only.
    """
    if not addresses:
        return
    latest = {item.customer: item for item in sorted(addresses, key=lambda item: item.as_of)}
    in_order = [latest[customer] for customer in sorted(latest)]
    with connection.cursor() as cursor:
        cursor.execute(
            RECORD_CONTACTS,
            [
                [item.customer for item in in_order],
                [_usable(item) for item in in_order],
                [item.name for item in in_order],
                [item.as_of for item in in_order],
            ],
        )


def notify(*, news: Sequence[News], now: datetime) -> None:
    """Tell each customer, once, in the app; and by e-mail where an address is known.

    Four statements for any number of news. Must be called inside a transaction, because it sends
    the commands that `send_email` carries out.
    """
    causes = {(item.about, item.kind): item.cause for item in reversed(news)}
    told = _tell_in_app(news, now=now)
    reachable = _reachable({row.customer for row in told})
    publishing.send_all(
        [
            publishing.Outgoing(
                body=SendEmail(notification=row.id),
                subject=str(row.id),
                cause=causes[row.about, row.kind],
            )
            for row in told
            if row.customer in reachable
        ]
    )


def send_email(*, notification: UUID, now: datetime) -> None:
    """Send a notification to its customer's address, unless that was done.

    The mail may go out twice, when the transaction fails after it went; both then bear the same
    Message-ID. A customer who has no address any more gets none.
    """
    with transaction.atomic(savepoint=False):
        row = Notification.objects.select_for_update().get(id=notification)
        contact = _contact(row.customer)
        if row.emailed_at is not None or contact is None:
            return
        crashpoints.reach("outside.before")
        _mail(row, contact).send()
        crashpoints.reach("outside.after")
        row.emailed_at = now
        row.save(update_fields=["emailed_at"])


def message_id_header(message_id: UUID) -> str:
    """Return the Message-ID of the e-mail about this message: always the same one."""
    return f"<{message_id}@{MAIL_DOMAIN}>"


def _reachable(customers: Collection[str]) -> set[str]:
    """Return which of them have an address; staff have the one of the settings, if any."""
    known = Contact.objects.filter(customer__in=customers).exclude(email="")
    staff = {STAFF} if settings.STAFF_EMAIL else set[str]()
    return set(known.values_list("customer", flat=True)) | staff


def _contact(customer: str) -> Contact | None:
    if customer != STAFF:
        return Contact.objects.filter(customer=customer).exclude(email="").first()
    return Contact(email=settings.STAFF_EMAIL) if settings.STAFF_EMAIL else None


def _tell_in_app(news: Sequence[News], *, now: datetime) -> list[Notification]:
    """Store the notifications and return those that were not there already."""
    rows = [_notification(item, now=now) for item in _in_order_of_key(news)]
    Notification.objects.bulk_create(rows, ignore_conflicts=True)
    return list(Notification.objects.filter(id__in=[row.id for row in rows]).order_by("id"))


def _in_order_of_key(news: Sequence[News]) -> list[News]:
    """Sort as the unique key does, so that two batches cannot deadlock."""
    return sorted(news, key=lambda item: (item.about, item.kind))


def _notification(news: News, *, now: datetime) -> Notification:
    return Notification(
        customer=news.customer,
        kind=news.kind,
        about=news.about,
        subject=news.text.subject,
        body=news.text.body,
        created_at=now,
        message_id=news.cause.id,
    )


def _mail(row: Notification, contact: Contact) -> EmailMessage:
    return EmailMessage(
        subject=row.subject,
        body=texts.letter(name=contact.name, body=row.body),
        to=[contact.email],
        headers={
            "Message-ID": message_id_header(row.message_id),
            "Auto-Submitted": "auto-generated",
        },
    )


def _usable(address: Address) -> str:
    try:
        validate_email(address.email)
    except ValidationError:
        logger.warning("email_address_not_usable", customer=address.customer)
        return ""
    return address.email
