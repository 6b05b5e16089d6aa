"""What befalls Ravelin and its world: kills, reloads, mail servers, DNS, disks; all at once.

Each kind of trouble is a task that goes through a bag of deeds in random order and then fills the
bag again, so that each deed is done once before any is done twice.
"""
import asyncio
import itertools
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

import harness
from .facts import Life

HARMLESS = {  # what good reloads change
    "greylist": ('apply_to = "unknown"\ndelay = "1s"', 'apply_to = "off"',
                 'apply_to = "suspicious"\ndelay = "1s"'),
    "verify": ('timeout = "3s"\nhold = "10s"', 'timeout = "2s"\nhold = "1s"\norder = "before-greylist"',
               'timeout = "3s"\nhold = "0s"'),
    "limits": ("sessions_per_client = 0\nsessions_per_network = 0",
               "sessions_per_client = 0\nsessions_per_network = 0\nsessions = 20"),
}
BAD = ("[[route]\n", '[nonsense]\nx = 1\n', '[limits]\nsessions = "many"\n', '[log]\nfile = "/nowhere/x"\n')
ROUTES = ("connections = 15", "connections = 4\nmax_mails = 3", "connections = 1", "connections = 40")
# Of one reload after the other.
SECURITY = ('tls = "encrypt"', 'tls = "off"', 'tls = "encrypt"', 'tls = "may"')


class Trouble:
    """One task: |deeds| with |pauses| of seconds in between, from and to."""

    def __init__(self, facts, name, pauses, deeds):
        self.pauses, self.deeds = pauses, deeds
        self.source = random.Random(f"{facts.seed}/{name}")
        self.rounds = 0

    async def run(self, over):
        while not over():
            bag = list(self.deeds)
            self.source.shuffle(bag)
            for deed in bag:
                if self.rounds and over():
                    return
                await asyncio.sleep(self.source.uniform(*self.pauses))
                await deed()
            self.rounds += 1


class Daemon(harness.Ravelin):
    """Ravelin without waits that would hold up the rest of the test."""

    def starts(self):
        return None


class Processes:
    """Kills, ends, reloads."""

    def __init__(self, facts, ravelin, hosts, source):
        self.facts, self.ravelin, self.hosts, self.source = facts, ravelin, hosts, source
        self.life, self.security = None, itertools.cycle(SECURITY)
        self.deeds = [self.kill, self.kill_at_dot, self.kill_at_dot, self.term, self.term_twice,
                      self.kill_while_draining, self.reload, self.reload, self.bad_reload, self.rotate]

    async def start(self):
        self.ravelin.start(wait=False)
        self.life = Life(time.time())
        self.facts.lives.append(self.life)
        end = time.monotonic() + harness.PATIENCE
        while await self.ctl("status") != 0:
            assert self.ravelin.process.poll() is None, self.ravelin.text()
            assert time.monotonic() < end, "Ravelin does not start"
            await asyncio.sleep(0.02)

    async def ctl(self, *words):
        process = await asyncio.create_subprocess_exec(
            str(harness.BUILD / "ravelinctl"), "--socket", str(self.ravelin.directory / "ctl.sock"),
            *words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return await process.wait()

    async def ended(self, *codes):
        end = time.monotonic() + harness.PATIENCE
        while self.ravelin.process.poll() is None:
            assert time.monotonic() < end, "Ravelin does not end"
            await asyncio.sleep(0.005)
        self.life.ended_at = time.time()
        code = self.ravelin.process.returncode
        self.facts.transcript.say("chaos", f"ended with {code}")
        if code not in codes:
            self.facts.broken.append((f"Ravelin ended with {code}: {self.ravelin.text()[-3000:]}", 0, []))

    async def end(self):
        self.ravelin.signal(signal.SIGTERM)
        await self.ended(0)

    def strike(self):
        self.life.killed_at = time.time()
        self.ravelin.process.kill()

    async def kill(self):
        self.facts.chaos("kills")
        self.strike()
        await self.ended(-signal.SIGKILL)
        await self.start()

    async def kill_at_dot(self):
        """Where it hurts most: a mail server has the dot, and its reply is not yet read."""
        delay = self.source.choice((0, 0, 0.0005, 0.002, 0.01))
        struck = asyncio.Event()

        async def at_dot(copy):
            for host in self.hosts:
                host.at_dot = None
            self.facts.chaos("kills behind a dot", copy.identity)
            if delay:
                asyncio.get_running_loop().call_later(delay, lambda: (self.strike(), struck.set()))
            else:
                self.strike()
                struck.set()

        for host in self.hosts:
            host.at_dot = at_dot
        await struck.wait()
        await self.ended(-signal.SIGKILL)
        await self.start()

    async def term(self):
        self.facts.chaos("ends by TERM")
        self.ravelin.signal(signal.SIGTERM)
        await self.ended(0)
        await self.start()

    async def term_twice(self):
        self.facts.chaos("ends by two TERM")
        self.ravelin.signal(signal.SIGTERM)
        await asyncio.sleep(self.source.uniform(0, 0.5))
        if self.ravelin.process.poll() is None:
            self.life.killed_at = time.time()
            self.ravelin.signal(signal.SIGTERM)
        await self.ended(0, 3)
        await self.start()

    async def kill_while_draining(self):
        self.facts.chaos("kills while draining")
        self.ravelin.signal(signal.SIGTERM)
        await asyncio.sleep(self.source.uniform(0, 0.3))
        self.strike()
        await self.ended(0, -signal.SIGKILL)
        await self.start()

    async def reload(self):
        self.facts.chaos("reloads")
        for name, bodies in HARMLESS.items():
            self.ravelin.sections[name] = self.source.choice(bodies)
        self.ravelin.route = f"{self.source.choice(ROUTES)}\n{next(self.security)}"
        self.source.shuffle(self.ravelin.backends)
        self.ravelin.write_config()
        if self.source.random() < 0.5:
            self.ravelin.signal(signal.SIGHUP)
        elif await self.ctl("reload") != 0:
            self.facts.broken.append(("a good configuration was refused", 0, []))

    async def bad_reload(self):
        self.facts.chaos("bad reloads")
        good = self.ravelin.config.read_text()
        self.ravelin.config.write_text(good + self.source.choice(BAD))
        if await self.ctl("reload") == 0:
            self.facts.broken.append(("a bad configuration was taken", 0, []))
        self.ravelin.config.write_text(good)

    async def rotate(self):
        self.facts.chaos("logs rotated")
        aside = self.ravelin.log.with_name(f"mail.log.{len(self.facts.logs)}")
        if self.ravelin.log.exists():
            self.ravelin.log.rename(aside)
            self.facts.logs.append(aside)
            self.ravelin.signal(signal.SIGUSR1)


class Weather:
    """What the mail servers are like."""

    def __init__(self, facts, hosts, source):
        self.facts, self.hosts, self.source = facts, hosts, source
        self.deeds = [self.storm, self.storm_at_dots, self.outage, self.crash, self.all_down,
                      self.clear, self.calm]

    async def change(self, host, points, chance, seconds):
        before = dict(host.weather)
        host.weather.update(dict.fromkeys(points, chance))
        await asyncio.sleep(seconds)
        host.weather = before

    async def storm(self):
        self.facts.chaos("storms")
        await asyncio.gather(*(self.change(host, host.weather, self.source.choice((0.02, 0.1)),
                                           self.source.uniform(0.5, 2)) for host in self.hosts))

    async def storm_at_dots(self):
        self.facts.chaos("storms behind the dot")
        await asyncio.gather(*(self.change(host, ("dot", "after"), self.source.choice((0.1, 0.5)),
                                           self.source.uniform(0.3, 1.5)) for host in self.hosts))

    async def outage(self):
        host = self.source.choice(self.hosts)
        self.facts.chaos("outages of a mail server", host.name)
        host.down()
        await asyncio.sleep(self.source.uniform(0.1, 2))
        await host.up()

    async def crash(self):
        host = self.source.choice(self.hosts)
        self.facts.chaos("crashes of a mail server", host.name)
        host.crash()

    async def all_down(self):
        self.facts.chaos("outages of all mail servers")
        for host in self.hosts:
            host.down()
        await asyncio.sleep(self.source.uniform(0.1, 1))
        for host in self.hosts:
            await host.up()

    async def clear(self):
        """One that has lost its STARTTLS."""
        host = self.source.choice(self.hosts)
        self.facts.chaos("mail servers without STARTTLS", host.name)
        host.secures = False
        host.crash()  # connections that have it would be used for long
        await asyncio.sleep(self.source.uniform(0.1, 2))
        host.secures = True

    async def calm(self):
        await asyncio.sleep(self.source.uniform(0.2, 1))


class Names:
    """DNS: killed, stopped, or of no help."""

    ZONE = ("*.sender.example A 127.0.0.9\n*.client.example A 127.0.0.9\n"
            "3.1.1.127.in-addr.arpa PTR three.client.example\nthree.client.example A 127.1.1.3\n")

    def __init__(self, facts, directory, source):
        self.facts, self.source = facts, source
        self.zone, self.port = directory / "zone", harness.free_port()
        self.output = str(directory / "dns.log")
        self.process = None
        self.up()
        self.deeds = [self.killed, self.stopped, self.helpless]

    def up(self):
        self.zone.write_text(self.ZONE)
        self.process = harness.Process([sys.executable, str(harness.HERE / "fake_dns.py"), "--port",
                                        str(self.port), "--ttl", "1", str(self.zone)], self.output)

    def end(self):
        self.process.end()

    async def while_it_lasts(self):
        await asyncio.sleep(self.source.uniform(0.2, 2))

    async def killed(self):
        self.facts.chaos("DNS killed")
        self.process.end()
        await self.while_it_lasts()
        self.up()

    async def stopped(self):
        self.facts.chaos("DNS silent")
        self.process.signal(signal.SIGSTOP)
        await self.while_it_lasts()
        self.process.signal(signal.SIGCONT)

    async def helpless(self):
        self.facts.chaos("DNS without an answer")
        self.zone.write_text("* SERVFAIL\n")
        self.process.signal(signal.SIGHUP)
        await self.while_it_lasts()
        self.zone.write_text(self.ZONE)
        self.process.signal(signal.SIGHUP)


class Disks:
    """Two small file systems, for the state and for the log, that fill up. Takes root."""

    ROOM = 4 << 30  # of what is not written nothing is used

    def __init__(self, facts, state, log, source):
        self.facts, self.state, self.log, self.source = facts, state, log, source
        self.deeds = [self.full_state, self.full_log, self.full_both]

    @staticmethod
    def mount(directory):
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={Disks.ROOM},mode=755", "none",
                        str(directory)], check=True)

    @staticmethod
    def unmount(directory):
        subprocess.run(["umount", "-l", str(directory)], check=False)

    async def resize(self, directory, octets):
        process = await asyncio.create_subprocess_exec(
            "mount", "-o", f"remount,size={octets}", str(directory), stderr=subprocess.DEVNULL)
        return await process.wait() == 0

    async def fill(self, directory):
        for spare in range(0, 100):  # it is written to meanwhile
            about = os.statvfs(directory)
            used = (about.f_blocks - about.f_bfree) * about.f_frsize
            if await self.resize(directory, used + spare * 65536):
                return
        raise AssertionError(f"{directory} cannot be made full")

    async def full(self, *directories):
        began = time.time()
        for directory in directories:
            await self.fill(directory)
        await asyncio.sleep(self.source.uniform(0.3, 1.5))
        for directory in directories:
            assert await self.resize(directory, self.ROOM)
        if self.log in directories:
            self.facts.log_full.append((began, time.time()))

    async def full_state(self):
        self.facts.chaos("full disks of the state")
        await self.full(self.state)

    async def full_log(self):
        self.facts.chaos("full disks of the log")
        await self.full(self.log)

    async def full_both(self):
        self.facts.chaos("full disks of both")
        await self.full(self.state, self.log)


def place(directory, name):
    path = pathlib.Path(directory) / name
    path.mkdir()
    return path
