#!/usr/bin/env python3
"""STARTTLS through the real binary: with Python's ssl and openssl s_client as clients, over a
reload of certificates, and with bytes in the clear where none may be."""
import pathlib
import signal
import ssl
import subprocess
import unittest

import harness
from harness import Backend, Client, SystemTest


def make_certificate(directory, stem, names, kind="ec", expired=False):
    """A self-signed certificate with its key in one file, for |names|; returns the path."""
    path = pathlib.Path(directory) / f"{stem}.pem"
    key = ["-newkey", "rsa:2048"] if kind == "rsa" else [
        "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    subprocess.run(
        ["openssl", "req", "-x509", "-nodes", *key, "-days", "30", "-subj", "/O=test",
         "-addext", "subjectAltName=" + ",".join(f"DNS:{name}" for name in names),
         "-keyout", f"{path}.key", "-out", f"{path}.crt"], check=True, capture_output=True)
    if expired:  # signed again, to end at once
        subprocess.run(["openssl", "x509", "-in", f"{path}.crt", "-signkey", f"{path}.key", "-days",
                        "0", "-out", f"{path}.crt"], check=True, capture_output=True)
    path.write_text(pathlib.Path(f"{path}.crt").read_text() +
                    pathlib.Path(f"{path}.key").read_text())
    return path


def client_context(trusted=None, version=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = trusted is not None
    context.verify_mode = ssl.CERT_REQUIRED if trusted else ssl.CERT_NONE
    if trusted:
        context.load_verify_locations(str(trusted))
    if version:
        context.minimum_version = context.maximum_version = version
    return context


class SecureClient(Client):
    """A client that has said STARTTLS."""

    def __init__(self, port, context=None, name="mx.example.net", session=None, **options):
        super().__init__(port, **options)
        self.ehlo = self.say("EHLO client.sender.example")
        self.answer = self.say("STARTTLS")
        assert self.answer.startswith("220"), self.answer
        self.socket = (context or client_context()).wrap_socket(
            self.socket, server_hostname=name, session=session)


class Tls(SystemTest):
    def setUp(self):
        super().setUp()
        self.certificate = make_certificate(self.directory, "mx", ["mx.example.net"])

    def offering(self, *backends, tls="", **options):
        sections = {"tls": f'certificates = ["{self.certificate}"]\n{tls}'}
        sections.update(options.pop("sections", {}))
        return self.ravelin(backends, sections=sections, **options)

    def test_mail_under_both_versions(self):
        backend = self.start(Backend())
        ravelin = self.offering(backend)
        for version, name in ((ssl.TLSVersion.TLSv1_2, "TLSv1.2"),
                              (ssl.TLSVersion.TLSv1_3, "TLSv1.3")):
            with SecureClient(ravelin.port, client_context(self.certificate, version)) as client:
                self.assertIn("250-STARTTLS", client.ehlo)
                self.assertEqual(client.say("MAIL FROM:<a@b.example>")[:3], "503")
                self.assertNotIn("STARTTLS", client.say("EHLO client.sender.example"))
                text = b"Subject: x\r\n\r\n" + b"y" * 500 + b"\r\n"
                self.assertEqual(client.mail(["bob@example.com"], text=text * 200)[-1][:3], "250")
            self.assertIn(f"with ESMTPS ({name} ".encode(), backend.messages[-1]["text"])
            self.assertTrue(backend.messages[-1]["text"].endswith(text * 200))
            ravelin.wait_line(f"TLS connection established from .*: {name} with cipher")
        self.assertEqual(ravelin.stop(), 0)

    def test_commands_behind_starttls_in_the_clear(self):
        backend = self.start(Backend())
        ravelin = self.offering(backend)
        with ravelin.client() as client:
            client.say("EHLO client.sender.example")
            client.send("STARTTLS\r\nMAIL FROM:<evil@sender.example>\r\n")
            self.assertEqual(client.reply()[:3], "554")
            self.assertTrue(client.closed())
        with ravelin.client() as client:  # and in a segment of their own, where a hello should be
            client.say("EHLO client.sender.example")
            self.assertEqual(client.say("STARTTLS")[:3], "220")
            client.send("MAIL FROM:<evil@sender.example>\r\n")
            self.assertTrue(client.closed())
        ravelin.wait_line("SSL_accept error from .*: wrong version number")
        self.assertEqual(ravelin.stop(), 0)

    def test_nothing_in_the_clear_after_close_notify(self):
        backend = self.start(Backend())
        ravelin = self.offering(backend)
        with SecureClient(ravelin.port) as client:
            client.say("EHLO client.sender.example")
            client.say("MAIL FROM:<a@sender.example>")
            self.assertEqual(client.say("RCPT TO:<bob@example.com>")[:3], "250")
            self.assertEqual(client.say("DATA")[:3], "354")
            client.send(b"Subject: half\r\n\r\nhalf a message\r\n")
            raw = client.socket.unwrap()
            raw.sendall(b".\r\nQUIT\r\n")
            raw.close()
        ravelin.wait_line("lost connection after DATA")
        self.assertEqual(backend.messages, [])
        self.assertEqual(ravelin.stop(), 0)

    def test_certificates_by_name_and_a_reload(self):
        other = make_certificate(self.directory, "other", ["mx.example.org", "*.example.org"])
        rsa = make_certificate(self.directory, "rsa", ["mx.example.net"], kind="rsa")
        backend = self.start(Backend())
        ravelin = self.offering(backend)
        self.certificate.write_text(self.certificate.read_text())
        ravelin.write_config(
            tls=f'certificates = ["{self.certificate}", "{rsa}", "{other}"]')
        self.assertEqual(ravelin.ctl("reload"), {"reloaded": True})
        for trusted, name in ((self.certificate, "mx.example.net"), (other, "mx.example.org"),
                              (other, "a.example.org")):
            with SecureClient(ravelin.port, client_context(trusted), name) as client:
                self.assertEqual(client.say("NOOP")[:3], "250")
        context = client_context(rsa, ssl.TLSVersion.TLSv1_2)
        context.set_ciphers("ECDHE-RSA-AES256-GCM-SHA384")
        with SecureClient(ravelin.port, context) as client:
            self.assertEqual(client.say("NOOP")[:3], "250")
        # A pair that does not belong together changes nothing.
        self.certificate.write_text(pathlib.Path(f"{self.certificate}.crt").read_text() +
                                    pathlib.Path(f"{other}.key").read_text())
        ravelin.signal(signal.SIGHUP)
        ravelin.wait_line("reload: .*the key in .* does not belong to the certificate")
        with SecureClient(ravelin.port, client_context(f"{self.certificate}.crt")) as client:
            self.assertEqual(client.say("NOOP")[:3], "250")
        self.assertEqual(ravelin.stop(), 0)

    def test_a_ticket_resumes_with_any_worker_and_over_a_reload(self):
        ravelin = self.offering(self.start(Backend()))
        context = client_context(version=ssl.TLSVersion.TLSv1_2)
        with SecureClient(ravelin.port, context) as client:
            session = client.socket.session
            self.assertFalse(client.socket.session_reused)
        for _ in range(8):  # by chance they go to both workers
            with SecureClient(ravelin.port, context, session=session) as client:
                self.assertTrue(client.socket.session_reused)
        self.assertEqual(ravelin.ctl("reload"), {"reloaded": True})
        with SecureClient(ravelin.port, context, session=session) as client:
            self.assertTrue(client.socket.session_reused)
        self.assertEqual(ravelin.stop(), 0)

    def test_required(self):
        ravelin = self.offering(self.start(Backend()), tls='required = ["127.0.0.1:{port}"]')
        with ravelin.client() as client:
            self.assertEqual(client.say("EHLO client.sender.example")[:3], "250")
            self.assertEqual(client.say("MAIL FROM:<a@sender.example>")[:9], "530 5.7.0")
        with SecureClient(ravelin.port) as client:
            self.assertEqual(client.mail(["bob@example.com"])[-1][:3], "250")
        self.assertEqual(ravelin.stop(), 0)

    def test_openssl_s_client(self):
        ravelin = self.offering(self.start(Backend()))
        for version in ("-tls1_2", "-tls1_3"):
            done = subprocess.run(
                ["openssl", "s_client", "-connect", f"127.0.0.1:{ravelin.port}", "-starttls",
                 "smtp", version, "-CAfile", f"{self.certificate}.crt", "-verify_return_error",
                 "-crlf", "-quiet", "-ign_eof"], input="QUIT\n", capture_output=True, text=True,
                timeout=harness.PATIENCE)
            self.assertIn("221 2.0.0", done.stdout, done.stderr)
        for version in ("-tls1", "-tls1_1"):
            done = subprocess.run(
                ["openssl", "s_client", "-connect", f"127.0.0.1:{ravelin.port}", "-starttls",
                 "smtp", version, "-cipher", "ALL:@SECLEVEL=0"], input="", capture_output=True,
                text=True, timeout=harness.PATIENCE)
            self.assertNotEqual(done.returncode, 0)
        self.assertEqual(ravelin.stop(), 0)

    def test_another_protocol_is_refused(self):
        ravelin = self.offering(self.start(Backend()))
        context = client_context()
        context.set_alpn_protocols(["http/1.1"])
        with self.assertRaises(ssl.SSLError):
            SecureClient(ravelin.port, context)
        context.set_alpn_protocols(["smtp"])
        with SecureClient(ravelin.port, context) as client:
            self.assertEqual(client.socket.selected_alpn_protocol(), "smtp")
        self.assertEqual(ravelin.stop(), 0)

    def test_a_slow_handshake_ends(self):
        ravelin = self.offering(self.start(Backend()),
                                sections={"limits": 'handshake_timeout = "1s"'})
        with ravelin.client() as client:
            client.say("EHLO client.sender.example")
            client.say("STARTTLS")
            client.send(b"\x16\x03\x01")
            self.assertTrue(client.closed())
        ravelin.wait_line("timeout after STARTTLS")
        self.assertEqual(ravelin.stop(), 0)

    def test_an_expired_certificate(self):
        backend = self.start(Backend())
        ravelin = self.offering(backend)
        good = self.certificate.read_text()
        self.certificate.write_text(make_certificate(self.directory, "old", ["mx.example.net"],
                                                     expired=True).read_text())
        refused = ravelin.run_ctl("reload")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("has expired", refused.stderr)
        with SecureClient(ravelin.port, client_context(f"{self.certificate}.crt")) as client:
            self.assertEqual(client.say("NOOP")[:3], "250")
        self.assertEqual(ravelin.stop(), 0)
        ravelin.start()  # an old certificate is no reason to take no mail
        ravelin.wait_line("warning: tls: the certificate in .* has expired")
        with SecureClient(ravelin.port) as client:
            self.assertEqual(client.mail(["bob@example.com"])[-1][:3], "250")
        self.certificate.write_text(good)
        self.assertEqual(ravelin.ctl("reload"), {"reloaded": True})
        self.assertEqual(ravelin.stop(), 0)


if __name__ == "__main__":
    harness.main()
