#!/usr/bin/env python3
"""Custody: Ravelin is killed at random moments under load. Every message for which a client heard
250 must be at the backend, byte for byte; messages without a 250 may be there too (RFC 1047)."""
import hashlib
import os
import random
import threading
import unittest

import harness
from harness import Backend, Client, SystemTest, wait_for

KILLS = int(os.environ.get("RAVELIN_CUSTODY_KILLS", "50"))
SENDERS = 8


class Sender(threading.Thread):
    """Sends messages as long as it is told to, whatever happens to the connection."""

    def __init__(self, number, port):
        super().__init__(daemon=True)
        self.number, self.port, self.ending = number, port, threading.Event()
        self.accepted = {}  # SHA-256 of the text -> the reply
        self.tries = 0

    def run(self):
        random_source = random.Random(self.number)
        while not self.ending.is_set():
            try:
                with Client(self.port) as client:
                    while not self.ending.is_set():
                        self.send(client, random_source)
            except (OSError, AssertionError):
                self.ending.wait(0.01)  # killed just now: knock again

    def send(self, client, random_source):
        self.tries += 1
        body = random_source.randbytes(random_source.choice([10, 3000, 60000])).hex()
        lines = [body[at:at + 70] for at in range(0, len(body), 70)]
        text = "\r\n".join([f"Subject: {self.number}.{self.tries}", "", *lines, ""]).encode()
        replies = client.mail(["bob@example.com"], text)
        if replies[-1].startswith("250") and len(replies) == 2:
            self.accepted[hashlib.sha256(text).hexdigest()] = replies[-1]
        elif not replies[-1]:
            raise OSError("closed")


def below_trace(text):
    """The message without our Received: line and its folds."""
    assert text.startswith(b"Received: "), text[:100]
    lines = text.split(b"\r\n")
    rest = next(at for at, line in enumerate(lines) if at and not line.startswith((b" ", b"\t")))
    return b"\r\n".join(lines[rest:])


class Custody(SystemTest):
    def test_kill_at_random_moments(self):
        backend = self.start(Backend())
        ravelin = self.ravelin([backend], sections={
            "state": 'path = "{dir}/state.db"', "limits": "sessions_per_client = 0\nsessions_per_network = 0"})
        senders = [Sender(number, ravelin.port) for number in range(SENDERS)]
        for sender in senders:
            sender.start()
        moments = random.Random(20260101)
        for _ in range(KILLS):
            before = len(backend.messages)
            wait_for(lambda: len(backend.messages) > before + 3, "mail to flow")
            threading.Event().wait(moments.uniform(0, 0.15))
            ravelin.process.kill()
            ravelin.wait()
            ravelin.start()
        for sender in senders:
            sender.ending.set()
        for sender in senders:
            sender.join(harness.PATIENCE)
            self.assertFalse(sender.is_alive())

        arrived = {hashlib.sha256(below_trace(m["text"])).hexdigest() for m in backend.messages}
        accepted = {digest for sender in senders for digest in sender.accepted}
        self.assertGreater(len(accepted), KILLS)
        self.assertEqual(accepted - arrived, set(), "a 250 without a message at the backend")
        tries = sum(sender.tries for sender in senders)
        print(f"{KILLS} kills, {tries} messages sent, {len(accepted)} accepted, "
              f"{len(arrived)} arrived", flush=True)


if __name__ == "__main__":
    harness.main()
