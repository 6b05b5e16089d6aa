#!/usr/bin/env python3
"""ravelin-drill, the load tool: small runs against Ravelin and its own slow backend. What it reports
is compared with what Ravelin logged and the backend counted."""
import json
import pathlib
import re
import signal
import socket
import subprocess
import time

import harness
from harness import Process, SystemTest, free_port, wait_for
from test_tls import make_certificate

SCRIPTS = ("retrying", "harvesting", "slow", "early", "valid", "tls", "silent")
PHASES = ("warm-up", "before", "load", "after")
# Strangers wait; one delivery makes a client known.
SECTIONS = {
    "greylist": 'apply_to = "unknown"\ndelay = "1s"',
    "checks.early_talker": 'action = "reject"\npause = "100ms"',
    "standing": "good_deliveries = 1\ngood_days = 1",
}


def program():
    return str(harness.BUILD / "ravelin-drill")


class DrillTest(SystemTest):
    def backend(self, *options):
        port = free_port()
        backend = self.start(Process([program(), "backend", "--listen", f"127.0.0.1:{port}",
                                      *options], f"{self.directory}/backend.out"))
        backend.port = port
        wait_for(lambda: "listening on" in backend.text(), "the backend")
        return backend

    def totals(self, backend):
        """Ends the backend; what it counted."""
        backend.signal(signal.SIGTERM)
        self.assertEqual(backend.wait(), 0, backend.text())
        return json.loads(backend.text().splitlines()[-1])

    def run_options(self, port, *options):
        return [program(), "run", "--target", f"127.0.0.1:{port}", "--domain", "example.com",
                "--json", f"{self.directory}/drill.json", *options]

    def report(self):
        return json.loads(pathlib.Path(self.directory, "drill.json").read_text())

    def drill(self, port, *options):
        """A whole run: its report, and what it printed."""
        done = subprocess.run(self.run_options(port, *options), capture_output=True, text=True,
                              timeout=120)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return self.report(), done.stdout


def total(group, *path):
    """The sum over all phases of one figure."""
    result = 0
    for phase in PHASES:
        value = group["phases"][phase]
        for name in path:
            value = value[name]
        result += value
    return result


def replies(group):
    found = {}
    for phase in PHASES:
        for reply, count in group["phases"][phase]["replies"].items():
            found[reply] = found.get(reply, 0) + count
    return found


class BothSides(DrillTest):
    def test_who_comes_late_and_bounces(self):
        backend = self.backend("--valid", "good*")
        ravelin = self.ravelin([backend.port])
        report, _ = self.drill(
            ravelin.port, "--good=late=3", "--good=new=1", "--bots=silent=1", "--rate=late=5", "--rate=new=9",
            "--bounces=50%", "--onset=1s", "--duration=4s", "--quiet=1s")
        late = report["groups"]["good late"]
        self.assertEqual(late["phases"]["before"]["messages"]["queued"], 0)
        self.assertGreater(report["groups"]["good new"]["phases"]["before"]["messages"]["queued"], 0)
        self.assertGreater(late["phases"]["load"]["messages"]["accepted"], 10)
        self.assertEqual(late["series"]["opened"][0], 0)
        self.assertGreater(len(ravelin.lines(r"qmgr.*from=<>")), 0)
        self.assertGreater(len(ravelin.lines(r"qmgr.*from=<\S")), 0)

    def test_a_run_with_some_of_each(self):
        certificate = make_certificate(self.directory, "mx", ["mx.example.net"])
        backend = self.backend("--delay", "2ms", "--valid", "good*")
        ravelin = self.ravelin([backend.port], sections={
            **SECTIONS, "tls": f'certificates = ["{certificate}"]'})
        bots = [f"--bots={script}=5" for script in SCRIPTS]
        report, table = self.drill(
            ravelin.port, *bots, "--good=known=3", "--good=new=2", "--rate=known=3", "--rate=new=3",
            "--warm-up=1", "--good-retry=1s", "--good-retry-max=1s", "--onset=1s", "--duration=5s",
            "--quiet=1s", "--drain=30s", "--ramp=500ms", "--pause=300ms", "--retry=1200ms", "--hold=500ms",
            "--drip=100ms", "--networks=4", "--wide-networks=2", "--good-tls")
        groups = report["groups"]
        self.assertEqual(set(groups), {f"bots {s}" for s in SCRIPTS} | {"good known", "good new"})
        self.check_good(groups)
        self.check_bots(groups)
        self.check_sums(groups)
        self.check_sources(ravelin)
        for name in groups:
            self.assertIn(name, table)

        counted = self.totals(backend)
        self.assertLessEqual(counted["peak"], 15)
        # A bot that is stopped, or loses its patience, between its dot and the answer never hears of it.
        heard = sum(total(group, "messages", "accepted") for group in groups.values())
        self.assertLessEqual(heard, counted["messages"])
        self.assertLessEqual(counted["messages"], heard + groups["bots valid"]["members"])
        self.assertEqual(counted["questions"], counted["known"] + counted["unknown"])
        self.assertEqual(counted["questions"], sum(counted["questions_per_second"]))
        # The backend's own word is passed on, and each of its refusals was asked for.
        refused = sum(replies(group).get("RCPT 550 5.1.1", 0) for group in groups.values())
        self.assertGreater(refused, 0)

    def check_good(self, groups):
        for name in ("good known", "good new"):
            group = groups[name]
            self.assertGreater(total(group, "messages", "queued"), 10, name)
            for figure in ("refused", "left", "places_told", "places_wordless"):
                self.assertEqual(total(group, "messages", figure), 0, f"{name} {figure}")
            self.assertEqual(total(group, "dialogs", "secured"), total(group, "dialogs", "opened"))
            # One that was deferred waited, the attempt that succeeded did not.
            load = group["phases"]["load"]["messages"]
            self.assertLessEqual(load["delay_ms"]["p50"], load["delay_ms"]["p99"])
            self.assertLessEqual(load["attempt_ms"]["p50"], load["delay_ms"]["max"])
        known, new = groups["good known"]["phases"], groups["good new"]["phases"]
        self.assertEqual(known["warm-up"]["messages"]["queued"], 3)
        self.assertGreater(known["warm-up"]["messages"]["deferred"], 0, "strangers were greylisted")
        for phase in ("before", "load", "after"):
            self.assertEqual(known[phase]["messages"]["deferred"], 0, phase)
        self.assertEqual(new["warm-up"]["messages"]["queued"], 0)
        self.assertGreater(new["before"]["messages"]["deferred"], 0)
        self.assertGreater(new["before"]["messages"]["delay_ms"]["max"], 900)
        self.assertEqual(set(new["before"]["messages"]["causes"]), {"RCPT 451 4.7.1"})

    def check_bots(self, groups):
        for script in SCRIPTS:
            group = groups[f"bots {script}"]
            self.assertEqual(group["members"], 5)
            self.assertGreaterEqual(total(group, "dialogs", "opened"), 5, script)
            self.assertGreaterEqual(group["phases"]["load"]["dialogs"]["peak"], 1, script)
            for phase in ("before", "after"):
                self.assertEqual(group["phases"][phase]["dialogs"]["opened"], 0, script)
        self.assertEqual(groups["bots silent"]["phases"]["load"]["dialogs"]["peak"], 5)
        self.assertEqual(groups["bots slow"]["phases"]["load"]["dialogs"]["peak"], 5)
        # Deferred first, and back from the same address with the same message.
        for script in ("retrying", "tls"):
            heard = replies(groups[f"bots {script}"])
            self.assertGreater(heard.get("RCPT 451 4.7.1", 0), 0, script)
            self.assertGreater(heard.get("RCPT 550 5.1.1", 0), 0, script)
        secured = groups["bots tls"]["phases"]["load"]["dialogs"]["secured"]
        self.assertGreater(secured, 4)
        self.assertGreater(replies(groups["bots tls"])["STARTTLS 220 2.0.0"], secured,
                           "one in four stops in the handshake")
        self.assertGreater(total(groups["bots valid"], "messages", "accepted"), 0)
        self.assertGreater(total(groups["bots harvesting"], "rcpt", "refused") +
                           total(groups["bots harvesting"], "rcpt", "deferred"), 20)

    def check_sums(self, groups):
        for name, group in groups.items():
            series = group["series"]
            for figure in ("accepted", "deferred", "refused"):
                clocked = sum(group["phases"][phase]["rcpt"][figure] for phase in PHASES[1:])
                self.assertEqual(sum(series[f"rcpt_{figure}"]), clocked, f"{name} {figure}")
            self.assertEqual(sum(series["opened"]), total(group, "dialogs", "opened") -
                             group["phases"]["warm-up"]["dialogs"]["opened"])
            self.assertEqual(series["open"][-1], 0, name)
            for phase in PHASES:
                m = group["phases"][phase]["messages"]
                if "queued" in m:
                    self.assertEqual(m["queued"], m["accepted"] + m["refused"] + m["left"])

    def check_sources(self, ravelin):
        """As Ravelin saw it: each bot an address of its own, in as many networks as told."""
        seen = {line.split("[")[-1].rstrip("]") for line in ravelin.lines(r"connect from unknown\[")
                if "disconnect" not in line}
        bots = {address for address in seen if re.match(r"127\.6[45]\.", address)}
        self.assertEqual(len(bots), 5 * len(SCRIPTS))
        self.assertEqual(len({address.rsplit(".", 1)[0] for address in bots}), 4)
        self.assertEqual(len({address.rsplit(".", 2)[0] for address in bots}), 2)
        good = {f"127.200.{i}.10" for i in range(3)} | {f"127.201.{i}.10" for i in range(2)}
        self.assertEqual(seen - bots - {"127.0.0.1"}, good)
        self.assertTrue(ravelin.lines("PREGREET"), "early bots talk early")

    def test_senders_that_turn(self):
        """All in one network; from the onset on the last ones are bots, at the same addresses."""
        backend = self.backend("--valid", "good*")
        ravelin = self.ravelin([backend.port], sections=SECTIONS)
        report, _ = self.drill(
            ravelin.port, "--good=known=4", "--turned=1", "--good-place=one-24", "--rate=known=5", "--warm-up=1",
            "--good-retry=1s", "--onset=2s", "--duration=4s", "--quiet=0s", "--drain=30s", "--pause=100ms",
            "--ramp=0s")
        groups = report["groups"]
        self.assertEqual(set(groups), {"good known", "bots turned"})
        self.assertEqual(groups["bots turned"]["members"], 1)
        self.assertGreater(replies(groups["bots turned"]).get("RCPT 550 5.1.1", 0), 0)
        seen = {line.split("[")[-1].rstrip("]") for line in ravelin.lines(r"connect from unknown\[")
                if "disconnect" not in line}
        self.assertEqual(seen - {"127.0.0.1"}, {f"127.200.0.{10 + i}" for i in range(4)})
        # Its good mail ends where the spam begins.
        lines = ravelin.lines("client=|reject: RCPT")
        spam = [i for i, line in enumerate(lines) if "reject: RCPT" in line and "[127.200.0.13]" in line
                and "User unknown" in line]
        mail = [i for i, line in enumerate(lines) if "client=" in line and "[127.200.0.13]" in line]
        self.assertTrue(spam and mail)
        self.assertLess(max(mail), min(spam))

    def test_nobody_listens(self):
        """Good mail stays in its queue, and that is said."""
        report, table = self.drill(free_port(), "--good=new=1", "--rate=new=20", "--onset=0s",
                                   "--duration=1s", "--quiet=0s", "--drain=0s")
        messages = report["groups"]["good new"]["phases"]["load"]["messages"]
        self.assertGreater(messages["queued"], 0)
        self.assertEqual(messages["left"], messages["queued"])
        self.assertEqual(set(messages["causes"]), {"refused"})
        self.assertEqual(messages["places_wordless"], messages["deferrals"])
        self.assertIsNone(messages["delay_ms"])
        self.assertIn('"refused"', table)

    def test_stages(self):
        backend = self.backend()
        report, _ = self.drill(backend.port, "--bots=silent=10", "--onset=0s", "--duration=4s",
                               "--quiet=0s", "--ramp=0s", "--stages=0s=20%,2s=100%")
        held = report["groups"]["bots silent"]["series"]["open"]
        self.assertEqual(held[0], 2)
        self.assertEqual(held[3], 10)


class Ends(DrillTest):
    def test_interrupt(self):
        """A report at once, of what was until then."""
        backend = self.backend("--valid=good*")
        drill = self.start(Process(
            self.run_options(backend.port, "--good=new=2", "--rate=new=20", "--bots=silent=20",
                             "--onset=0s", "--duration=1h"), f"{self.directory}/drill.out"))

        def messages():
            backend.signal(signal.SIGUSR1)
            lines = backend.text().splitlines()[1:]
            return lines and json.loads(lines[-1])["messages"]

        wait_for(messages, "mail")
        drill.signal(signal.SIGINT)
        self.assertEqual(drill.wait(10), 130, drill.text())
        self.assertIn("Interrupted", drill.text())
        report = self.report()
        self.assertTrue(report["interrupted"])
        self.assertGreater(report["groups"]["good new"]["phases"]["load"]["messages"]["accepted"], 0)

    def test_a_warm_up_that_never_ends(self):
        done = subprocess.run(
            self.run_options(free_port(), "--good=known=1", "--warm-up=1", "--warm-up-limit=200ms"),
            capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("warm-up", done.stdout)

    def test_wrong_options(self):
        """One line that names what is wrong, exit 2, and nothing is sent."""
        good = ["run", "--target", "127.0.0.1:9", "--domain", "example.com"]
        rows = [
            ([], "wants a command"),
            (["walk"], "no command walk"),
            (["run", "--domain", "example.com", "--bots", "slow=1"], "--target is missing"),
            (["run", "--target", "127.0.0.1:9", "--bots", "slow=1"], "--domain is missing"),
            (good, "no clients"),
            ([*good, "--bots"], "wants a value"),
            ([*good, "--bots", "evil=3"], "--bots wants SCRIPT=N"),
            ([*good, "--bots", "slow=many"], "--bots wants SCRIPT=N"),
            ([*good, "--frobnicate", "3"], "no option --frobnicate"),
            ([*good, "stray"], '"stray" is no option'),
            ([*good, "--duration", "60"], "--duration wants a time"),
            ([*good, "--good-tls=yes"], "takes no value"),
            ([*good, "--stages", "5s=10%,1s=20%"], "growing times"),
            ([*good, "--bots", "slow=500", "--networks", "2"], "give more --networks"),
            ([*good, "--good", "new=30", "--networks", "1", "--good-place", "bots-24"], "no room"),
            ([*good, "--good", "known=2", "--turned", "3"], "as many known good senders"),
            ([*good, "--good", "new=241", "--good-place", "one-24"], "no room"),
            ([*good, "--bots", "slow=1", "--networks", "300", "--wide-networks", "1"], "no room"),
            ([*good, "--good", "new=1", "--mailboxes", "@/nowhere"], "names no mailbox"),
            ([*good, "--good", "new=1", "--json", "/nowhere/x"], "can be written"),
            ([*good, "--bots", "slow=2000", "--per-bot", "1000"], "descriptors"),
            (["run", "--target", "192.0.2.1:25", "--domain", "example.com", "--bots", "slow=1"],
             "not on loopback"),
            (["run", "--target", "mx.example.com:25"], "--target wants an address"),
            (["backend"], "--listen is missing"),
            (["backend", "--listen", "0.0.0.0:2600"], "not on loopback"),
            (["backend", "--listen", "127.0.0.1:2600", "--pipelining", "maybe"], "on or off"),
            (["backend", "--listen", "127.0.0.1:2600", "--valid-file", "/nowhere"], "can be read"),
        ]
        for arguments, expected in rows:
            with self.subTest(arguments=arguments):
                done = subprocess.run([program(), *arguments], capture_output=True, text=True,
                                      timeout=60)
                self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
                self.assertEqual(done.stdout, "")
                self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
                self.assertIn(expected, done.stderr)

    def test_a_port_in_use(self):
        backend = self.backend()
        done = subprocess.run([program(), "backend", "--listen", f"127.0.0.1:{backend.port}"],
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot listen", done.stderr)


class SlowBackend(DrillTest):
    def client(self, backend, **options):
        client = harness.Client(backend.port, **options)
        self.addCleanup(client.close)
        return client

    def test_each_command_takes_its_time(self):
        """Also those that come together: one after the other."""
        backend = self.backend("--delay=50ms", "--valid=good*", "--valid=alice@example.com")
        client = self.client(backend)
        self.assertIn("PIPELINING", client.say("EHLO a"))
        began = time.monotonic()
        client.send("MAIL FROM:<>\r\nRCPT TO:<good7@example.com>\r\nRCPT TO:<bad@example.com>\r\n"
                    "RCPT TO:<ALICE@example.com>\r\nRCPT TO:<alice@example.net>\r\nDATA\r\n")
        heard = [client.reply()[:9] for _ in range(6)]
        self.assertGreaterEqual(time.monotonic() - began, 0.3)
        self.assertEqual(heard, ["250 2.1.0", "250 2.1.5", "550 5.1.1", "250 2.1.5", "550 5.1.1",
                                 "354 Go on"])
        client.send("one\r\n..\r\n.\r\nQUIT\r\n")
        self.assertTrue(client.reply().startswith("250"))
        self.assertTrue(client.reply().startswith("221"))
        self.assertTrue(client.closed())
        counted = self.totals(backend)
        expected = {"connections": 1, "questions": 4, "known": 2, "unknown": 2, "mails": 1,
                    "messages": 1, "rsets": 0}
        self.assertEqual({name: counted[name] for name in expected}, expected)

    def test_what_is_far_away_comes_together(self):
        backend = self.backend("--latency=1s")
        client = self.client(backend)
        began = time.monotonic()
        client.send("EHLO a\r\n" + "NOOP\r\n" * 5)
        self.assertIn("PIPELINING", client.reply())
        for _ in range(5):
            self.assertTrue(client.reply().startswith("250"))
        took = time.monotonic() - began
        self.assertGreaterEqual(took, 1)
        self.assertLess(took, 5)  # six would be one after the other

    def test_an_empty_message(self):
        backend = self.backend("--valid=good*", "--pipelining=off")
        client = self.client(backend)
        self.assertNotIn("PIPELINING", client.say("EHLO a"))
        client.say("MAIL FROM:<>")
        client.say("RCPT TO:<good1@example.com>")
        client.say("DATA")
        self.assertTrue(client.say(".").startswith("250"))
        self.assertTrue(client.say("NOOP").startswith("250"))

    def test_a_limit_of_connections(self):
        backend = self.backend("--connections-limit=2")
        held = [self.client(backend), self.client(backend)]
        more = self.client(backend)
        self.assertTrue(more.banner.startswith("421 4.7.0"))
        self.assertTrue(more.closed())
        held[0].say("QUIT")
        held[0].close()
        wait_for(lambda: self.client(backend).banner.startswith("220"), "a place")
        counted = self.totals(backend)
        self.assertEqual(counted["peak"], 2)
        self.assertGreaterEqual(counted["turned_away"], 1)

    def test_punishment(self):
        """Nine refusals cost nothing; the tenth makes the next command slow, the 20th is the last."""
        backend = self.backend("--punish")
        client = self.client(backend)
        client.say("EHLO a")
        client.say("MAIL FROM:<>")
        for i in range(5):
            self.assertTrue(client.say(f"RCPT TO:<x{i}@example.com>").startswith("550 5.1.1"))
        self.assertTrue(client.say("RCPT TO:<postmaster@example.com>").startswith("250"))
        self.assertTrue(client.say("DATA").startswith("354"))
        client.send("x\r\n.\r\n")
        self.assertTrue(client.reply().startswith("250"))  # and it counts from here
        client.say("MAIL FROM:<>")
        for i in range(10):
            self.assertTrue(client.say(f"RCPT TO:<x{i}@example.com>").startswith("550 5.1.1"))
        began = time.monotonic()
        client.say("NOOP")
        self.assertGreaterEqual(time.monotonic() - began, 1)
        client.send("".join(f"RCPT TO:<y{i}@example.com>\r\n" for i in range(10)))
        for _ in range(10):
            self.assertTrue(client.reply().startswith("550 5.1.1"))
        self.assertTrue(client.reply().startswith("421"))
        self.assertTrue(client.closed())
        counted = self.totals(backend)
        self.assertEqual((counted["hung_up"], counted["punished"]), (1, 11))


class Documents(DrillTest):
    def test_options_as_printed(self):
        printed = subprocess.run([program(), "--print-docs"], capture_output=True, text=True,
                                 timeout=60, check=True).stdout
        document = pathlib.Path(harness.ROOT, "docs/drill.md").read_text()
        self.assertTrue(document.endswith(printed), "docs/drill.md ends with ravelin-drill --print-docs")

    def test_help(self):
        for arguments in (["--help"], ["run", "--help"], ["backend", "--help"]):
            done = subprocess.run([program(), *arguments], capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 0)
            self.assertIn("ravelin-drill", done.stdout)
            self.assertLessEqual(max(map(len, done.stdout.splitlines())), 104)


class Scripts(DrillTest):
    """What slow bots do, as a server sees it that says yes to all."""

    def serve(self, script_index, seconds):
        """The octets that the |script_index|th slow bot sends, with their times."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        listener.settimeout(harness.PATIENCE)
        drill = self.start(Process(
            self.run_options(listener.getsockname()[1], f"--bots=slow={script_index + 1}",
                             "--onset=0s", "--ramp=0s", f"--duration={seconds}s", "--quiet=0s",
                             "--drip=20ms", "--hold=100ms", "--patience=1m"),
            f"{self.directory}/slow.out"))
        wanted = f"127.{64 + script_index}.0.1"  # neighbours are in different networks
        chunks = []
        while True:
            peer, (address, _) = listener.accept()
            self.addCleanup(peer.close)
            if address == wanted:
                break
        peer.settimeout(harness.PATIENCE)
        peer.sendall(b"220 x\r\n")
        buffer = b""
        try:
            while data := peer.recv(4096):
                chunks.append(data)
                buffer += data
                while b"\r\n" in buffer:
                    line, buffer = buffer.split(b"\r\n", 1)
                    if line == b"DATA":
                        peer.sendall(b"354 go\r\n")
                    elif line.split(b" ")[0] in (b"EHLO", b"MAIL", b"RCPT", b"NOOP", b"RSET"):
                        peer.sendall(b"250 ok\r\n")
        except ConnectionResetError:
            pass
        drill.wait()
        return chunks

    def test_pauses(self):
        verbs = [chunk.split(b" ")[0].strip() for chunk in self.serve(0, 2)]
        self.assertEqual(verbs[:6], [b"EHLO", b"MAIL", b"RCPT", b"NOOP", b"RSET", b"EHLO"])

    def test_drips_a_command(self):
        chunks = self.serve(1, 2)
        self.assertGreater(len(chunks), 20)
        self.assertTrue(b"".join(chunks).startswith(b"EHLO aaa"))
        self.assertLessEqual(max(map(len, chunks[:20])), 5)

    def test_drips_text(self):
        chunks = self.serve(2, 2)
        text = b"".join(chunks)
        self.assertRegex(text, rb"RCPT TO:<good\d+@example.com>\r\nDATA\r\nSubject: drip\r\n\r\nxxx")
        self.assertNotIn(b"\r\n.\r\n", text)

    def test_reads_nothing(self):
        """Replies pile up at the server, for the bot has shut its window."""
        self.assertGreater(b"".join(self.serve(4, 3)).count(b"EHLO"), 19)

    def test_a_reset_while_nothing_is_read(self):
        """It is noticed at the next drip, and the wait for that costs nothing."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        listener.settimeout(harness.PATIENCE)
        drill = self.start(Process(
            self.run_options(listener.getsockname()[1], "--bots=slow=5", "--onset=0s", "--ramp=0s",
                             "--duration=5s", "--quiet=0s", "--drip=3s", "--pause=50ms"),
            f"{self.directory}/slow.out"))
        came = 0
        while came < 2:  # the fifth bot, and the same again
            peer, (address, _) = listener.accept()
            self.addCleanup(peer.close)
            if address != "127.68.0.1":
                continue
            came += 1
            peer.sendall(b"220 x\r\n")
            peer.recv(4096)
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            peer.close()
        self.assertEqual(drill.wait(), 0, drill.text())
        self.assertLess(self.report()["own"]["cpu_seconds"], 1.5)


if __name__ == "__main__":
    harness.main()
