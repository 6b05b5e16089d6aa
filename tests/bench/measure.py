#!/usr/bin/env python3
"""The measurements of tests/bench/run.sh. Figures of one run are compared with each other only:
rounds are interleaved, medians are given with their spread, ratios are taken from medians."""
import argparse
import itertools
import os
import resource
import socket
import statistics
import sys
import tempfile
import time

import checks
import observe
import peers
import scale
import tls
from servers import Bench, smtp_source


# Who was refused may be remembered, so nobody is asked for twice: smtp-source's -N counts from 0.
names = (f"user{number}@example.com" for number in itertools.count())


def source(target, dialogs, size, sessions, refused):
    if refused:
        return smtp_source(target, dialogs, sessions, "", next(names), "-A", "-N")
    return smtp_source(target, dialogs, sessions, "a@sender.example", "user@example.com", "-l", str(size))


class Series:
    """|share| of the load, for who is much slower."""

    def __init__(self, what, server, share=1.0):
        self.what, self.server, self.share = what, server, share
        self.rates, self.costs = [], []

    def load(self, count, size, sessions, refused):
        """(seconds until the last mail was out, seconds of the server's CPU)."""
        before, begin = self.server.cpu(), time.monotonic()
        bad = source(self.server, count, size, sessions, refused)
        if not self.server.settled():
            bad.append("mail is left in the queue")
        took = time.monotonic() - begin
        if bad:
            print(f"  {self.what}: {len(bad)} complaints, first: {bad[0]}", file=sys.stderr)
        return took, self.server.cpu() - before

    def warm_up(self, count, size, sessions, refused):
        """So that its processes are there."""
        self.load(max(sessions, int(count * self.share) // 10), size, sessions, refused)

    def run(self, count, *load):
        count = max(1, int(count * self.share))
        took, cpu = self.load(count, *load)
        self.rates.append(count / took)
        self.costs.append(cpu / count * 1000)

    def row(self, base):
        def spread(values, digits):
            return (f"{statistics.median(values):.{digits}f} "
                    f"[{min(values):.{digits}f}-{max(values):.{digits}f}]")
        ratio = statistics.median(self.rates) / statistics.median(base.rates)
        return f"  {self.what:<36}{spread(self.rates, 0):<24}{ratio:<9.3f}{spread(self.costs, 3)}"


def compare(title, unit, series, rounds, *load):
    for one in series:
        one.warm_up(*load)
    for _ in range(rounds):
        for one in series:
            one.run(*load)
    print(f"\n{title}\n  {'':<36}{unit + '/s [range]':<24}{'ratio':<9}own CPU ms per {unit[:-1]} [range]")
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
    only.add_argument("--scale", action="store_true",
                      help="measure many open dialogs and many greylist tuples, and nothing else")
    only.add_argument("--observe", action="store_true", help="measure what being watched costs, and nothing else")
    only.add_argument("--checks", action="store_true", help="measure what each check costs, and nothing else")
    parser.add_argument("--tuples", type=int, default=10_000_000)
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    with tempfile.TemporaryDirectory(prefix="ravelin-bench-") as directory:
        os.chmod(directory, 0o755)
        bench = Bench(options.build, directory)
        try:
            if options.slow:
                return measure_slow(bench, options)
            if options.checks:
                return checks.measure(bench, options)
            if options.observe:
                return observe.measure(bench, options, compare, Series)
            if options.scale:
                return scale.measure(bench, options)
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
        *(Series(*peer) for peer in peers.started(bench, refusing, "refused")),
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
            *(Series(*peer) for peer in peers.started(bench, taking, name)),
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
