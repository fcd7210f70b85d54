"""What staff do with campaigns: begin one, change its terms; on record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from apps.ride_prebooking.models import Campaign
from wildrydes.models import OperatorAction

BEGIN = "begin_campaign"
CHANGE = "change_campaign"


def begin(*, campaign: Campaign, by: str) -> Campaign:
    """Store a new campaign. Raises Django's `ValidationError`, which names the field."""
    campaign.full_clean()
    with transaction.atomic():
        campaign.save(force_insert=True)
        _record(BEGIN, campaign, {"capacity": campaign.capacity}, by=by)
    return campaign


def change(*, code: str, changes: Mapping[str, Any], by: str) -> Campaign:
    """Change a campaign's terms; the places that are taken stay so.

    Raises `Campaign.DoesNotExist`, and Django's `ValidationError` for what does not go together,
    such as fewer places than are taken; then nothing has happened.
    """
    with transaction.atomic():
        campaign = Campaign.objects.select_for_update().get(code=code)
        before = {name: getattr(campaign, name) for name in changes}
        for name, value in changes.items():
            setattr(campaign, name, value)
        campaign.full_clean()
        if changes:
            campaign.save(update_fields=list(changes))
            _record(CHANGE, campaign, before, by=by)
    return campaign


def _record(action: str, campaign: Campaign, before: Mapping[str, Any], *, by: str) -> None:
    terms = {name: str(value) for name, value in before.items()}
    detail = {"campaign": campaign.code, "before" if action == CHANGE else "terms": terms}
    OperatorAction.objects.create(by=by, action=action, detail=detail)
