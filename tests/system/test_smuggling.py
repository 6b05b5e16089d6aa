#!/usr/bin/env python3
"""SMTP smuggling in front of Debian's mail servers with their default settings, in the clear and in
TLS: one message for each mail that was accepted, none for a refused one, and never one with the
smuggled sender. The exhaustive form of it, without sockets, is tests/proxy/smuggling."""
import collections
import itertools
import os
import re
import unittest

import harness
from exim import Exim
from harness import Client, SystemTest, wait_for
from opensmtpd import OpenSmtpd
from postfix import Postfix
from test_tls import SecureClient, make_certificate

# FAULTS of framing: every pair of known ends of lines around the dot, but for the true one. With NUL
# the end of the line, or the dot, is hidden from whoever compares octets.
ENDS = [b"\n", b"\r", b"\r\n", b"\r\r\n", b"\n\r", b"\r\x00\n"]
SAMPLE = [before + b"." + after for before, after in itertools.product(ENDS, ENDS)
          if (before, after) != (b"\r\n", b"\r\n")]
SAMPLE += [
    b"\r\n\x00.\r\n", b"\r\n.\x00\r\n", b"\x00\n.\r\n", b"\n.\x00\n", b"\r\n\x00\x00.\r\n",  # NUL
    b"\r\n.\rX\r\n", b"\r\n.\rX.\r\n", b"\r\n.\r\r\r\n", b"\r\n.\rMAIL\r\n",  # debris
    b"a\rb\r\n", b"\r\n\r.\r\n", b"a\r\r\n", b"\r", b"\n",  # stray CR or LF
    b"\n.\n.\n", b"\n\n.\n\n", b"\r\n.\n\r\n", b"\n.\r\n.\n", b"\r\n\n.\r\n", b"\n..\n",
    b"\r\n..\r\n", b"\r\n. \r\n", b"\r\n .\r\n", b"\r\n.\t\r\n", b"\r\n...\r\n", b"\r\n.x\r\n",
    b"\r\n", b"",  # clean: accepted in both modes
]
EVIL = "evil@example.org"
ID = re.compile(rb"^X-Test: (\d+)\r?$", re.M)


def payload(number):
    return (f"MAIL FROM:<{EVIL}>\r\nRCPT TO:<bob@example.com>\r\nDATA\r\n"
            f"X-Test: {number + 100000}\r\n\r\nsmuggled").encode()


def broken(text, normalise):
    """Must the text be refused? Said once more, in the plainest way."""
    rest = text.replace(b"\r\n", b"")
    return b"\r" in rest or b"\0" in rest or (b"\n" in rest and not normalise)


class Smuggling:
    """What is the same for each backend."""

    def backend(self):
        raise NotImplementedError

    def in_the_clear(self, ravelin, source):
        client = Client(ravelin.port, source=source)
        client.say("EHLO client.sender.example")
        return client

    def in_tls(self, ravelin, source):
        """Each piece is a record of its own."""
        client = SecureClient(ravelin.port, source=source)
        client.say("EHLO client.sender.example")
        return client

    def ways(self, normalise):
        """In the clear all of the sample goes whole and octet by octet; in TLS, which takes its time,
        each of it goes one way in one mode and the other way in the other."""
        for index, middle in enumerate(SAMPLE):
            yield middle, (self.in_the_clear, False)
            yield middle, (self.in_the_clear, True)
            yield middle, (self.in_tls, (index + normalise) % 2 == 0)

    def setUp(self):
        super().setUp()
        self.certificate = make_certificate(self.directory, "mx", ["mx.example.net"])
        self.server = self.start(self.backend())
        self.number = itertools.count()

    def send(self, client, number, middle, pieces):
        """One dialog; returns the reply to the text."""
        client.say("MAIL FROM:<a@sender.example>")
        self.assertRegex(client.say("RCPT TO:<bob@example.com>"), "^250 ")
        self.assertRegex(client.say("DATA"), "^354 ")
        head = f"Subject: x\r\nX-Test: {number}\r\n\r\nbody".encode()
        text = head + middle + payload(number)
        whole = text + b"\r\n.\r\n"
        try:
            for piece in [whole[i:i + 1] for i in range(len(whole))] if pieces else [whole]:
                client.send(piece)
        except OSError:
            pass  # closed already; the reply waits for us
        return client.reply(), text

    def test_one_message_for_each_accepted_mail(self):
        accepted = []
        for normalise in (False, True):
            os.mkdir(os.path.join(self.directory, str(normalise)))
            mode = "normalise" if normalise else "reject"
            ravelin = self.ravelin_in(str(normalise), {"relay": f'line_endings = "{mode}"'})
            for middle, (connect, pieces) in self.ways(normalise):
                number = next(self.number)
                with self.subTest(mode=mode, middle=middle, pieces=pieces, connect=connect.__name__), \
                        connect(ravelin, f"127.9.{number // 250}.{number % 250 + 1}") as client:
                    reply, text = self.send(client, number, middle, pieces)
                    if broken(text, normalise):
                        self.assertRegex(reply, r"^554 5\.6\.0 ")
                        self.assertTrue(client.closed())
                    else:
                        self.assertRegex(reply, r"^250 ")
                        accepted.append(number)
        self.assertDelivered(accepted, evil=0)

    def test_what_is_looked_for_would_be_found(self):
        """With the true end of data in the middle the client sends two mails, and both arrive."""
        ravelin = self.ravelin_in(".", {})
        for number, connect in ((7, self.in_the_clear), (8, self.in_tls)):
            with connect(ravelin, "127.9.8.7") as client:
                reply, _ = self.send(client, number, b"\r\n.\r\n", False)
                replies = [reply] + [client.reply() for _ in range(4)]
            self.assertEqual([reply[:3] for reply in replies], ["250", "250", "250", "354", "250"])
        self.assertDelivered([7, 100007, 8, 100008], evil=2)

    def ravelin_in(self, name, sections):
        sections = {"tls": f'certificates = ["{self.certificate}"]', **sections}
        ravelin = harness.Ravelin(os.path.join(self.directory, name), [self.server.port],
                                  start=False, sections=sections)
        ravelin.start()
        self.addCleanup(self._end, ravelin)
        return ravelin

    def assertDelivered(self, numbers, evil):
        wait_for(lambda: len(self.server.mails()) >= len(numbers) and not self.server.waiting(),
                 f"{len(numbers)} mails to be delivered")
        found, smuggled = collections.Counter(), 0
        for path in self.server.mails():
            text = path.read_bytes()
            found[int(ID.search(text).group(1))] += 1
            smuggled += f"<{EVIL}>".encode() in text.split(b"\n\n")[0]
        self.assertEqual(found, collections.Counter(numbers))
        self.assertEqual(smuggled, evil)


@unittest.skipIf(os.geteuid() != 0, "Postfix starts as root only")
class InFrontOfPostfix(Smuggling, SystemTest):
    def backend(self):
        return Postfix(self.directory)

    def test_postfix_alone_is_fooled(self):
        """So the sample is not harmless: what Ravelin stops is what smuggles here."""
        for number, middle in enumerate(SAMPLE):
            with Client(self.server.port) as client:
                client.say("EHLO client.sender.example")
                self.send(client, number, middle, False)
        wait_for(lambda: not self.server.waiting(), "mails to be delivered")
        senders = [path.read_bytes().split(b"\n\n")[0] for path in self.server.mails()]
        self.assertTrue([head for head in senders if f"<{EVIL}>".encode() in head])


@unittest.skipIf(os.geteuid() != 0, "Exim delivers as root only")
class InFrontOfExim(Smuggling, SystemTest):
    def backend(self):
        return Exim(self.directory)


@unittest.skipIf(os.geteuid() != 0, "OpenSMTPD starts as root only")
class InFrontOfOpenSmtpd(Smuggling, SystemTest):
    def backend(self):
        return OpenSmtpd(self.directory)


if __name__ == "__main__":
    harness.main()
