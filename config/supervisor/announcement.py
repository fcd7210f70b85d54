"""The one table that `manage.py up` prints: where everything is, and who may come in."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table

from config.env import Environment
from config.supervisor import credentials

WIDTH_OF_A_FILE = 160
Accounts = Mapping[str, Sequence[Mapping[str, Any]]]


def print_table(env: Environment, accounts: Accounts, *, url: str, stream: TextIO) -> None:
    """Print addresses, demo logins and tokens."""
    table = Table(title="Wild Rydes", title_justify="left", show_lines=False)
    table.add_column("what", no_wrap=True)
    table.add_column("where or who", overflow="fold")
    table.add_column("key", overflow="fold")
    for row in _addresses(env, url):
        table.add_row(*row)
    table.add_section()
    for row in _accounts(accounts):
        table.add_row(*row)
    width = shutil.get_terminal_size(fallback=(WIDTH_OF_A_FILE, 50)).columns
    Console(file=stream, width=width, highlight=False).print(table)


def _addresses(env: Environment, url: str) -> list[tuple[str, str, str]]:
    flower = credentials.flower_credentials(env.state_dir)
    return [
        ("API", f"{url}/api/v1/", "Authorization: Token …"),
        ("API documentation", f"{url}/api/docs", ""),
        ("admin", f"{url}/admin/", "a staff login below"),
        ("Flower", env.flower_url, f"{flower.username} / {flower.password}"),
        *_sandbox(env),
        ("logs and data", str(env.state_dir), ""),
    ]


def _sandbox(env: Environment) -> list[tuple[str, str, str]]:
    if not env.runs_sandbox:
        return []
    key = "Authorization: Bearer, and what is in the file sandbox-key"
    return [("payment sandbox", f"{env.sandbox_url}/sandbox/ledger", key)]


def _accounts(accounts: Accounts) -> list[tuple[str, str, str]]:
    rows = []
    for account in accounts.get("staff", ()):
        rows.append(("staff login", account["username"], str(account["password"])))
        rows.append(("staff token", account["username"], account["token"]))
    for account in accounts.get("customers", ()):
        who = f"{account['username']}, customer id {account['customer']}"
        rows.append(("customer token", who, account["token"]))
    for account in accounts.get("unicorns", ()):
        who = f"{account['username']}, fleet {account['fleet']}"
        rows.append(("unicorn token", who, account["token"]))
    return rows
