"""Real PostgreSQL and Valkey servers out of wheels, for `manage.py up` and the tests."""
