#!/usr/bin/env python3
"""Garbage, overlong lines, NUL, bare CR and LF through the real binary: one clear 5xx, an orderly
close, and never a second message at the backend."""
import itertools
import unittest

import harness
from harness import Backend, SystemTest, wait_for

SMUGGLING = [b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r.\r\n", b"\r.\n", b"\n.\r", b"\r\n.\n", b"\r\n.\r",
             b"\r\n\x00.\r\n", b"\r\n.\x00\r\n", b"\r\n.\r\r\n", b"\r\r\n.\r\r\n"]


class Framing(SystemTest):
    def setUp(self):
        super().setUp()
        self.backend = self.start(Backend())
        self.ravelin_ = self.ravelin([self.backend])

    def test_bad_command_lines(self):
        for line in (b"NOOP\n", b"NO\rOP\r\n", b"NO\x00OP\r\n", b"x" * 5000 + b"\r\n",
                     b"RCPT TO:<a>\nDATA\r\n"):
            with self.subTest(line=line[:20]), self.ravelin_.client() as client:
                client.send(line)
                self.assertRegex(client.reply(), r"^500 5\.5\.2 ")
                self.assertTrue(client.closed())

    def test_smuggling(self):
        inner = b"MAIL FROM:<x@y.example>\r\nRCPT TO:<bob@example.com>\r\nDATA\r\nsmuggled\r\n.\r\n"
        for middle, pieces in itertools.product(SMUGGLING, (1, 0)):
            with self.subTest(middle=middle, pieces=pieces), self.ravelin_.client() as client:
                client.say("EHLO a.example")
                client.say("MAIL FROM:<a@sender.example>")
                client.say("RCPT TO:<bob@example.com>")
                self.assertRegex(client.say("DATA"), "^354")
                data = b"Subject: x\r\n\r\nouter" + middle + inner
                for piece in [data[i:i + 1] for i in range(len(data))] if pieces else [data]:
                    try:
                        client.send(piece)
                    except OSError:
                        break  # closed already; the reply waits for us
                self.assertRegex(client.reply(), r"^554 5\.6\.0 ")
                self.assertTrue(client.closed())
        wait_for(lambda: self.backend.open <= 5, "aborted transactions to end")
        self.assertEqual(self.backend.messages, [])

    def test_gigantic_line_costs_no_memory(self):
        with self.ravelin_.client() as client:
            with self.assertRaises(OSError):
                for _ in range(2000):
                    client.send(b"x" * 65536)
        self.assertRegex(self.ravelin_.ctl("status")["version"], r"\d")

    def test_bdat_was_not_offered(self):
        with self.ravelin_.client() as client:
            client.say("EHLO a.example")
            client.send(b"BDAT 20 LAST\r\nMAIL FROM:<a@b.c>\r\n\r\n")
            self.assertRegex(client.reply(), "^503 ")
            self.assertTrue(client.closed())

    def test_pipelined_in_one_segment(self):
        with self.ravelin_.client() as client:
            client.say("EHLO a.example")
            client.send(b"MAIL FROM:<a@b.example>\r\nRCPT TO:<bob@example.com>\r\nDATA\r\n")
            self.assertEqual([client.reply()[:3] for _ in range(3)], ["250", "250", "354"])
            client.send(b"x\r\n.\r\nMAIL FROM:<c@d.example>\r\nQUIT\r\n")
            self.assertEqual([client.reply()[:3] for _ in range(3)], ["250", "250", "221"])


if __name__ == "__main__":
    harness.main()
