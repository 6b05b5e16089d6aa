#!/usr/bin/env python3
"""Backends that refuse a text half-way, hang, are down or close what lies idle; and the cap of
connections. Each fault at each stage is in test_backend_matrix."""
import unittest

import harness
from harness import Backend, SystemTest

class BackendFaults(SystemTest):
    def half_way(self, what):
        """A backend that says |what| behind the first line of a text: the last reply to the client,
        which goes on with the text, as clients do."""
        def text(_backend, _number, so_far):
            return b"" if so_far else what

        backend = self.start(Backend(script={"text": text}))
        ravelin = self.ravelin([backend])
        with ravelin.client() as client:
            client.say("EHLO client.example")
            client.say("MAIL FROM:<a@sender.example>")
            client.say("RCPT TO:<bob@example.com>")
            self.assertRegex(client.say("DATA"), "^354")
            client.send("Subject: x\r\n")
            ravelin.wait_line("reject: ")
            client.send((b"x" * 76 + b"\r\n") * 2600 + b".\r\n")
            last = client.reply()
            self.assertEqual(client.reply(), "", "the dialog ends with it")
        backend.script.clear()
        self.assertEqual(backend.messages, [])
        with ravelin.client() as client:
            self.assertRegex(client.mail(["bob@example.com"])[-1], "^250")
        return last

    def test_text_refused_half_way(self):
        """Its own words reach the client, when the client has sent all."""
        self.assertRegex(self.half_way("552 5.3.4 Too big for us"), r"^552 5\.3\.4 Too big for us")

    def test_text_deferred_half_way(self):
        self.assertRegex(self.half_way("452 4.3.1 Disk full"), r"^452 4\.3\.1 Disk full")

    def test_no_250_half_way(self):
        self.assertRegex(self.half_way("250 2.0.0 Thanks, that will do"), r"^451 4\.4\.2")

    def test_closed_half_way(self):
        self.assertRegex(self.half_way("close"), r"^451 4\.4\.2")

    def test_silence_ends_at_the_time_limit(self):
        backend = self.start(Backend(script={"rcpt": "silence"}))
        ravelin = self.ravelin([backend], sections={"verify": 'timeout = "1s"'})
        with ravelin.client() as client:
            self.assertRegex(client.mail(["bob@example.com"])[0], r"^451 4\.4\.")

    def test_backend_that_is_down(self):
        ravelin = self.ravelin([harness.free_port()])
        with ravelin.client() as client:
            self.assertRegex(client.mail(["bob@example.com"])[0], r"^451 4\.")
        ravelin.wait_line("warning: .*127.0.0.1")

    def test_second_backend_takes_over(self):
        backend = self.start(Backend())
        ravelin = self.ravelin([harness.free_port(), backend])
        with ravelin.client() as client:
            self.assertRegex(client.mail(["bob@example.com"])[-1], "^250")

    def test_stale_connections_are_never_noticed(self):
        backend = self.start(Backend())
        ravelin = self.ravelin([backend])
        for _ in range(3):
            with ravelin.client() as client:
                self.assertRegex(client.mail(["bob@example.com"])[-1], "^250")
            with backend.lock:
                for connection in list(backend.sockets):
                    connection.shutdown(2)

    def test_cap_of_connections(self):
        """Twenty dialogs at once, three connections: all are served, none beyond the cap."""
        backend = self.start(Backend())
        ravelin = self.ravelin([backend], route="connections = 3")
        clients = [ravelin.client() for _ in range(20)]
        for client in clients:
            client.say("EHLO a.example")
            client.say("MAIL FROM:<a@sender.example>")
            client.send("RCPT TO:<bob@example.com>\r\n")
        for client in clients:
            self.assertRegex(client.reply(), "^250")
        for client in clients:
            self.assertRegex(client.say("DATA"), "^354")
            client.send("x\r\n.\r\n")
            self.assertRegex(client.reply(), "^250")
            client.close()
        self.assertLessEqual(backend.peak, 3)
        self.assertEqual(len(backend.messages), 20)


if __name__ == "__main__":
    harness.main()
