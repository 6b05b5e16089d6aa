#!/usr/bin/env python3
"""The end of one run and the beginning of the next: the drain and its limit, reloads meanwhile,
several reloads at once, the log at another place, and what is known of a backend that is down."""
import pathlib
import re
import signal
import socket
import threading
import unittest

import harness
from harness import Backend, SystemTest, wait_for


class Gate:
    """The backend's answer to the dot, held until open() is called."""

    def __init__(self):
        self.reached, self.free = threading.Event(), threading.Event()

    def __call__(self, *_):
        self.reached.set()
        self.free.wait(harness.PATIENCE)
        return "250 2.0.0 at last"

    def open(self):
        self.free.set()


def send_up_to(client, *lines):
    client.say("EHLO a.example")
    for line in lines:
        client.say(line)


MAIL, RCPT = "MAIL FROM:<a@sender.example>", "RCPT TO:<bob@example.com>"


class Drain(SystemTest):
    def setUp(self):
        super().setUp()
        self.gate = Gate()
        self.backend = self.start(Backend(script={"dot": self.gate}))
        self.addCleanup(self.gate.open)

    def drained(self, timeout):
        """Four dialogs at different stages, and then TERM."""
        ravelin = self.ravelin([self.backend], sections={"relay": f'drain_timeout = "{timeout}"'})
        stages = {"mail": [MAIL], "rcpt": [MAIL, RCPT], "text": [MAIL, RCPT, "DATA"],
                  "dot": [MAIL, RCPT, "DATA"]}
        clients = {}
        for stage, lines in stages.items():
            clients[stage] = self.start(ravelin.client())
            send_up_to(clients[stage], *lines)
        clients["text"].send("Subject: half\r\n")
        clients["dot"].send("Subject: whole\r\n\r\nx\r\n.\r\n")
        self.assertTrue(self.gate.reached.wait(harness.PATIENCE))
        ravelin.signal(signal.SIGTERM)
        return ravelin, clients

    def test_after_the_limit_only_messages_with_the_backend_are_waited_for(self):
        ravelin, clients = self.drained("1s")
        for stage in ("mail", "rcpt", "text"):
            self.assertRegex(clients[stage].reply(), r"^421 4\.3\.2 ", stage)
            self.assertTrue(clients[stage].closed())
        ravelin.wait_line("drain_timeout has passed")
        self.assertIsNone(ravelin.process.poll(), "the message is waited for")
        self.gate.open()
        self.assertRegex(clients["dot"].reply(), "^250 2.0.0 ")
        self.assertEqual(ravelin.wait(), 0)
        self.assertEqual([m["text"].endswith(b"x\r\n") for m in self.backend.messages], [True])

    def test_until_then_transactions_may_end(self):
        ravelin, clients = self.drained("60s")
        ravelin.wait_line("terminating: draining")
        self.gate.open()
        self.assertRegex(clients["dot"].reply(), "^250 ")
        clients["text"].send("\r\nrest\r\n.\r\n")
        self.assertRegex(clients["text"].reply(), "^250 ")
        self.assertRegex(clients["rcpt"].say("DATA"), "^354 ")
        clients["rcpt"].send("Subject: late\r\n\r\ny\r\n.\r\n")
        self.assertRegex(clients["rcpt"].reply(), "^250 ")
        self.assertRegex(clients["mail"].say("RSET"), "^(250|421) ")
        self.assertTrue(clients["mail"].closed())
        self.assertEqual(ravelin.wait(), 0)
        self.assertEqual(len(self.backend.messages), 3)

    def test_nobody_gets_in_any_more(self):
        ravelin, _ = self.drained("60s")
        ravelin.wait_line("terminating: draining")

        def refused():
            with socket.socket() as late:
                return late.connect_ex(("127.0.0.1", ravelin.port)) != 0

        wait_for(refused, "the port to be closed")

    def test_a_reload_is_refused(self):
        ravelin, _ = self.drained("60s")
        ravelin.wait_line("terminating: draining")
        done = ravelin.run_ctl("reload")
        self.assertEqual(done.returncode, 1)
        self.assertIn("shutting down", done.stderr)
        ravelin.signal(signal.SIGHUP)
        wait_for(lambda: len(ravelin.lines("warning: reload: shutting down")) == 2, "both refusals")
        self.assertFalse(ravelin.lines("configuration is in force"))


class Reload(SystemTest):
    def test_many_at_once(self):
        backend = self.start(Backend())
        ravelin = self.ravelin([backend], sections={"limits": "errors = 20"})
        asked = []

        def reload(number):
            ravelin.signal(signal.SIGHUP)
            asked.append(ravelin.run_ctl("reload").returncode)
            ravelin.signal(signal.SIGUSR1)

        with ravelin.client() as client:
            send_up_to(client, MAIL, RCPT)
            ravelin.write_config(limits="errors = 17")
            threads = [threading.Thread(target=reload, args=(i,)) for i in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(asked, [0] * 8)
            self.assertEqual(ravelin.ctl("limits")["errors"], 17)
            self.assertRegex(client.say("DATA"), "^354 ")
            client.send("x\r\n.\r\n")
            self.assertRegex(client.reply(), "^250 ")

    def test_no_descriptor_is_lost(self):
        ravelin = self.ravelin([self.start(Backend())])
        with ravelin.client() as client:
            client.mail(["bob@example.com"])
        ravelin.ctl("reload")
        descriptors = pathlib.Path(f"/proc/{ravelin.pid}/fd")
        before = len(list(descriptors.iterdir()))
        for _ in range(10):
            ravelin.ctl("reload")
        self.assertLessEqual(len(list(descriptors.iterdir())), before + 1)

    def test_backends_by_name_and_look_ups_go_on(self):
        backend = self.start(Backend())
        ravelin = self.ravelin([], sections={
            "[[route]]": '[[route]]\ndomains = ["example.com"]\n'
                         f'backends = ["localhost:{backend.port}"]'}, domains=())

        def accepted():
            with ravelin.client() as client:
                return client.mail(["bob@example.com"])[-1].startswith("250")

        wait_for(accepted, "the name to be known")
        for _ in range(3):
            ravelin.ctl("reload")
            self.assertTrue(accepted())

    def test_each_error_is_told_in_full(self):
        ravelin = self.ravelin([9])
        ravelin.write_config(limits='errors = "x"\nsesions = 3', greylist='delay = "1y"')
        done = ravelin.run_ctl("reload")
        self.assertEqual(done.returncode, 1)
        told = [re.search(r"warning: reload: (.*)", line).group(1)
                for line in wait_for(lambda: ravelin.lines("nothing was changed")
                                     and ravelin.lines("warning: reload: "), "the errors")]
        self.assertEqual(len(told), 3, told)
        for line in told:
            self.assertRegex(line, rf"^{ravelin.config}:\d+:\d+: .+")
            self.assertIn(line, done.stderr)

    def test_the_log_moves(self):
        ravelin = self.ravelin([9])
        place = pathlib.Path(self.directory)
        ravelin.wait_line("started:")
        ravelin.write_config(log='file = "{dir}/other.log"')
        ravelin.ctl("reload")
        wait_for(lambda: "in force" in (place / "other.log").read_text(), "the first line there")
        old = ravelin.lines()
        with ravelin.client():
            pass
        wait_for(lambda: "connect from" in (place / "other.log").read_text(), "lines there")
        self.assertEqual(ravelin.lines(), old)

        ravelin.write_config(log='file = "/proc/nowhere/mail.log"', limits="errors = 3")
        done = ravelin.run_ctl("reload")
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot open the log /proc/nowhere/mail.log", done.stderr)
        self.assertEqual(ravelin.ctl("limits")["errors"], 20, "all or nothing")


class Memory(SystemTest):
    STATE = {"state": 'path = "{dir}/state.db"'}

    def test_a_backend_that_is_down_keeps_its_keywords(self):
        backend = self.start(Backend(capabilities=["PIPELINING", "8BITMIME", "DSN", "SIZE 1000000"]))
        ravelin = self.ravelin([backend], sections=self.STATE)

        def offered():
            with ravelin.client() as client:
                return set(line[4:] for line in client.say("EHLO a.example").splitlines())

        before = wait_for(lambda: offered() if "8BITMIME" in offered() else None, "the probe")
        self.assertEqual(ravelin.stop(), 0)
        backend.close()
        ravelin.start()
        self.assertEqual(offered(), before)
        self.assertIn("DSN", before)

    def test_without_memory_only_size_is_offered(self):
        ravelin = self.ravelin([9], sections=self.STATE)
        with ravelin.client() as client:
            self.assertNotIn("8BITMIME", client.say("EHLO a.example"))

    def test_a_recipient_that_vanishes_over_a_restart_is_doubted(self):
        backend = self.start(Backend())
        ravelin = self.ravelin([backend], sections=self.STATE)
        with ravelin.client() as client:
            self.assertRegex(client.mail(["bob@example.com"])[-1], "^250")
        self.assertEqual(ravelin.stop(), 0)
        backend.mailboxes.clear()
        ravelin.start()
        with ravelin.client() as client:
            self.assertRegex(client.mail(["bob@example.com"])[0], "^451 ")
            self.assertRegex(client.mail(["carol@example.com"])[0], "^550 ")


if __name__ == "__main__":
    harness.main()
