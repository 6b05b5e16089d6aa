#!/usr/bin/env python3
"""Reverse DNS, HELO and sender domain against a DNS server of ours; and DNS that is down."""
import unittest

import harness
from harness import Backend, Client, FakeDns, SystemTest

ZONE = """
1.1.1.127.in-addr.arpa PTR good.sender.example
good.sender.example A 127.1.1.1
2.1.1.127.in-addr.arpa PTR liar.example
liar.example A 127.9.9.9
3.1.1.127.in-addr.arpa SERVFAIL
4.1.1.127.in-addr.arpa PTR $(reboot).example
sender.example MX 10 mx.sender.example
null-mx.example MX 0 .
broken.example SERVFAIL
"""
CHECKS = {
    "checks.rdns": 'action = "defer"',
    "checks.sender_domain": 'action = "defer"',
    "checks.helo": 'syntax = "reject"\nown_name = "reject"\nliteral = "note"\nnot_fqdn = "reject"\n'
                   'unresolvable = "off"\nptr_mismatch = "off"',
}


class Dns(SystemTest):
    def setUp(self):
        super().setUp()
        self.backend = self.start(Backend())
        self.dns = self.start(FakeDns(self.directory, ZONE))

    def judged(self, timeout="5s"):
        return self.ravelin([self.backend], sections={
            **CHECKS, "dns": f'servers = ["127.0.0.1:{self.dns.port}"]\ntimeout = "{timeout}"'})

    def rcpt(self, ravelin, source, helo="client.sender.example", sender="a@sender.example"):
        with Client(ravelin.port, source=source) as client:
            return client.mail(["bob@example.com"], helo=helo, sender=sender)[0]

    def test_reverse_dns(self):
        ravelin = self.judged()
        self.assertRegex(self.rcpt(ravelin, "127.1.1.1"), "^250")
        self.assertRegex(self.rcpt(ravelin, "127.1.1.2"), r"^4\d\d 4\.7\.25")
        self.assertRegex(self.rcpt(ravelin, "127.1.1.3"), "^250", "SERVFAIL counts against nobody")
        self.assertRegex(self.rcpt(ravelin, "127.1.1.4"), r"^4\d\d 4\.7\.25")
        ravelin.wait_line(r"connect from good\.sender\.example\[127\.1\.1\.1\]")
        ravelin.wait_line(r"reject: RCPT from unknown\[127\.1\.1\.2\]")
        self.assertEqual(ravelin.lines(r"reboot"), [])

    def test_helo(self):
        ravelin = self.judged()
        for helo in ("mx.example.net", "localhost"):
            self.assertRegex(self.rcpt(ravelin, "127.1.1.1", helo), r"^5\d\d 5\.\d\.\d Helo", helo)
        self.assertRegex(self.rcpt(ravelin, "127.1.1.1", "[127.1.1.1]"), "^250")

    def test_sender_domain(self):
        ravelin = self.judged()
        for sender, expected in [("a@sender.example", "^250"), ("a@nowhere.example", r"^4\d\d 4\."),
                                 ("a@null-mx.example", r"^55\d 5\.7\.27"), ("a@broken.example", "^250"),
                                 ("", "^250")]:
            self.assertRegex(self.rcpt(ravelin, "127.1.1.1", sender=sender), expected, sender)

    def test_dns_that_is_down(self):
        self.dns.end()
        ravelin = self.judged(timeout="1s")
        self.assertRegex(self.rcpt(ravelin, "127.1.1.2"), "^250")
        self.assertEqual(len(ravelin.lines("reject:")), 0)

    def test_a_server_elsewhere_is_warned_of(self):
        """Its answers can be forged on the way: whoever runs this should know."""
        for server, warned in ((f"127.0.0.1:{self.dns.port}", 0), ("192.0.2.53", 1)):
            ravelin = self.ravelin([self.backend], sections={"dns": f'servers = ["{server}"]'})
            ravelin.wait_line("started: version")
            self.assertEqual(len(ravelin.lines("warning: a DNS server is not on this machine")),
                             warned, server)
            self.assertEqual(ravelin.stop(), 0)

    def test_early_talker(self):
        ravelin = self.ravelin([self.backend], sections={
            "checks.early_talker": 'action = "reject"\npause = "20s"'})
        with ravelin.client(banner=False) as client:
            client.send("EHLO hasty.example\r\n")
            self.assertRegex(client.reply(), r"^554 5\.5\.1 ")
            self.assertTrue(client.closed())
        ravelin.wait_line(r"PREGREET 20 after \S+ from \[127\.0\.0\.1\]:\d+: EHLO hasty")


if __name__ == "__main__":
    harness.main()
