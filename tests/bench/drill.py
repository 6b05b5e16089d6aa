#!/usr/bin/env python3
"""The scenarios of tests/bench/drill.sh: what ravelin-drill does to Ravelin in front of a mail server
that punishes refusals, and whether what is promised holds. Exits with 1 if something does not."""
import argparse
import contextlib
import json
import os
import pathlib
import re
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import typing

import tree
from servers import fill, user_memory

PORT, BACKEND, FLOOR = 17025, 17026, 17027
CONNECTIONS = 15
HISTORY = 16_000_000  # history.memory by default
LEVELS = ("calm", "busy", "attack", "siege")


def start(arguments, output, descriptors=None):
    def lower():
        if descriptors:
            resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))

    with open(output, "ab") as out:
        return subprocess.Popen([str(a) for a in arguments], stdin=subprocess.DEVNULL, stdout=out,
                                stderr=out, preexec_fn=lower)


def wait_until(condition, patience, what):
    end = time.monotonic() + patience
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(f"{what} did not come")
        time.sleep(0.05)


class Look(typing.NamedTuple):
    """At Ravelin, from outside and by its status."""
    time: float  # of the wall
    level: str
    cause: str
    open: int  # dialogs
    memory: int  # bytes, all that is the process's own
    cpu: float  # seconds so far
    tables: dict  # name: {entries, limit, bytes}

    def in_tables(self):
        return sum(table["bytes"] for table in self.tables.values())


class Stage:
    """Ravelin with the mail server behind it, and a look at it twice a second. |places| of 0 are as many as
    |descriptors| allow, which are Ravelin's limit."""

    def __init__(self, build, directory, hold=20, delay="2ms", places=9500, descriptors=None):
        self.build, self.directory, self.hold = pathlib.Path(build), pathlib.Path(directory), hold
        self.looks = []
        config = fill("drill.toml", directory, "ravelin.toml", PORT=PORT, BACKEND=BACKEND, HOLD=f"{hold}s",
                      SESSIONS=places)
        self.backend = start([self.build / "ravelin-drill", "backend", "--listen",
                              f"127.0.0.1:{BACKEND}", "--delay", delay, "--valid", "good*",
                              "--punish"], self.directory / "backend.out")
        self.ravelin = start([self.build / "ravelin", "--config", config],
                             self.directory / "ravelin.out", descriptors)
        wait_until((self.directory / "ctl.sock").exists, 10, "Ravelin's control socket")
        self.over = threading.Event()
        self.watcher = threading.Thread(target=self._watch, daemon=True)
        self.watcher.start()

    def ctl(self, *command):
        done = subprocess.run([self.build / "ravelinctl", "--json", "--socket",
                               self.directory / "ctl.sock", *command], capture_output=True,
                              text=True, check=True)
        return json.loads(done.stdout)

    def _watch(self):
        while not self.over.wait(0.5):
            try:
                status = self.ctl("--timeout", "1", "status")
            except subprocess.CalledProcessError:
                continue  # it has no descriptor for us
            pressure = status["pressure"]
            tables = {table["name"]: table for table in status["tables"]}
            kept = status["history"]["bytes"]
            tables["octets of history"] = {"entries": kept, "limit": HISTORY, "bytes": kept}
            self.looks.append(Look(
                time.time(), pressure["level"], pressure.get("cause", ""), status["sessions"]["open"],
                user_memory(self.ravelin.pid), tree.used(self.ravelin.pid),
                tables))

    def drill(self, *options, target=PORT):
        report = self.directory / "drill.json"
        done = subprocess.run([str(a) for a in (
            self.build / "ravelin-drill", "run", "--target", f"127.0.0.1:{target}", "--domain",
            "example.com", "--json", report, *options)], check=False)
        sys.stdout.flush()
        if done.returncode != 0:
            raise SystemExit("the drill ended early")
        return json.loads(report.read_text())

    def log(self):
        return (self.directory / "mail.log").read_text(errors="replace")

    def changes(self):
        """[(wall time, level, cause)], each level once it is entered; calm from the beginning."""
        found = []
        for look in self.looks:
            if look.level != (found[-1][1] if found else "calm"):
                found.append((look.time, look.level, look.cause))
        return found

    def print_changes(self):
        began = self.looks[0].time
        print("  " + (", ".join(f"{level} at {when - began:.0f} s ({cause})" if cause else
                                f"{level} at {when - began:.0f} s"
                                for when, level, cause in self.changes()) or "calm all the time"))

    def end(self):
        """What the mail server saw."""
        self.over.set()
        self.watcher.join()
        for process in (self.ravelin, self.backend):
            process.send_signal(signal.SIGTERM)
            process.wait(60)
        return json.loads((self.directory / "backend.out").read_text().splitlines()[-1])


class Verdicts:
    def __init__(self):
        self.failed = 0

    def check(self, promise, held, figure=""):
        self.failed += not held
        print(f"  {'ok ' if held else 'NOT'}  {promise}{': ' if figure else ''}{figure}", flush=True)


def good(report, kind, phase):
    return report["groups"][f"good {kind}"]["phases"][phase]["messages"]


def check_good(verdicts, report, crowded=False):
    """What senders of good mail may expect while it lasts; |crowded| among bots, whose equals they are at first."""
    before, load = good(report, "known", "before"), good(report, "known", "load")
    lost = sum(good(report, "known", phase)[what] for phase in ("before", "load", "after")
               for what in ("refused", "left", "places_told", "places_wordless"))
    verdicts.check("senders in good standing lose nothing", lost == 0, f"{lost} lost")
    deferred = sum(good(report, "known", phase)["deferrals"] for phase in ("load", "after"))
    verdicts.check("and are never deferred", deferred == 0, f"{deferred} deferrals")
    p99 = before["attempt_ms"]["p99"], load["attempt_ms"]["p99"]
    verdicts.check("their p99 stays within twice the idle one", p99[1] <= 2 * p99[0],
                   f"{p99[0]:.1f} ms before, {p99[1]:.1f} ms under load, {p99[1] / p99[0]:.2f} times")
    for kind, when in (("new", ""), ("late", ", in its midst")):
        if f"good {kind}" not in report["groups"]:
            continue
        new = [good(report, kind, phase) for phase in ("before", "load", "after")]
        queued = sum(phase["queued"] for phase in new)
        left = sum(phase["refused"] + phase["left"] for phase in new)
        more = sum(phase["deferrals"] - phase["deferred"] for phase in new)
        verdicts.check(f"good senders seen for the first time{when} get through", queued > 0 and left == 0,
                       f"{left} of {queued} lost")
        # Among bots the second dialog of a sender is worth no more than the third of their network.
        most = new[1]["queued"] // 10 if kind == "late" and crowded else 0
        verdicts.check("after one greylist delay" + (", nine of ten" if most else ""), more <= most,
                       f"{more} were deferred again")


def check_backend(verdicts, seen):
    verdicts.check(f"the mail server sees no more than {CONNECTIONS} connections",
                   seen["peak"] <= CONNECTIONS, f"{seen['peak']}, {seen['questions']} questions")


def bots(share, **other):
    kinds = {"slow": 5000, "silent": 2000, "retrying": 1000, "harvesting": 500, "valid": 300,
             "early": 100, "tls": 100}
    return [option for kind, count in (kinds | other).items() if count
            for option in ("--bots", f"{kind}={max(1, int(count * share))}")]


SENDERS = ("--good", "known=10", "--good", "new=10", "--good-retry", "6s", "--warm-up", 3)
WIDE = ("--networks", 400, "--wide-networks", 40)
# In whose networks no more than three are: what a level allows of one keeps none of them out.
SPREAD = ("--networks", 4000, "--wide-networks", 60)


def attack(stage, verdicts, options, *where):
    """9,000 hostile dialogs of every kind beside thirty good senders."""
    onset, lasts = 20, options.duration
    # Tables come in pieces, whose price is paid once and not by the dialog.
    stage.drill("--seed", 7, "--onset", "0s", "--duration", "8s", "--quiet", "0s", "--drain", "0s", *WIDE,
                *bots(0.06))
    wait_until(lambda: stage.looks[-1].level == "calm", stage.hold + 20, "calm")
    # An attack that comes back soon lasts longer (docs/overload.md): "noise" is about that.
    time.sleep(max(0, 2 * stage.hold + 2 - onset))
    # A third more than may be held, so that there are always some who would take a place.
    report = stage.drill("--onset", f"{onset}s", "--duration", f"{lasts}s", "--quiet", "10s",
                         "--drain", "30s", *SPREAD, *bots(1.33), *SENDERS, "--good", "late=10", "--bounces", "20%", *where)
    began = report["started"] + onset
    ended = began + lasts
    calm = began + lasts + stage.hold + 8
    wait_until(lambda: stage.looks[-1].level == "calm" or time.time() > calm, stage.hold + 30, "an end")
    seen = stage.end()
    stage.print_changes()
    held = statistics.median(look.open for look in stage.looks if began + 5 <= look.time <= ended)
    verdicts.check("9,000 hostile dialogs are held", held >= 9000, f"{held:.0f} dialogs")
    check_good(verdicts, report, crowded=bool(where))
    check_backend(verdicts, seen)
    reached = [when for when, level, _ in stage.changes() if level in LEVELS[2:] and when >= began]
    verdicts.check("attack is seen within 10 s of the onset", reached and reached[0] - began < 10,
                   f"{reached[0] - began:.1f} s" if reached else "never")
    at_rest = [when for when, level, _ in stage.changes() if level == "calm" and when > ended]
    took = f"{at_rest[0] - ended:.1f} s after the end" if at_rest else "no"
    verdicts.check(f"calm again within the hold ({stage.hold} s) and what the figures need to fall",
                   at_rest and at_rest[0] - ended <= stage.hold + 8, took)
    check_memory(verdicts, stage, report, began, ended)


def among(stage, verdicts, options):
    """The same, the good senders in the /16 from which the bots come."""
    attack(stage, verdicts, options, "--good-place", "bots-16")


def check_memory(verdicts, stage, report, began, ended):
    """The tables have bounds of their own, and say what they take; what else grows is the dialogs'."""
    idle = [look for look in stage.looks if look.time < began][-1]
    load = [look for look in stage.looks if began <= look.time <= ended]
    most = max(load, key=lambda look: look.memory - look.in_tables())
    dialogs = max(look.open for look in load)
    each = (most.memory - most.in_tables() - idle.memory + idle.in_tables()) / dialogs
    peaks = {name.removeprefix("bots "): group["phases"]["load"]["dialogs"]["peak"]
             for name, group in report["groups"].items() if name.startswith("bots ")}
    # What each may cost: an idle one 1.2 kB, 17 kB in TLS; and 2.1 kB more with a transaction, which
    # silent ones never have.
    cost = {"silent": 1200, "tls": 17_000 + 2100}
    allowed = sum(count * cost.get(name, 1200 + 2100) for name, count in peaks.items()) / sum(peaks.values())
    verdicts.check("memory stays inside what dialogs may cost", each <= allowed,
                   f"{dialogs} dialogs, {each:.0f} B each of {allowed:.0f} beside the tables; "
                   f"{idle.memory / 1e6:.1f} MB before, {most.memory / 1e6:.1f} MB at most")
    last = load[-1].tables
    verdicts.check("and each table inside its bound",
                   all(table["entries"] <= table["limit"] for look in load for table in look.tables.values()),
                   f"{load[-1].in_tables() / 1e6:.1f} MB; " + ", ".join(
                       f"{table['entries']} {name} {table['bytes'] / 1e6:.1f}" for name, table in last.items()
                       if table["entries"]))


def noise(stage, verdicts, options):
    """Bots that come and go, about the marks."""
    stages = ",".join(f"{at}s={share}%" for at, share in
                      zip(range(0, options.duration, 12), [100, 20, 60, 5, 80, 30] * 1000))
    stage.drill("--onset", "20s", "--duration", f"{options.duration}s", "--quiet", "5s", "--drain", "30s",
                "--stages", stages, *WIDE, *bots(0.3), *SENDERS)
    stage.end()
    changes = stage.changes()
    stage.print_changes()
    back = [(left[0], again[0]) for i, left in enumerate(changes) for again in changes[i + 1:]
            if LEVELS.index(changes[i][1]) < LEVELS.index(changes[i - 1][1] if i else "calm")
            and LEVELS.index(again[1]) > LEVELS.index(left[1]) and again[0] - left[0] < stage.hold]
    verdicts.check("no flapping: no level is left and soon entered again", not back,
                   f"{len(changes)} changes")


def monday(stage, verdicts, options):
    """The same senders with three times their usual mail."""
    senders = ("--onset", "0s", "--duration", f"{options.duration}s", "--quiet", "0s", "--drain", "30s",
               "--good", "known=40", "--good", "new=40", "--warm-up", 2, "--good-retry", "6s")
    stage.drill(*senders)
    report = stage.drill(*senders, "--rate", "known=1.5", "--rate", "new=1.5")
    stage.end()
    stage.print_changes()
    worst = max((LEVELS.index(look.level) for look in stage.looks), default=0)
    verdicts.check("a busy Monday is no attack", worst < 2, f"{LEVELS[worst]} at most")
    left = sum(good(report, kind, "load")[what] for kind in ("known", "new") for what in ("refused", "left"))
    verdicts.check("nothing is lost", left == 0, f"{left} lost")


def retry(stage, verdicts, options):
    """200 bots that retry, ten minutes made three: after the first wave they cost no questions."""
    onset, lasts = 10, max(180, options.duration)
    report = stage.drill("--onset", f"{onset}s", "--duration", f"{lasts}s", "--quiet", "5s",
                         "--drain", "30s", "--networks", 150, "--wide-networks", 40, "--pause", "200ms",
                         "--retry", "6s", "--per-bot", 3, *bots(1, slow=0, silent=0, harvesting=0, valid=0, early=0,
                                                tls=0, retrying=200), *SENDERS)
    # Known senders come from there.
    known = set(re.findall(r"\[(127\.200\.\d+\.\d+)\]", stage.log()))
    standing = {client: stage.ctl("standing", "show", client)["grade"] for client in known}
    seen = stage.end()
    check_good(verdicts, report)
    check_backend(verdicts, seen)
    first, last = onset + lasts // 2, onset + lasts
    series = report["groups"]["bots retrying"]["series"]
    rcpts = sum(sum(series[what][first:last])
                for what in ("rcpt_accepted", "rcpt_deferred", "rcpt_refused"))
    shift = int(report["started"] - seen["started"])
    questions = sum(seen["questions_per_second"][first + shift:last + shift])
    of_good = sum(sum(report["groups"][f"good {kind}"]["series"]["messages"][first:last])
                  for kind in ("known", "new"))
    asked = max(0, questions - of_good)
    verdicts.check("of the bots' later recipients at least 95 % cost no question",
                   rcpts > 0 and asked <= 0.05 * rcpts,
                   f"{asked} questions for {rcpts} recipients, {100 - 100 * asked / max(1, rcpts):.1f} %")
    grades = list(standing.values())
    verdicts.check("no good sender loses its standing", grades and set(grades) == {"good"},
                   f"{grades.count('good')} of {len(grades)} in good standing")


def provider(stage, verdicts, options):
    """A provider of which 5 % of the addresses begin to send spam."""
    count, bad, onset = 100, 5, 5
    addresses = [f"127.200.0.{10 + i}" for i in range(count)]
    senders = ("--good", f"known={count}", "--good-place", "one-24", "--rate", "known=0.2", "--warm-up", 3,
               "--parallel", 1, "--good-retry", "6s")

    def standing():
        return [stage.ctl("standing", "show", address) for address in addresses]

    stage.drill("--onset", "0s", "--duration", "1s", "--quiet", "0s", "--drain", "10s", *senders)
    before = standing()
    verdicts.check("all of its addresses are in good standing", all(one["grade"] == "good" for one in before),
                   f"{sum(one['grade'] == 'good' for one in before)} of {count}")
    report = stage.drill("--onset", f"{onset}s", "--duration", f"{options.duration}s", "--quiet", "5s",
                         "--drain", "30s", "--pause", "200ms", "--retry", "6s", "--turned", bad, *WIDE,
                         *bots(1, slow=0, silent=0, harvesting=0, valid=0, early=0, tls=0, retrying=200), *senders)
    after = standing()
    seen = stage.end()
    check_good(verdicts, report)
    check_backend(verdicts, seen)
    kept = sum(then["grade"] == "good" and not then["losses"] and not then["unknown_recipients"]
               for then in after[:-bad])
    verdicts.check("those that send good mail only keep all they have", kept == count - bad,
                   f"{kept} of {count - bad}")
    lost = sum(then["grade"] == "unknown" and then["losses"] > 0 for then in after[-bad:])
    tried = report["groups"]["bots turned"]["phases"]["load"]["rcpt"]
    verdicts.check("those that send spam lose it", lost == bad,
                   f"{lost} of {bad}, with {sum(tried.values())} recipients")


# Connections that come when there is no place: each bot comes again when it has rested.
FLOOD = ("--bots", "silent=4700", "--pause", "2s", "--ramp", "2s", *WIDE)


def rate_of(report, first, last):
    opened = report["groups"]["bots silent"]["series"]["opened"][first:last]
    return sum(opened) / max(1, len(opened))


def floor(stage, seconds):
    """(share of a core, connections a second) of a program that accepts and closes under the same load."""
    server = start([stage.build / "accept_server", "127.0.0.1", FLOOR], stage.directory / "floor.out")
    try:
        wait_until(lambda: socket.socket().connect_ex(("127.0.0.1", FLOOR)) == 0, 10, "the accept server")
        used = Meter(server.pid, 5, seconds - 1)
        report = stage.drill("--onset", "0s", "--duration", f"{seconds}s", "--quiet", "0s", *FLOOD, target=FLOOR)
    finally:
        server.kill()
        server.wait()
    return used.share(), rate_of(report, 5, seconds - 1)


class Meter:
    """What a process takes of a core between two moments, in seconds from now on."""

    def __init__(self, pid, first, last):
        self.pid, self.readings, self.descriptors = pid, [], 0
        for after in (first, last):
            threading.Timer(after, self._read).start()

    def _read(self):
        self.readings.append((time.monotonic(), tree.used(self.pid)))
        self.descriptors = len(os.listdir(f"/proc/{self.pid}/fd"))

    def share(self):
        (then, before), (now, after) = self.readings
        return (after - before) / (now - then)


def served_after():
    """Seconds until a stranger has a mail taken in hand: greylisted, that is."""
    began = time.monotonic()
    while time.monotonic() < began + 60:
        with contextlib.suppress(OSError), socket.socket() as client:
            client.settimeout(5)
            client.bind(("127.203.0.1", 0))
            client.connect(("127.0.0.1", PORT))
            if client.recv(100).startswith(b"220"):
                client.sendall(b"HELO stranger.example\r\nMAIL FROM:<a@stranger.example>\r\n"
                               b"RCPT TO:<good1@example.com>\r\nQUIT\r\n")
                if b"\r\n451 4.7.1 " in b"".join(iter(lambda: client.recv(1000), b"")):
                    break
    return time.monotonic() - began


def empty(stage, verdicts, lasts):
    """The same with fewer descriptors than places, as no configuration has it."""
    pid = stage.ravelin.pid
    allowed = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    most = 300  # of which 50 or so are in use for other things
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (most, allowed[1]))
    used = Meter(pid, 5, lasts - 1)
    stage.drill("--onset", "0s", "--duration", f"{lasts}s", "--quiet", "0s", "--drain", "0s", *FLOOD)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, allowed)
    waited = served_after()
    verdicts.check("without descriptors, the accept path takes less than 5 % of a core", used.share() < 0.05,
                   f"{100 * used.share():.1f} %, {used.descriptors} of {most} descriptors in use")
    verdicts.check("service is normal within 5 s after", waited < 5, f"{waited:.1f} s")


def descriptors(stage, verdicts, options):
    """No place is left, and then no descriptor, while 2,000 connections a second come."""
    onset, lasts = 15, max(20, options.duration // 2)
    floor_share, floor_rate = floor(stage, 20)
    report = stage.drill("--onset", f"{onset}s", "--duration", f"{lasts}s", "--quiet", "5s", "--drain", "30s",
                         *FLOOD, *SENDERS)
    began = report["started"] + onset
    looks = [look for look in stage.looks if began + 5 <= look.time <= began + lasts]
    used = (looks[-1].cpu - looks[0].cpu) / (looks[-1].time - looks[0].time)
    rate = rate_of(report, onset + 5, onset + lasts)
    check_good(verdicts, report)
    # Good mail is told from the rest after accept() only, so nobody can be left to the kernel.
    each, least = used / rate * 1e6, floor_share / floor_rate * 1e6
    verdicts.check("a refusal costs no more than four times what to accept and close costs", each < 4 * least,
                   f"{each:.0f} us of {least:.0f}, {each / least:.1f} times; with {rate:.0f} a second "
                   f"{100 * used:.1f} % of a core of {100 * least * rate / 1e6:.1f} %")
    empty(stage, verdicts, lasts)


SCENARIOS = {"attack": attack, "among": among, "noise": noise, "monday": monday, "retry": retry,
             "provider": provider, "descriptors": descriptors}
THOUSANDS = {"places": 12_200}  # three quarters are for strangers
OPTIONS = {"attack": THOUSANDS, "among": THOUSANDS, "descriptors": {"places": 0, "descriptors": 1000}}  # of the stage


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True)
    parser.add_argument("--duration", type=int, default=60, help="seconds; 600 is the long form")
    parser.add_argument("--delay", default="2ms", help="what each command takes at the mail server")
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=", ".join(SCENARIOS))
    options = parser.parse_args()
    names = options.scenarios or list(SCENARIOS)
    if unknown := set(names) - set(SCENARIOS):
        parser.error(f"no such scenario: {', '.join(sorted(unknown))}")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    verdicts = Verdicts()
    for name in names:
        print(f"\n{name}: {SCENARIOS[name].__doc__}", flush=True)
        with tempfile.TemporaryDirectory(prefix="ravelin-drill-") as directory:
            os.chmod(directory, 0o755)
            stage = Stage(options.build, directory, delay=options.delay, **OPTIONS.get(name, {}))
            try:
                SCENARIOS[name](stage, verdicts, options)
            finally:
                for process in (stage.ravelin, stage.backend):
                    if process.poll() is None:
                        process.kill()
                        process.wait()
    sys.exit(1 if verdicts.failed else 0)


if __name__ == "__main__":
    main()
