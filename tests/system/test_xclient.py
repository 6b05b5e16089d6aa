#!/usr/bin/env python3
"""XCLIENT from trusted fronts: from there on the dialog is the client's that they name."""
import unittest

import harness
from harness import Backend, Client, SystemTest
from test_proxy_protocol import v1
from test_tls import client_context, make_certificate

FRONT = "127.8.8.8"


class Xclient(SystemTest):
    def setUp(self):
        super().setUp()
        self.backend = self.start(Backend())
        self.clients = []

    def behind_front(self, access="", **sections):
        sections["access"] = f'xclient_from = ["{FRONT}"]\n{access}'
        return self.ravelin([self.backend], sections=sections)

    def connect(self, ravelin, source=FRONT):
        self.clients.append(self.start(Client(ravelin.port, source=source)))
        return self.clients[-1]

    def stop(self, ravelin):
        for client in self.clients:
            client.close()
        self.assertEqual(ravelin.stop(), 0)

    def test_the_client_is_who_the_front_names(self):
        ravelin = self.behind_front()
        for name, address in (("192.0.2.1", "192.0.2.1"), ("2001:db8::1", "IPV6:2001:db8::1")):
            client = self.connect(ravelin)
            self.assertIn("XCLIENT NAME ADDR PORT PROTO HELO", client.say("EHLO front.example"))
            self.assertRegex(client.say(f"XCLIENT NAME=[UNAVAILABLE] ADDR={address} PORT=4711 LOGIN="
                                        "[UNAVAILABLE]"), "^220 mx.example.net ESMTP")
            self.assertRegex(client.mail(["bob@example.com"])[-1], "^250 ")
            client.close()
            received = self.backend.messages[-1]["text"].split(b"\r\nSubject")[0]
            self.assertIn(name.encode() + b"]", received)
            self.assertNotIn(FRONT.encode(), received)
        ravelin.wait_line(r"XCLIENT from 127\.8\.8\.8:\d+ \([0-9A-F]{12}\): the client is 192\.0\.2\.1:4711")
        ravelin.wait_line(r"disconnect from unknown\[127\.8\.8\.8\] ehlo=1 xclient=1 commands=2")
        ravelin.wait_line(r"disconnect from unknown\[192\.0\.2\.1\] ehlo=1 mail=1 rcpt=1 data=1")
        ravelin.wait_line(r"disconnect from unknown\[2001:db8::1\]")
        self.stop(ravelin)

    def test_from_anybody_else_it_is_refused(self):
        ravelin = self.behind_front('proxy_from = ["127.9.9.9"]')
        client = self.connect(ravelin, "127.0.0.1")
        self.assertNotIn("XCLIENT", client.say("EHLO client.example"))
        self.assertRegex(client.say("XCLIENT ADDR=127.0.0.1"), r"^550 5\.7\.0 ")
        self.assertRegex(client.mail(["bob@example.com"])[-1], "^250 ")
        # Who is named by a PROXY header says so by itself: a front is known by its connection.
        client = self.start(Client(ravelin.port, source="127.9.9.9", banner=False))
        self.clients.append(client)
        client.send(v1(FRONT))
        self.assertRegex(client.reply(), "^220 ")
        self.assertNotIn("XCLIENT", client.say("EHLO client.example"))
        self.assertRegex(client.say("XCLIENT ADDR=192.0.2.1"), r"^550 5\.7\.0 ")
        self.assertEqual(ravelin.lines("XCLIENT from"), [])
        self.stop(ravelin)

    def test_only_once_and_not_inside_a_transaction(self):
        ravelin = self.behind_front()
        client = self.connect(ravelin)
        client.say("EHLO front.example")
        client.say("MAIL FROM:<a@sender.example>")
        self.assertRegex(client.say("XCLIENT ADDR=192.0.2.1"), r"^503 5\.5\.1 ")
        client.say("RSET")
        self.assertRegex(client.say("XCLIENT ADDR=192.0.2.300"), r"^501 5\.5\.4 ")
        self.assertRegex(client.say("XCLIENT ADDR=192.0.2.1"), "^220 ")
        self.assertRegex(client.say("XCLIENT ADDR=192.0.2.2"), r"^550 5\.7\.0 ")
        self.assertRegex(client.say("MAIL FROM:<a@sender.example>"), r"^503 5\.5\.1 ")
        self.stop(ravelin)

    def test_limits_and_lists_are_for_the_client_that_is_named(self):
        ravelin = self.behind_front('deny = ["192.0.2.66"]', limits="sessions_per_client = 2")
        for expected, name in (("220", 1), ("220", 1), ("421", 1), ("554", 66), ("220", 2)):
            client = self.connect(ravelin)
            client.say("EHLO front.example")
            self.assertEqual(client.say(f"XCLIENT ADDR=192.0.2.{name}")[:3], expected)
            if expected != "220":
                self.assertTrue(client.closed())
        # The front's own place is free again once it has said for whom it speaks.
        self.assertRegex(self.connect(ravelin).say("EHLO front.example"), "^250")
        ravelin.wait_line(r"192\.0\.2\.66.*: 554 5\.7\.1")
        self.stop(ravelin)

    def test_the_last_place_is_given_back_first(self):
        ravelin = self.behind_front(limits='sessions = 1\nreserved_for_known = "0%"')
        client = self.connect(ravelin)
        client.say("EHLO front.example")
        self.assertRegex(client.say("XCLIENT ADDR=192.0.2.1"), "^220 ")
        self.stop(ravelin)

    def test_under_tls(self):
        certificate = make_certificate(self.directory, "mx", ["mx.example.net"])
        ravelin = self.behind_front(tls=f'certificates = ["{certificate}"]')
        client = self.connect(ravelin)
        client.say("EHLO front.example")
        self.assertRegex(client.say("STARTTLS"), "^220 ")
        client.socket = client_context(certificate).wrap_socket(client.socket,
                                                                server_hostname="mx.example.net")
        client.say("EHLO front.example")
        self.assertRegex(client.say("XCLIENT ADDR=192.0.2.1"), "^220 ")
        self.assertRegex(client.mail(["bob@example.com"])[-1], "^250 ")
        self.assertIn(b"with ESMTPS", self.backend.messages[-1]["text"])
        self.stop(ravelin)


if __name__ == "__main__":
    harness.main()
