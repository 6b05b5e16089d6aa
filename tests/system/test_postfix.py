#!/usr/bin/env python3
"""In front of a real Postfix: once with its default limits, so that only rotation keeps it from
slowing down and hanging up; once by the recipe of docs/backends.md."""
import os
import re
import time
import unittest

import harness
from harness import Client, SystemTest, wait_for
from postfix import Postfix


@unittest.skipIf(os.geteuid() != 0, "Postfix starts as root only")
class BehindPostfix(SystemTest):
    def setUp(self):
        super().setUp()
        self.postfix = self.start(Postfix(self.directory))

    def refuse_many(self, ravelin, count):
        slowest = 0.0
        with ravelin.client() as client:
            client.say("EHLO bot.example")
            for number in range(count):
                client.say("MAIL FROM:<a@b.example>")
                begin = time.monotonic()
                reply = client.say(f"RCPT TO:<random{number}@example.com>")
                slowest = max(slowest, time.monotonic() - begin)
                self.assertRegex(reply, r"^550 5\.1\.1 ")
                client.say("RSET")
        return slowest

    def deliver(self, ravelin, source=None, helo="client.sender.example"):
        with Client(ravelin.port, source=source) as client:
            text = b"Subject: real\r\n\r\n..stuffed\r\n\xe4\r\n"
            self.assertRegex(client.mail(["bob@example.com"], text, helo=helo)[-1], r"^250 2\.0\.0 ")
        path = wait_for(self.postfix.mails, "the mail in the Maildir")[0]
        self.assertIn(b"Subject: real\n", path.read_bytes())
        self.assertTrue(path.read_bytes().endswith(b"\n\n.stuffed\n\xe4\n"))  # LF: a Maildir
        return path.read_bytes()

    def test_default_limits(self):
        ravelin = self.ravelin([self.postfix.port], route="connections = 4",
                               sections={"limits": "errors = 1000\njunk_commands = 1000"})
        slowest = self.refuse_many(ravelin, 60)
        # Without rotation every command takes a second from the 10th refusal on.
        self.assertLess(slowest, 0.9)
        self.assertNotIn("too many errors", self.postfix.log())
        self.deliver(ravelin)

    def test_recipe(self):
        recipe = 'client_info = "xforward"\nmax_refusals = 900\nmax_resets = 900'
        ravelin = self.ravelin([self.postfix.recipe_port], route="connections = 4\n" + recipe,
                               sections={"limits": "errors = 1000\njunk_commands = 1000"})
        slowest = self.refuse_many(ravelin, 60)
        self.assertLess(slowest, 0.9)
        connects = re.findall(r"postfix/ravelin/smtpd\[\d+\]: connect from", self.postfix.log())
        self.assertLessEqual(len(connects), 4, "one connection serves many refusals")
        text = self.deliver(ravelin, source="127.4.5.6", helo="far.sender.example")
        wait_for(lambda: re.search(r"ravelin/smtpd\[\d+\]: \w+: client=.*, orig_client=\S+\[127\.4\.5\.6\]",
                                   self.postfix.log()), "XFORWARD in Postfix's log")
        self.assertIn(b"far.sender.example", text)

    def test_no_open_relay(self):
        recipe = 'client_info = "xforward"'
        ravelin = self.ravelin([self.postfix.recipe_port], route=recipe,
                               domains=["example.com", "not-postfixs.example"])
        with ravelin.client() as client:
            reply = client.mail(["x@not-postfixs.example"])[0]
        # "Relay access denied" is about us, not about the recipient: later, and an alarm.
        self.assertRegex(reply, r"^451 ")
        ravelin.wait_line("warning: .*[Rr]elay")


if __name__ == "__main__":
    harness.main()
