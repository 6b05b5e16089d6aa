#!/usr/bin/env python3
"""ravelin --check --live: each question to the backend, the DNS and the system, and its answer."""
import pathlib
import resource
import subprocess
import unittest

import harness
from harness import Backend, FakeDns, SystemTest

ZONE = """
mx.example.net A 192.0.2.25
mx.example.net AAAA 2001:db8::25
25.2.0.192.in-addr.arpa PTR mx.example.net
"""
REVERSE_V6 = ".".join(reversed(f"{0x20010db8:08x}{0:022x}25")) + ".ip6.arpa PTR other.example.net\n"


class Live(SystemTest):
    def live(self, backends, zone=ZONE, code=0, servers=None, **options):
        if servers is None:
            servers = f'"127.0.0.1:{self.start(FakeDns(self.directory, zone)).port}"'
        sections = {"dns": f'servers = [{servers}]\ntimeout = "1s"', "limits": "sessions = 200",
                    **options.pop("sections", {})}
        popen = options.pop("popen", {})
        ports = [b.port if isinstance(b, Backend) else b for b in backends]
        ravelin = harness.Ravelin(self.directory, ports, sections=sections, start=False, **options)
        done = subprocess.run([str(harness.BUILD / "ravelin"), "--config", str(ravelin.config),
                               "--check", "--live"], capture_output=True, text=True,
                              timeout=2 * harness.PATIENCE, **popen)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertEqual(done.stderr, "")
        self.text = done.stdout
        return done.stdout

    def says(self, level, pattern):
        self.assertRegex(self.text, rf"(?m)^{level} +{pattern}")

    def test_all_is_well(self):
        backend = self.start(Backend(mailboxes=["postmaster@example.com"]))
        name = f"127.0.0.1:{backend.port}"
        self.live([backend], zone=ZONE + REVERSE_V6.replace("other", "mx"),
                  route='client_info = "xforward"')
        self.says("ok", r"\d+ file descriptors allow 200 dialogs")
        self.says("ok", "192.0.2.25 is named mx.example.net")
        self.says("ok", "2001:db8::25 is named mx.example.net")
        self.says("ok", f"{name} answers, in the clear, with PIPELINING")
        self.says("ok", f"{name} takes who the client is")
        self.says("ok", f"{name} takes mail for postmaster@example.com")
        self.says("ok", f"{name} refuses an unknown recipient: 550 5.1.1 <")
        self.assertNotRegex(self.text, "warning|FAILED")
        self.assertEqual(backend.messages, [])
        self.assertEqual([c for _, c in backend.commands if c.startswith("DATA")], [])
        first, second = backend.recipients_of()
        self.assertRegex(second, r"^RCPT TO:<[a-z.]+@example\.com>$")
        self.live([backend], servers='"127.0.0.1:9"')
        self.assertNotEqual(backend.recipients_of()[-1], second, "nobody has another name each time")

    def test_a_name_that_does_not_lead_back(self):
        self.live([self.start(Backend(mailboxes=["postmaster@example.com"]))],
                  zone=ZONE + REVERSE_V6)
        self.says("warning", r"2001:db8::25 is not named mx\.example\.net: .*PTR")

    def test_a_name_without_address(self):
        self.live([self.start(Backend(mailboxes=["postmaster@example.com"]))], zone="x A 192.0.2.1")
        self.says("warning", "mx.example.net has no address")

    def test_dns_that_does_not_answer(self):
        self.live([self.start(Backend(mailboxes=["postmaster@example.com"]))],
                  zone="* SERVFAIL")
        self.says("warning", "the DNS does not answer")

    def test_no_postmaster(self):
        self.live([self.start(Backend())], code=1)
        self.says("FAILED", ".* does not take mail for postmaster@example.com: 550 5.1.1 <postm")

    def test_every_address_of_a_backend(self):
        backend = self.start(Backend(mailboxes=["postmaster@example.com"]))
        self.live([9], sections={"[[route]]": '[[route]]\ndomains = ["example.com"]\n'
                                 f'backends = ["localhost:{backend.port}"]'}, domains=())
        self.says("ok", rf"localhost\[127\.0\.0\.1\]:{backend.port} answers")
        self.says("warning", rf"localhost\[::1\]:{backend.port}: cannot connect")
        self.assertNotIn("FAILED", self.text)

    def test_every_domain_that_is_written_out(self):
        domains = ["a.example", ".b.example", "c.example", "d.example"]
        backend = self.start(Backend(mailboxes=["postmaster@a.example", "postmaster@d.example"]))
        self.live([backend], domains=domains, code=1)
        self.says("FAILED", r".* does not take mail for postmaster@c\.example: 550 5\.1\.1 ")
        self.says("ok", r".* takes mail for postmaster@a\.example, postmaster@d\.example$")
        self.assertNotIn("b.example", self.text)
        self.assertEqual(backend.connections, 1)
        *asked, nobody = [line.partition("<")[2] for line in backend.recipients_of()]
        # The refusal is asked for again: it could have been for being the second recipient.
        self.assertEqual(asked, [f"postmaster@{d}.example>" for d in "accd"])
        self.assertRegex(nobody, r"@a\.example>$")
        self.live([backend], domains=[".b.example"], code=1)
        self.says("FAILED", ".* does not take mail for postmaster@ravelin-live-check.b.example")

    def test_a_backend_that_takes_one_recipient_from_nobody(self):
        domains = ["a.example", "b.example", "c.example"]
        seen = []

        def rcpt(backend, _, address):
            since = [line for _, line in backend.commands]
            since = since[len(since) - since[::-1].index("MAIL FROM:<>"):]
            seen.append(address)
            if sum(line.startswith("RCPT") for line in since) > 1:
                return "452 4.5.3 One at a time"
            return None

        self.live([self.start(Backend(mailboxes=[f"postmaster@{d}" for d in domains],
                                      script={"rcpt": rcpt}))], domains=domains)
        self.says("ok", ".* takes mail for " + ", ".join(f"postmaster@{d}" for d in domains))
        self.assertNotIn("FAILED", self.text)
        self.assertEqual(len(seen), 6, "each once more, but the first; and nobody")

    def test_many_domains(self):
        """One transaction and a bounded number, so that no server takes it for an attack."""
        (pathlib.Path(self.directory) / "domains").write_text(
            "".join(f"d{i}.example\n" for i in range(3000)))
        script = {"rcpt": lambda _, __, address:
                  "250 2.1.5 Ok" if address.startswith("postmaster@") else None}
        backend = self.start(Backend(script=script))
        self.live([backend], route=f'domains_file = "{self.directory}/domains"')
        self.says("ok", r".* takes mail for postmaster@example\.com, postmaster@d0\.example, .*"
                  r"postmaster@d3\.example and those of 45 more domains")
        self.says("ok", r".* was not asked for the postmasters of 2951 more domains")
        self.assertEqual(len(backend.recipients_of("RSET")), 1)

        script["rcpt"] = None  # nobody exists
        backend = self.start(Backend(mailboxes=(), script=script))
        self.live([backend], route=f'domains_file = "{self.directory}/domains"', code=1)
        self.assertEqual(self.text.count("does not take mail for postmaster@"), 4)
        self.says("ok", r".* was not asked for the postmasters of 2997 more domains")
        self.assertEqual(len(backend.recipients_of()), 5)

    def test_a_backend_that_hangs_up_half_way(self):
        rcpt = lambda backend, _, __: "close" if len(backend.recipients_of()) > 1 else None
        self.live([self.start(Backend(mailboxes=["postmaster@example.com"],
                                      script={"rcpt": rcpt}))])
        self.says("ok", ".* takes mail for postmaster@example.com")
        self.says("warning", r"127\.0\.0\.1:\d+: then the connection was closed")

    def test_a_backend_that_takes_everybody(self):
        self.live([self.start(Backend(script={"rcpt": "250 2.1.5 Ok"}))])
        self.says("warning", r".* does not refuse an unknown recipient \(250 2.1.5 Ok\)")

    def test_identity_that_is_refused(self):
        backend = self.start(Backend(mailboxes=["postmaster@example.com"],
                                     script={"xforward": "554 5.7.0 Not you"}))
        self.live([backend], route='client_info = "xforward"')
        self.says("warning", ".*: XFORWARD is not accepted")
        plain = self.start(Backend(mailboxes=["postmaster@example.com"], capabilities=["DSN"]))
        self.live([plain], route='client_info = "xforward"')
        self.says("warning", ".*: XFORWARD is not offered")
        self.live([backend])
        self.says("ok", ".* offers XFORWARD: ")

    def test_one_of_two_backends_is_enough(self):
        backend = self.start(Backend(mailboxes=["postmaster@example.com"]))
        dead = harness.free_port()
        self.live([dead, backend])
        self.says("warning", f"127.0.0.1:{dead}: cannot connect")
        self.live([dead], code=1)
        self.says("FAILED", "route example.com: no backend answers")

    def test_backends_that_misbehave(self):
        for stage, what, told in (("banner", "554 5.7.1 go away", "banner: 554 5.7.1 go away"),
                                  ("banner", "close", "the connection was closed"),
                                  ("banner", "hello", ".*"),
                                  ("ehlo", "451 4.3.0 later", "EHLO: 451 4.3.0 later"),
                                  ("mail", "550 5.7.1 no bounces here", "MAIL: 550 5.7.1 no bounces")):
            with self.subTest(stage=stage, what=what):
                self.live([self.start(Backend(script={stage: what}))], code=1,
                          servers='"127.0.0.1:9"')
                self.says("warning", rf"127\.0\.0\.1:\d+: {told}")

    def test_a_backend_that_says_nothing(self):
        self.live([self.start(Backend(script={"banner": "silence"}))], code=1,
                  servers='"127.0.0.1:9"')
        self.says("warning", ".*: it does not answer")

    def test_too_few_descriptors(self):
        def few():
            resource.setrlimit(resource.RLIMIT_NOFILE, (250, 250))

        self.live([self.start(Backend(mailboxes=["postmaster@example.com"]))],
                  popen={"preexec_fn": few})
        self.says("warning", r"250 file descriptors allow \d+ dialogs")


if __name__ == "__main__":
    harness.main()
