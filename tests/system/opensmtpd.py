"""A real OpenSMTPD from Debian, with its own configuration but for the port, the domain and the
network that it takes mail from."""
import pathlib

from debian import Daemon, Rooms, unpacked
from harness import free_port

USER, QUEUE, BOB = 61001, 61002, 61003

CONFIG = """
table aliases file:/etc/aliases
listen on 127.0.0.1 port {port} hostname backend.example
action "local" maildir alias <aliases>
match from any for domain "example.com" action "local"
"""

SENDING = """
listen on 127.0.0.1 port {port} hostname backend.example
action "out" relay host smtp://127.0.0.1:{relay}
match from any for any action "out"
"""


class OpenSmtpd:
    """With |relay|, a port on loopback, it takes mail for anybody, and sends all of it to that port."""

    def __init__(self, directory, relay=None):
        name = "opensmtpd-sender" if relay else "opensmtpd"
        tree = unpacked("opensmtpd")
        users = [("opensmtpd", USER, "/var/lib/opensmtpd/empty"),
                 ("opensmtpq", QUEUE, "/var/lib/opensmtpd/empty"), ("bob", BOB, "/var/bob")]
        self.rooms = Rooms(pathlib.Path(directory) / name, users, "backend.example")
        self.rooms.make("/var/lib/opensmtpd/empty")
        self.rooms.make("/var/spool/smtpd", mode=0o711)
        self.rooms.make("/var/bob", BOB)
        self.port = free_port()
        config = self.rooms.directory / "etc" / "smtpd.conf"
        config.write_text((SENDING if relay else CONFIG).format(port=self.port, relay=relay))
        command = self.rooms.command("smtpd", "-d", also=[
            (tree / "usr" / "sbin", "/usr/sbin"), (tree / "usr" / "libexec", "/usr/libexec")])
        self.daemon = Daemon(command, pathlib.Path(directory) / f"{name}.out")
        self.daemon.wait_until_up(self.port)

    def log(self):
        return self.daemon.text()

    def mails(self):
        return sorted((self.rooms.directory / "var/bob/Maildir").glob("new/*"))

    def waiting(self):
        """Messages in the queue."""
        queue = self.rooms.directory / "var" / "spool" / "smtpd"
        return [path for part in ("queue", "incoming", "corrupt")
                for path in queue.glob(part + "/**/message")]

    def close(self):
        self.daemon.close()
