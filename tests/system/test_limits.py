#!/usr/bin/env python3
"""Places and limits, and that a reload changes them for living dialogs."""
import signal
import socket
import unittest

import harness
from harness import Backend, Client, SystemTest, wait_for
from test_rough_clients import read_all


class Limits(SystemTest):
    def setUp(self):
        super().setUp()
        self.backend = self.start(Backend())

    def hold(self, ravelin, count, network=9):
        """|count| dialogs, each from a network of its own: none has more than its share."""
        clients = [Client(ravelin.port, source=f"127.{network + i}.1.1") for i in range(count)]
        for client in clients:
            self.addCleanup(client.close)
        return clients

    def ravelin_with_a_good_client(self, **sections):
        """127.7.7.7 has earned good standing, and nobody is there."""
        ravelin = self.ravelin([self.backend], sections={
            "standing": "good_deliveries = 1\ngood_days = 1", **sections})
        with Client(ravelin.port, source="127.7.7.7") as good:
            self.assertRegex(good.mail(["bob@example.com"])[-1], "^250")
            good.say("QUIT")
        wait_for(lambda: ravelin.ctl("status")["sessions"]["open"] == 0, "an empty house")
        return ravelin

    def test_total_and_lifting_it(self):
        ravelin = self.ravelin([self.backend], sections={
            "limits": 'sessions = 4\nreserved_for_known = "0%"'})
        held = self.hold(ravelin, 4)
        self.assertTrue(all(client.banner.startswith("220") for client in held))
        with Client(ravelin.port, source="127.8.1.1") as refused:
            self.assertRegex(refused.banner, r"^421 4\.\d\.\d ")
            self.assertNotRegex(refused.banner, "limit|session|network|reserved")
        ravelin.wait_line(r"127\.8\.1\.1.*sessions")

        ravelin.write_config(limits='sessions = 8\nreserved_for_known = "0%"')
        ravelin.signal(signal.SIGHUP)
        ravelin.wait_line("reload")
        with Client(ravelin.port, source="127.8.1.1") as taken:
            self.assertRegex(taken.banner, "^220")
        self.assertRegex(held[0].say("NOOP"), "^250")

    def test_a_place_comes_back(self):
        ravelin = self.ravelin([self.backend], sections={
            "limits": 'sessions = 1\nreserved_for_known = "0%"'})
        first = ravelin.client()
        first.say("QUIT")
        first.close()

        def again():
            with ravelin.client() as client:
                return client.banner.startswith("220")

        wait_for(again, "the place")

    def test_per_client_and_network(self):
        ravelin = self.ravelin([self.backend], sections={
            "limits": "sessions_per_client = 2\nsessions_per_network = 3"})
        for expected, source in [("220", "127.5.5.1"), ("220", "127.5.5.1"), ("421", "127.5.5.1"),
                                 ("220", "127.5.5.2"), ("421", "127.5.5.3"), ("220", "127.5.6.1")]:
            client = Client(ravelin.port, source=source)
            self.addCleanup(client.close)
            self.assertEqual(client.banner[:3], expected, source)
        ravelin.wait_line("sessions_per_client")
        ravelin.wait_line("sessions_per_network")

    def test_reserved_for_good_standing(self):
        ravelin = self.ravelin_with_a_good_client(limits='sessions = 4\nreserved_for_known = "50%"')
        self.hold(ravelin, 2)
        with Client(ravelin.port, source="127.8.1.1") as stranger:
            self.assertRegex(stranger.banner, "^421")
        with Client(ravelin.port, source="127.7.7.7") as good:
            self.assertRegex(good.banner, "^220")

    def test_good_standing_is_not_kept_out_by_its_network(self):
        ravelin = self.ravelin_with_a_good_client(limits="sessions_per_network = 2")
        for source, expected in [("127.7.7.1", "220"), ("127.7.7.2", "220"), ("127.7.7.3", "421"),
                                 ("127.7.7.7", "220")]:
            client = self.start(Client(ravelin.port, source=source))
            self.assertEqual(client.banner[:3], expected, source)

    def test_good_standing_has_a_place_when_there_are_fewer_than_in_use(self):
        def limits(sessions):
            return f'sessions = {sessions}\nreserved_for_known = "0%"'

        ravelin = self.ravelin_with_a_good_client(
            limits=limits(8), listen='smtp = ["127.0.0.1:{port}"]\nworkers = 1')
        for i in range(1, 7):
            self.start(Client(ravelin.port, source=f"127.9.{i}.1"))
        ravelin.write_config(limits=limits(4))
        ravelin.signal(signal.SIGHUP)

        def stranger_is_refused():
            with Client(ravelin.port, source="127.8.1.1") as stranger:
                return stranger.banner.startswith("421")

        wait_for(stranger_is_refused, "the limit")
        # Nobody's network has a fair share of less than nothing.
        ravelin.wait_line(r"127\.8\.1\.1.*sessions")
        self.assertEqual(ravelin.lines("place given up"), [])
        with Client(ravelin.port, source="127.7.7.7") as good:
            self.assertRegex(good.banner, "^220")
        ravelin.wait_line("place given up")

    def test_so_many_give_way_to_strangers_in_a_moment(self):
        """Each costs a dialog that has come as far as the newcomer would; all come at once."""
        ravelin = self.ravelin([self.backend], sections={
            "limits": 'sessions = 100\nreserved_for_known = "0%"\nsessions_per_network = 0',
            "listen": 'smtp = ["127.0.0.1:{port}"]\nworkers = 1'})
        for i in range(100):
            self.start(Client(ravelin.port, source=f"127.9.1.{i + 1}"))
        ravelin.signal(signal.SIGSTOP)
        flood = []
        for i in range(90):
            client = socket.socket()
            self.addCleanup(client.close)
            client.settimeout(harness.PATIENCE)
            client.bind((f"127.{20 + i}.1.1", 0))
            client.connect(("127.0.0.1", ravelin.port))
            flood.append(client)
        ravelin.signal(signal.SIGCONT)
        codes = [client.recv(3) for client in flood]
        self.assertEqual(set(codes), {b"220", b"421"})
        self.assertGreaterEqual(codes.count(b"220"), 20)

    def test_nobody_gives_way_to_who_is_denied(self):
        ravelin = self.ravelin([self.backend], sections={
            "limits": 'sessions = 3\nreserved_for_known = "0%"',
            "access": 'deny = ["127.11.0.0/16"]',
            "listen": 'smtp = ["127.0.0.1:{port}"]\nworkers = 1'})
        for i in range(1, 4):
            self.start(Client(ravelin.port, source=f"127.9.{i}.1"))

        def newcomer(source):
            client = self.start(Client(ravelin.port, source=source))
            return client.banner.startswith("220")

        # A worker looks for such a dialog so often in a tenth of a second, and not before the first.
        wait_for(lambda: newcomer("127.10.1.1"), "a place")
        self.assertFalse(newcomer("127.11.1.1"))
        ravelin.wait_line(r"127\.11\.1\.1.*sessions")
        self.assertEqual(len(ravelin.lines("place given up")), 1)  # before the line above, if at all

    def test_too_many_refusals_are_wordless(self):
        def limits(rate):
            return f'sessions = 1\nreserved_for_known = "0%"\nrefusals_rate = "{rate}"'

        def more():
            with socket.create_connection(("127.0.0.1", ravelin.port), harness.PATIENCE) as client:
                return read_all(client)

        ravelin = self.ravelin([self.backend], sections={"limits": limits("1000/s")})
        held = self.start(ravelin.client())
        self.assertRegex(more(), b"^421 ")
        ravelin.write_config(limits=limits("0/s"))
        ravelin.signal(signal.SIGHUP)
        ravelin.wait_line("reload")
        self.assertEqual(more(), b"")
        self.assertRegex(held.say("NOOP"), "^250")
        wait_for(lambda: len(ravelin.lines("no place|sessions")) >= 2, "a line for each")

    def test_bounces_have_places_of_their_own(self):
        """Networks share them fairly, and nobody else is kept out."""
        def limits(share):
            return ('sessions = 10\nreserved_for_known = "0%"\n'
                    f'null_senders = "{share}"\nerrors = 10000')

        ravelin = self.ravelin([self.backend], sections={
            "limits": limits("30%"),
            "listen": 'smtp = ["127.0.0.1:{port}"]\nworkers = 1'})

        def bounce(source):
            client = self.start(Client(ravelin.port, source=source))
            client.say("EHLO a.example")
            return client, client.say("MAIL FROM:<>")

        held = [bounce(f"127.9.{i}.1") for i in range(1, 4)]
        self.assertTrue(all(reply.startswith("250") for _, reply in held))
        client, refused = bounce("127.9.4.1")
        self.assertRegex(refused, r"^451 4\.3\.2 ")
        ravelin.wait_line("Too many bounces at once")
        self.assertRegex(client.say("MAIL FROM:<a@sender.example>"), "^250")
        # A worker looks for such a dialog so often in a tenth of a second, and not before the first.
        other, reply = bounce("127.10.1.1")
        wait_for(lambda: reply.startswith("250") or other.say("MAIL FROM:<>").startswith("250"),
                 "a place")
        ravelin.wait_line("place given up")

        ravelin.write_config(limits=limits("10%"))  # fewer than are there
        ravelin.signal(signal.SIGHUP)
        ravelin.wait_line("reload")
        self.assertRegex(bounce("127.11.1.1")[1], "^451")
        ravelin.wait_line(r"127\.11\.1\.1.*Too many bounces at once")
        self.assertEqual(len(ravelin.lines("place given up")), 1)

    def test_message_size(self):
        ravelin = self.ravelin([self.backend], sections={"limits": 'message_size = "100kB"'})
        with ravelin.client() as client:
            self.assertRegex(client.say("EHLO a.example"), r"250.SIZE (9\d{4}|100000)")
            self.assertRegex(client.say("MAIL FROM:<a@b.example> SIZE=200000"), r"^552 5\.3\.4")
            reply = client.mail(["bob@example.com"], b"x" * 70 + b"\r\n" + (b"y" * 70 + b"\r\n") * 2000)
            self.assertRegex(reply[-1], r"^552 5\.3\.4")
        self.assertEqual(self.backend.messages, [])

    def test_recipients(self):
        ravelin = self.ravelin([self.backend], sections={"limits": "recipients = 100"})
        self.backend.mailboxes = {f"u{i}@example.com" for i in range(101)}
        with ravelin.client() as client:
            replies = client.mail([f"u{i}@example.com" for i in range(101)])
        self.assertRegex(replies[100], r"^452 4\.5\.3")
        self.assertRegex(replies[-1], "^250")
        self.assertEqual(len(self.backend.messages[0]["recipients"]), 100)

    def test_errors_and_junk(self):
        ravelin = self.ravelin([self.backend], sections={"limits": "errors = 5\njunk_commands = 10"})
        with ravelin.client() as client:
            replies = []
            while not replies or not replies[-1].startswith("421") and len(replies) < 50:
                replies.append(client.say("WHAT"))
            self.assertLessEqual(len(replies), 6)
            self.assertTrue(client.closed())
        with ravelin.client() as client:
            client.say("EHLO a.example")
            replies = [client.say("NOOP")]
            while not replies[-1].startswith("421") and len(replies) < 50:
                replies.append(client.say("NOOP"))
            self.assertLessEqual(len(replies), 12)

    def test_idle_time(self):
        ravelin = self.ravelin([self.backend], sections={"limits": 'command_timeout = "1s"'})
        with ravelin.client() as client:
            self.assertRegex(client.reply(), r"^421 4\.4\.2")
            self.assertTrue(client.closed())
        ravelin.wait_line("timeout after")

    def test_ipv6(self):
        ravelin = self.ravelin([self.backend], listen="::1")
        with ravelin.client() as client:
            self.assertRegex(client.mail(["bob@example.com"])[-1], "^250")
        self.assertIn(b"[IPv6:::1]", self.backend.messages[0]["text"])


if __name__ == "__main__":
    harness.main()
