#!/usr/bin/env python3
"""The client's identity and STARTTLS together, towards a real Postfix whose listeners hear nothing in
the clear but EHLO and STARTTLS: XCLIENT is said inside TLS, a PROXY header stands in front of all,
and the certificate is looked at before anything of the client is told."""
import os
import re
import unittest

import harness
from harness import Client, SystemTest, wait_for
from postfix import Postfix
from test_tls import make_certificate

NAME = "mail.example.org"
CLIENT, HELO = "127.4.5.6", "far.sender.example"
HANDSHAKE = r"TLS connection established from \S*\[{}\]: TLSv1\.3"


@unittest.skipIf(os.geteuid() != 0, "Postfix starts as root only")
class ClientInfoInTls(SystemTest):
    def setUp(self):
        super().setUp()
        self.certificate = make_certificate(self.directory, "backend", [NAME])
        self.postfix = self.start(Postfix(self.directory, certificate=self.certificate))
        self.ports = {"xclient": self.postfix.xclient_port, "proxy-v2": self.postfix.proxy_port}

    def front(self, how, tls="verify", name=NAME):
        route = f'connections = 4\nclient_info = "{how}"\ntls = "{tls}"'
        if tls == "verify":
            route += f'\ntls_name = "{name}"\ntls_ca_file = "{self.certificate}"'
        one_pool = 'smtp = ["127.0.0.1:{port}"]\nworkers = 1'
        return self.ravelin([self.ports[how]], route=route, sections={"listen": one_pool})

    def deliver(self, client, subject):
        """A mail in the dialog of |client|: it came in TLS, and Postfix took it for the client's."""
        address = re.escape(client.socket.getsockname()[0])
        text = f"Subject: {subject}\r\n\r\n..stuffed\r\n".encode()
        self.assertRegex(client.mail(["bob@example.com"], text, helo=HELO)[-1], r"^250 2\.0\.0 ")
        wanted = f"Subject: {subject}\n".encode()
        found = wait_for(lambda: [mail for mail in (path.read_bytes() for path in self.postfix.mails())
                                  if wanted in mail], "the mail in the Maildir")
        self.assertEqual(len(found), 1)
        received = re.search(rf"Received: from {HELO} \(\S+ \[{address}\]\)\n"
                             r"\tby backend\.example \(Postfix\) with ESMTPS id (\w+)\n"
                             .encode(), found[0])
        self.assertTrue(received, found[0])
        number = received.group(1).decode()
        wait_for(lambda: re.search(rf"smtpd\[\d+\]: {number}: client=\S*\[{address}\]$",
                                   self.postfix.log(), re.M), "the client's address in Postfix's log")

    def handshakes(self, address):
        return len(re.findall(HANDSHAKE.format(re.escape(address)), self.postfix.log()))

    def check_delivered(self, ravelin):
        """Two mails of one dialog, then one of another client: each over a connection of its own
        in TLS, and all questions over one."""
        with Client(ravelin.port, source=CLIENT) as client:
            for subject in ("first", "second"):
                self.deliver(client, subject)
        with Client(ravelin.port, source="127.4.5.7") as client:
            self.deliver(client, "third")

    def check_judged(self, ravelin):
        """By address and by HELO name; who is unknown is refused on the connection for questions."""
        for source, helo, words in (("127.4.5.66", HELO, "not from that client"),
                                    ("127.4.5.8", "bad.sender.example", "not with that name")):
            with Client(ravelin.port, source=source) as client:
                self.assertRegex(client.mail(["bob@example.com"], helo=helo)[0], "^550 5\\.7\\.1 .*" + words)
        with Client(ravelin.port, source="127.4.5.9") as client:
            self.assertRegex(client.mail(["nobody@example.com"])[0], r"^550 5\.1\.1 ")
        self.assertNotIn("[127.4.5.9]", self.postfix.log())

    def check_all(self, how, tls, own_handshakes):
        """|own_handshakes|: how many each client's connections had, as Postfix saw them begin."""
        ravelin = self.front(how, tls)
        wait_for(lambda: ravelin.ctl("status")["backends"][0]["idle"] == 1, "the probe to be done")
        self.check_delivered(ravelin)
        self.check_judged(ravelin)
        backend = ravelin.ctl("status")["backends"][0]
        self.assertEqual(backend["secured"], backend["connects"])
        # Three mails and two refusals by name have one each; the probe and all questions share one.
        self.assertEqual(backend["connects"], 5 + 1)
        for address, count in own_handshakes.items():
            self.assertEqual(self.handshakes(address), count, address)
        self.assertNotRegex(self.postfix.log(), "fatal|panic|bad proxy|SSL_accept error|Must issue")
        self.assertEqual(ravelin.lines("warning: backend"), [])
        self.assertEqual(ravelin.stop(), 0)

    def test_xclient(self):
        self.check_all("xclient", "verify", {"127.0.0.1": 5 + 1})

    def test_proxy(self):
        self.check_all("proxy-v2", "verify", {"127.0.0.1": 1, CLIENT: 2, "127.4.5.7": 1,
                                               "127.4.5.66": 1, "127.4.5.8": 1})

    def test_any_certificate(self):
        self.check_all("xclient", "encrypt", {})

    def test_a_wrong_certificate(self):
        """Whoever is not the backend hears of no client."""
        for how in self.ports:
            ravelin = self.front(how, name="other.example.org")
            with Client(ravelin.port, source=CLIENT) as client:
                self.assertRegex(client.mail(["bob@example.com"])[0], r"^451 4\.")
            ravelin.wait_line("cannot be talked to in TLS: .*(verif|mismatch)")
            self.assertEqual(ravelin.stop(), 0)
        self.assertNotIn(f"[{CLIENT}]", self.postfix.log())
        self.assertEqual(self.postfix.mails(), [])

    def test_in_the_clear_there_is_nothing(self):
        """The other side of the tests above: these listeners take neither without TLS."""
        for how in self.ports:
            ravelin = self.front(how, tls="off")
            with Client(ravelin.port, source=CLIENT) as client:
                self.assertRegex(client.mail(["bob@example.com"])[0], r"^451 4\.")
            self.assertEqual(ravelin.stop(), 0)
        self.assertEqual(self.postfix.mails(), [])


if __name__ == "__main__":
    harness.main()
