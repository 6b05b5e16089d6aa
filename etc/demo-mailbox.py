#!/usr/bin/env python3
"""A small mail server to try Ravelin with: alice and bob @example.com have mailboxes, nobody else.

Mail lands in DIR/alice/new and DIR/bob/new (Maildir), byte for byte as it came. It is a backend for
a first look on loopback, not a mail server for the world.

Usage: demo-mailbox.py --listen 127.0.0.1:2526 --maildir DIR
"""
import argparse
import asyncio
import os
import signal
import sys
import time

MAILBOXES = {"alice@example.com": "alice", "bob@example.com": "bob", "postmaster@example.com": "alice"}
MAX_MESSAGE = 100_000_000


def make_maildir(root, mailbox):
    for part in ("tmp", "new", "cur"):
        os.makedirs(os.path.join(root, mailbox, part), exist_ok=True)


class Dialog:
    """One connection; replies are flushed once per batch, so pipelined commands cost one write."""

    serial = 0

    def __init__(self, root, reader, writer):
        self.root, self.reader, self.writer = root, reader, writer
        self.reset()

    def reset(self):
        self.sender, self.recipients = None, []

    def say(self, text):
        self.writer.write(text.encode() + b"\r\n")

    async def run(self):
        self.say("220 demo.example.com ESMTP demo mailbox")
        await self.writer.drain()
        while line := await self.reader.readline():
            verb, _, argument = line.decode("latin-1").strip().partition(" ")
            handler = getattr(self, "on_" + verb.lower(), None)
            if handler is None:
                self.say("502 5.5.1 Command not implemented")
            elif await handler(argument):
                break
            await self.writer.drain()
        self.writer.close()

    async def on_ehlo(self, _):
        self.reset()
        for line in ("250-demo.example.com", "250-PIPELINING", f"250-SIZE {MAX_MESSAGE}",
                     "250-8BITMIME", "250 ENHANCEDSTATUSCODES"):
            self.say(line)

    async def on_helo(self, _):
        self.reset()
        self.say("250 demo.example.com")

    async def on_mail(self, argument):
        self.sender = address_in(argument)
        self.say("250 2.1.0 Sender ok")

    async def on_rcpt(self, argument):
        mailbox = MAILBOXES.get(address_in(argument).lower())
        if self.sender is None:
            self.say("503 5.5.1 MAIL first")
        elif mailbox is None:
            self.say(f"550 5.1.1 <{address_in(argument)}>: no mailbox of this name at the demo server")
        else:
            self.recipients.append(mailbox)
            self.say("250 2.1.5 Recipient ok")

    async def on_data(self, _):
        if not self.recipients:
            self.say("503 5.5.1 RCPT first")
            return
        self.say("354 End with a dot")
        await self.writer.drain()
        text = bytearray()
        while (line := await self.reader.readline()) != b".\r\n":
            if not line:
                return True  # the other side left before the end: nothing was accepted
            text += line[1:] if line.startswith(b".") else line
        for mailbox in dict.fromkeys(self.recipients):
            self.store(mailbox, text)
        self.reset()
        self.say("250 2.0.0 Stored")

    def store(self, mailbox, text):
        Dialog.serial += 1
        name = f"{int(time.time())}.{os.getpid()}_{Dialog.serial}.demo"
        fresh = os.path.join(self.root, mailbox, "tmp", name)
        with open(fresh, "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.rename(fresh, os.path.join(self.root, mailbox, "new", name))

    async def on_rset(self, _):
        self.reset()
        self.say("250 2.0.0 Ok")

    async def on_noop(self, _):
        self.say("250 2.0.0 Ok")

    async def on_quit(self, _):
        self.say("221 2.0.0 Bye")
        await self.writer.drain()
        return True


def address_in(argument):
    return argument[argument.find("<") + 1:argument.rfind(">")]


async def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--listen", default="127.0.0.1:2526", metavar="ADDRESS:PORT")
    parser.add_argument("--maildir", required=True, metavar="DIR")
    options = parser.parse_args()
    for mailbox in set(MAILBOXES.values()):
        make_maildir(options.maildir, mailbox)

    async def serve(reader, writer):
        try:
            await Dialog(options.maildir, reader, writer).run()
        except (ConnectionError, asyncio.LimitOverrunError, ValueError):
            writer.close()

    host, _, port = options.listen.rpartition(":")
    server = await asyncio.start_server(serve, host, int(port), limit=1_000_000)
    stop = asyncio.get_running_loop().create_future()
    # Who starts us in the background (quickstart.sh) ends us in its own order, not by Ctrl-C.
    ends = [n for n in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(n) != signal.SIG_IGN]
    for number in ends:
        asyncio.get_running_loop().add_signal_handler(number, lambda: stop.done() or stop.set_result(None))
    print(f"demo mailbox server on {options.listen}, mail in {options.maildir}", flush=True)
    await stop
    server.close()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except OSError as error:
        sys.exit(f"demo-mailbox.py: {error}")
