#!/usr/bin/env python3
"""Clients that use TLS to cost us something: half-open handshakes, renegotiation, key updates, tiny
records, and a session of another listener."""
import os
import select
import socket
import ssl
import subprocess
import threading
import time
import unittest

import harness
from harness import Backend, Client, SystemTest, wait_for
from test_framing import SMUGGLING
from test_tls import SecureClient, client_context, make_certificate


def client_hello(context):
    """The first record of a client, as octets."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        context.wrap_bio(incoming, outgoing, server_hostname="mx.example.net").do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


class OpensslClient:
    """openssl s_client behind STARTTLS, fed a piece at a time: a lone R or K at the beginning of a
    piece is a command to it."""

    def __init__(self, port, *options):
        self.process = subprocess.Popen(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-starttls", "smtp", "-crlf",
             *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            bufsize=0)
        self.text = ""

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def read_until(self, what):
        """Reads on until |what| has come; False if the program ended without it."""
        end = time.monotonic() + harness.PATIENCE
        while what not in self.text:
            if not select.select([self.process.stdout], [], [], end - time.monotonic())[0]:
                raise AssertionError(f"waited for {what!r} behind {self.text!r}")
            more = os.read(self.process.stdout.fileno(), 65536).decode(errors="replace")
            if not more:
                return False
            self.text += more
        self.text = self.text.split(what, 1)[1]
        return True

    def type(self, piece):
        try:
            self.process.stdin.write(piece.encode())
        except BrokenPipeError:
            pass  # read_until() will say so


class HostileTls(SystemTest):
    def setUp(self):
        super().setUp()
        self.backend = self.start(Backend())
        self.certificate = make_certificate(self.directory, "mx", ["mx.example.net"])

    def offering(self, **sections):
        sections["tls"] = f'certificates = ["{self.certificate}"]'
        return self.ravelin([self.backend], sections=sections)

    def served(self, ravelin):
        with ravelin.client() as client:
            self.assertRegex(client.mail(["bob@example.com"])[-1], "^250")

    def asking(self, ravelin):
        """A client that has said STARTTLS, and the answer."""
        client = self.start(ravelin.client())
        client.say("EHLO client.sender.example")
        return client, client.say("STARTTLS")

    def test_half_open_handshakes(self):
        """Up to the cap they are waited for; then there is 454, and plain dialogs go on."""
        ravelin = self.offering(limits='handshakes = 4\nhandshake_timeout = "2s"')
        held = [self.asking(ravelin) for _ in range(3)]  # a quarter is for good standing
        self.assertEqual({answer[:3] for _, answer in held}, {"220"})
        hello = client_hello(client_context())
        held[0][0].send(hello[:1])
        held[1][0].send(hello[:-1])
        refused, answer = self.asking(ravelin)
        self.assertRegex(answer, r"^454 4\.7\.0 ")
        self.assertRegex(refused.mail(["bob@example.com"])[-1], "^250", "it goes on without TLS")
        self.served(ravelin)
        for client, _ in held:
            self.assertTrue(client.closed())
        wait_for(lambda: len(ravelin.lines("timeout after STARTTLS")) == 3, "three log lines")
        with SecureClient(ravelin.port) as client:
            self.assertRegex(client.mail(["bob@example.com"])[-1], "^250")

    def test_a_hello_in_crumbs(self):
        """Octet by octet, in records of one octet each, of 16 kB, and cut off."""
        ravelin = self.offering()
        long_context = client_context()
        long_context.set_alpn_protocols(["x" * 250] * 60 + ["smtp"])
        hellos = {"octets": client_hello(client_context()), "large": client_hello(long_context)}
        body = hellos["octets"][5:]
        hellos["tiny records"] = b"".join(b"\x16\x03\x01\0\1" + body[i:i + 1]
                                          for i in range(len(body)))
        self.assertGreater(len(hellos["large"]), 15000)
        for name, hello in hellos.items():
            with self.subTest(name=name):
                client, answer = self.asking(ravelin)
                self.assertRegex(answer, "^220")
                client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                step = 1 if name == "octets" else len(hello)
                for at in range(0, len(hello), step):
                    client.send(hello[at:at + step])
                self.assertEqual(client.socket.recv(3), b"\x16\x03\x03", "a ServerHello")
                client.close()
        client, _ = self.asking(ravelin)
        client.send(b"\x16\x03\x01\xff\xff" + b"x" * 100)
        self.assertTrue(client.closed())
        self.served(ravelin)

    def test_records_of_one_octet(self):
        ravelin = self.offering()
        text = b"Subject: crumbs\r\n\r\n" + b"0123456789\r\n" * 400
        with SecureClient(ravelin.port) as client:
            client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client.say("EHLO client.sender.example")
            client.say("MAIL FROM:<a@sender.example>")
            client.say("RCPT TO:<bob@example.com>")
            self.assertRegex(client.say("DATA"), "^354")
            for number, octet in enumerate(text + b".\r\n"):
                client.send(bytes([octet]))
                if number % 1000 == 0:
                    self.served(ravelin)
            self.assertRegex(client.reply(), "^250")
        self.assertTrue(self.backend.messages[-1]["text"].endswith(text))

    def test_smuggling_under_tls(self):
        """As in the clear, in one record and in records of one octet."""
        ravelin = self.offering()
        evil = b"MAIL FROM:<x@y.example>\r\nRCPT TO:<bob@example.com>\r\nDATA\r\nevil\r\n.\r\n"
        for middle in SMUGGLING:
            for step in (1, 1000):
                with self.subTest(middle=middle, step=step), SecureClient(ravelin.port) as client:
                    client.say("EHLO client.sender.example")
                    client.say("MAIL FROM:<a@sender.example>")
                    client.say("RCPT TO:<bob@example.com>")
                    self.assertRegex(client.say("DATA"), "^354")
                    text = b"Subject: x\r\n\r\nouter" + middle + evil
                    try:
                        for at in range(0, len(text), step):
                            client.send(text[at:at + step])
                    except OSError:
                        pass  # closed already; the reply waits for us
                    self.assertRegex(client.reply(), r"^554 5\.6\.0 ")
                    self.assertEqual(client.reply(), "")
        self.assertEqual(self.backend.messages, [])

    def test_renegotiation(self):
        ravelin = self.offering()
        client = self.start(OpensslClient(ravelin.port, "-tls1_2"))
        self.assertTrue(client.read_until("---\n250 "))  # what -starttls left of our EHLO reply
        client.type("NOOP\n")
        self.assertTrue(client.read_until("250 2.0.0"))
        client.type("R\n")
        self.assertTrue(client.read_until("no renegotiation"))
        self.served(ravelin)
        self.assertEqual(len(ravelin.wait_line("TLS connection established")), 1)

    def test_key_updates(self):
        """A few are part of the protocol; who sends nothing else is let go."""
        ravelin = self.offering()
        client = self.start(OpensslClient(ravelin.port, "-tls1_3"))
        self.assertTrue(client.read_until("Verify return code"))
        for number in range(20):
            client.type("k\n" if number % 2 else "K\n")
            self.assertTrue(client.read_until("KEYUPDATE\n"))
        client.type("NOOP\n")
        self.assertTrue(client.read_until("250 2.0.0"))
        end, going_on = time.monotonic() + harness.PATIENCE, True
        while going_on:
            self.assertLess(time.monotonic(), end)
            client.type("K\n")
            going_on = client.read_until("KEYUPDATE\n")
        ravelin.wait_line("lost connection after")
        self.served(ravelin)

    def test_a_session_of_another_listener(self):
        other = harness.free_port()
        ravelin = self.offering(
            listen=f'smtp = ["127.0.0.1:{{port}}", "127.0.0.1:{other}"]')
        context = client_context(version=ssl.TLSVersion.TLSv1_2)
        with SecureClient(ravelin.port, context) as client:
            session = client.socket.session
        for there, resumed in ((ravelin.port, True), (other, False)):
            with SecureClient(there, context, session=session) as client:
                self.assertEqual(client.socket.session_reused, resumed)
                self.assertRegex(client.mail(["bob@example.com"])[-1], "^250")

    def test_a_flood_of_handshakes(self):
        """Plain dialogs go on beside clients that do nothing but begin TLS."""
        ravelin = self.offering(limits="sessions_per_client = 0\nsessions_per_network = 0")
        over, made = threading.Event(), []

        def flood():
            while not over.is_set():
                with SecureClient(ravelin.port):
                    made.append(1)

        threads = [threading.Thread(target=flood) for _ in range(8)]
        for thread in threads:
            thread.start()
        try:
            wait_for(lambda: len(made) > 50, "the flood")
            began = time.monotonic()
            for _ in range(20):
                self.served(ravelin)
            self.assertLess(time.monotonic() - began, 20)
        finally:
            over.set()
            for thread in threads:
                thread.join()


if __name__ == "__main__":
    harness.main()
