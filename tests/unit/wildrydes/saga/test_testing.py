"""The test kit: a saga's test reads as a dialogue, and says clearly where it went another way."""

from __future__ import annotations

from datetime import timedelta

import pytest

from wildrydes.answering.answer import answered
from wildrydes.saga.testing import Dialogue, given

from .selling import SELL


def paid(**data: object) -> Dialogue:
    """Return a sale that is paid for; what is to be sent has been asked for."""
    return (
        given(SELL, {"item": 7, **data}, key="order-1")
        .expect("reserve", data={"order": "order-1", "item": 7, **data})
        .expect("pack")
        .reply(to="reserve")
        .reply(to="pack")
        .expect("look")
        .reply()
        .expect("charge", attempt=1)
        .reply(answered({"payment": "p-1"}))
        .expect("send")
    )


def test_a_sale_that_goes_well() -> None:
    paid().reply().ends("completed")


def test_an_optional_step_is_asked_for_when_its_condition_holds() -> None:
    paid(gift=True).reply().expect("wrap").reply().ends("completed")


def test_a_refusal_turns_the_saga_round_and_what_was_done_is_undone() -> None:
    (
        given(SELL, {})
        .expect("reserve")
        .expect("pack")
        .reply(to="reserve")
        .refuse("no box is large enough")
        .expect_compensation("reserve")
        .reply()
        .ends("compensated", because="no box")
    )


def test_results_reach_the_compensations() -> None:
    (
        paid()
        .refuse("nobody lives there")
        .expect_compensation("charge", data={"payment": "p-1"})
        .reply()
        .expect_compensation("reserve")
        .expect_compensation("pack")
        .reply(to="reserve")
        .reply(to="pack")
        .ends("compensated", because="nobody lives there")
    )


def test_what_fails_is_tried_again_after_its_wait() -> None:
    dialogue = paid().fail("no van")
    before = dialogue.now
    dialogue.expect("send", attempt=2)
    assert dialogue.now - before == timedelta(seconds=10)
    dialogue.reply().ends("completed")


def test_what_never_works_after_the_pivot_waits_for_a_person() -> None:
    (
        paid()
        .fail("no van")
        .expect("send")
        .fail("still no van")
        .is_stuck("send", because="still no van")
        .tells("v1.shop.stuck", data={"step": "send", "reason": "still no van"})
        .refuses("cancel", because="past its pivot")
        .operate("retry", reason="a van is back")
        .expect("send", attempt=1)
        .reply()
        .ends("completed")
    )


def test_what_is_not_answered_in_time_is_tried_again() -> None:
    paid().time_out().expect("send", attempt=2).reply().ends("completed")


def test_the_whole_takes_too_long() -> None:
    (
        given(SELL, {})
        .expect("reserve")
        .expect("pack")
        .after(timedelta(hours=1))
        .expect_compensation("reserve")
        .reply()
        .expect_compensation("pack")
        .reply()
        .ends("compensated", because="took too long")
    )


def test_an_answer_that_comes_twice_changes_nothing() -> None:
    paid().reply().reply_again().ends("completed")


def test_a_result_can_be_supplied() -> None:
    (paid().operate("supply", step="send", result={"parcel": 9}).ends("completed"))


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (
            lambda: paid().expect("wrap"),
            "expected the command of 'wrap'; the saga has sent nothing",
        ),
        (
            lambda: given(SELL, {}).expect("charge"),
            "has sent the command of 'reserve' (v1.shop.reserve) and the command of 'pack'",
        ),
        (
            lambda: given(SELL, {}).expect("reserve", data={"order": "other"}),
            "with {'order': 'other'}; it has {'order': 'key'}",
        ),
        (lambda: paid().expect_compensation("send"), "expected the compensation of 'send'"),
        (
            lambda: given(SELL, {}).expect("reserve", attempt=2),
            "expected attempt 2 of 'reserve'; it is attempt 1",
        ),
        (lambda: paid().reply().reply(), "nothing was asked of send that is not answered"),
        (lambda: paid().reply(to="pack"), "nothing was asked of pack that is not answered"),
        (lambda: paid().ends("completed"), "expected it to be completed; it is running"),
        (lambda: paid().refuse("no").ends("compensated"), "sent the compensation of 'charge'"),
        (lambda: paid().is_stuck("send"), "expected it to be stuck; it is running"),
        (lambda: paid().reply().ends("completed", because="x"), "expected 'x' as the reason"),
        (lambda: paid().tells("v1.shop.stuck"), "expected it to publish v1.shop.stuck"),
        (lambda: paid().operate("cancel"), "the operator's cancel was refused: it is past its"),
        (lambda: paid().refuses("force_back", because="x"), "refused because 'x'; it was allowed"),
        (lambda: given(SELL, {}).time_out(), "nobody waits for anybody"),
    ],
)
def test_a_dialogue_that_went_another_way_says_where(wrong: object, text: str) -> None:
    with pytest.raises(AssertionError) as failure:
        wrong()  # type: ignore[operator]
    assert text in str(failure.value)
    assert "The history of shop.sell so far:" in str(failure.value)
    assert "scheduled       reserve           attempt 1" in str(failure.value)


def test_a_second_answer_that_changes_something_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    dialogue = paid().reply()
    changed = given(SELL, {}).state
    real = dialogue._let

    def let(happening: object) -> object:
        decided = real(happening)  # type: ignore[arg-type]
        dialogue.state = changed
        return decided

    monkeypatch.setattr(dialogue, "_let", let)
    with pytest.raises(AssertionError, match="the second answer of send changed something"):
        dialogue.reply_again()
