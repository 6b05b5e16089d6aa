#!/usr/bin/env python3
"""The filter of system calls: that it is there, that everything which comes later works under it."""
import os
import pathlib
import re
import shutil
import signal
import stat
import subprocess
import unittest

import harness
from harness import Backend, SystemTest, wait_for


def of_threads(pid, name):
    """What /proc says of every thread: {value: how many have it}."""
    counts = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        value = re.search(rf"^{name}:\t(.*)$", (task / "status").read_text(), re.M).group(1)
        counts[value] = counts.get(value, 0) + 1
    return counts


class Filter(SystemTest):
    def setUp(self):
        super().setUp()
        self.backend = self.start(Backend(("bob@example.com", "bob@second.example")))

    def sandboxed(self, seccomp="enforce", **sections):
        return self.ravelin([self.backend], sections={
            "sandbox": f'seccomp = "{seccomp}"', "state": 'path = "{dir}/state.db"', **sections})

    def delivers(self, ravelin, recipient="bob@example.com"):
        with ravelin.client() as client:
            self.assertRegex(client.mail([recipient])[-1], "^250")

    def test_every_thread_is_under_it(self):
        for seccomp in ("enforce", "log"):
            ravelin = self.sandboxed(seccomp)
            ravelin.status()
            counts = of_threads(ravelin.pid, "Seccomp")
            self.assertEqual(set(counts), {"2"}, "2: a filter")
            self.assertGreaterEqual(counts["2"], 5, "main, log, state, two workers")
            self.delivers(ravelin)
            self.assertEqual(ravelin.stop(), 0)
        ravelin = self.sandboxed("off")
        self.assertEqual(set(of_threads(ravelin.pid, "Seccomp")), {"0"})

    def test_reload_and_a_new_log(self):
        lists = pathlib.Path(self.directory) / "domains"
        lists.write_text("second.example\n")
        ravelin = self.sandboxed()
        with ravelin.client() as client:
            self.assertRegex(client.mail(["bob@second.example"])[0], "^5")
        ravelin.route = f'domains_file = "{lists}"'
        ravelin.write_config()
        os.rename(ravelin.log, str(ravelin.log) + ".1")
        ravelin.signal(signal.SIGUSR1)
        wait_for(ravelin.log.exists, "the new log")
        ravelin.signal(signal.SIGHUP)
        ravelin.wait_line("reload: the configuration is in force")
        self.delivers(ravelin, "bob@second.example")
        ravelin.write_config(log='file = "{dir}/other.log"')
        other = pathlib.Path(self.directory) / "other.log"
        ravelin.signal(signal.SIGHUP)
        wait_for(lambda: other.exists() and "in force" in other.read_text(), "the other log")
        self.assertEqual(ravelin.stop(), 0)

    def test_what_the_filter_is_cannot_change(self):
        ravelin = self.sandboxed()
        ravelin.write_config(sandbox='seccomp = "off"')
        ravelin.signal(signal.SIGHUP)
        ravelin.wait_line("sandbox.seccomp: needs restart")
        self.delivers(ravelin)

    def test_a_state_that_is_damaged_is_moved_aside(self):
        (pathlib.Path(self.directory) / "state.db").write_bytes(b"no database" * 1000)
        ravelin = self.sandboxed()
        self.delivers(ravelin)
        self.assertEqual(ravelin.stop(), 0)


@unittest.skipIf(os.geteuid() != 0, "needs root to change it")
class Chroot(SystemTest):
    """The configuration names everything as seen from outside; the process sees the jail alone."""

    def setUp(self):
        super().setUp()
        self.outside = pathlib.Path(self.directory)
        self.jail = self.outside / "jail"
        (self.jail / "dev").mkdir(parents=True)
        (self.jail / "domains").write_text("first.example\n")
        os.mknod(self.jail / "dev" / "urandom", stat.S_IFCHR | 0o444, os.makedev(1, 9))
        self.backend = self.start(Backend(("bob@example.com", "bob@second.example")))
        self.directory = str(self.jail)  # where the harness puts what it makes

    def jailed(self, options=("--user", "nobody"), wait=True, chroot=None, **sections):
        # The leak checker reads /proc, which is not there; all other checks of a sanitizer are on.
        environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}
        return self.ravelin([self.backend], options=list(options), env=environment, wait=wait,
                            route='domains_file = "{jail}/domains"'.replace(
                                "{jail}", str(self.jail)), sections={
            "sandbox": f'seccomp = "enforce"\nchroot = "{chroot or self.jail}"',
            "dns": 'servers = ["127.0.0.1:9"]', "state": 'path = "{dir}/lib/state.db"',
            "log": 'file = "{dir}/log/mail.log"', "admin": 'socket = "{dir}/ctl.sock"', **sections})

    def check(self, ravelin, *options):
        done = subprocess.run([str(harness.BUILD / "ravelin"), "--config", str(ravelin.config),
                               "--check", *options], capture_output=True, text=True,
                              timeout=harness.PATIENCE)
        return done.returncode, done.stderr

    def test_reload_log_state_and_control_inside(self):
        ravelin = self.jailed()
        ravelin.log = self.jail / "log" / "mail.log"
        ravelin.status()
        self.assertEqual(os.readlink(f"/proc/{ravelin.pid}/root"), str(self.jail))
        self.assertEqual(os.readlink(f"/proc/{ravelin.pid}/cwd"), str(self.jail))
        ravelin.wait_line("started:")
        self.assertEqual(ravelin.lines("warning: (?!.*DNS)"), [])
        with ravelin.client() as client:
            self.assertRegex(client.mail(["bob@example.com"])[-1], "^250")
            self.assertRegex(client.mail(["bob@second.example"])[0], "^5")
        (self.jail / "domains").write_text("second.example\n")
        self.assertEqual(ravelin.run_ctl("reload").returncode, 0, ravelin.lines())
        with ravelin.client() as client:
            self.assertRegex(client.mail(["bob@second.example"])[-1], "^250")
        os.rename(ravelin.log, str(ravelin.log) + ".1")
        ravelin.signal(signal.SIGUSR1)
        wait_for(ravelin.log.exists, "the new log")
        self.assertEqual(ravelin.stop(), 0)
        self.assertGreater((self.jail / "lib" / "state.db").stat().st_size, 0)
        self.assertEqual(self.check(ravelin, "--user", "nobody"), (0, ""))

    def test_a_reload_cannot_change_it(self):
        ravelin = self.jailed()
        ravelin.log = self.jail / "log" / "mail.log"
        ravelin.write_config(sandbox='seccomp = "enforce"')
        ravelin.signal(signal.SIGHUP)
        ravelin.wait_line("sandbox.chroot: needs restart")
        with ravelin.client() as client:
            self.assertRegex(client.mail(["bob@example.com"])[-1], "^250")

    def test_what_cannot_work_is_refused(self):
        ravelin = self.jailed(options=(), wait=False)
        self.assertEqual(ravelin.wait(), 1)
        self.assertRegex(ravelin.text(), "sandbox.chroot: name a user")
        self.assertRegex(self.check(ravelin)[1], "sandbox.chroot: name a user")
        for text, sections in (
                ("log.file is not below it", {"log": 'file = "/var/log/mail.log"'}),
                ("log.syslog is not below it", {"log": 'file = "{dir}/log"\nsyslog = "/dev/log"'}),
                ("state.path is not below it", {"state": 'path = "{dir}/../state.db"'}),
                ("admin.socket is not below it", {"admin": 'socket = "ctl.sock"'}),
                ("etc/resolv.conf is missing", {"dns": "servers = []"}),
                ("not an absolute path", {"sandbox": 'chroot = "jail"'}),
                ("dev/urandom is missing", {"sandbox": 'chroot = "/usr"'})):
            before = dict(ravelin.sections)
            ravelin.write_config(**sections)
            code, errors = self.check(ravelin, "--user", "nobody")
            self.assertEqual(code, 1)
            self.assertRegex(errors, rf"ravelin\.toml:\d+:\d+: chroot: {text}")
            ravelin.sections = before
        ravelin.write_config()
        outside = self.outside / "outside.toml"
        shutil.copy(ravelin.config, outside)
        ravelin.config = outside
        self.assertRegex(self.check(ravelin, "--user", "nobody")[1], "configuration must be below")

    def test_a_file_of_random_bytes_is_no_device(self):
        (self.jail / "dev" / "urandom").unlink()
        (self.jail / "dev" / "urandom").write_bytes(os.urandom(4096))
        ravelin = self.jailed(wait=False)
        self.assertEqual(ravelin.wait(), 1)
        self.assertRegex(ravelin.text(), "dev/urandom is missing")


if __name__ == "__main__":
    harness.main()
