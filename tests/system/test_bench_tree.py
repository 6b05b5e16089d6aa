#!/usr/bin/env python3
"""tests/bench/tree.py, which reads what a server's processes used and ends them all: with a server that
forks, leaves its children behind, and has children that end."""
import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import unittest

import harness
from harness import SystemTest, wait_for

BENCH = harness.ROOT / "tests" / "bench"
sys.path.append(str(BENCH))
import tree  # noqa: E402

# Prints what it used when it is done, by its own clock.
BURN = """
import os, pathlib, sys, time
while time.process_time() < 0.25: pass
name, stays = sys.argv[1:]
pathlib.Path(name + ".part").write_text(f"{os.getpid()} {time.process_time()}")
os.rename(name + ".part", name)
if stays == "stays":
    time.sleep(60)
"""
# The children of a parent that is gone; one ends, one stays, and so does one of this shell's own.
SERVER = """
("$0" -c "$1" "$2/orphan-ended" ends & "$0" -c "$1" "$2/orphan" stays &)
"$0" -c "$1" "$2/ended" ends
"$0" -c "$1" "$2/own" stays &
wait
"""


class Tree(SystemTest):
    def start_server(self):
        server = subprocess.Popen([sys.executable, "-B", str(BENCH / "tree.py"), "sh", "-c", SERVER,
                                   sys.executable, BURN, self.directory])
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        reports = [pathlib.Path(self.directory, name)
                   for name in ("orphan-ended", "orphan", "ended", "own")]
        wait_for(lambda: all(report.exists() for report in reports), "the processes to have worked")
        said = [report.read_text().split() for report in reports]
        pids = [int(pid) for pid, _ in said]
        self.addCleanup(self.kill_rest, pids)
        return server, pids, sum(float(used) for _, used in said)

    def kill_rest(self, pids):
        for pid in pids:  # those that tree.py has not ended, if it fails
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                if self.directory in pathlib.Path(f"/proc/{pid}/cmdline").read_text():
                    os.kill(pid, signal.SIGKILL)

    def test_all_that_came_from_it_is_counted(self):
        server, pids, used = self.start_server()
        wait_for(lambda: not any(os.path.exists(f"/proc/{pids[i]}") for i in (0, 2)), "two to end")
        self.assertGreater(used, 0.99)
        seen = tree.cpu(server.pid)
        self.assertGreater(seen, used - 0.05)  # whole ticks, of each that is reaped
        self.assertLess(seen, used + 0.5)      # what shell and interpreter used to start and end
        server.terminate()

    def test_all_of_it_ends(self):
        server, pids, _ = self.start_server()
        server.terminate()
        self.assertEqual(server.wait(harness.PATIENCE), 256 - signal.SIGTERM)
        for pid in pids:
            self.assertFalse(os.path.exists(f"/proc/{pid}"), pid)


if __name__ == "__main__":
    harness.main()
