#!/usr/bin/env python3
"""In front of a real Dovecot that speaks LMTP, by the recipe of docs/backends.md."""
import os
import re
import unittest

import harness
from dovecot import Dovecot
from harness import Client, SystemTest, wait_for

ROUTE = 'protocol = "lmtp"'
TEXT = b"Subject: real\r\n\r\n..stuffed\r\n.\r\n\xe4 end\r\n"


def stuffed(text):
    return text.replace(b"\r\n.", b"\r\n..")


@unittest.skipIf(os.geteuid() != 0, "Dovecot starts as root only")
class BehindDovecot(SystemTest):
    def setUp(self):
        super().setUp()
        self.dovecot = self.start(Dovecot(self.directory, users=("alice", "bob", "eve")))

    def start_ravelin(self, **options):
        return self.ravelin([self.dovecot.port], route=ROUTE, **options)

    def text_of(self, user):
        """What lies in the Maildir below our Received line, with the line ends of the wire."""
        mail = wait_for(lambda: self.dovecot.mails(user), f"the mail of {user}")[0].read_bytes()
        self.assertRegex(mail, rb"(?m)^Received: from client\.sender\.example .*\n\tby mx\.example\.net ")
        return mail[mail.index(b"Subject:"):].replace(b"\n", b"\r\n")

    def test_mail_arrives_to_the_octet(self):
        ravelin = self.start_ravelin()
        with ravelin.client() as client:
            replies = client.mail(["alice@example.com", "bob@example.com"], stuffed(TEXT))
        self.assertRegex(replies[-1], r"^250 2\.0\.0 ")
        for user in ("alice", "bob"):
            self.assertEqual(self.text_of(user), TEXT)
        for user in ("alice", "bob"):
            lines = ravelin.wait_line(rf"to=<{user}@example\.com>")
            self.assertRegex(lines[0], rf"relay=127\.0\.0\.1\[127\.0\.0\.1\]:{self.dovecot.port}, .*"
                                       rf"status=sent \(250 2\.0\.0 <{user}@example\.com> \S+ Saved\)")

    def test_sizes(self):
        """One octet, and a hundred thousand: the second one through the same connection."""
        ravelin = self.start_ravelin()
        for size in (1, 100_000):
            body = (b"x" * 70 + b"\r\n") * (size // 72) + b"y" * (size % 72 or 1)
            text = b"Subject: s\r\n\r\n" + body + b"\r\n"
            with ravelin.client() as client:
                self.assertRegex(client.mail(["eve@example.com"], text)[-1], r"^250 ")
            mail = wait_for(lambda: self.dovecot.mails("eve"), "the mail")[-1]
            got = mail.read_bytes()
            self.assertEqual(got[got.index(b"Subject:"):].replace(b"\n", b"\r\n"), text)
            mail.unlink()

    def test_unknown_recipients_are_refused_live(self):
        ravelin = self.start_ravelin()
        with ravelin.client() as client:
            replies = client.mail(["stranger@example.com", "bob@example.com"])
        self.assertRegex(replies[0], r"^550 5\.1\.1 ")
        self.assertRegex(replies[1], r"^250 ")
        self.assertRegex(replies[-1], r"^250 ")
        ravelin.wait_line(r"verify=unknown verdict=reject code=550")

    def test_the_same_recipient_twice(self):
        """A verdict for each RCPT, as the RFC has it: none is missed, none is left over."""
        ravelin = self.start_ravelin()
        for _ in range(2):
            with ravelin.client() as client:
                replies = client.mail(["bob@example.com", "bob@example.com", "eve@example.com"])
            self.assertRegex(replies[-1], r"^250 ")
        self.assertEqual(len(self.dovecot.mails("eve")), 2)

    def test_one_of_two_is_over_quota(self):
        self.dovecot.fill("alice")
        ravelin = self.start_ravelin()
        with ravelin.client() as client:
            replies = client.mail(["alice@example.com", "bob@example.com"])
        self.assertRegex(replies[0], r"^250 ", "Dovecot looks at the quota when it has the mail")
        self.assertRegex(replies[-1], r"^554-5\.0\.0 Not delivered to all recipients:\n"
                                      r"554 5\.0\.0 <alice@example\.com> 552 5\.2\.2 .*\(\w{12}\)$")
        wait_for(lambda: self.dovecot.mails("bob"), "the mail of bob")
        self.assertEqual(self.dovecot.mails("alice"), [])
        ravelin.wait_line(r"to=<alice@example\.com>, .*dsn=5\.2\.2, status=bounced \(host ")
        ravelin.wait_line(r"to=<bob@example\.com>, .*status=sent \(250 2\.0\.0 ")
        ravelin.wait_line(r"reject: DATA from .*: 554 5\.0\.0 ")

    def test_all_are_over_quota(self):
        self.dovecot.fill("alice")
        ravelin = self.start_ravelin()
        with ravelin.client() as client:
            self.assertRegex(client.mail(["alice@example.com"])[-1], r"^552 5\.2\.2 ")

    def test_one_of_two_is_put_off(self):
        """One duplicate: the retry is served one recipient at a time."""
        self.break_mailbox("alice")
        ravelin = self.start_ravelin()
        with ravelin.client() as client:
            replies = client.mail(["alice@example.com", "bob@example.com"])
        self.assertRegex(replies[-1], r"^451 4\.")
        ravelin.wait_line(r"warning: \w{12}: .* has it for some of its recipients")
        ravelin.wait_line(r"to=<alice@example\.com>, .*status=deferred ")
        self.assertEqual(len(self.dovecot.mails("bob")), 1)

        with ravelin.client() as client:
            replies = client.mail(["bob@example.com", "alice@example.com"])
        self.assertRegex(replies[1], r"^452 4\.5\.3 ")
        self.assertRegex(replies[-1], r"^250 ")
        self.assertEqual(len(self.dovecot.mails("bob")), 2)
        with ravelin.client() as client:
            self.assertRegex(client.mail(["alice@example.com"])[-1], r"^451 ")
        self.mend_mailbox("alice")
        with ravelin.client() as client:
            self.assertRegex(client.mail(["alice@example.com"])[-1], r"^250 ")
        self.assertEqual(len(self.dovecot.mails("alice")), 1)
        self.assertEqual(len(self.dovecot.mails("bob")), 2)

    def break_mailbox(self, user):
        os.chown(self.dovecot.home(user), 0, 0)

    def mend_mailbox(self, user):
        os.chown(self.dovecot.home(user), self.dovecot.users[user], self.dovecot.users[user])

    def test_live_check(self):
        ravelin = self.start_ravelin()
        done = harness.subprocess.run([str(harness.BUILD / "ravelin"), "--config",
                                       str(ravelin.config), "--check", "--live"],
                                      capture_output=True, text=True, timeout=harness.PATIENCE)
        self.assertRegex(done.stdout, rf"ok +127\.0\.0\.1:{self.dovecot.port} answers, with PIPELINING")
        self.assertRegex(done.stdout, r"ok .*refuse")

    def test_it_is_smtp_that_speaks(self):
        """The wrong protocol is told as such, and refuses nobody."""
        backend = self.start(harness.Backend())
        ravelin = self.ravelin([backend], route=ROUTE)
        with ravelin.client() as client:
            self.assertRegex(client.mail(["bob@example.com"])[0], r"^451 4\.")
        ravelin.wait_line(r"warning: .*502 .*\(in reply to LHLO\)")
        self.assertFalse([line for _, line in backend.commands if re.match("[EH]", line)])


if __name__ == "__main__":
    harness.main()
