"""What is asked of Postgres, for any number of sagas at once. Always in order of id."""

from collections.abc import Mapping

COLUMNS = """id, definition, version, key, status, is_turned, input, state, failed_step, reason,
    stuck_because, correlation_id, causation_id, trace_parent, deadline_at, wake_at, ended_at,
    events, clock_timestamp()"""

# A process that is stopped while it holds these locks may not hold up others for long.
PATIENCE = "set_config('idle_in_transaction_session_timeout', '5s', true)"

LOCK = f"""
SELECT {COLUMNS}, {PATIENCE} FROM wildrydes_saga WHERE id = ANY(%s::uuid[]) ORDER BY id FOR UPDATE
"""  # noqa: S608 - constants

CLAIM_DUE = f"""
SELECT {COLUMNS}, {PATIENCE} FROM wildrydes_saga WHERE wake_at <= clock_timestamp()
ORDER BY wake_at LIMIT %s FOR UPDATE SKIP LOCKED
"""  # noqa: S608 - constants

_CHANGING = {
    "status": "text",
    "is_turned": "boolean",
    "state": "jsonb",
    "failed_step": "text",
    "reason": "text",
    "stuck_because": "text",
    "deadline_at": "timestamptz",
    "wake_at": "timestamptz",
    "ended_at": "timestamptz",
    "events": "int",
}
_LASTING = {
    "id": "uuid",
    "definition": "text",
    "version": "int",
    "key": "text",
    "input": "jsonb",
    "correlation_id": "text",
    "causation_id": "uuid",
    "trace_parent": "text",
}

_EVENT = {
    "saga_id": "uuid",
    "number": "int",
    "kind": "text",
    "step": "text",
    "attempt": "int",
    "message_id": "uuid",
    "data": "jsonb",
    "reason": "text",
    "actor": "text",
    "wake_at": "timestamptz",
    "at": "timestamptz",
}


def _given(columns: Mapping[str, str]) -> str:
    """Return the rows as one parameter, so that the statement is the same for any number."""
    types = ", ".join(f"{name} {type_}" for name, type_ in columns.items())
    return f"json_to_recordset(%s::json) AS given ({types})"


# A second start with a key writes its row as it is: so the first is returned in any case, also when
# it was committed a moment ago.
START = f"""
INSERT INTO wildrydes_saga AS known ({", ".join(_LASTING | _CHANGING)})
SELECT {", ".join(f"given.{name}" for name in _LASTING | _CHANGING)}
FROM {_given(_LASTING | _CHANGING)} ORDER BY given.definition, given.key
ON CONFLICT (definition, key) DO UPDATE SET key = known.key
RETURNING definition, key, id
"""  # noqa: S608 - constants

UPDATE = f"""
UPDATE wildrydes_saga AS saga SET {", ".join(f"{name} = given.{name}" for name in _CHANGING)}
FROM {_given({"id": "uuid", **_CHANGING})} WHERE saga.id = given.id
"""  # noqa: S608 - constants

ADD_HISTORY = f"""
INSERT INTO wildrydes_sagaevent ({", ".join(_EVENT)})
SELECT {", ".join(f"given.{name}" for name in _EVENT)} FROM {_given(_EVENT)}
"""  # noqa: S608 - constants

NOW = "SELECT clock_timestamp()"
