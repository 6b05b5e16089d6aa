#!/usr/bin/env python3
"""Load balancers that say in a PROXY header who the client is: read from those that are trusted,
needed from those, and an error from everybody else."""
import pathlib
import signal
import socket
import struct
import unittest

import harness
from harness import Backend, Client, SystemTest, wait_for
from test_tls import client_context, make_certificate

BALANCER = "127.9.9.9"
V2 = b"\r\n\r\n\0\r\nQUIT\n"


def v1(client="192.0.2.1", port=4025):
    return f"PROXY TCP4 {client} 192.0.2.25 {port} 25\r\n".encode()


def v2(command=1, client="192.0.2.1", port=4025, tlvs=b""):
    if ":" in client:
        family, addresses = 0x21, b"".join(socket.inet_pton(socket.AF_INET6, a)
                                           for a in (client, "2001:db8::25"))
    else:
        family, addresses = 0x11, socket.inet_aton(client) + socket.inet_aton("192.0.2.25")
    block = addresses + struct.pack("!HH", port, 25) + tlvs
    return V2 + struct.pack("!BBH", 0x20 | command, family, len(block)) + block


class ProxyProtocol(SystemTest):
    def setUp(self):
        super().setUp()
        self.backend = self.start(Backend())
        self.clients = []

    def behind_balancer(self, **sections):
        sections.setdefault("access", f'proxy_from = ["{BALANCER}"]')
        return self.ravelin([self.backend], sections=sections)

    def connect(self, ravelin, header, source=BALANCER):
        client = Client(ravelin.port, source=source, banner=False)
        self.clients.append(self.start(client))
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.send(header)
        return client

    def stop(self, ravelin):
        for client in self.clients:
            client.close()
        self.assertEqual(ravelin.stop(), 0)

    def test_the_client_is_who_the_header_names(self):
        ravelin = self.behind_balancer()
        for header, name in ((v1(), "192.0.2.1"), (v2(), "192.0.2.1"),
                             (v2(client="2001:db8::1"), "2001:db8::1"),
                             (v2(tlvs=b"\x04\0\x03xyz"), "192.0.2.1")):
            with self.subTest(header=header):
                client = self.connect(ravelin, header)
                self.assertRegex(client.reply(), "^220 ")
                self.assertRegex(client.mail(["bob@example.com"])[-1], "^250 ")
                client.close()
                received = self.backend.messages[-1]["text"].split(b"\r\nSubject")[0]
                self.assertIn(name.encode() + b"]", received)
                self.assertNotIn(BALANCER.encode(), received)
        ravelin.wait_line(r"disconnect from unknown\[2001:db8::1\]")
        self.assertEqual(len(ravelin.lines(r" connect from unknown\[192\.0\.2\.1\]")), 3)
        self.assertEqual(ravelin.lines(BALANCER.replace(".", r"\.")), [])
        self.stop(ravelin)

    def test_a_header_in_pieces(self):
        ravelin = self.behind_balancer()
        for header in (v1(), v2(tlvs=b"\x04\0\x03xyz")):
            client = self.connect(ravelin, b"")
            for octet in header:
                client.send(bytes([octet]))
            self.assertRegex(client.reply(), "^220 ")
            self.assertRegex(client.mail(["bob@example.com"])[-1], "^250 ")
        self.stop(ravelin)

    def test_a_balancer_for_itself(self):
        """Health checks: LOCAL and UNKNOWN name nobody."""
        ravelin = self.behind_balancer()
        for header in (v2(command=0), b"PROXY UNKNOWN\r\n"):
            client = self.connect(ravelin, header)
            self.assertRegex(client.reply(), "^220 ")
            self.assertRegex(client.say("QUIT"), "^221 ")
            client.close()
        ravelin.wait_line(r"disconnect from unknown\[127\.9\.9\.9\]")
        self.stop(ravelin)

    def test_without_a_good_header_there_is_no_dialog(self):
        ravelin = self.behind_balancer()
        bad = [b"EHLO client.example\r\n", v1("192.0.2.300"), b"PROXY TCP4 " + b"1" * 200,
               V2 + struct.pack("!BBH", 0x21, 0x11, 65535) + b"x" * 65535,
               V2 + struct.pack("!BBH", 0x21, 0x31, 216) + b"x" * 216,
               V2 + struct.pack("!BBH", 0x21, 0x11, 4) + b"xxxx"]
        for header in bad:
            with self.subTest(header=header[:40]):
                client = self.connect(ravelin, b"")
                try:
                    client.send(header)
                except OSError:
                    pass  # closed already
                self.assertEqual(client.reply(), "")
        self.assertEqual(len(ravelin.wait_line("did not begin with a PROXY header")), len(bad))
        self.assertEqual(ravelin.lines(" connect from .*192"), [])
        self.assertEqual(self.backend.recipients_of("MAIL"), [])
        self.stop(ravelin)

    def test_from_anybody_else_it_is_an_error(self):
        ravelin = self.behind_balancer(**{"access": f'proxy_from = ["{BALANCER}"]\n'
                                                    'deny = ["127.0.0.66"]'})
        for header in (v1("192.0.2.1"), v2(client="192.0.2.1")):
            client = self.connect(ravelin, b"", source="127.0.0.1")
            self.assertRegex(client.reply(), "^220 ")
            client.send(header)
            self.assertRegex(client.reply(), r"^500 5\.5\.[12] ")
        client = self.connect(ravelin, v1("192.0.2.1"), source="127.0.0.66")
        self.assertRegex(client.reply(), "^554 ")  # still who it is
        self.assertEqual(ravelin.lines(r"192\.0\.2\.1\]"), [])
        self.stop(ravelin)

    def test_limits_and_lists_are_for_the_client_that_is_named(self):
        ravelin = self.behind_balancer(
            access=f'proxy_from = ["{BALANCER}"]\ndeny = ["192.0.2.66"]',
            limits="sessions_per_client = 2\nsessions_per_network = 100")
        for number in range(1, 6):  # more than one client may have, through one balancer
            self.assertRegex(self.connect(ravelin, v1(f"192.0.2.{number}")).reply(), "^220 ")
        self.assertRegex(self.connect(ravelin, v1("192.0.2.1")).reply(), "^220 ")
        self.assertRegex(self.connect(ravelin, v1("192.0.2.1")).reply(), r"^421 4\.7\.0 ")
        self.assertRegex(self.connect(ravelin, v1("192.0.2.66")).reply(), "^554 ")
        self.assertRegex(self.connect(ravelin, v1("192.0.2.6")).reply(), "^220 ")
        self.stop(ravelin)

    def test_who_is_refused_leaves_at_once(self):
        """Through a balancer, too: a flood beyond the places holds no descriptors."""
        ravelin = self.behind_balancer(limits="sessions_per_client = 1")
        self.assertRegex(self.connect(ravelin, v1()).reply(), "^220 ")
        descriptors = pathlib.Path(f"/proc/{ravelin.pid}/fd")
        before = len(list(descriptors.iterdir()))
        for _ in range(60):
            self.assertRegex(self.connect(ravelin, v1()).reply(), "^421 ")
        wait_for(lambda: len(list(descriptors.iterdir())) < before + 10, "descriptors to be closed", 3)
        self.stop(ravelin)

    def test_waiting_for_headers_takes_places(self):
        """A balancer that sends none holds what limits.sessions allows, and no descriptor more."""
        places = 40  # more than one client may have
        ravelin = self.behind_balancer(limits=f'sessions = {places}\nreserved_for_known = "0%"')
        descriptors = pathlib.Path(f"/proc/{ravelin.pid}/fd")
        waiting = [self.connect(ravelin, b"PROXY ") for _ in range(places)]
        wait_for(lambda: ravelin.ctl("status")["sessions"]["open"] == places, "all to wait")
        before = len(list(descriptors.iterdir()))
        for _ in range(60):
            client = self.connect(ravelin, b"")
            self.assertRegex(client.reply(), "^421 ")
            self.assertTrue(client.closed())
        self.assertLess(len(list(descriptors.iterdir())), before + 10)
        waiting[0].send(b"TCP4 192.0.2.1 192.0.2.25 4025 25\r\n")  # the place was its client's
        self.assertRegex(waiting[0].reply(), "^220 ")
        waiting[1].close()
        wait_for(lambda: ravelin.ctl("status")["sessions"]["open"] == places - 1, "one to leave")
        self.assertRegex(self.connect(ravelin, v1("192.0.2.2")).reply(), "^220 ")
        self.stop(ravelin)

    def test_a_flood_through_a_balancer_does_not_end_everybody(self):
        """Whose connection it is, is not known yet: only so often somebody gives way to it."""
        ravelin = self.behind_balancer(
            limits='sessions = 60\nreserved_for_known = "0%"',
            listen='smtp = ["127.0.0.1:{port}"]\nworkers = 1')
        for number in range(60):
            self.assertRegex(self.connect(ravelin, v1(f"198.18.{number}.1")).reply(), "^220 ")
        ravelin.signal(signal.SIGSTOP)
        flood = [self.connect(ravelin, v1(f"198.19.{number}.1")) for number in range(40)]
        ravelin.signal(signal.SIGCONT)
        banners = [client.reply()[:3] for client in flood]
        self.assertEqual(set(banners), {"220", "421"})
        self.stop(ravelin)

    def test_who_is_refused_and_talks_on(self):
        """What stands behind the header of a client without a place is not read as a header."""
        ravelin = self.behind_balancer(limits="sessions_per_client = 1")
        self.assertRegex(self.connect(ravelin, v1()).reply(), "^220 ")
        for header in (v1() + b"EHLO hasty.example\r\n", v1() + v1("192.0.2.2")):
            self.assertRegex(self.connect(ravelin, header).reply(), "^421 ")
        self.assertEqual(ravelin.lines("did not begin with a PROXY header"), [])
        self.assertEqual(ravelin.lines(r"192\.0\.2\.2\]"), [])
        self.stop(ravelin)

    def test_greylisting_is_for_the_client_that_is_named(self):
        ravelin = self.behind_balancer(greylist='delay = "1h"')
        ravelin.ctl("greylist", "pass", "--client", "198.51.100.7", "--from", "a@sender.example",
                    "--to", "bob@example.com")
        for name, expected in (("192.0.2.1", "^451 4.7.1"), ("198.51.100.7", "^250 ")):
            client = self.connect(ravelin, v1(name))
            self.assertRegex(client.reply(), "^220 ")
            self.assertRegex(client.mail(["bob@example.com"])[0], expected)
        self.stop(ravelin)

    def test_tls_behind_a_header(self):
        certificate = make_certificate(self.directory, "mx", ["mx.example.net"])
        ravelin = self.behind_balancer(tls=f'certificates = ["{certificate}"]')
        client = self.connect(ravelin, v2())
        self.assertRegex(client.reply(), "^220 ")
        client.say("EHLO client.sender.example")
        self.assertRegex(client.say("STARTTLS"), "^220 ")
        client.socket = client_context(certificate).wrap_socket(client.socket,
                                                                server_hostname="mx.example.net")
        self.assertRegex(client.mail(["bob@example.com"])[-1], "^250 ")
        ravelin.wait_line(r"TLS connection established from unknown\[192\.0\.2\.1\]")
        self.stop(ravelin)

    def test_an_early_talker_behind_a_balancer(self):
        ravelin = self.behind_balancer(**{
            "checks.early_talker": 'action = "reject"\npause = "20s"'})
        client = self.connect(ravelin, v1() + b"EHLO hasty.example\r\n")
        self.assertRegex(client.reply(), r"^554 5\.5\.1 ")
        ravelin.wait_line(r"PREGREET 20 after \S+ from \[192\.0\.2\.1\]:4025: EHLO hasty")
        self.stop(ravelin)


if __name__ == "__main__":
    harness.main()
