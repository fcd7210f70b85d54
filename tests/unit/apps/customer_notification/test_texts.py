from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from apps.customer_notification import texts


@given(st.text(max_size=300), st.text(max_size=300))
def test_a_subject_is_one_printable_line_whatever_was_typed(origin: str, destination: str) -> None:
    text = texts.ride_completed(
        origin=origin, destination=destination, fare=Decimal("1.00"), currency="EUR"
    )

    assert text.subject.isprintable()
    assert len(text.subject) <= texts.SUBJECT_LENGTH
    assert len(text.body.splitlines()) == 4


def test_a_header_that_was_typed_into_a_place_stays_text() -> None:
    text = texts.ride_completed(
        origin="Berlin\r\nBcc: eve@example.org",
        destination="Frankfurt\u2028X-Spam: no",
        fare=Decimal("256.5"),
        currency="EUR",
    )

    assert text.subject == "Your ride from Berlin Bcc: eve@example.org to Frankfurt X-Spam: no"
    assert "The fare is 256.50 EUR." in text.body


def test_who_gave_no_name_is_greeted_without_one() -> None:
    assert texts.letter(name=" \n", body="…").startswith("Hello,\n")
    assert texts.letter(name="Carla\nEve", body="…").startswith("Hello Carla Eve,\n")
