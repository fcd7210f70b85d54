"""The Celery tasks of each subscription that is installed here, under the subscription's name.

A gathering has two more, `<gathering>.record` and `<gathering>.close`, and an orchestrator of sagas
one, `<orchestrator>.record`.
"""

from collections.abc import Mapping
from typing import Any

from celery import Task, shared_task
from django.db import close_old_connections

from wildrydes import roll_call, subscriptions
from wildrydes.answering import carrier
from wildrydes.consumer import answering, consume

SHOWN = 100  # characters of what a delivery's answers look like, in Celery's events


def _register(subscription: str) -> None:
    @shared_task(name=subscription, bind=True, ignore_result=True)
    def handle_delivery(self: Task[..., Any], body: dict[str, Any]) -> dict[str, int]:
        close_old_connections()
        worker = str(self.request.hostname or "")
        return vars(consume(subscription=subscription, body=body, worker=worker))


def _register_responder(subscription: str) -> None:
    @shared_task(name=subscription, bind=True, ignore_result=True, resultrepr_maxsize=SHOWN)
    def answer_delivery(self: Task[..., Any], body: dict[str, Any]) -> Mapping[str, Any]:
        close_old_connections()
        worker = str(self.request.hostname or "")
        if self.request.chain:
            return answering.answer(subscription=subscription, body=body, worker=worker)
        return vars(consume(subscription=subscription, body=body, worker=worker))


def _register_gathering(gathering: str) -> None:
    @shared_task(name=f"{gathering}.{carrier.RECORD}", ignore_result=True)
    def record_answers(carried: dict[str, Any]) -> None:
        close_old_connections()
        answering.record(gathering=gathering, carried=carried)

    @shared_task(name=f"{gathering}.{carrier.CLOSE}", ignore_result=True)
    def close_complete(scatter_ids: list[str]) -> None:
        close_old_connections()
        answering.look_again(scatter_ids=scatter_ids)


def _register_orchestrator(orchestrator: str) -> None:
    @shared_task(name=f"{orchestrator}.{carrier.RECORD}", ignore_result=True)
    def advance_sagas(carried: dict[str, Any]) -> None:
        close_old_connections()
        answering.advance(orchestrator=orchestrator, carried=carried)


__all__ = ["roll_call"]  # connected to the worker's signals by being imported

for _binding in subscriptions.bindings():
    if _binding.role == "answers":
        _register_responder(_binding.subscription)
    else:
        _register(_binding.subscription)
    if _binding.role == "gathers":
        _register_gathering(_binding.subscription)
    if _binding.role == "advances":
        _register_orchestrator(_binding.subscription)
