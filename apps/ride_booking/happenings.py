"""What happens to a request for quotes, numbered for those who follow it live."""

from __future__ import annotations

from collections.abc import Iterator

from apps.ride_booking import queries, serializers
from apps.ride_booking.queries import Standing
from wildrydes.front_door.events import Happening

QUOTE = serializers.QuoteSerializer()
RFQ = serializers.RfqSerializer()


def of(standing: Standing) -> Iterator[Happening]:
    """Yield what happened so far, in order: each quote that came in time, and the close.

    A quote's number is its fleet's place among those asked; the close has the number after them.
    """
    for quote in sorted(standing.quotes, key=lambda quote: quote.received_at):
        if not quote.late:
            data = QUOTE.to_representation(quote)
            yield Happening(number=quote.number, event="quote", data=data)
    if standing.status != queries.OPEN:
        number = len(standing.asked)
        yield Happening(number=number, event="closed", data=RFQ.to_representation(standing))
