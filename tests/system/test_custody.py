#!/usr/bin/env python3
"""Custody under chaos: Ravelin is killed, ended, reloaded, its mail servers fail in every way and
place, DNS goes away, disks fill up: all of it together, in the clear and in TLS on both sides, at
random from a seed that is printed. The rules that must hold are those of custody/judge.py.

RAVELIN_CUSTODY_MESSAGES, _CLIENTS and _SEED: how many messages, how many clients at once, and which
random choices. With the same seed the choices are the same; their times are not.
"""
import asyncio
import os
import random
import time
import unittest

import harness
from custody import chaos, judge
from custody.facts import Attempt, Copy, Facts, Life, Transcript
from custody.load import Load
from custody.mailhost import Mailhost
from harness import SystemTest, free_port
from test_backend_tls import context_of
from test_tls import make_certificate

MESSAGES = int(os.environ.get("RAVELIN_CUSTODY_MESSAGES", "2000"))
CLIENTS = int(os.environ.get("RAVELIN_CUSTODY_CLIENTS", "48"))
SEED = int(os.environ.get("RAVELIN_CUSTODY_SEED") or random.SystemRandom().randrange(1 << 32))
LEAST_RATE = 5  # messages a second below which something hangs

SECTIONS = {
    "checks.rdns": 'action = "greylist"',
    "checks.helo": 'unresolvable = "greylist"',
    "checks.early_talker": 'pause = "0s"',
    "checks.sender_domain": 'action = "defer"',
    "state": 'path = "{dir}/state/state.db"',
    "log": 'file = "{dir}/log/mail.log"\nrfc3339 = true\nflood = "10000000/s"',
    "tls": 'certificates = ["{dir}/mx.pem"]',
    "relay": f'final_timeout = "{judge.FINAL:g}s"\ndrain_timeout = "2s"',
    **{name: bodies[0] for name, bodies in chaos.HARMLESS.items()},
}


class Custody(SystemTest):
    def setUp(self):
        super().setUp()
        self.state = chaos.place(self.directory, "state")
        self.logs = chaos.place(self.directory, "log")
        make_certificate(self.directory, "mx", ["mx.example.net"])
        self.disks = os.geteuid() == 0
        for directory in (self.state, self.logs) if self.disks else ():
            chaos.Disks.mount(directory)
            self.addCleanup(chaos.Disks.unmount, directory)

    def test_under_chaos(self):
        print(f"seed {SEED}", flush=True)
        facts = Facts(SEED, Transcript(os.path.join(self.directory, "transcript")))
        began = time.monotonic()
        asyncio.run(self.live(facts))
        took = time.monotonic() - began
        bench = judge.Judge(facts)
        if broken := list(bench.broken()):
            self.fail(f"{len(broken)} times, the first: {bench.story(*broken[0])}")
        self.tell(facts, bench, took)

    async def live(self, facts):
        async with asyncio.timeout(300 + MESSAGES / LEAST_RATE):
            await self.everything(facts)

    async def everything(self, facts):
        ports = [free_port(), free_port()]
        tls = context_of(make_certificate(self.directory, "backend", ["backend.example"]))
        hosts = [Mailhost(name, port, facts, tls) for name, port in zip(("A", "B"), ports)]
        for host in hosts:
            await host.up()
        names = chaos.Names(facts, chaos.place(self.directory, "dns"), random.Random(f"{SEED}/n"))
        self.addCleanup(lambda: names.end())
        ravelin = chaos.Daemon(self.directory, ports, start=False, route=chaos.ROUTES[0], sections={
            **SECTIONS, "dns": f'servers = ["127.0.0.1:{names.port}"]\ntimeout = "300ms"'})
        ravelin.log = self.logs / "mail.log"
        processes = chaos.Processes(facts, ravelin, hosts, random.Random(f"{SEED}/p"))
        await processes.start()
        self.addCleanup(self._end, ravelin)
        troubles = self.troubles(facts, processes, hosts, names)
        # New messages come until the last deed is done, and retries until the last one is taken.
        load = Load(facts, ravelin.port, CLIENTS, MESSAGES, lambda: all(t.done() for t in tasks))
        tasks = [asyncio.create_task(trouble.run(lambda: load.made >= MESSAGES and all(
            each.rounds for each in troubles))) for trouble in troubles]
        await asyncio.gather(load.run(), *tasks)
        await processes.end()
        for host in hosts:
            host.down()
        facts.logs.append(ravelin.log)

    def troubles(self, facts, processes, hosts, names):
        weather = chaos.Weather(facts, hosts, random.Random(f"{SEED}/w"))
        troubles = [chaos.Trouble(facts, "processes", (0.2, 1.5), processes.deeds),
                    chaos.Trouble(facts, "weather", (0.1, 0.8), weather.deeds),
                    chaos.Trouble(facts, "names", (0.5, 2), names.deeds)]
        if self.disks:
            disks = chaos.Disks(facts, self.state, self.logs, random.Random(f"{SEED}/d"))
            troubles.append(chaos.Trouble(facts, "disks", (0.5, 2.5), disks.deeds))
        return troubles

    def tell(self, facts, bench, took):
        attempts = list(facts.attempts.values())
        heard = sum(attempt.heard for attempt in attempts)
        kept = sum(copy.kept for copy in facts.copies)
        self.assertGreaterEqual(heard, MESSAGES)
        self.assertEqual(kept - heard, sum(bench.explained.values()))
        secured = sum(attempt.heard and attempt.secured for attempt in attempts)
        in_tls = sum(copy.kept and copy.in_tls for copy in facts.copies)
        self.assertTrue(secured and in_tls, "nothing went in TLS")
        print(f"{took:.0f} s, {len(attempts)} tries, {heard} times 250 ({secured} in TLS), {kept} copies "
              f"kept ({in_tls} came in TLS), {len(facts.lives)} processes, {bench.logged.dropped} log "
              "lines dropped")
        for counts in (facts.deeds, bench.explained):
            print("  " + ", ".join(f"{counts[what]} {what}" for what in sorted(counts)), flush=True)
        if not self.disks:
            print("  no full disks: they take root")


class JudgeTest(unittest.TestCase):
    """The rules find what they are for."""

    def setUp(self):
        self.facts = Facts(1, None)
        self.facts.lives.append(Life(0))
        self.logged = judge.Logged([])
        self.logged.sent.add("0000000000AA")
        self.when = 1000.0
        self.attempt = Attempt(7, 9, b"x", "a@b", ["c@d"], dot_at=self.when - 1,
                               ended_at=self.when + 1, reply="250 2.0.0 Ok", identity="0000000000AA")
        self.copy = Copy(7, 9, "0000000000AA", b"x", "a@b", ["c@d"], "A.1", self.when - 0.5,
                         said="250", said_at=self.when)
        self.facts.attempts[7, 9] = self.attempt
        self.facts.copies.append(self.copy)

    def verdict(self):
        bench = judge.Judge(self.facts, self.logged)
        rules = [rule for rule, *_ in bench.broken()]
        return rules[0] if rules else "; ".join(bench.explained)

    def unheard(self, reply="451 4.3.0 Later"):
        self.attempt.reply, self.attempt.identity = reply, ""
        self.logged.sent.clear()

    def test_a_message_that_was_taken(self):
        self.assertEqual(self.verdict(), "")

    def test_lost(self):
        self.facts.copies.clear()
        self.assertRegex(self.verdict(), "heard 250, and 0 copies")

    def test_not_kept(self):
        self.copy.kept = False
        self.assertRegex(self.verdict(), "heard 250, and 0 copies")

    def test_kept_twice(self):
        self.facts.copies.append(self.copy)
        self.assertRegex(self.verdict(), "heard 250, and 2 copies")

    def test_damaged_or_cut(self):
        self.copy.digest = b"y"
        self.assertRegex(self.verdict(), "another text")

    def test_never_sent_whole(self):
        self.unheard(reply="")
        self.attempt.dot_at = 0
        self.assertRegex(self.verdict(), "no client sent whole")

    def test_another_recipient(self):
        self.copy.recipients = ["e@f"]
        self.assertRegex(self.verdict(), "envelope")

    def test_another_protocol(self):
        self.copy.from_tls = True
        self.assertRegex(self.verdict(), "another protocol")
        self.attempt.secured = True
        self.assertEqual(self.verdict(), "")

    def test_said_too_early(self):
        self.copy.said_at = self.attempt.ended_at + 1
        self.assertRegex(self.verdict(), "before the mail server")
        self.copy.said = ""
        self.assertRegex(self.verdict(), "before the mail server")

    def test_another_id(self):
        self.attempt.identity = "0000000000BB"
        self.assertRegex(self.verdict(), "the reply has id")

    def test_not_in_the_log(self):
        self.logged.sent.clear()
        self.assertRegex(self.verdict(), "does not say that it was sent")
        self.facts.log_full.append((self.when, self.when))
        self.assertEqual(self.verdict(), "")

    def test_a_duplicate_without_a_cause(self):
        self.unheard()
        self.assertRegex(self.verdict(), "without a cause")
        self.logged.twice.add("0000000000AA")  # the log alone is no cause
        self.assertRegex(self.verdict(), "there was a whole one")

    def test_no_reply_of_the_mail_server(self):
        self.unheard()
        self.copy.said = ""
        self.assertRegex(self.verdict(), "no log line tells of it")
        self.logged.twice.add("0000000000AA")
        self.assertEqual(self.verdict(), "no whole reply, and logged")

    def test_a_kill_before_the_mail_server_had_read_it_all(self):
        self.unheard(reply="")
        self.attempt.left_at = self.attempt.ended_at = self.when - 0.9
        self.copy.said, self.copy.said_at, self.copy.over_at = "", 0, self.when
        self.copy.dot_at = self.when  # of what was sent at |when| - 1
        self.facts.lives[0].killed_at = self.facts.lives[0].ended_at = self.when - 2
        self.assertRegex(self.verdict(), "no log line tells of it")
        self.facts.lives[0].killed_at = self.facts.lives[0].ended_at = self.when - 0.6
        self.assertEqual(self.verdict(), "log lines lost")

    def test_a_reply_that_came_too_late(self):
        self.unheard()
        self.logged.twice.add("0000000000AA")
        self.assertRegex(self.verdict(), "there was a whole one")
        self.copy.said_at = self.attempt.dot_at + judge.FINAL
        self.assertEqual(self.verdict(), "no whole reply, and logged")

    def test_a_client_that_left(self):
        self.unheard(reply="")
        self.attempt.left_at = self.when
        self.assertRegex(self.verdict(), "no log line tells of it")
        self.logged.sent.add("0000000000AA")
        self.assertEqual(self.verdict(), "client left before it read the reply")
        self.copy.said_at = self.when + 0.5  # there was time to see that the client had left
        self.assertRegex(self.verdict(), "no log line tells of it")
        self.logged.gone.add("0000000000AA")
        self.assertEqual(self.verdict(), "client gone, and logged")

    def test_a_log_that_was_full_when_there_was_something_to_say(self):
        self.unheard(reply="")
        self.attempt.left_at = self.attempt.ended_at = self.when
        self.copy.said, self.copy.said_at, self.copy.over_at = "", 0, self.when + 3
        self.facts.log_full.append((self.when - 20, self.when - 10))
        self.assertRegex(self.verdict(), "no log line tells of it")
        self.facts.log_full.append((self.when + 2, self.when + 4))
        self.assertEqual(self.verdict(), "log lines lost")

    def test_a_kill(self):
        self.unheard(reply="")
        self.facts.lives[0].killed_at = self.when - 5  # before the dot
        self.facts.lives[0].ended_at = self.when - 5
        self.assertRegex(self.verdict(), "without a cause")
        self.facts.lives[0].killed_at = self.facts.lives[0].ended_at = self.when + 0.5
        self.assertEqual(self.verdict(), "killed behind the dot")
        self.attempt.reply = "451 4.3.0 Later"  # that was no kill
        self.assertRegex(self.verdict(), "without a cause")


if __name__ == "__main__":
    harness.main()
