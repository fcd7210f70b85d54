"""What customers were told, as operators see it: to be read."""

from __future__ import annotations

from django.contrib import admin
from unfold.admin import ModelAdmin

from apps.customer_notification.models import Contact, Notification
from wildrydes.admin_lists import FastCountAdmin, ReadOnlyAdmin
from wildrydes.admin_search import ExactSearchAdmin


@admin.register(Contact)
class ContactAdmin(ExactSearchAdmin, FastCountAdmin, ReadOnlyAdmin, ModelAdmin):
    """Where customers can be reached."""

    list_display = ("customer", "email", "name", "as_of")
    search_fields = ("customer",)
    search_help_text = "Customer, whole."
    ordering = ("customer",)
    sortable_by = ()


@admin.register(Notification)
class NotificationAdmin(ExactSearchAdmin, FastCountAdmin, ReadOnlyAdmin, ModelAdmin):
    """Every notification, newest first."""

    list_display = ("subject", "customer", "kind", "created_at", "emailed_at")
    list_filter = ("kind",)
    search_fields = ("customer", "about", "id")
    search_help_text = "Customer, notification id or the id of what it is about, whole."
    ordering = ("-id",)
    sortable_by = ()
