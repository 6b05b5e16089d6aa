#!/usr/bin/env python3
"""Four workers under load, reloaded and asked for their status all the while: for the thread
sanitizer above all, and for what is lost when threads share backends."""
import signal
import threading
import unittest

import harness
from harness import Backend, Client, SystemTest

CLIENTS = 12
ROUNDS = 10


class Threads(SystemTest):
    def one_client(self, port, number, outcome):
        for turn in range(ROUNDS):
            with Client(port, source=f"127.3.{number}.1") as client:
                wanted = "bob" if turn % 2 else f"nobody{number}-{turn}"
                replies = client.mail([f"{wanted}@example.com"])
                outcome.append((wanted, replies[-1][:3]))
                client.say("QUIT")

    def test_load_and_reloads(self):
        backend = self.start(Backend())
        ravelin = self.ravelin([backend], route="connections = 3", sections={
            "state": 'path = "{dir}/state.db"'})
        ravelin.stop()
        ravelin.write_config(listen=f'smtp = ["127.0.0.1:{ravelin.port}"]\nworkers = 4')
        ravelin.start()
        outcomes = [[] for _ in range(CLIENTS)]
        threads = [threading.Thread(target=self.one_client, args=(ravelin.port, n + 1, outcomes[n]))
                   for n in range(CLIENTS)]
        for thread in threads:
            thread.start()
        errors = 20
        while any(thread.is_alive() for thread in threads):
            errors += 1
            ravelin.write_config(limits=f"errors = {errors}")
            ravelin.signal(signal.SIGHUP)
            ravelin.ctl("status")
        for thread in threads:
            thread.join(harness.PATIENCE)
        for wanted, code in sum(outcomes, []):
            self.assertEqual(code, "250" if wanted == "bob" else "550")
        self.assertEqual(len(backend.messages), CLIENTS * ROUNDS // 2)
        self.assertLessEqual(backend.peak, 3)
        self.assertEqual(ravelin.stop(), 0)


if __name__ == "__main__":
    harness.main()
