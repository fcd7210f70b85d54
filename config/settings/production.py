"""A deployment: every secret comes from the environment or a mounted file; TLS ends before us."""

from django.core.exceptions import ImproperlyConfigured

from config.env import ENV
from config.settings.base import *  # noqa: F403

if not ENV.secret_key:
    raise ImproperlyConfigured("Set SECRET_KEY or SECRET_KEY_FILE: production has no default.")
SECRET_KEY = ENV.secret_key
DEMO_ACCOUNTS = False
STRIPE_API_BASE = ENV.stripe_api_base or "https://api.stripe.com"

SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = True
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
