"""What is on its way to the lake, and what is there, as operators see it: to be read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe
from django.views.generic import TemplateView
from unfold.admin import ModelAdmin
from unfold.views import UnfoldModelAdminViewMixin

from apps.datalake_ingestion import answers
from apps.datalake_ingestion.answers import Question
from apps.datalake_ingestion.asking import Answer, QuestionError
from apps.datalake_ingestion.lake import open_lake
from apps.datalake_ingestion.models import Archive, LakeFile
from wildrydes.admin_lists import FastCountAdmin, ReadOnlyAdmin
from wildrydes.admin_search import ExactSearchAdmin

PERIODS = (7, 30, 365)  # days


@dataclass(frozen=True)
class Picture:
    """A question, what the lake answers, and the chart of it."""

    question: Question
    answer: Answer
    chart: SafeString


class AnswersView(UnfoldModelAdminViewMixin, TemplateView):
    """Questions of the business, answered from the lake, as charts."""

    title = "Answers"
    permission_required = ("datalake_ingestion.view_lakefile",)
    template_name = "datalake_ingestion/answers.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add a chart for each question, of the period that was asked for."""
        given = self.request.GET.get("days", "")
        period = next((days for days in PERIODS if given == str(days)), PERIODS[1])
        context = {"periods": PERIODS, "period": period, "pictures": [], "refusal": ""}
        try:
            context["pictures"] = _pictures(period)
        except QuestionError as error:
            context["refusal"] = str(error)
        return super().get_context_data(**context, **kwargs)


def _pictures(period: int) -> list[Picture]:
    lake, since = open_lake(settings.LAKE_URL), timezone.now() - timedelta(days=period)
    pictures = []
    for question in answers.QUESTIONS:
        found = answers.answer(question, since=since, lake=lake)
        # Drawn by our own code, which escapes every text that comes from the lake.
        svg = mark_safe(answers.chart(question, found))  # noqa: S308
        pictures.append(Picture(question, found, svg))
    return pictures


@admin.register(LakeFile)
class LakeFileAdmin(ExactSearchAdmin, FastCountAdmin, ReadOnlyAdmin, ModelAdmin):
    """Every file, newest first; one that is not written yet has no size."""

    list_display = ("id", "type", "day", "rows", "bytes", "merges", "collected_at", "written_at")
    fields = (*list_display, "merged_into")
    search_fields = ("id",)
    search_help_text = "File id, whole."
    ordering = ("-id",)
    sortable_by = ()

    def get_urls(self) -> list[URLPattern]:
        """Add the page of answers."""
        view = self.admin_site.admin_view(AnswersView.as_view(model_admin=self))
        return [
            path("answers", view, name="datalake_ingestion_answers"),
            *super().get_urls(),
        ]


@admin.register(Archive)
class ArchiveAdmin(ExactSearchAdmin, FastCountAdmin, ReadOnlyAdmin, ModelAdmin):
    """What left the message log, and under which checksum."""

    list_display = ("id", "day", "rows", "bytes", "planned_at", "verified_at", "sha256")
    fields = list_display
    search_fields = ("id",)
    search_help_text = "File id, whole."
    ordering = ("-id",)
    sortable_by = ()
