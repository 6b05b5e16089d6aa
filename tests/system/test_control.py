#!/usr/bin/env python3
"""ravelinctl against the running daemon: every command, its errors, and shadow mode's word."""
import os
import socket
import stat
import unittest

import harness
from harness import Backend, SystemTest, wait_for


class Control(SystemTest):
    def setUp(self):
        super().setUp()
        self.backend = self.start(Backend())

    def test_status_and_limits(self):
        ravelin = self.ravelin([self.backend], sections={"limits": "sessions = 77"})
        with ravelin.client() as client:
            client.say("NOOP")
            status = ravelin.ctl("status")
        self.assertEqual(status["sessions"]["open"], 1)
        self.assertEqual(status["mode"], "enforce")
        tables = {table["name"]: table for table in status["tables"]}
        self.assertEqual(tables["clients"]["limit"] // 256, 1_000_000 // 256)
        self.assertGreater(tables["clients"]["bytes"], 0)
        self.assertRegex(ravelin.run_ctl("status").stdout, r"tables\n +name +entries +limit +bytes\n")
        self.assertEqual(status["backends"][0]["name"], f"127.0.0.1:{self.backend.port}")
        self.assertEqual(ravelin.ctl("limits")["sessions"], 77)
        mode = os.stat(f"{self.directory}/ctl.sock").st_mode
        self.assertEqual(stat.S_IMODE(mode), 0o660)

    def test_reload(self):
        ravelin = self.ravelin([self.backend], sections={"limits": "sessions = 77"})
        ravelin.write_config(limits="sessions = 78")
        ravelin.ctl("reload")
        self.assertEqual(ravelin.ctl("limits")["sessions"], 78)
        ravelin.write_config(limits="sesions = 79\nerrors = -1")
        done = ravelin.run_ctl("reload")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"ravelin\.toml:\d+:1: .*sesions")
        self.assertRegex(done.stderr, r"ravelin\.toml:\d+:\d+: .*errors")
        self.assertEqual(ravelin.ctl("limits")["sessions"], 78)

    def test_what_needs_a_restart(self):
        ravelin = self.ravelin([self.backend])
        ravelin.write_config(listen=f'smtp = ["127.0.0.1:{harness.free_port()}"]')
        done = ravelin.run_ctl("reload")
        self.assertEqual(done.returncode, 1)
        self.assertIn("needs restart", done.stderr)

    def test_greylist(self):
        ravelin = self.ravelin([self.backend], sections={"greylist": 'delay = "4m"'})
        tuple_ = ["--client", "127.0.0.1", "--from", "a@sender.example", "--to", "bob@example.com"]

        def knock():
            with ravelin.client() as client:
                return client.mail(["bob@example.com"])[0]

        self.assertRegex(knock(), "^451 4.7.1")
        shown = ravelin.ctl("greylist", "show", *tuple_)
        self.assertTrue(200 < shown["left_s"] <= 240, shown)
        ravelin.ctl("greylist", "pass", *tuple_)
        self.assertRegex(knock(), "^250")

    def test_standing(self):
        ravelin = self.ravelin([self.backend])
        with ravelin.client() as client:
            client.mail(["bob@example.com"])
        shown = wait_for(lambda: ravelin.ctl("standing", "show", "127.0.0.1"), "standing")
        self.assertEqual((shown["grade"], shown["deliveries"]), ("passed", 1))
        ravelin.ctl("standing", "reset", "127.0.0.1")
        gone = ravelin.run_ctl("standing", "show", "127.0.0.1")
        self.assertEqual(gone.returncode, 1)
        self.assertIn("never seen", gone.stderr)
        bad = ravelin.run_ctl("standing", "show", "127.0.0.")
        self.assertEqual(bad.returncode, 2)
        self.assertIn("127.0.0.", bad.stderr)

    def test_forget(self):
        ravelin = self.ravelin([self.backend])

        def ask():
            with ravelin.client() as client:
                client.mail(["carol@example.com"])
            return len(self.backend.recipients_of())

        first = ask()
        self.assertEqual(ask(), first, "the second answer is remembered")
        self.assertEqual(ravelin.ctl("verify", "forget", "carol@example.com")["forgotten"], 1)
        self.assertGreater(ask(), first)

    def test_breaker(self):
        ravelin = self.ravelin([self.backend])
        self.assertFalse(any(route["open"] for route in ravelin.ctl("breaker", "show")))
        ravelin.ctl("breaker", "reset")

    def test_not_running(self):
        ravelin = self.ravelin([self.backend])
        self.assertEqual(ravelin.stop(), 0)
        done = ravelin.run_ctl("status")
        self.assertEqual(done.returncode, 3)
        self.assertIn("ctl.sock", done.stderr)

    def test_wrong_usage(self):
        ravelin = harness.Ravelin(self.directory, [9], start=False)
        for arguments, why in (
                (["foo"], "unknown command foo; there are status, reload, reopen-logs, "),
                ([], "a command is missing; there are status, "),
                (["greylist"], "a command is missing; there are show, pass"),
                (["breaker", "foo"], "unknown command foo; there are show, reset"),
                (["greylist", "show"], "--client is required"),
                (["standing", "show"], "CLIENT is required"),
                (["standing", "show", "me"], "CLIENT: me is not an IP address"),
                (["verify", "forget"], "ADDRESS|DOMAIN is required"),
                (["report", "--format", "xarf"], "--format xarf needs --org and --contact"),
                (["report", "--format", "csv", "--org", "x"], "--org belongs to --format xarf"),
                (["--timeout", "0", "status"], "--timeout: Value 0 not in range"),
                (["explain", "192.0.2.1", "--limit", "1e3"], "--limit: 1e3 is not a whole number"),
                (["explain", "192.0.2.1", "--limit", "nan"], "--limit: nan is not a whole number"),
                (["explain", "192.0.2.1", "--limit", "0"], "--limit: Value 0 not in range"),
                (["status", "now"], "The following argument was not expected: now")):
            done = ravelin.run_ctl(*arguments)
            self.assertEqual(done.returncode, 2, arguments)
            self.assertEqual(done.stdout, "")
            self.assertIn(f"ravelinctl: {why}", done.stderr)
        done = ravelin.run_ctl("--help")
        self.assertEqual(done.returncode, 0)
        self.assertIn("verify forget ADDRESS|DOMAIN", done.stdout)

    def test_a_bad_client_harms_nobody(self):
        ravelin = self.ravelin([self.backend])
        held = []
        for junk in (b"\xff\xff\xff\xff", b"\0\0\0\5hello", b"\0", b"\0\0\0\2{}"):
            bad = socket.socket(socket.AF_UNIX)
            bad.connect(f"{self.directory}/ctl.sock")
            bad.sendall(junk)
            held.append(bad)
        self.assertIn("pid", ravelin.ctl("status"))
        for bad in held:
            bad.close()

    def test_shadow(self):
        ravelin = self.ravelin([self.backend], head='mode = "shadow"',
                               sections={"greylist": 'delay = "4m"'})
        with ravelin.client() as client:
            self.assertRegex(client.mail(["bob@example.com"])[-1], "^250")
        ravelin.wait_line("reject_warning: RCPT .*Greylisted")
        with ravelin.client() as client:
            self.assertRegex(client.mail(["nobody@example.com"])[0], "^550")
            self.assertRegex(client.mail(["x@elsewhere.example"])[0], "^554")
        ravelin.wait_line(" reject: RCPT .*550")


if __name__ == "__main__":
    harness.main()
