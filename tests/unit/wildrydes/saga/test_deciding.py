"""What comes next: forward to the pivot and beyond, back before it, stuck when nothing helps."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.unit.wildrydes.saga.sagas import MINUTE, Run, command, of, step
from wildrydes.answering.answer import answered, declined
from wildrydes.outgoing import Body, Plain
from wildrydes.saga.definition import BACK, Facts, Parallel

HOUR = timedelta(hours=1)


def fare(**options: Any) -> Run:
    """Return a saga of four steps whose third is the pivot."""
    return Run(
        of(
            step("register"),
            step("authorise", attempts=2),
            step("capture", pivot=True),
            step("credit", attempts=2, refusal=BACK),
            step("mark", undo=False, attempts=2),
            **options,
        )
    )


def explode(facts: Facts) -> Body:
    raise KeyError("amount")


def test_a_saga_whose_steps_succeed_is_completed() -> None:
    run = fare()
    run.succeed("register", "authorise", "capture", "credit", "mark")
    assert run.sent == ["register", "authorise", "capture", "credit", "mark"]
    assert run.status == "completed"
    assert run.state.wake_at is None
    assert run.kinds[:3] == ["started", "scheduled register", "succeeded register"]


def test_a_refusal_before_the_pivot_undoes_what_is_done_in_reverse_order() -> None:
    run = fare()
    run.succeed("register", "authorise")
    run.refuse("capture", "insufficient funds")
    run.succeed("authorise", "register")
    assert run.sent[3:] == ["authorise/undo", "register/undo"]
    assert run.status == "compensated"
    assert run.steps == {
        "register": "compensated",
        "authorise": "compensated",
        "capture": "refused",
    }
    assert (run.state.failed_step, run.state.reason) == ("capture", "insufficient funds")


def test_what_failed_is_tried_again_with_a_wait_and_then_turns_the_saga_round() -> None:
    run = fare()
    run.succeed("register")
    run.fail("authorise")
    again = run.commands[-1]
    assert again.not_before == run.now + timedelta(seconds=1)
    assert again.subject == run.commands[-2].subject
    assert again.message != run.commands[-2].message
    run.fail("authorise")
    assert run.sent[-1] == "authorise/undo"


def test_a_command_expires_when_the_saga_gives_it_up() -> None:
    run = fare()
    run.succeed("register")
    assert run.commands[-1].expires_at == run.now + MINUTE
    run.fail("authorise")
    again = run.commands[-1]
    assert again.not_before is not None
    assert again.expires_at == again.not_before + MINUTE
    assert run.state.steps["authorise"].wake_at == again.expires_at
    run.refuse("authorise")
    assert run.commands[-1].expires_at == run.state.steps["register"].wake_at


def test_a_step_that_does_not_answer_in_time_is_undone_too() -> None:
    run = fare()
    run.succeed("register")
    run.wait(MINUTE)
    assert run.sent[-1] == "authorise/undo"
    assert run.steps["authorise"] == "compensating"


def test_after_the_pivot_a_timeout_is_tried_again_and_then_stuck() -> None:
    run = fare(stuck=lambda facts: Plain("v1.test.stuck", {"step": facts.failed_step}))
    run.succeed("register", "authorise", "capture")
    run.wait(MINUTE)
    run.wait(MINUTE + timedelta(seconds=1))
    assert run.status == "stuck"
    assert run.state.stuck_step == "credit"
    assert [event.to_data() for event in run.events] == [{"step": "credit"}]
    assert run.state.wake_at is None


def test_after_the_pivot_only_a_refusal_that_may_turns_the_saga_round() -> None:
    run = fare()
    run.succeed("register", "authorise", "capture")
    run.refuse("credit", "the account is closed")
    run.succeed("capture", "authorise", "register")
    assert run.sent[4:] == ["capture/undo", "authorise/undo", "register/undo"]
    assert run.status == "compensated"

    run = fare()
    run.succeed("register", "authorise", "capture", "credit")
    run.refuse("mark")
    assert run.status == "stuck"


def test_the_whole_taking_too_long_turns_it_round_before_the_pivot_only() -> None:
    run = fare(timeout=timedelta(seconds=30))
    run.succeed("register")
    run.wait(timedelta(seconds=30))
    assert run.steps["authorise"] == "compensating"
    assert run.state.failed_step == "authorise"

    run = fare(timeout=timedelta(seconds=30))
    run.succeed("register", "authorise", "capture")
    run.wait(timedelta(seconds=30))
    assert run.status == "running"


def test_a_compensation_that_fails_is_tried_again_and_then_stuck() -> None:
    run = fare()
    run.succeed("register", "authorise")
    run.refuse("capture")
    run.fail("authorise")
    assert run.sent[-2:] == ["authorise/undo", "authorise/undo"]
    run.fail("authorise", "the provider is closed")
    assert run.status == "stuck"
    assert run.state.stuck_because == "the provider is closed"
    assert run.state.failed_step == "capture"


def test_a_compensation_that_is_refused_is_stuck_at_once() -> None:
    run = fare()
    run.succeed("register", "authorise")
    run.refuse("capture")
    run.refuse("authorise")
    assert run.status == "stuck"


def test_a_condition_that_does_not_hold_skips_its_step() -> None:
    run = Run(
        of(
            step("first"),
            step("second", when=lambda facts: facts.input["wanted"]),
            step("third", when=lambda facts: not facts.input["wanted"]),
        ),
        input={"wanted": False},
    )
    run.succeed("first", "third")
    assert run.sent == ["first", "third"]
    assert run.steps["second"] == "skipped"
    assert run.status == "completed"


def test_a_group_goes_at_once_and_is_undone_at_once() -> None:
    run = Run(of(step("first"), Parallel(step("left"), step("right")), step("last")))
    run.succeed("first")
    assert run.sent[1:] == ["left", "right"]
    run.succeed("right", "left")
    run.refuse("last")
    assert run.sent[4:] == ["left/undo", "right/undo"]
    run.succeed("left")
    assert run.sent[-1] == "right/undo"
    run.succeed("right")
    assert run.sent[-1] == "first/undo"


def test_a_group_that_is_refused_waits_for_what_the_others_come_to() -> None:
    run = Run(of(step("first"), Parallel(step("left"), step("right"), step("up"))))
    run.succeed("first")
    run.refuse("left")
    assert run.status == "compensating"
    run.succeed("right")
    assert run.sent == ["first", "left", "right", "up"]
    run.wait(MINUTE)
    assert run.sent[4:] == ["right/undo", "up/undo"]


def test_a_late_answer_is_written_down_and_changes_nothing() -> None:
    run = fare()
    run.succeed("register")
    first = run.commands[-1].message
    run.fail("authorise")
    before = run.state
    run.tell("authorise", answered({"late": True}), message=first)
    run.tell("authorise", answered({}), message=UUID(int=99))
    run.tell("nowhere", declined("no"), message=UUID(int=98))
    assert run.kinds[-2:] == ["late authorise", "late nowhere"]
    assert {**vars(run.state), "events": 0} == {**vars(before), "events": 0}


def test_an_answer_that_comes_twice_is_taken_once() -> None:
    run = fare()
    run.succeed("register")
    message = run.commands[0].message
    before = run.state
    run.tell("register", answered({"of": "register"}), message=message)
    assert run.state == before


def test_a_saga_that_has_ended_keeps_what_comes_later() -> None:
    run = Run(of(step("only")))
    run.wait(MINUTE)
    first = run.commands[0].message
    run.succeed("only")
    assert run.status == "compensated"
    run.tell("only", answered({}), message=first)
    assert (run.status, run.kinds[-1]) == ("compensated", "late only")


@pytest.mark.parametrize("what", ["command", "when"])
def test_a_function_that_raises_makes_its_saga_stuck(what: str) -> None:
    options: dict[str, Any] = {what: explode}
    run = Run(of(step("first"), step("second", **options)))
    run.succeed("first")
    assert run.status == "stuck"
    assert "KeyError" in run.state.stuck_because
    assert run.order("force_back") == ""
    assert run.sent[-1] == "first/undo"
    assert run.steps["second"] == "skipped"


def test_a_compensation_that_raises_makes_its_saga_stuck() -> None:
    run = Run(of(step("first", compensation=explode), step("second")))
    run.succeed("first")
    run.refuse("second")
    assert run.status == "stuck"
    assert run.order("skip", step="first") == ""
    assert run.status == "compensated"


def test_a_compensation_may_find_that_there_is_nothing_to_undo() -> None:
    run = Run(of(step("first", compensation=lambda facts: None), step("second")))
    run.succeed("first")
    run.refuse("second")
    assert run.status == "compensated"


def test_without_its_definition_a_saga_is_stuck_and_keeps_what_it_was_told() -> None:
    run = fare()
    definition, run.definition = run.definition, None  # type: ignore[assignment]
    run.succeed("register")
    assert run.status == "stuck"
    assert run.steps["register"] == "succeeded"
    assert "not known" in run.order("retry")
    run.definition = definition
    assert run.order("retry") == ""
    assert run.sent[-1] == "authorise"
    assert run.status == "running"


def test_a_saga_that_its_definition_no_longer_fits_is_stuck() -> None:
    run = fare()
    run.definition = of(step("other"))
    run.fail("register")
    assert run.status == "stuck"
    assert "undecided: KeyError" in run.state.stuck_because
    assert run.kinds[-2:] == ["failed register", "stuck"]


def test_what_failed_while_its_definition_was_not_known_is_asked_for_again() -> None:
    run = fare()
    definition, run.definition = run.definition, None  # type: ignore[assignment]
    run.fail("register")
    run.definition = definition
    assert run.status == "stuck"
    assert run.order("retry") == ""
    assert run.sent == ["register", "register"]


def stuck_forward() -> Run:
    run = fare()
    run.succeed("register", "authorise", "capture", "credit")
    run.refuse("mark")
    assert run.status == "stuck"
    return run


def stuck_back() -> Run:
    run = fare()
    run.succeed("register", "authorise")
    run.refuse("capture")
    run.refuse("authorise")
    assert run.status == "stuck"
    return run


def test_a_person_lets_a_stuck_saga_try_again() -> None:
    run = stuck_forward()
    assert run.order("retry") == ""
    assert (run.status, run.sent[-1], run.state.failed_step) == ("running", "mark", "")
    run.succeed("mark")
    assert run.status == "completed"
    run = stuck_back()
    run.order("retry")
    assert run.sent[-1] == "authorise/undo"
    run.succeed("authorise", "register")
    assert run.status == "compensated"


def test_a_person_skips_a_step_or_says_what_it_has_come_to() -> None:
    run = stuck_forward()
    assert run.order("skip", step="mark") == ""
    assert run.status == "completed"
    run = stuck_back()
    assert run.order("supply", step="authorise", released=True) == ""
    run.succeed("register")
    assert run.status == "compensated"
    run = fare()
    assert run.order("supply", step="register", fare=1) == ""
    assert run.state.steps["register"].result == {"fare": 1}
    assert run.sent[-1] == "authorise"


def test_a_person_forces_a_saga_back_after_its_pivot_and_forward_again() -> None:
    run = stuck_forward()
    assert run.order("force_back") == ""
    assert run.sent[-1] == "credit/undo"
    assert run.steps["mark"] == "refused"
    run.succeed("credit")
    run.refuse("capture", "the bank is closed")
    assert run.order("force_forward") == ""
    assert run.sent[-2:] == ["capture/undo", "capture"]
    run.succeed("capture", "credit", "mark")
    assert run.status == "completed"


def test_nothing_is_forced_forward_while_a_step_is_being_undone() -> None:
    run = fare()
    run.succeed("register", "authorise")
    run.refuse("capture")
    assert "'authorise' is being undone" in run.order("force_forward")
    assert (run.status, run.sent[-1]) == ("compensating", "authorise/undo")
    run.succeed("authorise")
    assert "'register' is being undone" in run.order("force_forward")


def test_a_group_is_not_forced_forward_before_all_of_its_undoing_is_answered() -> None:
    run = Run(of(step("first"), Parallel(step("left"), step("right")), step("last")))
    run.succeed("first", "left", "right")
    run.refuse("last")
    run.refuse("left")
    assert run.status == "stuck"
    assert "'right' is being undone" in run.order("force_forward")
    run.succeed("right")
    assert run.order("force_forward") == ""


def test_what_was_to_be_undone_and_was_not_in_time_may_be_forced_forward() -> None:
    run = fare()
    run.succeed("register", "authorise")
    run.refuse("capture")
    for _ in range(2):
        run.wait(MINUTE + timedelta(seconds=1))
    assert (run.status, run.state.stuck_step) == ("stuck", "authorise")
    assert all(command.expires_at <= run.now for command in run.commands)
    assert run.order("force_forward") == ""
    assert run.sent[-1] == "authorise"


def test_what_was_skipped_while_it_was_under_way_is_undone_for_it_may_have_been_done() -> None:
    run = fare()
    run.succeed("register")
    assert run.order("skip", step="authorise") == ""
    run.refuse("capture", "there is no such payment")
    assert run.sent[-1] == "authorise/undo"
    run.succeed("authorise", "register")
    assert run.status == "compensated"


def test_what_was_refused_and_then_skipped_left_nothing_to_undo() -> None:
    run = Run(of(step("pay", pivot=True), step("grant"), step("mark", undo=False, attempts=1)))
    run.succeed("pay")
    run.refuse("grant")
    assert run.order("skip", step="grant") == ""
    run.refuse("mark")
    assert run.order("force_back") == ""
    assert run.sent[-1] == "pay/undo"
    assert run.steps["grant"] == "refused"


def test_undoing_that_was_skipped_stays_skipped() -> None:
    run = stuck_back()
    assert run.order("skip", step="authorise") == ""
    assert run.sent[-1] == "register/undo"
    run.succeed("register")
    assert (run.status, run.steps["authorise"]) == ("compensated", "skipped")


def test_nothing_is_forced_back_while_a_step_is_under_way_that_cannot_be_undone() -> None:
    run = fare()
    run.succeed("register", "authorise", "capture", "credit")
    assert "'mark' is under way" in run.order("force_back")
    assert (run.status, run.sent[-1]) == ("running", "mark")
    run.refuse("mark")
    assert run.order("force_back") == ""
    assert run.sent[-1] == "credit/undo"


def test_nothing_is_forced_back_when_what_cannot_be_undone_may_have_been_done() -> None:
    run = fare()
    run.succeed("register", "authorise", "capture", "credit")
    run.wait(MINUTE)
    run.fail("mark")
    assert (run.status, run.state.stuck_step) == ("stuck", "mark")
    assert "'mark' may have been done" in run.order("force_back")
    assert run.status == "stuck"
    assert run.order("retry") == ""
    run.refuse("mark")
    assert run.order("force_back") == ""
    assert run.sent[-1] == "credit/undo"


def test_a_step_that_failed_while_its_definition_was_not_known_may_have_been_done() -> None:
    run = fare()
    run.succeed("register", "authorise", "capture", "credit")
    definition, run.definition = run.definition, None  # type: ignore[assignment]
    run.fail("mark")
    run.definition = definition
    assert run.steps["mark"] == "failed"
    assert "'mark' may have been done" in run.order("force_back")


def test_what_was_never_asked_for_is_no_reason_to_go_forward_only() -> None:
    run = Run(of(step("pay", pivot=True), step("mark", undo=False, command=explode)))
    run.succeed("pay")
    assert (run.status, run.state.stuck_step) == ("stuck", "mark")
    assert run.order("force_back") == ""
    assert run.sent[-1] == "pay/undo"


def test_a_saga_is_cancelled_before_its_pivot_only() -> None:
    run = fare()
    run.succeed("register")
    assert run.order("cancel") == ""
    assert run.sent[-1] == "authorise/undo"
    run.succeed("authorise", "register")
    assert run.status == "compensated"
    assert "ended" in run.order("cancel")
    run = fare()
    run.succeed("register", "authorise", "capture")
    assert "pivot" in run.order("cancel")
    assert run.status == "running"


def test_what_makes_no_sense_changes_nothing() -> None:
    run = fare()
    before = run.state
    assert "not stuck" in run.order("retry")
    assert "no step" in run.order("skip", step="nonsense")
    assert "not begun" in run.order("skip", step="capture")
    assert "forward already" in run.order("force_forward")
    run.succeed("register")
    assert "nothing waits" in run.order("supply", step="register")
    assert before.saga == run.state.saga
    assert not any(item.actor for item in run.history)


def test_facts_have_what_the_steps_came_to_and_why_it_turned_round() -> None:
    seen: list[Facts] = []

    def look(facts: Facts) -> Body:
        seen.append(facts)
        return command(facts)

    run = Run(of(step("first", compensation=look), step("second", command=look)))
    run.succeed("first")
    run.refuse("second", "closed")
    assert seen[0].results == {"first": {"of": "first"}}
    assert (seen[1].failed_step, seen[1].reason) == ("second", "closed")
