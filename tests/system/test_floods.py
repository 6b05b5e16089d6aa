#!/usr/bin/env python3
"""Much of the same: commands by the million, chunks that were not offered, lines without end, mbox
lines, sizes that lie, backends that talk without end. All of it ends early and costs no memory."""
import contextlib
import socket
import threading
import unittest

import harness
from harness import Backend, SystemTest, wait_for
from test_rough_clients import codes, read_all, reset
from test_slow_clients import LEAN, resident

HELLO = b"EHLO a.example\r\n"
MAIL = b"MAIL FROM:<a@b.example>\r\nRCPT TO:<bob@example.com>\r\n"


class Floods(SystemTest):
    def setUp(self):
        super().setUp()
        self.backend = self.start(Backend())

    def front(self, **sections):
        return self.ravelin([self.backend], sections=sections, env=LEAN)

    def pour(self, ravelin, data, times=1):
        """Sends |data| without waiting for anything; the codes that were heard until the server
        closed, and how many octets it let us send."""
        with socket.create_connection(("127.0.0.1", ravelin.port), harness.PATIENCE) as peer:
            sent = 0
            with contextlib.suppress(OSError):
                for _ in range(times):
                    peer.sendall(data)
                    sent += len(data)
            return codes(read_all(peer)), sent

    def test_a_million_commands(self):
        """Who sends them hears about a hundred replies, and the rest is not even read."""
        ravelin = self.front()
        self.pour(ravelin, HELLO + b"QUIT\r\n")
        before = resident(ravelin)
        for line in (b"NOOP\r\n", b"RSET\r\n", b"VRFY bob\r\n", b"HELP\r\n", b"NONSENSE\r\n",
                     b"BDAT 1\r\nx"):
            with self.subTest(line=line):
                heard, _ = self.pour(ravelin, HELLO + line * 1_000_000)
                self.assertIn(heard[-1], ("421", "503"))
                self.assertLess(len(heard), 110)
        self.assertLess(resident(ravelin) - before, 5000)

    def test_a_flood_of_connections(self):
        """One address comes, goes, resets and stays as fast as it can; others are served."""
        ravelin = self.front(limits="sessions_per_client = 5")
        over = threading.Event()

        def flood(number):
            held = []
            while not over.is_set():
                peer = socket.socket()
                with contextlib.suppress(OSError):
                    peer.bind(("127.66.0.1", 0))
                    peer.connect(("127.0.0.1", ravelin.port))
                if number % 4 == 0:
                    reset(peer)
                elif number % 4 == 1:
                    peer.close()
                else:
                    held.append(peer)
                    if len(held) > 50:
                        held.pop(0).close()
            for peer in held:
                peer.close()

        threads = [threading.Thread(target=flood, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        try:
            ravelin.wait_line("127.66.0.1.*sessions_per_client")
            for number in range(20):
                with ravelin.client(source=f"127.67.0.{number + 1}") as client:
                    self.assertRegex(client.mail(["bob@example.com"])[-1], "^250")
        finally:
            over.set()
            for thread in threads:
                thread.join()
        self.assertEqual(len(self.backend.messages), 20)

    def test_every_form_of_bdat_ends_the_dialog(self):
        """It was not offered: what follows are a chunk's octets for one side, commands for the other."""
        ravelin = self.front()
        for line in (b"BDAT 10\r\n.\r\nBDAT 5\r\n", b"BDAT -1\r\n", b"BDAT 99999999999999999999\r\n",
                     b"BDAT 0 LAST\r\n", b"BDAT 5 LASTX\r\n", b"BDAT bad\r\nDATA\r\n", b"BDAT\r\n"):
            with self.subTest(line=line):
                evil = MAIL + b"DATA\r\nsmuggled\r\n.\r\nQUIT\r\n"
                heard, _ = self.pour(ravelin, HELLO + MAIL + line + evil)
                self.assertEqual(heard, ["220", "250", "250", "250", "503"])
        self.assertEqual(self.backend.messages, [])

    def test_secrets_are_not_kept(self):
        """AUTH was not offered: it is refused before its argument is looked at."""
        ravelin = self.front()
        for argument in (b"PLAIN AHNlY3JldABzZWNyZXQ=", b"PLAIN " + b"A" * 1900, b"LOGIN", b""):
            heard, _ = self.pour(ravelin, HELLO + b"AUTH " + argument + b"\r\nQUIT\r\n")
            self.assertEqual(heard, ["220", "250", "502", "221"])
        heard, _ = self.pour(ravelin, HELLO + b"AUTH PLAIN " + b"B" * 50000 + b"\r\nQUIT\r\n")
        self.assertEqual(heard, ["220", "250", "500"])
        ravelin.wait_line("disconnect from .* auth=0/1")
        self.assertEqual(ravelin.lines("AHNlY3JldABzZWNyZXQ|A{50}|B{50}"), [])

    def test_a_line_without_end(self):
        ravelin = self.front()
        before = resident(ravelin)
        heard, sent = self.pour(ravelin, b"x" * 65536, times=16384)  # 1 GB, if it were taken
        self.assertEqual(heard, ["220", "500"])
        self.assertLess(sent, 20_000_000)
        self.assertLess(resident(ravelin) - before, 5000)

    def test_mbox_lines_count_as_any(self):
        ravelin = self.front(limits='message_size = "500kB"')
        for text, last in ((b"From x\r\n" * 50_000 + b"Subject: x\r\n\r\nhello\r\n", "250"),
                           (b"From x\r\n" * 100_000, "552"),
                           (b"From " + b"x" * 100_000 + b"\r\n", "250"),
                           (b"From " + b"x" * 600_000 + b"\r\n", "552")):
            with self.subTest(text=len(text)), ravelin.client() as client:
                self.assertEqual(client.mail(["bob@example.com"], text=text)[-1][:3], last)
        self.assertEqual(len(self.backend.messages), 2)

    def test_a_size_that_lies(self):
        ravelin = self.front(limits='message_size = "1MB"')
        with ravelin.client() as client:
            client.say("EHLO a.example")
            self.assertRegex(client.say("MAIL FROM:<a@b.example> SIZE=1"), "^250")
            client.say("RCPT TO:<bob@example.com>")
            client.say("DATA")
            client.send((b"x" * 76 + b"\r\n") * 15_000 + b".\r\n")
            self.assertRegex(client.reply(), r"^552 5\.3\.4 ")
        self.assertEqual(self.backend.messages, [])

    def test_a_backend_that_talks_without_end(self):
        """Each reply has its bounds: of lines, of octets, of one line."""
        endless = {"a million lines": b"250-x\r\n" * 1_000_000, "one line": b"250-" + b"x" * 8_000_000,
                   "no reply": b"\0" * 8_000_000}
        for stage in ("ehlo", "rcpt"):
            for name, said in endless.items():
                with self.subTest(stage=stage, name=name):
                    backend = self.start(Backend())
                    ravelin = self.ravelin([backend], env=LEAN)
                    with ravelin.client() as client:
                        client.mail(["bob@example.com"])
                    before = resident(ravelin)
                    with backend.lock:  # those that lie idle have said EHLO
                        for connection in list(backend.sockets):
                            connection.shutdown(socket.SHUT_RDWR)
                    wait_for(lambda backend=backend: backend.open == 0, "connections to end")
                    backend.script[stage] = said
                    with ravelin.client() as client:
                        self.assertRegex(client.mail(["bob@example.com"])[-1], "^451 ")
                    self.assertLess(resident(ravelin) - before, 5000)
                    self._end(ravelin)


if __name__ == "__main__":
    harness.main()
