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

SHOW_WHAT_IS_LOADED = """
import importlib
import sys
import django
django.setup()
importlib.import_module("config.urls")
from django.apps import apps
print(*sorted(c.label for c in apps.get_app_configs() if c.name.startswith("apps.")))
print(*sorted(name for name in sys.modules if name.startswith("apps.") and name.count(".") == 2))
"""


def run_alone(
    service: str, *arguments: str, state: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in ("DATABASE_URL", "REDIS_URL") and not name.startswith("WILDRYDES_")
    }
    return subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=PROJECT_ROOT,
        env=inherited
        | {"DJANGO_SETTINGS_MODULE": f"config.services.{service}"}
        | {"WILDRYDES_STATE_DIR": str(state)}
        | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_passes_its_checks_alone(service: str, tmp_path: Path) -> None:
    check = run_alone(service, "manage.py", "check", state=tmp_path)

    assert check.returncode == 0, check.stderr
    assert "no issues" in check.stdout


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_alone_has_all_of_its_migrations(
    service: str, tmp_path: Path, postgres: EmbeddedPostgres
) -> None:
    drift = run_alone(
        service,
        "manage.py",
        "makemigrations",
        "--check",
        "--dry-run",
        state=tmp_path,
        DATABASE_URL=postgres.database_url(),
    )

    assert drift.returncode == 0, drift.stdout + drift.stderr


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_alone_loads_of_others_only_their_messages(service: str, tmp_path: Path) -> None:
    loaded = run_alone(service, "-c", SHOW_WHAT_IS_LOADED, state=tmp_path)

    assert loaded.returncode == 0, loaded.stderr
    installed, modules = loaded.stdout.splitlines()
    assert set(installed.split()) == {"identity", service}
    foreign = {name for name in modules.split() if name.split(".")[1] not in ("identity", service)}
    assert {name.split(".")[2] for name in foreign} <= {"messages"}


def test_every_service_has_settings_of_its_own() -> None:
    modules = {path.stem for path in (PROJECT_ROOT / "config" / "services").glob("[!_]*.py")}

    assert modules == set(SERVICES)
