"""Django for every peer: `usual_way`'s settings and ride, with a token to be shown and checked.

Which peer a process is comes from `BENCH_PEER`; `plain` stores the ride and tells nobody. Tokens
are knox's, as on the other side. Connections to Postgres are kept open, as Wild Rydes keeps them.
"""

import os

import environ

from bench.peers.usual_way.settings import *  # noqa: F403
from bench.peers.usual_way.settings import INSTALLED_APPS

PEER = os.environ.get("BENCH_PEER", "plain")
REDIS_URL = os.environ["REDIS_URL"]
REDIS_CLIENT_URL = os.environ["REDIS_CLIENT_URL"]

ROOT_URLCONF = "bench.peers.urls"
INSTALLED_APPS = [*INSTALLED_APPS, "knox", "bench.service", "bench.asking", "bench.sagas"]
DATABASES = {
    "default": {
        **environ.Env.db_url_config(os.environ["DATABASE_URL"]),
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
    }
}
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
]
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["knox.auth.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
}

# An error of a peer has to be seen: it goes to the process's log.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    "loggers": {"django.request": {"handlers": ["stderr"], "level": "ERROR"}},
}
