"""The garbage collector of a long-running process: it does not look at what stays anyway.

A process of ours holds 150,000 objects before its first message, and Python goes through all of
them whenever enough young ones are alive, as in the middle of a batch: a tenth of a second each
time, in which nothing else runs.

Guarantee: what is made later and becomes garbage is found, as before.
Does not guarantee: that what was loaded before, and what hangs from it, is ever given back when it
is dropped as a circle.
"""

from __future__ import annotations

import gc

YOUNG_AT_MOST = 10_000  # objects that are more than there were, before Python looks through them


def leave_alone_what_is_loaded(**_: object) -> None:
    """Take what this process has loaded out of the collector's sight, and let it look less often.

    To be called once, when the process is about to begin its work; a receiver of Celery's signals.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_AT_MOST, *gc.get_threshold()[1:])
