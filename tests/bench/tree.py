#!/usr/bin/env python3
"""Runs a program and is the ancestor of all that comes from it, daemons included: what loses its
parent comes to this process, is reaped by it, and ends with it. So the CPU time of a server can be
read from /proc, whatever it forks.

    tree.py PROGRAM [ARGUMENT...]      SIGTERM ends the program, and then the rest
"""
import contextlib
import ctypes
import os
import pathlib
import signal
import subprocess
import sys
import time

TICK = os.sysconf("SC_CLK_TCK")
PATIENCE = 5  # seconds for a SIGTERM to be obeyed
CPUCLOCK_SCHED = 2  # include/linux/posix-timers.h
SET_PDEATHSIG, SET_CHILD_SUBREAPER = 1, 36  # prctl(2)


def processes():
    """{pid: parent} of the machine, zombies included."""
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                found[int(entry)] = int(stat(entry)[1])
    return found


def stat(pid):
    """proc(5): the fields of stat, from the state on."""
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def descendants(root):
    """All that come from |root|, without it."""
    children = {}
    for pid, parent in processes().items():
        children.setdefault(parent, []).append(pid)
    line = list(children.get(root, ()))
    for pid in line:  # grows while it is read
        line += children.get(pid, ())
    return line


def used(pid):
    """Seconds of CPU of one process. /proc counts in whole ticks, and hundreds of processes that did
    little would seem to have done nothing; its CPU clock, clock_getcpuclockid(3), counts in ns."""
    return time.clock_gettime(~pid << 3 | CPUCLOCK_SCHED)


def reaped(pid):
    """Seconds of CPU of the children that |pid| has reaped, and of those that these had reaped."""
    return sum(map(int, stat(pid)[13:15])) / TICK


def cpu(root):
    """Seconds of CPU, user and system, that all have used that ever came from the tree.py |root|. What
    a parent that ignores SIGCHLD leaves to the kernel to reap is not in it."""
    total = reaped(root)
    for pid in descendants(root):
        with contextlib.suppress(OSError):
            total += used(pid) + reaped(pid)
    return total


def children():
    return [int(pid) for task in pathlib.Path("/proc/self/task").iterdir()
            for pid in (task / "children").read_text().split()]


def end_rest():
    """Whoever loses its parent on the way comes here, too."""
    begin = time.monotonic()
    told = set()
    try:
        while True:
            patient = time.monotonic() < begin + PATIENCE
            for pid in children():
                if pid not in told or not patient:
                    os.kill(pid, signal.SIGTERM if patient else signal.SIGKILL)
                    told.add(pid)
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
            time.sleep(0.01)
    except ChildProcessError:
        pass  # nobody is left


def main():
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    if prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0) or prctl(SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")
    first = subprocess.Popen(sys.argv[1:]).pid

    def tell(number):
        with contextlib.suppress(ProcessLookupError):  # it has just ended by itself
            os.kill(first, number)

    def end(*_):
        tell(signal.SIGTERM)
        signal.alarm(PATIENCE)

    signal.signal(signal.SIGALRM, lambda *_: tell(signal.SIGKILL))
    signal.signal(signal.SIGTERM, end)
    while True:
        pid, status = os.wait()
        if pid == first:
            break
    for number in (signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)
    end_rest()
    return os.waitstatus_to_exitcode(status) & 255


if __name__ == "__main__":
    sys.exit(main())
