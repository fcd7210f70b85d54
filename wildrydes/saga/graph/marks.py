"""One mark for each state, told apart by shape: drawn around (0, 0), about 20 pixels wide."""

from __future__ import annotations

from wildrydes.saga.graph.outline import State

TICK = '<path class="sg-cut" d="M-4.6 .4 L-1.4 3.8 L4.8 -3.4"/>'
CROSS = '<path class="sg-cut" d="M-3.6 -3.6 L3.6 3.6 M3.6 -3.6 L-3.6 3.6"/>'
BACK = "M4.6 4 V1.2 A3.6 3.6 0 0 0 1 -2.4 H-4.4 M-1.6 -5.4 L-4.6 -2.4 L-1.6 .6"

MARKS: dict[State, str] = {
    "pending": '<circle class="sg-thin" r="8.5" stroke-dasharray="2.2 3.14"/>',
    "running": (
        '<circle class="sg-thin sg-faint" r="8.5"/>'
        '<path class="sg-line sg-turning" d="M0 -8.5 A8.5 8.5 0 1 1 -8.5 0"/>'
    ),
    "retrying": (
        '<path class="sg-line" d="M-8 -2.6 A8.5 8.5 0 1 1 -7 4.8 M-9.4 -7.4 L-8.2 -2.2 L-3 -3.4"/>'
        '<circle class="sg-solid" r="2.6"/>'
    ),
    "completed": f'<circle class="sg-solid" r="10"/>{TICK}',
    "refused": (
        '<circle class="sg-solid" r="10"/><rect class="sg-hole" x="-5.6" y="-2" '
        'width="11.2" height="4" rx="1"/>'
    ),
    "failed": (
        '<path class="sg-solid" d="M-4.2 -10 H4.2 L10 -4.2 V4.2 L4.2 10 H-4.2 L-10 4.2 V-4.2 Z"/>'
        f"{CROSS}"
    ),
    "timed_out": ('<circle class="sg-line" r="9"/><path class="sg-line" d="M0 -5.4 V0 L3.8 2.6"/>'),
    "compensating": (
        '<rect class="sg-thin" x="-9.5" y="-9.5" width="19" height="19" rx="5" '
        f'stroke-dasharray="3 2.4"/><path class="sg-line sg-pulse" d="{BACK}"/>'
    ),
    "compensated": (
        '<rect class="sg-solid" x="-10" y="-10" width="20" height="20" rx="5"/>'
        f'<path class="sg-cut" d="{BACK}"/>'
    ),
    "skipped": '<path class="sg-line" d="M-7 -5.5 L-1.5 0 L-7 5.5 M1 -5.5 L6.5 0 L1 5.5"/>',
    "stuck": (
        '<path class="sg-solid sg-round" d="M0 -9.6 L10.4 8.6 H-10.4 Z"/>'
        '<path class="sg-cut" d="M0 -3.6 V2.2"/><circle class="sg-hole" cy="5.6" r="1.5"/>'
    ),
}

WORDS: dict[State, str] = {
    "pending": "not begun",
    "running": "running",
    "retrying": "to be tried again",
    "completed": "completed",
    "refused": "refused",
    "failed": "failed",
    "timed_out": "timed out",
    "compensating": "undoing",
    "compensated": "undone",
    "skipped": "skipped",
    "stuck": "stuck",
}


def told(state: State, note: str) -> str:
    """Return the state's word, and the note if there is one."""
    return f"{WORDS[state]} · {note}" if note else WORDS[state]
