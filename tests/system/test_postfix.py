#!/usr/bin/env python3
"""In front of a real Postfix: once with its default limits, so that only rotation keeps it from
slowing down and hanging up; once by the recipe of docs/backends.md."""
import os
import re
import subprocess
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

    def judged(self, how, port):
        ravelin = self.ravelin([port], route=f'connections = 4\nclient_info = "{how}"')
        log = self.postfix.log
        text = self.deliver(ravelin, source="127.4.5.6", helo="far.sender.example")
        # Postfix logs the connection as the client's.
        wait_for(lambda: re.search(r"smtpd\[\d+\]: \w+: client=\S*\[127\.4\.5\.6\]", log()),
                 "the client's address in Postfix's log")
        self.assertIn(b"from far.sender.example (", text)
        self.assertIn(b"[127.4.5.6]", text)
        # And judges it: by address, by HELO name. Unknown recipients cost no such connection.
        for source, helo, words in (("127.4.5.66", "far.sender.example", "not from that client"),
                                    ("127.4.5.7", "bad.sender.example", "not with that name")):
            with Client(ravelin.port, source=source) as client:
                reply = client.mail(["bob@example.com"], helo=helo)[0]
            self.assertRegex(reply, "^550 5\\.7\\.1 .*" + words)
            wait_for(lambda: re.search(rf"reject: RCPT from \S*\[{re.escape(source)}\]:? .*{words}.*"
                                       rf"helo=<{re.escape(helo)}>", log()), "the refusal in its log")
        with Client(ravelin.port, source="127.4.5.8") as client:
            self.assertRegex(client.mail(["nobody@example.com"])[0], r"^550 5\.1\.1 ")
        self.assertNotIn("[127.4.5.8]", log())
        self.assertNotRegex(log(), "fatal|panic|bad proxy")
        self.assertEqual(ravelin.lines("warning: backend"), [])
        with Client(ravelin.port, source="127.4.5.9") as client:  # more than one, and nobody else's
            for _ in range(3):
                self.assertRegex(client.mail(["bob@example.com"])[-1], r"^250 2\.0\.0 ")
        own = r"smtpd\[\d+\]: \w+: client=\S*\[127\.4\.5\.9\]"
        wait_for(lambda: len(re.findall(own, log())) == 3, "each with a connection of its own")
        self.assertEqual(ravelin.stop(), 0)
        return ravelin

    def live(self, ravelin, words):
        done = subprocess.run([str(harness.BUILD / "ravelin"), "--config", str(ravelin.config),
                               "--check", "--live"], capture_output=True, text=True,
                              timeout=harness.PATIENCE)
        self.assertRegex(done.stdout, rf"(?m)^ok +127\.0\.0\.1:\d+ {words}$")
        self.assertRegex(done.stdout, r"(?m)^ok .* refuses an unknown recipient: 550 5\.1\.1 ")

    def test_xclient(self):
        self.live(self.judged("xclient", self.postfix.xclient_port), "offers XCLIENT")

    def test_proxy(self):
        self.live(self.judged("proxy-v2", self.postfix.proxy_port), "takes a PROXY header")

    def test_without_xclient_no_mail(self):
        ravelin = self.ravelin([self.postfix.port], route='client_info = "xclient"')
        with ravelin.client() as client:
            self.assertRegex(client.mail(["bob@example.com"])[0], r"^451 4\.4\.1 ")
        ravelin.wait_line("warning: .*offers no XCLIENT to us")
        done = subprocess.run([str(harness.BUILD / "ravelin"), "--config", str(ravelin.config),
                               "--check", "--live"], capture_output=True, text=True,
                              timeout=harness.PATIENCE)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, r"(?m)^FAILED .* offers no XCLIENT to us")

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
