#!/usr/bin/env python3
"""`ravelinctl top` under load, on terminals of two sizes: all that it shows fits, in columns. What a person
sees is left in BUILD/screenshots."""
import contextlib
import fcntl
import html
import os
import pty
import re
import select
import signal
import struct
import subprocess
import tempfile
import termios
import time

import harness
from harness import Process, wait_for
from test_dashboard import browser
from test_drill import DrillTest

WRITE = 1 if os.uname().machine == "x86_64" else 64  # the number of that system call

PAGE = """<!doctype html><meta charset="utf-8"><title>top</title><style>
body {{ margin: 0; background: #1c1c1c }}
pre {{ margin: 0; padding: 8px; color: #d8d8d8; font: 15px/18px "DejaVu Sans Mono", monospace; width: {columns}ch;
      height: {pixels}px; overflow: hidden }}</style><pre>{text}</pre>"""


def fill(terminal):
    """Until it takes no more."""
    os.set_blocking(terminal, False)
    try:
        while os.write(terminal, b"x" * 512):
            pass
    except BlockingIOError:
        os.set_blocking(terminal, True)


def catches(pid, number):
    """Has the process set a handler for that signal?"""
    with open(f"/proc/{pid}/status") as status:
        caught = next(line for line in status if line.startswith("SigCgt:"))
    return int(caught.split()[1], 16) >> (number - 1) & 1


def writes(pid):
    """Does the process wait until what it writes to its output is taken?"""
    with open(f"/proc/{pid}/syscall") as call:
        return call.read().startswith(f"{WRITE} 0x1 ")


def state(pid):
    """Its letter; "" if there is none of that number."""
    try:
        with open(f"/proc/{pid}/stat") as line:
            return line.read().rpartition(") ")[2][:1]
    except FileNotFoundError:
        return ""


def echoes(terminal):
    return bool(termios.tcgetattr(terminal)[3] & termios.ECHO)


class Terminal:
    """A terminal of that size with ravelinctl top in it; |full|: nobody reads what is there already."""

    def __init__(self, directory, rows, columns, full=False):
        self.ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        if full:
            fill(theirs)
        self.process = subprocess.Popen(
            [str(harness.BUILD / "ravelinctl"), "--socket", f"{directory}/ctl.sock", "top"],
            stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
        os.close(theirs)
        self.seen = b""

    def screens(self, count):
        """What |count| whole screens showed, each as lines."""
        end = time.monotonic() + harness.PATIENCE
        while self.seen.count(b"\x1b[J") < count:
            assert time.monotonic() < end, self.seen
            if select.select([self.ours], [], [], 1)[0]:
                self.seen += os.read(self.ours, 65536)
        whole = self.seen[:self.seen.rindex(b"\x1b[J")].decode()
        drawn = [screen.replace("\x1b[K", "").replace("\x1b[J", "") for screen in whole.split("\x1b[H")[1:]]
        return [re.split(r"\r+\n", screen) for screen in drawn]  # a terminal adds a \r of its own

    def close(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(harness.PATIENCE)
        os.close(self.ours)


class Top(DrillTest):
    def setUp(self):
        super().setUp()
        backend = self.backend("--valid", "good*", "--delay", "2ms")
        self.front = self.ravelin([backend.port], sections={
            "greylist": 'delay = "1s"', "pressure": 'level = "attack"',
            "pressure.attack": 'pause = "0s"', "dns": 'timeout = "0s"',
            "standing": "good_deliveries = 1\ngood_days = 1",
            "checks.early_talker": 'action = "reject"\npause = "50ms"',
            "limits": "sessions_per_client = 4"})
        self.start(Process(self.run_options(
            self.front.port, "--bots=retrying=20", "--bots=harvesting=4", "--bots=slow=30", "--bots=valid=4",
            "--per-bot=2", "--good=new=2", "--rate=new=2", "--onset=0s", "--duration=1h", "--pause=200ms",
            "--retry=1s", "--ramp=0s", "--networks=6", "--wide-networks=3"), f"{self.directory}/drill.out"))
        wait_for(lambda: self.front.ctl("stats")["messages"] > 5, "mail from bots")

    def look(self, rows, columns):
        """The third screen: its rates are those of a whole second."""
        terminal = self.start(Terminal(self.directory, rows, columns))
        return terminal.screens(3)[2]

    def picture(self, lines, rows, columns):
        directory = harness.BUILD / "screenshots"
        os.makedirs(directory, exist_ok=True)
        page = PAGE.format(text=html.escape("\n".join(lines)), columns=columns, pixels=18 * rows)
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
            path = f"{self.directory}/top.html"
            with open(path, "w") as file:
                file.write(page)
            window = browser(profile)
            try:
                window.set_window_size(columns * 9 + 40, rows * 18 + 180)
                window.get(f"file://{path}")
                self.assertTrue(window.save_screenshot(str(directory / f"top-{columns}x{rows}.png")))
            finally:
                window.quit()

    def check(self, lines, rows, columns):
        self.assertLessEqual(len(lines), rows)
        self.assertLessEqual(max(map(len, lines)), columns)
        text = "\n".join(lines)
        self.assertNotIn("\x1b", text)
        self.assertRegex(lines[0], r"^mx\.example\.net  up .*  pressure attack")
        self.assertRegex(lines[1], r"^dialogs \d+ of \d+ \(peak \d+\)   new \d+\.\d/s$")
        self.assertRegex(text, r"(?m)^127\.0\.0\.1:\d+ +up ")
        self.assertRegex(text, r"(?m)^ +[1-9]\d*  127\.\S+ +[1-9]\d*  127\.\S+/24$")
        self.assertRegex(text, r"(?m)^\d\d:\d\d:\d\d  127\.\S+ +(accept 250|reject 5\d\d|defer 4\d\d) <")
        self.assertNotRegex(text, r"accept [45]|reject [24]|defer [25]")
        # Behind the address all begin in one column.
        verdicts = {match.start(1) for line in lines
                    if (match := re.match(r"\d\d:\d\d:\d\d  127\.\S+ +(accept|reject|defer)", line))}
        self.assertEqual(len(verdicts), 1, text)

    def test_it_fits(self):
        for rows, columns in ((24, 80), (40, 120)):
            lines = self.look(rows, columns)
            self.picture(lines, rows, columns)
            self.check(lines, rows, columns)
            self.assertGreater(len(lines), rows - 3, "the screen is used")

    def test_it_ends_on_a_terminal_that_takes_no_more(self):
        process = self.start(Terminal(self.directory, 24, 80, full=True)).process
        wait_for(lambda: catches(process.pid, signal.SIGTERM), "a handler")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(harness.PATIENCE), 0)

    def test_it_ends_on_a_terminal_that_is_stopped(self):
        terminal = self.start(Terminal(self.directory, 24, 80))
        terminal.screens(1)
        os.write(terminal.ours, b"\x13")  # Ctrl-S
        wait_for(lambda: writes(terminal.process.pid), "a screen that is not taken")
        terminal.process.send_signal(signal.SIGTERM)
        self.assertEqual(terminal.process.wait(harness.PATIENCE), 0)

    @contextlib.contextmanager
    def in_background(self, redirection, wait="wait $!"):
        """ravelinctl top as a job of a shell: its pid, our side of the terminal, and what the shell says, which tells
        at last how it ended."""
        ours, theirs = pty.openpty()
        script = (f"{harness.BUILD}/ravelinctl --socket {self.directory}/ctl.sock top {redirection} & echo $!; "
                  f"{wait}; echo ended with $?")
        shell = subprocess.Popen(["sh", "-mc", script], stdin=theirs, stdout=subprocess.PIPE, stderr=theirs,
                                 text=True, start_new_session=True,
                                 preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(theirs)
        pid = int(shell.stdout.readline())
        try:
            yield pid, ours, shell.stdout
        finally:
            shell.kill()
            shell.wait()
            shell.stdout.close()
            os.close(ours)

    def test_it_ends_in_the_background(self):
        with self.in_background("</dev/null >&2") as (pid, _, said):
            wait_for(lambda: catches(pid, signal.SIGTERM), "a handler")
            os.kill(pid, signal.SIGTERM)
            wait_for(lambda: select.select([said], [], [], 0)[0], "its end")
            self.assertEqual(said.readline(), "ended with 0\n")

    def test_it_ends_in_the_background_of_the_terminal_it_reads(self):
        with self.in_background(">&2", wait="read line; wait $!") as (pid, ours, said):
            wait_for(lambda: state(pid) == "T", "it to stop, as it may not change the terminal")
            os.kill(pid, signal.SIGTERM)
            os.kill(pid, signal.SIGCONT)
            wait_for(lambda: state(pid) in ("Z", ""), "its end")
            os.write(ours, b"\n")
            self.assertEqual(said.readline(), "ended with 0\n")

    def test_the_terminal_is_as_before(self):
        for how in ("SIGQUIT", "a reader that leaves"):
            with self.subTest(how):
                ours, theirs = pty.openpty()
                process = subprocess.Popen(
                    [str(harness.BUILD / "ravelinctl"), "--socket", f"{self.directory}/ctl.sock", "top"],
                    stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)
                self.assertTrue(process.stdout.read(1))
                self.assertFalse(echoes(theirs))
                if how == "SIGQUIT":
                    process.send_signal(signal.SIGQUIT)
                    self.assertTrue(process.stdout.read().endswith(b"\x1b[?25h\x1b[?1049l"))
                process.stdout.close()
                process.wait(harness.PATIENCE)
                self.assertTrue(echoes(theirs))
                os.close(ours)
                os.close(theirs)

    def test_it_ends_while_the_daemon_is_silent(self):
        terminal = self.start(Terminal(self.directory, 24, 80))
        terminal.screens(1)
        self.front.signal(signal.SIGSTOP)
        try:
            while select.select([terminal.ours], [], [], 2)[0]:
                os.read(terminal.ours, 65536)
            terminal.process.send_signal(signal.SIGTERM)
            self.assertEqual(terminal.process.wait(5), 0)
        finally:
            self.front.signal(signal.SIGCONT)


if __name__ == "__main__":
    harness.main()
