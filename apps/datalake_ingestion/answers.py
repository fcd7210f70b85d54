"""Questions that are asked again and again, ready to be asked: by name, as rows or as a chart."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from apps.datalake_ingestion import asking, charts
from apps.datalake_ingestion.asking import Answer
from apps.datalake_ingestion.charts import Chart, Series
from apps.datalake_ingestion.lake import Lake


@dataclass(frozen=True, kw_only=True)
class Question:
    """A question about what happened since a moment, which is its one parameter.

    Its first column says what a row is about, the others are numbers. They are written on events
    of any version, so that one that never happened is an empty answer and no error.
    """

    name: str
    title: str
    sql: str
    stacked: bool = False


RIDES = """
SELECT strftime(day, '%Y-%m-%d') AS day, count(*) AS rides
FROM events WHERE type LIKE 'v%.ride.completed' AND time >= $1
GROUP BY ALL ORDER BY day
"""
FARES = """
SELECT strftime(day, '%Y-%m-%d') AS day, sum((data->>'fare')::DECIMAL(18, 2)) AS fares
FROM events WHERE type LIKE 'v%.ride.completed' AND time >= $1
GROUP BY ALL ORDER BY day
"""
QUOTES = """
WITH asked AS (
    SELECT data->>'rfq' AS rfq, min(time) AS at FROM events
    WHERE type LIKE 'v%.ride-quotes.requested' AND time >= $1 GROUP BY ALL
), gathered AS (
    SELECT data->>'rfq' AS rfq, min(time) AS at FROM events
    WHERE type LIKE 'v%.ride-quotes.gathered' AND time >= $1 GROUP BY ALL
), waits AS (
    SELECT asked.at::DATE AS day, epoch(gathered.at - asked.at) AS seconds
    FROM asked JOIN gathered USING (rfq)
)
SELECT strftime(day, '%Y-%m-%d') AS day, round(quantile_cont(seconds, 0.5), 3) AS "half of them",
    round(quantile_cont(seconds, 0.95), 3) AS "95 of 100"
FROM waits GROUP BY ALL ORDER BY day
"""
SAGAS = """
SELECT strftime(day, '%Y-%m-%d') AS day,
    count(*) FILTER (type LIKE 'v%.fare.collected') AS collected,
    count(*) FILTER (type LIKE 'v%.fare.failed') AS failed,
    count(*) FILTER (type LIKE 'v%.fare.refunded') AS refunded,
    count(*) FILTER (type LIKE 'v%.fare-collection.stuck') AS stuck
FROM events
WHERE (type LIKE 'v%.fare.%' OR type LIKE 'v%.fare-collection.stuck') AND time >= $1
GROUP BY ALL ORDER BY day
"""
CAMPAIGNS = """
SELECT coalesce(nullif(data->>'campaign', ''), 'no campaign') AS campaign,
    count(*) FILTER (type LIKE 'v%.ride.prebooked') AS confirmed,
    count(*) FILTER (type LIKE 'v%.ride-prebooking.rejected') AS rejected
FROM events
WHERE (type LIKE 'v%.ride.prebooked' OR type LIKE 'v%.ride-prebooking.rejected') AND time >= $1
GROUP BY ALL ORDER BY confirmed + rejected DESC, campaign LIMIT 30
"""

QUESTIONS = (
    Question(name="rides", title="Rides by day", sql=RIDES),
    Question(name="fares", title="Fares by day", sql=FARES),
    Question(name="quotes", title="Seconds until quotes were gathered", sql=QUOTES),
    Question(name="sagas", title="What became of fares", sql=SAGAS, stacked=True),
    Question(name="campaigns", title="Campaign uptake", sql=CAMPAIGNS, stacked=True),
)


def named(name: str) -> Question:
    """Return the question of that name; raises `QuestionError` for an unknown one."""
    for question in QUESTIONS:
        if question.name == name:
            return question
    known = ", ".join(question.name for question in QUESTIONS)
    raise asking.QuestionError(f"there is no question {name!r}, but: {known}")


def answer(question: Question, *, since: datetime, lake: Lake) -> Answer:
    """Return what the lake answers."""
    return asking.ask(question.sql, lake=lake, parameters=[since])


def chart(question: Question, found: Answer) -> str:
    """Return an answer as a chart, in SVG."""
    labels, *columns = zip(*found.rows, strict=True) if found.rows else [() for _ in found.columns]
    series = [
        Series(name=name, values=tuple(map(_number, values)))
        for name, values in zip(found.columns[1:], columns, strict=True)
    ]
    return charts.draw(
        Chart(
            title=question.title,
            labels=tuple(map(str, labels)),
            series=tuple(series),
            stacked=question.stacked,
        )
    )


def _number(value: Any) -> float:
    return float(value or 0)
