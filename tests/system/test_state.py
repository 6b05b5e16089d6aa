#!/usr/bin/env python3
"""The state file: it survives a restart, and whatever is wrong with it, mail flows."""
import os
import pathlib
import sqlite3
import time
import unittest

import harness
from harness import Backend, SystemTest, wait_for

STATE = {"state": 'path = "{dir}/state/state.db"', "greylist": 'delay = "1s"'}


class State(SystemTest):
    def setUp(self):
        super().setUp()
        self.backend = self.start(Backend())
        self.place = pathlib.Path(self.directory) / "state"
        self.place.mkdir()
        self.file = self.place / "state.db"

    def pass_greylist(self, ravelin):
        def retry():
            with ravelin.client() as client:
                return client.mail(["bob@example.com"])[-1].startswith("250")

        wait_for(retry, "a retry to pass")

    def first_try(self, ravelin):
        with ravelin.client() as client:
            return client.mail(["bob@example.com"])[0]

    def test_standing_survives_a_restart(self):
        ravelin = self.ravelin([self.backend], sections=STATE)
        self.assertRegex(self.first_try(ravelin), "^451")
        self.pass_greylist(ravelin)
        self.assertEqual(ravelin.stop(), 0)
        ravelin.start()
        self.assertRegex(self.first_try(ravelin), "^250")
        with ravelin.client() as client:  # another sender: it is the client's standing that passes
            self.assertRegex(client.mail(["bob@example.com"], sender="new@sender.example")[-1], "^250")

    def test_after_a_kill_it_is_there_again_at_once(self):
        ravelin = self.ravelin([self.backend], sections=STATE)
        self.assertRegex(self.first_try(ravelin), "^451")
        self.pass_greylist(ravelin)
        times = []
        for _ in range(3):
            ravelin.process.kill()
            ravelin.wait()
            began = time.monotonic()
            ravelin.start()
            self.assertRegex(self.first_try(ravelin), "^(250|451)")  # a batch may be lost
            times.append(time.monotonic() - began)
        self.assertLess(min(times), 1)
        self.assertEqual(ravelin.lines("warning: .*state"), [])

    def test_the_log_says_once_that_the_tuples_are_there(self):
        ravelin = self.ravelin([self.backend], sections=STATE)
        self.assertRegex(self.first_try(ravelin), "^451")
        self.assertEqual(ravelin.stop(), 0)
        ravelin.start()
        ravelin.wait_line(r": state: 2 greylist tuples were read in \d+\.\d s$")  # address and network
        self.assertIs(ravelin.ctl("status")["store"]["loading"], False)
        self.assertEqual(len(ravelin.lines("state: [1-9][0-9]* greylist tuples")), 1)

    def test_whatever_the_file_is_mail_flows(self):
        other = str(self.place / "other.db")
        with sqlite3.connect(other) as database:
            database.execute("create table theirs (x)")
        kinds = {
            "empty": b"",
            "text": b"somebody's notes\n" * 300,
            "foreign": pathlib.Path(other).read_bytes(),
        }
        for kind, content in kinds.items():
            with self.subTest(kind=kind):
                for old in self.place.glob("state.db*"):
                    old.unlink()
                self.file.write_bytes(content)
                ravelin = self.ravelin([self.backend], sections=STATE)
                self.assertRegex(self.first_try(ravelin), "^(451|250)")
                self.pass_greylist(ravelin)
                self.assertEqual(ravelin.stop(), 0)
                if content:
                    aside = [p for p in self.place.glob("state.db.*") if "broken" in p.name]
                    self.assertEqual([p.read_bytes() for p in aside], [content])
                    self.assertTrue(ravelin.lines("warning: .*state.db"))

    def test_truncated_file(self):
        ravelin = self.ravelin([self.backend], sections=STATE)
        self.pass_greylist(ravelin)
        self.assertEqual(ravelin.stop(), 0)
        self.file.write_bytes(self.file.read_bytes()[:4096 + 100])
        ravelin.start()
        self.pass_greylist(ravelin)
        self.assertEqual(ravelin.stop(), 0)

    def test_unwritable_place(self):
        ravelin = self.ravelin([self.backend], sections={
            "state": 'path = "/proc/ravelin-cannot-write-here/state.db"', "greylist": 'delay = "1s"'})
        self.pass_greylist(ravelin)
        self.assertTrue(ravelin.lines("warning: .*memory"))
        store = ravelin.ctl("status")["store"]
        self.assertEqual((store["healthy"], store["memory_only"]), (False, True))

    @unittest.skipIf(os.geteuid() != 0, "mounts a small file system")
    def test_full_disk(self):
        import subprocess
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(self.place)], check=True)
        self.addCleanup(subprocess.run, ["umount", str(self.place)], check=False)
        ravelin = self.ravelin([self.backend], sections=STATE)
        (self.place / "filler").write_bytes(b"")
        with self.assertRaises(OSError), open(self.place / "filler", "wb", buffering=0) as filler:
            while filler.write(b"x" * 4096) == 4096:
                pass
            raise OSError("full")
        self.pass_greylist(ravelin)
        ravelin.wait_line("warning: .*state")
        (self.place / "filler").unlink()
        self.assertEqual(ravelin.stop(), 0)


if __name__ == "__main__":
    harness.main()
