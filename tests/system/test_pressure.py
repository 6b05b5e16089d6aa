#!/usr/bin/env python3
"""Pressure: rises within ten seconds of a flood, changes what holds for strangers only, says why, and
is over when it is over."""
import signal
import time
import unittest

import harness
from harness import Backend, Client, SystemTest, wait_for

STANDING = "good_deliveries = 1\ngood_days = 1"
HOLD = 3  # seconds


class Pressure(SystemTest):
    def setUp(self):
        super().setUp()
        self.backend = self.start(Backend())

    def pressed(self, pressure="", **sections):
        return self.ravelin([self.backend], sections={
            "pressure": f'level = "auto"\nhold = "{HOLD}s"\n{pressure}', "standing": STANDING,
            "verify": 'negative_ttl = "0s"', **sections})

    def level(self, ravelin):
        return ravelin.ctl("status")["pressure"]["level"]

    def deliver(self, ravelin, source):
        with Client(ravelin.port, source=source) as client:
            self.assertRegex(client.mail(["bob@example.com"])[-1], "^250")
            client.say("QUIT")

    def flood(self, ravelin, until):
        """Unknown recipients from many addresses, as fast as they are refused."""
        began, number = time.monotonic(), 0
        while not until():
            self.assertLess(time.monotonic() - began, 10, "no attack seen")
            number += 1
            with Client(ravelin.port, source=f"127.20.{number % 250}.{number // 250 + 1}") as bot:
                bot.mail([f"x{number}@example.com"], sender="")
        return time.monotonic() - began

    def test_a_flood_is_an_attack_and_then_it_is_over(self):
        ravelin = self.pressed()
        self.deliver(ravelin, "127.7.7.7")
        self.assertEqual(ravelin.ctl("status")["pressure"], {"level": "calm"})
        self.flood(ravelin, lambda: ravelin.lines("pressure: calm -> attack"))
        self.assertEqual(self.level(ravelin), "attack")
        shown = ravelin.ctl("status")["pressure"]
        self.assertRegex(shown["cause"], r"^\d+\.\d (unknown recipients|null senders) a second, usually")
        self.assertEqual(ravelin.ctl("limits")["command_timeout"], "30s")
        [line] = ravelin.lines(r"pressure: calm -> attack: ")
        self.assertIn("warning", line)
        ended = time.monotonic()
        wait_for(lambda: self.level(ravelin) == "calm", "calm")
        # The window of the rates, the hold, and a look a second.
        self.assertLess(time.monotonic() - ended, 5 + HOLD + 2.5)
        ravelin.wait_line("pressure: .* -> calm")
        self.assertEqual(len(ravelin.lines(r"pressure: ")), 2)
        self.assertEqual(ravelin.ctl("limits")["command_timeout"], "5m")

    def turned_away(self, limit, sources, per_network=3):
        """The level after the hold of an attack, while these come all the time, of whom |limit| lets one in."""
        ravelin = self.pressed('busy_places = "100%"\n', **{
            "pressure.attack": f'{limit} = 1\npause = "0s"',
            "limits": f"sessions = 120\nsessions_per_network = {per_network}"})
        self.flood(ravelin, lambda: ravelin.lines("pressure: calm -> attack"))
        began = time.monotonic()
        for number in range(52):  # as many as make pressure, but far from all that strangers may have
            self.start(Client(ravelin.port, source=f"127.21.{number}.1"))
        self.assertEqual(ravelin.ctl("status")["sessions"]["open"], 52)
        self.start(Client(ravelin.port, source="127.22.0.1"))
        while self.level(ravelin) != "calm" and time.monotonic() - began < 5 + HOLD + 10:
            for source in sources:
                Client(ravelin.port, source=source).close()  # behind its 421
        self.assertTrue(ravelin.lines(f"limit {limit}"))
        return self.level(ravelin)

    def test_one_client_that_is_turned_away_all_the_time_keeps_no_attack(self):
        self.assertEqual(self.turned_away("sessions_per_client", ["127.22.0.1"] * 20), "calm")

    NETWORK = [f"127.22.0.{number}" for number in range(2, 42)]

    def test_one_network_that_is_turned_away_all_the_time_keeps_no_attack(self):
        self.assertEqual(self.turned_away("sessions_per_network", self.NETWORK), "calm")

    def test_a_network_for_which_calm_has_places_keeps_it(self):
        self.assertEqual(self.turned_away("sessions_per_network", self.NETWORK, per_network=90), "attack")

    def test_clients_with_standing_keep_the_calm_values(self):
        ravelin = self.pressed(**{"pressure.attack": 'errors = 2\ncommand_timeout = "1s"'})
        self.deliver(ravelin, "127.7.7.7")
        good = self.start(Client(ravelin.port, source="127.7.7.7"))
        stranger = self.start(Client(ravelin.port, source="127.8.8.8"))
        for client in (good, stranger):
            self.assertRegex(client.say("EHLO client.sender.example"), "^250")
        ravelin.write_config(pressure='level = "attack"')
        ravelin.signal(signal.SIGHUP)
        ravelin.wait_line("pressure: calm -> attack: set by pressure.level")
        # A dialog that lived before it is under it, too.
        self.assertRegex(stranger.reply(), "^421")
        with Client(ravelin.port, source="127.8.8.9") as other:
            other.say("EHLO client.sender.example")
            self.assertRegex(other.say("NONSENSE"), "^50")
            self.assertRegex(other.say("NONSENSE"), "^50")
            self.assertRegex(other.reply(), "^421")
        self.assertRegex(good.say("NONSENSE"), "^50")
        self.assertRegex(good.say("NONSENSE"), "^50")
        self.assertRegex(good.say("NOOP"), "^250")

    def test_places_are_fewer_for_a_stranger(self):
        ravelin = self.pressed(**{
            "pressure.busy": "sessions_per_client = 1", "limits": "sessions_per_client = 3"})
        ravelin.write_config(pressure='level = "busy"')
        self.deliver(ravelin, "127.7.7.7")
        ravelin.signal(signal.SIGHUP)
        ravelin.wait_line("pressure: calm -> busy")
        for source, expected in (("127.8.8.8", ["220", "421"]), ("127.7.7.7", ["220", "220", "220", "421"])):
            clients = [self.start(Client(ravelin.port, source=source)) for _ in expected]
            self.assertEqual([client.banner[:3] for client in clients], expected)

    def test_what_this_process_runs_short_of_is_busy(self):
        for pressure, cause in (('memory = "1MB"\nbusy_lag = "1m"', "of the memory are in use"),
                                ('busy_lag = "1s"', r"a worker is \d+ ms late")):
            ravelin = self.pressed(f'busy_places = "100%"\n{pressure}\n')
            if "memory" not in pressure:
                wait_for(lambda: self.level(ravelin) == "calm", "calm")
                ravelin.signal(signal.SIGSTOP)
                time.sleep(2)  # this is what is late
                ravelin.signal(signal.SIGCONT)
            ravelin.wait_line("pressure: calm -> busy: .*" + cause)
            ravelin.stop()

    def test_a_level_by_hand_from_the_start(self):
        ravelin = self.pressed()
        ravelin.write_config(pressure='level = "siege"')
        ravelin.end()
        ravelin.start()
        wait_for(lambda: self.level(ravelin) == "siege", "the level")
        self.assertEqual(ravelin.ctl("status")["pressure"]["cause"], "set by pressure.level")


if __name__ == "__main__":
    harness.main()
