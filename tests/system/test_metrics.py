#!/usr/bin/env python3
"""/metrics of the real daemon: what Prometheus' own tool says of it, and whether the numbers are those
of what was done; the alerts and the dashboard that are made from it."""
import functools
import http.client
import json
import re
import ssl
import subprocess
import unittest

import harness
from debian import unpacked
from harness import ROOT, Backend, FakeDns, SystemTest, wait_for
from test_tls import make_certificate

ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+|[0-9a-f]*::[0-9a-f]|[0-9a-f]{1,4}(:[0-9a-f]{1,4}){3}")


@functools.cache
def promtool():
    """Unpacked, not installed: the package would start a server."""
    return str(unpacked("prometheus") / "usr" / "bin" / "promtool")


def check(*arguments, text=None):
    return subprocess.run([promtool(), *arguments], input=text, capture_output=True, text=True,
                          timeout=harness.PATIENCE)


def not_after(certificate):
    """What openssl says, as seconds since 1970."""
    done = subprocess.run(["openssl", "x509", "-noout", "-enddate", "-in", certificate], capture_output=True,
                          text=True, check=True)
    return ssl.cert_time_to_seconds(done.stdout.strip().removeprefix("notAfter="))


def samples(text):
    """{"name{labels}": value}"""
    lines = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in lines}


class Metrics(SystemTest):
    def setUp(self):
        super().setUp()
        self.http = harness.free_port()
        self.backend = self.start(Backend())

    # The backend by its name: an address of the configuration would be in its label.
    def daemon(self, **sections):
        route = (f'[[route]]\ndomains = ["example.com"]\nbackends = ["localhost:{self.backend.port}"]')
        ravelin = self.ravelin([], domains=(), sections={
            "[[route]]": route, "state": 'path = "{dir}/state.db"',
            "admin": f'socket = "{{dir}}/ctl.sock"\nhttp = "127.0.0.1:{self.http}"', **sections})
        wait_for(lambda: ravelin.ctl("status")["backends"][0]["addresses"], "the backend's address")
        return ravelin

    def scrape(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.http, timeout=harness.PATIENCE)
        try:
            connection.request("GET", "/metrics")
            answer = connection.getresponse()
            self.assertEqual(answer.status, 200)
            self.assertEqual(answer.headers["Content-Type"],
                             "text/plain; version=0.0.4; charset=utf-8")
            return answer.read().decode()
        finally:
            connection.close()

    def until(self, name, value):
        wait_for(lambda: samples(self.scrape()).get(name) == value, f"{name} to be {value}")
        return samples(self.scrape())

    def dialogs(self, ravelin):
        """Three mails, five unknown recipients, two foreign ones, one loss of the connection."""
        for _ in range(3):
            with ravelin.client() as client:
                self.assertRegex(client.mail(["bob@example.com"])[-1], "^250")
                client.say("QUIT")
        for number in range(5):
            with ravelin.client() as client:
                self.assertRegex(client.mail([f"x{number}@example.com"])[0], "^550")
                client.say("QUIT")
        with ravelin.client() as client:
            replies = client.mail(["a@elsewhere.example", "b@elsewhere.example"])
            self.assertTrue(all(reply.startswith("554") for reply in replies), replies)
        self.until("ravelin_sessions", 0)

    def test_numbers_are_those_of_what_was_done(self):
        ravelin = self.daemon()
        lost = 'ravelin_dialogs_ended_early_total{how="lost connection"}'
        ravelin.client().close()
        self.until(lost, 1)
        self.dialogs(ravelin)
        now = self.until(lost, 2)
        text = "Subject: x\r\n\r\nhello\r\n"
        want = {
            "ravelin_connections_total": 1 + 9,
            "ravelin_dialogs_total": 1 + 9,
            lost: 1 + 1,
            "ravelin_new_sources_total": 1,
            "ravelin_messages_total": 3,
            "ravelin_message_recipients_total": 3,
            "ravelin_message_bytes_total": 3 * len(text),
            'ravelin_refused_total{reason="unknown_recipient"}': 5,
            'ravelin_refused_total{reason="relay"}': 2,
            'ravelin_rejects_total{stage="RCPT",reason="unknown_recipient",code="550"}': 5,
            'ravelin_rejects_total{stage="RCPT",reason="relay",code="554"}': 2,
            'ravelin_recipients_total{verdict="accept"}': 3,
            'ravelin_recipients_total{verdict="reject"}': 7,
            'ravelin_recipients_total{verdict="defer"}': 0,
            'ravelin_verifications_total{result="accepted"}': 3,
            'ravelin_verifications_total{result="unknown"}': 5,
            'ravelin_verifications_total{result="not-asked"}': 2,
            "ravelin_verification_seconds_count": 8,
            f'ravelin_backend_up{{backend="localhost:{self.backend.port}"}}': 1,
            f'ravelin_backend_questions_total{{backend="localhost:{self.backend.port}"}}': 8,
            f'ravelin_backend_messages_total{{backend="localhost:{self.backend.port}"}}': 3,
            "ravelin_pressure_level": 0,
            "ravelin_log_dropped_lines_total": 0,
            "ravelin_state_degraded": 0,
            "ravelin_workers": 2,
        }
        self.assertEqual({name: now.get(name) for name in want}, want)
        rejects = [value for name, value in now.items() if name.startswith("ravelin_rejects_total")]
        self.assertEqual(sum(rejects), 7)  # and what did not happen is not there
        self.assertEqual(len(rejects), 2)
        status = ravelin.ctl("status")
        self.assertEqual(now["ravelin_messages_total"], status["mails"]["accepted"])
        self.assertEqual(now["ravelin_sessions_peak"], status["sessions"]["peak"])
        for table in status["tables"]:
            word = {"networks and organisations": "networks"}.get(
                table["name"], table["name"].lower().replace(" ", "_"))
            for key in ("entries", "bytes"):
                self.assertEqual(now[f'ravelin_table_{key}{{table="{word}"}}'], table[key], word)
        self.assertEqual(now["ravelin_process_max_fds"] > now["ravelin_process_open_fds"] > 20, True)

    def test_greylist_and_phases(self):
        ravelin = self.daemon(greylist='delay = "4m"')
        for _ in range(2):
            with ravelin.client() as client:
                self.assertRegex(client.mail(["bob@example.com"])[0], "^451")
        with ravelin.client() as client:
            client.say("NOOP")
            now = self.until('ravelin_sessions_by_phase{phase="command"}', 1)
            self.assertEqual(now["ravelin_sessions"], 1)
        self.assertEqual(now['ravelin_greylist_total{result="first"}'], 1)
        self.assertEqual(now['ravelin_greylist_total{result="early"}'], 1)
        self.assertEqual(now['ravelin_recipients_total{verdict="defer"}'], 2)
        self.until('ravelin_sessions_by_phase{phase="command"}', 0)

    def test_dns(self):
        zone = ("1.1.1.127.in-addr.arpa PTR good.sender.example\ngood.sender.example A 127.1.1.1\n"
                "3.1.1.127.in-addr.arpa SERVFAIL\n")
        dns = self.start(FakeDns(self.directory, zone))
        ravelin = self.daemon(**{"checks.rdns": 'action = "note"',
                                 "dns": f'servers = ["127.0.0.1:{dns.port}"]'})
        ravelin.client().close()
        self.until("ravelin_dns_query_seconds_count", 1)
        for source in ("127.1.1.1", "127.1.1.1", "127.1.1.3"):
            with ravelin.client(source=source) as client:
                client.mail(["bob@example.com"])
        now = samples(self.scrape())
        self.assertEqual(now["ravelin_dns_query_seconds_count"], 1 + 2 + 1)
        self.assertEqual(now["ravelin_dns_failed_total"], 1)
        self.assertEqual(now["ravelin_dns_cached_total"], 2)
        self.assertEqual(now["ravelin_dns_not_asked_total"], 0)

    def test_certificates(self):
        """Each file once, and after a reload the new ones."""
        first = make_certificate(self.directory, "first", ["mx.example.net"])
        second = make_certificate(self.directory, "second", ["other.example.net"], expired=True)
        ravelin = self.daemon(tls=f'certificates = ["{first}", "{second}", "{first}"]')
        name = "ravelin_tls_certificate_not_after_seconds"

        def ends():
            return {label: value for label, value in samples(self.scrape()).items() if label.startswith(name)}

        found = ends()
        self.assertEqual(set(found), {f'{name}{{file="{file}"}}' for file in (first, second)})
        self.assertEqual(found[f'{name}{{file="{second}"}}'], not_after(second))
        ravelin.write_config(tls=f'certificates = ["{second}"]')
        ravelin.ctl("reload")
        self.assertEqual(set(ends()), {f'{name}{{file="{second}"}}'})

    def test_promtool_has_nothing_to_say(self):
        self.dialogs(self.daemon())
        done = check("check", "metrics", text=self.scrape())
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_no_address_is_in_it(self):
        ravelin = self.daemon(greylist='delay = "4m"', limits="sessions_per_client = 2")
        with ravelin.client(source="127.0.0.9") as client:
            client.say("EHLO [127.0.0.9]")
            client.say("MAIL FROM:<a@[127.0.0.9]>")
            client.say("RCPT TO:<b@[127.0.0.9]>")
            client.say("RCPT TO:<bob@example.com>")
            client.say("127.0.0.9")
            with ravelin.client(source="127.0.0.9"):
                with ravelin.client(source="127.0.0.9") as third:
                    self.assertRegex(third.banner, "^421")
        text = self.until('ravelin_no_place_total{limit="sessions_per_client"}', 1) and self.scrape()
        found = [line for line in text.splitlines() if ADDRESS.search(line)]
        self.assertEqual(found, [])

    def test_backend_down(self):
        ravelin = self.daemon()
        self.backend.close()
        with ravelin.client() as client:
            client.mail(["bob@example.com"])
        self.until(f'ravelin_backend_up{{backend="localhost:{self.backend.port}"}}', 0)

    def test_alerts_and_dashboard_name_only_what_there_is(self):
        self.daemon()
        there = {re.sub(r"_(bucket|sum|count)$", "", re.split(r"[{]", name)[0])
                 for name in samples(self.scrape())}
        there |= set(re.findall(r"^# TYPE (\S+)", self.scrape(), re.M))
        for file in ("prometheus-rules.yml", "grafana-dashboard.json"):
            text = (ROOT / "etc" / file).read_text()
            named = {re.sub(r"_(bucket|sum|count)$", "", name)
                     for name in re.findall(r"\bravelin_[a-z_]+", text)}
            self.assertGreater(len(named), 10)
            self.assertEqual(named - there, set(), file)


class Alerts(unittest.TestCase):
    def test_rules_are_sound_and_fire_when_they_should(self):
        for arguments in (("check", "rules", str(ROOT / "etc" / "prometheus-rules.yml")),
                          ("test", "rules", str(harness.HERE / "prometheus-rules-test.yml"))):
            done = check(*arguments)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_each_alert_has_been_tried(self):
        rules = (ROOT / "etc" / "prometheus-rules.yml").read_text()
        tried = (harness.HERE / "prometheus-rules-test.yml").read_text()
        for alert in re.findall(r"alert: (\w+)", rules):
            self.assertIn(f'alertname="{alert}"', tried)

    def test_dashboard(self):
        board = json.loads((ROOT / "etc" / "grafana-dashboard.json").read_text())
        panels = board["panels"]
        self.assertEqual(len({panel["id"] for panel in panels}), len(panels))
        for panel in panels:
            self.assertTrue(all(target["expr"] for target in panel["targets"]), panel["title"])


if __name__ == "__main__":
    harness.main()
