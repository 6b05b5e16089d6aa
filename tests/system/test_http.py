#!/usr/bin/env python3
"""The admin side's HTTP listener of the real daemon: who may ask, and what a restart is for."""
import http.client
import socket
import unittest

import harness
from harness import Backend, SystemTest


def get(port, path, method="GET", address="127.0.0.1", **headers):
    """Status, headers and text of one answer."""
    connection = http.client.HTTPConnection(address, port, timeout=harness.PATIENCE)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()
    finally:
        connection.close()


class Http(SystemTest):
    def setUp(self):
        super().setUp()
        self.http = harness.free_port()
        self.backend = self.start(Backend())

    def daemon(self, address="127.0.0.1"):
        where = f"[{address}]" if ":" in address else address
        return self.ravelin([self.backend], sections={
            "admin": f'socket = "{{dir}}/ctl.sock"\nhttp = "{where}:{self.http}"'})

    def test_answers_and_refusals(self):
        self.daemon()
        status, headers, _ = get(self.http, "/nothing")
        self.assertEqual(status, 404)
        self.assertIn("default-src 'self'", headers["Content-Security-Policy"])
        self.assertEqual(get(self.http, "/metrics", method="POST")[0], 405)
        self.assertEqual(get(self.http, "/metrics", Host="rebound.example")[0], 421)

    def test_ipv6(self):
        self.daemon("::1")
        self.assertEqual(get(self.http, "/nothing", address="::1")[0], 404)

    def test_a_change_needs_a_restart(self):
        ravelin = self.daemon()
        ravelin.write_config(admin='socket = "{dir}/ctl.sock"')
        self.assertIn("admin.http: needs restart", ravelin.run_ctl("reload").stderr)

    def test_an_address_in_use_is_said_at_start(self):
        with socket.create_server(("127.0.0.1", self.http)):
            second = harness.Ravelin(self.directory, [self.backend.port], start=False, sections={
                "admin": f'socket = ""\nhttp = "127.0.0.1:{self.http}"'})
            second.start(wait=False)
            self.assertEqual(second.wait(), 1)
            self.assertIn(f"admin.http: cannot listen on 127.0.0.1:{self.http}", second.text())

    def test_idle_connections_do_not_keep_it_from_ending(self):
        ravelin = self.daemon()
        idle = [socket.create_connection(("127.0.0.1", self.http)) for _ in range(20)]
        with ravelin.client() as client:
            self.assertTrue(client.banner.startswith("220"))
        ravelin.signal(15)
        self.assertEqual(ravelin.wait(), 0)
        for each in idle:
            each.close()


if __name__ == "__main__":
    harness.main()
