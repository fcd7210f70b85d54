"""What the sandbox has written down: objects, movements of money, answers, rules. One SQLite file.

Movements are append-only. Every request is one transaction, which is on disk before its answer
goes out.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from config.sandbox.wire import Answer

TABLES = """
CREATE TABLE IF NOT EXISTS object (id TEXT PRIMARY KEY, kind TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS refund (id TEXT PRIMARY KEY, intent TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS refund_of_intent ON refund (intent);
CREATE TABLE IF NOT EXISTS movement (
    number INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, kind TEXT NOT NULL,
    intent TEXT NOT NULL, reference TEXT NOT NULL, customer TEXT NOT NULL,
    amount INTEGER NOT NULL, currency TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS movement_of_reference ON movement (reference);
CREATE TRIGGER IF NOT EXISTS movement_kept BEFORE UPDATE ON movement
BEGIN SELECT RAISE(ABORT, 'movements are append-only'); END;
CREATE TRIGGER IF NOT EXISTS movement_not_deleted BEFORE DELETE ON movement
BEGIN SELECT RAISE(ABORT, 'movements are append-only'); END;
CREATE TABLE IF NOT EXISTS answer (
    key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, status INTEGER NOT NULL, body TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS once (what TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""

SUMS = """
SELECT kind, currency, count(*), sum(amount) FROM movement GROUP BY kind, currency ORDER BY 1, 2
"""
MOVEMENTS = """
SELECT number, at, kind, intent, reference, customer, amount, currency FROM movement
WHERE (:reference = '' OR reference = :reference) AND number > :after ORDER BY number LIMIT :limit
"""


class Ledger:
    """The file, used by one thread at a time."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._file = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._file.row_factory = sqlite3.Row
        self._file.execute("PRAGMA journal_mode=WAL")
        self._file.execute("PRAGMA synchronous=NORMAL")
        self._file.executescript(TABLES)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Write everything of the block, or nothing of it. Nothing else is written meanwhile."""
        with self._lock:
            self._file.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._file.execute("ROLLBACK")
                raise
            self._file.execute("COMMIT")

    def put(self, body: Mapping[str, Any]) -> None:
        """Keep an object, in place of what it was before."""
        self._file.execute(
            "INSERT INTO object VALUES (?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET body = excluded.body",
            [body["id"], body["object"], json.dumps(body)],
        )
        if body["object"] == "refund":
            link = "INSERT OR IGNORE INTO refund VALUES (?, ?)"
            self._file.execute(link, [body["id"], body["payment_intent"]])

    def get(self, kind: str, id_: str) -> dict[str, Any] | None:
        """Return an object, if it is there."""
        sql = "SELECT body FROM object WHERE id = ? AND kind = ?"
        with self._lock:
            row = self._file.execute(sql, [id_, kind]).fetchone()
        return None if row is None else json.loads(row["body"])

    def refunds_of(self, intent: str) -> list[dict[str, Any]]:
        """Return the refunds of an intent, oldest first."""
        sql = (
            "SELECT body FROM object JOIN refund USING (id) WHERE intent = ? ORDER BY object.rowid"
        )
        with self._lock:
            return [json.loads(row["body"]) for row in self._file.execute(sql, [intent])]

    def move(self, kind: str, intent: Mapping[str, Any], amount: int) -> None:
        """Write down that money was authorised, captured, released or refunded."""
        self._file.execute(
            "INSERT INTO movement (at, kind, intent, reference, customer, amount, currency)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                time.time(),
                kind,
                intent["id"],
                intent["metadata"].get("reference", ""),
                intent["metadata"].get("customer", ""),
                amount,
                intent["currency"],
            ],
        )

    def answer_to(self, key: str) -> tuple[str, Answer] | None:
        """Return what was answered under an idempotency key, and the request's fingerprint."""
        with self._lock:
            row = self._file.execute("SELECT * FROM answer WHERE key = ?", [key]).fetchone()
        if row is None:
            return None
        return row["fingerprint"], Answer(row["status"], json.loads(row["body"]))

    def keep_answer(self, key: str, fingerprint: str, answer: Answer) -> None:
        """Keep what is answered under an idempotency key."""
        values = [key, fingerprint, answer.status, json.dumps(answer.body)]
        self._file.execute("INSERT INTO answer VALUES (?, ?, ?, ?)", values)

    def is_first(self, what: str) -> bool:
        """Say whether this was asked for the first time."""
        with self._lock:
            done = self._file.execute("INSERT OR IGNORE INTO once VALUES (?)", [what])
        return done.rowcount == 1

    def settings(self) -> dict[str, Any]:
        """Return what the control endpoint has set."""
        with self._lock:
            rows = self._file.execute("SELECT name, value FROM setting").fetchall()
        return {row["name"]: json.loads(row["value"]) for row in rows}

    def set(self, name: str, value: Any) -> None:
        """Set one thing that the control endpoint says."""
        with self._lock:
            self._file.execute("REPLACE INTO setting VALUES (?, ?)", [name, json.dumps(value)])

    def movements(self, *, reference: str, after: int, limit: int) -> list[dict[str, Any]]:
        """Return movements in order, all or those of one payment."""
        asked = {"reference": reference, "after": after, "limit": limit}
        with self._lock:
            return [dict(row) for row in self._file.execute(MOVEMENTS, asked)]

    def sums(self) -> list[tuple[str, str, int, int]]:
        """Return (kind, currency, how many, how much) of all movements."""
        with self._lock:
            return [tuple(row) for row in self._file.execute(SUMS)]
