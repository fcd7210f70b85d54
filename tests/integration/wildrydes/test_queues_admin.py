"""The admin's queues: seen by those who may look, limited by those who may say so, on record."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from wildrydes import queue_limits
from wildrydes.models import OperatorAction, new_id

from .conftest import Kernel, small_topology

QUEUES = "admin:wildrydes_queues"
LOOKS, MAY = ("view_queuelimit",), ("view_queuelimit", "limit_queue")


def browser(*codenames: str) -> Client:
    """Return the browser of a member of staff with these permissions only."""
    user = get_user_model().objects.create(
        username=f"staff-{new_id()}", role="staff", is_staff=True
    )
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    assert user.user_permissions.count() == len(codenames)
    client = Client()
    client.force_login(user)
    return client


def url(queue: str = "first") -> str:
    return reverse("admin:wildrydes_queue_limit", args=[queue])


def test_who_may_look_sees_limits_and_what_waits_and_is_offered_nothing(kernel: Kernel) -> None:
    kernel.use(small_topology(per_second=1))
    kernel.publish(1, 2, 3)
    kernel.relay.turn()
    answer = browser(*LOOKS).get(reverse(QUEUES))
    assert answer.status_code == 200
    first = answer.context["queues"][0]
    assert (first.name, first.per_second, first.waiting, first.open) == ("first", 1, 2, 1)
    page = answer.content.decode()
    assert "1 a second" in page
    assert url() not in page


def test_who_may_not_is_refused(kernel: Kernel) -> None:
    assert browser("view_message").get(reverse(QUEUES)).status_code == 403
    assert browser(*LOOKS).post(url(), {"per_second": "5", "reason": "x"}).status_code == 403
    assert Client().post(url(), {"per_second": "5", "reason": "x"}).status_code == 302
    assert queue_limits.in_force() == {}


def test_a_limit_is_changed_lifted_and_restored_on_record(kernel: Kernel) -> None:
    kernel.use(small_topology(per_second=7))
    operator = browser(*MAY)
    assert url() in operator.get(reverse(QUEUES)).content.decode()
    assert operator.get(url()).context["form"].initial == {"per_second": 7}
    operator.post(url(), {"per_second": "2.5", "reason": "too fast"})
    assert queue_limits.in_force()["first"] == 2.5
    operator.post(url(), {"per_second": "", "reason": "now it can"})
    assert "first" not in queue_limits.in_force()
    operator.post(url(), {"per_second": "3", "restores": "on", "reason": "as ever"})
    assert queue_limits.in_force()["first"] == 7
    names = OperatorAction.objects.order_by("id").values_list("action", "detail__reason")
    assert list(names) == [
        ("limit_queue", "too fast"),
        ("unlimit_queue", "now it can"),
        ("restore_queue", "as ever"),
    ]


@pytest.mark.parametrize("given", [{"per_second": "0", "reason": "x"}, {"per_second": "1"}])
def test_what_is_no_rate_or_has_no_reason_is_asked_again(
    kernel: Kernel, given: dict[str, str]
) -> None:
    assert browser(*MAY).post(url(), given).status_code == 200
    assert queue_limits.in_force() == {}
    assert not OperatorAction.objects.exists()


def test_an_unknown_queue_is_refused(kernel: Kernel) -> None:
    answer = browser(*MAY).post(url("third"), {"per_second": "1", "reason": "x"}, follow=True)
    assert "the topology has no queue" in answer.content.decode()
    assert not OperatorAction.objects.exists()
