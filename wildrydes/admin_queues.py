"""The queues in the admin: how each stands, and how much it hands out a second, for who may say so.

Source: Hohpe and Woolf, Control Bus.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.views.generic import FormView, TemplateView
from unfold.views import UnfoldModelAdminViewMixin
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminTextInputWidget

from wildrydes import queue_limits
from wildrydes.errors import QueueLimitError


class LimitForm(forms.Form):
    """How much a queue may hand out, and why somebody says so."""

    per_second = forms.FloatField(
        label="Messages a second",
        required=False,
        min_value=0.001,
        widget=UnfoldAdminDecimalFieldWidget(attrs={"step": "any", "autofocus": True}),
        help_text="Nothing is no limit.",
    )
    restores = forms.BooleanField(
        label="As the topology says", required=False, help_text="Whatever stands above."
    )
    reason = forms.CharField(label="Why", max_length=500, widget=UnfoldAdminTextInputWidget())


class QueuesView(UnfoldModelAdminViewMixin, TemplateView):
    """Every queue of the topology: its limit, what waits, what is open."""

    title = "Queues"
    permission_required = ("wildrydes.view_queuelimit",)
    template_name = "wildrydes/queues.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add how the queues stand, and whether this person may change limits."""
        may = self.request.user.has_perm("wildrydes.limit_queue")
        return super().get_context_data(queues=queue_limits.overview(), may=may, **kwargs)


class LimitView(UnfoldModelAdminViewMixin, FormView):  # type: ignore[type-arg]
    """Ask how much one queue may hand out; change it, on record."""

    title = "Limit a queue"
    permission_required = ("wildrydes.view_queuelimit", "wildrydes.limit_queue")
    template_name = "wildrydes/queue_limit.html"
    form_class = LimitForm

    def get_initial(self) -> dict[str, Any]:
        """Return the limit that holds."""
        return {"per_second": queue_limits.in_force().get(self.kwargs["queue"])}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the queue's name."""
        return super().get_context_data(queue=self.kwargs["queue"], **kwargs)

    def form_valid(self, form: LimitForm) -> HttpResponse:
        """Change the limit, or say why not."""
        try:
            self._change(**form.cleaned_data)
        except QueueLimitError as error:
            messages.error(self.request, f"Refused: {error}.")
        return super().form_valid(form)

    def get_success_url(self) -> str:
        """Return where the queues are."""
        return reverse("admin:wildrydes_queues")

    def _change(self, *, per_second: float | None, restores: bool, reason: str) -> None:
        queue, by = self.kwargs["queue"], self.request.user.get_username()
        if restores:
            queue_limits.restore(queue=queue, by=by, reason=reason)
        elif per_second is None:
            queue_limits.unlimit(queue=queue, by=by, reason=reason)
        else:
            queue_limits.limit(queue=queue, per_second=per_second, by=by, reason=reason)
