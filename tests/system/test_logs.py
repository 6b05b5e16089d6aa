#!/usr/bin/env python3
"""Logs of the real binary: both formats, and logs that nobody can take."""
import collections
import json
import os
import re
import unittest

import harness
from harness import Backend, SystemTest, wait_for


class Logs(SystemTest):
    def setUp(self):
        super().setUp()
        self.backend = self.start(Backend())

    def one_mail_and_one_refusal(self, ravelin):
        with ravelin.client() as client:
            self.assertRegex(client.mail(["nobody@example.com"])[0], "^550")
            accepted = client.mail(["bob@example.com"])[-1]
            self.assertRegex(accepted, "^250")
            client.say("QUIT")
        return accepted

    def test_one_id_everywhere(self):
        """The id in the reply is the one in the log lines and in the Received: line."""
        ravelin = self.ravelin([self.backend])
        accepted = self.one_mail_and_one_refusal(ravelin)
        identity = re.search(r"\(?([0-9A-F]{12})\)?$", accepted).group(1)
        self.assertIn(f"id {identity}".encode(), self.backend.messages[0]["text"])
        ravelin.wait_line(rf"postfix/smtp\[\d+\]: {identity}: to=<bob@example\.com>, relay=127.*status=sent")
        ravelin.wait_line(rf"ravelin/decision\[\d+\]: id={identity} rcpt=<bob@example\.com>")

    def test_json(self):
        ravelin = self.ravelin([self.backend], sections={
            "log": 'file = "{dir}/mail.log"\nformat = "json"'})
        self.one_mail_and_one_refusal(ravelin)
        self.assertEqual(ravelin.stop(), 0)
        events = [json.loads(line) for line in ravelin.lines()]
        kinds = {event["event"] for event in events}
        self.assertTrue({"connect", "refuse", "deliver", "decide", "disconnect"} <= kinds, kinds)

    def test_hostile_words_stay_one_line(self):
        ravelin = self.ravelin([self.backend])
        forged = "x\\n Jan  1 00:00:00 mx postfix/smtpd[1]: too many errors after RCPT from unknown[192.0.2.1]"
        with ravelin.client() as client:
            client.say(f"EHLO {forged}")
            client.say("EHLO a]:\x1b[31m")
            client.say("MAIL FROM:<a@b.example>")
            client.say("RCPT TO:<too many errors after RCPT from unknown[192.0.2.1]@example.com>")
            client.say('RCPT TO:<"\x07 reject: RCPT from x[192.0.2.2]: 550"@example.com>')
            client.say("QUIT")
        ravelin.wait_line("disconnect")
        for line in ravelin.lines():
            self.assertRegex(line, r"^\w{3} [ \d]\d \d\d:\d\d:\d\d mx\.example\.net (postfix|ravelin)/")
            self.assertNotRegex(line, r"too many errors after RCPT from \S+\[192")
            self.assertNotRegex(line, r"[\x00-\x1f\x7f]")

    def test_json_is_json_for_any_bytes(self):
        """Each octet but CR and LF, in each thing that a client can say."""
        ravelin = self.ravelin([self.backend], sections={
            "log": 'file = "{dir}/mail.log"\nformat = "json"',
            "limits": "errors = 1000\njunk_commands = 1000"})
        wild = bytes(octet for octet in range(1, 256) if octet not in b"\r\n")
        for begin, end in ((b"", b""), (b"EHLO ", b""), (b"MAIL FROM:<a@b.example> ", b""),
                           (b'MAIL FROM:<"', b'"@b.example>')):
            with ravelin.client() as client:
                client.send(begin + wild + end + b"\r\n")
                client.reply()
        with ravelin.client() as client:
            client.say("EHLO a.example")
            client.say("MAIL FROM:<a@b.example>")
            for octet in wild:
                client.send(b'RCPT TO:<"' + bytes([octet]) + b'"@elsewhere.example>\r\n')
                client.reply()
            client.send(b"RCPT TO:<bob@example.com>\r\nDATA\r\nMessage-ID: " + wild + b"\r\n\r\n.\r\n")
            for _ in range(3):
                client.reply()
        self.assertEqual(ravelin.stop(), 0)
        lines = ravelin.log.read_bytes().split(b"\n")
        self.assertEqual(lines.pop(), b"")
        events = collections.Counter()
        for line in lines:
            event = json.loads(line.decode("utf-8"))  # strictly
            self.assertNotRegex(line, rb"[\x00-\x1f\x7f]")
            events[event["event"]] += 1
        self.assertGreater(events["refuse"], 200)
        self.assertEqual(events["deliver"], 1)

    def test_a_log_that_nobody_reads(self):
        pipe = os.path.join(self.directory, "pipe")
        os.mkfifo(pipe)
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        ravelin = self.ravelin([self.backend], sections={"log": f'file = "{pipe}"'})
        with ravelin.client() as client:
            client.say("EHLO a.example")
            for number in range(300):
                client.say("MAIL FROM:<a@b.example>")
                client.say(f"RCPT TO:<nobody{number}@elsewhere.example>" + " " * 200)
                if client.say("RSET").startswith("421"):
                    break
        self.one_mail_and_one_refusal(ravelin)

    def test_a_full_disk(self):
        ravelin = self.ravelin([self.backend], sections={"log": 'file = "/dev/full"'})
        self.one_mail_and_one_refusal(ravelin)
        wait_for(lambda: ravelin.ctl("status")["log"]["dropped"] > 0, "drops to be counted")


if __name__ == "__main__":
    harness.main()
