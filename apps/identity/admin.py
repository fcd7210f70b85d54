"""Accounts, for operators."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from apps.identity.models import User
from wildrydes.admin_lists import FastCountAdmin

ROLE: Any = ("Role", {"fields": ("role", "customer", "fleet")})


@admin.register(User)
class UserAdmin(FastCountAdmin, DjangoUserAdmin, ModelAdmin):  # type: ignore[type-arg,misc]
    """Users with their role."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "role", "customer", "fleet", "is_active", "is_staff")
    list_filter = ("role", "is_active", "is_staff")
    search_fields = ("=username", "=customer", "=email")
    search_help_text = "Username, customer id or e-mail, whole."
    ordering = ("username",)
    fieldsets = (*(DjangoUserAdmin.fieldsets or ()), ROLE)
    add_fieldsets = (*DjangoUserAdmin.add_fieldsets, ROLE)
