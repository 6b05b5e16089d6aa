#!/usr/bin/env python3
"""No descriptor is left: whoever comes waits or is let go, the CPU rests, and when there are some
again everything is as before."""
import os
import resource
import select
import socket
import sys
import time
import unittest

import harness
from harness import Backend, Client, SystemTest

sys.path.append(str(harness.ROOT / "tests" / "bench"))
import tree  # noqa: E402


class Descriptors(SystemTest):
    def limit(self, ravelin, most):
        _, hard = resource.prlimit(ravelin.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(ravelin.pid, resource.RLIMIT_NOFILE, (most, hard))

    def test_the_accept_path_rests_and_goes_on(self):
        ravelin = self.ravelin([self.start(Backend())], sections={
            "limits": "sessions_per_client = 0\nsessions_per_network = 0"})
        before, _ = resource.prlimit(ravelin.pid, resource.RLIMIT_NOFILE)
        held = [self.start(Client(ravelin.port)) for _ in range(50)]
        taken = [int(number) for number in os.listdir(f"/proc/{ravelin.pid}/fd")]
        self.limit(ravelin, max(taken) + 1)
        crowd = []
        for _ in range(300):
            crowd.append(socket.create_connection(("127.0.0.1", ravelin.port), harness.PATIENCE))
            self.addCleanup(crowd[-1].close)
        # A second for what it can still do; then three of nothing to be done.
        select.select([], [], [], 1)
        began, spent = time.monotonic(), tree.used(ravelin.pid)
        select.select([], [], [], 3)
        share = (tree.used(ravelin.pid) - spent) / (time.monotonic() - began)
        self.assertLess(share, 0.05)
        # Those who are there are served.
        self.assertRegex(held[0].say("EHLO client.sender.example"), "^250")

        self.limit(ravelin, before)
        began = time.monotonic()
        with Client(ravelin.port) as client:
            self.assertRegex(client.mail(["bob@example.com"])[-1], "^250")
        self.assertLess(time.monotonic() - began, 5)


if __name__ == "__main__":
    harness.main()
