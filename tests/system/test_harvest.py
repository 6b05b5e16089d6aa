#!/usr/bin/env python3
"""Who tries names hears nothing of any name after a while, and the mail server is asked no more."""
import unittest

import harness
from harness import Backend, Client, SystemTest

SHIELD = r"^451 4\.7\.1 "


class Harvest(SystemTest):
    def setUp(self):
        super().setUp()
        self.backend = self.start(Backend(["bob@example.com", "postmaster@example.com"]))
        self.front = self.ravelin([self.backend], sections={
            "harvest": 'unknown = 5\ntime = "1h"', "verify": 'negative_ttl = "0s"',
            "standing": "good_deliveries = 1\ngood_days = 1", "access": 'allow = ["127.3.3.3"]',
            "limits": "errors = 1000"})

    def ask(self, source, *recipients, sender=""):
        """The reply to each recipient, in transactions of their own."""
        with Client(self.front.port, source=source) as client:
            client.say("EHLO client.sender.example")
            replies = []
            for recipient in recipients:
                client.say(f"MAIL FROM:<{sender}>")
                replies.append(client.say(f"RCPT TO:<{recipient}@example.com>"))
                client.say("RSET")
            client.say("QUIT")
            return replies

    def test_after_some_names_none_is_told(self):
        names = [f"x{i}" for i in range(5)]
        for reply in self.ask("127.1.1.1", *names):
            self.assertRegex(reply, "^550 5.1.1")
        asked = len(self.backend.recipients_of())
        known, unknown = self.ask("127.1.1.1", "bob", "x9")
        self.assertRegex(known, SHIELD)
        self.assertEqual(known.split("(")[0], unknown.split("(")[0])  # but for the id
        self.assertEqual(len(self.backend.recipients_of()), asked)
        [line] = self.front.wait_line(r"ravelin/decision.*rcpt=<bob@example.com>")
        self.assertRegex(line, "verify=shielded verdict=defer code=451")
        # Whoever has trouble can say so; nobody else is hit.
        self.assertRegex(self.ask("127.1.1.1", "postmaster")[0], "^250")
        self.assertRegex(self.ask("127.1.1.2", "bob")[0], "^250")

    # Until it has lost its standing: then it is nobody again.
    def test_never_who_delivers_or_is_allowed(self):
        with Client(self.front.port, source="127.2.2.2") as client:
            self.assertRegex(client.mail(["bob@example.com"])[-1], "^250")
            client.say("QUIT")
        for source in ("127.2.2.2", "127.3.3.3"):
            replies = self.ask(source, *(f"x{i}" for i in range(8)))
            self.assertTrue(all(reply.startswith("550") for reply in replies), replies)

    def test_who_goes_on_and_on_is_let_go(self):
        self.ask("127.1.1.1", *(f"x{i}" for i in range(5)))
        self.front.write_config(limits="errors = 1000\njunk_commands = 3")
        self.assertEqual(self.front.ctl("reload"), {"reloaded": True})
        with Client(self.front.port, source="127.1.1.1") as client:
            client.say("EHLO client.sender.example")
            client.say("MAIL FROM:<>")
            for _ in range(3):
                self.assertRegex(client.say("RCPT TO:<bob@example.com>"), SHIELD)
            replies = client.say("RCPT TO:<bob@example.com>"), client.reply()
            self.assertRegex(replies[-1] or replies[0], "^421")


if __name__ == "__main__":
    harness.main()
