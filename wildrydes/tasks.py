"""The Celery task of each subscription that is installed here. It bears the subscription's name."""

from typing import Any

from celery import Task, shared_task
from django.db import close_old_connections

from wildrydes import roll_call, subscriptions
from wildrydes.consumer import consume


def _register(subscription: str) -> None:
    @shared_task(name=subscription, bind=True, ignore_result=True)
    def handle_delivery(self: Task[..., Any], body: dict[str, Any]) -> dict[str, int]:
        close_old_connections()
        worker = str(self.request.hostname or "")
        return vars(consume(subscription=subscription, body=body, worker=worker))


__all__ = ["roll_call"]  # connected to the worker's signals by being imported

for _binding in subscriptions.bindings():
    _register(_binding.subscription)
