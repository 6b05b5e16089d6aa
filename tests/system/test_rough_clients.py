#!/usr/bin/env python3
"""Clients that leave, half-close, flood, or write into our log: replies keep their order, custody
holds, nothing is left behind."""
import contextlib
import re
import resource
import socket
import ssl
import struct
import threading
import time
import unittest

from harness import Backend, Client, SystemTest, main, wait_for
from test_tls import SecureClient, make_certificate

MAIL = b"MAIL FROM:<a@b.example>\r\nRCPT TO:<bob@example.com>\r\n"
WHOLE = (b"EHLO a.example\r\n" + MAIL + b"DATA\r\nSubject: 1\r\n\r\none\r\n.\r\n"
         b"MAIL FROM:<a@b.example>\r\nRCPT TO:<no@example.com>\r\nDATA\r\nRSET\r\n" + MAIL +
         b"RCPT TO:<x@foreign.example>\r\nDATA\r\n..two\r\n.\r\nQUIT\r\n")
CODES = "220 250 250 250 354 250 250 550 554 250 250 250 554 354 250 221".split()


def read_all(peer):
    data = b""
    try:
        while more := peer.recv(65536):
            data += more
    except ConnectionResetError:
        pass
    except TimeoutError:
        raise AssertionError(f"still open behind {data!r}") from None
    return data


def codes(data):
    return [line[:3].decode() for line in data.split(b"\r\n") if line[3:4] == b" "]


def reset(peer):
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


class RoughClients(SystemTest):
    def setUp(self):
        super().setUp()
        self.backend = self.start(Backend())

    def connect(self, ravelin):
        peer = socket.create_connection(("127.0.0.1", ravelin.port), 30)
        self.addCleanup(peer.close)
        return peer

    def no_dialogs(self, ravelin):
        wait_for(lambda: ravelin.ctl("status")["sessions"]["open"] == 0, "an empty house")

    def empty(self, ravelin):
        self.no_dialogs(ravelin)

        def backend():
            state = ravelin.ctl("status")["backends"][0]
            return state["ties"] == state["waiting"] == 0 and state["open"] == state["idle"]

        wait_for(backend, "the backend's connections to come home")

    def test_a_script_that_sends_all_and_closes_its_side(self):
        ravelin = self.ravelin([self.backend])
        for count, pieces in enumerate((len(WHOLE), 1000, 1), 1):
            with self.subTest(pieces=pieces):
                peer = self.connect(ravelin)
                for at in range(0, len(WHOLE), pieces):
                    peer.sendall(WHOLE[at:at + pieces])
                peer.shutdown(socket.SHUT_WR)
                self.assertEqual(codes(read_all(peer)), CODES)
                self.assertEqual(len(self.backend.messages), 2 * count)

    def test_closing_its_side_behind_the_dot(self):
        """Gone, or only done with talking: the log says the one, and the reply is there for the other."""
        thinking, go_on = threading.Event(), threading.Event()
        self.addCleanup(go_on.set)
        self.backend.script = {"dot": lambda *_: thinking.set() or go_on.wait(30) and None}
        ravelin = self.ravelin([self.backend])
        peer = self.connect(ravelin)
        peer.sendall(b"EHLO a.example\r\n" + MAIL + b"DATA\r\nx\r\n.\r\n")
        peer.shutdown(socket.SHUT_WR)
        wait_for(thinking.is_set, "the question")
        go_on.set()
        self.assertEqual(codes(read_all(peer)), "220 250 250 250 354 250".split())
        ravelin.wait_line("had gone before our reply")
        self.empty(ravelin)

    def test_close_notify_behind_the_dot(self):
        """In TLS that is the same, and the connection may stay open behind it."""
        thinking, go_on = threading.Event(), threading.Event()
        self.addCleanup(go_on.set)
        self.backend.script = {"dot": lambda *_: thinking.set() or go_on.wait(30) and None}
        certificate = make_certificate(self.directory, "mx", ["mx.example.net"])
        ravelin = self.ravelin([self.backend], sections={"tls": f'certificates = ["{certificate}"]'})
        with SecureClient(ravelin.port) as client:
            client.say("EHLO a.example")
            client.say("MAIL FROM:<a@b.example>")
            client.say("RCPT TO:<bob@example.com>")
            self.assertRegex(client.say("DATA"), "^354 ")
            client.send(b"x\r\n.\r\n")
            wait_for(thinking.is_set, "the question")
            # Nagle would hold it back until we say something.
            client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client.socket.setblocking(False)
            with self.assertRaises(ssl.SSLWantReadError):  # said, and not waited for
                client.socket.unwrap()
            go_on.set()
            ravelin.wait_line("had gone before our reply")
            self.empty(ravelin)

    def test_leaving_at_every_step(self):
        """The backend has a message only if all of it was sent, and nothing is left behind."""
        ravelin = self.ravelin([self.backend])
        steps = [b"EH", b"LO a.example\r\n", MAIL[:25], MAIL[25:], b"DATA\r\n", b"x\r\ny", b"\r\n"]
        for leave in (socket.socket.close, reset):
            for count in range(len(steps) + 1):
                peer = self.connect(ravelin)
                peer.recv(100)
                for step in steps[:count]:
                    peer.sendall(step)
                leave(peer)
        self.empty(ravelin)
        self.assertEqual(self.backend.messages, [])
        with ravelin.client() as client:
            self.assertRegex(client.mail(["bob@example.com"])[-1], "^250")

    def test_leaving_while_the_backend_thinks(self):
        """Gone before the dot: cancelled. Gone after it: the backend's word is waited for."""
        for stage, kept in (("rcpt", 0), ("data", 0), ("dot", 1)):
            with self.subTest(stage=stage):
                thinking, go_on = threading.Event(), threading.Event()
                self.addCleanup(go_on.set)

                def think(*_, thinking=thinking, go_on=go_on):
                    thinking.set()
                    go_on.wait(30)

                backend = self.start(Backend(script={stage: think}))
                ravelin = self.ravelin([backend])
                with ravelin.client() as client:
                    client.send(b"EHLO a.example\r\n" + MAIL + b"DATA\r\nx\r\n.\r\n")
                    wait_for(thinking.is_set, "the question")
                    reset(client.socket)
                if not kept:
                    self.no_dialogs(ravelin)  # before the backend has said anything
                go_on.set()
                self.empty(ravelin)
                self.assertEqual(len(backend.messages), kept)
                self._end(ravelin)

    def test_floods_of_commands_have_an_end(self):
        ravelin = self.ravelin([self.backend])
        pair = b"MAIL FROM:<a@b.example> SIZE=99999999999\r\n"
        for line, most in ((b"NOOP\r\n", 102), (b"RSET\r\n", 102), (b"VRFY x\r\n", 102),
                           (b"EHLO a.example\r\n", 102), (pair, 103), (b"FOO\r\n", 23),
                           (b"\r\n", 23), (b"DATA\r\n", 23), (MAIL + b"RSET\r\n", 303)):
            with self.subTest(line=line):
                peer = self.connect(ravelin)
                with contextlib.suppress(OSError):
                    peer.sendall(b"EHLO a.example\r\n" + line * 20000)
                said = codes(read_all(peer))
                self.assertEqual(said[-1], "421")
                self.assertLessEqual(len(said), most + 1)
                peer.close()
        self.empty(ravelin)

    def test_a_flood_of_recipients(self):
        ravelin = self.ravelin([self.backend], sections={"limits": "recipients = 100"})
        peer = self.connect(ravelin)
        lines = b"EHLO a.example\r\n" + MAIL + b"RCPT TO:<bob@example.com>\r\n" * 100000
        with contextlib.suppress(OSError):
            peer.sendall(lines)
        said = codes(read_all(peer))
        self.assertEqual(said[-1], "421")
        self.assertLess(len(said), 400)
        ravelin.wait_line("disconnect from .* rcpt=")
        self.assertEqual(len(ravelin.lines("reject: RCPT .* 452 ")), 1)

    def test_nobody_writes_lines_into_our_log(self):
        forged = "x NOQUEUE: reject: RCPT from x[192.0.2.66]: 550 5.1.1"
        reply = f"550 5.1.1 {forged} <b>: User unknown\x1b[2J".encode() + b"\xff\r\n"
        self.backend.script = {"rcpt": lambda *a: reply if "no@" in a[2] else None,
                               "dot": b"250 2.0.0 ok from x[192.0.2.66]: \x1b[2J\xc3\r\n"}
        ravelin = self.ravelin([self.backend])
        with ravelin.client() as client:
            client.say("EHLO x>_NOQUEUE:_reject:_RCPT_from_x[192.0.2.66]:_550_5.1.1")
            client.say(f'MAIL FROM:<"{forged}"@c.example>')
            self.assertRegex(client.say("RCPT TO:<no@example.com>"), "^550")
            self.assertRegex(client.say(f"RCPT TO:<{forged}\x1b@example.com>"), "^501")
            self.assertRegex(client.say("RCPT TO:<bob@example.com>"), "^250")
            client.say("DATA")
            client.send(f"Message-ID: <a\x1b[2J> {forged}\r\n\t{forged}\r\n\r\nx\r\n.\r\n")
            self.assertRegex(client.reply(), "^250")
            client.say("QUIT")
        ravelin.wait_line("disconnect from")
        text = ravelin.log.read_bytes()
        self.assertNotRegex(text, rb"[\x00-\x09\x0b-\x1f\x7f]")
        text.decode()  # valid UTF-8, too
        for line in text.decode().splitlines():
            self.assertRegex(line, r"^\w{3} [ \d]\d [\d:]{8} mx\.example\.net (postfix|ravelin)/\w+\[\d+\]: ")
        # Where a reader looks for the client there is only the real one.
        for line in ravelin.lines("reject: "):
            self.assertEqual(re.search(r"\]: NOQUEUE: reject: \S+ from \S+\[([^]]*)\]: ", line)[1],
                             "127.0.0.1")
            self.assertNotRegex(line, r" x\[192\.0\.2\.66\]: ")

    def test_counts_return_to_zero(self):
        """Dialogs that end in every way give their places back: of all, of client and network."""
        ravelin = self.ravelin([self.backend], sections={
            "limits": 'sessions = 40\nsessions_per_client = 3\nsessions_per_network = 4\n'
                      'reserved_for_known = "0%"'})

        def churn(number):
            for i in range(150):
                peer = socket.socket()
                peer.settimeout(30)
                with contextlib.suppress(OSError):
                    peer.bind((f"127.3.{i % 4}.{1 + number}", 0))
                    peer.connect(("127.0.0.1", ravelin.port))
                    if i % 3:
                        peer.sendall((WHOLE, b"\0", b"QUIT\r\n", MAIL)[i % 4])
                    if i % 5 == 0:
                        peer.shutdown(socket.SHUT_WR)
                        read_all(peer)
                    if i % 2:
                        reset(peer)
                peer.close()

        threads = [threading.Thread(target=churn, args=(number,)) for number in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.empty(ravelin)
        for network in range(4):
            for host in (1, 1, 1, 2):
                client = Client(ravelin.port, source=f"127.3.{network}.{host}")
                self.addCleanup(client.close)
                self.assertRegex(client.banner, "^220", (network, host))


class Exhaustion(SystemTest):
    def setUp(self):
        super().setUp()
        self.backend = self.start(Backend())

    def cpu(self, ravelin):
        """Seconds of CPU used so far."""
        with open(f"/proc/{ravelin.pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / 100

    def test_no_descriptors_left(self):
        """Connections beyond the descriptors cost nothing while they wait, and service comes back."""
        ravelin = self.ravelin([self.backend], sections={
            "limits": 'sessions = 1000\nsessions_per_client = 0\nsessions_per_network = 0\n'
                      'reserved_for_known = "0%"'})
        ravelin.ctl("status")  # it is up entirely
        resource.prlimit(ravelin.pid, resource.RLIMIT_NOFILE, (30, 30))
        held = []
        for _ in range(200):
            peer = socket.socket()
            peer.setblocking(False)
            peer.connect_ex(("127.0.0.1", ravelin.port))
            held.append(peer)
        before, began = self.cpu(ravelin), time.monotonic()
        time.sleep(2)  # what is measured is a length of time
        self.assertLess((self.cpu(ravelin) - before) / (time.monotonic() - began), 0.2)
        for peer in held:
            peer.close()

        def served():
            with contextlib.suppress(OSError, AssertionError), ravelin.client() as client:
                return client.mail(["bob@example.com"])[-1].startswith("250")

        wait_for(served, "service to come back")


if __name__ == "__main__":
    main()
