#!/usr/bin/env python3
"""Writes the inputs that fuzzing starts from: real dialogs, known attacks, sound files.

    tests/fuzz/seeds.py [FOLDER]     corpus/TARGET/seed-* beside this file, or below FOLDER

What fuzzers find stands beside them under names of its own. Run it after a change here; what a
target makes of its input is said in its source.
"""
import pathlib
import struct
import sys


def act(letter, number=0):
    return b"\xff" + letter.encode() + bytes([number])


# --- client_dialog: an octet of kind, then what a client says ---------------------------------

GREYLIST, PAUSE, SHADOW, NORMALISE, OFFERS, TIGHT, NO_NAME, GOOD = (1 << i for i in range(8))
HELLO = b"EHLO client.example\r\n"
ENVELOPE = HELLO + b"MAIL FROM:<a@client.example>\r\nRCPT TO:<b@mx.example>\r\n"
MAIL = ENVELOPE + b"DATA\r\nSubject: x\r\nMessage-ID: <1@client.example>\r\n\r\nhello\r\n.\r\n"
NEXT = b"MAIL FROM:<x@y.example>\r\nRCPT TO:<b@mx.example>\r\nDATA\r\nsmuggled\r\n.\r\n"


def dialogs():
    def text(end):
        return ENVELOPE + b"DATA\r\ntext" + end + NEXT + b"QUIT\r\n"

    yield "mail", 0, MAIL + b"QUIT\r\n"
    named = HELLO + b"XCLIENT NAME=a.example ADDR=192.0.2.77 PORT=1\r\n"
    yield "xclient", NO_NAME, named + MAIL + named + b"QUIT\r\n"
    yield "xclient-untrusted", 0, named + MAIL
    yield "xclient-pause", NO_NAME | PAUSE, act("t", 5) + named + act("t", 5) + MAIL + b"QUIT\r\n"
    yield "xclient-early", NO_NAME | PAUSE, act("t", 5) + named + MAIL
    yield "xclient-shadow", NO_NAME | PAUSE | SHADOW, act("t", 5) + named + MAIL + act("t", 5)
    yield "xclient-odd", NO_NAME | TIGHT, (
        b"XCLIENT HELO=a\r\nXCLIENT ADDR=x\r\n" + ENVELOPE + b"XCLIENT ADDR=192.0.2.1\r\nRSET\r\n"
        b"XCLIENT ADDR=IPV6:2001:db8::1 NAME=[UNAVAILABLE]\r\n" + MAIL)
    start = HELLO + b"STARTTLS\r\n"
    for name, number in (("done", 0), ("fails", 1), ("silence", 2)):
        yield "tls-" + name, OFFERS, act("h", number) + start + act("h", number) + MAIL + b"STARTTLS\r\nQUIT\r\n"
    yield "tls-must", OFFERS | TIGHT, HELLO + b"MAIL FROM:<>\r\n" + start + act("c") + MAIL + b"QUIT\r\n"
    yield "tls-late", OFFERS | TIGHT, act("h", 2) + start + act("t", 9) + act("h") + MAIL
    yield "tls-crowded", OFFERS, start + MAIL
    yield "tls-clear-behind", OFFERS, act("c", 10) + start + b"RSET\r\n" + act("h") + MAIL
    yield "tls-clear-meanwhile", OFFERS, act("h", 2) + start + act("c") + MAIL + act("h") + MAIL
    yield "tls-drain", OFFERS, act("h", 2) + start + act("x") + act("h") + MAIL
    yield "tls-gone", OFFERS, act("h", 2) + start + act("e")
    yield "tls-no-offer", 0, start + MAIL
    yield "tls-mail-first", OFFERS, ENVELOPE + b"STARTTLS\r\n" + act("h") + b"DATA\r\n" + HELLO + b"DATA\r\n"
    yield "tls-xclient", OFFERS | NO_NAME, start + act("c") + named + MAIL
    require = b"MAIL FROM:<a@client.example> REQUIRETLS\r\n"
    yield "requiretls", OFFERS, (HELLO + require + b"STARTTLS\r\n" + act("c") + require + HELLO + require
                                 + b"RCPT TO:<b@mx.example>\r\nDATA\r\nx\r\n.\r\n" + act("k", 7) + HELLO + require)
    yield "limits", OFFERS, act("k", 0x1f) + HELLO + act("k", 0xff) + HELLO + act("k") + HELLO
    yield "two-mails", 0, MAIL + MAIL[len(HELLO):] + b"QUIT\r\n"
    yield "helo", 0, b"HELO client.example\r\nMAIL FROM:<>\r\nRCPT TO:<postmaster>\r\nDATA\r\n..\r\n.\r\n"
    yield "octets", 0, act("c", 1) + MAIL
    yield "refused", 0, act("a", 1) + MAIL + b"RSET\r\n" + act("a") + MAIL
    yield "data-refused", 0, act("d", 2) + MAIL + b"NOOP\r\n"
    for number in range(8):
        yield f"final-{number}", 0, act("f", number) + MAIL + b"NOOP\r\nQUIT\r\n"
    yield "silent", 0, act("s") + MAIL + act("s", 3) + act("s", 3) + act("s", 3) + act("e")
    yield "gone-after-dot", 0, ENVELOPE + b"DATA\r\n" + act("s") + b"x\r\n.\r\n" + act("e", 1)
    yield "lost-in-text", 0, ENVELOPE + b"DATA\r\nx\r\n" + act("l") + b"y\r\n.\r\nNOOP\r\n"
    yield "lost-after-dot", 0, ENVELOPE + b"DATA\r\n" + act("s") + b"x\r\n.\r\n" + act("l")
    yield "no-room", 0, ENVELOPE + act("m", 2) + b"DATA\r\n" + b"x" * 99 + b"\r\n" + act("m", 255) + b".\r\n"
    yield "reads-nothing", 0, act("w") + b"NOOP\r\n" * 40 + act("w", 1)
    yield "drain", 0, ENVELOPE + act("x") + b"DATA\r\nx\r\n.\r\n"
    yield "drain-now", 0, ENVELOPE + b"DATA\r\nx\r\n" + act("x", 1)
    yield "slow", TIGHT, ENVELOPE + b"DATA\r\nx" + act("t", 60) + b"y\r\n.\r\n"
    yield "idle", TIGHT, HELLO + act("t", 60)
    yield "errors", TIGHT, b"X\r\n" * 9
    yield "junk", TIGHT, b"NOOP\r\nVRFY a\r\nHELP\r\nRSET\r\n" * 3
    yield "early-talker", PAUSE, b"EHLO early.example\r\n" + act("t", 3)
    yield "patient", PAUSE, act("t", 3) + MAIL
    yield "greylist", GREYLIST | NO_NAME, MAIL + act("t", 90) + b"RSET\r\n" + MAIL[len(HELLO):]
    yield "shadow", SHADOW | GREYLIST | NO_NAME, act("q", 2) + MAIL + act("t", 9)
    yield "allowed", GOOD | OFFERS, MAIL
    yield "extensions", OFFERS, (
        HELLO + b"MAIL FROM:<a@b.example> SIZE=100 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=x+2By\r\n"
        b"RCPT TO:<b@mx.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b+40mx.example\r\n" + act("k")
        + b"DATA\r\nx\r\n.\r\n")
    # FAULTS A: ends of data that are none
    ends = [b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r.\n", b"\n.\r", b"\r\n.\n", b"\r.\r\n", b"\r\n.\r",
            b"\r\n\0.\r\n", b"\r\n.\0\r\n", b"\r\n.\r\r\n", b"\r\r\n.\r\r\n"]
    for number, end in enumerate(ends):
        yield f"smuggle-{number}", NORMALISE * (number % 2), text(end)
    yield "smuggle-all", NORMALISE, text(b"".join(ends[:6]) + b"\r\n.\r\n")
    yield "unfinished", 0, ENVELOPE + b"DATA\r\n..\r\n.x\r\n.\t\r\nlast"
    yield "empty-text", 0, ENVELOPE + b"DATA\r\n.\r\n"
    yield "line-ends", 0, b"RCPT TO:<a>\nDATA\n"
    yield "bare-cr", 0, b"NOOP\rNOOP\r\n"
    yield "nul", 0, b"NOOP\0\r\n"
    yield "long-line", 0, b"NOOP " + b"x" * 2100
    yield "bdat", 0, ENVELOPE + b"BDAT 10\r\n.\r\nBDAT 5\r\nQUIT\r\n"
    yield "after-data", 0, ENVELOPE + b"DATA\r\nx\r\n.\r\nRCPT TO:<b@mx.example>\r\nDATA\r\n"
    yield "big", TIGHT, ENVELOPE + b"DATA\r\n" + (b"x" * 70 + b"\r\n") * 30 + act("t", 5) + b".\r\n"
    yield "hops", 0, ENVELOPE + b"DATA\r\n" + b"Received: x\r\n" * 51 + b"\r\n.\r\n"
    # FAULTS B
    yield "auth", 0, HELLO + b"AUTH PLAIN AGEAYg==\r\nSTARTTLS\r\nETRN x\r\nEXPN y\r\n"
    yield "routes", 0, HELLO + b"MAIL FROM:<@a,@b:u@c.example>\r\n" + b"".join(
        b"RCPT TO:<" + path + b">\r\n" for path in
        [b"@mx.example:b@mx.example", b"u%o@mx.example", b"o!u@mx.example", b'"u@o"@mx.example',
         b"u@o@mx.example", b"u@[1.2.3.4]", b"u@[IPv6:2001:db8::1]", b"", b"postmaster"])
    yield "shell", 0, HELLO + b"MAIL FROM:<;sleep 9;>\r\nMAIL FROM:<`id`@x>\r\nMAIL FROM:<$(id)@x>\r\n"


# --- commands: an octet of what was offered, then lines ----------------------------------------

def commands():
    every = 31
    yield "mail", every, (
        b"MAIL FROM:<a@b.example> SIZE=18446744073709551615 BODY=8BITMIME SMTPUTF8 RET=FULL"
        b" ENVID=QQ314159\r\nMAIL FROM:<>\r\nMAIL FROM: <a@b.example> BODY=7BIT RET=HDRS\r\n")
    yield "size", every, b"".join(b"MAIL FROM:<a@b> SIZE=" + size + b"\r\n" for size in
                                  [b"1", b"-1", b"18446744073709551616", b"1 SIZE=2", b"", b"007"])
    yield "rcpt", every, (
        b"RCPT TO:<b@mx.example> NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;b+40mx.example\r\n"
        b"RCPT TO:<Postmaster>\r\nRCPT TO:<b@x> NOTIFY=NEVER ORCPT=utf-8;\xc3\xa9@x\r\n")
    yield "quoted", every, b'MAIL FROM:<"a b"@x>\r\nMAIL FROM:<"a"@x>\r\nMAIL FROM:<"a\\"\\\\"@x>\r\n'
    yield "literals", every, (b"MAIL FROM:<u@[1.2.3.4]>\r\nMAIL FROM:<u@[IPv6:::1]>\r\n"
                              b"MAIL FROM:<u@[IPv6:1::2:3.4.5.6]>\r\nMAIL FROM:<u@[x:y]>\r\n")
    yield "routes", every, (b"RCPT TO:<@a,@b:u@c>\r\nRCPT TO:<u%o@x>\r\nRCPT TO:<o!u@x>\r\n"
                            b'RCPT TO:<"u@o"@x>\r\nRCPT TO:<u@o@x>\r\n')
    yield "utf8", every, b"MAIL FROM:<\xc3\xa9@\xc3\xa9.example> SMTPUTF8\r\nRCPT TO:<\xc0\xaf@x>\r\n"
    yield "utf8-not-offered", 11, b"MAIL FROM:<\xc3\xa9@x>\r\nRCPT TO:<\xc3\xa9@x>\r\n"
    yield "helo", every, b"EHLO a_b.example\r\nHELO [1.2.3.4]\r\nEHLO (x);\"y\"\r\nEHLO " + b"x" * 255 + b"\r\n"
    yield "xclient", every, (
        b"XCLIENT NAME=a.example ADDR=192.0.2.1 PORT=25 PROTO=ESMTP HELO=+5Ba+5D LOGIN=+2B\r\n"
        b"XCLIENT ADDR=IPV6:2001:db8::1 NAME=[TEMPUNAVAIL] DESTADDR=[UNAVAILABLE] DESTPORT=1\r\n"
        b"XCLIENT ADDR=1 ADDR=2\r\nXCLIENT HELO=+0A REVERSE_NAME=x\r\nXCLIENT PORT=65536\r\n")
    yield "nothing-offered", 0, b"MAIL FROM:<a@b> SIZE=1\r\nRCPT TO:<a@b> NOTIFY=NEVER\r\n"
    yield "injection", every, b"MAIL FROM:<a@b> ENVID=x+0D+0ADATA\r\nMAIL FROM:<a@b> XFOO=1\nDATA\r\n"
    yield "long", every, b"MAIL FROM:<" + b"a" * 255 + b"@" + b"b" * 63 + b"." + b"c" * 63 + b">\r\n"
    yield "trailing", every, b"MAIL FROM:<a@b> \t \r\nRCPT  TO:<a@b>\r\nRCPT TO:<a@b>x\r\n"


# --- data_stream: octets of kind and limits, then text ------------------------------------------

def texts():
    body = b"Received: x\r\nMessage-ID:\r\n <1@x>\r\n\r\nhello\r\n..dot\r\n.\tx\r\n\r\n.\r\nQUIT\r\n"
    for kind in (0, 1, 0x10, 0x21):
        yield f"mail-{kind}", kind, body
    yield "size", 2, bytes([40]) + body
    yield "line", 4, bytes([9]) + body
    yield "hops", 8, b"Received: a\r\n" * 4 + b"\r\n.\r\n"
    yield "limits", 0x2f, bytes([90, 20]) + body
    odd = [b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r.\n", b"\n.\r", b"\r\n.\n", b"\r\n\0.\r\n", b"\r\n.\r\r\n",
           b"\r\n.\n\r\n", b"\r\n..\r\n", b"\r\n.\r\0\n"]
    for number, end in enumerate(odd):
        yield f"end-{number}", number % 2, b"x" + end + b"y\r\n.\r\n"
    yield "empty", 0, b".\r\n"
    yield "mbox", 0, b"From x\r\n" * 9 + b".\r\n"
    yield "ends-all", 1, b"".join(odd) + b"\r\n.\r\n"


# --- backend_replies: an octet of limits, then what a backend says --------------------------------

EHLO = b"250-mail.internal\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250-8BITMIME\r\n250-DSN\r\n250 SMTPUTF8\r\n"


def replies():
    ask = act("s", 1) + act("s", 2) + act("s", 3)
    yield "mail", 0, (b"220 hi\r\n" + act("s") + EHLO + act("p", 1) + ask
                      + b"250 2.1.0 ok\r\n250 2.1.5 ok\r\n354 go\r\n" + act("t") + act("t", 1)
                      + b"250 2.0.0 queued\r\n" + act("s", 5) + b"221 bye\r\n")
    yield "steps", 0, b"220 hi\r\n" + ask + b"250 a\r\n250 b\r\n" + act("s", 4) + b"354 c\r\n" + act("t", 1) + b"250 x\r\n250 y\r\n"
    yield "early", 0, b"220 hi\r\n" + act("s", 3) + b"354 go\r\n" + act("t") + b"552 5.3.4 too big\r\n"
    yield "early-half", 0, b"220 hi\r\n" + act("s", 3) + b"354 go\r\n" + act("t") + b"250-x\r\n25" + act("t", 1) + b"0 y\r\n"
    yield "unasked", 0, b"220 hi\r\n250 what\r\n"
    yield "421", 0, b"220 hi\r\n" + act("s", 1) + b"421 4.3.2 bye\r\n"
    for number, line in enumerate([b"999 x", b"000 x", b"99 x", b"2500 x", b"abc", b"250", b"250-", b"250x",
                                   b"250 \x1b[31m\xff\xfe", b"250 a\0b", b"354-x\r\n250 y", b""]):
        yield f"odd-{number}", number % 2, line + b"\r\n"
    yield "endless", 1, b"250-x\r\n" * 9
    yield "long", 1, b"220 " + b"x" * 90 + b"\r\n"
    yield "bare-lf", 0, b"220-a\n220 b\n"
    yield "enhanced", 0, b"220 2.0.0\r\n220 5.7.999 x\r\n220-2.1.1 y\r\n220 2.1.1 z\r\n220 2.1.1000 x\r\n"


# --- backend_side: an octet of kind, then what backends say and clients do ------------------------

def slot(letter, client, number=0):
    return act(letter, client + 4 * number)


def backends():
    def mail(client, who=0):
        return (slot("b", client, who) + slot("r", client) + slot("d", client)
                + slot("w", client, 3) + slot("f", client))

    yield "mail", 0, mail(0)
    yield "four", 8, mail(0) + mail(1, 4) + mail(2, 1) + mail(3, 5)
    yield "one-connection", 2, mail(0) + slot("b", 1) + slot("r", 1) + mail(2) + mail(3)
    yield "no-pipelining", 16, mail(0) + mail(0)
    yield "xforward", 4, mail(0) + mail(0)
    for name, kind in (("xclient", 128 | 4), ("proxy", 128), ("lmtp-xclient", 64 | 128 | 4)):
        yield name, kind, mail(0) + mail(1, 4) + mail(0)
        yield name + "-one-connection", kind | 2, mail(0) + slot("b", 1) + slot("r", 1) + mail(2)
        yield name + "-two", kind | 8 | 1, mail(0) + mail(1, 4) + act("c") + mail(2, 1) + act("z", 0) + mail(3, 5)
        yield name + "-replay", kind, slot("b", 0) + slot("r", 0) + act("t", 12) + slot("r", 0, 1) + slot("r", 0) + slot("d", 0) + slot("w", 0, 5) + slot("f", 0)
        yield name + "-closed", kind, slot("b", 0) + slot("r", 0) + act("c") + slot("r", 0) + slot("d", 0) + slot("w", 0, 1) + slot("f", 0)
    for mode in range(4):
        for end, outcome in enumerate(("done", "fails", "silence")):
            yield f"tls-{mode}-{outcome}", 0, (act("v", mode) + act("h", end) + mail(0) + act("t", 70) + act("h")
                                               + mail(1, 9) + mail(2) + act("t", 250) + mail(3, 8))
        yield f"tls-{mode}-refused", 64 * (mode % 2), act("v", mode | 4) + mail(0) + mail(1, 9) + act("v", mode) + mail(2)
    yield "tls-reload", 8, mail(0) + act("v", 3) + mail(1, 5) + act("v", 0) + mail(2) + act("v", 1) + mail(3, 4)
    yield "tls-xclient", 128 | 4, act("v", 3) + mail(0) + mail(1, 9)
    yield "tls-proxy", 128, act("v", 2) + mail(0) + mail(1, 9)
    yield "tls-by-hand", 32, (act("v", 3) + slot("b", 0) + slot("r", 0) + b"220 hi\r\n" + act("k")
                              + b"250-mail\r\n250 STARTTLS\r\n" + act("k") + b"220 go\r\n" + act("k")
                              + b"250-mail\r\n250 LIMITS RCPTMAX=1\r\n" + act("a", 1) + mail(1))
    for number, behind in enumerate([b"220 go\r\n250 forged\r\n", b"220-go\r\n", b"250 go\r\n", b"421 no\r\n", b"220 go\r\nx"]):
        yield f"tls-odd-{number}", 32, (act("v", 1 + number % 3) + act("s", 9 * (number % 2)) + slot("b", 0) + slot("r", 0)
                                        + b"220 hi\r\n" + act("k") + b"250-mail\r\n250 STARTTLS\r\n" + act("k") + behind
                                        + act("a", 1) + mail(1))
    yield "limits", 0, act("v", 8) + b"".join(mail(n % 4) for n in range(6)) + slot("b", 0) + b"".join(slot("r", 0, n * 6) for n in range(5)) + slot("d", 0) + slot("w", 0, 1) + slot("f", 0)
    yield "limits-replay", 8, slot("b", 0) + slot("r", 0) * 3 + act("c") + act("v", 8) + slot("d", 0) + slot("w", 0, 1) + slot("f", 0)
    yield "limits-lmtp", 64, act("v", 9) + slot("b", 0) + slot("r", 0) + slot("r", 0, 6) + slot("r", 0) + slot("r", 0, 6) + slot("d", 0) + slot("w", 0, 1) + slot("f", 0)
    yield "refused", 0, b"".join(slot("b", 0) + slot("r", 0, 1) for _ in range(12)) + mail(0)
    yield "waits", 2, slot("b", 0) + slot("r", 0) + slot("b", 1) + slot("r", 1, 5) + act("t", 70) + mail(2)
    yield "refusing", 1, act("o", 1) + mail(0) + act("o") + act("t", 90) + mail(1)
    yield "hanging", 1, act("o", 2) + mail(0) + act("t", 40) + act("o") + mail(1)
    yield "replay", 0, slot("b", 0) + slot("r", 0) + act("t", 12) + slot("d", 0) + slot("w", 0, 5) + slot("f", 0)
    yield "closed", 0, slot("b", 0) + slot("r", 0) + act("c") + slot("d", 0) + slot("w", 0, 1) + slot("f", 0)
    yield "reset-in-text", 0, slot("b", 0) + slot("r", 0) + slot("d", 0) + slot("w", 0, 1) + act("c", 1) + slot("f", 0)
    yield "slow-reader", 0, slot("b", 0) + slot("r", 0) + slot("d", 0) + act("x") + slot("w", 0, 60) + slot("w", 0, 9) + act("x", 1) + slot("f", 0)
    two = slot("r", 0, 6) + slot("d", 0) + slot("w", 0, 3) + slot("f", 0)
    yield "lmtp", 64, mail(0) + mail(1, 4)
    yield "lmtp-two", 64, slot("b", 0) + slot("r", 0) + two + mail(1)
    for name, verdicts in (("some", b"250 2.0.0 ok\r\n552 5.2.2 full\r\n"),
                           ("later", b"451 4.2.0 no\r\n250 2.0.0 ok\r\n"),
                           ("half", b"250 2.0.0 ok\r\n250 2."), ("more", b"250 ok\r\n" * 3),
                           ("early", b"250 2.0.0 ok\r\n" + act("c"))):
        dialog = slot("b", 0) + slot("r", 0) + two[:-3] + act("a") + two[-3:] + verdicts
        yield "lmtp-" + name, 64, dialog + act("a", 1) + slot("b", 0) + slot("r", 0) + two
    yield "lmtp-replay", 66, slot("b", 0) + slot("r", 0) + act("t", 12) + two
    yield "reload", 8, mail(0) + act("z", 0) + mail(1, 4) + act("z", 3) + mail(2)
    # FAULTS E, by hand: banner, EHLO, MAIL, RCPT, DATA, dot
    then = act("k")  # what is said in one piece answers nothing that comes of it
    parts = [b"220 hi\r\n" + then, EHLO + then, b"250 ok\r\n250 ok\r\n", b"354 go\r\n"]
    steps = [slot("b", 0) + slot("r", 0), b"", b"", slot("d", 0), slot("w", 0, 2) + slot("f", 0)]

    def until(stage, odd):
        said = steps[0]
        for number in range(stage):
            said += parts[number] + (steps[number + 1] if number < 4 else b"")
        return said + odd

    whole = b"".join([steps[0], parts[0], parts[1], parts[2], steps[3], parts[3], steps[4]])
    yield "by-hand", 32, whole + b"250 2.0.0 queued\r\n"
    for number, last in enumerate([b"451 4.3.0 later\r\n", b"554 5.6.0 no\r\n", b"354 what\r\n", b"250-half\r\n",
                                   b"999 x\r\n", b"421 bye\r\n", b"", b"25", b"250 ok\r\n250 again\r\n"]):
        yield f"dot-{number}", 32, whole + last + act("t", 200) + act("c")
    odd = [b"421 bye\r\n", b"554 no\r\n", b"354 what\r\n", b"\0\r\n", b"250-" + b"x" * 300 + b"\r\n", b"xyz\r\n"]
    for stage in range(4):
        yield f"odd-{stage}", 32, until(stage, odd[stage] + act("c", stage)) + act("a", 1) + mail(1)
    yield "early-reply", 32, (steps[0] + b"".join(parts[:3]) + steps[3] + parts[3] + slot("w", 0, 2)
                              + b"552 5.3.4 too big\r\n" + slot("f", 0))
    yield "early-250", 32, (steps[0] + b"".join(parts[:3]) + steps[3] + parts[3] + slot("w", 0, 2)
                            + b"250 fine\r\n" + slot("f", 0))


# --- dns_message: octets of question and place, then a message -------------------------------------

def name(text):
    return b"".join(bytes([len(label)]) + label.encode() for label in text.split(".") if label) + b"\0"


def record(kind, data, owner=b"\xc0\x0c", ttl=300):
    return owner + struct.pack(">HHIH", kind, 1, ttl, len(data)) + data


def message(kind, asked, answers=(), authority=(), flags=0x8180, extra=()):
    return (struct.pack(">HHHHHH", 7, flags, 1, len(answers), len(authority), len(extra)) + name(asked)
            + struct.pack(">HH", kind, 1) + b"".join(answers) + b"".join(authority) + b"".join(extra))


def dns():
    mx, ptr = "mx.example", "1.2.0.192.in-addr.arpa"
    soa = record(6, name("ns") + name("root") + struct.pack(">IIIII", 1, 2, 3, 4, 60))
    opt = b"\0" + struct.pack(">HHIH", 41, 1232, 0, 0)
    yield "a", (0, 12), message(1, mx, [record(1, b"\xc0\0\2\1")], extra=[opt])
    yield "aaaa", (1, 12), message(28, mx, [record(28, bytes(15) + b"\1")])
    yield "ptr", (2, 12), message(12, ptr, [record(12, name("client.example")), record(12, b"\xc0\x0c")])
    yield "mx", (3, 12), message(15, mx, [record(15, b"\0\12" + b"\xc0\x0c"), record(15, b"\0\5" + name("a.b"))])
    yield "null-mx", (3, 12), message(15, mx, [record(15, b"\0\0\0")])
    yield "cname", (0, 12), message(1, mx, [record(5, name("x.y")), record(1, b"\x7f\0\0\2", name("x.y"))])
    yield "cname-loop", (0, 12), message(1, mx, [record(5, b"\xc0\x0c")])
    yield "chain", (0, 12), message(1, mx, [record(5, name("x0"))] + [
        record(5, name(f"x{i + 1}"), name(f"x{i}")) for i in range(12)])
    yield "no-name", (0, 12), message(1, mx, authority=[soa], flags=0x8183)
    yield "no-data", (0, 12), message(1, mx, authority=[soa])
    yield "servfail", (0, 12), message(1, mx, flags=0x8182)
    yield "truncated", (0, 12), message(1, mx, flags=0x8380)
    yield "other-question", (0, 12), message(1, "else.example", [record(1, b"\xc0\0\2\1")])
    yield "loop", (2, 12), message(12, ptr, [record(12, b"\xc0\x28\xc0\x28")])
    yield "forward", (2, 12), message(12, ptr, [record(12, b"\xc0\xff")])
    yield "short", (0, 12), message(1, mx, [record(1, b"\xc0\0\2")])
    yield "empty", (0, 0), b""
    yield "bad-name", (2, 12), message(12, ptr, [record(12, name("a b.c")), record(12, name("x_y.z"))])
    yield "many", (0, 12), message(1, mx, [record(1, bytes([127, 0, 0, i])) for i in range(40)])


# --- configuration ------------------------------------------------------------------------------------

def configurations():
    least = "hostname = 'mx.example.net'\n[[route]]\ndomains = ['example.com']\nbackends = ['mail:25']\n"
    sample = pathlib.Path(__file__).resolve().parents[2] / "etc" / "ravelin.toml"
    yield "least", least
    yield "sample", "\n".join(line for line in sample.read_text().splitlines() if not line.startswith("#"))
    yield "empty", ""
    yield "syntax", "hostname = 'x\n"
    yield "no-value", "a = f\n"
    yield "unknown", least + "[limts]\nsession = 3\n"
    yield "twice", least + "[limits]\nsessions = 3\nsessions = 4\n"
    yield "types", least + "[limits]\nsessions = 'x'\nmessage_size = 3.5\nerrors = [1]\n[dns]\ntimeout = 1979-05-27\n"
    yield "ranges", least + "[limits]\nsessions = -1\nmessage_size = '99999999999TB'\n[dns]\ntimeout = '0.1h'\n"
    yield "units", least + "[limits]\nmessage_size = '50MB'\nreserved_for_known = '25%'\ncommand_timeout = '5m'\n"
    yield "lists", least + "[access]\nallow = ['192.0.2.0/24', '2001:db8::/32', '192.0.2.7/24']\ndeny_file = 'x'\n"
    yield "routes", least + "domains_file = 'd'\nrecipients_file = 'r'\nprotocol = 'lmtp'\nclient_info = 'xforward'\nunknown_codes = ['5.4.1']\n"
    yield "two-routes", least + "[[route]]\ndomains = ['.Example.com', 'example.com']\nbackends = ['[::1]:25']\n"
    yield "checks", least + "[checks.rdns]\naction = 'reject'\n[checks.helo]\nsyntax = 'off'\n[checks.x]\naction = 1\n"
    yield "deep", "a = " + "[" * 300
    yield "keys", '"host\\u006eame" = "x"\na.b.c.d = 1\n[a.b]\nc = 2\n'
    yield "utf8", least.replace("mail", "\u00e9") + "# \u202e\n"


# --- state_file: an octet of kind, then damage, or a file ------------------------------------------------

def states():
    def patch(which, at, octets):
        return bytes([which]) + at.to_bytes(3, "big") + bytes([len(octets) - 1]) + octets

    def cut(which, size):
        return bytes([which | 6]) + (size // 2).to_bytes(2, "big")

    yield "sound", b"\0"
    yield "empty", b"\1\0\0"
    yield "not-ours", b"\1\0\x20" + b"SQLite format 3\0" + bytes(16)
    yield "cut", b"\0" + cut(0, 4096) + cut(1, 0)
    yield "cut-odd", b"\0" + cut(0, 5002)
    yield "no-log", b"\0" + cut(1, 0)
    yield "cut-log", b"\0" + cut(1, 3000)
    yield "header", b"\0" + patch(0, 16, b"\xff\xff") + cut(1, 0)
    yield "version", b"\0" + patch(0, 60, b"\0\0\0\x09") + cut(1, 0)
    yield "application", b"\0" + patch(0, 68, b"abcd") + cut(1, 0)
    for page in range(1, 8):
        yield f"page-{page}", b"\0" + cut(1, 0) + patch(0, 4096 * page, b"\x0d\xff\xff\xff\xff")
        yield f"cell-{page}", b"\0" + cut(1, 0) + patch(0, 4096 * page + 4080, b"\xff" * 16)
    yield "schema", b"\0" + cut(1, 0) + patch(0, 4000, b"VIEW")
    yield "log-frame", b"\0" + patch(1, 40, b"\xff" * 8)


# --- control_socket: frames ---------------------------------------------------------------------------------

def controls():
    def frame(text, more=0):
        return struct.pack(">I", len(text) | more << 31) + text

    echo = frame(b'{"command":"echo","text":"hi"}')
    yield "echo", echo
    yield "octets", act("c", 1) + echo * 2
    yield "pipelined", echo * 3 + frame(b'{"command":"fail"}')
    yield "unknown", frame(b'{"command":"what"}') + frame(b'{"command":1}') + frame(b"[]") + frame(b"")
    yield "no-argument", frame(b'{"command":"echo"}')
    yield "no-json", frame(b"{'x") + frame(b'{"a":"\xfe"}') + frame(b'{"a":1e999}')
    yield "deep", frame(b"[" * 40) + frame(b'{"command":"echo","text":' + b"[" * 12 + b"]" * 12 + b"}")
    yield "too-long", struct.pack(">I", 70000) + b"x" * 9
    yield "two-frames", frame(b'{"command":', 1) + frame(b'"echo","text":1}')
    yield "half", echo[:9] + act("t", 40)
    yield "big-answer", act("w") + frame(b'{"command":"list"}') + echo + act("w", 1) + act("w", 1)
    yield "slow-reader", act("w") + frame(b'{"command":"list"}') + act("t", 40)


# --- proxy_header: an octet of kind, then what a balancer says, or two endpoints to write ------------------

def headers():
    def v2(command, family, block, size=None):
        return (b"\r\n\r\n\0\r\nQUIT\n" + bytes([command, family])
                + struct.pack(">H", len(block) if size is None else size) + block)

    four = bytes([192, 0, 2, 1, 192, 0, 2, 25]) + struct.pack(">HH", 4025, 25)
    six = (b"\x20\1\x0d\xb8" + bytes(11) + b"\1") + (b"\x20\1\x0d\xb8" + bytes(11) + b"\2") + struct.pack(">HH", 4025, 25)
    lines = ["TCP4 192.0.2.1 192.0.2.25 4025 25", "TCP6 2001:db8::1 2001:db8::2 4025 25", "UNKNOWN",
             "UNKNOWN ffff::1 ffff::2 1 2", "TCP4 2001:db8::1 192.0.2.1 1 2", "TCP4 192.0.2.1 ::1 4025 25",
             "TCP6 ::1 192.0.2.25 4025 25", "UDP4 192.0.2.1 192.0.2.25 1 2", "TCP4 192.0.2.1 192.0.2.25 65536 25",
             "TCP4 192.0.2.01 192.0.2.25 025 25", "TCP4  192.0.2.1 192.0.2.25 1 2", "TCP6 ::ffff:192.0.2.1 ::1 1 2"]
    for number, line in enumerate(lines):
        yield f"line-{number}", 16 * (number % 3), b"PROXY " + line.encode() + b"\r\nEHLO x\r\n"
    yield "line-long", 0, b"PROXY UNKNOWN " + b"x" * 92 + b"\r\n"
    yield "line-longest", 0, b"PROXY UNKNOWN " + b"x" * 91 + b"\r\n"
    yield "line-lf", 0, b"PROXY TCP4 192.0.2.1 192.0.2.25 4025 25\n" + b"x" * 80
    yield "half", 0x10, b"\r\n\r\n\0\r\nQU"
    yield "smtp", 0, b"EHLO x\r\n"
    for name, command, family, block in (
            ("four", 0x21, 0x11, four), ("six", 0x21, 0x21, six), ("tlv", 0x21, 0x11, four + b"\4\0\3xyz"),
            ("local", 0x20, 0, b""), ("unspecified", 0x21, 0, b""), ("short", 0x21, 0x11, four[1:]),
            ("unix", 0x21, 0x31, bytes(216)), ("udp", 0x21, 0x12, four), ("version", 0x11, 0x11, four),
            ("largest", 0x21, 0x11, four + bytes(2020)), ("too-large", 0x21, 0x11, four + bytes(2021))):
        yield name, 0x70, v2(command, family, block) + b"EHLO x\r\n"
    yield "lies", 0, v2(0x21, 0x11, four, 4096)
    for families in range(4):
        yield f"write-{families}", 1 | families << 1, bytes(range(1, 40)) + b"EHLO x\r\n"


# --- tls_stream: an octet of kind, then what is said in TLS, or on the wire --------------------------------

CLIENT, RAW, OLD, STRICT, OTHER, SMALL, CLEAR = (1 << i for i in range(7))


def extension(number, body):
    return struct.pack(">HH", number, len(body)) + body


def hello(kind, ciphers, extensions, session=b"", version=0x0303):
    """A ClientHello (1) or ServerHello (2) in its record."""
    suites = struct.pack(">%dH" % len(ciphers), *ciphers)
    more = b"".join(extensions)
    if kind == 1:
        suites = struct.pack(">H", len(suites)) + suites + b"\1\0"
    else:
        suites += b"\0"
    body = (struct.pack(">H", version) + bytes(range(32)) + bytes([len(session)]) + session + suites
            + struct.pack(">H", len(more)) + more)
    return record_of(22, bytes([kind]) + len(body).to_bytes(3, "big") + body)


def record_of(kind, body):
    return struct.pack(">BHH", kind, 0x0303, len(body)) + body


def tls():
    sni = extension(0, b"\0\x11\0\0\x0emx.example.com")
    groups = extension(10, b"\0\4\0\x1d\0\x17")
    formats = extension(11, b"\1\0")
    sigs = extension(13, b"\0\6\4\3\5\3\x08\4")
    alpn = extension(16, b"\0\5\4smtp")
    versions = extension(43, b"\4\3\4\3\3")
    point = b"\x09" + bytes(31)
    share = extension(51, b"\0\x24\0\x1d\0\x20" + point)
    ticket = extension(35, bytes(range(64)))
    psk = extension(41, b"\0\x46\0\x40" + bytes(64) + bytes(4) + b"\0\x21\x20" + bytes(32))
    modes = extension(45, b"\1\1")
    new = hello(1, [0x1301, 0x1302, 0x1303, 0xc02b], [sni, groups, formats, sigs, alpn, modes, versions, share], bytes(32))
    old = hello(1, [0xc02b, 0xc02c, 0xcca9], [sni, groups, formats, sigs, extension(23, b""), extension(65281, b"\0")])
    for kind in (0, OLD, CLIENT, CLIENT | OLD, CLEAR, SMALL, SMALL | CLIENT, STRICT, STRICT | OLD,
                 CLIENT | STRICT, CLIENT | STRICT | OTHER, CLIENT | STRICT | OLD | CLEAR):
        yield f"talk-{kind}", kind, b"EHLO x\r\n" + act("w", 3) + b"QUIT\r\n" + act("q") + act("e")
        yield f"octets-{kind}", kind | SMALL, act("c", 1) + b"EHLO x\r\n" + act("n", 1) + act("w", 200) + b"x" * 40
    for letter in "fdirt":
        for at in (0, 5, 43, 90):
            yield f"damage-{letter}-{at}", OLD * (at % 2), act(letter, at) + b"x" + act(letter, at) + b"y"
            yield f"damage-client-{letter}-{at}", CLIENT | OLD * (at % 2), act(letter, at) + b"x" + act(letter, at) + b"y"
    for kind in (0, CLIENT, SMALL, SMALL | CLIENT):
        yield f"keys-{kind}", kind, b"x" + act("k", 1) + b"y" + act("w", 9) + act("k", 0) + b"z"
        yield f"keys-many-{kind}", kind, b"x" + act("k", 79) + b"y" + act("w", 9)
        yield f"keys-blocked-{kind}", kind, (b"x" + act("x", 0) + act("w", 255) + act("w", 255) + act("k", 1) + b"y"
                                             + act("k", 1) + b"z" + act("x", 1) + b"!")
        yield f"keys-paused-{kind}", kind, b"x" + act("p") + act("x", 0) + act("w", 255) + act("k", 1) + b"y" + act("p", 1) + b"z"
        yield f"pause-{kind}", kind, act("p") + b"x" * 50 + act("z", 1) + act("p", 1) + act("n", 3) + b"y" * 50
        yield f"finish-{kind}", kind, b"x" + act("w", 60) + act("o", 0) + b"y" + act("q") + act("e")
        yield f"cut-{kind}", kind, b"x" + act("x", 0) + act("w", 255) + act("o", 2) + b"y" + act("e", 1)
        yield f"finish-early-{kind}", kind, act("o", 1) + b"x"
        yield f"hand-over-{kind}", kind, b"x" + act("j") + b"y" + act("w", 20) + act("j") + b"z"
        yield f"big-{kind}", kind, act("z", 255) + b"x" * 3000 + act("w", 255)
        yield f"clear-behind-{kind}", kind, b"x" + act("y", 1) + b"RSET\r\n"
    for replies in range(8, 14):  # one of them just fills the kernel's buffer
        yield f"keys-full-{replies}", SMALL, (b"x" + act("x", 0) + act("w", 0) * replies + (act("k", 1) + b"y") * 3
                                              + act("x", 1) + b"!")
    yield "renegotiate", OLD, b"x" + act("g") + b"y"
    yield "renegotiate-client", OLD | CLIENT, b"x" + act("g") + b"y"
    yield "raw-new", RAW, new
    yield "raw-new-change", RAW, new + record_of(20, b"\1") + record_of(23, bytes(40))
    yield "raw-old", RAW, old + record_of(22, b"\x10\0\0\x21\x20" + point) + record_of(20, b"\1") + record_of(22, bytes(40))
    yield "raw-twice", RAW, new + new
    yield "raw-ticket", RAW, hello(1, [0xc02b], [sni, groups, formats, sigs, ticket])
    yield "raw-psk", RAW, hello(1, [0x1301], [groups, sigs, versions, share, modes, psk], bytes(32))
    yield "raw-psk-first", RAW, hello(1, [0x1301], [psk, groups, sigs, versions, share, modes], bytes(32))
    yield "raw-retry", RAW, hello(1, [0x1301], [groups, sigs, versions, extension(51, b"\0\0")], bytes(32)) + new
    yield "raw-alpn", RAW, hello(1, [0x1301], [groups, sigs, versions, share, extension(16, b"\0\3\2h2")], bytes(32))
    yield "raw-name", RAW, hello(1, [0x1301], [extension(0, b"\0\x08\0\0\5a\nb\xffc"), groups, sigs, versions, share])
    yield "raw-version", RAW, hello(1, [0xc02b, 0x5600], [groups, sigs], version=0x0301)
    yield "raw-smtp", RAW, b"EHLO x\r\nMAIL FROM:<a@b>\r\n"
    yield "raw-http", RAW, b"GET / HTTP/1.1\r\n\r\n"
    yield "raw-ssl2", RAW, b"\x80\x2e\1\0\2\0\x15\0\0\0\x10" + bytes(37)
    yield "raw-alert", RAW, new + record_of(21, b"\2\x28")
    yield "raw-warnings", RAW, record_of(21, b"\1\x5a") * 9
    yield "raw-empty-records", RAW, record_of(22, b"") * 40
    yield "raw-long-record", RAW, struct.pack(">BHH", 22, 0x0303, 20000) + bytes(64)
    yield "raw-pieces", RAW, b"".join(record_of(22, new[5 + at:6 + at]) for at in range(len(new) - 5))
    server = [extension(43, b"\3\4"), extension(51, b"\0\x1d\0\x20" + point)]
    yield "raw-server-new", RAW | CLIENT, hello(2, [0x1301], server, bytes(32)) + record_of(20, b"\1") + record_of(23, bytes(60))
    yield "raw-server-old", RAW | CLIENT, hello(2, [0xc02b], [extension(65281, b"\0")]) + record_of(22, b"\x0e\0\0\0")
    yield "raw-server-smtp", RAW | CLIENT, b"250 forged\r\n"


# --- syn: the headers of a SYN ---------------------------------------------------------------

def syn_tcp(options, window=64240, flags=2, offset=None):
    words = 5 + len(options) // 4 if offset is None else offset
    return struct.pack("!HHIIBBHHH", 40000, 25, 1, 0, words << 4, flags, window, 0, 0) + options


def syn_v4(ttl, behind, options=b"", fragment=0x4000, protocol=6):
    head = struct.pack("!BBHHHBBH", 0x45 + len(options) // 4, 0, 60, 0, fragment, ttl, protocol, 0)
    return head + bytes([192, 0, 2, 1, 192, 0, 2, 25]) + options + behind


def syn_v6(hops, behind, following=6):
    return struct.pack("!IHBB", 0x60000000, len(behind), following, hops) + bytes(32) + behind


def syns():
    mss, sack, time, nop = b"\x02\x04\x05\xb4", b"\x04\x02", b"\x08\x0a" + bytes(8), b"\x01"
    scale = b"\x03\x03\x07"
    linux = mss + sack + time + nop + scale
    yield "linux", syn_v4(55, syn_tcp(linux))
    yield "windows", syn_v4(117, syn_tcp(mss + nop + scale + nop + nop + sack))
    yield "freebsd", syn_v4(50, syn_tcp(mss + nop + scale + sack + time, 65535))
    yield "macos", syn_v4(50, syn_tcp(mss + nop + scale + nop + nop + time + sack + bytes(2), 65535, 0xc2))
    yield "small", syn_v4(250, syn_tcp(mss, 4128))
    yield "none", syn_v4(64, syn_tcp(b""))
    yield "ip-options", syn_v4(64, syn_tcp(linux), b"\x07\x04\x04\x00")
    yield "six", syn_v6(60, syn_tcp(linux))
    chain = bytes([60, 1]) + bytes(14) + bytes([44, 0]) + bytes(6) + bytes([51, 0, 0, 1]) + bytes(4)
    chain += bytes([43, 4]) + bytes(22) + bytes([6, 0]) + bytes(6)
    yield "extensions", syn_v6(60, chain + syn_tcp(linux), 0)
    yield "encrypted", syn_v6(60, syn_tcp(linux), 50)
    yield "later-fragment", syn_v4(60, syn_tcp(linux), fragment=0x2001)
    yield "udp", syn_v4(60, syn_tcp(linux), protocol=17)
    yield "answer", syn_v4(60, syn_tcp(linux, flags=0x12))
    yield "offset-low", syn_v4(60, syn_tcp(linux, offset=4))
    yield "offset-high", syn_v4(60, syn_tcp(linux, offset=15))
    yield "option-long", syn_v4(60, syn_tcp(b"\x08\x28" + bytes(2)))
    yield "option-zero", syn_v4(60, syn_tcp(mss + b"\x02\x00\x01\x01"))
    yield "option-cut", syn_v4(60, syn_tcp(nop * 39 + b"\x08"))
    yield "nops", syn_v4(60, syn_tcp(nop * 40))
    yield "unknown", syn_v4(60, syn_tcp(b"\xfe\x02" * 20))


def corpus():
    for seed, kind, text in dialogs():
        yield "client_dialog", seed, bytes([kind]) + text
    for seed, kind, text in commands():
        yield "commands", seed, bytes([kind]) + text
    for seed, kind, text in texts():
        yield "data_stream", seed, bytes([kind]) + text
    for seed, kind, text in replies():
        yield "backend_replies", seed, bytes([kind]) + text
    for seed, kind, text in backends():
        yield "backend_side", seed, bytes([kind]) + text
    for seed, kind, text in dns():
        yield "dns_message", seed, bytes(kind) + text
    for seed, text in configurations():
        yield "configuration", seed, text.encode()
    for seed, text in states():
        yield "state_file", seed, text
    for seed, text in controls():
        yield "control_socket", seed, text
    for seed, kind, text in headers():
        yield "proxy_header", seed, bytes([kind]) + text
    for seed, kind, text in tls():
        yield "tls_stream", seed, bytes([kind]) + text
    for seed, text in syns():
        yield "syn", seed, text


def main():
    here = pathlib.Path(__file__).resolve().parent
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here / "corpus"
    for target, seed, octets in corpus():
        folder = root / target
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"seed-{seed}").write_bytes(octets)


if __name__ == "__main__":
    main()
