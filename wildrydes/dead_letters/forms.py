"""What the admin asks a person: the message put right, how fast, and why."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from wildrydes.dead_letters import canary, editing
from wildrydes.errors import DeadLetterError
from wildrydes.models import DeadLetter


class PrettyJSONField(forms.JSONField):
    """JSON as a person likes to read it."""

    def prepare_value(self, value: Any) -> Any:
        """Return the value with one member a line; what the person typed stays as it is."""
        if isinstance(value, str):
            return value
        return json.dumps(value, indent=2, ensure_ascii=False, cls=self.encoder)


class LetterForm(forms.ModelForm):  # type: ignore[type-arg]
    """The message of a dead letter, which has to stay the same message."""

    message = PrettyJSONField(
        label="Message",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 24, "class": "font-mono"}),
        help_text="A CloudEvent. Its id, type, group and sequence have to stay as they are.",
    )

    class Meta:
        model = DeadLetter
        fields = ("message",)

    def clean_message(self) -> Mapping[str, Any]:
        """Refuse what is no message, or another one."""
        message: Mapping[str, Any] = self.cleaned_data["message"]
        letter = DeadLetter.objects.get(pk=self.instance.pk)
        try:
            editing.check(letter=letter, message=message)
        except DeadLetterError as error:
            raise forms.ValidationError(str(error)) from error
        return message


class CanaryForm(forms.Form):
    """How fast a canary redrive may go in the end."""

    rate = forms.FloatField(
        label="Letters a second, in the last stage",
        initial=canary.DEFAULT_RATE,
        min_value=0.001,
        max_value=canary.HIGHEST_RATE,
        widget=UnfoldAdminDecimalFieldWidget(attrs={"step": "any"}),
    )


class DiscardForm(forms.Form):
    """Why somebody lets go of messages."""

    reason = forms.CharField(
        label="Why", max_length=500, widget=UnfoldAdminTextInputWidget(attrs={"autofocus": True})
    )
