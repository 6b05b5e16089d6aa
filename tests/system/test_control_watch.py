#!/usr/bin/env python3
"""ravelinctl as a window: trace, top, simulate; and its completion, and its manual pages."""
import itertools
import os
import pathlib
import pty
import re
import select
import signal
import subprocess
import time
import unittest

import harness
from harness import Backend, FakeDns, SystemTest, wait_for

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


class Watch(SystemTest):
    def setUp(self):
        super().setUp()
        self.backend = self.start(Backend())
        self.numbers = itertools.count()

    def trace(self, ravelin, *arguments):
        self.output = pathlib.Path(f"{self.directory}/trace{next(self.numbers)}.out")
        output = self.output.open("wb")
        self.addCleanup(output.close)
        process = subprocess.Popen(
            [str(harness.BUILD / "ravelinctl"), "--socket", f"{self.directory}/ctl.sock", "trace",
             *arguments], stdout=output, stderr=subprocess.STDOUT)
        self.addCleanup(lambda: process.poll() is None and process.kill())
        # The workers hear of it after its log line: the first line of a dialog says that they did.
        def sees():
            with ravelin.client() as client:
                client.say("NOOP")
            return self.seen()
        wait_for(sees, "the trace to begin")
        return process

    def seen(self):
        """What the last trace said."""
        return self.output.read_text()

    def test_trace(self):
        ravelin = self.ravelin([self.backend])
        process = self.trace(ravelin, "--source", "127.0.0.1")
        with ravelin.client(source="127.0.0.9") as other, ravelin.client() as client:
            other.say("EHLO other.example")
            client.mail(["bob@example.com"], text=b"Subject: x\r\n\r\nthe very text\r\n")
            client.say("AUTH PLAIN AGpvZQBzZWNyZXQ=")
            client.say("c2VjcmV0")
            client.say("auth login am9l")
            client.say("QUIT")
        wait_for(lambda: "> 221 " in self.seen() and
                 self.seen().rstrip().endswith("= disconnected"), "the end of the dialog")
        seen = self.seen()
        for expected in ("= connected", "> 220 mx.example.net", "< EHLO client.sender.example",
                         "> 250-mx.example.net", "< MAIL FROM:<a@sender.example>",
                         "< RCPT TO:<bob@example.com>", "> 354 ", "octets, with the dot",
                         "< AUTH (hidden)", "< (hidden)", "< auth (hidden)", "< QUIT", "> 221 "):
            self.assertIn(expected, seen)
        for secret in ("AGpvZQBzZWNyZXQ", "c2VjcmV0", "am9l", "the very text", "other.example"):
            self.assertNotIn(secret, seen)
        self.assertRegex(seen, r"(?m)^\d\d:\d\d:\d\d\.\d{3} [0-9A-F]{12} 127\.0\.0\.1 < QUIT$")
        process.send_signal(signal.SIGINT)
        process.wait(harness.PATIENCE)

    def test_trace_ends_and_there_are_only_so_many(self):
        ravelin = self.ravelin([self.backend])
        processes = [self.trace(ravelin, "--source", "127.0.0.1", "--for", "1h") for _ in range(4)]
        done = ravelin.run_ctl("trace", "--source", "127.0.0.1", "--for", "1s")
        self.assertEqual(done.returncode, 1)
        self.assertIn("there are 4 traces already", done.stderr)
        for process in processes:
            process.send_signal(signal.SIGINT)
            process.wait(harness.PATIENCE)
        def again():
            done = ravelin.run_ctl("trace", "--source", "127.0.0.1", "--for", "1s")
            return done.returncode == 0 and done.stdout
        self.assertIn("(ended: its time is over)", wait_for(again, "a place for a trace"))

    def test_a_reader_that_sleeps_harms_nobody(self):
        ravelin = self.ravelin([self.backend], sections={"limits": "junk_commands = 10000"})
        process = self.trace(ravelin, "--source", "127.0.0.1", "--for", "1h")
        process.send_signal(signal.SIGSTOP)
        with ravelin.client() as client:
            for _ in range(200):
                client.send((b"NOOP " + b"x" * 900 + b"\r\n") * 20)
                for _ in range(20):
                    self.assertRegex(client.reply(), "^250")
        self.assertIn("pid", ravelin.ctl("status"))
        process.send_signal(signal.SIGCONT)
        wait_for(lambda: "lines were lost" in self.seen(), "word of what was lost")
        process.send_signal(signal.SIGINT)
        process.wait(harness.PATIENCE)

    def test_top(self):
        ravelin = self.ravelin([self.backend])
        with ravelin.client() as client:
            client.mail(["bob@example.com"])
            client.say("QUIT")
        with ravelin.client(source="127.0.0.7") as client:
            client.say("NOOP")
            text = ravelin.run_ctl("top", "--once").stdout
        self.assertNotIn("\x1b", text)
        lines = text.splitlines()
        self.assertLessEqual(len(lines), 24)
        self.assertLessEqual(max(map(len, lines)), 80)
        self.assertRegex(lines[0], "^mx.example.net  up .* pressure calm")
        self.assertRegex(lines[1], r"^dialogs 1 of \d+ \(peak \d+\)")
        self.assertIn(f"127.0.0.1:{self.backend.port}", text)
        self.assertRegex(text, r" 1  127\.0\.0\.7 +1  127\.0\.0\.0/24")
        self.assertRegex(text, r"127\.0\.0\.1 +accept 250 <a@sender.example> -> <bob@example.com>")

    def test_top_shows_verdict_and_code_of_one_recipient(self):
        ravelin = self.ravelin([self.backend])
        with ravelin.client(source="127.0.0.2") as client:
            for line in ("EHLO a.example", "MAIL FROM:<>", "RCPT TO:<bob@example.com>"):
                client.say(line)
            self.assertRegex(client.say("RCPT TO:<eve@example.com>"), "^452")
            client.say("QUIT")
        with ravelin.client(source="127.0.0.3") as client:
            client.mail(["bob@example.com"], text=b"x\ny\r\n")
        with ravelin.client(source="127.0.0.4") as client:
            client.say("EHLO a.example")
            self.assertRegex(client.say("MAIL FROM:<a@b.example> SIZE=99999999999"), "^552")
            client.say("QUIT")
        wait_for(lambda: ravelin.ctl("stats")["dialogs_ended"] == 3, "the dialogs' ends")
        text = ravelin.run_ctl("top", "--once").stdout
        self.assertRegex(text, r"127\.0\.0\.2 +accept 250 <> -> <bob@example\.com>")
        self.assertRegex(text, r"127\.0\.0\.3 +reject 554 <a@sender\.example> -> <bob@example\.com>")
        self.assertRegex(text, r"127\.0\.0\.4 +reject 552\b")

    def test_top_gives_the_screen_back(self):
        ravelin = self.ravelin([self.backend])
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [str(harness.BUILD / "ravelinctl"), "--socket", f"{self.directory}/ctl.sock", "top"],
            stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
        os.close(theirs)
        shown = b""

        def read_until(mark):
            nonlocal shown
            end = time.monotonic() + harness.PATIENCE
            while mark not in shown and time.monotonic() < end:
                if select.select([ours], [], [], 1)[0]:
                    try:
                        shown += os.read(ours, 65536)
                    except OSError:
                        break
            self.assertIn(mark, shown)

        read_until(b"pressure calm")
        self.assertTrue(shown.startswith(b"\x1b[?1049h"))
        process.send_signal(signal.SIGINT)
        read_until(b"\x1b[?1049l")
        self.assertEqual(process.wait(harness.PATIENCE), 0)
        os.close(ours)
        self.assertIn("pid", ravelin.ctl("status"))

    def test_simulate(self):
        dns = self.start(FakeDns(self.directory, "1.2.0.192.in-addr.arpa PTR mail.sender.example\n"
                                                 "mail.sender.example A 192.0.2.1\n"))
        ravelin = self.ravelin([self.backend], sections={
            "dns": f'servers = ["127.0.0.1:{dns.port}"]', "greylist": 'delay = "4m"',
            "access": 'deny = ["192.0.2.128/25"]',
            "checks.helo": 'literal = "reject"', "checks.rdns": 'action = "greylist"'})

        def simulate(ip="192.0.2.1", helo="mail.sender.example", to="bob@example.com", *more):
            return ravelin.ctl("simulate", "--ip", ip, "--helo", helo, "--from",
                               "a@sender.example", "--to", to, *more)

        dialogs = ravelin.ctl("stats")["dialogs"]
        good = simulate()
        self.assertEqual((good["name"], good["verdict"]), ("mail.sender.example", "defer"))
        self.assertEqual(good["greylist"]["state"], "first")
        self.assertRegex(good["reply"], "^451 4.7.1")
        self.assertIn("pass", [one["says"] for one in good["checks"] if one["check"] == "rdns"])
        bad = simulate(helo="[192.0.2.1]")
        self.assertEqual(bad["verdict"], "reject")
        self.assertIn("helo.literal", [one["check"] for one in bad["checks"]])
        self.assertEqual(simulate(to="x@elsewhere.example")["verdict"], "reject")
        self.assertEqual(simulate(ip="192.0.2.200")["access"], "denied")
        asked = simulate("192.0.2.1", "mail.sender.example", "nobody@example.com", "--ask")
        self.assertRegex(asked["backend"], "^550")
        # Nothing was written, counted or logged.
        status = ravelin.ctl("status")
        self.assertEqual((status["greylist"]["tuples"], status["standing"]["clients"]), (0, 0))
        self.assertEqual(ravelin.ctl("stats")["dialogs"], dialogs)
        self.assertFalse(ravelin.lines(r"192\.0\.2\.1"))


class Completion(unittest.TestCase):
    script = ROOT / "etc" / "ravelinctl.bash-completion"

    def test_it_is_what_the_program_prints(self):
        for kind, path in (("completion", self.script), ("man", ROOT / "docs/man/ravelinctl.8")):
            printed = subprocess.run([harness.BUILD / "ravelinctl", "--print", kind], check=True,
                                     capture_output=True, text=True).stdout
            self.assertEqual(path.read_text(), printed)

    def complete(self, *words):
        line = " ".join(f"'{word}'" for word in ("ravelinctl", *words))
        shell = (f"source '{self.script}'; COMP_WORDS=({line}); COMP_CWORD={len(words)}; "
                 'COMPREPLY=(); _ravelinctl; printf "%s\\n" "${COMPREPLY[@]}"')
        return subprocess.run(["bash", "-c", shell], check=True, capture_output=True,
                              text=True).stdout.split()

    def help_of(self, *words):
        text = subprocess.run([harness.BUILD / "ravelinctl", *words, "--help"], check=True,
                              capture_output=True, text=True).stdout
        commands = re.search(r"Subcommands:\n((?:  .*\n?)+)", text)
        found = re.findall(r"(?m)^  ([a-z][a-z-]*)", commands.group(1)) if commands else []
        return found, re.findall(r"(?m)^  (?:-\w,)?(--[a-z-]+)", text)

    def test_every_command_and_option_is_offered(self):
        commands, options = self.help_of()
        self.assertGreater(len(commands), 15)
        offered = self.complete("")
        for word in commands + options:
            self.assertIn(word, offered)
        for command in commands:
            below, options = self.help_of(command)
            offered = self.complete(command, "")
            for word in below or options:
                self.assertIn(word, offered, command)
            for second in below:
                _, options = self.help_of(command, second)
                offered = self.complete(command, second, "")
                for word in options:
                    self.assertIn(word, offered, (command, second))

    def test_words_that_begin(self):
        self.assertEqual(self.complete("gr"), ["greylist"])
        self.assertEqual(self.complete("--json", "standing", "s"), ["show", "set"])
        self.assertEqual(self.complete("standing", "set", "192.0.2.1", "p"), ["passed"])
        self.assertEqual(self.complete("deny", "add", "--for", "x"), [])


class Installed(SystemTest):
    def test_everything_is_in_its_place(self):
        subprocess.run(["cmake", "--install", harness.BUILD, "--prefix", self.directory], check=True,
                       capture_output=True)
        for path in ("sbin/ravelin", "sbin/ravelinctl", "share/man/man8/ravelin.8",
                     "share/man/man8/ravelinctl.8", "share/man/man5/ravelin.toml.5",
                     "share/bash-completion/completions/ravelinctl"):
            self.assertTrue((pathlib.Path(self.directory) / path).is_file(), path)


class Manual(unittest.TestCase):
    pages = sorted((ROOT / "docs" / "man").glob("*.[58]"))

    def test_there_are_three(self):
        self.assertEqual([page.name for page in self.pages],
                         ["ravelin.8", "ravelin.toml.5", "ravelinctl.8"])

    def test_they_are_clean(self):
        for page in self.pages:
            with self.subTest(page.name):
                man = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", page],
                                     capture_output=True, text=True,
                                     env={**os.environ, "MANROFFSEQ": "", "MANWIDTH": "80",
                                          "LC_ALL": "C.UTF-8"})
                self.assertEqual((man.returncode, man.stderr), (0, ""))
                lint = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", page],
                                      capture_output=True, text=True)
                self.assertEqual((lint.returncode, lint.stdout), (0, ""))

    def test_ravelin_8_names_every_option(self):
        text = (ROOT / "docs/man/ravelin.8").read_text().replace("\\-", "-")
        usage = subprocess.run([harness.BUILD / "ravelin", "--help"], check=True, capture_output=True,
                               text=True).stdout
        options = set(re.findall(r"--[a-z][a-z-]+", usage))
        self.assertGreater(len(options), 6)
        for option in options:
            self.assertIn(option, text)


if __name__ == "__main__":
    harness.main()
