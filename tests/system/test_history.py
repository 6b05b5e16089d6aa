#!/usr/bin/env python3
"""What became of dialogs: asked by id, by client, by address; over a restart; on a full disk."""
import os
import pathlib
import re
import unittest

import harness
from harness import Backend, SystemTest, wait_for


class History(SystemTest):
    def setUp(self):
        super().setUp()
        self.backend = self.start(Backend())

    def told(self, ravelin, *what):
        done = ravelin.run_ctl("explain", *what)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_a_phone_call(self):
        ravelin = self.ravelin([self.backend])
        with ravelin.client() as client:
            reply = client.mail(["nobody@example.com"], sender="joe@sender.example")[0]
            self.assertRegex(reply, "^550 5.1.1")
        number = re.search(r"\(([0-9A-F]{12})\)", reply).group(1)
        wait_for(lambda: ravelin.ctl("explain", number)["entries"], "the dialog's end")
        for what in (number, "127.0.0.1", "nobody@EXAMPLE.com", "sender.example"):
            told = self.told(ravelin, what, "--since", "5m")
            self.assertIn("from <joe@sender.example> to <nobody@example.com>: refused with 550 5.1.1", told)
            self.assertIn("the mail server knows no such recipient", told)
            self.assertIn("check rdns of <127.0.0.1", told)
        self.assertIn("nothing is known", self.told(ravelin, "192.0.2.99"))
        for wrong in (["x"], ["127.0.0.1", "--since", "soon"], ["127.0.0.1", "--since", "5"], []):
            done = ravelin.run_ctl("explain", *wrong)
            self.assertIn(done.returncode, (1, 2), wrong)
            self.assertTrue(done.stderr, wrong)

    def test_a_delivery_and_a_restart(self):
        ravelin = self.ravelin([self.backend], sections={"state": f'path = "{self.directory}/state.db"'})
        with ravelin.client() as client:
            client.mail(["bob@example.com"])
        wait_for(lambda: ravelin.ctl("explain", "bob@example.com")["entries"], "the dialog's end")
        ravelin.stop()
        self.assertEqual(os.stat(f"{self.directory}/history.db").st_mode & 0o777, 0o600)
        ravelin.start()
        told = self.told(ravelin, "bob@example.com")
        self.assertIn("to <bob@example.com>: sent", told)
        self.assertIn("taken by 127.0.0.1", told)
        with ravelin.client() as client:
            client.mail(["bob@example.com"])
        found = wait_for(lambda: len(ravelin.ctl("explain", "bob@example.com")["entries"]) == 2, "the second")
        self.assertTrue(found)

    def test_no_place(self):
        ravelin = self.ravelin([self.backend], sections={"limits": "sessions_per_client = 1"})
        with ravelin.client():
            for _ in range(3):
                with ravelin.client(banner=False) as client:
                    self.assertRegex(client.reply(), "^421")
            entry, = [one for one in ravelin.ctl("explain", "127.0.0.1")["entries"]
                      if one["end"] == "no place"]
        self.assertEqual((entry["after"], entry["count"]), ("sessions_per_client", 3))

    def test_addresses_hashed_and_nothing_put_down(self):
        ravelin = self.ravelin([self.backend], sections={
            "state": f'path = "{self.directory}/state.db"', "history": "hash_addresses = true"})
        with ravelin.client() as client:
            client.mail(["secret.name@example.com"], sender="joe@sender.example")
        wait_for(lambda: ravelin.ctl("explain", "secret.name@example.com")["entries"], "the dialog's end")
        ravelin.stop()
        kept = b"".join(path.read_bytes() for path in pathlib.Path(self.directory).glob("history.db*"))
        self.assertIn(b"@example.com", kept)
        self.assertNotIn(b"secret.name", kept)
        ravelin.write_config(history='memory = "0B"')
        ravelin.start()
        done = ravelin.run_ctl("explain", "127.0.0.1")
        self.assertEqual(done.returncode, 1)
        self.assertIn("history.memory", done.stderr)

    def test_no_file_can_be_had(self):
        os.mkdir(f"{self.directory}/history.db")
        ravelin = self.ravelin([self.backend], sections={"state": f'path = "{self.directory}/state.db"'})
        with ravelin.client() as client:
            self.assertRegex(client.mail(["bob@example.com"])[-1], "^250")
        ravelin.wait_line("history file .* is not written .*: mail is not touched")
        self.assertTrue(wait_for(lambda: ravelin.ctl("explain", "bob@example.com")["entries"], "memory"))
        self.assertFalse(ravelin.ctl("status")["history"]["healthy"])


if __name__ == "__main__":
    harness.main()
