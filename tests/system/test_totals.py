#!/usr/bin/env python3
"""Do all views tell the same? After twenty thousand mixed dialogs the totals of the log, of pflogsumm over it,
of /metrics, of ravelinctl, of the dashboard and of history.db are compared, each with each. What is counted is
what the program says that happened, so it does not matter how fast it went."""
import contextlib
import signal
import sqlite3
import subprocess
import time

import harness
import views
from harness import Backend, Client, Process, SystemTest, free_port, wait_for
from test_drill import DrillTest
from test_tls import make_certificate

DIALOGS = 20_000
PATIENCE = 240.0  # for the load; a fast machine needs 30 s
BOTS = {"retrying": 40, "harvesting": 8, "slow": 10, "early": 8, "valid": 10, "tls": 10, "silent": 5}
ROUTES = """[[route]]
domains = ["example.com"]
backends = ["127.0.0.1:{drill}"]
[[route]]
domains = ["odd.example"]
backends = ["127.0.0.1:{odd}"]
[[route]]
domains = ["lmtp.example"]
backends = ["127.0.0.1:{lmtp}"]
protocol = "lmtp"
[[route]]
domains = ["down.example"]
backends = ["127.0.0.1:{down}"]
"""
MAILBOXES = ["bob@odd.example", "eve@odd.example", "a@lmtp.example", "b@lmtp.example", "c@lmtp.example"]
EXEMPT = ", ".join(f'"{address}"' for address in [*MAILBOXES, "later@odd.example", "x@down.example"])
SECTIONS = {
    # Fixed, so that nothing depends on how the machine feels; and dialogs that are alike become one row.
    "pressure": 'level = "attack"',
    "pressure.attack": 'pause = "0s"',
    "harvest": 'unknown = 20\ntime = "5s"',
    "greylist": f'delay = "1s"\nexcept_recipients = [{EXEMPT}]',
    "standing": "good_deliveries = 1\ngood_days = 1",
    "checks.early_talker": 'action = "reject"\npause = "20ms"',
    "checks.helo": 'syntax = "off"\nown_name = "reject"\nliteral = "off"\nnot_fqdn = "off"\n'
                   'unresolvable = "off"\nptr_mismatch = "off"',
    "dns": 'timeout = "0s"',
    "access": 'deny = ["127.65.0.0/24", "127.1.9.0/24"]',
    "limits": 'sessions = 80\nsessions_per_client = 3\nerrors = 8\njunk_commands = 12\nmessage_size = "200kB"\n'
              'command_timeout = "1s"\ndata_timeout = "1s"\nhandshake_timeout = "1s"',
    "state": 'path = "{dir}/state.db"',
    "history": 'disk_free = "0B"',
    "log": 'file = "{dir}/mail.log"\nflood = "10000000/s"',
}
ALL_REASONS = {"unknown_recipient", "greylist", "harvest_shield", "check", "relay", "backend", "trouble", "limit",
               "access_list", "early_talk", "protocol", "no_place"}


class Views(SystemTest):
    """A daemon that is asked for all that it tells."""

    def look(self, ravelin, http):
        """Once nothing happens any more, and each of the counters and files has seen it."""
        def settled():
            stats = ravelin.ctl("stats")
            return stats["dialogs"] == stats["dialogs_ended"] and ravelin.ctl("status")["sessions"]["open"] == 0
        wait_for(settled, "all dialogs to end")
        wait_for(lambda: ravelin.ctl("stats")["log_lines"] == len(ravelin.lines()), "all lines to be written")
        metrics = views.from_metrics(views.fetch(http, "/metrics"))
        wait_for(lambda: views.from_curves(http)["connections"] == metrics["connections"], "the curves to have all")
        stats = ravelin.ctl("stats")
        self.assertEqual((stats["log_dropped"], stats["log_flooded"]), (0, 0))
        status = ravelin.ctl("status")
        found = {"log": views.from_log(ravelin.lines()), "metrics": metrics, "stats": views.from_stats(stats),
                 "curves": views.from_curves(http), "sources": views.from_sources(http),
                 "pflogsumm": views.from_pflogsumm(ravelin.log),
                 "status": {"messages": status["mails"]["accepted"], "bytes": status["mails"]["bytes"],
                            "recipients sent": status["mails"]["recipients"]}}
        self.assertEqual(ravelin.stop(), 0)  # writes the rest of the history
        found["history.db"] = views.from_history(f"{self.directory}/history.db")
        return found, status["history"]

    def check(self, found):
        differ = "".join(f"\n{total}: " + "".join(f"\n    {view}: {value}" for view, value in told.items())
                         for total, told in views.disagreements(found))
        self.assertEqual(differ, "")
        # Who tells of nothing agrees with everybody.
        for total, least in (("connections", 5), ("dialogs", 4), ("dialogs ended", 5), ("messages", 7),
                             ("recipients sent", 7), ("rejects", 3), ("rejects in all", 5),
                             ("rejects by reason", 5), ("refused by code", 4), ("verdicts", 3), ("greylist", 3),
                             ("verify", 3), ("no place", 4), ("ended early", 4), ("early talkers", 4),
                             ("rejects by first word", 2), ("recipients bounced", 3), ("questions", 2),
                             ("questions in all", 3)):
            self.assertGreaterEqual(len(views.told_by(found, total)), least, total)


class TwentyThousand(DrillTest, Views):
    def setUp(self):
        super().setUp()
        self.http = free_port()
        self.drill_backend = self.backend("--valid", "good*")
        words = {"rcpt": lambda *a: "450 4.2.1 Come later" if "later@" in a[2] else None,
                 "dot": lambda *a: "554 5.7.1 A virus" if b"virus" in a[2] else None}
        fates = iter(("552 5.2.2 Full", "450 4.2.0 Later"))
        self.odd = self.start(Backend(mailboxes=MAILBOXES, script=words))
        self.lmtp = self.start(Backend(mailboxes=MAILBOXES, lmtp=True, script={"verdict": lambda *a: next(fates)}))
        certificate = make_certificate(self.directory, "mx", ["mx.example.net"])
        routes = ROUTES.format(drill=self.drill_backend.port, odd=self.odd.port, lmtp=self.lmtp.port,
                               down=harness.free_port())
        self.front = self.ravelin([], domains=(), sections={
            **SECTIONS, "[[route]]": routes, "tls": f'certificates = ["{certificate}"]',
            "admin": f'socket = "{{dir}}/ctl.sock"\nhttp = "127.0.0.1:{self.http}"'})
        self.sources = (f"127.1.1.{number}" for number in range(1, 250))

    def load(self):
        bots = [f"--bots={script}={count}" for script, count in BOTS.items()]
        drill = self.start(Process(self.run_options(
            self.front.port, *bots, "--good=new=5", "--rate=new=2", "--good-retry=1s", "--onset=0s",
            "--duration=1h", "--ramp=1s", "--pause=20ms", "--retry=1500ms", "--hold=300ms", "--drip=50ms",
            "--rcpts=12", "--networks=40", "--wide-networks=8"), f"{self.directory}/drill.out"))

        end = time.monotonic() + PATIENCE
        while views.from_metrics(views.fetch(self.http, "/metrics"))["dialogs"] < DIALOGS:
            self.assertLess(time.monotonic(), end, f"waited for {DIALOGS} dialogs")
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.fail(f"the drill ended: {drill.wait(0.2)}\n{drill.text()}")
        drill.signal(signal.SIGINT)
        self.assertEqual(drill.wait(), 130, drill.text())

    def say(self, *lines, source=None, last=""):
        """A client of its own says |lines| and leaves; |last| is what it hears at the end."""
        with Client(self.front.port, source=source or next(self.sources)) as client:
            reply = client.banner
            for line in lines:
                client.send(line if isinstance(line, bytes) else line.encode() + b"\r\n")
                reply = client.reply()
            self.assertRegex(reply, "^" + last)

    def until_dropped(self, line):
        """Pressure makes the limits smaller."""
        with Client(self.front.port, source=next(self.sources)) as client:
            client.say("EHLO a.example")
            self.assertTrue(any(client.say(line).startswith("421") for _ in range(12)), line)

    def mail(self, recipients, text=b"Subject: x\r\n\r\nhello\r\n"):
        with Client(self.front.port, source=next(self.sources)) as client:
            replies = client.mail(recipients, text)
            client.say("QUIT")
        return replies

    def one_of_each(self):
        """What bots do not do, or not surely."""
        hello = ("EHLO h.client.example", "MAIL FROM:<a@sender.example>")
        bob, lmtp = "RCPT TO:<bob@odd.example>", [f"{name}@lmtp.example" for name in "abc"]
        self.say(source="127.1.9.1", last="554 5.7.1")
        self.say(*hello, "RCPT TO:<x@foreign.example>", "QUIT", last="221")
        self.say("EHLO mx.example.net", hello[1], bob, "QUIT", last="221")
        self.say("EHLO a.example", "MAIL FROM:<a@b.example> SIZE=900000", "QUIT", last="221")
        self.say("EHLO a.example", "MAIL FROM:<>", bob, "RCPT TO:<eve@odd.example>", last="452")
        self.say("HELO a b", "MAIL FROM:<x", "QUIT", last="221")
        self.say("EHLO a.example", "NOOP", b"NOOP\nNOOP\r\n", last="500")
        self.until_dropped("X")
        self.until_dropped("NOOP")
        self.say(*hello, bob, "DATA", b"x\ny\r\n.\r\n", last="554 5.6.0")
        self.say(*hello, "RCPT TO:<later@odd.example>", "RCPT TO:<x@down.example>", "QUIT", last="221")
        self.say(*hello, bob, "DATA", last="354")
        self.assertRegex(self.mail(["bob@odd.example", "eve@odd.example"])[-1], "^250")
        self.assertRegex(self.mail(["bob@odd.example"], b"a virus\r\n")[-1], "^554")
        self.assertRegex(self.mail(lmtp[:2])[-1], "^554")   # one has it, one refused it
        self.assertRegex(self.mail(lmtp[1:])[-1], "^451")   # one may have it later
        self.say("EHLO a.example", "STARTTLS", b"this is no handshake\r\n\r\n")
        with Client(self.front.port, source="127.1.2.1"), Client(self.front.port, source="127.1.2.1"), \
                Client(self.front.port, source="127.1.2.1"):
            self.say(source="127.1.2.1", last="421")
            self.say(source="127.1.2.1", last="421")
        with Client(self.front.port, source=next(self.sources)) as silent:
            self.assertRegex(silent.reply(), "^421")

    def test_all_views_agree(self):
        self.load()
        self.one_of_each()
        found, history = self.look(self.front, self.http)
        self.check(found)
        log = found["log"]
        self.assertGreaterEqual(log["dialogs"], DIALOGS)
        self.assertEqual(ALL_REASONS - set(log["rejects by reason"]), set())
        self.assertEqual(set(log["rejects by stage"]), {"CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "other"})
        for total in ("recipients bounced", "recipients deferred", "secured", "not secured", "quits", "early talkers"):
            self.assertGreater(log[total], 0, total)
        self.assertLessEqual({"lost connection", "timeout", "too many errors"}, set(log["ended early"]))
        self.assertEqual(history["lost"], 0)
        self.assertGreater(history["merged"], 0, "rows that stand for several dialogs")
        drill = self.totals(self.drill_backend)
        self.assertEqual(found["stats"]["messages taken by backends"],
                         drill["messages"] + len(self.odd.messages) + len(self.lmtp.messages))
        self.assertEqual(found["stats"]["questions"][f"127.0.0.1:{self.drill_backend.port}"], drill["questions"])


class Apart(Views):
    """What one view counts and another does not, as docs/logs.md says."""

    def start_ravelin(self, **sections):
        self.http = free_port()
        backend = self.start(Backend(mailboxes=["bob@example.com"]))
        return self.ravelin([backend], sections={
            "state": 'path = "{dir}/state.db"', "history": 'disk_free = "0B"',
            "admin": f'socket = "{{dir}}/ctl.sock"\nhttp = "127.0.0.1:{self.http}"', **sections})

    def test_a_dialog_with_more_recipients_than_an_account_has_room_for(self):
        ravelin = self.start_ravelin(limits="recipients = 100\nerrors = 10000")
        with ravelin.client() as client:
            client.mail([f"x{number}@example.com" for number in range(120)])
            client.say("QUIT")
        wait_for(lambda: ravelin.ctl("stats")["dialogs_ended"] == 1, "the dialog's end")
        log = views.from_log(ravelin.wait_line("quit=1") and ravelin.lines())
        metrics = views.from_metrics(views.fetch(self.http, "/metrics"))
        self.assertEqual((log["verdicts"], metrics["verdicts"]["reject"]), ({"reject": 100}, 100))
        # Of the twenty for which there was no place, the first is a refusal.
        self.assertEqual(log["rejects"], {("RCPT", "unknown_recipient", "550"): 100, ("RCPT", "limit", "452"): 1})
        self.assertEqual(metrics["rejects"], log["rejects"])
        self.assertTrue(ravelin.lines(r"rcpt=0/120 "))
        self.assertEqual(ravelin.stop(), 0)
        account = next(one for one, _ in views.accounts(f"{self.directory}/history.db") if one["end"] == "quit")
        self.assertGreater(account["left_out"], 0)
        self.assertGreater(len(account["events"]), 40)
        self.assertEqual(len(account["events"]) + account["left_out"], 100 + 1)

    def test_a_null_sender_is_greylisted_at_data(self):
        ravelin = self.start_ravelin(greylist='delay = "4m"')
        with ravelin.client() as client:
            self.assertRegex(client.mail(["bob@example.com"])[0], "^451")
            client.say("RSET")
            self.assertRegex(client.mail(["bob@example.com"], sender="")[-1], "^451")
            client.say("QUIT")
        log = views.from_log(ravelin.wait_line("quit=1") and ravelin.lines())
        metrics = views.from_metrics(views.fetch(self.http, "/metrics"))
        for view in (log, metrics):
            self.assertEqual(view["rejects"], {("RCPT", "greylist", "451"): 1, ("DATA", "greylist", "451"): 1})
            self.assertEqual(view["greylist"]["first"], 1)
            self.assertEqual(+view["verdicts"], {"defer": 1, "accept": 1})

    def test_without_a_place(self):
        """No dialog, so no refusal in one."""
        ravelin = self.start_ravelin(limits="sessions_per_client = 1")
        wait_for(lambda: ravelin.ctl("status")["sessions"]["open"] == 0, "the place")
        with ravelin.client(source="127.0.0.9"), ravelin.client(source="127.0.0.9") as second:
            self.assertRegex(second.banner, "^421")
        stats = ravelin.ctl("stats")
        self.assertEqual((stats["refused"], stats["refused_by_code"]), (0, {}))
        self.assertEqual(stats["refused_by_reason"], {"no_place": 1})
        self.assertEqual(stats["no_place"], {"sessions_per_client": 1})

    def test_a_balancer_without_a_place(self):
        """Nobody knows whose connection it was: it counts all the same."""
        ravelin = self.start_ravelin(access='proxy_from = ["127.0.0.0/8"]', limits="sessions = 1",
                                     greylist='apply_to = "off"')
        with Client(ravelin.port, banner=False) as first:
            first.send("PROXY TCP4 192.0.2.1 192.0.2.2 4000 25\r\n")
            self.assertRegex(first.reply(), "^220")
            # With a recipient accepted it gives its place to nobody.
            for line in ("EHLO client.sender.example", "MAIL FROM:<a@sender.example>", "RCPT TO:<bob@example.com>"):
                self.assertRegex(first.say(line), "^250")
            with Client(ravelin.port) as second:
                self.assertRegex(second.banner, "^421")
        wait_for(lambda: ravelin.ctl("stats")["dialogs_ended"] == 1, "the dialog's end")
        metrics = views.from_metrics(views.fetch(self.http, "/metrics"))
        self.assertEqual(metrics["no place"].total(), 1)
        self.assertEqual(metrics["connections"], metrics["dialogs"] + 1)

    def test_curves_go_on_over_a_restart(self):
        """Also what happened since the last sample, and what was counted before the first."""
        ravelin = self.start_ravelin()
        for run in (1, 2):
            ravelin.client().close()
            wait_for(lambda: len(ravelin.lines(r"\]: disconnect from ")) == run, "the client to be gone")
            self.assertEqual(ravelin.stop(), 0)
            if run == 1:
                ravelin.start()
        with sqlite3.connect(f"file:{self.directory}/history.db?mode=ro", uri=True) as file:
            rows = file.execute("SELECT data FROM curves WHERE step = 10").fetchall()
        connections = sum(int.from_bytes(data[49:53], "little") for data, in rows)  # the 13th of all curves
        self.assertEqual(connections, 2)


if __name__ == "__main__":
    harness.main()
