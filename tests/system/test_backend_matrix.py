#!/usr/bin/env python3
"""Each fault at each stage of a dialog with the backend, in the clear and in TLS, on a fresh
connection and on one that was used before, by SMTP and by LMTP, where each recipient has a verdict
of its own: the reply that is prescribed, the connection discarded, the next message fine. What takes minutes by its nature is in tests/proxy/backend, which has a clock
to move."""
import contextlib
import itertools
import ssl
import unittest

import harness
from harness import Backend, SystemTest, wait_for
from test_tls import make_certificate


NORMAL = {
    "banner": b"220 backend.example ESMTP\r\n",
    "starttls": b"220 2.0.0 Go\r\n",
    "mail": b"250 2.1.0 Ok\r\n",
    "rcpt": b"250 2.1.5 Ok\r\n",
    "data": b"354 Go on\r\n",
    "dot": b"250 2.0.0 Ok: queued\r\n",
    "verdict": b"250 2.0.0 Ok: queued\r\n",
}
FAULTS = {
    "refuse": b"554 5.7.1 not this\r\n",
    "4xx": b"450 4.2.0 not now\r\n",
    "421": b"421 4.3.2 going down\r\n",
    "close": "close",
    "reset": "reset",
    "silence": "silence",
    "garbage": b"\x00\x01\xff nonsense\r\n",
    "huge": b"250-" + b"x" * 100_000 + b"\r\n",
    "many lines": b"250-line\r\n" * 5000,
    "half a reply": b"250-to be continued\r\n",
    "early": None,  # the normal reply, and one more that nobody asked for
    "slow": None,   # the normal reply, octet by octet
}
FRESH = ["banner", "ehlo", "starttls", "handshake"]
# By LMTP "dot" is the first recipient's verdict and "verdict" the second's, by SMTP there is one.
STAGES = FRESH + ["mail", "rcpt", "data", "body", "dot", "verdict", "after", "idle"]
VERDICTS = {"dot": "bob", "verdict": "alice"}
# These wait for minutes, by the RFC.
MINUTES = {(stage, fault) for stage in ("data", "body") for fault in ("silence", "half a reply")}
# A text that is refused before its end is refused in the backend's words.
PASSED_ON = {"rcpt": "^554 5.7.1", "data": "^554 5.7.1", "body": "^554 5.7.1", "dot": "^554 5.7.1"}
LATER = {"rcpt": "^451 4.2.0", "data": "^451 4.2.0", "body": "^451 4.2.0", "dot": "^451 4.2.0"}


def prescribed(stage, fault, lmtp):
    """What the client hears last, as a regular expression."""
    if lmtp and stage in VERDICTS and fault in ("refuse", "4xx"):
        refused = fr"^554-5\.0\.0 [^\n]*:\n554 5\.0\.0 <{VERDICTS[stage]}@example\.com> 554 5\.7\.1 "
        return refused if fault == "refuse" else "^451 4"
    if fault == "slow" or stage in ("after", "idle"):
        return "^250"
    if stage == "body" and fault == "421":
        return "^4[25]1 4"
    if fault == "refuse" and stage in PASSED_ON:
        return PASSED_ON[stage]
    if fault == "4xx" and stage in LATER:
        return LATER[stage]
    return "^451 4"


def makes_sense(stage, fault, secured, lmtp):
    if (stage, fault) in MINUTES or (stage in ("starttls", "handshake") and not secured):
        return False
    # A banner is read before anything is LMTP's, and each fault there takes a second.
    if stage == ("banner" if lmtp else "verdict"):
        return False
    if stage == "handshake":  # no replies there
        return fault in ("close", "reset", "silence", "garbage", "huge")
    if stage in ("body", "after", "idle"):
        return fault not in ("slow", "silence")
    if stage in VERDICTS and fault == "early":  # that is "after", or the next verdict
        return False
    return not (stage == "ehlo" and fault in ("slow", "early"))  # with the banner's


class Cells(SystemTest):
    secured = lmtp = False

    def setUp(self):
        super().setUp()
        options = {"mailboxes": ("bob@example.com", "alice@example.com"), "lmtp": self.lmtp}
        route = f'connect_timeout = "2s"\nprotocol = "{"lmtp" if self.lmtp else "smtp"}"'
        if self.secured:
            certificate = make_certificate(self.directory, "backend", ["localhost"])
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(str(certificate))
            options["tls"] = context
            route += '\ntls = "encrypt"'
        self.backend = self.start(Backend(**options))
        self.front = self.ravelin(
            [self.backend], route=route,
            sections={"verify": 'timeout = "1s"', "relay": 'final_timeout = "1s"'})
        self.senders = itertools.count()

    def action(self, stage, fault):
        if fault == "early":
            return NORMAL.get(stage, b"250 ok\r\n") + b"250 2.0.0 forged\r\n"
        if fault == "slow":
            return tuple(bytes([octet]) for octet in NORMAL[stage])
        return FAULTS[fault]

    def break_at(self, stage, fault):
        """Puts the fault into the script; returns the key to take out again."""
        what = self.action(stage, fault)
        script = self.backend.script
        if stage == "body":
            what = b"250 2.0.0 forged\r\n" if fault == "early" else what
            script["text"] = lambda _backend, _number, so_far: None if so_far else what
            return "text"
        if stage == "after":
            normal = NORMAL["dot"]
            last = "verdict" if self.lmtp else "dot"
            script[last] = (normal, b"250 forged\r\n" if fault == "early" else what)
            return last
        script[stage] = what
        return stage

    def recipients(self, stage=""):
        """Two where their verdicts may differ; else one, as each waits for its own time limit."""
        differ = self.lmtp and stage in ("body", "dot", "verdict", "after")
        return ["bob@example.com", "alice@example.com"] if differ else ["bob@example.com"]

    def sender(self):
        """One of its own for each: after a split verdict a sender is served one by one."""
        return f"a{next(self.senders)}@sender.example"

    def message(self, text, stage=""):
        """The last reply to one client."""
        with self.front.client() as client:
            return client.mail(self.recipients(stage), text=text, sender=self.sender())[-1]

    def message_cut_short(self, text):
        """The same, for a backend that does something when it has the first line: the rest is sent
        when Ravelin knows of it."""
        rejected = len(self.front.lines("reject: "))
        with self.front.client() as client:
            client.say("EHLO client.sender.example")
            client.say(f"MAIL FROM:<{self.sender()}>")
            for recipient in self.recipients("body"):
                self.assertRegex(client.say(f"RCPT TO:<{recipient}>"), "^250")
            self.assertRegex(client.say("DATA"), "^354")
            head, rest = text.split(b"\r\n", 1)
            client.send(head + b"\r\n")
            wait_for(lambda: len(self.front.lines("reject: ")) > rejected, "the text to be refused")
            client.send(rest + b".\r\n")
            return client.reply()

    def spoil_idle(self, fault):
        """The connections that lie idle say or do something of their own."""
        what = b"250 2.0.0 forged\r\n" if fault == "early" else FAULTS[fault]
        if what in ("close", "reset"):
            return self.backend.break_connections()
        for connection in list(self.backend.sockets):
            with contextlib.suppress(OSError):  # it may be left before it has said all
                connection.sendall(what)
        return wait_for(lambda: self.backend.open == 0, "the connection to be left")

    def one_cell(self, stage, fault, pooled):
        self.backend.break_connections()
        text = f"Subject: {stage}, {fault}\r\n\r\n".encode() + b"x" * 100 + b"\r\n"
        if pooled:
            self.until_fine()
        self.backend.messages.clear()
        if stage == "idle":
            self.spoil_idle(fault)
            return self.assertRegex(self.message(text), "^250")
        self.backend.scripted.clear()
        key = self.break_at(stage, fault)
        try:
            reply = self.message_cut_short(text) if stage == "body" else self.message(text, stage)
        finally:
            del self.backend.script[key]
        self.until_fine()
        self.assertRegex(reply, prescribed(stage, fault, self.lmtp))
        self.check_custody(stage, text, reply)
        return self.check_discarded(stage, fault)

    def check_custody(self, stage, text, reply):
        """A 250 is the backend's, and it has what the client sent, for all recipients. Without one
        it may have it only if a reply behind the dot was lost, made no sense, or was for another
        recipient; who had a good verdict has it."""
        stored = [m["recipients"] for m in self.backend.messages if m["text"].endswith(text)]
        if reply.startswith("250"):
            self.assertEqual(stored, [self.recipients(stage)])
        elif stage not in VERDICTS:
            self.assertEqual(stored, [])
        elif stage == "verdict":
            self.assertEqual([recipients[0] for recipients in stored], ["bob@example.com"])

    def check_discarded(self, stage, fault):
        """Whatever broke is not used again. A refusal breaks nothing."""
        if fault == "slow" or fault in ("refuse", "4xx") and stage != "body":
            return
        self.assertTrue(self.backend.scripted)
        self.assertNotIn(self.backend.messages[-1]["connection"], self.backend.scripted)

    def until_fine(self):
        """The next message, at most a health check later."""
        wait_for(lambda: self.message(b"Subject: fine\r\n\r\nfine\r\n").startswith("250"),
                 "the next message")

    def run_all(self, pooled):
        for stage in STAGES:
            if pooled and stage in FRESH or not pooled and stage == "idle":
                continue
            for fault in FAULTS:
                if makes_sense(stage, fault, self.secured, self.lmtp):
                    with self.subTest(stage=stage, fault=fault):
                        self.one_cell(stage, fault, pooled)


class Matrix(Cells):
    def test_fresh(self):
        self.run_all(pooled=False)

    def test_pooled(self):
        self.run_all(pooled=True)


class SecuredMatrix(Cells):
    secured = True

    def test_fresh(self):
        self.run_all(pooled=False)

    def test_pooled(self):
        self.run_all(pooled=True)


# In the clear: TLS is the stream's, below both protocols.
class LmtpMatrix(Cells):
    lmtp = True

    def test_fresh(self):
        self.run_all(pooled=False)

    def test_pooled(self):
        self.run_all(pooled=True)


if __name__ == "__main__":
    harness.main()
