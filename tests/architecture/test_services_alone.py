"""Every service starts alone, with the kernel and identity beside it and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from config.embedded.postgres import EmbeddedPostgres
from config.env import PROJECT_ROOT
from config.settings import base

SERVICES = [name.removeprefix("apps.") for name in base.SERVICES]

EXAMINE = """
import importlib
import sys
import django
django.setup()
importlib.import_module("config.urls")
from django.apps import apps
from django.core.management import call_command
call_command("check")
call_command("makemigrations", check_changes=True, dry_run=True)
print(*sorted(c.label for c in apps.get_app_configs() if c.name.startswith("apps.")))
print(*sorted(name for name in sys.modules if name.startswith("apps.") and name.count(".") == 2))
"""


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_passes_its_checks_has_its_migrations_and_loads_only_messages_of_others(
    service: str, tmp_path: Path, postgres: EmbeddedPostgres
) -> None:
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in ("DATABASE_URL", "REDIS_URL") and not name.startswith("WILDRYDES_")
    }
    examined = subprocess.run(
        [sys.executable, "-W", "error", "-c", EXAMINE],
        cwd=PROJECT_ROOT,
        env={
            **inherited,
            "DJANGO_SETTINGS_MODULE": f"config.services.{service}",
            "WILDRYDES_STATE_DIR": str(tmp_path),
            "DATABASE_URL": postgres.database_url(),
        },
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert examined.returncode == 0, examined.stdout + examined.stderr
    checks, migrations, installed, modules = examined.stdout.splitlines()
    assert "no issues" in checks
    assert migrations == "No changes detected"
    assert set(installed.split()) == {"identity", service}
    foreign = {name for name in modules.split() if name.split(".")[1] not in ("identity", service)}
    assert {name.split(".")[2] for name in foreign} <= {"messages"}


def test_every_service_has_settings_of_its_own() -> None:
    modules = {path.stem for path in (PROJECT_ROOT / "config" / "services").glob("[!_]*.py")}

    assert modules == set(SERVICES)
