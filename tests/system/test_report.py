#!/usr/bin/env python3
"""A botnet beside good senders, and what the report says of it afterwards: compared with the log, and with
what the load tool did."""
import re

import harness
from harness import wait_for
from test_drill import DrillTest

BOTS, GOOD = 60, 5
ONSET = 12
DECISION = re.compile(r"ravelin/decision\[\d+\]: id=(\S+) rcpt=<\S*> from=<(\S*)> client=(\S+) .* verify=(\S+) "
                      r"verdict=(\S+)")


class Report(DrillTest):
    def play(self):
        """The daemon behind whose back it is calm again, when the bots came, and the log's decisions."""
        backend = self.backend("--delay", "1ms", "--valid", "good*", "--punish")
        ravelin = self.ravelin([backend.port], sections={
            "greylist": 'delay = "1s"', "pressure": 'hold = "1s"', "state": 'path = "{dir}/state.db"'})
        drill, _ = self.drill(
            ravelin.port, "--warm-up", "1", "--onset", f"{ONSET}s", "--duration", "15s", "--quiet", "0s",
            "--drain", "5s", "--networks", "40", "--wide-networks", "10", "--pause", "100ms", "--retry", "2s",
            "--bots", f"retrying={BOTS}", "--good", f"known={GOOD}", "--good-retry", "2s")
        wait_for(lambda: ravelin.ctl("episodes")["episodes"][0]["ended"], "calm")
        said = [DECISION.search(line).groups() for line in ravelin.lines("ravelin/decision")]
        return ravelin, drill["started"] + ONSET, said

    def check_numbers(self, report, onset, bots):
        self.assertEqual(len({client for _, _, client, _, _ in bots}), BOTS)
        self.assertEqual(report["sources"], BOTS)
        self.assertEqual(report["recipients"], len(bots))
        null = sum(sender == "" for _, sender, _, _, _ in bots) / len(bots)
        self.assertAlmostEqual(report["null_senders"], null, delta=0.01)
        self.assertLess(abs(report["episode"]["onset"] - onset), 10)
        self.assertGreater(report["prints"][0]["sources"], BOTS / 2)
        self.assertGreater(report["retries"]["sources_that_came_again"], 0.9)
        self.assertIn(report["stopped_by"][0]["name"], ("unknown recipient", "greylist", "harvest shield"))
        self.assertEqual(sum(one["count"] for one in report["stopped_by"]), len(bots))
        self.assertGreater(report["randomness"], 0.8)
        self.assertFalse(report["incomplete"])
        self.assertGreater(report["good"]["messages"], 0)
        self.assertEqual(report["stacks"], [{"name": "Linux", "sources": BOTS, "dialogs": report["dialogs"]}])

    def check_explanations(self, ravelin, bot, accepted):
        number, _, client, _, verdict = bot
        told = ravelin.run_ctl("explain", number).stdout
        self.assertIn(f"[{client}]", told)
        self.assertIn("deferred with" if verdict == "defer" else "refused with", told)
        self.assertIn("the mail server takes this recipient", ravelin.run_ctl("explain", accepted[0]).stdout)

    def check_forms(self, ravelin):
        self.assertRegex(ravelin.run_ctl("report").stdout, rf"sources +{BOTS}\n")
        self.assertIn("<polyline", ravelin.run_ctl("report", "--format", "html").stdout)
        lines = ravelin.run_ctl("report", "--format", "csv").stdout.splitlines()
        self.assertEqual(len(lines), BOTS + 1)
        sets = ravelin.run_ctl("report", "--format", "nft").stdout
        self.assertEqual(len(re.findall(r"127\.\d+\.\d+\.\d+", sets)), BOTS)
        bad = ravelin.run_ctl("report", "77")
        self.assertEqual((bad.returncode, "there is no episode 77" in bad.stderr), (1, True), bad.stderr)

    def test_who_it_was(self):
        ravelin, onset, said = self.play()
        good = {client for _, _, client, _, verdict in said if verdict == "accept"}
        bots = [one for one in said if one[2] not in good]
        self.check_numbers(ravelin.ctl("report"), onset, bots)
        self.check_explanations(ravelin, bots[0], next(one for one in said if one[4] == "accept"))
        self.check_forms(ravelin)
        # It outlives a restart; who looked whether it listens again may still count.
        ravelin.stop()
        ravelin.start()
        sources = {one["source"] for one in ravelin.ctl("report")["list"]} - {"127.0.0.1"}
        self.assertEqual(sources, {client for _, _, client, _, _ in bots})


if __name__ == "__main__":
    harness.main()
