#!/usr/bin/env python3
"""Huge messages, and many at once: they stream, so memory depends on neither their size nor on how
fast the mail server takes them.

RAVELIN_HUGE_MB=2048 and RAVELIN_HUGE_MESSAGES=10000 are the long forms; the latter needs 30,500 file
descriptors (ulimit -Hn).
"""
import asyncio
import hashlib
import os
import resource
import threading
import unittest

import harness
from harness import Client, SystemTest, free_port
from test_backend_tls import context_of
from test_slow_clients import LEAN, resident
from test_tls import SecureClient, make_certificate

SIZE = int(os.environ.get("RAVELIN_HUGE_MB", "150")) << 20
MESSAGES = int(os.environ.get("RAVELIN_HUGE_MESSAGES", "300"))
EACH = 300_000  # octets of each of the many
STRANGERS_SHARE = 0.5  # of a backend's connections
BLOCK = (b"x" * 996 + b"\r\n" + b"." * 5 + b"\r\n") * 65  # 64 kB; what is stuffed is in it
HEAD = b"Subject: huge\r\n\r\n"
STUFFED = BLOCK.replace(b"\r\n.", b"\r\n..")
LIMITS = """sessions = 0
sessions_per_client = 0
sessions_per_network = 0
reserved_for_known = "0%"
message_size = "10GB"
"""


class Sink:
    """A mail server that keeps of each text its sum and its size."""

    def __init__(self, tls=None):
        self.tls, self.taken, self.port = tls, [], free_port()

    async def up(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", self.port, limit=1 << 18)

    async def serve(self, reader, writer):
        offer = b"250-STARTTLS\r\n" if self.tls else b""
        writer.write(b"220 sink.example ESMTP\r\n")
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"EHLO":
                writer.write(b"250-sink.example\r\n250-PIPELINING\r\n" + offer + b"250 8BITMIME\r\n")
            elif verb == b"STAR":
                writer.write(b"220 Go\r\n")
                await writer.start_tls(self.tls)
                offer = b""
            elif verb == b"DATA":
                writer.write(b"354 Go\r\n")
                self.taken.append(await self.take(reader))
                writer.write(b"250 2.0.0 Ok\r\n")
            elif verb == b"QUIT":
                break
            else:
                writer.write(b"250 2.0.0 Ok\r\n")
        writer.close()

    async def take(self, reader):
        """The sum of the text below our line of trace, as it came, and its size."""
        while not (line := await reader.readline()).startswith(b"Subject:"):
            assert line[:1] in (b"R", b"\t"), line
        text, size, tail = hashlib.sha256(line), len(line), line
        while not tail.endswith(b"\r\n.\r\n"):
            data = await reader.read(1 << 18)
            assert data, "cut"
            text.update(data)
            size += len(data)
            tail = (tail + data)[-5:]
        return text.hexdigest(), size


def expected(blocks):
    text = hashlib.sha256(HEAD)
    for _ in range(blocks):
        text.update(STUFFED)
    text.update(b".\r\n")
    return text.hexdigest(), len(HEAD) + blocks * len(STUFFED) + 3


class Watch:
    """The most memory that a process has had, in kB."""

    def __init__(self, process):
        self.process, self.most, self.over = process, 0, threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        while not self.over.wait(0.02):
            self.most = max(self.most, resident(self.process))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


class HugeMessages(SystemTest):
    def setUp(self):
        super().setUp()
        self.certificate = make_certificate(self.directory, "mx", ["mx.example.net"])

    def front(self, ports, **options):
        sections = {"tls": f'certificates = ["{self.certificate}"]',
                    "limits": LIMITS, **options.pop("sections", {})}
        return self.ravelin(ports, env=LEAN, sections=sections, **options)

    # --- one that is huge

    def test_one_in_the_clear(self):
        self.check_one(None, Client, 'tls = "off"')

    def test_one_in_tls(self):
        self.check_one(context_of(self.certificate), SecureClient, 'tls = "encrypt"')

    def check_one(self, tls, connect, route):
        asyncio.run(self.one(Sink(tls), connect, route))

    async def one(self, sink, connect, route):
        await sink.up()
        ravelin = self.front([sink.port], route=route)
        with Watch(ravelin) as watch:
            before = await asyncio.to_thread(self.send_one, ravelin, connect, watch)
        self.assertEqual(sink.taken[-1], expected(SIZE // len(BLOCK)))
        grown = watch.most - before
        print(f"{connect.__name__}: {SIZE >> 20} MB, {grown} kB more than behind 10 MB", flush=True)
        self.assertGreater(watch.most, 0)
        self.assertLess(grown, 5000)

    def send_one(self, ravelin, connect, watch):
        """Memory after a small one."""
        with connect(ravelin.port) as client:
            self.send(client, (10 << 20) // len(BLOCK))
            before, watch.most = resident(ravelin), 0
            self.send(client, SIZE // len(BLOCK))
        return before

    def send(self, client, blocks):
        client.say("EHLO client.sender.example")
        client.say("MAIL FROM:<a@sender.example>")
        client.say("RCPT TO:<bob@example.com>")
        self.assertRegex(client.say("DATA"), "^354 ")
        client.send(HEAD)
        for _ in range(blocks):
            client.send(STUFFED)
        client.send(b".\r\n")
        self.assertRegex(client.reply(), "^250 ")

    # --- many at once

    def test_many_at_once(self):
        """All are in the middle of their text at the same time, and then go on."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        # Each has two connections, and strangers use half of those that backends may have.
        self.assertGreater(hard, 3 * MESSAGES + 500)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        asyncio.run(self.many())

    async def many(self):
        each = min(MESSAGES, int(1000 * STRANGERS_SHARE))
        sinks = [Sink() for _ in range(-(-MESSAGES // each))]
        for sink in sinks:
            await sink.up()
        connections = f"connections = {int(each / STRANGERS_SHARE)}"
        routes = {f"[[{n}": f'[[route]]\ndomains = ["d{n}.example"]\nbackends = ["127.0.0.1:{sink.port}"]\n'
                            f"{connections}" for n, sink in enumerate(sinks)}
        ravelin = self.front([], domains=(), sections=routes)
        self.ready, self.go_on = asyncio.Semaphore(0), asyncio.Event()
        before = resident(ravelin)
        with Watch(ravelin) as watch:
            async with asyncio.TaskGroup() as crowd:  # the first that fails ends it all
                for number in range(MESSAGES):
                    domain = f"d{number // each}.example"
                    crowd.create_task(self.dialog(ravelin.port, number, domain))
                for _ in range(MESSAGES):
                    await asyncio.wait_for(self.ready.acquire(), 120)
                middle = resident(ravelin)
                self.go_on.set()
        taken = [text for sink in sinks for text in sink.taken]
        self.assertEqual(taken, [expected(2 * (EACH // 2 // len(BLOCK)))] * MESSAGES)
        print(f"{MESSAGES} messages of {taken[0][1]} octets at once: "
              f"{(middle - before) / MESSAGES:.1f} kB each in their middle, "
              f"{(watch.most - before) / MESSAGES:.1f} kB at most", flush=True)
        self.assertLess((watch.most - before) / MESSAGES, EACH / 2 / 1000)

    async def dialog(self, port, number, domain):
        source = f"127.{1 + number // 60000}.{number // 250 % 240}.{1 + number % 250}"
        reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
        await self.heard(reader, b"220")
        for line, code in ((f"EHLO c{number}.sender.example", b"250"),
                           ("MAIL FROM:<a@sender.example>", b"250"),
                           (f"RCPT TO:<bob@{domain}>", b"250"), ("DATA", b"354")):
            writer.write(line.encode() + b"\r\n")
            await self.heard(reader, code)
        half = STUFFED * (EACH // 2 // len(BLOCK))
        writer.write(HEAD + half)
        await writer.drain()
        self.ready.release()
        await self.go_on.wait()
        writer.write(half + b".\r\n")
        await self.heard(reader, b"250")
        writer.close()

    async def heard(self, reader, code):
        while (reply := await reader.readline())[3:4] == b"-":
            pass
        self.assertEqual(reply[:3], code, reply)


if __name__ == "__main__":
    harness.main()
