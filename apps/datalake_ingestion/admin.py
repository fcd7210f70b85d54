"""What is on its way to the lake, and what is there, as operators see it: to be read."""

from __future__ import annotations

from django.contrib import admin
from unfold.admin import ModelAdmin

from apps.datalake_ingestion.models import LakeFile
from wildrydes.admin_lists import FastCountAdmin, ReadOnlyAdmin
from wildrydes.admin_search import ExactSearchAdmin


@admin.register(LakeFile)
class LakeFileAdmin(ExactSearchAdmin, FastCountAdmin, ReadOnlyAdmin, ModelAdmin):
    """Every file, newest first; one that is not written yet has no size."""

    list_display = ("id", "type", "day", "rows", "bytes", "merges", "collected_at", "written_at")
    fields = (*list_display, "merged_into")
    search_fields = ("id",)
    search_help_text = "File id, whole."
    ordering = ("-id",)
    sortable_by = ()
