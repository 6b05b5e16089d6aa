#!/usr/bin/env python3
"""What a flood of connections leaves to good clients: messages a second with and without it, in
turns, so that whatever else this machine does counts on both sides.

The mail server takes its time, so what is measured is not how fast this machine is, but whether good
clients have to wait for bad ones. RAVELIN_FLOOD_RATE is connections a second; with 0, as many as the
flooder can make, it takes a core from the others, and the share is only told. RAVELIN_HANDSHAKE_RATE
is the same for those that begin TLS. RAVELIN_FLOOD_SHARE is the least share that will do: all but a
tenth on a machine that has nothing else to do (docs/testing.md); a half where the sanitizers and a
second test take their part of it.
"""
import asyncio
import os
import subprocess
import sys
import time
import unittest

import harness
from harness import Backend, SystemTest
from test_tls import make_certificate

RATE = int(os.environ.get("RAVELIN_FLOOD_RATE", "1000"))
HANDSHAKES = int(os.environ.get("RAVELIN_HANDSHAKE_RATE", "50"))
CLIENTS = 6
THINKING = 0.03  # of the mail server, at each dot
TURNS, SECONDS = 3, 1.5
LEAST = float(os.environ.get("RAVELIN_FLOOD_SHARE", "0.5"))


class FloodShare(SystemTest):
    def test_good_clients_keep_their_throughput(self):
        ravelin = self.flooded("connections", RATE, {
            "limits": "sessions = 100\nsessions_per_client = 3\nsessions_per_network = 50"})
        self.assertTrue(ravelin.lines("limit sessions_per_"))

    def test_good_clients_keep_their_throughput_in_a_flood_of_handshakes(self):
        certificate = make_certificate(self.directory, "mx", ["mx.example.net"])
        ravelin = self.flooded("handshakes", HANDSHAKES, {
            "tls": f'certificates = ["{certificate}"]',
            "limits": "sessions_per_client = 0\nsessions_per_network = 0"})
        self.assertTrue(ravelin.lines("lost connection after STARTTLS|SSL_accept error"))

    def flooded(self, kind, rate, sections):
        backend = self.start(Backend(script={"dot": lambda *_: time.sleep(THINKING)}))
        ravelin = self.ravelin([backend], sections=sections)
        command = [sys.executable, str(harness.HERE / "flooder.py"), str(ravelin.port), str(rate), kind]
        flooder = self.enterContext(subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1))
        self.addCleanup(flooder.kill)
        self.assertEqual(flooder.stdout.readline(), "ready\n")
        asyncio.run(self.live(ravelin, flooder, kind, rate))
        return ravelin

    async def good(self, port, number, over):
        """A client that sends one message after the other, with a connection for each five."""
        while not over.is_set():
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", port, local_addr=(f"127.67.{number}.1", 0))
            await self.say(reader, writer, b"", b"220")
            await self.say(reader, writer, b"EHLO c.example\r\n", b"250")
            for _ in range(5):
                await self.say(reader, writer, b"MAIL FROM:<a@b.example>\r\n", b"250")
                await self.say(reader, writer, b"RCPT TO:<bob@example.com>\r\n", b"250")
                await self.say(reader, writer, b"DATA\r\n", b"354")
                await self.say(reader, writer, b"Subject: x\r\n\r\nx\r\n.\r\n", b"250")
                self.sent += 1
            writer.close()

    async def say(self, reader, writer, line, expected):
        writer.write(line)
        while (reply := await asyncio.wait_for(reader.readline(), harness.PATIENCE))[3:4] == b"-":
            pass
        self.assertEqual(reply[:3], expected, reply)

    async def turn(self):
        before, began = self.sent, time.monotonic()
        await asyncio.sleep(SECONDS)
        return (self.sent - before) / (time.monotonic() - began)

    async def live(self, ravelin, flooder, kind, rate):
        self.sent, over, quiet, flooded, connections = 0, asyncio.Event(), [], [], 0
        clients = [asyncio.create_task(self.good(ravelin.port, number, over))
                   for number in range(CLIENTS)]
        await self.turn()  # to warm up
        for _ in range(TURNS):
            quiet.append(await self.turn())
            flooder.stdin.write("go\n")
            flooded.append(await self.turn())
            flooder.stdin.write("stop\n")
            connections += int(await asyncio.to_thread(flooder.stdout.readline))
        over.set()
        await asyncio.gather(*clients)
        share = sum(flooded) / sum(quiet)
        print(f"{sum(quiet) / TURNS:.0f} messages a second, {sum(flooded) / TURNS:.0f} in a flood of "
              f"{connections / TURNS / SECONDS:.0f} {kind} a second: {share:.0%}", flush=True)
        self.assertGreater(connections, 0)
        if rate:
            self.assertGreaterEqual(share, LEAST)


if __name__ == "__main__":
    harness.main()
