#!/usr/bin/env python3
"""The measurements of tests/bench/run.sh. Figures of one run are compared with each other only:
rounds are interleaved, medians are given with their spread, ratios are taken from medians."""
import argparse
import os
import pathlib
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import tls

HERE = pathlib.Path(__file__).resolve().parent
TICK = os.sysconf("SC_CLK_TCK")
PORTS = iter(range(17000, 19000))
HELPERS = 4096  # backlog of the sinks


def port():
    for number in PORTS:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", number)) != 0:
                return number
    raise SystemExit("no free port")


class Server:
    """A server that is measured: a process with its children."""

    def __init__(self, name, arguments, listen, log):
        self.name, self.port = name, listen
        self.process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        end = time.monotonic() + 20
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", listen)) == 0:
                    return
            if self.process.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"{name} did not start: {arguments}")
            time.sleep(0.02)

    def pids(self):
        pid = self.process.pid
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [pid, *map(int, children)]

    def cpu(self):
        """Seconds of CPU, user and system, so far."""
        total = 0
        for pid in self.pids():
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
        return total / TICK

    def anonymous(self):
        """Bytes of user memory: anonymous pages of all processes."""
        total = 0
        for pid in self.pids():
            for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith("RssAnon:"):
                    total += int(line.split()[1]) * 1024
        return total

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def fill(template, directory, name, **values):
    text = (HERE / template).read_text()
    for key, value in {"DIR": directory, **values}.items():
        text = text.replace(f"@{key}@", str(value))
    path = pathlib.Path(directory) / name
    path.write_text(text)
    return str(path)


class Bench:
    def __init__(self, build, directory):
        self.build, self.directory = pathlib.Path(build), directory
        self.log = open(f"{directory}/servers.log", "ab")
        self.servers = []

    def start(self, name, arguments, listen):
        server = Server(name, [str(a) for a in arguments], listen, self.log)
        self.servers.append(server)
        return server

    def sink(self, refuse):
        """Postfix's smtp-sink: lock-step, one process."""
        listen = port()
        options = ["-B", "550 5.1.1 User unknown", "-f", "RCPT"] if refuse else []
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        return self.start("smtp-sink", ["smtp-sink", *user, *options, f"127.0.0.1:{listen}", HELPERS],
                          listen)

    def free_port(self):
        return port()

    def null(self, code):
        listen = port()
        return self.start("null server", [self.build / "null_server", "127.0.0.1", listen, 2, code],
                          listen)

    def ravelin(self, backend, max_refusals=1_000_000, workers=2, certificates="", pipelined=9,
                prefix=()):
        listen = port()
        place = pathlib.Path(self.directory) / f"ravelin-{listen}"
        place.mkdir()
        config = fill("ravelin.toml", place, "ravelin.toml", PORT=listen, BACKEND=backend.port,
                      MAX_REFUSALS=max_refusals, WORKERS=workers, CERTIFICATES=certificates,
                      PIPELINED=pipelined)
        return self.start("Ravelin", [*prefix, self.build / "ravelin", "--config", config], listen)

    def nginx(self, backend):
        listen, auth = port(), port()
        place = pathlib.Path(self.directory) / f"nginx-{listen}"
        place.mkdir()
        config = fill("peers/nginx.conf", place, "nginx.conf", PORT=listen, AUTH=auth,
                      BACKEND=backend.port)
        return self.start("nginx", ["nginx", "-p", place, "-c", config], listen)

    def slow_backend(self, *options):
        """ravelin-drill's: knows nobody, punishes as Postfix does."""
        listen = port()
        return self.start("backend", [self.build / "ravelin-drill", "backend", "--listen",
                                      f"127.0.0.1:{listen}", "--valid", "nobody", "--punish", *options],
                          listen)

    def end(self):
        for server in self.servers:
            server.end()
        self.servers = []


def source(target, dialogs, size, sessions, refused):
    """One run of smtp-source; (seconds, complaints that are not the expected refusal)."""
    arguments = ["smtp-source", "-s", str(sessions), "-m", str(dialogs), "-f", "" if refused else
                 "a@sender.example", "-t", "user@example.com"]
    arguments += ["-A", "-N"] if refused else ["-l", str(size)]
    begin = time.monotonic()
    done = subprocess.run([*arguments, f"127.0.0.1:{target.port}"], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True)
    took = time.monotonic() - begin
    bad = [line for line in done.stderr.splitlines()
           if "User unknown" not in line and "no valid recipients" not in line.lower()
           and not line.startswith("smtp-source: warning: data command rejected")]
    if done.returncode:
        bad.append(f"smtp-source exited with {done.returncode}")
    return took, bad


class Series:
    def __init__(self, what, server):
        self.what, self.server = what, server
        self.rates, self.costs = [], []

    def run(self, count, size, sessions, refused):
        before = self.server.cpu()
        took, bad = source(self.server, count, size, sessions, refused)
        if bad:
            print(f"  {self.what}: {len(bad)} complaints, first: {bad[0]}", file=sys.stderr)
        self.rates.append(count / took)
        self.costs.append((self.server.cpu() - before) / count * 1000)

    def row(self, base):
        def spread(values, digits):
            return (f"{statistics.median(values):.{digits}f} "
                    f"[{min(values):.{digits}f}-{max(values):.{digits}f}]")
        ratio = statistics.median(self.rates) / statistics.median(base.rates)
        return f"  {self.what:<34}{spread(self.rates, 0):<24}{ratio:<9.2f}{spread(self.costs, 3)}"


def compare(title, unit, series, rounds, *load):
    for _ in range(rounds):
        for one in series:
            one.run(*load)
    print(f"\n{title}\n  {'':<34}{unit + '/s [range]':<24}{'ratio':<9}own CPU ms per {unit[:-1]} [range]")
    for one in series:
        print(one.row(series[0]), flush=True)


def hold(server, count, secure=lambda client: client):
    """Bytes of user memory that each of |count| idle dialogs costs: said EHLO, then silence."""
    def open_dialogs(number):
        sockets = []
        for index in range(number):
            client = socket.socket()
            client.bind((f"127.{1 + index // 60000}.{index // 250 % 240 + 1}.{index % 250 + 1}", 0))
            client.connect(("127.0.0.1", server.port))
            client.settimeout(30)
            client.recv(1000)
            client = secure(client)
            client.sendall(b"EHLO idle.example\r\n")
            client.recv(1000)
            sockets.append(client)
        return sockets

    warm = open_dialogs(200)  # what is paid once
    before = server.anonymous()
    held = open_dialogs(count)
    each = (server.anonymous() - before) / count
    for client in warm + held:
        client.close()
    return each


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--dialogs", type=int, default=20000)
    parser.add_argument("--idle", type=int, default=8000)
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--tls", action="store_true", help="measure TLS, and nothing else")
    only.add_argument("--slow", action="store_true", help="measure a slow backend, and nothing else")
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    with tempfile.TemporaryDirectory(prefix="ravelin-bench-") as directory:
        os.chmod(directory, 0o755)
        bench = Bench(options.build, directory)
        try:
            if options.slow:
                return measure_slow(bench, options)
            if not options.tls:
                measure(bench, options)
            tls.measure(bench, options, hold)
        finally:
            bench.end()


def measure(bench, options):
    count = options.dialogs
    refusing, null550 = bench.sink(True), bench.null(550)
    compare(f"Refused recipients: {count} dialogs, 500 at once, one random recipient each", "dialogs", [
        Series("smtp-source to smtp-sink, direct", refusing),
        Series("null server", null550),
        Series("Ravelin, smtp-sink behind", bench.ravelin(refusing)),
        Series("Ravelin, pipelining sink behind", bench.ravelin(null550)),
        Series("Ravelin, rotating after 9 refusals", bench.ravelin(null550, 9)),
        Series("nginx mail proxy, smtp-sink behind", bench.nginx(refusing)),
    ], options.rounds, count, 0, 500, True)
    bench.end()

    for size, messages, name in ((4096, count // 2, "4 kB"), (100_000, count // 10, "100 kB")):
        taking, null250 = bench.sink(False), bench.null(250)
        compare(f"Relay of {name} mail: {messages} messages, 100 at once", "messages", [
            Series("smtp-source to smtp-sink, direct", taking),
            Series("null server", null250),
            Series("Ravelin, smtp-sink behind", bench.ravelin(taking)),
            Series("Ravelin, pipelining sink behind", bench.ravelin(null250)),
            Series("nginx mail proxy, smtp-sink behind", bench.nginx(taking)),
        ], options.rounds, messages, size, 100, False)
        bench.end()

    print(f"\nUser memory of an idle dialog, {options.idle} dialogs")
    sink = bench.null(250)
    for server in (bench.null(250), bench.ravelin(sink), bench.nginx(sink)):
        print(f"  {server.name:<34}{hold(server, options.idle):.0f} B", flush=True)
    bench.end()


def measure_slow(bench, options):
    """15 connections to a backend that is far away, or that takes its time."""
    for what, option, count in (("50 ms away", "--latency=50ms", 4000),
                                ("500 ms away", "--latency=500ms", 800),
                                ("that takes 50 ms for each command", "--delay=50ms", 800)):
        backend = bench.slow_backend(option)
        compare(f"Refused recipients at a backend {what}: {count} dialogs, 400 at once", "dialogs", [
            Series("one question at a time", bench.ravelin(backend, 9, pipelined=1)),
            Series("nine at once", bench.ravelin(backend, 9)),
        ], options.rounds, count, 0, 400, True)
        bench.end()


if __name__ == "__main__":
    main()
