"""Loss detector: what is stuck, since when, and whether anyone is there to work on it.

Guarantee: a message that was committed and has not taken effect is in one of these findings, or
on its way for less than the age that is asked about. A look costs the same at a million messages
as at ten: indexes only, and nothing is counted beyond `COUNTED_AT_MOST`.
Does not guarantee: to see another service's database. Split, each service has a doctor of its own.
Source: Hohpe and Woolf, Control Bus, Test Message; Microsoft, Health Endpoint Monitoring.
"""

from wildrydes.doctor.consumers import forget, seen
from wildrydes.doctor.examination import Finding, examine

__all__ = ["Finding", "examine", "forget", "seen"]
