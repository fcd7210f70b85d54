"""Postgres as Django's database engine: `wildrydes.postgres`."""
