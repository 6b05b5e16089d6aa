#!/usr/bin/env python3
"""Postfix's load generator through Ravelin: each dialog is answered live, the backend never holds
more connections than it may, and nobody hears anything but the backend's own refusal."""
import collections
import re
import shutil
import subprocess
import time
import unittest

import harness
from harness import Backend, SystemTest, wait_for

DIALOGS, AT_ONCE, CONNECTIONS = 2000, 100, 4
NO_LIMITS = "sessions = 0\nsessions_per_client = 0\nsessions_per_network = 0"


@unittest.skipUnless(shutil.which("smtp-source"), "smtp-source is in Debian's postfix")
class Load(SystemTest):
    def source(self, ravelin, *options):
        """What smtp-source complains of."""
        done = subprocess.run(["smtp-source", "-s", str(AT_ONCE), *options,
                               f"127.0.0.1:{ravelin.port}"],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stderr[-2000:])
        return done.stderr.splitlines()

    def start_both(self, **script):
        backend = self.start(Backend(mailboxes=["bob@example.com"], script=script))
        ravelin = self.ravelin([backend], route=f"connections = {CONNECTIONS}",
                               sections={"limits": NO_LIMITS, "verify": 'negative_ttl = "0s"'})
        return backend, ravelin

    def test_refusals(self):
        backend, ravelin = self.start_both()
        complaints = self.source(ravelin, "-A", "-N", "-m", str(DIALOGS), "-f", "",
                                 "-t", "user@example.com")
        refusals = [line for line in complaints if "no such user here" in line]
        others = [line for line in complaints if "no such user here" not in line
                  and not re.search("data command rejected|[Nn]o valid recipients", line)]
        self.assertEqual(others, [])
        self.assertEqual(len(refusals), DIALOGS)
        # Live: each recipient was asked for, and each once (a stale connection is none of these).
        asked = collections.Counter(backend.recipients_of())
        self.assertEqual(len(asked), DIALOGS)
        self.assertEqual(sum(asked.values()), DIALOGS)
        self.assertLessEqual(backend.peak, CONNECTIONS)
        each = collections.Counter(number for number, line in backend.commands
                                   if line.startswith("RCPT"))
        self.assertLessEqual(max(each.values()), 9, "a connection is left after 9 refusals")
        self.ends_quietly(ravelin, backend)

    def test_mail(self):
        """The same connections carry mail; custody is counted, not believed."""
        backend, ravelin = self.start_both()
        complaints = self.source(ravelin, "-m", "400", "-l", "4000", "-f", "a@sender.example",
                                 "-t", "bob@example.com")
        self.assertEqual(complaints, [])
        self.assertEqual(len(backend.messages), 400)
        self.assertLessEqual(backend.peak, CONNECTIONS)
        self.ends_quietly(ravelin, backend)

    def test_clients_that_leave(self):
        """Clients go at each point, by hundreds; whoever comes then is served at once."""
        backend, ravelin = self.start_both()
        steps = ["EHLO a.example\r\n", "MAIL FROM:<a@sender.example>\r\n",
                 "RCPT TO:<bob@example.com>\r\n", "RCPT TO:<nobody@example.com>\r\n", "DATA\r\n",
                 "Subject: x\r\n"]
        for round_number in range(60):
            clients = [ravelin.client() for _ in range(len(steps) + 1)]
            for count, client in enumerate(clients):
                for step in steps[:count]:
                    client.send(step)
                    if round_number % 2 and step != steps[-1]:
                        client.reply()  # else it leaves with the answer on its way
                client.close()
        with ravelin.client() as client:
            self.assertRegex(client.mail(["bob@example.com"])[-1], "^250")
        # Also of those dropped in mid-text: each is given back when the backend has closed it.
        self.assertLessEqual(backend.peak, CONNECTIONS)
        self.assertEqual(len(backend.messages), 1)
        self.ends_quietly(ravelin, backend)

    START = ["EHLO a.example", "MAIL FROM:<a@sender.example>", "RCPT TO:<bob@example.com>", "DATA"]

    def test_messages_cut_in_mid_text(self):
        """A backend that is slow with what it has read notices late that it was dropped. Until then
        it counts the connection, and so do we."""
        def slowly(reply):
            return lambda *_: time.sleep(0.02) or reply

        backend, ravelin = self.start_both(text=slowly(b""), rcpt=slowly(None))
        for _ in range(10):
            clients = []
            for _ in range(CONNECTIONS // 2):  # as many messages as strangers may have at once
                clients.append(ravelin.client())
                for line in self.START:
                    reply = clients[-1].say(line)
                self.assertRegex(reply, "^354")
                clients[-1].send(10 * "half a message\r\n" + ".")
            for client in clients:
                client.close()
            clients = [ravelin.client() for _ in range(2 * CONNECTIONS)]
            for number, client in enumerate(clients):  # no two ask the same
                for line in self.START[:-1]:
                    client.send(line.replace("<a@", f"<{number}@") + "\r\n")
            for client in clients:
                self.assertRegex([client.reply() for _ in self.START[:-1]][-1], "^250")
                client.close()
        with ravelin.client() as client:
            self.assertRegex(client.mail(["bob@example.com"])[-1], "^250")
        self.assertLessEqual(backend.peak, CONNECTIONS)
        self.assertEqual(len(backend.messages), 1)
        self.ends_quietly(ravelin, backend)

    def ends_quietly(self, ravelin, backend):
        """Nothing is held when nobody is there."""
        def at_rest():
            state = ravelin.ctl("status")["backends"][0]
            return state["waiting"] == 0 and state["ties"] == 0 and state["open"] == state["idle"]

        wait_for(at_rest, "ties and waiting places to be given back")
        self.assertEqual(ravelin.lines("warning: backend"), [])
        self.assertEqual(ravelin.stop(), 0)
        wait_for(lambda: backend.open == 0, "connections to end")


if __name__ == "__main__":
    harness.main()
