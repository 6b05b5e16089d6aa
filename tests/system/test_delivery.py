#!/usr/bin/env python3
"""Debian's mail servers send through Ravelin: small and large mail, 7-bit and 8-bit, in the clear
and by the STARTTLS that they are offered, into Postfix and by LMTP into Dovecot, in the clear and in
TLS as well. Below Ravelin's line of trace the backend has what the sender was given, to the octet."""
import contextlib
import hashlib
import itertools
import os
import random
import re
import unittest

import harness
from dovecot import Dovecot
from exim import Exim
from harness import Client, SystemTest, wait_for
from opensmtpd import OpenSmtpd
from postfix import Postfix
from test_tls import make_certificate

SIZES = (1, 100_000, 20_000_000)
NUMBER = re.compile(rb"^Subject: (\d+)$", re.M)
PATIENCE = 120  # for 20 MB through three servers on a busy machine


def body(size, eight_bit):
    """About |size| octets in lines of all lengths up to 998, the most that Internet mail may have:
    longer ones these senders would cut. Some lines start with dots."""
    if size == 1:
        return b"\xe4\r\n" if eight_bit else b"x\r\n"
    source = random.Random(size)
    alphabet = bytes(range(32, 127)) + (bytes(range(128, 256)) if eight_bit else b"")
    letters = bytes(alphabet[value % len(alphabet)] for value in range(256))
    lines, left = [], size
    while left > 0:
        line = source.choice((b"", b"", b".", b"..", b"From "))
        line += source.randbytes(source.choice((0, 76, source.randrange(998)))).translate(letters)
        lines.append(line[:998])
        left -= len(lines[-1]) + 2
    return b"\r\n".join(lines) + b"\r\n"


def message(number, size, eight_bit):
    """Complete, so that no sender adds what it would miss."""
    encoding = "8bit" if eight_bit else "7bit"
    head = (f"Date: Thu, 1 Jan 2026 12:00:00 +0000\r\nFrom: a@sender.example\r\nTo: bob@example.com\r\n"
            f"Message-ID: <{number}@sender.example>\r\nSubject: {number}\r\nMIME-Version: 1.0\r\n"
            f"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n")
    return head.encode() + body(size, eight_bit)


def fields(text):
    """Each field of the head with its continued lines, and what follows it."""
    at = 0
    while text[at:at + 1] != b"\n":
        end = text.index(b"\n", at) + 1
        while text[end:end + 1] in (b" ", b"\t"):
            end = text.index(b"\n", end) + 1
        yield text[at:end], text[end:]
        at = end


def below_trace(text):
    """Ravelin's line of trace, the sender's, and what is below them."""
    for field, rest in fields(text):
        if field.startswith(b"Received:") and b"\tby mx.example.net with " in field:
            senders, given = next(fields(rest))
            return field, senders, given
    raise AssertionError(f"no trace in {text[:2000]!r}")


class Delivery:
    """What is the same for each backend, whose class says how it is started and what its route needs."""

    route = ""

    def setUp(self):
        super().setUp()
        certificate = make_certificate(self.directory, "backend", ["backend.example"])
        self.server = self.start(self.backend(certificate))

    def backend(self, certificate):
        """A server with mails(), waiting(), port and close() that offers STARTTLS."""
        raise NotImplementedError

    def test_from_postfix(self):
        self.check_clear(Postfix)
        self.check_secure(Postfix)

    def test_from_exim(self):
        self.check_secure(Exim)

    def test_from_opensmtpd(self):
        self.check_secure(OpenSmtpd)

    def check_clear(self, server):
        self.send_all(server, "clear", "ESMTP ")

    def check_secure(self, server):
        certificate = make_certificate(self.directory, "mx", ["mx.example.net"], kind="rsa")
        self.send_all(server, "secure", "ESMTPS (TLSv1.3 ", security="encrypt",
                      tls=f'certificates = ["{certificate}"]')

    def send_all(self, server, name, protocol, security="off", **sections):
        """With a sender of its own: one that was told 421 at a restart comes back in minutes. By
        |security| all mail goes to the backend in TLS, or none."""
        place = os.path.join(self.directory, name)
        os.mkdir(place)
        route = f'{self.route}\ntls = "{security}"'
        ravelin = harness.Ravelin(place, [self.server.port], route=route, start=False,
                                  sections=sections)
        ravelin.start()
        self.addCleanup(self._end, ravelin)
        # A Ravelin that has not heard its backend yet offers nothing of its, and has no state here.
        wait_for(lambda: self.offers_eight_bit(ravelin), "8BITMIME to be offered")
        with contextlib.closing(server(place, relay=ravelin.port)) as sender:
            self.send(sender, protocol)
        secured = ravelin.ctl("status")["backends"][0]["secured"]
        self.assertEqual(secured > 0, security == "encrypt")
        self.assertEqual(ravelin.stop(), 0)

    def send(self, sender, protocol):
        before = set(self.server.mails())
        texts = [(size, eight_bit, message(number, size, eight_bit)) for number, (size, eight_bit)
                 in enumerate(itertools.product(SIZES, (False, True)))]
        for _, eight_bit, text in texts:
            self.submit(sender, text, eight_bit)
        wait_for(lambda: not sender.waiting() and not self.server.waiting(), "the mails", PATIENCE)
        mails = [path.read_bytes() for path in set(self.server.mails()) - before]
        arrived = {int(NUMBER.search(mail)[1]): mail for mail in mails}
        self.assertEqual((len(mails), sorted(arrived)), (len(texts), list(range(len(texts)))))
        for number, (size, eight_bit, text) in enumerate(texts):
            with self.subTest(protocol=protocol, size=size, eight_bit=eight_bit):
                self.check_mail(arrived[number], text, protocol)

    def offers_eight_bit(self, ravelin):
        with ravelin.client() as client:
            return "8BITMIME" in client.say("EHLO client.sender.example")

    def check_mail(self, mail, text, protocol):
        trace, own, given = below_trace(mail)
        self.assertIn(f" with {protocol}".encode(), trace)
        self.assertIn(b"client.sender.example", own)
        # A Maildir has LF. Sums, for nobody wants to see 20 MB that differ.
        self.assertEqual(hashlib.sha256(given).hexdigest(),
                         hashlib.sha256(text.replace(b"\r\n", b"\n")).hexdigest())

    def submit(self, sender, text, eight_bit):
        with Client(sender.port) as client:
            client.say("EHLO client.sender.example")
            form = "8BITMIME" if eight_bit else "7BIT"
            self.assertRegex(client.say(f"MAIL FROM:<a@sender.example> BODY={form}"), "^250 ")
            self.assertRegex(client.say("RCPT TO:<bob@example.com>"), "^250 ")
            self.assertRegex(client.say("DATA"), "^354 ")
            client.send(text.replace(b"\r\n.", b"\r\n..") + b".\r\n")
            self.assertRegex(client.reply(), "^250 ")


@unittest.skipIf(os.geteuid() != 0, "mail servers start as root only")
class IntoPostfix(Delivery, SystemTest):
    def backend(self, certificate):
        return Postfix(self.directory, certificate=certificate)

    def test_from_exim(self):
        self.check_clear(Exim)
        self.check_secure(Exim)

    def test_from_opensmtpd(self):
        self.check_clear(OpenSmtpd)
        self.check_secure(OpenSmtpd)


@unittest.skipIf(os.geteuid() != 0, "Dovecot starts as root only")
class IntoDovecot(Delivery, SystemTest):
    route = 'protocol = "lmtp"'

    def backend(self, certificate):
        return Dovecot(self.directory, quota=1000, certificate=certificate)


if __name__ == "__main__":
    harness.main()
