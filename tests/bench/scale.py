"""Many dialogs, many tuples: what a dialog costs while others are open and idle, and beside ten million
greylist tuples; how soon those are there again after a restart. Part of measure.py.

Each step of the first table has a Ravelin of its own, so that no table has grown for another's dialogs. The
idle dialogs come from 250 addresses and are held by a process of their own, since one process may not have
descriptors for all. What they cost by being there is measured without a load, and taken off.
"""
import itertools
import os
import re
import socket
import statistics
import subprocess
import sys
import time

from servers import smtp_source, user_memory

OPEN = 100, 1000, 5000, 15000
SESSIONS = 500
QUIET = 2  # seconds, for what idle dialogs cost
KNOWN = 20000  # recipients whose tuples have passed
PATIENCE = 120

fresh = (f"fresh{number}@example.com" for number in itertools.count())

HOLDER = """
import resource, socket, sys
port, count = int(sys.argv[1]), int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
held = []
for index in range(count):
    client = socket.socket()
    client.bind((f"127.1.{index // 250 % 250 + 1}.{index % 250 + 1}", 0))
    client.connect(("127.0.0.1", port))
    client.settimeout(30)
    heard = client.recv(1000)
    client.sendall(b"EHLO idle.example\\r\\n")
    if not heard.startswith(b"220") or not client.recv(1000).startswith(b"250"):
        sys.exit(f"dialog {index} was not taken: {heard}")
    held.append(client)
print("held", flush=True)
sys.stdin.read()
"""


class Holder:
    """So many dialogs that have said EHLO and nothing more."""

    def __init__(self, server, count):
        self.process = subprocess.Popen([sys.executable, "-c", HOLDER, str(server.port), str(count)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "held\n":
            raise SystemExit("the idle dialogs were not taken")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.communicate("")


def spread(values, digits):
    return f"{statistics.median(values):.{digits}f} [{min(values):.{digits}f}-{max(values):.{digits}f}]"


class Series:
    """Rates and costs of one kind of dialog at one server."""

    def __init__(self, what, server, sender, recipients, refusal="User unknown"):
        self.what, self.server = what, server
        self.sender, self.recipients, self.refusal = sender, recipients, refusal
        self.rates, self.costs, self.idle = [], [], []

    def load(self, dialogs):
        before, begin = self.server.cpu(), time.monotonic()
        bad = smtp_source(self.server, dialogs, SESSIONS, self.sender, next(self.recipients), "-A",
                          "-N", refusal=self.refusal)
        took = time.monotonic() - begin
        if bad:
            print(f"  {self.what}: {len(bad)} complaints, first: {bad[0]}", file=sys.stderr)
        return took, self.server.cpu() - before

    def rest(self):
        """Milliseconds of CPU a second without a load."""
        before, begin = self.server.cpu(), time.monotonic()
        time.sleep(QUIET)
        return (self.server.cpu() - before) / (time.monotonic() - begin) * 1000

    def run(self, dialogs, idle=0.0):
        took, cpu = self.load(dialogs)
        self.rates.append(dialogs / took)
        self.costs.append(cpu / dialogs * 1000 - idle * took / dialogs)
        self.idle.append(idle)

    def row(self, base):
        ratio = statistics.median(self.costs) / statistics.median(base.costs)
        return (f"  {self.what:<44}{spread(self.rates, 0):<24}{spread(self.costs, 3):<24}{ratio:<8.3f}"
                f"{spread(self.idle, 1) if any(self.idle) else ''}").rstrip()


def show(title, series, last=""):
    print(f"\n{title}\n  {'':<44}{'dialogs/s [range]':<24}{'own CPU ms each':<24}{'ratio':<8}{last}".rstrip())
    for one in series:
        print(one.row(series[0]), flush=True)


def measure_open(bench, options):
    sink = bench.null(550)
    names = (f"user{number}@example.com" for number in itertools.count())
    series = [(count, Series(f"while {count} others are open", bench.ravelin(sink), "", names))
              for count in OPEN]
    for _, one in series:
        one.load(options.dialogs // 10)
    for _ in range(options.rounds):
        for count, one in series:
            with Holder(one.server, count):
                one.run(options.dialogs, one.rest())
    show(f"Refused recipients, {options.dialogs} dialogs, {SESSIONS} at once", [one for _, one in series],
         "of the idle ones, ms CPU a second")
    bench.end()


def fill(bench, name, count):
    path = bench.place(name) / "state.db"
    done = subprocess.run([bench.build / "tuples", path, str(count), str(KNOWN)], capture_output=True,
                          text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    print(f"  {name}: {done.stdout.strip()}", flush=True)
    return path


def dialog(port, number):
    """Seconds of a dialog that is greylisted, and of its greeting alone."""
    begin = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), 30) as client:
        client.recv(1000)
        greeted = time.monotonic() - begin
        for line in ("EHLO new.example", "MAIL FROM:<a@new.example>", f"RCPT TO:<new{number}@example.com>"):
            client.sendall(line.encode() + b"\r\n")
            answer = client.recv(1000)
    if not answer.startswith(b"451"):
        raise SystemExit(f"not greylisted: {answer}")
    return time.monotonic() - begin, greeted


def dialogs_until(port, numbers, over):
    times = []
    while not over():
        times.append(dialog(port, next(numbers)))
    return times


def show_waits(what, times):
    for name, values in zip(("dialog", "greeting"), zip(*times)):
        values = sorted(values)
        shown = [values[len(values) * share // 100] * 1000 for share in (50, 99)] + [values[-1] * 1000]
        print(f"  {what + ', ' + name:<44}" + " / ".join(f"{one:.1f}" for one in shown) +
              f" ms p50/p99/max of {len(values)}")


class Restart:
    """A Ravelin that is started by hand, to the microsecond."""

    def __init__(self, bench, template):
        self.log, self.port = template.place / "mail.log", template.port
        begin = time.monotonic()
        self.process = subprocess.Popen([bench.build / "ravelin", "--config", template.place / "ravelin.toml"])
        self.greeted = self.first_greeting(begin)

    def first_greeting(self, begin):
        while time.monotonic() < begin + PATIENCE:
            with socket.socket() as client:
                if client.connect_ex(("127.0.0.1", self.port)) == 0 and client.recv(1000):
                    return time.monotonic() - begin
            time.sleep(0.001)
        raise SystemExit("no greeting after a restart")

    def loaded(self):
        """(tuples, seconds) as the log says; None until then."""
        with open(self.log, errors="replace") as lines:
            found = re.findall(r"state: (\d+) greylist tuples were read in ([0-9.]+) s", lines.read())
        return (int(found[-1][0]), float(found[-1][1])) if found else None

    def end(self, kill=False):
        (self.process.kill if kill else self.process.terminate)()
        begin = time.monotonic()
        self.process.wait()
        return time.monotonic() - begin


def memory_of(bench, template):
    """Bytes of user memory of a Ravelin after a few dialogs."""
    ravelin = Restart(bench, template)
    for number in range(1000):
        dialog(ravelin.port, number)
    held = user_memory(ravelin.process.pid)
    ravelin.end()
    return held


def measure_restarts(bench, options, few, template):
    """Both have ended; their places and ports are used again."""
    numbers = itertools.count()
    alone = memory_of(bench, few)
    greeted, read, held, ends = [], [], [], []
    while_loading, after = [], []
    for _ in range(options.rounds):
        template.place.joinpath("mail.log").unlink()
        ravelin = Restart(bench, template)
        greeted.append(ravelin.greeted)
        begin = time.monotonic()
        while_loading += dialogs_until(ravelin.port, numbers, lambda r=ravelin: r.loaded() or
                                       time.monotonic() > begin + PATIENCE)
        count, took = ravelin.loaded()
        read.append(took)
        held.append((user_memory(ravelin.process.pid) - alone) / count)
        quiet = time.monotonic() + 2
        after += dialogs_until(ravelin.port, numbers, lambda end=quiet: time.monotonic() > end)
        ends.append(ravelin.end(kill=True))
    print(f"\nAfter kill -9, with {count} tuples")
    print(f"  {'from exec to the first greeting':<44}{spread(greeted, 2)} s")
    print(f"  {'until all tuples are loaded':<44}{spread(read, 1)} s")
    print(f"  {'user memory of a tuple':<44}{spread(held, 1)} B")
    show_waits("while they are loaded", while_loading)
    show_waits("afterwards", after)
    ravelin = Restart(bench, template)
    print(f"  {'SIGTERM while they are loaded ends it in':<44}{ravelin.end():.2f} s", flush=True)


def measure_tuples(bench, options):
    print("\nState files, made by the greylist and the store themselves")
    files = [(name, fill(bench, name, count)) for name, count in
             (("few", 0), ("many", options.tuples))]
    sink = bench.null(550)
    servers = [(name, bench.ravelin(sink, state=path)) for name, path in files]
    known = itertools.repeat("known@example.com")
    series = []
    for kind, recipients, refusal in (("known", known, "User unknown"), ("new", fresh, "Greylisted")):
        series.append([Series(f"{kind} tuples, {name} others", server, "a@sender.example", recipients,
                              refusal) for name, server in servers])
    time.sleep(20)  # all are loaded
    for one in sum(series, []):
        one.load(options.dialogs // 10)
    for _ in range(options.rounds):
        for one in sum(series, []):
            one.run(options.dialogs)
    for title, pair in zip(("Refused recipients whose tuples have passed", "Greylisted at first sight"), series):
        show(f"{title}, {options.dialogs} dialogs, {SESSIONS} at once", pair)
    bench.end()
    measure_restarts(bench, options, *(server for _, server in servers))


def measure(bench, options):
    if os.cpu_count() < 2:
        raise SystemExit("two cores are needed: one for the server, one for the load")
    options.dialogs = min(options.dialogs, KNOWN)
    measure_open(bench, options)
    measure_tuples(bench, options)
