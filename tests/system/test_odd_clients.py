#!/usr/bin/env python3
"""Clients that are unusual, and honest: none of their mail is refused, and the backend hears it in one
spelling. And what is not SMTP, or not for everybody."""
import unittest

import harness
from harness import Backend, SystemTest


class OddClients(SystemTest):
    def setUp(self):
        super().setUp()
        self.backend = self.start(Backend(mailboxes=[
            "bob@example.com", '"b ob"@example.com', "postmaster@example.com", "é@example.com",
            f"{'l' * 64}@example.com"]))
        self.front = self.ravelin([self.backend])

    def test_legal_and_nearly_legal(self):
        long_domain = ".".join(["d" * 60] * 4)
        for mail, rcpt, heard in (
                ("mail from:<>", "rcpt to:<bob@example.com>", None),
                ("MAIL FROM: <a@b.example>", "RCPT  TO: <bob@EXAMPLE.com>  ",
                 ["MAIL FROM:<a@b.example>", "RCPT TO:<bob@example.com>"]),
                ('MAIL FROM:<"a b"@c.example>', 'RCPT TO:<"b ob"@example.com>', None),
                ("MAIL FROM:<a..b.@c.example>", 'RCPT TO:<"bob"@example.com>',
                 ['MAIL FROM:<"a..b."@c.example>', "RCPT TO:<bob@example.com>"]),
                ("MAIL FROM:<root@my_host.example>", "RCPT TO:<Postmaster>",
                 ["MAIL FROM:<root@my_host.example>", "RCPT TO:<postmaster@example.com>"]),
                ("MAIL FROM:<a@[192.0.2.1]>", "RCPT TO:<@relay.example:bob@example.com>",
                 ["MAIL FROM:<a@[192.0.2.1]>", "RCPT TO:<bob@example.com>"]),
                ("MAIL FROM:<a@[IPv6:2001:db8::1]> SIZE=0 BODY=8BITMIME",
                 "RCPT TO:<bob@example.com> NOTIFY=SUCCESS,DELAY ORCPT=x400;/G+3DJ/", None),
                ("MAIL FROM:<ü@exämple.example> SMTPUTF8", "RCPT TO:<é@example.com>", None),
                (f"MAIL FROM:<{'l' * 64}@{long_domain}> RET=HDRS ENVID={'x' * 100}",
                 f"RCPT TO:<{'l' * 64}@example.com>", None)):
            with self.subTest(mail=mail), self.front.client() as client:
                self.backend.commands.clear()
                self.assertRegex(client.say("EHLO  [IPv6:2001:db8::2]"), "^250")
                self.assertRegex(client.say(mail), "^250 2")
                self.assertRegex(client.say(rcpt), "^250 2")
                lines = [line for _, line in self.backend.commands]
                expected = heard or [mail.replace("mail from", "MAIL FROM"),
                                     rcpt.replace("rcpt to", "RCPT TO")]
                self.assertEqual([line for line in lines if line[:4] in ("MAIL", "RCPT")], expected)

    def test_no_form_of_an_address_is_relayed(self):
        """Whatever the backend would take: it is asked for our own domains only."""
        self.backend.script["rcpt"] = "250 2.1.5 Anything you like"
        forms = ["u@o.example", '"u@o.example"', "u%o.example", "u%o.example@example.com",
                 '"u@o.example"@example.com', '"u%o.example"@example.com', "@example.com:u@o.example",
                 "o.example!u", "o.example!u@example.com", "u@o.example@example.com",
                 "u@o.example@[127.0.0.1]", "u@[127.0.0.1]", "u%o.example@[127.0.0.1]",
                 "@example.com,@[127.0.0.1]:u@o.example", "u@[IPv6:::1]", "u@example.com.o.example",
                 "u@o.example:example.com", ""]
        for sender in ("", "bob@example.com", "u@o.example"):
            for form in forms:
                with self.subTest(sender=sender, form=form), self.front.client() as client:
                    client.say("EHLO a.example")
                    client.say(f"MAIL FROM:<{sender}>")
                    self.assertRegex(client.say(f"RCPT TO:<{form}>"), "^5")
        self.assertEqual(self.backend.recipients_of(), [])

    def test_what_is_not_for_everybody(self):
        with self.front.client() as client:
            offered = client.say("EHLO a.example")
            self.assertNotRegex(offered, "XCLIENT|XFORWARD|AUTH|STARTTLS|CHUNKING|ETRN|VRFY")
            for line, code in (("XCLIENT ADDR=127.0.0.1", "550 5.7.0"),
                               ("XFORWARD ADDR=127.0.0.1", "550 5.7.0"),
                               ("AUTH PLAIN AHNlY3JldABzZWNyZXQ=", "502 5.5.1"),
                               ("STARTTLS", "502 5.5.1"), ("ETRN x", "502 5.5.1"),
                               ("VRFY bob", "252"), ("EXPN all", "502 5.5.1")):
                self.assertRegex(client.say(line), f"^{code} ", line)
        self.front.wait_line("disconnect from .* xclient=0/1 xforward=0/1 ")
        self.assertEqual(self.front.lines("AHNlY3JldABzZWNyZXQ|secret"), [])

    def test_what_is_no_smtp(self):
        hidden = b"EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<bob@example.com>\r\nDATA\r\nx\r\n.\r\n"
        for line in (b"POST / HTTP/1.1", b"\x16\x03\x01\x02", b"{}"):
            with self.subTest(line=line), self.front.client() as client:
                client.send(line + b"\r\n" + hidden)
                self.assertRegex(client.reply(), r"^500 5\.5\.2 ")
                self.assertTrue(client.closed())
        self.assertEqual(self.backend.messages, [])


if __name__ == "__main__":
    harness.main()
