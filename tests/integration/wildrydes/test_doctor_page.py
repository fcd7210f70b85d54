"""The admin shows what the loss detector finds, who serves what, and what was asked."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db.models.functions import Now
from django.test import Client
from django.urls import reverse

from wildrydes import doctor
from wildrydes.models import Receipt, Request, new_id

from .conftest import Kernel


@pytest.fixture
def operator(kernel: Kernel) -> Client:
    """Return the browser of an operator who may do everything that the admin offers."""
    client = Client()
    client.force_login(get_user_model().objects.create_superuser(username="operator"))
    return client


def test_the_page_shows_each_finding_with_what_is_wrong_first(operator: Client) -> None:
    Receipt.objects.create(
        subscription="first.record", message_id=new_id(), message_type="v1.x.y", status="dead"
    )
    doctor.seen(worker="w", subscriptions=["first.record", "second.record", "second.do"])
    answer = operator.get(reverse("admin:wildrydes_doctor"))
    assert answer.status_code == 200
    findings = answer.context["findings"]
    assert [finding.wrong for finding in findings] == [True] + [False] * (len(findings) - 1)
    page = answer.content.decode()
    assert page.index("Dead letters") < page.index("Unrouted")
    assert "first.record" in page


def test_whoever_may_not_see_messages_may_not_see_the_page(kernel: Kernel) -> None:
    client = Client()
    client.force_login(
        get_user_model().objects.create_user(username="guest", role="staff", is_staff=True)
    )
    assert client.get(reverse("admin:wildrydes_doctor")).status_code == 403


def test_consumers_and_requests_can_be_looked_at_and_not_touched(operator: Client) -> None:
    doctor.seen(worker="w", subscriptions=["first.record"])
    request_id = new_id()
    Request.objects.create(
        id=request_id,
        type="v1.test.do",
        reply_to="first.record",
        deadline=Now() + timedelta(hours=1),
    )
    consumers = operator.get(reverse("admin:wildrydes_consumer_changelist"))
    found = operator.get(reverse("admin:wildrydes_request_changelist"), {"q": str(request_id)})
    assert b"first.record" in consumers.content
    assert found.context["cl"].result_count == 1
    change = reverse("admin:wildrydes_request_change", args=[request_id])
    assert operator.get(change).status_code == 200
    assert operator.post(change, {}).status_code == 403
    assert operator.get(reverse("admin:wildrydes_consumer_add")).status_code == 403
