#!/usr/bin/env python3
"""The files of etc/ that other programs read, read by these programs."""
import grp
import os
import pathlib
import pwd
import re
import subprocess
import unittest

import harness
from harness import SystemTest, wait_for

ETC = harness.ROOT / "etc"


class Logrotate(SystemTest):
    def setUp(self):
        super().setUp()
        self.place = pathlib.Path(self.directory)
        user = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        self.user, self.group = user.pw_name, grp.getgrgid(user.pw_gid).gr_name
        self.logs = self.place / "log"
        self.logs.mkdir(mode=0o750)
        if os.geteuid() == 0:
            os.chmod(self.directory, 0o777)
            os.chown(self.logs, user.pw_uid, user.pw_gid)

    def fake_systemctl(self, pid):
        """Does what the script in the file asks of the real one, for |pid|."""
        tools = self.place / "bin"
        tools.mkdir()
        tool = tools / "systemctl"
        tool.write_text(f'''#!/bin/sh
case "$*" in
"is-active --quiet ravelin.service") kill -0 {pid} 2>/dev/null ;;
"kill --kill-who=main --signal=USR1 ravelin.service") kill -USR1 {pid} ;;
*) exit 9 ;;
esac
''')
        tool.chmod(0o755)
        return dict(os.environ, PATH=f"{tools}:{os.environ['PATH']}")

    def rotate(self, environment):
        text = (ETC / "ravelin.logrotate").read_text()
        text = text.replace("/var/log/ravelin", str(self.logs))
        text = text.replace("ravelin ravelin", f"{self.user} {self.group}")
        config = self.place / "logrotate.conf"
        config.write_text(text)
        config.chmod(0o644)  # logrotate reads no file that others may write
        done = subprocess.run(["/usr/sbin/logrotate", "--force", "--state",
                               str(self.place / "rotated"), str(config)], capture_output=True,
                              text=True, env=environment, timeout=harness.PATIENCE)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    def says(self, name, address):
        """Lines about one client, which has one when it comes and one when it leaves."""
        path = self.logs / name
        return path.read_text().count(f"connect from unknown[{address}]") if path.exists() else 0

    def test_the_log_is_rotated_and_no_line_is_lost(self):
        ravelin = self.ravelin([9], user=self.user, group=self.group,
                               sections={"log": 'file = "{dir}/log/mail.log"',
                                         "admin": 'socket = ""'})
        environment = self.fake_systemctl(ravelin.pid)
        with ravelin.client(source="127.0.0.11") as client:  # leaves after the rotation
            wait_for(lambda: self.says("mail.log", "127.0.0.11"), "the client's first line")
            self.rotate(environment)
            client.say("QUIT")
        with ravelin.client(source="127.0.0.12"):
            pass
        wait_for(lambda: self.says("mail.log", "127.0.0.12") == 2, "lines in the new log")
        log = self.logs / "mail.log"
        self.assertEqual((log.stat().st_mode & 0o777, log.owner()), (0o640, self.user))
        self.assertEqual(ravelin.stop(), 0)
        self.assertEqual(self.says("mail.log.1", "127.0.0.11") + self.says("mail.log", "127.0.0.11"),
                         2, "one before and one after")
        self.assertIn("ended", log.read_text())

        self.rotate(environment)  # a daemon that does not run is no error
        self.assertTrue((self.logs / "mail.log.2.gz").exists())


class Unit(SystemTest):
    def unit(self):
        """As it would be installed, but for the binary's place."""
        path = pathlib.Path(self.directory) / "ravelin.service"
        text = (ETC / "ravelin.service").read_text()
        self.assertIn("/usr/sbin/ravelin ", text)
        path.write_text(text.replace("/usr/sbin/ravelin ", f"{harness.BUILD}/ravelin "))
        return str(path)

    def test_systemd_understands_every_line(self):
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", self.unit()],
                              capture_output=True, text=True, timeout=harness.PATIENCE)
        about = [line for line in (done.stdout + done.stderr).splitlines() if "ravelin" in line]
        self.assertEqual((done.returncode, about), (0, []), done.stderr)

    def test_little_is_exposed(self):
        done = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--threshold=20",
                               self.unit()], capture_output=True, text=True,
                              timeout=harness.PATIENCE)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_it_fits_what_the_daemon_does(self):
        unit = (ETC / "ravelin.service").read_text()
        sample = (ETC / "ravelin.toml").read_text()
        for line, directory in (("StateDirectory=ravelin", "/var/lib/ravelin/"),
                                ("RuntimeDirectory=ravelin", "/run/ravelin/")):
            self.assertIn(f"\n{line}\n", unit)
            self.assertIn(f'"{directory}', sample)
        self.assertIn("\nLogsDirectory=ravelin\n", unit)
        # In no group of systemd's that the unit names; sandbox.seccomp would end with SIGSYS.
        self.assertRegex(unit, r"\nSystemCallFilter=.*\bseccomp\b")
        self.assertIn("/var/log/ravelin/", (ETC / "ravelin.logrotate").read_text())
        files = int(re.search(r"\nLimitNOFILE=(\d+)\n", unit).group(1))
        sessions = int(re.search(r"\nsessions = (\d+)\n", sample).group(1))
        self.assertGreater(files, 4 * sessions)


if __name__ == "__main__":
    harness.main()
