"""TLS: full handshakes per second beside openssl's own server with the same certificate, and the user
memory of an idle dialog. Part of measure.py.

The server has one core, the load the other. openssl s_server takes one connection after the other in
one thread, so Ravelin has one worker here; both send one session ticket. Three loads: openssl s_time,
which speaks no SMTP; and handshakes.cc, at s_server without and at Ravelin with STARTTLS, one dialog at
a time and several at once.
"""
import os
import pathlib
import re
import ssl
import statistics
import subprocess
import time

SECONDS = 2
AT_ONCE = 8
KINDS = {"ECDSA P-256": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
         "RSA 2048": ["-newkey", "rsa:2048"]}


def certificate(directory, kind):
    stem = f"{directory}/{kind.split()[0]}"
    subprocess.run(["openssl", "req", "-x509", "-nodes", *KINDS[kind], "-days", "30", "-subj",
                    "/CN=bench.example.net", "-keyout", f"{stem}.key", "-out", f"{stem}.crt"],
                   check=True, capture_output=True)
    path = pathlib.Path(f"{stem}.pem")
    path.write_text(pathlib.Path(f"{stem}.crt").read_text() + pathlib.Path(f"{stem}.key").read_text())
    return path


def on_core(number, *command):
    return ["taskset", "-c", str(number), *map(str, command)]


def s_time(server):
    begin = time.monotonic()
    done = subprocess.run(on_core(0, "openssl", "s_time", "-connect", f"127.0.0.1:{server.port}",
                                  "-new", "-time", SECONDS), capture_output=True, text=True)
    took = time.monotonic() - begin
    # It counts whole seconds of the calendar: in so short a time too rough.
    found = re.search(r"(\d+) connections in \d+ real seconds", done.stdout)
    if not found:
        raise SystemExit(f"s_time: {done.stdout}{done.stderr}")
    return int(found[1]), int(found[1]) / took


class Series:
    def __init__(self, what, server, load):
        self.what, self.server, self.load = what, server, load
        self.rates, self.costs = [], []

    def run(self):
        before = self.server.cpu()
        count, rate = self.load(self.server)
        self.rates.append(rate)
        self.costs.append((self.server.cpu() - before) / count * 1000)

    def row(self, base):
        ratio = statistics.median(self.rates) / statistics.median(base.rates)
        return (f"  {self.what:<47}{statistics.median(self.rates):.0f} "
                f"[{min(self.rates):.0f}-{max(self.rates):.0f}]".ljust(69) + f"{ratio:<8.2f}"
                f"{statistics.median(self.costs):.3f} [{min(self.costs):.3f}-{max(self.costs):.3f}]")


class Handshakes:
    """The load of handshakes.cc."""

    def __init__(self, build, processes, how):
        self.command = [build / "handshakes", "127.0.0.1"], [SECONDS, processes, how]

    def __call__(self, server):
        front, back = self.command
        done = subprocess.run(on_core(0, *front, server.port, *back), capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"handshakes: {done.stderr}")
        rate = float(done.stdout)
        return rate * SECONDS, rate


def compare(bench, kind, rounds):
    pem = certificate(bench.directory, kind)
    listen = bench.free_port()
    openssl = bench.start("s_server", on_core(
        1, "openssl", "s_server", "-accept", f"127.0.0.1:{listen}", "-cert", pem, "-key", pem, "-www",
        "-quiet", "-num_tickets", "1"), listen)
    ravelin = bench.ravelin(bench.null(250), workers=1, certificates=f'"{pem}"', prefix=on_core(1))
    series = [Series("openssl s_time to s_server, 1 at a time", openssl, s_time)]
    for processes, name in ((1, "1 at a time"), (AT_ONCE, f"{AT_ONCE} at once")):
        series += [Series(f"handshakes to s_server, {name}", openssl,
                          Handshakes(bench.build, processes, "tls")),
                   Series(f"handshakes to Ravelin by STARTTLS, {name}", ravelin,
                          Handshakes(bench.build, processes, "starttls"))]
    for _ in range(rounds):
        for one in series:
            one.run()
    print(f"\nFull handshakes, TLS 1.3, {kind}\n  {'':<47}{'handshakes/s [range]':<22}{'ratio':<8}"
          "server's CPU ms each [range]")
    for one in series:
        print(one.row(series[0]), flush=True)
    bench.end()


def secure(client):
    """|client| has heard the greeting: STARTTLS and another EHLO."""
    for line in (b"EHLO idle.example\r\n", b"STARTTLS\r\n"):
        client.sendall(line)
        client.recv(1000)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(client)


def measure(bench, options, hold):
    if os.cpu_count() < 2:
        raise SystemExit("two cores are needed: one for the server, one for the load")
    for kind in KINDS:
        compare(bench, kind, options.rounds)
    count = options.idle // 2
    print(f"\nUser memory of an idle dialog under TLS, {count} dialogs")
    for kind in KINDS:
        pem = certificate(bench.directory, kind)
        ravelin = bench.ravelin(bench.null(250), certificates=f'"{pem}"')
        print(f"  Ravelin, {kind:<25}{hold(ravelin, count, secure):.0f} B", flush=True)
        bench.end()
