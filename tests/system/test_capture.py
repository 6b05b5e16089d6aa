#!/usr/bin/env python3
"""What they wanted to send: taken from the real binary, listed, shown, and refused at the dot; a full
disk and a reload touch no mail."""
import json
import pathlib
import re
import unittest

import harness
from harness import Backend, SystemTest, wait_for

HOSTILE = (b"Subject: \x1b]0;owned\x07 caf\xe9\r\n\r\n<script>alert(1)</script>\r\n"
           b"X-Line: \x00\x9b31m\xe2\x80\xae\r\n")


class Capture(SystemTest):
    def setUp(self):
        super().setUp()
        self.backend = self.start(Backend())
        self.kept = pathlib.Path(self.directory) / "captured"

    def capturing(self, more=""):
        return self.ravelin([self.backend], sections={
            "capture": f'directory = "{self.kept}"\nwhen = "always"\ndisk_free = "0B"\n{more}'})

    def messages(self, ravelin, count):
        wait_for(lambda: ravelin.ctl("capture", "rules")["messages"] >= count, f"{count} messages")
        return ravelin.ctl("capture", "list")["messages"]

    def test_taken_listed_shown_and_refused(self):
        ravelin = self.capturing()
        with ravelin.client() as client:
            replies = client.mail(["nobody@example.com", "noone@example.com"], HOSTILE.replace(b"\0", b""))
            self.assertRegex(replies[0], "^250")
            self.assertRegex(replies[1], "^250")
            self.assertRegex(replies[2], r"^550 5\.1\.1 ")
            # The same dialog goes on, and good mail with it.
            self.assertRegex(client.mail(["bob@example.com"])[-1], "^250")
        message, = self.messages(ravelin, 1)
        self.assertEqual(message["to"], ["nobody@example.com", "noone@example.com"])
        self.assertEqual(len(self.backend.messages), 1)
        self.assertEqual(self.backend.messages[0]["recipients"], ["bob@example.com"])
        self.check_files(message["id"])
        self.check_shown(ravelin, message["id"])
        self.check_told(ravelin, message["id"])

    def check_files(self, number):
        self.assertEqual(self.kept.stat().st_mode & 0o777, 0o700)
        text = self.kept / f"{number}.eml"
        self.assertEqual(text.stat().st_mode & 0o777, 0o600)
        self.assertEqual(text.read_bytes(), HOSTILE.replace(b"\0", b""))
        self.assertEqual(json.loads((self.kept / f"{number}.json").read_text())["id"], number)

    def check_shown(self, ravelin, number):
        shown = ravelin.run_ctl("capture", "show", number)
        self.assertEqual(shown.returncode, 0, shown.stderr)
        self.assertIn("to nobody@example.com, noone@example.com", shown.stdout)
        self.assertIn("refused with 550 5.1.1", shown.stdout)
        self.assertIn("<script>alert(1)</script>", shown.stdout)
        self.assertFalse(re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", shown.stdout), shown.stdout)
        self.assertIn("there is more", ravelin.run_ctl("capture", "show", number, "--octets", "5").stdout)
        listed = ravelin.run_ctl("capture", "list").stdout
        self.assertRegex(listed, number + r" .* <a@sender.example> <nobody@example.com> and 1 more")
        for wrong in (["000000000001"], ["x"], ["../../etc/passwd"], []):
            done = ravelin.run_ctl("capture", "show", *wrong)
            self.assertIn(done.returncode, (1, 2), wrong)
            self.assertTrue(done.stderr, wrong)

    def check_told(self, ravelin, number):
        told = ravelin.run_ctl("explain", number).stdout
        self.assertIn("heard 250 for that instead", told)
        self.assertIn(f"see capture show {number}", told)
        ravelin.wait_line(f"control: uid .*: capture.show {number}")
        ravelin.wait_line(f"{number}: captured, [0-9]+ octets, and refused")
        self.assertEqual(len(ravelin.lines("reject: RCPT")), 2)

    def test_so_many_of_each_habit_also_after_a_restart(self):
        ravelin = self.capturing("first_per_print = 2")

        def one():
            with ravelin.client() as client:
                return client.mail(["nobody@example.com"])[0]
        for _ in range(2):
            self.assertRegex(one(), "^250")
        self.messages(ravelin, 2)
        self.assertRegex(one(), "^550")
        ravelin.stop()
        ravelin.start()
        self.messages(ravelin, 2)
        self.assertRegex(one(), "^550")
        rules = ravelin.ctl("capture", "rules")
        self.assertEqual((rules["when"], rules["in_force"], rules["stored"]), ("always", True, 0))

    def test_a_full_disk_stops_capture_and_no_mail(self):
        ravelin = self.capturing()
        ravelin.write_config(capture=f'directory = "{self.kept}"\nwhen = "always"\ndisk_free = "1000GB"')
        ravelin.ctl("reload")
        with ravelin.client() as client:
            self.assertRegex(client.mail(["nobody@example.com"])[-1], "^550")
            wait_for(lambda: ravelin.ctl("capture", "rules")["degraded"], "the disk being full")
            self.assertRegex(client.mail(["nobody@example.com"])[0], "^550")
            self.assertRegex(client.mail(["bob@example.com"])[-1], "^250")
        ravelin.wait_line("capture: no messages are kept .less than capture.disk_free")
        self.assertEqual(list(self.kept.iterdir()), [])

    def test_off_and_a_reload(self):
        ravelin = self.ravelin([self.backend])
        with ravelin.client() as client:
            self.assertRegex(client.mail(["nobody@example.com"])[0], "^550")
        done = ravelin.run_ctl("capture", "list")
        self.assertEqual(done.returncode, 1)
        self.assertIn("capture.directory is empty", done.stderr)
        ravelin.write_config(capture=f'directory = "{self.kept}"')
        done = ravelin.run_ctl("reload")
        self.assertIn("capture.directory: needs restart", done.stderr)


if __name__ == "__main__":
    harness.main()
