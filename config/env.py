"""The environment, read once: this module alone looks at environment variables.

Every variable that Wild Rydes understands is a field here; `.env.example` lists the same names.
A secret may be given as a file instead: for `SECRET_KEY`, `SECRET_KEY_FILE=/run/secrets/key`.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

from config.embedded.layout import Layout
from wildrydes.errors import ConfigurationError
from wildrydes.front_door import rates

PROJECT_ROOT = Path(__file__).resolve().parent.parent
SANDBOX_BESIDE = 4111
THROTTLES = "customer.look=6000/60,customer.change=3000/60,unicorn=6000/60,staff=60000/60,rides=off"


@dataclass(frozen=True)
class Environment:
    """What the environment says, with the defaults of a development machine filled in."""

    state_dir: Path
    database_url: str
    redis_url: str
    redis_client_url: str
    embedded_postgres: bool
    embedded_valkey: bool
    host: str
    port: int
    flower_port: int
    flower_url: str
    pin_web: bool
    proxies: int
    admission_lag_seconds: int
    admission_early_percent: int
    throttles: str
    secret_key: str | None
    allowed_hosts: list[str]
    csrf_trusted_origins: list[str]
    email_url: str | None
    staff_email: str
    stripe_api_base: str | None
    stripe_secret_key: str | None
    stripe_webhook_secret: str | None
    stripe_timeout_seconds: int
    sandbox_port: int
    prebooking_lead_seconds: int
    lake_url: str
    currency: str
    log_level: str
    log_format: str
    metrics_dir: Path | None
    crash_at: str

    @property
    def layout(self) -> Layout:
        """Return where the embedded servers of this state directory live."""
        return Layout.at(self.state_dir)

    @property
    def sandbox_url(self) -> str:
        """Return where our payment sandbox answers, if it runs."""
        return f"http://127.0.0.1:{self.sandbox_port}"

    @property
    def runs_sandbox(self) -> bool:
        """Return whether payments are rehearsed: no provider is named."""
        return self.stripe_api_base is None and self.stripe_secret_key is None


def read_environment() -> Environment:
    """Read the process's environment.

    Raises `ImproperlyConfigured`, naming the variable, when a value cannot be understood.
    """
    env = environ.Env()
    state_dir = _state_dir(env)
    layout = Layout.at(state_dir)
    database_url = _secret(env, "DATABASE_URL")
    redis_url = _secret(env, "REDIS_URL")
    port = _whole_number(env, "WILDRYDES_PORT", 8000, least=1, most=65535)
    flower_port = _whole_number(env, "WILDRYDES_FLOWER_PORT", 5555, least=1, most=65535)
    metrics_dir = env.str("PROMETHEUS_MULTIPROC_DIR", default="")
    return Environment(
        state_dir=state_dir,
        database_url=database_url or layout.database_url(),
        redis_url=redis_url or layout.redis_url(),
        redis_client_url=_redis_client_url(redis_url) or layout.redis_client_url(),
        embedded_postgres=database_url is None,
        embedded_valkey=redis_url is None,
        host=_text(env, "WILDRYDES_HOST", "127.0.0.1"),
        port=port,
        flower_port=flower_port,
        flower_url=_text(env, "WILDRYDES_FLOWER_URL", f"http://127.0.0.1:{flower_port}"),
        pin_web=_yes_or_no(env, "WILDRYDES_PIN_WEB", "yes"),
        proxies=_whole_number(env, "WILDRYDES_PROXIES", 0, least=0, most=10),
        admission_lag_seconds=_whole_number(
            env, "WILDRYDES_ADMISSION_LAG", 30, least=1, most=86_400
        ),
        admission_early_percent=_whole_number(
            env, "WILDRYDES_ADMISSION_EARLY", 50, least=1, most=100
        ),
        throttles=_throttles(env),
        secret_key=_secret(env, "SECRET_KEY"),
        allowed_hosts=env.list("ALLOWED_HOSTS", default=[]),
        csrf_trusted_origins=env.list("CSRF_TRUSTED_ORIGINS", default=[]),
        email_url=_secret(env, "EMAIL_URL"),
        staff_email=env.str("WILDRYDES_STAFF_EMAIL", default=""),
        stripe_api_base=env.str("STRIPE_API_BASE", default="") or None,
        stripe_secret_key=_secret(env, "STRIPE_SECRET_KEY"),
        stripe_webhook_secret=_secret(env, "STRIPE_WEBHOOK_SECRET"),
        stripe_timeout_seconds=_whole_number(env, "STRIPE_TIMEOUT_SECONDS", 10, least=1, most=15),
        sandbox_port=_whole_number(
            env, "WILDRYDES_SANDBOX_PORT", _beside(port), least=1, most=65535
        ),
        prebooking_lead_seconds=_whole_number(
            env, "WILDRYDES_PREBOOKING_LEAD_SECONDS", 600, least=0, most=86_400
        ),
        lake_url=_text(env, "WILDRYDES_LAKE_URL", str(state_dir / "lake")),
        currency=_text(env, "WILDRYDES_CURRENCY", "EUR"),
        log_level=_text(env, "WILDRYDES_LOG_LEVEL", "INFO").upper(),
        log_format=_text(env, "WILDRYDES_LOG_FORMAT", "json"),
        metrics_dir=Path(metrics_dir) if metrics_dir else None,
        crash_at=_text(env, "WILDRYDES_CRASH_AT", ""),
    )


def _beside(port: int) -> int:
    """Return another port, so that two platforms with different ports share none."""
    return port + SANDBOX_BESIDE if port + SANDBOX_BESIDE <= 65535 else port - SANDBOX_BESIDE


def development_secret_key(state_dir: Path) -> str:
    """Return this state directory's own random key."""
    return _own_secret(state_dir, "secret-key")


def development_sandbox_key(state_dir: Path) -> str:
    """Return the key that this state directory's payment sandbox asks for."""
    return _own_secret(state_dir, "sandbox-key", beginning="sk_sandbox_")


def _own_secret(state_dir: Path, name: str, *, beginning: str = "") -> str:
    """Return a random text of this state directory, made on first use, for its owner's eyes only.

    Two processes that start together agree: the first to link its file into place wins.
    """
    path = state_dir / name
    if not path.exists():
        state_dir.mkdir(parents=True, exist_ok=True)
        draft = state_dir / f".{name}-{os.getpid()}"
        draft.touch(mode=0o600)
        draft.write_text(beginning + secrets.token_urlsafe(48))
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    return path.read_text().strip()


def _state_dir(env: environ.Env) -> Path:
    chosen = Path(_text(env, "WILDRYDES_STATE_DIR", ".wildrydes")).expanduser()
    return chosen if chosen.is_absolute() else PROJECT_ROOT / chosen


def _secret(env: environ.Env, name: str) -> str | None:
    """Return a secret from the variable, or from the file that `<name>_FILE` names."""
    value: str = env.str(name, default="")
    file = env.str(f"{name}_FILE", default="")
    if value and file:
        raise ImproperlyConfigured(f"Set {name} or {name}_FILE, not both.")
    if not file:
        return value or None
    try:
        return Path(file).read_text().strip() or None
    except OSError as error:
        raise ImproperlyConfigured(f"{name}_FILE cannot be read: {error}") from error


def _whole_number(env: environ.Env, name: str, default: int, *, least: int, most: int) -> int:
    text = _text(env, name, str(default))
    if not text.isdecimal() or not least <= int(text) <= most:
        raise ImproperlyConfigured(
            f"{name} must be a whole number from {least} to {most}, not {text!r}."
        )
    return int(text)


def _yes_or_no(env: environ.Env, name: str, default: str) -> bool:
    text = _text(env, name, default)
    if text not in ("yes", "no"):
        raise ImproperlyConfigured(f"{name} must be yes or no, not {text!r}.")
    return text == "yes"


def _throttles(env: environ.Env) -> str:
    text = _text(env, "WILDRYDES_THROTTLES", THROTTLES)
    try:
        rates.parse(text)
    except ConfigurationError as error:
        raise ImproperlyConfigured(f"WILDRYDES_THROTTLES cannot be understood: {error}") from error
    return text


def _text(env: environ.Env, name: str, default: str) -> str:
    """Return a variable; one that is set to nothing counts as not set."""
    return env.str(name, default="") or default


def _redis_client_url(broker_url: str | None) -> str | None:
    """Translate a broker URL into the form that redis-py takes; the two differ for sockets only."""
    if broker_url is None or not broker_url.startswith("redis+socket://"):
        return broker_url
    path, _, query = broker_url.removeprefix("redis+socket://").partition("?")
    return f"unix://{path}?db={query.removeprefix('virtual_host=') or 0}"


ENV = read_environment()
