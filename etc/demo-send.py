#!/usr/bin/env python3
"""Sends one small mail and shows the dialog: to see what Ravelin answers.

Usage: etc/demo-send.py ADDRESS:PORT RECIPIENT [--from SENDER] [--file MESSAGE]

The end status is 0 if the mail was accepted, 1 if it was refused for now or for good. MESSAGE is sent
as it is, with line ends made CRLF where they are not.
"""
import argparse
import re
import socket
import sys

TEXT = b"Subject: first light\r\n\r\nA small mail.\r\n"


class Dialog:
    def __init__(self, address, port):
        self.socket = socket.create_connection((address, port), timeout=60)
        self.file = self.socket.makefile("rb")

    def reply(self):
        """The code of the next reply, which is printed."""
        while True:
            line = self.file.readline().decode("utf-8", "replace").rstrip("\r\n")
            print(f"  {line}" if line else "  (closed)", flush=True)
            if line[3:4] != "-":
                return int(line[:3] or 421)

    def say(self, command):
        print(f"> {command}", flush=True)
        self.socket.sendall(command.encode() + b"\r\n")
        return self.reply()

    def send(self, text):
        text = re.sub(rb"\r?\n", b"\r\n", text)
        print(f"> (the message, {len(text)} octets)", flush=True)
        text = re.sub(rb"(?m)^\.", b"..", text if text.endswith(b"\r\n") else text + b"\r\n")
        self.socket.sendall(text + b".\r\n")
        return self.reply()


def deliver(dialog, options):
    text = TEXT
    if options.file:
        with open(options.file, "rb") as file:
            text = file.read()
    return (dialog.reply() < 400 and dialog.say("EHLO mail.sender.example") < 400 and
            dialog.say(f"MAIL FROM:<{options.sender}>") < 400 and
            dialog.say(f"RCPT TO:<{options.recipient}>") < 400 and
            dialog.say("DATA") < 400 and dialog.send(text) < 400)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("server", metavar="ADDRESS:PORT")
    parser.add_argument("recipient")
    parser.add_argument("--from", dest="sender", default="me@sender.example")
    parser.add_argument("--file", help="the message; a small one if not given")
    options = parser.parse_args()
    address, _, port = options.server.rpartition(":")
    dialog = Dialog(address.strip("[]"), int(port))
    accepted = deliver(dialog, options)
    dialog.say("QUIT")
    return 0 if accepted else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, ValueError) as error:
        sys.exit(f"demo-send.py: {error}")
