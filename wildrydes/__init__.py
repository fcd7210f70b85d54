"""Integration patterns on Django, Celery, Redis and Postgres.

Postgres is the truth, Redis is the wire, Celery is the muscle.
"""
