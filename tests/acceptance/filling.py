"""Migrate the database and seed it; print the demo accounts as JSON. Arguments: more seeds."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import django
from django.core.management import call_command


def main(seeds: list[str]) -> None:
    """Do it, in this process."""
    django.setup()
    call_command("migrate", verbosity=0)
    call_command("seed_demo", json=True)
    with Path(os.devnull).open("w") as nowhere:
        for seed in seeds:
            call_command(seed, stdout=nowhere)


if __name__ == "__main__":
    main(sys.argv[1:])
