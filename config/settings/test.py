"""The test suite: servers of its own in a temporary place, which `tests/conftest.py` starts."""

import os
import tempfile
from pathlib import Path

from config.embedded.layout import Layout
from config.settings.base import *  # noqa: F403
from config.settings.base import CACHES, INSTALLED_APPS, WILDRYDES, database

TEST_STATE_DIR = Path(tempfile.gettempdir()) / f"wildrydes-test-{os.getpid()}"
TEST_LAYOUT = Layout.at(TEST_STATE_DIR)

INSTALLED_APPS = [*INSTALLED_APPS, "tests.emptying"]
SECRET_KEY = "only-the-tests-use-this-key-and-nothing-else-does"  # noqa: S105
ALLOWED_HOSTS = ["testserver", "127.0.0.1", "localhost"]
DEMO_ACCOUNTS = True
DATABASES = {"default": database(TEST_LAYOUT.database_url())}
CACHES["default"]["LOCATION"] = TEST_LAYOUT.redis_client_url()
WILDRYDES = {**WILDRYDES, "REDIS_URL": TEST_LAYOUT.redis_client_url(), "THROTTLES": ""}
CELERY_BROKER_URL = TEST_LAYOUT.redis_url()
CELERY_RESULT_BACKEND = TEST_LAYOUT.redis_url()
LAKE_URL = str(TEST_STATE_DIR / "lake")
STATIC_ROOT = None  # type: ignore[assignment]  # whitenoise warns of a directory that is not there
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
STRIPE_API_BASE = "http://127.0.0.1:9"  # nobody answers there: a test names its own sandbox
STRIPE_SECRET_KEY = "sk_sandbox_of_the_tests"  # noqa: S105
STRIPE_WEBHOOK_SECRET = "whsec_of_the_tests"  # noqa: S105
