"""The kernel's tables: what Postgres knows about every message.

`Message` is the outbox and the event log, `Unrouted` what the relay has yet to look at,
`Dispatch` what is waiting for or is on the wire, `Receipt` what became of it at the consumer.
Triggers (see the first migrations) keep `Unrouted` and wake the relay, so that no way of writing
a message can forget to.
"""

from wildrydes.models.database import Database, origin
from wildrydes.models.dispatches import Dispatch
from wildrydes.models.ids import new_id
from wildrydes.models.messages import Message, Unrouted
from wildrydes.models.receipts import Receipt

__all__ = ["Database", "Dispatch", "Message", "Receipt", "Unrouted", "new_id", "origin"]
