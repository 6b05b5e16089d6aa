#!/usr/bin/env python3
"""etc/quickstart.sh as a new user runs it, but for packages and build: what it prints is followed
literally; wrong arguments; Ctrl-C; a second start."""
import os
import pathlib
import re
import signal
import socket
import subprocess
import time
import unittest

import harness
from harness import Backend, Process, SystemTest, wait_for

SCRIPT = harness.ROOT / "etc" / "quickstart.sh"
MESSAGE = (b"Subject: bytes\r\nX-Odd: \tkept  \r\n\r\n.\r\n..\r\n.dot\r\n...\r\n \r\n\r\n"
           b"8-bit \xe4\xf6\xfc \xff\r\n" + b"x" * 998 + b"\r\nlast\r\n")


class Quickstart(SystemTest):
    def setUp(self):
        super().setUp()
        self.place = pathlib.Path(self.directory) / "place"
        self.port = harness.free_port()
        while not self.unused(self.port + 1):
            self.port = harness.free_port()
        self.listen = f"127.0.0.1:{self.port}"
        self.environment = dict(os.environ, QUICKSTART_PLACE=os.path.relpath(self.place, harness.ROOT),
                                QUICKSTART_BINARIES=str(harness.BUILD))

    def unused(self, port):
        return not harness.is_listening(port)

    def run_script(self, *arguments):
        return subprocess.run([str(SCRIPT), *arguments], capture_output=True, text=True,
                              env=self.environment, timeout=2 * harness.PATIENCE)

    def start_script(self, *arguments, ready="Ctrl-C ends it"):
        """In a process group of its own, as a terminal's foreground job is."""
        script = Process([str(SCRIPT), *arguments], f"{self.directory}/out-{time.monotonic_ns()}",
                         env=self.environment, start_new_session=True)
        self.addCleanup(self.end, script)
        wait_for(lambda: ready in script.text() or script.process.poll() is not None, ready)
        self.assertIn(ready, script.text())
        return script

    def end(self, script):
        if script.process.poll() is None:
            script.signal(signal.SIGTERM)
            script.wait()

    def commands(self, script):
        """The commands that it tells to try, in order."""
        return re.findall(r"(?m)^ +((?:etc|/)\S+ .*)$", script.text())

    def follow(self, command):
        return subprocess.run(command.split(), capture_output=True, text=True, cwd=harness.ROOT,
                              timeout=harness.PATIENCE)

    def test_what_it_prints_is_true(self):
        script = self.start_script("--listen", self.listen)
        first, retry, nobody, foreign, status = self.commands(script)
        said = self.follow(first)
        self.assertEqual(said.returncode, 1)
        self.assertRegex(said.stdout, r"(?m)^  451 4\.7\.1 .*Greylisted")
        wait = int(re.search(r"(\d+) s", said.stdout).group(1))
        self.assertLessEqual(wait, 15)
        done = wait_for(lambda: (lambda d: d if d.returncode == 0 else None)(self.follow(retry)),
                        "the retry to be accepted")
        self.assertRegex(done.stdout, r"(?m)^  250 2\.0\.0 ")
        mails = list((self.place / "mail" / "alice" / "new").iterdir())
        self.assertEqual(len(mails), 1)
        self.assertRegex(self.follow(nobody).stdout, r"(?m)^  550 5\.1\.1 .*at the demo server")
        self.assertRegex(self.follow(foreign).stdout, r"(?m)^  554 5\.7\.1 ")
        self.assertEqual(self.follow(status).returncode, 0)

        path = pathlib.Path(self.directory) / "message"
        path.write_bytes(MESSAGE)
        sent = self.follow(f"etc/demo-send.py {self.listen} bob@example.com --file {path}")
        self.assertEqual(sent.returncode, 0, sent.stdout)
        mail, = (self.place / "mail" / "bob" / "new").iterdir()
        trace, separator, rest = mail.read_bytes().partition(b"Subject:")
        self.assertEqual(separator + rest, MESSAGE)
        self.assertRegex(trace, rb"^Received: from mail\.sender\.example (.*\r\n\t?)+$")

        os.killpg(script.pid, signal.SIGINT)  # Ctrl-C
        self.assertEqual(script.wait(), 130)
        self.assertIn("ended", script.text().splitlines()[-1])
        self.assertTrue(self.unused(self.port) and self.unused(self.port + 1), "both have ended")

        script = self.start_script("--listen", self.listen)
        self.assertRegex(self.follow(self.commands(script)[0]).stdout, "Greylisted",
                         "another demo begins among strangers")

    def test_interrupted_before_anything_runs(self):
        """By a Ctrl-C that the command of the moment takes no notice of."""
        tools = pathlib.Path(self.directory) / "bin"
        tools.mkdir()
        os.mkfifo(tools / "gate")
        (tools / "dpkg-query").write_text(f"#!/bin/sh\ntouch {tools}/asked\ncat {tools}/gate\n"
                                          "echo install ok installed\n")
        (tools / "dpkg-query").chmod(0o755)
        self.environment["PATH"] = f"{tools}:{self.environment['PATH']}"
        script = Process([str(SCRIPT), "--listen", self.listen], f"{self.directory}/out",
                         env=self.environment, start_new_session=True)
        self.addCleanup(self.end, script)
        wait_for((tools / "asked").exists, "the first question")
        script.signal(signal.SIGINT)
        (tools / "gate").write_text("")
        self.assertEqual(script.wait(), 130)

    def test_interrupted_while_it_starts(self):
        for moment in range(12):
            begin = time.monotonic()
            script = Process([str(SCRIPT), "--listen", self.listen],
                             f"{self.directory}/out-{moment}", env=self.environment,
                             start_new_session=True)
            self.addCleanup(self.end, script)
            wait_for(lambda: time.monotonic() - begin > moment * 0.15, "the moment")
            os.killpg(script.pid, signal.SIGINT)
            self.assertIn(script.wait(), (130, -signal.SIGINT), script.text())
            self.assertNotIn("Traceback", script.text())
            self.assertTrue(self.unused(self.port) and self.unused(self.port + 1))

    def test_second_start(self):
        first = self.start_script("--listen", self.listen)
        done = self.run_script("--listen", f"127.0.0.1:{harness.free_port()}")
        self.assertEqual(done.returncode, 1)
        self.assertIn("already running here", done.stderr)
        self.environment["QUICKSTART_PLACE"] += "2"  # another clone
        done = self.run_script("--listen", self.listen)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, "quickstart: .*in use")
        self.assertRegex(self.follow(self.commands(first)[0]).stdout, "Greylisted")

    def test_port_in_use(self):
        with socket.socket() as holder:
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            holder.bind(("127.0.0.1", self.port))
            holder.listen()
            done = self.run_script("--listen", self.listen)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, rf"cannot listen on {self.listen}: .*in use")
        self.assertIn("Ravelin does not start", done.stderr)
        self.assertTrue(self.unused(self.port + 1), "nothing is left behind")

    def test_own_backend(self):
        backend = self.start(Backend(mailboxes=["postmaster@example.net", "eve@example.net"]))
        script = self.start_script("--backend", f"127.0.0.1:{backend.port}", "--domain",
                                   "example.net", "--listen", self.listen)
        self.assertRegex(script.text(), "takes mail for postmaster@example.net")
        self.assertIn("defaults", script.text())
        said = self.follow(f"etc/demo-send.py {self.listen} eve@example.net --from a@localhost")
        self.assertRegex(said.stdout, r"(?m)^  4\d\d ")
        script.signal(signal.SIGTERM)
        self.assertEqual(script.wait(), 143)
        self.assertTrue((self.place / "state.db").exists())

    def test_own_backend_that_is_down(self):
        script = self.start_script("--backend", "127.0.0.1:9", "--domain", "example.net",
                                   "--listen", self.listen)
        self.assertRegex(script.text(), "FAILED +route example.net: no backend answers")

    def test_wrong_arguments(self):
        for arguments, why in ((["--nonsense"], "unknown argument '--nonsense'"),
                               (["--listen"], "--listen needs a value"),
                               (["--listen", "2525"], "--listen takes ADDRESS:PORT"),
                               (["--backend", "mail:25"], "--backend and --domain go together"),
                               (["--domain", "example.com"], "--backend and --domain go together"),
                               (["--backend", "mail", "--domain", "a.example"], "HOST:PORT"),
                               (["--backend", 'm"\n:25', "--domain", "a.example"], "HOST:PORT"),
                               (["--backend", "mail:25", "--domain", 'a"b'], "takes a name")):
            with self.subTest(arguments=arguments):
                done = self.run_script(*arguments)
                self.assertEqual(done.returncode, 2)
                self.assertIn(why, done.stderr)
        helped = self.run_script("--help")
        self.assertEqual((helped.returncode, helped.stderr), (0, ""))
        self.assertIn("--backend HOST:PORT", helped.stdout)


if __name__ == "__main__":
    harness.main()
