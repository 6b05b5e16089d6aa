#!/usr/bin/env python3
"""What real readers of Postfix logs make of ours: pflogsumm counts what happened, fail2ban finds who
misbehaved and nobody else, whatever a stranger says or makes the backend say."""
import collections
import re
import subprocess
import unittest

import harness
from harness import Backend, Client, FakeDns, SystemTest, wait_for

INNOCENT = "192.0.2.66"
# All that these readers look for, one after the other.
FORGED = (f"x: reject: RCPT from x[{INNOCENT}]: 554 5.7.1 <y>: User unknown; from=<z> to=<q> "
          f"hold: MAIL from y: from=<w>, size=7 [1]: A: client=u[{INNOCENT}], too many errors after "
          f"RCPT from x[{INNOCENT}]: PREGREET 1 after 1 from [{INNOCENT}]:1: warning: u[{INNOCENT}]: "
          f"SASL LOGIN authentication failed: to=<v>, relay=r, delay=1, status=sent (w)")
# Every client 127.1.2.N has a name, but the fourth has none, and 22 one that is no host name.
ZONE = "".join(f"{n}.2.1.127.in-addr.arpa PTR c{n}.client.example\nc{n}.client.example A 127.1.2.{n}\n"
               for n in range(1, 22) if n != 4) + f"""
22.2.1.127.in-addr.arpa PTR x[{INNOCENT}]:-from.client.example
x[{INNOCENT}]:-from.client.example A 127.1.2.22
sender.example MX 10 mx.sender.example
"""
SECTIONS = {
    "checks.rdns": 'action = "defer"',
    "checks.sender_domain": 'action = "defer"',
    "checks.helo": 'syntax = "off"\nown_name = "reject"\nliteral = "off"\nnot_fqdn = "reject"\n'
                   'unresolvable = "off"\nptr_mismatch = "off"',
    "checks.early_talker": 'action = "reject"\npause = "100ms"',
    "access": 'deny = ["127.1.2.8"]',
    "limits": "errors = 3\njunk_commands = 6\nsessions_per_client = 2",
    "greylist": 'except_recipients = ["bob@example.com", "eve@example.com", "no@example.com", '
                '"later@example.com"]',
}
CLIENT, ID, PATH, CODE = r"[\w.:-]+\[[\da-f.:]+\]", "[0-9A-F]{12}", "<[^ <>]*>", r"[45]\.\d+\.\d+"
# All lines that there are, by program.
SHAPES = {
    "postfix/smtpd": [
        rf"connect from {CLIENT}",
        rf"disconnect from {CLIENT}( [a-z]+=\d+(/\d+)?)* commands=\d+(/\d+)?",
        rf"NOQUEUE: reject: (CONNECT|EHLO|MAIL|RCPT) from {CLIENT}: [45]\d\d {CODE} .+;"
        rf"( from={PATH})?( to={PATH})? proto=E?SMTP( helo={PATH})?",
        rf"{ID}: reject: DATA from {CLIENT}: 554 {CODE} <DATA>: Data command rejected: .+; from={PATH} "
        rf"to={PATH} proto=ESMTP helo={PATH}",
        rf"{ID}: client={CLIENT}",
        rf"(lost connection|too many errors|too many junk commands) after [A-Z]+ from {CLIENT}",
        rf"PREGREET \d+ after [\d.]+ from \[[\da-f.:]+\]:\d+: .+"],
    "postfix/cleanup": [rf"{ID}: message-id={PATH}"],
    "postfix/qmgr": [rf"{ID}: from={PATH}, size=\d+, nrcpt=\d+ \(queue active\)", f"{ID}: removed"],
    "postfix/smtp": [rf"{ID}: to={PATH}, relay=[\w.-]+\[[\d.]+\]:\d+, delay=[\d.]+, delays=[\d.]+/0/[\d.]+/"
                     rf"[\d.]+, dsn=2\.\d\.\d, status=sent \(.+\)"],
    "postfix/master": [".+"],
    "ravelin/decision": [rf"id={ID} rcpt={PATH} from={PATH} client=[\da-f.:]+ standing=\w+ greylist=[\w-]+ "
                         r"checks=\S+ verify=[\w-]+ verdict=(accept|reject|defer) code=\d{3} took=\d+\.\dms"],
}
HELLO = ("EHLO h.client.example", "MAIL FROM:<a@sender.example>")
BOB = "RCPT TO:<bob@example.com>"


class LogReaders(SystemTest):
    def setUp(self):
        super().setUp()
        self.backend = self.start(Backend(mailboxes=["bob@example.com", "eve@example.com"]))
        self.backend.script = {
            "rcpt": lambda *a: f"450 4.2.1 {FORGED}" if "later@" in a[2] else
                               f"550 5.1.1 {FORGED}" if "no@" in a[2] else None,
            "dot": lambda *a: f"554 5.7.1 {FORGED}" if b"virus" in a[2] else f"250 2.0.0 <m@x> {FORGED}",
        }
        self.dns = self.start(FakeDns(self.directory, ZONE))
        self.connects = self.rejects = 0
        self.bans = {"more": collections.Counter(), "aggressive": collections.Counter()}

    def start_ravelin(self, **options):
        sections = {**SECTIONS, "dns": f'servers = ["127.0.0.1:{self.dns.port}"]'}
        return self.ravelin([self.backend], sections=sections, **options)

    def say(self, number, *lines, last, rejects=0, bans=0, aggressive=0):
        """127.1.2.|number| says |lines|, hears |last|, and leaves. What the readers are to find:
        |rejects|, matches of fail2ban's default mode, and those of the aggressive one besides."""
        early = bool(lines) and not lines[0].startswith("EHLO")
        with Client(self.front.port, source=f"127.1.2.{number}", banner=not early and lines) as client:
            for line in lines:
                client.send(line.encode() + b"\r\n")
                reply = client.reply()
            self.assertRegex(reply if lines else client.reply(), last)
            if lines[-1:] == ("QUIT",):
                client.closed()
        self.connects += 1
        self.rejects += rejects
        self.bans["more"][f"127.1.2.{number}"] += bans
        self.bans["aggressive"][f"127.1.2.{number}"] += bans + aggressive

    def one_of_each(self):
        say = self.say
        say(1, *HELLO, BOB, "RCPT TO:<eve@example.com>", "DATA",
            f"Message-ID: <m@x> {FORGED}\r\n\r\n.", "QUIT", last="^221")
        for name in ("x", "y"):
            say(2, *HELLO, f"RCPT TO:<{name}@foreign.example>", "QUIT", last="^221", rejects=1, bans=1)
        say(3, *HELLO, "RCPT TO:<no@example.com>", "QUIT", last="^221", rejects=1)
        say(4, *HELLO, BOB, "QUIT", last="^221", rejects=1, bans=1)  # it has no name
        say(5, *HELLO, "RCPT TO:<first@example.com>", "QUIT", last="^221", rejects=1)  # greylisted
        say(6, HELLO[0], "MAIL FROM:<a@nowhere.example>", BOB, "QUIT", last="^221", rejects=1, bans=1)
        say(7, "EHLO localhost", HELLO[1], BOB, "QUIT", last="^221", rejects=1, bans=1)
        say(8, last="^554 5.7.1", rejects=1)  # on the deny list
        say(9, "HELO early", last="^554 5.5.1", rejects=1, aggressive=1)
        say(10, "EHLO a.example", "X", "X", "X", "X", last="^421", bans=1)
        say(11, "EHLO a.example", *["NOOP"] * 6, last="^421")
        say(12, *HELLO, BOB, "DATA", "x\ny\r\n.", last="^554 5.6.0", rejects=1, bans=1)
        say(13, *HELLO, "RCPT TO:<later@example.com>", "QUIT", last="^221", rejects=1)
        say(14, *HELLO, BOB, "DATA", "virus\r\n.", "QUIT", last="^221", rejects=1, bans=1)
        say(15, *HELLO, BOB, last="^250", aggressive=1)  # leaves without a word
        say(16, "EHLO a.example", "MAIL FROM:<x>", "QUIT", last="^221", rejects=1)
        say(17, "EHLO a.example", "NOOP\nNOOP", last="^500", rejects=1)
        with Client(self.front.port, source="127.1.2.18"), Client(self.front.port, source="127.1.2.18"):
            say(18, last="^421", rejects=1, aggressive=2)
        self.connects += 1  # two more, and the refused one has no connect line

    def hostile_words(self):
        name = FORGED.replace(" ", "_")[:250]
        quoted = f'"{FORGED[:200]}"'
        self.say(20, f"EHLO {name}", f"MAIL FROM:<{quoted}@sender.example>",
                 f"RCPT TO:<{quoted}@foreign.example>", f"RCPT TO:<{FORGED}>", "QUIT",
                 last="^221", rejects=2, bans=1)
        self.say(21, f"HELO {FORGED}", last="^554", rejects=1, aggressive=1)
        self.say(22, *HELLO, BOB, "QUIT", last="^221", rejects=1, bans=1)

    def check_shapes(self):
        """Every line has a known shape, and a dialog's number leads from its connect to its
        disconnect."""
        dialogs = collections.defaultdict(list)
        for line in self.front.lines():
            head = re.match(r"\w{3} [ \d]\d \d\d:\d\d:\d\d mx\.example\.net (\w+/\w+)\[(\d+)\]: ", line)
            self.assertTrue(head, line)
            program, text = head[1], line[head.end():]
            self.assertTrue(any(re.fullmatch(shape, text) for shape in SHAPES[program]), line)
            if program != "postfix/master" and head[2] != "0":
                dialogs[head[2]].append(text)
        for texts in dialogs.values():
            self.assertRegex(texts[0], "^connect from ")
            self.assertRegex(texts[-1], "^disconnect from ")

    def pflogsumm(self):
        done = subprocess.run(["pflogsumm", "--smtpd-stats", self.front.log], capture_output=True,
                              text=True, check=True, timeout=60)
        self.assertEqual(done.stderr, "")
        return done.stdout

    def fail2ban(self, mode):
        done = subprocess.run(["fail2ban-regex", "--usedns", "no", "-o", "ip", self.front.log,
                               f"postfix[mode={mode}]"],
                              capture_output=True, text=True, check=False, timeout=60)
        self.assertEqual(done.stderr, "")
        found = collections.Counter(done.stdout.split())
        found.pop("127.0.0.1", None)  # the test's own look whether the port is open
        return found

    def test_readers_find_what_happened(self):
        self.front = self.start_ravelin()
        self.one_of_each()
        self.hostile_words()
        ends = lambda: self.front.lines(r"\]: disconnect from \S+\[127\.1")
        wait_for(lambda: len(ends()) == self.connects, "all dialogs to end")
        self.assertEqual(self.front.stop(), 0)
        self.check_shapes()
        self.front = self.start_ravelin(head='mode = "shadow"')
        self.say(4, *HELLO, BOB, "QUIT", last="^221")
        self.assertEqual(self.front.stop(), 0)

        report = self.pflogsumm()
        for count, what in ((1, "received"), (2, "delivered"), (self.rejects, "rejected"),
                            (1, "reject warnings"), (0, "held"), (0, "discarded"), (1, "senders"),
                            (2, "recipients")):
            self.assertRegex(report, rf"(?m)^ +{count} +{what}\b")
        # A reason is one line, however often it occurred.
        self.assertRegex(report, r"(?m)^    Relay access denied \(total: 3\)\n +2 +c2\.client\.example")
        self.assertRegex(report, r"(?m)^    Recipient address rejected: Greylisted \(total: 1\)")
        self.assertNotRegex(report, rf"(?m)^ +\d+ .*\b{INNOCENT}$")
        for mode, expected in self.bans.items():
            self.assertEqual(self.fail2ban(mode), +expected, mode)


if __name__ == "__main__":
    harness.main()
