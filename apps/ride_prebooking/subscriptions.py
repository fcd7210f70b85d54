"""Which messages ride prebooking takes: what was accepted, what is stored, what is due."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from django.utils import timezone

from apps.ride_prebooking.messages import PrebookingSubmitted, SubmitPrebooking
from apps.ride_prebooking.operations import confirming, storing
from apps.ride_prebooking.operations.storing import Submission
from wildrydes.envelope import Envelope
from wildrydes.subscriptions import subscribe_batch


@subscribe_batch("ride_prebooking.submit")
def submit(envelopes: Sequence[Envelope]) -> None:
    """Store what was accepted, as far as the rules allow."""
    submissions = [
        Submission(wanted=SubmitPrebooking.from_data(each.data), cause=each) for each in envelopes
    ]
    storing.store(submissions=submissions, now=timezone.now())


@subscribe_batch("ride_prebooking.process")
def process(envelopes: Sequence[Envelope]) -> None:
    """Confirm what is stored, or reject it."""
    causes = {PrebookingSubmitted.from_data(each.data).prebooking: each for each in envelopes}
    confirming.confirm(causes=causes, lead=settings.PREBOOKING_LEAD, now=timezone.now())
