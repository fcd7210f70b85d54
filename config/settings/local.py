"""One machine: embedded servers unless the environment names others."""

from config.env import ENV, development_sandbox_key, development_secret_key
from config.settings.base import *  # noqa: F403

SECRET_KEY = ENV.secret_key or development_secret_key(ENV.state_dir)
ALLOWED_HOSTS = ENV.allowed_hosts or ["127.0.0.1", "localhost", "[::1]"]
DEMO_ACCOUNTS = True
if ENV.runs_sandbox:
    STRIPE_SECRET_KEY = development_sandbox_key(ENV.state_dir)
