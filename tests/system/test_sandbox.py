#!/usr/bin/env python3
"""The filter of system calls: that it is there, that everything which comes later works under it."""
import os
import pathlib
import re
import signal
import unittest

import harness
from harness import Backend, SystemTest, wait_for


def of_threads(pid, name):
    """What /proc says of every thread: {value: how many have it}."""
    counts = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        value = re.search(rf"^{name}:\t(.*)$", (task / "status").read_text(), re.M).group(1)
        counts[value] = counts.get(value, 0) + 1
    return counts


class Filter(SystemTest):
    def setUp(self):
        super().setUp()
        self.backend = self.start(Backend(("bob@example.com", "bob@second.example")))

    def sandboxed(self, seccomp="enforce", **sections):
        return self.ravelin([self.backend], sections={
            "sandbox": f'seccomp = "{seccomp}"', "state": 'path = "{dir}/state.db"', **sections})

    def delivers(self, ravelin, recipient="bob@example.com"):
        with ravelin.client() as client:
            self.assertRegex(client.mail([recipient])[-1], "^250")

    def test_every_thread_is_under_it(self):
        for seccomp in ("enforce", "log"):
            ravelin = self.sandboxed(seccomp)
            ravelin.status()
            counts = of_threads(ravelin.pid, "Seccomp")
            self.assertEqual(set(counts), {"2"}, "2: a filter")
            self.assertGreaterEqual(counts["2"], 5, "main, log, state, two workers")
            self.delivers(ravelin)
            self.assertEqual(ravelin.stop(), 0)
        ravelin = self.sandboxed("off")
        self.assertEqual(set(of_threads(ravelin.pid, "Seccomp")), {"0"})

    def test_reload_and_a_new_log(self):
        lists = pathlib.Path(self.directory) / "domains"
        lists.write_text("second.example\n")
        ravelin = self.sandboxed()
        with ravelin.client() as client:
            self.assertRegex(client.mail(["bob@second.example"])[0], "^5")
        ravelin.route = f'domains_file = "{lists}"'
        ravelin.write_config()
        os.rename(ravelin.log, str(ravelin.log) + ".1")
        ravelin.signal(signal.SIGUSR1)
        wait_for(ravelin.log.exists, "the new log")
        ravelin.signal(signal.SIGHUP)
        ravelin.wait_line("reload: the configuration is in force")
        self.delivers(ravelin, "bob@second.example")
        ravelin.write_config(log='file = "{dir}/other.log"')
        other = pathlib.Path(self.directory) / "other.log"
        ravelin.signal(signal.SIGHUP)
        wait_for(lambda: other.exists() and "in force" in other.read_text(), "the other log")
        self.assertEqual(ravelin.stop(), 0)

    def test_what_the_filter_is_cannot_change(self):
        ravelin = self.sandboxed()
        ravelin.write_config(sandbox='seccomp = "off"')
        ravelin.signal(signal.SIGHUP)
        ravelin.wait_line("sandbox.seccomp: needs restart")
        self.delivers(ravelin)

    def test_a_state_that_is_damaged_is_moved_aside(self):
        (pathlib.Path(self.directory) / "state.db").write_bytes(b"no database" * 1000)
        ravelin = self.sandboxed()
        self.delivers(ravelin)
        self.assertEqual(ravelin.stop(), 0)


if __name__ == "__main__":
    harness.main()
