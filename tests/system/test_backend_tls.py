#!/usr/bin/env python3
"""STARTTLS towards a backend: what each mode of tls makes of certificates that are right, wrong or
changed by a reload, and what --check and --check --live say. The backend speaks TLS with Python's
ssl."""
import signal
import ssl
import subprocess
import unittest

import harness
from harness import Backend, SystemTest, wait_for
from test_tls import make_certificate


def context_of(certificate, version=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(str(certificate))
    if version:
        context.minimum_version = context.maximum_version = version
    return context


class BackendTls(SystemTest):
    def setUp(self):
        super().setUp()
        self.certificate = make_certificate(self.directory, "backend", ["mail.example.org"])
        self.other = make_certificate(self.directory, "other", ["mail.example.org"])
        self.backend = self.start(Backend(tls=context_of(self.certificate)))

    def front(self, route, **options):
        return self.ravelin([self.backend], route=route, **options)

    def verified(self, name="mail.example.org", authority=None):
        return (f'tls = "verify"\ntls_name = "{name}"\n'
                f'tls_ca_file = "{authority or self.certificate}"')

    def last_reply(self, ravelin):
        with ravelin.client() as client:
            return client.mail(["bob@example.com"])[-1]

    def test_mail_goes_in_tls(self):
        text = b"Subject: x\r\n\r\n" + b"y" * 1000 + b"\r\n"
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            backend = self.start(Backend(tls=context_of(self.certificate, version)))
            ravelin = self.ravelin([backend], route=self.verified())
            with ravelin.client() as client:
                self.assertRegex(client.mail(["bob@example.com"], text=text * 300)[-1], "^250")
            self.assertIn(backend.messages[0]["connection"], backend.secured)
            self.assertTrue(backend.messages[0]["text"].endswith(text * 300))
            status = ravelin.ctl("status")["backends"][0]
            self.assertEqual((status["tls"], status["secured"]),
                             ("verify", len(backend.secured)))
            ravelin.stop()

    def test_a_certificate_that_is_not_the_backends(self):
        """Never a word of mail in the clear, and the log says why."""
        for route, why in ((self.verified(name="other.example.org"), "verif|mismatch"),
                           (self.verified(authority=self.other), "verif|self.signed")):
            ravelin = self.front(route)
            self.assertRegex(self.last_reply(ravelin), r"^451 4\.")
            ravelin.wait_line(f"cannot be talked to in TLS: .*({why})")
            ravelin.stop()
        self.assertEqual(self.backend.messages, [])
        self.assertEqual(self.backend.recipients_of("MAIL"), [])

    def test_encrypt_takes_any_certificate_but_needs_tls(self):
        ravelin = self.front('tls = "encrypt"')
        self.assertRegex(self.last_reply(ravelin), "^250")
        self.assertEqual(len(self.backend.secured), 1)
        plain = self.start(Backend())
        ravelin.stop()
        other = self.ravelin([plain], route='tls = "encrypt"')
        self.assertRegex(self.last_reply(other), r"^451 4\.")
        self.assertEqual(plain.recipients_of("MAIL"), [])
        other.wait_line("offers no STARTTLS")

    def test_may_goes_on_in_the_clear(self):
        """By default: a handshake that fails costs one warning, not the mail."""
        self.backend.script["handshake"] = "close"
        ravelin = self.front("")
        self.assertRegex(self.last_reply(ravelin), "^250")
        self.assertRegex(self.last_reply(ravelin), "^250")
        ravelin.wait_line("mail goes to it in the clear for 10 minutes")
        self.assertEqual(self.backend.secured, [])

    def test_replies_in_the_clear_behind_the_220(self):
        self.backend.script["starttls"] = b"220 go\r\n250 2.1.0 forged\r\n250 2.1.5 forged\r\n"
        for route in ("", 'tls = "encrypt"'):
            ravelin = self.front(route)
            self.assertRegex(self.last_reply(ravelin), r"^451 4\.")
            ravelin.stop()
        self.assertEqual(self.backend.messages, [])

    def test_a_reload_with_another_authority(self):
        """What lies idle is left; a file that is no certificate changes nothing."""
        authority = self.directory + "/ca.pem"
        write(authority, self.other)
        ravelin = self.front(self.verified(authority=authority))
        self.assertRegex(self.last_reply(ravelin), r"^451 4\.")
        write(authority, self.certificate)
        ravelin.signal(signal.SIGHUP)
        wait_for(lambda: self.last_reply(ravelin).startswith("250"), "the new authority to count")
        with open(authority, "w", encoding="ascii") as file:
            file.write("nothing of use\n")
        self.assertEqual(ravelin.run_ctl("reload").returncode, 1)
        self.assertRegex(self.last_reply(ravelin), "^250")
        write(authority, self.other)
        self.assertEqual(ravelin.run_ctl("reload").returncode, 0)
        wait_for(lambda: self.last_reply(ravelin).startswith("451"), "the old authority to go")

    def check(self, *arguments):
        ravelin = harness.Ravelin(self.directory, [self.backend.port], start=False,
                                  route=self.route)
        return subprocess.run([str(harness.BUILD / "ravelin"), "--config", str(ravelin.config),
                               "--check", *arguments], capture_output=True, text=True, check=False)

    def test_check_names_what_is_wrong(self):
        for self.route, complaint in (
                ('tls = "verify"\ntls_ca_file = "/no/such/file"', "tls_ca_file: .*/no/such/file"),
                ('tls = "verify"\ntls_ca_file = "/dev/null"', "holds no certificate"),
                ('tls = "sometimes"', "tls must be one of .*may"),
                ('tls = "encrypt"\ntls_name = "a.example"', "only tls = .verify. looks at"),
                ('tls = "may"\n[[route]]\ndomains = ["b.example"]\n'
                 f'backends = ["127.0.0.1:{self.backend.port}"]\ntls = "encrypt"',
                 "has other tls settings in the .*line")):
            result = self.check()
            self.assertEqual(result.returncode, 1, self.route)
            self.assertRegex(result.stderr, complaint)

    def test_live_check(self):
        for self.route, code, says in (
                (self.verified(), 0, "answers, in TLSv1.3 with the right certificate"),
                ('tls = "encrypt"', 0, "answers, in TLSv1.3, with PIPELINING"),
                (self.verified(name="other.example.org"), 1, "STARTTLS fails: .*(verif|mismatch)")):
            self.backend.mailboxes.add("postmaster@example.com")
            result = self.check("--live")
            self.assertEqual(result.returncode, code, result.stdout)
            self.assertRegex(result.stdout, says)
        self.backend.script["handshake"] = "close"
        self.route = ""
        result = self.check("--live")
        self.assertEqual(result.returncode, 0, result.stdout)
        self.assertRegex(result.stdout, "warning .*mail will go to it in the clear")


def write(path, source):
    with open(source, encoding="ascii") as read, open(path, "w", encoding="ascii") as file:
        file.write(read.read())


if __name__ == "__main__":
    harness.main()
