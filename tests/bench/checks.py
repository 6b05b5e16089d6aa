"""What each check costs: the same dialogs with one of them on, with all, and without any. Part of measure.py.

As many strangers as dialogs, each with an address, a HELO name and a sender's domain of its own, are refused one
random recipient each. They come from threads of a process of Python's, which is slower than smtp-source, but
smtp-source has one address: here CPU counts, not the rate. The DNS server is that of the system tests.
"""
import inspect
import pathlib
import subprocess
import sys

import scale

FAKE_DNS = pathlib.Path(__file__).resolve().parent.parent / "system" / "fake_dns.py"
AT_ONCE = 64
MOST = 4000  # dialogs: for so many the cache has room for all answers


def stranger(number):
    """The client's address in the dialog of that number, which comes once."""
    return f"127.{number // 62500 + 1}.{number // 250 % 250}.{number % 250 + 1}"


LOAD = inspect.getsource(stranger) + """
import concurrent.futures, socket, sys
port, first, count, at_once = map(int, sys.argv[1:5])
expected = sys.argv[5].encode()

def dialog(number):
    with socket.socket() as client:
        client.settimeout(60)
        client.bind((stranger(number), 0))
        client.connect(("127.0.0.1", port))
        client.recv(1000)
        for line in (f"EHLO mail{number}.helo.example", f"MAIL FROM:<a@d{number}.sender.example>",
                     f"RCPT TO:<nobody{number}@example.com>", "QUIT"):
            client.sendall(line.encode() + b"\\r\\n")
            answer = client.recv(1000)
            if line.startswith("RCPT") and not answer.startswith(expected):
                return answer
    return None

with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
    bad = [one for one in pool.map(dialog, range(first, first + count)) if one]
if bad:
    sys.exit(f"{len(bad)} unexpected answers, first: {bad[0]}")
"""

PER_CLIENT = {"limits.sessions_per_client": "30", "limits.sessions_per_network": "90"}
PAUSE = {"checks.early_talker.action": '"reject"', "checks.early_talker.pause": '"20ms"'}
SHIELD = {"harvest.unknown": "100000"}
MEMORY = {"verify.negative_ttl": '"5m"'}
GREYLIST = {"greylist.apply_to": '"unknown"', "greylist.delay": '"1s"'}


def dns(port):
    """All that asks; what is found is noted only, so that everybody comes to the backend."""
    return {"dns.timeout": '"20s"', "dns.servers": f'["127.0.0.1:{port}"]',
            "checks.rdns.action": '"note"', "checks.sender_domain.action": '"note"',
            **{f"checks.helo.{name}": '"note"' for name in
               ("syntax", "own_name", "literal", "not_fqdn", "unresolvable", "ptr_mismatch")}}


def dns_server(bench, place, count):
    """The port of one that knows so many strangers."""
    with open(place / "zone", "w", encoding="utf-8") as zone:
        zone.write("*.helo.example A 127.0.0.9\n*.sender.example MX 10 mx.sender.example\n")
        for number in range(count):
            address = stranger(number)
            turned = ".".join(reversed(address.split(".")))
            zone.write(f"{turned}.in-addr.arpa PTR host{number}.bench.example\n"
                       f"host{number}.bench.example A {address}\n")
    port = bench.free_port()
    bench.start("DNS", [sys.executable, "-B", FAKE_DNS, "--port", port, "--ttl", 3600, place / "zone"], port)
    return port


class Series:
    """|expected|: how the answer to RCPT begins."""

    def __init__(self, what, server, expected="550"):
        self.what, self.server, self.expected = what, server, expected
        self.costs = []

    def dialogs(self, first, count):
        done = subprocess.run([sys.executable, "-c", LOAD, str(self.server.port), str(first), str(count),
                               str(AT_ONCE), self.expected], capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{self.what}: {done.stderr.strip()}")

    def run(self, count):
        before = self.server.cpu()
        self.dialogs(0, count)
        self.costs.append((self.server.cpu() - before) / count * 1000)

    def row(self, base):
        ratios = [one / other for one, other in zip(self.costs, base.costs)]
        return f"  {self.what:<44}{scale.spread(self.costs, 3):<24}{scale.spread(ratios, 2)}"


def series(bench, sink, asked):
    """With new servers: who is known already, and which answers of DNS are there, is part of what is measured."""
    def server(but):
        return bench.ravelin(sink, but=but)

    greylisting, resolving = server(GREYLIST), server(asked)
    everything = server({**PER_CLIENT, **PAUSE, **SHIELD, **MEMORY, **GREYLIST, **asked})
    return [
        Series("nothing", server({})),
        Series("limits per client and network", server(PER_CLIENT)),
        Series("pause of 20 ms, early talkers", server(PAUSE)),
        Series("harvest shield", server(SHIELD)),
        Series("unknown recipients remembered", server(MEMORY)),
        Series("greylisting: at first sight, no question", greylisting, "451"),
        Series("greylisting: the tuple passes", greylisting),
        Series("DNS: all is asked", resolving),
        Series("DNS: all is known", resolving),
        Series("all of these: at first sight, no question", everything, "451"),
        Series("all of these: known, and let through", everything),
    ]


def measure(bench, options):
    count = min(options.dialogs, MOST)
    warm_up = count // 10
    rows = {}
    for number in range(options.rounds):
        sink = bench.null(550)
        asked = dns(dns_server(bench, bench.place(f"dns-{number}"), count + warm_up))
        for one in series(bench, sink, asked):
            row = rows.setdefault(one.what, one)
            row.server = one.server
            row.dialogs(count, warm_up)  # what is allocated once
            row.run(count)
        bench.end()
    print(f"\nRefused recipients, {count} dialogs from as many addresses, {AT_ONCE} at once\n"
          f"  {'':<44}{'own CPU ms each':<24}ratio")
    for one in rows.values():
        print(one.row(rows["nothing"]), flush=True)
