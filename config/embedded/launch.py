"""Become another program that dies with its parent, under another account if asked.

Run as a script: `python -I -S launch.py PARENT SIGNAL ACCOUNT COMMAND …`. ACCOUNT is `uid:gid`,
or `-` to stay. It is a program of its own because code between fork and exec is not safe in a
parent with threads, and because the parent's death signal is forgotten when the account changes.

Guarantee (Linux): the program gets SIGNAL when the thread that started it ends, however it ends.
Elsewhere: nothing; the next start stops what it finds left behind. Signals that we ignore, as a
shell has its background jobs do, the program gets as if started in the foreground.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
IGNORED_IN_THE_BACKGROUND = (signal.SIGINT, signal.SIGQUIT)


def main(parent: str, death_signal: str, account: str, *command: str) -> None:
    """Drop privileges, tie our life to the parent's, and become the command."""
    if account != "-":
        uid, gid = (int(part) for part in account.split(":"))
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(death_signal))
        if os.getppid() != int(parent):
            sys.exit("the parent ended before its child had started")
    for number in IGNORED_IN_THE_BACKGROUND:
        signal.signal(number, signal.SIG_DFL)
    os.execv(command[0], command)  # noqa: S606


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except OSError as error:
        sys.exit(f"{sys.argv[4]}: {error}")
