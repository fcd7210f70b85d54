"""What every settings module shares. Only `config.env` reads the environment."""

from datetime import timedelta
from typing import Any

import environ
import kombu

from config import logs
from config.env import ENV, PROJECT_ROOT
from config.sidebar import sidebar
from config.topology import queue_names

DEBUG = False
ALLOWED_HOSTS = ENV.allowed_hosts
CSRF_TRUSTED_ORIGINS = ENV.csrf_trusted_origins
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"

SERVICES = [
    "apps.identity",
    "apps.unicorn_management",
    "apps.ride_booking",
    "apps.ride_prebooking",
    "apps.customer_notification",
    "apps.customer_payment",
    "apps.customer_accounting",
    "apps.customer_loyalty",
    "apps.fare_collection",
    "apps.datalake_ingestion",
    "apps.extraordinary_rides",
]

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "knox",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "config",
    "wildrydes",
    *SERVICES,
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "wildrydes.front_door.middleware.ProblemMiddleware",
    "wildrydes.front_door.people.Sessions",
    "django.middleware.common.CommonMiddleware",
    "wildrydes.front_door.people.Forgery",
    "wildrydes.front_door.people.Authentication",
    "wildrydes.front_door.people.Messages",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "wildrydes.front_door.middleware.TracingMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [PROJECT_ROOT / "config" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]


def database(url: str) -> dict[str, Any]:
    """Return Django's settings for one Postgres database.

    Connections are kept and checked before reuse, and statements can be prepared on them; a
    transaction that is left idle is ended by Postgres, so that a stopped process cannot hold
    locks for ever.
    """
    settings: dict[str, Any] = environ.Env.db_url_config(url)
    settings["ENGINE"] = "wildrydes.postgres"
    settings["CONN_MAX_AGE"] = None
    settings["CONN_HEALTH_CHECKS"] = True
    settings.setdefault("OPTIONS", {}).update(
        {
            "connect_timeout": 5,
            "prepare_threshold": 0,
            "options": "-c idle_in_transaction_session_timeout=60s -c lock_timeout=30s",
        }
    )
    return settings


DATABASES = {"default": database(ENV.database_url)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": ENV.redis_client_url,
        "KEY_PREFIX": "wildrydes",
        "OPTIONS": {"socket_timeout": 1, "socket_connect_timeout": 1},
    }
}

AUTH_USER_MODEL = "identity.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True
FORMAT_MODULE_PATH = ["config.formats"]
APPEND_SLASH = False

STATIC_URL = "static/"
STATIC_ROOT = ENV.state_dir / "static"
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False

DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024

if ENV.email_url:
    vars().update(environ.Env.email_url_config(ENV.email_url))
else:
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = str(ENV.state_dir / "mail")
EMAIL_TIMEOUT = 10
STAFF_EMAIL = ENV.staff_email
DEFAULT_FROM_EMAIL = "Wild Rydes <rides@wildrydes.example>"

STRIPE_API_BASE = ENV.stripe_api_base or (
    ENV.sandbox_url if ENV.runs_sandbox else "https://api.stripe.com"
)
STRIPE_SECRET_KEY = ENV.stripe_secret_key or ""
STRIPE_WEBHOOK_SECRET = ENV.stripe_webhook_secret or ""
STRIPE_TIMEOUT = timedelta(seconds=ENV.stripe_timeout_seconds)

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["apps.identity.authentication.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["wildrydes.front_door.json.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["wildrydes.front_door.json.JSONParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "wildrydes.front_door.json.AlwaysJSON",
    "DEFAULT_SCHEMA_CLASS": "wildrydes.front_door.openapi.Schema",
    "EXCEPTION_HANDLER": "wildrydes.front_door.problems.exception_handler",
    "DEFAULT_THROTTLE_CLASSES": ["wildrydes.front_door.callers.CallerThrottle"],
    "DEFAULT_THROTTLE_RATES": {"login": "60/min"},
    "NON_FIELD_ERRORS_KEY": "",  # any word could be the name of a field that somebody sends
    "NUM_PROXIES": ENV.proxies,
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}

REST_KNOX = {
    "TOKEN_TTL": timedelta(days=7),
    "AUTH_HEADER_PREFIX": "Token",
    "AUTO_REFRESH": False,
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Wild Rydes",
    "DESCRIPTION": "Customers are carried by unicorns. Errors are RFC 9457 problem details.",
    "VERSION": "1.0.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SCHEMA_PATH_PREFIX": "/api/v1/",
}

WILDRYDES = {
    "TOPOLOGY": "config.topology.TOPOLOGY",
    "SOURCE": "//wildrydes.example",
    "REDIS_URL": ENV.redis_client_url,
    "RELAY_LAG_LIMIT": timedelta(seconds=30),
    "ADMISSION_LAG": timedelta(seconds=ENV.admission_lag_seconds),
    "ADMISSION_EARLY_PERCENT": ENV.admission_early_percent,
    "THROTTLES": ENV.throttles,
    "FLOWER_URL": ENV.flower_url,
    "CRASH_AT": ENV.crash_at,
}

CURRENCY = ENV.currency
PREBOOKING_LEAD = timedelta(seconds=ENV.prebooking_lead_seconds)
LAKE_URL = ENV.lake_url
FLOWER_URL = ENV.flower_url

CELERY_BROKER_URL = ENV.redis_url
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "ack_emulation": False,
    "priority_steps": [0],
    "body_encoding": "utf-8",
    "socket_timeout": 5,
    "socket_connect_timeout": 5,
    "health_check_interval": 10,
}
CELERY_RESULT_BACKEND = ENV.redis_url  # where chords count; no task stores a result
CELERY_RESULT_EXPIRES = timedelta(minutes=1)
CELERY_REDIS_SOCKET_TIMEOUT = 5
CELERY_REDIS_SOCKET_CONNECT_TIMEOUT = 5
CELERY_REDIS_BACKEND_HEALTH_CHECK_INTERVAL = 10
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_RESULT_SERIALIZER = "json"
CELERY_EVENT_SERIALIZER = "json"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_CREATE_MISSING_QUEUES = False
CELERY_TASK_QUEUES = [kombu.Queue(name) for name in queue_names()]
CELERY_TASK_DEFAULT_QUEUE = queue_names()[0]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_SEND_TASK_EVENTS = True
CELERY_TASK_SEND_SENT_EVENT = False
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 8
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_TIMEZONE = "UTC"
CELERY_DB_REUSE_MAX = 1_000_000_000  # else Celery connects to Postgres anew for every task

LOGGING_CONFIG = None
logs.configure(level=ENV.log_level, json=ENV.log_format == "json")

UNFOLD = {
    "SITE_TITLE": "Wild Rydes",
    "SITE_HEADER": "Wild Rydes",
    "SITE_SUBHEADER": "Operations",
    "SITE_SYMBOL": "magic_button",
    "SITE_URL": "/api/docs",
    "SHOW_HISTORY": False,
    "SIDEBAR": sidebar(services=SERVICES, flower_url=ENV.flower_url),
}
