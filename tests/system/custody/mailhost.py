"""A mail server that fails in every way that the weather allows, and knows what it said.

It keeps a message or does not; when its connection breaks behind the dot, both happen. What it
answers with 4xx it never keeps: a server that lies about that is not what is tested.
"""
import asyncio
import hashlib
import random
import re
import socket
import struct
import time

from .facts import Copy
from .secure import start_tls

TRACE = re.compile(rb"Received: from c(\d+)\.client\.example .*? with (ESMTPS?) .*?id ([0-9A-F]{12})\b",
                   re.S)
NUMBER = re.compile(rb"\r\nX-Custody: (\d+)\r\n")
MUTE = 3.0  # longer than relay.final_timeout and verify.timeout of the test
CALM = 0.002
THINKS = 0.15  # at this share of dots, whatever the weather: clients leave meanwhile

# What may happen instead of the reply at each point.
KINDS = {
    "banner": ("421", "554", "reset", "close", "half", "slow", "garbage"),
    "ehlo": ("421", "later", "reset", "close", "half", "slow", "garbage"),
    "starttls": ("421", "later", "reset", "close", "half", "slow", "garbage"),
    "handshake": ("reset", "close", "slow", "mute"),
    "mail": ("421", "later", "reset", "close", "half", "slow", "mute", "garbage"),
    "rcpt": ("421", "later", "later", "reset", "close", "half", "slow", "mute", "garbage"),
    "data": ("421", "later", "reset", "close", "half", "slow", "garbage", "odd"),
    "text": ("421", "later", "reset", "close", "slow"),
    "dot": ("421", "later", "reset", "close", "half", "slow", "mute", "garbage", "odd"),
    "after": ("reset", "close", "421"),
    "rset": ("421", "reset", "slow", "garbage"),
}


class Over(Exception):
    """This connection is done."""


class Mailhost:
    """With |tls|, an ssl.SSLContext, it offers STARTTLS, as long as |secures|."""

    def __init__(self, name, port, facts, tls):
        self.name, self.port, self.facts, self.tls = name, port, facts, tls
        self.secures = True
        self.source = random.Random(f"{facts.seed}/{name}")
        self.weather = dict.fromkeys(KINDS, CALM)
        self.at_dot = None  # called with each Copy, before and after it is kept
        self.server, self.dialogs, self.connections = None, set(), 0

    def fault(self, point):
        if self.source.random() >= self.weather[point]:
            return None
        kind = self.source.choice(KINDS[point])
        self.facts.did("backend faults")
        return kind

    async def up(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", self.port, limit=4 << 20)

    def down(self):
        """As if its process were killed."""
        self.server.close()
        self.crash()

    def crash(self):
        for dialog in list(self.dialogs):
            dialog.cut()

    async def serve(self, reader, writer):
        self.connections += 1
        dialog = Dialog(self, f"{self.name}.{self.connections}", reader, writer)
        self.dialogs.add(dialog)
        try:
            await dialog.run()
        except (Over, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as end:
            dialog.say(f"- over {end!r}")
        finally:
            self.dialogs.discard(dialog)
            if dialog.copy and not dialog.copy.said:
                dialog.copy.over_at = time.time()
            writer.close()


class Dialog:
    def __init__(self, host, name, reader, writer):
        self.host, self.name, self.reader, self.writer = host, name, reader, writer
        self.copy, self.sender, self.recipients = None, "", []
        self.peer, self.secured = writer.get_extra_info("socket"), False

    def say(self, text):
        self.host.facts.transcript.say(self.name, text)

    # --- ends

    def cut(self, reset=True):
        if self.copy:
            self.copy.cut = True
        self.say("- cut off")
        if reset:
            if self.peer.fileno() >= 0:
                self.peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def mute(self):
        await asyncio.sleep(MUTE + self.host.source.random())
        raise Over("mute")

    # --- replies

    async def send(self, text):
        if self.writer.transport.is_closing():
            raise Over("gone")
        self.say(f"S {text!r}")
        self.writer.write(text)
        await self.writer.drain()

    async def misbehave(self, kind, normal):
        """Instead of |normal|; returns only if the dialog goes on and the answer was no."""
        self.say(f"- {kind}")
        if kind == "later":
            return await self.send(b"451 4.3.0 Not now\r\n")
        if kind in ("421", "554"):
            await self.send(b"421 4.3.2 Going down\r\n" if kind == "421" else b"554 5.3.2 Closed\r\n")
        elif kind == "half":
            await self.send(normal[:self.host.source.randrange(1, len(normal) - 1)])
        elif kind == "garbage":
            await self.send(self.host.source.choice(
                (b"\0\xff\xfe?\r\n", b"999 What\r\n", b"25 Ok\r\n", b"\r\n", b"250+Ok\r\n")))
        elif kind == "odd":  # no reply that this command can have
            await self.send(b"354 Go on and on\r\n" if normal[:1] == b"2" else b"250 2.0.0 Ok\r\n")
            await asyncio.sleep(self.host.source.random() * 0.02)
        elif kind == "mute":
            await self.mute()
        else:
            self.cut(reset=kind == "reset")
        raise Over(kind)

    async def act(self, point, normal):
        """The normal reply, late perhaps, or what the weather has; True if it was the normal one."""
        kind = self.host.fault(point)
        if kind == "slow":
            self.say("- slow")
            await asyncio.sleep(self.host.source.uniform(0.02, 0.6))
            if self.host.source.random() < 0.5:
                await self.send(normal[:3])
                await asyncio.sleep(0.02)
                normal = normal[3:]
        elif kind:
            await self.misbehave(kind, normal)
            return False
        await self.send(normal)
        return True

    # --- the dialog

    async def run(self):
        await self.act("banner", b"220 backend.example ESMTP\r\n")
        while line := await self.reader.readline():
            self.say(f"C {line!r}")
            verb = line.split(None, 1)[0].upper() if line.strip() else b""
            if verb == b"EHLO":
                await self.on_ehlo()
            elif verb == b"STARTTLS":
                await self.on_starttls()
            elif verb == b"MAIL":
                self.recipients, self.sender = [], address(line)
                if not await self.act("mail", b"250 2.1.0 Ok\r\n"):
                    self.sender = ""
            elif verb == b"RCPT":
                await self.on_rcpt(address(line))
            elif verb == b"DATA":
                await self.on_data()
            elif verb == b"QUIT":
                await self.send(b"221 2.0.0 Bye\r\n")
                return
            elif verb in (b"RSET", b"NOOP"):
                self.sender, self.recipients = "", []
                await self.act("rset", b"250 2.0.0 Ok\r\n")
            else:
                await self.send(b"502 5.5.1 What?\r\n")

    async def on_ehlo(self):
        offer = b"250-STARTTLS\r\n" if self.host.secures and not self.secured else b""
        await self.act("ehlo", b"250-backend.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n" + offer +
                       b"250-SIZE 50000000\r\n250 ENHANCEDSTATUSCODES\r\n")

    async def on_starttls(self):
        if not await self.act("starttls", b"220 2.0.0 Go\r\n"):
            return
        kind = self.host.fault("handshake")
        if kind == "slow":
            # Not read before it is time: what comes belongs to TLS.
            self.writer.transport.pause_reading()
            await asyncio.sleep(self.host.source.uniform(0.02, 0.6))
        elif kind:
            await self.misbehave(kind, b"")
        await start_tls(self.writer, self.host.tls)
        self.say("- in TLS")
        self.secured = True

    async def on_rcpt(self, recipient):
        if not self.sender:
            return await self.send(b"503 5.5.1 MAIL first\r\n")
        if await self.act("rcpt", b"250 2.1.5 Ok\r\n"):
            self.recipients.append(recipient)

    async def on_data(self):
        if not self.recipients:
            return await self.send(b"554 5.5.1 No valid recipients\r\n")
        if not await self.act("data", b"354 Go on\r\n"):
            return
        kind = self.host.fault("text")
        if kind == "slow":
            await asyncio.sleep(self.host.source.uniform(0.02, 0.6))
        elif kind:
            await self.reader.read(self.host.source.randrange(1, 5000))
            await self.misbehave(kind, b"")
            raise Over(kind)
        text = await self.reader.readuntil(b"\r\n.\r\n")
        await self.on_dot(text[:-3])
        self.sender, self.recipients = "", []

    async def on_dot(self, stuffed):
        text = stuffed.replace(b"\r\n..", b"\r\n.")
        copy = self.copy = self.examine(text)
        self.say(f"C a text of {len(text)} octets, message {copy.message} id {copy.identity}")
        if self.host.at_dot:
            await self.host.at_dot(copy)
        kind = self.host.fault("dot")
        if not kind and self.host.source.random() < THINKS:
            kind = "slow"
        broken = kind not in (None, "slow")
        if broken:
            copy.kept = kind not in ("421", "later") and self.host.source.random() < 0.7
        self.say(f"- {'kept' if copy.kept else 'not kept'}")
        self.host.facts.copies.append(copy)
        normal = b"250 2.0.0 Ok: queued\r\n"
        if broken:
            await self.misbehave(kind, normal)
            return
        if kind == "slow":
            await asyncio.sleep(self.host.source.uniform(0.02, 0.8))
            await self.send(normal[:4])
            await asyncio.sleep(0.01)
            normal = normal[4:]
        if not self.writer.transport.is_closing() and not self.reader.at_eof():
            copy.said, copy.said_at = "250", time.time()
        await self.send(normal)
        if after := self.host.fault("after"):
            copy.cut = True
            await self.misbehave(after, b"")

    def examine(self, text):
        trace, number = TRACE.match(text), NUMBER.search(text)
        below, at = text, 0
        if trace:  # the line and its folds
            at = text.find(b"\r\n", trace.end())
            while text[at + 2:at + 3] in (b" ", b"\t"):
                at = text.find(b"\r\n", at + 2)
            below = text[at + 2:]
        return Copy(int(number[1]) if number else -1, int(trace[1]) if trace else -1,
                    trace[3].decode() if trace else "", hashlib.sha256(below).digest(), self.sender,
                    list(self.recipients), self.name, time.time(),
                    from_tls=bool(trace) and trace[2] == b"ESMTPS", in_tls=self.secured)


def address(line):
    return line[line.find(b"<") + 1:line.rfind(b">")].decode("latin-1")
