"""The kernel's tables: what Postgres knows about every message.

`Message` is the outbox and the event log, `Unrouted` what the relay has yet to look at,
`Dispatch` what is waiting for or is on the wire, `Receipt` what became of it at the consumer.
`DeadLetter`, `Redrive` and `OperatorAction` are what people see and do about failures.
`Deduplication` is what was published already, `Request` what awaits an answer, `Scatter` what many
were asked and `Response` what each said, `Saga` how far each has come and `SagaEvent` its history,
`QueueLimit` how much each queue hands out, `Consumer` who was last heard of.
Triggers (see the first migrations) keep `Unrouted` and wake the relay, so that no way of writing
a message can forget to.
"""

from wildrydes.models.consumers import Consumer
from wildrydes.models.database import Database, origin
from wildrydes.models.dead_letters import DeadLetter
from wildrydes.models.deduplication import Deduplication
from wildrydes.models.dispatches import Dispatch
from wildrydes.models.ids import new_id
from wildrydes.models.messages import Message, Unrouted
from wildrydes.models.operator_actions import OperatorAction
from wildrydes.models.queue_limits import QueueLimit
from wildrydes.models.receipts import Receipt
from wildrydes.models.redrives import Redrive, RedriveItem
from wildrydes.models.requests import Request
from wildrydes.models.sagas import Saga, SagaEvent
from wildrydes.models.scatters import Response, Scatter

__all__ = [
    "Consumer",
    "Database",
    "DeadLetter",
    "Deduplication",
    "Dispatch",
    "Message",
    "OperatorAction",
    "QueueLimit",
    "Receipt",
    "Redrive",
    "RedriveItem",
    "Request",
    "Response",
    "Saga",
    "SagaEvent",
    "Scatter",
    "Unrouted",
    "new_id",
    "origin",
]
