#!/usr/bin/env python3
"""Memory runs out for the whole process while dialogs come in.

The limit is on writable memory (RLIMIT_DATA), set once the program runs: one on the address space
would come to bear late, for malloc() reserves 64 MB for each thread. Not with a sanitizer: its
operator new ends the process where the real one throws, whatever allocator_may_return_null says.
"""
import contextlib
import resource
import subprocess
import unittest

import harness
from harness import Backend, SystemTest, wait_for

DIALOGS = 3000
HALF_A_COMMAND = b"EHLO x.example\r\nMAIL FROM:<a@x.example>\r\nRCPT TO:<" + b"a" * 400


def text_of(message):
    """Without our line of trace."""
    return message["text"][message["text"].index(b"Subject: "):]


class Memory(SystemTest):
    def setUp(self):
        super().setUp()
        self.mails = 0
        libraries = subprocess.run(["ldd", str(harness.BUILD / "ravelin")], capture_output=True,
                                   text=True, check=True).stdout
        if "libasan" in libraries or "libtsan" in libraries:
            self.skipTest("a sanitizer's operator new does not throw")

    def test_dialogs_until_memory_is_short(self):
        self.short_of_memory(1 << 20)

    def test_it_still_ends_when_a_thread_has_none_at_all(self):
        self.short_of_memory(0)

    def short_of_memory(self, room):
        """|room|: octets, beside what the program has at its start."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        self.assertGreater(hard, DIALOGS + 200)
        backend = self.start(Backend())
        places = "\n".join(f"{name} = {2 * DIALOGS}" for name in
                           ("sessions", "sessions_per_client", "sessions_per_network"))
        ravelin = self.ravelin([backend.port], sections={"limits": places})
        with contextlib.ExitStack() as crowd:
            self.limit(ravelin, self.data(ravelin) + room)
            refused, taken = self.fill(ravelin, crowd)
            self.assertGreater(refused, 0, "memory was never short")
            self.assertIsNone(ravelin.process.poll())
        taken.append(wait_for(lambda: self.mail(ravelin), "a mail to be taken once there is room"))
        self.assertLessEqual(set(taken), {text_of(message) for message in backend.messages})
        self.assertEqual(0, ravelin.stop())

    def data(self, ravelin):
        with open(f"/proc/{ravelin.pid}/status", encoding="ascii") as lines:
            return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmData"))

    def limit(self, ravelin, octets):
        resource.prlimit(ravelin.pid, resource.RLIMIT_DATA, (octets, octets))

    def fill(self, ravelin, crowd):
        """Dialogs that stay, each with half a command, and a mail now and then: how many of the
        former were not to be had, and the texts of the latter, None for one that was not taken."""
        refused, taken = 0, []
        for number in range(DIALOGS):
            if number % 50 == 0:
                taken.append(self.mail(ravelin))
            try:
                client = crowd.enter_context(ravelin.client())
                refused += not client.banner.startswith("220")
                client.send(HALF_A_COMMAND)
            except OSError:
                refused += 1
        return refused, list(filter(None, taken))

    def mail(self, ravelin):
        """Its text if it was taken, else None. Nothing is refused for good."""
        self.mails += 1
        text = f"Subject: {self.mails}\r\n\r\nhello\r\n".encode()
        with contextlib.suppress(OSError), ravelin.client() as client:
            replies = client.mail(["bob@example.com"], text)
            self.assertFalse([reply for reply in replies if reply.startswith("5")], replies)
            return text if len(replies) == 2 and replies[1].startswith("250") else None
        return None


if __name__ == "__main__":
    harness.main()
