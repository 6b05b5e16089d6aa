#!/usr/bin/env python3
"""A small DNS server for system tests, on 127.0.0.1, UDP and TCP.

usage: fake_dns.py --port N [--ttl SECONDS] ZONEFILE

Prints "ready PORT" once it can be asked; port 0 takes a free one. HUP reads the zone again (a zone
that does not parse changes nothing), TERM ends it.

The zone has one entry a line; '#' begins a comment. Names need no last dot.
    4.3.2.127.in-addr.arpa  PTR    mx.example
    mx.example              A      127.2.3.4
    mx.example              AAAA   2001:db8::1
    example                 MX     10 mx.example      ("0 ." is the null MX)
    www.example             CNAME  mx.example
    example                 TXT    v=spf1 -all
    down.example            SERVFAIL                  (also NXDOMAIN, REFUSED, FORMERR)
    slow.example            SILENT                    no answer at all
    big.example             TRUNCATED                 over UDP only the TC bit
    *.example               A      127.0.0.9          any name below, that has no entry of its own
    *                       SERVFAIL                  any name at all
What is not in the zone is NXDOMAIN; a name without a record of the type is an empty NOERROR.
"""

import argparse
import ipaddress
import selectors
import signal
import socket
import struct
import sys

TYPES = {"A": 1, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28}
RCODES = {"NXDOMAIN": 3, "SERVFAIL": 2, "REFUSED": 5, "FORMERR": 1}
FATES = set(RCODES) | {"SILENT", "TRUNCATED"}
MAX_ALIASES = 8


def canonical(name):
    return name.rstrip(".").lower()


def wire_name(name):
    labels = [label.encode() for label in canonical(name).split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def wire_data(kind, text):
    if kind in ("PTR", "CNAME"):
        return wire_name(text)
    if kind == "MX":
        preference, exchange = text.split()
        return struct.pack("!H", int(preference)) + wire_name(exchange)
    if kind == "TXT":
        parts = [text.encode()[i : i + 255] for i in range(0, len(text.encode()), 255)] or [b""]
        return b"".join(bytes([len(part)]) + part for part in parts)
    address = ipaddress.ip_address(text)
    if (kind == "A") != (address.version == 4):
        raise ValueError(f"{text} is no {kind}")
    return address.packed


class Zone:
    """What the server knows; ValueError names the first line that is wrong."""

    def __init__(self, path):
        self.records = {}  # name -> [(kind, data)]
        self.fates = {}  # name -> fate
        with open(path, encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    self._add(line.split("#")[0].split(None, 2))
                except (ValueError, KeyError) as error:
                    raise ValueError(f"{path}:{number}: {error}") from error

    def _add(self, fields):
        if not fields:
            return
        if len(fields) < 2:
            raise ValueError("expected: name TYPE [data]")
        name, kind = canonical(fields[0]), fields[1].upper()
        if kind in FATES:
            self.fates[name] = kind
        elif kind in TYPES and kind != "SOA" and len(fields) == 3:
            self.records.setdefault(name, []).append((kind, wire_data(kind, fields[2].strip())))
        else:
            raise ValueError(f"cannot use '{kind}' here")

    def entry(self, name):
        """The entry that speaks for |name|: its own, else the nearest wildcard's; or None."""
        candidates = [name]
        labels = name.split(".")
        candidates += [".".join(["*"] + labels[i:]) for i in range(1, len(labels))] + ["*"]
        for candidate in candidates:
            if candidate in self.records or candidate in self.fates:
                return candidate
        return None


def read_query(message):
    """(id, flags, question bytes, name, type), or None if this is no query with one question."""
    if len(message) < 12:
        return None
    ident, flags, questions = struct.unpack("!HHH", message[:6])
    if flags & 0x8000 or questions != 1:
        return None
    labels, at = [], 12
    while at < len(message) and message[at]:
        length = message[at]
        if length > 63 or at + 1 + length > len(message):
            return None
        labels.append(message[at + 1 : at + 1 + length].decode("latin-1"))
        at += 1 + length
    if at + 5 > len(message):
        return None
    (kind,) = struct.unpack("!H", message[at + 1 : at + 3])
    return ident, flags, message[12 : at + 5], canonical(".".join(labels)), kind


class Responder:
    def __init__(self, zone, ttl):
        self.zone = zone
        self.ttl = ttl

    def record(self, owner, kind, data):
        head = struct.pack("!HHIH", TYPES[kind], 1, self.ttl, len(data))
        return wire_name(owner) + head + data

    def look_up(self, name, kind):
        """(rcode, fate, answer records), following aliases within the zone."""
        answers = []
        for _ in range(MAX_ALIASES):
            entry = self.zone.entry(name)
            if entry is None:
                return RCODES["NXDOMAIN"], None, answers
            fate = self.zone.fates.get(entry)
            if fate:
                return RCODES.get(fate, 0), fate, answers
            records = self.zone.records[entry]
            found = [self.record(name, k, data) for k, data in records if TYPES[k] == kind]
            if found:
                return 0, None, answers + found
            alias = next((data for k, data in records if k == "CNAME"), None)
            if alias is None:
                return 0, None, answers
            answers.append(self.record(name, "CNAME", alias))
            name = text_name(alias)
        return RCODES["SERVFAIL"], None, []

    def answer(self, message, tcp):
        """The reply's bytes, or None for silence."""
        query = read_query(message)
        if query is None:
            return None
        ident, flags, question, name, kind = query
        rcode, fate, answers = self.look_up(name, kind)
        if fate == "SILENT":
            return None
        authority = []
        if not answers and rcode in (0, RCODES["NXDOMAIN"]) and fate != "TRUNCATED":
            numbers = struct.pack("!5I", 1, 3600, 600, 86400, self.ttl)
            authority = [self.record("", "SOA", wire_name("ns") + wire_name("root") + numbers)]
        cut = fate == "TRUNCATED" and not tcp
        body = question + b"".join(answers + authority)
        if not tcp and len(body) > 1200:
            cut, answers, authority, body = True, [], [], question
        out = 0x8080 | (flags & 0x7900) | (0x0200 if cut else 0) | rcode
        return struct.pack("!6H", ident, out, 1, len(answers), len(authority), 0) + body


def text_name(wire):
    labels, at = [], 0
    while wire[at]:
        labels.append(wire[at + 1 : at + 1 + wire[at]].decode("latin-1"))
        at += 1 + wire[at]
    return ".".join(labels)


def bind(port):
    """UDP and TCP sockets on the same port; a free one if |port| is 0."""
    for _ in range(50):
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            udp.bind(("127.0.0.1", port))
            tcp.bind(udp.getsockname())
            tcp.listen(64)
        except OSError:
            udp.close()
            tcp.close()
            if port:
                raise
            continue
        udp.setblocking(False)
        tcp.setblocking(False)
        return udp, tcp
    raise OSError("no port is free for both UDP and TCP")


class Server:
    def __init__(self, responder, port):
        self.responder = responder
        self.selector = selectors.DefaultSelector()
        self.udp, self.tcp = bind(port)
        self.port = self.udp.getsockname()[1]
        self.selector.register(self.udp, selectors.EVENT_READ, self.on_datagram)
        self.selector.register(self.tcp, selectors.EVENT_READ, self.on_connection)

    def run(self):
        while True:
            for key, _ in self.selector.select():
                key.data()

    def on_datagram(self):
        try:
            message, peer = self.udp.recvfrom(4096)
            reply = self.responder.answer(message, tcp=False)
            if reply is not None:
                self.udp.sendto(reply, peer)
        except OSError:
            pass  # the peer has gone; UDP reports it here

    def on_connection(self):
        try:
            peer, _ = self.tcp.accept()
        except OSError:
            return
        peer.settimeout(2)
        pending = bytearray()
        self.selector.register(
            peer, selectors.EVENT_READ, lambda: self.on_bytes(peer, pending)
        )

    def on_bytes(self, peer, pending):
        try:
            data = peer.recv(65536)
            pending += data
            while len(pending) >= 2 and len(pending) >= 2 + int.from_bytes(pending[:2], "big"):
                size = int.from_bytes(pending[:2], "big")
                reply = self.responder.answer(bytes(pending[2 : 2 + size]), tcp=True)
                del pending[: 2 + size]
                if reply is not None:
                    peer.sendall(len(reply).to_bytes(2, "big") + reply)
        except OSError:
            data = b""
        if not data:
            self.selector.unregister(peer)
            peer.close()


def main():
    parser = argparse.ArgumentParser(description="A small DNS server for tests.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--ttl", type=int, default=5, help="of every record, in seconds")
    parser.add_argument("zone")
    options = parser.parse_args()
    responder = Responder(Zone(options.zone), options.ttl)

    def reload_zone(*_):
        try:
            responder.zone = Zone(options.zone)
        except (OSError, ValueError) as error:
            print(f"fake_dns: zone unchanged: {error}", file=sys.stderr, flush=True)

    def stop(*_):
        sys.exit(0)

    signal.signal(signal.SIGHUP, reload_zone)
    signal.signal(signal.SIGTERM, stop)
    server = Server(responder, options.port)
    print(f"ready {server.port}", flush=True)
    try:
        server.run()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
