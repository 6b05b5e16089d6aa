#!/usr/bin/env python3
"""usage: flooder.py PORT RATE [handshakes]

Connections from 127.66.0.0/24 to a port of this machine, RATE a second (0: as many as it can): some
are closed at once, some reset, some say a little, some stay for a while. Or all of them begin TLS,
always with the same hello: what the server answers costs it a signature, and the flooder nothing.
After each line that comes in on stdin it floods until the next one; then it prints how many
connections that were.
"""
import collections
import contextlib
import select
import socket
import ssl
import struct
import sys
import time


def connect(port, number, held):
    peer = socket.socket()
    try:
        peer.bind((f"127.66.0.{1 + number % 250}", 0))
        peer.settimeout(1)
        peer.connect(("127.0.0.1", port))
        if number % 4 == 0:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif number % 4 == 1:
            peer.send(b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<nobody@example.com>\r\n")
        elif number % 4 == 2:
            held.append(peer)
            return
        peer.close()
    except OSError:
        peer.close()


def client_hello():
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing).do_handshake()
    return outgoing.read()


HELLO = client_hello()


def begin_tls(port, number, held):
    peer = socket.socket()
    try:
        peer.bind((f"127.66.0.{1 + number % 250}", 0))
        peer.settimeout(1)
        peer.connect(("127.0.0.1", port))
        peer.send(b"EHLO x\r\nSTARTTLS\r\n")
        heard = b""
        while b"Ready to start TLS" not in heard:
            more = peer.recv(4096)
            if not more:
                raise OSError("refused")
            heard += more
        peer.send(HELLO)
        held.append(peer)
    except OSError:
        peer.close()


def flood(port, rate, connect):
    held, number, began = collections.deque(), 0, time.monotonic()
    while True:
        ahead = number / rate - (time.monotonic() - began) if rate else 0
        if ahead > 0 or number % 50 == 0:
            if select.select([sys.stdin], [], [], max(ahead, 0))[0]:
                break
        connect(port, number, held)
        number += 1
        if len(held) > 300:  # below the handshakes that there may be at once
            held.popleft().close()
    for peer in held:
        peer.close()
    return number


def main():
    port, rate = map(int, sys.argv[1:3])
    kind = begin_tls if sys.argv[3:] == ["handshakes"] else connect
    print("ready", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        while sys.stdin.readline():
            count = flood(port, rate, kind)
            sys.stdin.readline()
            print(count, flush=True)


if __name__ == "__main__":
    main()
