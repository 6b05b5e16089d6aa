#!/usr/bin/env python3
"""Start, reload, reopening logs, drain, the second TERM, exit codes."""
import os
import pathlib
import pwd
import signal
import socket
import subprocess
import threading
import unittest

import harness
from harness import Backend, Client, SystemTest, wait_for


def run(*arguments):
    return subprocess.run([str(harness.BUILD / "ravelin"), *arguments], capture_output=True,
                          text=True, timeout=harness.PATIENCE)


class Start(SystemTest):
    def test_bad_configuration_says_all_and_exits_1(self):
        path = pathlib.Path(self.directory) / "bad.toml"
        path.write_text('hostname = "mx.example.net"\n[limits]\nsesions = 3\nerrors = "many"\n')
        for arguments in (["--check"], []):
            done = run("--config", str(path), *arguments)
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stderr, rf"{path}:3:1: .*sesions.*did you mean .*sessions")
            self.assertRegex(done.stderr, rf"{path}:4:\d+: ")
            self.assertIn('errors = "many"', done.stderr)

    def test_check_of_a_good_one(self):
        sample = harness.ROOT / "etc" / "ravelin.toml"
        done = run("--config", str(sample), "--check")
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_wrong_usage_exits_2(self):
        for arguments in ([], ["--nonsense"], ["--config"]):
            done = run(*arguments)
            self.assertEqual(done.returncode, 2, done)
            self.assertIn("usage", done.stderr.lower())

    def test_port_in_use(self):
        with socket.socket() as holder:
            holder.bind(("127.0.0.1", 0))
            holder.listen()
            ravelin = self.ravelin([9], wait=False, sections={
                "listen": f'smtp = ["127.0.0.1:{holder.getsockname()[1]}"]'})
            self.assertEqual(ravelin.wait(), 1)
            self.assertRegex(ravelin.text(), r"127\.0\.0\.1:\d+.*in use")

    @unittest.skipIf(os.geteuid() != 0, "needs root to drop it")
    def test_root_is_dropped_for_good(self):
        os.chmod(self.directory, 0o777)
        backend = self.start(Backend())
        ravelin = self.ravelin([backend], options=["--user", "nobody"],
                               sections={"state": 'path = "{dir}/state.db"'})
        status = ravelin.status()
        uid = pwd.getpwnam("nobody").pw_uid
        self.assertIn(f"Uid:\t{uid}\t{uid}\t{uid}\t{uid}", status)
        self.assertRegex(status, r"CapEff:\t0{16}")
        ravelin.signal(signal.SIGHUP)
        ravelin.wait_line("reload")
        with ravelin.client() as client:
            self.assertRegex(client.mail(["bob@example.com"])[-1], "^250")


class Signals(SystemTest):
    def setUp(self):
        super().setUp()
        self.backend = self.start(Backend())

    def test_reload_acts_on_living_dialogs(self):
        ravelin = self.ravelin([self.backend])
        with ravelin.client() as client:
            client.say("EHLO client.example")
            client.say("MAIL FROM:<a@sender.example>")
            ravelin.write_config(limits="recipients = 100\nerrors = 1")
            ravelin.signal(signal.SIGHUP)
            ravelin.wait_line("reload")
            self.assertRegex(client.say("RCPT TO:<nobody@example.com>"), "^550 ")
            self.assertRegex(client.say("NOOP"), "^421 ")
            self.assertTrue(client.closed())
        ravelin.wait_line("too many errors after RCPT")

    def test_bad_reload_changes_nothing(self):
        ravelin = self.ravelin([self.backend])
        with ravelin.client() as client:
            ravelin.write_config(limits='errors = "x"')
            ravelin.signal(signal.SIGHUP)
            ravelin.wait_line(r"ravelin\.toml:\d+:\d+: ")
            self.assertRegex(client.mail(["bob@example.com"])[-1], "^250")

    def test_reopen(self):
        ravelin = self.ravelin([self.backend])
        with ravelin.client() as client:
            client.say("NOOP")
        ravelin.wait_line("disconnect")
        os.rename(ravelin.log, str(ravelin.log) + ".1")
        ravelin.signal(signal.SIGUSR1)
        wait_for(ravelin.log.exists, "the new log")
        with ravelin.client():
            pass
        ravelin.wait_line("connect from")

    def test_term_drains(self):
        holding = threading.Event()
        gate = threading.Event()

        def dot(*_):
            holding.set()
            gate.wait(harness.PATIENCE)
            return "250 2.0.0 at last"

        self.backend.script["dot"] = dot
        ravelin = self.ravelin([self.backend])
        idle = self.start(ravelin.client())
        busy = self.start(ravelin.client())
        busy.say("EHLO a.example")
        for line in ("MAIL FROM:<a@sender.example>", "RCPT TO:<bob@example.com>", "DATA"):
            busy.say(line)
        busy.send("x\r\n.\r\n")
        self.assertTrue(holding.wait(harness.PATIENCE))
        ravelin.signal(signal.SIGTERM)
        self.assertRegex(idle.reply(), r"^421 4\.3\.2 ")
        gate.set()
        self.assertRegex(busy.reply(), "^250 ")
        self.assertEqual(ravelin.wait(), 0)

    def test_second_term_ends_at_once(self):
        self.backend.script["dot"] = "silence"
        ravelin = self.ravelin([self.backend])
        with ravelin.client() as client:
            client.say("EHLO a.example")
            for line in ("MAIL FROM:<a@sender.example>", "RCPT TO:<bob@example.com>", "DATA"):
                client.say(line)
            client.send("x\r\n.\r\n")
            wait_for(lambda: self.backend.recipients_of("DATA"), "the message to be on its way")
            ravelin.signal(signal.SIGTERM)
            ravelin.wait_line("[Tt]erminat|drain|shut")
            ravelin.signal(signal.SIGTERM)
            self.assertEqual(ravelin.wait(), 3)
            self.assertEqual(client.reply(), "", "never a 250")

    def test_two_starts_one_socket(self):
        first = self.ravelin([self.backend])
        second = harness.Ravelin(self.directory, [self.backend.port], start=False)
        second.start(wait=False)
        self.addCleanup(second.end)
        self.assertEqual(second.wait(), 1)
        with first.client() as client:
            self.assertRegex(client.mail(["bob@example.com"])[-1], "^250")
        self.assertIn("sessions", first.ctl("status"))


if __name__ == "__main__":
    harness.main()
