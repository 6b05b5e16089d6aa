#!/usr/bin/env python3
"""The main job end to end: a stranger is greylisted, comes back, its mail arrives byte for byte;
unknown users hear the backend's own words; foreign domains are refused."""
import re
import unittest

import harness
from harness import Backend, SystemTest, wait_for

TEXT = b"Subject: first\r\nX-Odd: \tkept as it is  \r\n\r\n..dots\r\n.\x2e\r\n8-bit \xe4\r\n"
STUFFED = re.sub(rb"(?m)^\.", b"..", TEXT)


class MainJob(SystemTest):
    def test_stranger_comes_back(self):
        backend = self.start(Backend())
        ravelin = self.ravelin([backend], sections={"greylist": 'delay = "1s"'})
        with ravelin.client() as client:
            reply = client.mail(["bob@example.com"])[0]
            self.assertRegex(reply, r"^451 4\.7\.1 .*Greylisted")
        self.assertEqual(backend.recipients_of(), [], "no question to the backend before the retry")

        def retry():
            with ravelin.client() as client:
                replies = client.mail(["bob@example.com"], STUFFED)
                return replies if replies[0].startswith("250") else None

        replies = wait_for(retry, "the retry to pass")
        self.assertRegex(replies[-1], r"^250 2\.0\.0 ")
        self.assertEqual(len(backend.messages), 1)
        received, _, rest = backend.messages[0]["text"].partition(b"Subject:")
        self.assertEqual(b"Subject:" + rest, TEXT)
        self.assertRegex(received, rb"(?s)^Received: from client\.sender\.example .*"
                                   rb"by mx\.example\.net .*for <bob@example\.com>;.*\r\n$")

    def test_unknown_user_hears_the_backend(self):
        backend = self.start(Backend())
        ravelin = self.ravelin([backend])
        with ravelin.client() as client:
            reply = client.mail(["nobody@example.com"])[0]
            self.assertRegex(reply, r"^550 5\.1\.1 .*no such user here")
        ravelin.wait_line(r"NOQUEUE: reject: RCPT from unknown\[127\.0\.0\.1\]: 550 5\.1\.1 ")

    def test_foreign_domain_is_refused_without_a_question(self):
        backend = self.start(Backend())
        ravelin = self.ravelin([backend])
        with ravelin.client() as client:
            self.assertRegex(client.mail(["x@elsewhere.example"])[0], r"^554 5\.7\.1 ")
        self.assertEqual(backend.recipients_of(), [])

    def test_no_250_without_the_backends(self):
        backend = self.start(Backend(script={"dot": "452 4.3.1 disk full"}))
        ravelin = self.ravelin([backend])
        with ravelin.client() as client:
            self.assertRegex(client.mail(["bob@example.com"])[-1], r"^4\d\d ")

    def test_only_the_accepted_recipients_get_the_mail(self):
        backend = self.start(Backend(mailboxes=["bob@example.com", "eve@example.com"]))
        ravelin = self.ravelin([backend])
        with ravelin.client() as client:
            replies = client.mail(["bob@example.com", "nobody@example.com", "eve@example.com"])
        self.assertEqual([reply[:3] for reply in replies], ["250", "550", "250", "250"])
        self.assertEqual(backend.messages[0]["recipients"], ["bob@example.com", "eve@example.com"])


if __name__ == "__main__":
    harness.main()
