#!/usr/bin/env python3
"""What can be wrong at start, each with one clear reason and exit 1; giving up root; a second
instance beside the first."""
import os
import pathlib
import pwd
import resource
import signal
import socket
import subprocess
import unittest

import harness
from harness import Backend, SystemTest, wait_for

NEEDS_ROOT = unittest.skipIf(os.geteuid() != 0, "needs root")


def check(path):
    return subprocess.run([str(harness.BUILD / "ravelin"), "--config", str(path), "--check"],
                          capture_output=True, text=True, timeout=harness.PATIENCE)


def limited(most, what=resource.RLIMIT_NOFILE):
    """For preexec_fn: a child that may have |most| of |what|."""
    return lambda: resource.setrlimit(what, (most, most))


class Reasons(SystemTest):
    def fails(self, pattern, **options):
        """Starts, and must end with 1 and one line that says why."""
        ravelin = self.ravelin([9], wait=False, **options)
        self.assertEqual(ravelin.wait(), 1, ravelin.text())
        self.assertRegex(ravelin.text(), pattern)
        self.assertEqual(len(ravelin.text().splitlines()), 1, ravelin.text())
        return ravelin

    def test_no_such_user(self):
        self.fails(r"^ravelin: there is no user no-such-user$", options=["--user", "no-such-user"])

    def test_log_that_cannot_be_written(self):
        ravelin = self.fails(r"^ravelin: log /proc/nowhere: No such file",
                             sections={"log": 'file = "/proc/nowhere/mail.log"'})
        self.assertFalse((ravelin.directory / "ctl.sock").exists(), "nothing is left behind")

    def test_log_that_is_a_directory(self):
        self.fails(r"^ravelin: cannot open the log .*: Is a directory$",
                   sections={"log": 'file = "{dir}"'})

    def test_control_socket_that_is_a_file(self):
        (pathlib.Path(self.directory) / "ctl.sock").write_text("mine")
        self.fails(r"^ravelin: control socket .*ctl\.sock: File exists$")
        self.assertEqual((pathlib.Path(self.directory) / "ctl.sock").read_text(), "mine")

    def test_address_that_is_not_ours(self):
        self.fails(r"^ravelin: cannot listen on 192\.0\.2\.1:2525: Cannot assign",
                   sections={"listen": 'smtp = ["192.0.2.1:2525"]'})

    @NEEDS_ROOT
    def test_low_port_without_root(self):
        os.chmod(self.directory, 0o777)
        self.fails(r"^ravelin: cannot listen on 127\.0\.0\.9:25: Permission denied \(.*root",
                   sections={"listen": 'smtp = ["127.0.0.9:25"]'}, user="nobody")

    def test_however_few_descriptors_it_serves_or_says_why(self):
        ends = set()
        for files in range(4, 65):  # with three, not even the loader finds its libraries
            with self.subTest(files=files):
                ravelin = self.ravelin([9], wait=False, preexec_fn=limited(files))
                wait_for(lambda: ravelin.process.poll() is not None or ravelin.starts(), "an end")
                if ravelin.process.poll() is None:
                    with ravelin.client() as client:
                        self.assertRegex(client.banner, "^220 ")
                    self.assertEqual(ravelin.stop(), 0, ravelin.text())
                    ravelin.log.unlink()
                else:
                    self.assertEqual(ravelin.process.returncode, 1, ravelin.text())
                    self.assertRegex(ravelin.text(), r"\Aravelin: .+: raise it .*LimitNOFILE=.*\n\Z")
                    self.assertFalse(ravelin.log.exists(), "nothing was touched")
                ends.add(ravelin.process.returncode)
                os.truncate(ravelin.output, 0)
        self.assertEqual(ends, {0, 1})

    def test_however_few_descriptors_a_live_check_has_it_ends_well(self):
        ravelin = harness.Ravelin(self.directory, [9], start=False,
                                  sections={"dns": 'servers = ["127.0.0.1:9"]\ntimeout = "1s"'})
        ends = set()
        for files in range(4, 65):
            with self.subTest(files=files):
                done = subprocess.run([str(harness.BUILD / "ravelin"), "--config",
                                       str(ravelin.config), "--check", "--live"],
                                      capture_output=True, text=True, timeout=harness.PATIENCE,
                                      preexec_fn=limited(files))
                self.assertEqual(done.returncode, 1)  # nobody is behind it
                if done.stderr:
                    self.assertRegex(done.stderr, r"\Aravelin: .+: raise it .*\n\Z")
                    self.assertEqual(done.stdout, "")
                else:
                    self.assertIn("no backend answers", done.stdout)
                ends.add(bool(done.stderr))
        self.assertEqual(ends, {True, False})

    def test_no_threads(self):
        """The limit holds for all processes of a user, so it is one that nobody else has."""
        os.chmod(self.directory, 0o777)
        for threads in (1, 2, 3):
            with self.subTest(threads=threads):
                ravelin = self.ravelin([9], wait=False, user=54321 + os.getpid(),
                                       preexec_fn=limited(threads, resource.RLIMIT_NPROC),
                                       # the leak check is a process of its own
                                       env=dict(os.environ, ASAN_OPTIONS="detect_leaks=0"))
                self.assertEqual(ravelin.wait(), 1, ravelin.text())
                self.assertRegex(ravelin.text(), r"\Aravelin: cannot start a thread: .*\n\Z")
                os.truncate(ravelin.output, 0)

    def test_standard_streams_that_are_closed(self):
        """What is opened first must not get the number that error messages go to."""
        ravelin = self.ravelin([9], preexec_fn=lambda: os.closerange(0, 3))
        for fd in (0, 1, 2):
            self.assertEqual(os.readlink(f"/proc/{ravelin.pid}/fd/{fd}"), "/dev/null")
        self.assertEqual(ravelin.stop(), 0)

    def test_descriptors_that_allow_little_are_told_of(self):
        ravelin = self.ravelin([9], preexec_fn=limited(300), sections={"limits": "sessions = 4000"})
        ravelin.wait_line(r"warning: limits\.sessions is 4000, but 300 file descriptors allow \d+:")
        ravelin.stop()

    def test_descriptors_that_allow_nothing_are_told_of(self):
        ravelin = self.ravelin([9], preexec_fn=limited(100), sections={"limits": "sessions = 0"})
        ravelin.wait_line(r"warning: 100 file descriptors are not enough")
        ravelin.stop()


class ConfigurationFile(SystemTest):
    def says(self, path, pattern):
        done = check(path)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, pattern)
        self.assertEqual(len(done.stderr.splitlines()), 1)

    def test_missing(self):
        self.says(f"{self.directory}/no.toml", r"no\.toml: .*No such file")

    def test_directory(self):
        self.says(self.directory, r"Is a directory")

    def test_what_cannot_be_written_is_an_error(self):
        for option in (["--print-defaults"], ["--print-docs", "checks"], ["--version"], ["--help"]):
            with open("/dev/full", "w", encoding="ascii") as full:
                done = subprocess.run([str(harness.BUILD / "ravelin"), *option], stdout=full,
                                      stderr=subprocess.PIPE, text=True, timeout=harness.PATIENCE)
            self.assertEqual(done.returncode, 1, option)
            self.assertEqual(done.stderr, "ravelin: cannot write: No space left on device\n")

    @NEEDS_ROOT
    def test_unreadable(self):
        path = pathlib.Path(self.directory) / "r.toml"
        path.write_text("")
        os.chmod(path, 0)
        done = subprocess.run([str(harness.BUILD / "ravelin"), "--config", str(path), "--check"],
                              capture_output=True, text=True, user="nobody",
                              timeout=harness.PATIENCE)
        self.assertEqual(done.returncode, 1)
        self.assertIn("Permission denied", done.stderr)

    def test_http_is_for_this_machine_only(self):
        path = pathlib.Path(self.directory) / "r.toml"
        path.write_text('hostname = "mx.example.net"\n[[route]]\ndomains = ["example.com"]\n'
                        'backends = ["127.0.0.1:25"]\n'
                        '[admin]\nhttp = "0.0.0.0:9025"\n')
        done = check(path)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"r\.toml:6:\d+: http: .* is not a loopback address")


class SecondInstance(SystemTest):
    def setUp(self):
        super().setUp()
        self.first = self.ravelin([self.start(Backend())])

    def second(self, pattern, **changes):
        directory = pathlib.Path(self.directory) / "second"
        directory.mkdir()
        second = harness.Ravelin(directory, [9], start=False)
        second.port = self.first.port
        second.write_config(**changes)
        second.start(wait=False)
        self.addCleanup(second.end)
        self.assertEqual(second.wait(), 1)
        self.assertRegex(second.text(), pattern)

    def still_well(self):
        for _ in range(20):  # reuse-port: a second one would have got a share of these
            with self.first.client() as client:
                self.assertRegex(client.banner, "^220 ")
        self.assertIn("pid", self.first.ctl("status"))

    def test_same_control_socket(self):
        self.second(r"control socket .*ctl\.sock: in use",
                    admin=f'socket = "{self.directory}/ctl.sock"')
        self.still_well()

    def test_same_port(self):
        self.second(r"cannot listen on 127\.0\.0\.1:\d+: the address is in use", admin='socket = ""')
        self.still_well()


class Ends(SystemTest):
    def test_the_control_socket_is_removed(self):
        ravelin = self.ravelin([9])
        self.assertTrue((ravelin.directory / "ctl.sock").is_socket())
        self.assertEqual(ravelin.stop(), 0)
        self.assertFalse((ravelin.directory / "ctl.sock").exists())

    def test_a_socket_of_somebody_else_stays(self):
        ravelin = self.ravelin([9])
        path = ravelin.directory / "ctl.sock"
        path.unlink()
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(path))
            self.assertEqual(ravelin.stop(), 0)
            self.assertTrue(path.is_socket())

    def test_a_socket_that_kill_left_behind_is_replaced(self):
        ravelin = self.ravelin([9])
        ravelin.signal(signal.SIGKILL)
        ravelin.wait()
        self.assertTrue((ravelin.directory / "ctl.sock").is_socket())
        ravelin.start()
        self.assertIn("pid", ravelin.ctl("status"))

    def test_interrupt_is_term(self):
        ravelin = self.ravelin([9])
        with ravelin.client() as client:
            ravelin.signal(signal.SIGINT)
            self.assertRegex(client.reply(), r"^421 4\.3\.2 ")
        self.assertEqual(ravelin.wait(), 0)

    def test_term_while_starting(self):
        for _ in range(20):
            ravelin = self.ravelin([9], wait=False)
            # Once signals are blocked a TERM waits until it can be taken; before, it just ends us.
            wait_for(lambda: ravelin.process.poll() is not None or blocked(ravelin.pid),
                     "signals to be blocked")
            ravelin.signal(signal.SIGTERM)
            self.assertEqual(ravelin.wait(), 0, ravelin.text())


def blocked(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("SigBlk:"):
            return int(line.split()[1], 16) & 1 << (signal.SIGTERM - 1)
    return False


@NEEDS_ROOT
class GivingUpRoot(SystemTest):
    """The places of a real installation: made by us, owned by the user that we become."""

    def setUp(self):
        super().setUp()
        self.user = pwd.getpwnam("nobody")
        self.place = pathlib.Path(self.directory)
        self.backend = self.start(Backend())

    def installed(self, options=("--user", "nobody"), **more):
        return self.ravelin([self.backend], options=list(options), sections={
            "dns": 'servers = ["127.0.0.1:9"]',
            "state": 'path = "{dir}/lib/state.db"', "log": 'file = "{dir}/log/mail.log"',
            "admin": 'socket = "{dir}/run/ctl.sock"', **more})

    def log(self):
        return (self.place / "log" / "mail.log").read_text()

    def test_directories_are_made_and_given(self):
        ravelin = self.installed()
        for part in ("lib", "log", "run", "lib/state.db", "log/mail.log", "run/ctl.sock"):
            self.assertEqual((self.place / part).lstat().st_uid, self.user.pw_uid, part)
        self.assertEqual(ravelin.stop(), 0)
        self.assertFalse((self.place / "run" / "ctl.sock").exists())
        self.assertNotIn("warning", self.log())

    def test_the_log_is_made_anew_after_a_rotation(self):
        ravelin = self.installed()
        os.rename(self.place / "log" / "mail.log", self.place / "log" / "mail.log.1")
        ravelin.signal(signal.SIGUSR1)
        wait_for((self.place / "log" / "mail.log").exists, "the new log")
        with ravelin.client():
            pass
        wait_for(lambda: "connect from" in self.log(), "lines in it")

    def test_a_state_of_root_is_taken_over(self):
        ravelin = self.installed(options=())
        ravelin.stop()
        self.assertRegex(self.log(), "warning: running as root")
        for part in ("lib", "log", "run"):
            os.chown(self.place / part, self.user.pw_uid, self.user.pw_gid)
        (self.place / "log" / "mail.log").unlink()
        ravelin = self.installed()
        self.assertEqual(ravelin.stop(), 0)
        self.assertNotIn("warning", self.log())

    def test_user_of_the_file_and_of_the_command_line(self):
        ravelin = self.installed(options=())
        ravelin.stop()
        self.assertEqual(self.log().count("warning: "), 1)
        self.assertEqual(self.log().count("warning: running as root"), 1)
        ravelin = self.ravelin([self.backend], head='user = "nobody"', sections={
            "log": 'file = "{dir}/log2/mail.log"', "admin": 'socket = "{dir}/run2/ctl.sock"'})
        status = ravelin.status()
        self.assertIn(f"Uid:\t{self.user.pw_uid}\t", status)

    def test_a_reload_that_will_fail_is_told_of_at_start(self):
        ravelin = harness.Ravelin(self.directory, [self.backend.port], start=False,
                                  options=["--user", "nobody"],
                                  sections={"log": 'file = "{dir}/log/mail.log"',
                                            "admin": 'socket = "{dir}/run/ctl.sock"'})
        os.chmod(ravelin.config, 0o600)
        ravelin.start()
        self.addCleanup(ravelin.end)
        wait_for(lambda: "started:" in self.log(), "the first lines")
        self.assertRegex(self.log(), "warning: a reload will fail as this user: .*Permission denied")

    def test_user_that_we_are_already(self):
        os.chmod(self.directory, 0o777)
        ravelin = self.ravelin([self.backend], head='user = "nobody"', user="nobody")
        with ravelin.client() as client:
            self.assertRegex(client.mail(["bob@example.com"])[-1], "^250")

    def test_nothing_of_root_is_left(self):
        self.assert_no_rights(self.installed().status(), self.user.pw_uid)

    def test_a_capability_of_the_service_manager_ends_with_the_binding(self):
        os.chmod(self.directory, 0o777)
        ravelin = harness.Ravelin(self.directory, [self.backend.port], start=False)
        ravelin.port = 999  # free_port() is for those who may not
        ravelin.write_config()
        low = "+net_bind_service"
        ravelin.start(prefix=["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups",
                              f"--inh-caps={low}", f"--ambient-caps={low}",
                              f"--bounding-set=-all,{low}"])
        self.addCleanup(self._end, ravelin)
        self.assert_no_rights(ravelin.status(), self.user.pw_uid, bounding=1 << 10)
        with ravelin.client() as client:
            self.assertRegex(client.mail(["bob@example.com"])[-1], "^250")

    def test_who_stays_root_keeps_the_access_to_files_alone(self):
        self.assert_no_rights(self.installed(options=()).status(), 0, 1 << 1, 1 << 1)

    def assert_no_rights(self, status, uid, kept=0, bounding=0):
        self.assertIn(f"Uid:\t{uid}\t{uid}\t{uid}\t{uid}", status)
        want = {"CapInh": 0, "CapPrm": kept, "CapEff": kept, "CapBnd": bounding, "CapAmb": 0}
        for name, value in want.items():
            self.assertRegex(status, rf"{name}:\t{value:016x}\n")
        self.assertIn("NoNewPrivs:\t1", status)

    def test_only_root_can_change(self):
        os.chmod(self.directory, 0o777)
        ravelin = self.ravelin([self.backend], head='user = "daemon"', user="nobody", wait=False)
        self.assertEqual(ravelin.wait(), 1)
        self.assertEqual(ravelin.text(), "ravelin: cannot become daemon: not started as root\n")


if __name__ == "__main__":
    harness.main()
