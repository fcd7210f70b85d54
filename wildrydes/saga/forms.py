"""What the admin asks a person who wants something done to a saga: why, which step, what result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)


class OrderForm(forms.Form):
    """Why somebody interferes; kept in the saga's history."""

    reason = forms.CharField(
        label="Why", max_length=500, widget=UnfoldAdminTextInputWidget(attrs={"autofocus": True})
    )


class StepForm(OrderForm):
    """Why, and for which step."""

    step = forms.ChoiceField(label="Step", widget=UnfoldAdminSelectWidget())

    def __init__(self, *args: Any, steps: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["step"].choices = [(name, name) for name in steps]  # type: ignore[attr-defined]
        self.order_fields(["step", "result", "reason"])


class ResultForm(StepForm):
    """Why, for which step, and what it has come to."""

    result = forms.JSONField(
        label="Result",
        initial=dict,
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 8, "class": "font-mono"}),
        help_text="A JSON object, as the participant would have answered.",
    )

    def clean_result(self) -> dict[str, Any]:
        """Refuse what is no object."""
        result = self.cleaned_data["result"]
        if result is None:
            return {}
        if not isinstance(result, dict):
            raise forms.ValidationError("It has to be a JSON object, such as {}.")
        return result
