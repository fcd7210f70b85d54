"""What the benchmark makes of requests and of event streams."""

from __future__ import annotations

import pytest

from bench.asking import closings
from bench.asking.closings import Closing
from bench.load.streams import QUOTE, FirstQuote
from wildrydes.front_door.events import Happening, written


def test_the_rate_is_from_the_first_request_to_the_last_close() -> None:
    found = [Closing(10.0, 10.5, 16, 0.0), Closing(10.2, 12.0, 16, 0.0)]
    assert closings.rate(found) == pytest.approx(1.0)
    assert found[1].took == pytest.approx(1.8)


def test_the_first_quote_is_read_as_the_front_door_writes_it() -> None:
    quote = {"responder": "winelands", "received_at": "2026-11-21T12:00:00Z"}
    stream = written([Happening(number=3, event="quote", data=quote)], seen=0)
    found = QUOTE.search(b"retry: 1000\n\n" + stream)
    assert found is not None
    assert b'"received_at":"2026-11-21T12:00:00Z"' in found[1]


def test_a_quote_that_was_there_before_the_stream_stood_is_known() -> None:
    assert FirstQuote(given_at=1.0, read_at=1.3, stood_at=1.1).was_there
    assert not FirstQuote(given_at=1.2, read_at=1.3, stood_at=1.1).was_there
