"""The deployment files say what the code says: queues, environment variables, secrets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import environ
import pytest
import yaml

from config import env, topology

PROJECT_ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((PROJECT_ROOT / "docker-compose.yml").read_text())
EXAMPLE = (PROJECT_ROOT / ".env.example").read_text()
IMAGE = "wildrydes:latest"
SETTINGS_MODULE = "DJANGO_SETTINGS_MODULE"
OURS = {name: entry for name, entry in COMPOSE["services"].items() if entry["image"] == IMAGE}
WORKERS = {name: entry for name, entry in OURS.items() if "worker" in entry["command"]}
SAFE_DEFAULTS = {
    "WILDRYDES_PROXIES": "0",
    "WILDRYDES_ADMISSION_LAG": "30",
    "WILDRYDES_ADMISSION_EARLY": "50",
    "WILDRYDES_THROTTLES": env.THROTTLES,
    "WILDRYDES_STATE_DIR": ".wildrydes",
    "WILDRYDES_HOST": "127.0.0.1",
    "WILDRYDES_PORT": "8000",
    "WILDRYDES_FLOWER_PORT": "5555",
    "WILDRYDES_PIN_WEB": "yes",
    "STRIPE_TIMEOUT_SECONDS": "10",
    "WILDRYDES_PREBOOKING_LEAD_SECONDS": "600",
    "WILDRYDES_CURRENCY": "EUR",
    "WILDRYDES_LOG_LEVEL": "INFO",
    "WILDRYDES_LOG_FORMAT": "json",
}


class Asked(Mapping[str, str]):
    """An empty environment that remembers which variables were asked for."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.names.add(name)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Return the name of every variable that config/env.py reads."""
    asked = Asked()
    monkeypatch.setattr(environ.Env, "ENVIRON", asked)
    env.read_environment()
    assert "DATABASE_URL_FILE" in asked.names
    return asked.names


def queues_of(worker: Mapping[str, Any]) -> list[str]:
    command = worker["command"]
    queues: str = command[command.index("--queues") + 1]
    return queues.split(",")


def test_every_queue_of_the_topology_is_served_by_one_worker() -> None:
    served = [queue for worker in WORKERS.values() for queue in queues_of(worker)]
    assert sorted(served) == sorted(topology.queue_names())


@pytest.mark.parametrize("name", WORKERS)
def test_a_worker_serves_queues_of_one_service_and_is_asked_by_its_own_name(name: str) -> None:
    worker = WORKERS[name]
    assert len({queue.partition(".")[0] for queue in queues_of(worker)}) == 1
    assert f"{name}@%h" in worker["command"]
    assert worker["healthcheck"]["test"][1].endswith(f" {name}@$$(hostname)")


@pytest.mark.parametrize("name", OURS)
def test_every_variable_of_our_containers_is_one_that_is_read(name: str, known: set[str]) -> None:
    assert set(OURS[name]["environment"]) <= known | {SETTINGS_MODULE}


def test_every_variable_that_compose_takes_from_outside_is_one_that_is_read(
    known: set[str],
) -> None:
    text = (PROJECT_ROOT / "docker-compose.yml").read_text()
    assert set(re.findall(r"(?<!\$)\$\{(\w+)", text)) <= known


def test_the_example_names_exactly_the_variables_that_are_read(known: set[str]) -> None:
    named = re.findall(r"^#?([A-Z_]+)=", EXAMPLE, flags=re.MULTILINE)
    assert sorted(named) == sorted(known)


def test_the_example_explains_every_variable() -> None:
    for block in EXAMPLE.split("\n\n"):
        lines = block.splitlines()
        if any(re.match(r"#?[A-Z_]+=", line) for line in lines):
            assert lines[0].startswith("# "), block


def test_the_example_holds_nothing_but_harmless_defaults() -> None:
    values = dict(re.findall(r"^([A-Z_]+)=(.*)$", EXAMPLE, flags=re.MULTILINE))
    assert values == SAFE_DEFAULTS
    assert not re.findall(r"^#[A-Z_]+=.+$", EXAMPLE, flags=re.MULTILINE)


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_no_container_is_given_a_secret_in_its_environment(name: str) -> None:
    environment = COMPOSE["services"][name].get("environment", {})
    secret = re.compile(r"SECRET|PASSWORD|AUTH|TOKEN|DATABASE_URL|EMAIL_URL")
    assert [key for key in environment if secret.search(key) and not key.endswith("_FILE")] == []


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_every_secret_that_is_named_is_mounted(name: str) -> None:
    service = COMPOSE["services"][name]
    text = str(service.get("environment", "")) + str(service.get("command", ""))
    assert set(re.findall(r"/run/secrets/(\w+)", text)) == set(service.get("secrets", []))
    assert set(service.get("secrets", [])) <= set(COMPOSE["secrets"])


@pytest.mark.parametrize("name", sorted(set(COMPOSE["services"]) - {"migrate"}))
def test_every_container_is_watched_restarted_and_unprivileged(name: str) -> None:
    service = COMPOSE["services"][name]
    assert service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")
    assert service["restart"] == "unless-stopped"
    assert service["read_only"] is True
    assert service["user"] not in ("", "root", "0")
    assert service["deploy"]["resources"]["limits"].keys() == {"cpus", "memory"}


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_nothing_is_published_beyond_loopback(name: str) -> None:
    ports = COMPOSE["services"][name].get("ports", [])
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []
