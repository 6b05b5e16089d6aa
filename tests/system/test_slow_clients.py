#!/usr/bin/env python3
"""Clients and backends that are slow on purpose: each phase of a dialog has its end, and what does
not flow is not held in memory."""
import os
import select
import socket
import threading
import time
import unittest

import harness
from harness import Backend, SystemTest, wait_for
from test_tls import make_certificate

# What the sanitizer keeps of freed memory is not in use.
LEAN = {**os.environ, "ASAN_OPTIONS": "quarantine_size_mb=1:" + os.environ.get("ASAN_OPTIONS", "")}
LINE = b"x" * 76 + b"\r\n"


def resident(process):
    """Memory in use, in kB."""
    with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))


class SlowClients(SystemTest):
    def setUp(self):
        super().setUp()
        self.backend = self.start(Backend())

    def impatient(self, **more):
        certificate = make_certificate(self.directory, "mx", ["mx.example.net"])
        limits = 'command_timeout = "1s"\nhandshake_timeout = "1s"\ndata_timeout = "1s"\n'
        return self.ravelin([self.backend], env=LEAN, sections={
            "tls": f'certificates = ["{certificate}"]',
            "limits": limits + "\n".join(f"{key} = {value}" for key, value in more.items())})

    def drip(self, client, data, pause=0.2):
        """Sends |data| octet by octet, for ever slow; returns what was heard until the server has
        closed."""
        heard, at = client.buffer, 0
        end = time.monotonic() + harness.PATIENCE
        while time.monotonic() < end:
            if select.select([client.socket], [], [], pause)[0]:
                try:
                    more = client.socket.recv(65536)
                except ConnectionResetError:
                    more = b""
                if not more:
                    return heard.decode(errors="replace")
                heard += more
                continue
            try:
                client.send(data[at % len(data):at % len(data) + 1])
            except OSError:
                pass  # what it said waits to be read
            at += 1
        raise AssertionError(f"still open; heard {heard!r}")

    def test_a_drop_now_and_then_at_each_phase(self):
        """Octets do not prolong a deadline that is meant for a command, a handshake or a speed."""
        ravelin = self.impatient(data_min_rate='"500B"')
        hello, mail = ["EHLO a.example"], ["MAIL FROM:<a@sender.example>"]
        rcpt = mail + ["RCPT TO:<bob@example.com>"]
        phases = {"before EHLO": ([], b"E", "421 4.4.2 "),
                  "in a command": (hello + mail, b"R", "421 4.4.2 "),
                  "in a transaction": (hello + rcpt, b" ", "421 4.4.2 "),
                  "in a text": (hello + rcpt + ["DATA"], b"x\r\n", "421 4.4.2 "),
                  "in a handshake": (hello + ["STARTTLS"], b"\x16\x03\x01\0\xc8\1\0\0\xc4\3\3", "")}
        heard, threads = {}, []

        def run(phase, commands, octets):
            with ravelin.client() as client:
                for command in commands:
                    client.say(command)
                heard[phase] = self.drip(client, octets)

        for phase, (commands, octets, _) in phases.items():
            threads.append(threading.Thread(target=run, args=(phase, commands, octets)))
            threads[-1].start()
        for thread in threads:
            thread.join()
        self.assertEqual(set(heard), set(phases))
        for phase, (_, _, expected) in phases.items():
            with self.subTest(phase=phase):
                self.assertTrue(heard[phase].startswith(expected), heard[phase])
                self.assertEqual(bool(heard[phase]), bool(expected))
        wait_for(lambda: ravelin.ctl("status")["sessions"]["open"] == 0, "an empty house")
        self.assertEqual(self.backend.messages, [])

    def test_a_client_that_reads_nothing(self):
        """Its window is shut. The last words wait for it 30 s more: tests/proxy/event has a clock."""
        ravelin = self.impatient(junk_commands=10000)
        before = resident(ravelin)
        peer = socket.socket()
        self.addCleanup(peer.close)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        # Small segments: for the large ones of loopback the kernel would hold 2 MB of replies.
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
        peer.settimeout(harness.PATIENCE)
        peer.connect(("127.0.0.1", ravelin.port))
        peer.setblocking(False)
        wait_for(lambda: ravelin.ctl("status")["sessions"]["open"] == 1, "the dialog")
        sent, data = 0, b"EHLO a.example\r\n" * 4096
        end = time.monotonic() + harness.PATIENCE
        while not ravelin.lines("timeout after EHLO"):
            self.assertLess(time.monotonic(), end, "nothing ends it")
            try:
                sent += peer.send(data[sent % 16:])
            except BlockingIOError:
                time.sleep(0.01)
        self.assertEqual(ravelin.lines("too many junk"), [], "it was read from all the time")
        self.assertLess(resident(ravelin) - before, 20000)

    def test_a_backend_that_reads_nothing(self):
        """A text that the backend does not take stays with the client."""
        stop = threading.Event()
        self.addCleanup(stop.set)
        self.backend.script = {"text": lambda *_: stop.wait(60) and b"" or b""}
        ravelin = self.ravelin([self.backend], env=LEAN)
        with ravelin.client() as client:
            for command in ("EHLO a.example", "MAIL FROM:<a@sender.example>",
                            "RCPT TO:<bob@example.com>", "DATA"):
                client.say(command)
            before = resident(ravelin)
            client.socket.setblocking(False)
            sent, text = 0, LINE * 500_000  # 39 MB
            quiet = time.monotonic()
            while sent < len(text) and time.monotonic() - quiet < 1:
                try:
                    sent += client.socket.send(text[sent:sent + 65536])
                    quiet = time.monotonic()
                except BlockingIOError:
                    time.sleep(0.01)
            self.assertLess(sent, 30_000_000, "only what sockets hold is taken")
            self.assertLess(resident(ravelin) - before, 20000)

    def test_a_large_message_costs_no_memory(self):
        ravelin = self.ravelin([self.backend], env=LEAN)
        text = b"Subject: large\r\n\r\n" + LINE * 400_000  # 31 MB
        with ravelin.client() as client:
            client.mail(["bob@example.com"])
            before, most, over = resident(ravelin), [0], threading.Event()

            def watch():
                while not over.wait(0.02):
                    most[0] = max(most[0], resident(ravelin))

            watcher = threading.Thread(target=watch)
            watcher.start()
            try:
                self.assertRegex(client.mail(["bob@example.com"], text=text)[-1], "^250")
            finally:
                over.set()
                watcher.join()
        self.assertTrue(self.backend.messages[-1]["text"].endswith(text))
        self.assertGreater(most[0], 0)
        self.assertLess(most[0] - before, 10000)


if __name__ == "__main__":
    harness.main()
