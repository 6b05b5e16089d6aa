#!/usr/bin/env python3
"""What ravelinctl changes in the running daemon: dialogs that end, networks, limits, backends."""
import os
import threading
import unittest

import harness
from harness import Backend, SystemTest, wait_for


class Admin(SystemTest):
    def setUp(self):
        super().setUp()
        self.backend = self.start(Backend())

    def test_sessions(self):
        ravelin = self.ravelin([self.backend])
        with ravelin.client() as first, ravelin.client(source="127.0.0.2") as second:
            first.say("EHLO client.example")
            first.say("MAIL FROM:<a@sender.example>")
            first.say("RCPT TO:<bob@example.com>")
            second.say("NOOP")
            listed = ravelin.ctl("sessions")
            self.assertFalse(listed["more"])
            one, two = listed["dialogs"]
            self.assertEqual((one["client"], one["helo"], one["phase"]),
                             ("127.0.0.1", "client.example", "command"))
            self.assertEqual((one["mail"]["from"], one["mail"]["to"]),
                             ("a@sender.example", ["bob@example.com"]))
            self.assertNotIn("mail", two)
            only = ravelin.ctl("sessions", "--client", "127.0.0.2/32")["dialogs"]
            self.assertEqual([each["id"] for each in only], [two["id"]])
            page = ravelin.ctl("sessions", "--limit", "1")
            self.assertEqual((len(page["dialogs"]), page["more"]), (1, True))
            text = ravelin.run_ctl("sessions").stdout
            self.assertRegex(text, r"127\.0\.0\.2 ")

    def test_kill(self):
        ravelin = self.ravelin([self.backend])
        with ravelin.client() as client, ravelin.client() as other:
            client.say("EHLO client.example")
            client.say("MAIL FROM:<a@sender.example>")
            client.say("RCPT TO:<bob@example.com>")
            ids = [one for one in ravelin.ctl("sessions")["dialogs"] if "mail" in one]
            ravelin.ctl("kill", ids[0]["mail"]["id"])
            self.assertRegex(client.reply(), "^421 4.3.2 ")
            self.assertTrue(client.closed())
            self.assertRegex(other.say("NOOP"), "^250")
        ravelin.wait_line("ended by an administrator")
        ravelin.wait_line(r"control: uid \d+ \(pid \d+\): kill [0-9A-F]{12}")
        for wrong, why in (("0123", "no id"), ("0123456789AB", "no dialog")):
            done = ravelin.run_ctl("kill", wrong)
            self.assertEqual(done.returncode, 1)
            self.assertIn(why, done.stderr)

    def test_a_message_behind_the_dot_is_not_killed(self):
        released = threading.Event()
        slow = self.start(Backend(script={"dot": lambda *_: released.wait(harness.PATIENCE) and None}))
        ravelin = self.ravelin([slow])
        with ravelin.client() as client:
            client.say("EHLO client.example")
            client.say("MAIL FROM:<a@sender.example>")
            client.say("RCPT TO:<bob@example.com>")
            client.say("DATA")
            client.send(b"Subject: x\r\n\r\nhello\r\n.\r\n")
            one = wait_for(lambda: [d for d in ravelin.ctl("sessions")["dialogs"]
                                    if d["phase"] == "final"], "the dot")[0]
            done = ravelin.run_ctl("kill", one["id"])
            self.assertEqual(done.returncode, 1)
            self.assertIn("it is not killed", done.stderr)
            released.set()
            self.assertRegex(client.reply(), "^250")

    def test_deny(self):
        ravelin = self.ravelin([self.backend], sections={"state": 'path = "{dir}/state.db"'})
        added = ravelin.ctl("deny", "add", "127.0.0.2", "--for", "7d", "--note", "guesses \x1b names")
        self.assertEqual(added, {"network": "127.0.0.2/32", "list": "deny", "left_s": 7 * 86400})
        ravelin.wait_line(r"uid \d+ \(pid \d+\): deny add 127\.0\.0\.2 for 7d: guesses \\x1B names")
        with ravelin.client(source="127.0.0.2") as client:
            self.assertRegex(client.banner, "^554 5.7.1 Client host rejected: Access denied")
        with ravelin.client(source="127.0.0.3") as client:
            self.assertRegex(client.banner, "^220")
        self.assertNotIn("\x1b", ravelin.run_ctl("deny", "list").stdout)

        self.assertEqual(ravelin.stop(), 0)  # a restart keeps it
        ravelin.start()
        listed = ravelin.ctl("deny", "list")
        self.assertEqual([(one["network"], one["note"]) for one in listed],
                         [("127.0.0.2/32", "guesses \x1b names")])
        with ravelin.client(source="127.0.0.2") as client:
            self.assertRegex(client.banner, "^554")
        ravelin.ctl("deny", "del", "127.0.0.2")
        self.assertEqual(ravelin.ctl("deny", "list"), [])
        with ravelin.client(source="127.0.0.2") as client:
            self.assertRegex(client.banner, "^220")
        done = ravelin.run_ctl("deny", "del", "127.0.0.2")
        self.assertEqual(done.returncode, 1)
        self.assertIn("is not on the deny list", done.stderr)

    def test_allow_goes_before_the_configuration_and_expires(self):
        ravelin = self.ravelin([self.backend], sections={"access": 'deny = ["127.0.0.0/24"]'})
        with ravelin.client() as client:
            self.assertRegex(client.banner, "^554")
        ravelin.ctl("allow", "add", "127.0.0.0/24", "--for", "2s")
        with ravelin.client() as client:
            self.assertRegex(client.banner, "^220")
        ravelin.wait_line(r"control: allow 127\.0\.0\.0/24: time is over")
        with ravelin.client() as client:
            self.assertRegex(client.banner, "^554")

    def test_limit(self):
        ravelin = self.ravelin([self.backend], sections={"limits": "sessions_per_client = 30"})
        ravelin.ctl("limit", "set", "sessions_per_client", "1", "--for", "1h")
        with ravelin.client() as first:
            with ravelin.client() as second:
                self.assertRegex(second.banner, "^421")
            ravelin.ctl("reload")  # leaves it
            limits = ravelin.ctl("limits")
            self.assertEqual(limits["sessions_per_client"], 1)
            self.assertEqual(limits["set"][0]["name"], "sessions_per_client")
            ravelin.ctl("limit", "reset", "sessions_per_client")
            with ravelin.client() as second:
                self.assertRegex(second.banner, "^220")
            self.assertRegex(first.say("NOOP"), "^250")
        self.assertNotIn("set", ravelin.ctl("limits"))
        ravelin.wait_line(r"control: uid \d+ \(pid \d+\): limit set sessions_per_client = 1 for 1h")
        for wrong, why in ((["sesions", "1"], "no limit"), (["errors", "0"], "1 to 10000"),
                           (["command_timeout", "1w"], "duration")):
            done = ravelin.run_ctl("limit", "set", *wrong)
            self.assertEqual(done.returncode, 1, wrong)
            self.assertIn(why, done.stderr)

    def test_a_limit_reverts_by_itself(self):
        ravelin = self.ravelin([self.backend])
        before = ravelin.ctl("limits")
        ravelin.ctl("limit", "set", "errors", "3", "--for", "1s")
        self.assertEqual(ravelin.ctl("limits")["errors"], 3)
        ravelin.wait_line("control: limit errors: time is over")
        self.assertEqual(ravelin.ctl("limits"), before)

    def test_backend_drain(self):
        second = self.start(Backend())
        ravelin = self.ravelin([self.backend, second])
        first = f"127.0.0.1:{self.backend.port}"

        def deliver():
            with ravelin.client() as client:
                return client.mail(["bob@example.com"])[-1]

        self.assertRegex(deliver(), "^250")
        self.assertEqual(len(self.backend.messages), 1)
        with ravelin.client() as client:  # under way: it ends where it began
            client.say("EHLO client.example")
            client.say("MAIL FROM:<a@sender.example>")
            client.say("RCPT TO:<bob@example.com>")
            self.assertRegex(client.say("DATA"), "^354")
            ravelin.ctl("backend", "drain", first)
            self.assertRegex(deliver(), "^250")
            client.send(b"x\r\n.\r\n")
            self.assertRegex(client.reply(), "^250")
        self.assertEqual((len(self.backend.messages), len(second.messages)), (2, 1))
        shown = {one["name"]: one for one in ravelin.ctl("backend", "list")}
        self.assertTrue(shown[first]["drained"])
        wait_for(lambda: [one["open"] for one in ravelin.ctl("backend", "list")
                          if one["name"] == first] == [0], "its connections to have ended")
        ravelin.ctl("reload")
        self.assertTrue(ravelin.ctl("status")["backends"][0]["drained"])
        ravelin.ctl("backend", "up", first)
        self.assertRegex(deliver(), "^250")
        self.assertEqual(len(self.backend.messages), 3)
        done = ravelin.run_ctl("backend", "drain", "elsewhere:25")
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"there are {first}", done.stderr)

    def test_standing_and_greylist(self):
        ravelin = self.ravelin([self.backend], sections={"greylist": 'delay = "4m"'})
        tuple_ = ["--client", "127.0.0.1", "--from", "a@sender.example", "--to", "bob@example.com"]

        def knock():
            with ravelin.client() as client:
                return client.mail(["bob@example.com"])[0]

        ravelin.ctl("greylist", "pass", *tuple_)
        self.assertRegex(knock(), "^250")
        ravelin.ctl("standing", "set", "127.0.0.1", "unknown")
        ravelin.ctl("greylist", "reset", *tuple_)
        self.assertRegex(knock(), "^451")
        self.assertEqual(ravelin.ctl("standing", "set", "127.0.0.1", "good")["grade"], "good")
        self.assertRegex(knock(), "^250")
        done = ravelin.run_ctl("standing", "set", "127.0.0.1", "better")
        self.assertEqual(done.returncode, 2)

    def test_reopen_and_stats(self):
        ravelin = self.ravelin([self.backend])
        def settled():
            stats = ravelin.ctl("stats")
            return stats["dialogs"] == stats["dialogs_ended"] and stats

        before = wait_for(settled, "the harness's look to end")
        with ravelin.client() as client:
            client.mail(["bob@example.com"])
            client.mail(["nobody@example.com"])
        stats = wait_for(settled, "the dialog's end")
        self.assertEqual((stats["dialogs"], stats["messages"]), (before["dialogs"] + 1, 1))
        self.assertEqual(stats["refused_by_code"], {"550": 1})
        os.rename(ravelin.log, f"{ravelin.log}.1")
        ravelin.ctl("reopen-logs")
        with ravelin.client() as client:
            client.say("NOOP")
        ravelin.wait_line("connect from")


if __name__ == "__main__":
    harness.main()
