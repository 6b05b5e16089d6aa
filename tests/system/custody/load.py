"""Clients that behave like queues: each recipient of each message is tried until it was taken.

Some leave where they should not, some are slow, some send all at once; then they try again. A share
of them uses STARTTLS.
"""
import asyncio
import random
import re
import socket
import struct
import time

from .facts import Attempt, Message, text_of
from .secure import any_certificate, start_tls

PATIENCE = 60.0  # for one reply
ID = re.compile(r"\b([0-9A-F]{12})\)?$")
SECURED = 0.3  # of the connections
STAGES = ("banner", "ehlo", "mail", "rcpt", "data", "text", "dot", "dot", "dot", "dot")


class Gone(Exception):
    """The connection is of no further use."""


class Load:
    def __init__(self, facts, port, clients, messages, enough):
        self.facts, self.port, self.clients, self.messages = facts, port, clients, messages
        self.enough = enough  # whether the chaos has had its turn
        self.source = random.Random(f"{facts.seed}/load")
        self.queue, self.made, self.taken, self.connections = asyncio.Queue(), 0, 0, 0
        self.tls = any_certificate()

    async def run(self):
        tasks = [asyncio.create_task(self.client()) for _ in range(self.clients)]
        await asyncio.gather(*tasks)

    async def next(self):
        """A message that is due, or a new one; None when all were taken."""
        while True:
            if not self.queue.empty():
                return self.queue.get_nowait()
            room = self.made - self.taken < 10 * self.clients
            if room and (self.made < self.messages or not self.enough()):
                self.made += 1
                return Message(self.facts.seed, self.made)
            if self.taken == self.made:
                return None
            await asyncio.sleep(0.02)

    def later(self, message):
        """As queues do: soon, then ever later."""
        message.tries += 1
        delay = min(0.2 * 1.6 ** min(message.tries, 10), 2.5) * self.source.uniform(0.5, 1.5)
        asyncio.get_running_loop().call_later(delay, self.queue.put_nowait, message)

    async def client(self):
        message = None
        while message := message or await self.next():
            self.connections += 1
            link = Link(self, self.connections)
            try:
                await link.open(message.source)
                while message and link.is_new(message):
                    await link.deliver(message)
                    self.settle(message)
                    message = None
                    if self.source.random() < 0.5:
                        await link.again()
                        message = await self.next()
                await link.quit()
            except (Gone, OSError, EOFError, asyncio.LimitOverrunError) as end:
                link.note(f"- over {end!r}")
                link.lost()
                if message:
                    self.settle(message)
                    message = None
            finally:
                link.close()

    def settle(self, message):
        if message.pending:
            self.later(message)
        else:
            self.taken += 1


class Link:
    """One connection of a client."""

    def __init__(self, load, number):
        self.load, self.number, self.source = load, number, load.source
        self.reader = self.writer = self.attempt = self.peer = None
        self.about, self.offered, self.secured = 0, "", False

    def note(self, text):
        self.load.facts.transcript.say(f"c{self.number}", text)

    async def open(self, source):
        self.reader, self.writer = await asyncio.wait_for(asyncio.open_connection(
            "127.0.0.1", self.load.port, local_addr=(source, 0), limit=1 << 16), PATIENCE)
        self.peer = self.writer.get_extra_info("socket")
        await self.expect("2")
        await self.hello()
        if self.source.random() < SECURED:
            await self.secure()

    async def hello(self):
        self.send(b"EHLO c%d.client.example\r\n" % self.number)
        self.offered = await self.expect("2")

    async def secure(self):
        self.send(b"STARTTLS\r\n")
        await self.expect("2")
        if self.source.random() < 0.05:
            self.leave()
        await start_tls(self.writer, self.load.tls, server_hostname="mx.example.net",
                        ssl_handshake_timeout=PATIENCE)
        self.note("- in TLS")
        self.secured = True
        await self.hello()

    async def again(self):
        if self.source.random() < 0.3:
            self.send(b"RSET\r\n")
            await self.expect("2")

    async def quit(self):
        self.send(b"QUIT\r\n")
        await self.reply()

    # --- octets

    def send(self, data):
        self.note(f"C {data!r}" if len(data) < 300 else f"C {len(data)} octets")
        self.writer.write(data)

    async def reply(self):
        lines = []
        while not lines or lines[-1][3:4] == "-":
            line = await asyncio.wait_for(self.reader.readuntil(b"\r\n"), PATIENCE)
            lines.append(line[:-2].decode("utf-8", "replace"))
        self.note(f"S {lines!r}")
        return "\n".join(lines)

    async def expect(self, digit):
        reply = await self.reply()
        self.judge_refusal(reply)
        if reply[:1] != digit:
            raise Gone(reply)
        return reply

    # No fault of the world may refuse mail.
    def judge_refusal(self, reply):
        if reply[:1] == "5":
            self.load.facts.broken.append(
                (f"mail was refused for good: {reply}", self.about, [f"c{self.number}"]))

    # --- one message

    async def deliver(self, message):
        self.about = message.number
        attempt = self.attempt = Attempt(message.number, self.number, message.digest, message.sender,
                                         secured=self.secured)
        self.load.facts.attempts[message.number, self.number] = attempt
        self.note(f"- message {message.number}, try {message.tries + 1}")
        leave = self.source.choice(STAGES) if self.source.random() < 0.12 else ""
        style = self.source.random()
        if not await self.envelope(message, leave, pipelined=style < 0.3):
            self.attempt = None
            self.send(b"RSET\r\n")
            await self.expect("2")
            return
        await self.text(message, leave, style)
        reply = await self.reply()
        self.judge_refusal(reply)
        attempt.reply, attempt.ended_at = reply, time.time()
        identity = ID.search(reply)
        attempt.identity = identity[1] if identity else ""
        self.attempt = None
        if attempt.heard:
            message.pending = [who for who in message.pending if who not in attempt.accepted]
        if reply[:1] != "2" or style > 0.97:
            raise Gone(reply)

    # A message is tried once on a connection, so that the two name the try.
    def is_new(self, message):
        return (message.number, self.number) not in self.load.facts.attempts

    def may_leave(self, here, wanted):
        if here == wanted:
            self.leave()

    async def envelope(self, message, leave, pipelined):
        """True if the text may come now."""
        self.may_leave("banner", leave)
        body = b" BODY=8BITMIME" if "8BITMIME" in self.offered else b""
        lines = [b"MAIL FROM:<%s>%s\r\n" % (message.sender.encode(), body)]
        lines += [b"RCPT TO:<%s>\r\n" % who.encode() for who in message.pending]
        lines.append(b"DATA\r\n")
        if pipelined:
            self.send(b"".join(lines))
        replies = []
        for line in lines:
            if not pipelined:
                if line == b"DATA\r\n" and not self.attempt.accepted:
                    return False
                self.send(line)
            if len(replies) == 1 and leave in ("mail", "ehlo"):
                self.leave()
            if line == b"DATA\r\n":
                self.may_leave("data", leave)
            replies.append(await self.reply())
            if line != b"DATA\r\n" or self.attempt.accepted:
                self.judge_refusal(replies[-1])
            if replies[-1].startswith("421"):
                raise Gone(replies[-1])
            if 1 <= len(replies) - 1 <= len(message.pending) and replies[-1][:1] == "2":
                self.attempt.accepted.append(message.pending[len(replies) - 2])
            if not pipelined and replies[0][:1] != "2":
                return False
        self.may_leave("rcpt", leave)
        return replies[-1].startswith("354")

    async def text(self, message, leave, style):
        text = text_of(self.load.facts.seed, message.number)
        stuffed = (b"\r\n" + text).replace(b"\r\n.", b"\r\n..")[2:]
        if leave == "text":
            self.send(stuffed[:self.source.randrange(len(stuffed))])
            self.leave()
        if style > 0.95:  # slow
            middle = self.source.randrange(len(stuffed))
            self.send(stuffed[:middle])
            await self.writer.drain()
            await asyncio.sleep(self.source.random() * 0.3)
            stuffed = stuffed[middle:]
        self.attempt.dot_at = time.time()
        self.send(stuffed)
        self.send(b".\r\n")
        await self.writer.drain()
        if leave == "dot":
            await asyncio.sleep(self.source.choice((0, 0, 0.002, 0.02, 0.2)))
            self.leave()
        if style > 0.97 and not self.secured:  # in TLS that is to leave
            self.note("- closes its side")
            self.writer.write_eof()

    # --- ends

    def leave(self):
        reset = self.source.random() < 0.5
        self.note("- leaves, with a reset" if reset else "- leaves")
        self.load.facts.did("clients that left")
        if self.attempt and self.attempt.dot_at:
            self.attempt.left_at = time.time()
        self.close(reset)
        raise Gone("left")

    def lost(self):
        if self.attempt and self.attempt.dot_at and not self.attempt.ended_at:
            self.attempt.ended_at = time.time()

    def close(self, reset=False):
        if not self.writer:
            return
        if reset:
            if self.peer.fileno() >= 0:
                self.peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.writer.transport.abort()
        self.writer.close()
