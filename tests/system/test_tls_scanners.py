#!/usr/bin/env python3
"""What sslscan and testssl.sh of Debian say about STARTTLS, with an ECDSA and an RSA certificate side
by side: nothing of high or critical severity, and only the versions and ciphers of docs/tls.md."""
import json
import os
import pathlib
import subprocess
import unittest

import harness
from harness import Backend, SystemTest

NAME = "mx.example.net"
FINE = {"OK", "INFO", "LOW", "MEDIUM", "WARN", "DEBUG"}


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


class Authority:
    """Signs certificates for NAME as public authorities do: for 90 days, with the address of a list of
    revoked ones (that nobody fetches)."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.certificate, self.key = self.directory / "ca.crt", self.directory / "ca.key"
        openssl("req", "-x509", "-nodes", "-newkey", "rsa:2048", "-days", "365", "-subj",
                "/CN=Test authority", "-keyout", str(self.key), "-out", str(self.certificate))

    def issue(self, stem, *kind):
        request, leaf = self.directory / f"{stem}.csr", self.directory / f"{stem}.crt"
        key, both = self.directory / f"{stem}.key", self.directory / f"{stem}.pem"
        extensions = self.directory / "extensions"
        extensions.write_text(f"subjectAltName=DNS:{NAME}\nbasicConstraints=CA:FALSE\n"
                              "keyUsage=digitalSignature\nextendedKeyUsage=serverAuth\n"
                              "crlDistributionPoints=URI:http://127.0.0.1:9/ca.crl\n")
        openssl("req", "-nodes", *kind, "-subj", f"/CN={NAME}", "-keyout", str(key), "-out",
                str(request))
        openssl("x509", "-req", "-in", str(request), "-CA", str(self.certificate), "-CAkey",
                str(self.key), "-CAcreateserial", "-days", "90", "-extfile", str(extensions), "-out",
                str(leaf))
        both.write_text(leaf.read_text() + key.read_text())
        return both


class Scanners(SystemTest):
    def setUp(self):
        super().setUp()
        self.authority = Authority(self.directory)
        ecdsa = self.authority.issue("ecdsa", "-newkey", "ec", "-pkeyopt",
                                     "ec_paramgen_curve:prime256v1")
        rsa = self.authority.issue("rsa", "-newkey", "rsa:2048")
        self.service = self.ravelin([self.start(Backend())], sections={
            "tls": f'certificates = ["{ecdsa}", "{rsa}"]',
            # A scanner is one client with hundreds of dialogs.
            "limits": "sessions_per_client = 0\nsessions_per_network = 0"})

    def test_sslscan(self):
        done = subprocess.run(["sslscan", "--no-colour", "--starttls-smtp", f"--sni-name={NAME}",
                               f"127.0.0.1:{self.service.port}"], capture_output=True, text=True,
                              timeout=harness.PATIENCE)
        said = [line.split() for line in done.stdout.splitlines() if line.strip()]
        versions = {line[0]: line[1] for line in said if len(line) == 2 and line[1] in
                    ("enabled", "disabled")}
        self.assertEqual(versions, {"SSLv2": "disabled", "SSLv3": "disabled", "TLSv1.0": "disabled",
                                    "TLSv1.1": "disabled", "TLSv1.2": "enabled",
                                    "TLSv1.3": "enabled"}, done.stdout)
        ciphers = {line[4] for line in said if line[0] in ("Accepted", "Preferred")}
        self.assertEqual(len(ciphers), 13, done.stdout)
        for cipher in ciphers:
            self.assertRegex(cipher, "^(ECDHE-(ECDSA|RSA)|TLS)[-_](AES|CHACHA20)")
        self.assertIn("Session renegotiation not supported", done.stdout)
        self.assertNotRegex(done.stdout, "(?<!not )vulnerable")
        self.assertEqual(self.service.stop(), 0)

    def test_testssl(self):
        report = os.path.join(self.directory, "report.json")
        done = subprocess.run(
            # All that it rates; not its list of simulated browsers, which are no mail servers.
            ["testssl", "-p", "-s", "-f", "-P", "-S", "-U", "--starttls", "smtp", "--warnings", "off", "--color", "0", "--jsonfile", report,
             "--add-ca", str(self.authority.certificate), "--ip", "127.0.0.1", "--nodns", "none",
             f"{NAME}:{self.service.port}"], capture_output=True, text=True, timeout=540)
        findings = json.loads(pathlib.Path(report).read_text())
        shown = {finding["id"].split()[0]: finding for finding in findings}
        for needed in ("TLS1_3", "cert_chain_of_trust", "ROBOT", "heartbleed", "cipherlist_NULL",
                       "secure_client_renego", "DROWN", "RC4", "scanTime"):
            self.assertIn(needed, shown, done.stdout + done.stderr)
        bad = [finding for finding in findings if finding["severity"] not in FINE]
        self.assertEqual(bad, [])
        self.assertEqual(self.service.stop(), 0)


if __name__ == "__main__":
    harness.main()
