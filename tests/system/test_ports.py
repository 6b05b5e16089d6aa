#!/usr/bin/env python3
"""Local ports towards the backend run out, for real: in a network namespace that has a hundred.

It takes root. The test starts itself again in the namespace; what runs there is Inside.
"""
import ctypes
import errno
import itertools
import os
import pathlib
import socket
import struct
import subprocess
import sys
import unittest

import harness
from harness import Backend, SystemTest, wait_for

RANGE = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range")
FIRST, LAST = 40000, 40099
DIALOGS = 3000
INSIDE = "RAVELIN_TEST_PORTS"


def loopback_up():
    """ip link set lo up"""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        libc = ctypes.CDLL(None, use_errno=True)
        request = struct.pack("16sh14x", b"lo", 0x1 | 0x40)  # IFF_UP, IFF_RUNNING
        buffer = ctypes.create_string_buffer(request, 40)
        if libc.ioctl(any_socket.fileno(), 0x8914, buffer) != 0:  # SIOCSIFFLAGS
            raise OSError(ctypes.get_errno(), "SIOCSIFFLAGS")


@unittest.skipIf(INSIDE in os.environ, "this is the inside")
@unittest.skipIf(os.geteuid() != 0, "makes a network namespace")
class Ports(SystemTest):
    def run_inside(self, test):
        command = ["unshare", "--net", sys.executable, "-B", __file__, "--build", str(harness.BUILD),
                   f"Inside.{test}"]
        done = subprocess.run(command, env={**os.environ, INSIDE: "1"}, capture_output=True, text=True,
                              timeout=300)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("Ran 1 test", done.stderr)
        print(done.stdout, end="", flush=True)

    def test_no_port_is_left(self):
        self.run_inside("no_port_is_left")

    def test_many_more_dialogs_than_ports(self):
        self.run_inside("many_more_dialogs_than_ports")


@unittest.skipUnless(INSIDE in os.environ, "runs in a namespace of its own")
class Inside(SystemTest):
    """Each client comes from an address of its own: the ports that they take do not count, as ports
    are counted by address."""

    def setUp(self):
        super().setUp()
        loopback_up()
        RANGE.write_text(f"{FIRST} {LAST}")
        self.backend = self.start(Backend())
        self.sources = (f"127.9.{number // 250 % 250}.{1 + number % 250}" for number in itertools.count())

    def take_all_ports(self):
        """Connects to the backend from each port that there is."""
        held = []
        while True:
            one = socket.socket()
            try:
                one.connect(("127.0.0.1", self.backend.port))
            except OSError as error:
                one.close()
                self.assertEqual(error.errno, errno.EADDRNOTAVAIL)
                return held
            held.append(one)
            self.addCleanup(one.close)

    def mail(self, ravelin, recipient="bob@example.com"):
        with ravelin.client(source=next(self.sources)) as client:
            return client.mail([recipient])[-1]

    def no_port_is_left(self):
        ravelin = self.ravelin([self.backend], route='idle_timeout = "1s"')
        self.assertRegex(self.mail(ravelin), "^250")
        wait_for(lambda: ravelin.ctl("status")["backends"][0]["open"] == 0, "Ravelin to let go")
        held = self.take_all_ports()
        self.assertGreater(len(held), (LAST - FIRST) * 0.9)
        asked = len(self.backend.commands)
        for _ in range(3):
            self.assertRegex(self.mail(ravelin), r"^451 4\.")
        self.assertEqual(len(self.backend.commands), asked)
        self.assertEqual(len(ravelin.wait_line("warning: .* no local port or descriptor")), 1)
        for one in held:
            one.close()  # the backend closes behind us: nothing of it waits on our side
        wait_for(lambda: self.mail(ravelin).startswith("250"), "mail to flow again")

    def many_more_dialogs_than_ports(self):
        ravelin = self.ravelin([self.backend], route="max_refusals = 1", sections={
            "limits": "sessions_per_client = 0\nsessions_per_network = 0",
            "verify": 'negative_ttl = "0s"'})
        for number in range(DIALOGS // 3):
            self.assertRegex(self.mail(ravelin, f"nobody{number}@example.com"), "^550")
            self.assertRegex(self.mail(ravelin, f"none{number}@example.com"), "^550")
            self.assertRegex(self.mail(ravelin), "^250")
        self.assertGreater(self.backend.connections, 5 * (LAST - FIRST))
        print(f"{DIALOGS} dialogs, {self.backend.connections} connections to the backend, "
              f"{LAST - FIRST + 1} ports", flush=True)


if __name__ == "__main__":
    harness.main()
