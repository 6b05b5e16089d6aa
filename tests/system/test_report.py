#!/usr/bin/env python3
"""A botnet beside good senders, and what the report says of it afterwards: compared with the log, and with
what the load tool did."""
import base64
import collections
import json
import re
import uuid

import harness
from harness import wait_for
from test_drill import DrillTest

BOTS, GOOD = 200, 5
ONSET = 12
LOAD = ("--quiet", "0s", "--drain", "5s", "--networks", "40", "--wide-networks", "10", "--pause", "500ms",
        "--retry", "2s", "--good", f"known={GOOD}", "--good-retry", "2s", "--warm-up", "1")
Decision = collections.namedtuple("Decision", "id rcpt sender client greylist verify verdict")
DECISION = re.compile(r"ravelin/decision\[\d+\]: id=(\S+) rcpt=<(\S*)> from=<(\S*)> client=(\S+) .*"
                      r"greylist=(\S+) .*verify=(\S+) verdict=(\S+)")
VERIFIED = {"unknown": "unknown recipient", "shared": "unknown recipient", "shielded": "harvest shield",
            "refused": "mail server", "trouble": "our trouble"}


def stopped_by(decision):
    if decision.verify in VERIFIED:
        return VERIFIED[decision.verify]
    return "greylist" if decision.greylist in ("first", "early") else "check"


def tried_again(decisions):
    """The share of recipients that had been tried before by the same client with the same sender."""
    return 1 - len({(one.client, one.sender, one.rcpt) for one in decisions}) / len(decisions)


class Report(DrillTest):
    def play(self, ravelin, bots, onset, duration, seed, *options):
        """Attack and calm. When the bots came, and the log's decisions."""
        before = len(ravelin.lines("ravelin/decision"))
        drill, _ = self.drill(ravelin.port, *LOAD, "--onset", f"{onset}s", "--duration", duration, "--bots",
                              f"retrying={bots}", "--seed", str(seed), *options)
        wait_for(lambda: ravelin.ctl("episodes")["episodes"][0]["ended"], "calm")
        said = [Decision(*DECISION.search(line).groups()) for line in ravelin.lines("ravelin/decision")[before:]]
        return drill["started"] + onset, said

    def check_numbers(self, report, onset, bots):
        self.assertEqual(len({one.client for one in bots}), BOTS)
        self.assertEqual(report["sources"], BOTS)
        self.assertEqual(report["recipients"], len(bots))
        null = sum(one.sender == "" for one in bots) / len(bots)
        self.assertAlmostEqual(report["null_senders"], null, delta=0.01)
        self.assertLess(abs(report["episode"]["onset"] - onset), 10)
        self.assertEqual(collections.Counter({one["name"]: one["count"] for one in report["stopped_by"]}),
                         collections.Counter(map(stopped_by, bots)))
        self.assertGreater(report["randomness"], 0.8)
        self.assertFalse(report["incomplete"])
        self.assertGreater(report["good"]["messages"], 0)
        self.assertEqual(report["stacks"], [{"name": "Linux", "sources": BOTS, "dialogs": report["dialogs"]}])

    def check_habits(self, report, bots):
        """One program is one crowd, whatever became of its dialogs; and it retries."""
        crowd = report["prints"][0]
        self.assertEqual(crowd["sources"], BOTS, report["prints"])
        # Those that were still waiting for the greeting have said nothing.
        self.assertEqual((report["prints_in_all"], report["sources_silent"]), (1, 0))
        self.assertGreaterEqual(crowd["dialogs"], len(bots))
        self.assertEqual(crowd["habits"], "EHLO with a full name, then MAIL and RCPT; upper-case verbs")
        self.assertAlmostEqual(crowd["quits"], 0.7, delta=0.1)  # --no-quit
        self.assertGreater(report["retries"]["sources_that_came_again"], 0.95)
        self.assertLessEqual(report["recipients_looked_at"], report["recipients"])
        again = tried_again(bots)
        self.assertGreater(again, 0.02)
        self.assertAlmostEqual(report["retries"]["recipients_tried_again"], again, delta=0.05)

    def check_explanations(self, ravelin, bot, accepted):
        told = ravelin.run_ctl("explain", bot.id).stdout
        self.assertIn(f"[{bot.client}]", told)
        self.assertIn("habits: EHLO with a full name, then MAIL", told)
        self.assertIn("deferred with" if bot.verdict == "defer" else "refused with", told)
        self.assertIn(f"[{bot.client}]", ravelin.run_ctl("explain", bot.client).stdout)
        self.assertIn(bot.rcpt, ravelin.run_ctl("explain", bot.rcpt).stdout)
        for what in (accepted.id, accepted.client):
            self.assertIn("the mail server takes this recipient", ravelin.run_ctl("explain", what).stdout)

    def check_forms(self, ravelin):
        text = ravelin.run_ctl("report").stdout
        self.assertRegex(text, rf"sources +{BOTS}\n")
        self.assertRegex(text, rf"dialog fingerprint +[0-9a-f]{{16}}: {BOTS} sources, 100.0 %")
        self.assertRegex(text, r"its habits +EHLO with a full name, then MAIL and RCPT; .*QUIT in \d\d\.\d %")
        self.assertIn("<polyline", ravelin.run_ctl("report", "--format", "html").stdout)
        lines = ravelin.run_ctl("report", "--format", "csv").stdout.splitlines()
        self.assertEqual(len(lines), BOTS + 1)
        sets = ravelin.run_ctl("report", "--format", "nft").stdout
        self.assertEqual(len(re.findall(r"127\.\d+\.\d+\.\d+", sets)), BOTS)
        for arguments, code, why in ((["77"], 1, "there is no episode 77"),
                                     (["--format", "xarf"], 2, "--format xarf needs --org and --contact"),
                                     (["--by", "as"], 2, "--by belongs to --format xarf")):
            bad = ravelin.run_ctl("report", *arguments)
            self.assertEqual((bad.returncode, why in bad.stderr), (code, True), bad.stderr)

    def check_abuse_reports(self, ravelin, bots):
        """X-ARF: each source is in one report, and nothing of ours is in any."""
        done = ravelin.run_ctl("report", "--format", "xarf", "--org", "Example", "--contact", "abuse@example.net")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("example.com", done.stdout)
        named = []
        for line in done.stdout.splitlines():
            report = json.loads(line)
            self.assertEqual(uuid.UUID(report["report_id"]).version, 4)
            self.assertEqual((report["category"], report["type"]), ("infrastructure", "botnet"))
            self.assertEqual(report["reporter"], {"org": "Example", "contact": "abuse@example.net",
                                                  "domain": "example.net"})
            for item in report["evidence"]:
                rows = base64.b64decode(item["payload"], validate=True).decode().splitlines()
                self.assertEqual(rows[0], "address,first_seen,last_seen,dialogs,recipients")
                named += [row.split(",")[0] for row in rows[1:]]
                self.assertNotIn("@", "".join(rows))
        self.assertEqual(sorted(named), sorted({one.client for one in bots}))

    def test_who_it_was(self):
        backend = self.backend("--delay", "1ms", "--valid", "good*", "--punish")
        ravelin = self.ravelin([backend.port], sections={
            "greylist": 'delay = "1s"', "pressure": 'hold = "4s"', "state": 'path = "{dir}/state.db"'})
        onset, said = self.play(ravelin, BOTS, ONSET, "15s", 1)
        good = {one.client for one in said if one.verdict == "accept"}
        bots = [one for one in said if one.client not in good]
        report = ravelin.ctl("report")
        self.check_numbers(report, onset, bots)
        self.check_habits(report, bots)
        self.check_explanations(ravelin, bots[0], next(one for one in said if one.verdict == "accept"))
        self.check_forms(ravelin)
        self.check_abuse_reports(ravelin, bots)
        # A restart ends what goes on; the report is kept then, and told from there.
        ravelin.stop()
        ravelin.start()
        kept = wait_for(lambda: (now := ravelin.ctl("report"))["stored"] and now, "the report is kept")
        self.assertEqual({one["source"] for one in kept["list"]}, {one.client for one in bots})
        self.check_numbers(kept, onset, bots)
        self.check_return(ravelin, kept["episode"]["number"], {one.client for one in bots})

    def check_return(self, ravelin, first, before):
        """Half of them come again: the next report says how many of its sources were there before."""
        self.play(ravelin, BOTS // 2, 2, "6s", 1)
        report = ravelin.ctl("report")
        now = {one["source"] for one in report["list"]}
        self.assertEqual((report["sources"], len(now)), (BOTS // 2, BOTS // 2))
        earlier = next(one for one in report["overlap"] if one["number"] == first)
        self.assertEqual(earlier["sources"], {"common": len(now & before), "then": BOTS, "exact": True})
        self.assertGreater(len(now & before), BOTS // 4)
        self.assertEqual(earlier["prints"], {"common": 1, "then": 1, "exact": True})
        self.assertRegex(ravelin.run_ctl("report").stdout,
                         rf"in episode {first} +{len(now & before)} of {len(now)} sources, 1 of 1 fingerprints")

    def test_dialogs_that_became_a_count(self):
        """Under attack most dialogs are only counted: sums and the share of null senders stay exact, and what is
        known of a sample is near the truth."""
        backend = self.backend("--valid", "good*")
        no_pause = 'pause = "0s"'
        ravelin = self.ravelin([backend.port], sections={
            "greylist": 'delay = "1s"', "pressure": 'hold = "4s"', "checks.early_talker": no_pause,
            "pressure.busy": no_pause, "pressure.attack": no_pause, "pressure.siege": no_pause})
        _, said = self.play(ravelin, 15, 2, "12s", 3, "--pause", "50ms", "--retry", "1s")
        good = {one.client for one in said if one.verdict == "accept"}
        bots = [one for one in said if one.client not in good]
        report = ravelin.ctl("report", "1")
        self.assertGreater(ravelin.ctl("status")["history"]["merged"], len(bots) / 4)
        self.assertEqual((report["sources"], report["recipients"]), (15, len(bots)))
        self.assertLess(report["recipients_looked_at"], len(bots))
        null = sum(one.sender == "" for one in bots) / len(bots)
        self.assertAlmostEqual(report["null_senders"], null, delta=1e-6)
        self.assertEqual({one["name"]: one["count"] for one in report["stopped_by"]},
                         dict(collections.Counter(map(stopped_by, bots))))
        self.assertAlmostEqual(report["retries"]["recipients_tried_again"], tried_again(bots), delta=0.15)


if __name__ == "__main__":
    harness.main()
