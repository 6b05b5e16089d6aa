#!/usr/bin/env python3
"""The log to syslogd: what it writes is what the file has, it may come and go, and the sandbox is no
hindrance. And stderr, if it is the journal's."""
import collections
import os
import pathlib
import re
import signal
import socket
import stat
import subprocess
import threading
import unittest

import harness
from harness import Backend, Client, SystemTest, wait_for

STAMP = r"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d"
DATAGRAM = re.compile(rf"<(\d+)>({STAMP}) ((?:postfix|ravelin)/\w+\[\d+\]: [^\n]+)\Z")
HELLO = ("EHLO h.client.example", "MAIL FROM:<a@sender.example>")


class Syslogd(harness.HasLog):
    """Writes what comes to |path| into |file|, as a syslogd writes /var/log/mail.log."""

    def __init__(self, path, file, reads=True):
        self.path, self.log = str(path), pathlib.Path(file)
        self.priorities, self.odd = collections.Counter(), []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        os.chmod(self.path, 0o666)
        self.thread = threading.Thread(target=self._run, daemon=True)
        if reads:
            self.thread.start()

    def _run(self):
        with self.log.open("a", encoding="utf-8") as file:
            while True:
                datagram = self.socket.recv(65536)
                if datagram == b"stop":
                    return
                found = DATAGRAM.match(datagram.decode("utf-8", "replace"))
                if not found:
                    self.odd.append(datagram)
                    continue
                self.priorities[int(found[1])] += 1
                print(found[2], "mx.example.net", found[3], file=file, flush=True)

    def close(self):
        """Ends it as a syslogd ends: what has come is written, then the socket is gone."""
        if not self.socket:
            return
        if self.thread.is_alive():
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
                last.sendto(b"stop", self.path)
            self.thread.join(harness.PATIENCE)
        self.socket.close()
        self.socket = None
        os.unlink(self.path)


class Syslog(SystemTest):
    def setUp(self):
        super().setUp()
        self.backend = self.start(Backend(mailboxes=["bob@example.com", "eve@example.com"]))
        self.path = os.path.join(self.directory, "log.sock")
        self.written = os.path.join(self.directory, "syslog")

    def syslogd(self, **options):
        return self.start(Syslogd(self.path, self.written, **options))

    def say(self, ravelin, number, *lines, last):
        with Client(ravelin.port, source=f"127.1.2.{number}") as client:
            for line in lines:
                reply = client.say(line)
            self.assertRegex(reply, last)
            if lines[-1] == "QUIT":
                client.closed()

    def some_dialogs(self, ravelin, number):
        say = lambda *lines, last: self.say(ravelin, number, *HELLO, *lines, last=last)
        say("RCPT TO:<bob@example.com>", "RCPT TO:<eve@example.com>", "DATA",
            "Message-ID: <m@x>\r\n\r\nhello\r\n.", "QUIT", last="^221")
        say("RCPT TO:<nobody@example.com>", "QUIT", last="^221")
        say("RCPT TO:<bob@foreign.example>", "QUIT", last="^221")
        say("RCPT TO:<bob@example.com>", last="^250")  # leaves without a word
        self.say(ravelin, number, "EHLO x", "X", "X", "X", "X", last="^421")

    def delivers(self, ravelin):
        with ravelin.client() as client:
            accepted = client.mail(["bob@example.com"])[-1]
            self.assertRegex(accepted, "^250")
        return re.search(r"[0-9A-F]{12}", accepted)[0]

    def totals(self, file):
        """What pflogsumm and fail2ban make of it; hours and days are nobody's matter here."""
        report = subprocess.run(["pflogsumm", file], capture_output=True, text=True, check=True,
                                timeout=60)
        self.assertEqual(report.stderr, "")
        self.assertIn("Grand Totals", report.stdout)
        sections = re.split(r"\n(?=[^\n]+\n-{3,}\n)", report.stdout)
        kept = [text for text in sections if not re.match(r"Per-(Hour|Day) ", text)]
        bans = subprocess.run(["fail2ban-regex", "--usedns", "no", "-o", "ip", file,
                               "postfix[mode=aggressive]"], capture_output=True, text=True, check=False,
                              timeout=60)
        self.assertEqual(bans.stderr, "")
        return kept, collections.Counter(bans.stdout.split())

    def test_readers_find_the_same_as_in_the_file(self):
        first = self.syslogd()
        ravelin = self.ravelin([self.backend], sections={
            "log": f'file = "{{dir}}/mail.log"\nsyslog = "{self.path}"', "limits": "errors = 3"})
        self.some_dialogs(ravelin, 1)
        first.wait_line(r"disconnect from \S+\[127\.1\.2\.1\].* unknown=")
        first.close()
        self.some_dialogs(ravelin, 2)
        # Whoever still hears is told.
        ravelin.wait_line("warning: log.syslog: the socket is not there: lines wait")
        log = lambda: ravelin.ctl("status")["log"]
        self.assertEqual(log()["syslog"], "the socket is not there")
        second = self.syslogd()
        self.some_dialogs(ravelin, 3)
        ravelin.wait_line("log.syslog: lines are taken again")
        self.assertEqual((log()["syslog"], log()["dropped"]), ("ok", 0))
        self.assertEqual(ravelin.stop(), 0)
        second.wait_line(r"master\[\d+\]: ended$")

        self.assertEqual(first.odd + second.odd, [])
        self.assertEqual(set(second.priorities), {20, 22})  # mail.warning, mail.info
        self.assertLessEqual(set(first.priorities), {20, 22})
        # Two threads write them, each in an order of its own, and at the turn of a second two stamps.
        texts = lambda lines: sorted(re.sub(rf"^{STAMP} ", "", line) for line in lines)
        self.assertEqual(texts(second.lines()), texts(ravelin.lines()))
        in_file, in_syslog = self.totals(ravelin.log), self.totals(self.written)
        self.assertEqual(in_syslog, in_file)
        report = "\n".join(in_file[0])
        for count, what in ((3, "received"), (6, "delivered"), (6, "rejected")):
            self.assertRegex(report, rf"(?m)^ +{count} +{what}\b")
        self.assertGreater(in_file[1]["127.1.2.2"], 0)

    def test_alone_and_by_reload_in_the_sandbox(self):
        syslogd = self.syslogd()
        only = f'file = ""\nsyslog = "{self.path}"\nsyslog_facility = "local3"'
        root = os.geteuid() == 0
        ravelin = self.ravelin([self.backend], wait=False, options=["--user", "nobody"] if root else [],
                               sections={"log": only, "sandbox": 'seccomp = "enforce"'})
        syslogd.wait_line("started: version")
        syslogd.wait_line(rf"postfix/smtp\[\d+\]: {self.delivers(ravelin)}: to=<bob@example\.com>.*status=sent")
        if root:
            self.assertNotRegex(ravelin.status(), r"Uid:\t0\b")
        self.assertEqual(ravelin.text(), "")

        # Another place, none, and this one again; the filter allows no new socket.
        log = pathlib.Path(self.directory) / "log"
        log.mkdir()
        log.chmod(0o777)
        ravelin.log = log / "mail.log"
        ravelin.write_config(log=f'file = "{ravelin.log}"')
        self.assertEqual(ravelin.run_ctl("reload").returncode, 0)
        here = self.delivers(ravelin)
        ravelin.wait_line(f"{here}: removed")
        ravelin.write_config(log=only)
        self.assertEqual(ravelin.run_ctl("reload").returncode, 0)
        back = self.delivers(ravelin)
        syslogd.wait_line(f"{back}: removed")
        self.assertEqual(syslogd.lines(here), [])
        self.assertEqual(ravelin.lines(back), [])

        # Replaced while the old one still listens: USR1, as for a file.
        os.rename(self.path, self.path + ".old")
        syslogd.path += ".old"
        other = self.start(Syslogd(self.path, self.written + ".2"))
        ravelin.signal(signal.SIGUSR1)
        wait_for(lambda: self.delivers(ravelin) and other.lines("removed"), "the new syslogd to hear")
        self.assertEqual(ravelin.stop(), 0)
        other.wait_line("ended$")
        self.assertEqual(set(syslogd.priorities + other.priorities) - {19 * 8 + 4}, {19 * 8 + 6})
        self.assertEqual(syslogd.odd + other.odd, [])

    def test_nobody_reads(self):
        self.syslogd(reads=False)
        ravelin = self.ravelin([self.backend], sections={
            "log": f'file = "{{dir}}/mail.log"\nsyslog = "{self.path}"'})
        for _ in range(100):
            self.delivers(ravelin)
        ravelin.wait_line("warning: log.syslog: nobody reads from the socket: lines wait")
        self.assertEqual(ravelin.stop(), 0)

    def test_a_check_warns(self):
        ravelin = harness.Ravelin(self.directory, [self.backend.port], start=False, sections={
            "log": f'file = ""\nsyslog = "{self.path}"'})
        check = lambda: subprocess.run([str(harness.BUILD / "ravelin"), "--config", str(ravelin.config),
                                        "--check"], capture_output=True, text=True, timeout=60)
        self.assertEqual(check().returncode, 0)
        self.assertRegex(check().stderr, r"warning: log\.syslog: \S+: No such file or directory; lines will")
        self.syslogd()
        self.assertEqual((check().returncode, check().stderr), (0, ""))

    @unittest.skipIf(os.geteuid() != 0, "needs root to change its root")
    def test_in_a_chroot(self):
        jail = pathlib.Path(self.directory) / "jail"
        (jail / "dev").mkdir(parents=True)
        os.mknod(jail / "dev" / "urandom", stat.S_IFCHR | 0o444, os.makedev(1, 9))
        self.directory, self.path = str(jail), str(jail / "dev" / "log")
        first = self.syslogd()
        # The leak checker reads /proc, which is not there.
        environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}
        ravelin = self.ravelin([self.backend], wait=False, options=["--user", "nobody"], env=environment,
                               sections={
            "sandbox": f'seccomp = "enforce"\nchroot = "{jail}"', "dns": 'servers = ["127.0.0.1:9"]',
            "log": f'file = ""\nsyslog = "{self.path}"'})
        first.wait_line("started: version")
        first.close()
        second = self.syslogd()
        second.wait_line(rf"smtp\[\d+\]: {self.delivers(ravelin)}: to=")
        self.assertEqual(ravelin.stop(), 0)
        second.wait_line("ended$")


class Journal(SystemTest):
    """stderr as systemd gives it: a stream that JOURNAL_STREAM names."""

    def run_with(self, ravelin, of_the_journal):
        """What comes out at stderr until |ravelin|, who is given TERM once it runs, has ended."""
        ours, its = socket.socketpair()
        about = os.fstat(its.fileno())
        inode = about.st_ino if of_the_journal else about.st_ino + 1
        environment = {**os.environ, "JOURNAL_STREAM": f"{about.st_dev}:{inode}"}
        daemon = subprocess.Popen([str(harness.BUILD / "ravelin"), "--config", str(ravelin.config)],
                                  stdin=subprocess.DEVNULL, stderr=its, env=environment)
        its.close()
        self.addCleanup(ours.close)
        self.addCleanup(lambda: daemon.poll() is None and daemon.kill())
        ours.settimeout(harness.PATIENCE)
        text = b""
        while more := ours.recv(65536):
            text += more
            if b"started: version" in text and daemon.poll() is None:
                daemon.terminate()
        daemon.wait(harness.PATIENCE)
        return text.decode().splitlines()

    def test_levels(self):
        ravelin = harness.Ravelin(self.directory, [harness.free_port()], start=False, sections={
            "log": 'file = "-"', "dns": 'servers = ["192.0.2.53"]'})
        lines = self.run_with(ravelin, of_the_journal=True)
        warnings = [line for line in lines if "warning: " in line]
        self.assertGreater(len(warnings), 0, lines)
        self.assertGreater(len(lines), len(warnings))
        for line in lines:
            level = 4 if line in warnings else 6
            self.assertRegex(line, rf"^<{level}>{STAMP} mx\.example\.net postfix/master\[\d+\]: ")
        for line in self.run_with(ravelin, of_the_journal=False):
            self.assertRegex(line, rf"^{STAMP} mx\.example\.net postfix/master")

    def test_a_start_that_fails(self):
        ravelin = harness.Ravelin(self.directory, [harness.free_port()], start=False,
                                  head='mode = "off"\nuser = 5')
        lines = self.run_with(ravelin, of_the_journal=True)
        self.assertGreaterEqual(len(lines), 2)
        for line in lines:
            self.assertRegex(line, "^<3>")
        self.assertEqual([line for line in self.run_with(ravelin, of_the_journal=False)
                          if line.startswith("<")], [])


if __name__ == "__main__":
    harness.main()
