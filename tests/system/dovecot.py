"""A real Dovecot from Debian that takes mail by LMTP, with the configuration that Debian installs and
what docs/backends.md adds to it."""
import pathlib
import shutil

from debian import Daemon, Rooms, unpacked
from harness import free_port

DOVECOT, DOVENULL, FIRST_USER = 61101, 61102, 61110

# The recipe; what is behind it is of this test alone.
RECIPE = """
protocols = lmtp
auth_username_format = %Ln
mail_location = maildir:~/Maildir
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {port}
  }}
}}

listen = 127.0.0.1
{tls}
log_path = /var/log/dovecot.log
mail_plugins = quota
plugin {{
  quota = maildir:User quota
  quota_rule = *:storage={quota}M
}}
"""

TLS = """
ssl = yes
ssl_cert = <{certificate}
ssl_key = <{certificate}
"""


class Dovecot:
    """Each of |users| has mail in a Maildir of a home of its own, up to |quota| MB; the domain does
    not matter. With |certificate|, a file that has its key as well, it offers STARTTLS."""

    def __init__(self, directory, users=("bob",), quota=40, certificate=None):
        tree = unpacked("dovecot-core", "dovecot-lmtpd")
        known = [("dovecot", DOVECOT, "/usr/lib/dovecot"), ("dovenull", DOVENULL, "/nonexistent")]
        homes = [(user, FIRST_USER + i, f"/var/home/{user}") for i, user in enumerate(users)]
        self.rooms = Rooms(pathlib.Path(directory) / "dovecot", known + homes, "backend.example")
        for _, number, home in homes:
            self.rooms.make(home, number)
        self.quota = quota
        self.users = {user: number for user, number, _ in homes}
        self.port = free_port()
        self._configure(tree, TLS.format(certificate=certificate) if certificate else "ssl = no")
        # It looks for its parts in /usr, which it shares with everybody: there it sees a directory
        # that shows all that is in /usr/lib, and its own beside it.
        shown = self.rooms.make("/var/usr-lib")
        self.rooms.make("/run/usr-lib")
        for entry in pathlib.Path("/usr/lib").iterdir():
            if entry.name != "dovecot":
                (shown / entry.name).symlink_to(f"/run/usr-lib/{entry.name}")
        (shown / "dovecot").symlink_to(tree / "usr/lib/dovecot")
        command = self.rooms.command(
            tree / "usr/sbin/dovecot", "-F",
            also=[("/usr/lib", "/run/usr-lib"), (shown, "/usr/lib"), (tree / "usr/bin", "/usr/bin")])
        self.daemon = Daemon(command, pathlib.Path(directory) / "dovecot.out")
        self.daemon.wait_until_up(self.port)

    def _configure(self, tree, tls):
        shipped = tree / "usr/share/dovecot"
        etc = self.rooms.make("/etc/dovecot")
        shutil.copy(shipped / "dovecot.conf", etc)
        shutil.copytree(shipped / "conf.d", etc / "conf.d")
        shutil.copytree(shipped / "protocols.d", etc / "protocols.d")
        (etc / "conf.d/10-ssl.conf").unlink()  # names a certificate that installing it would make
        (etc / "local.conf").write_text(RECIPE.format(port=self.port, quota=self.quota, tls=tls))

    def log(self):
        path = self.rooms.directory / "var/log/dovecot.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def home(self, user):
        return self.rooms.directory / "var/home" / user

    def mails(self, user="bob"):
        return sorted((self.home(user) / "Maildir").glob("new/*"))

    def waiting(self):
        """It has no queue."""
        return []

    def fill(self, user):
        """Puts so much into the mailbox that nothing more fits."""
        path = self.rooms.make(f"/var/home/{user}/Maildir", self.users[user])
        for part in ("cur", "new", "tmp"):
            self.rooms.make(f"/var/home/{user}/Maildir/{part}", self.users[user])
        size = self.quota << 20
        with open(path / "cur" / f"1.M1.big,S={size}:2,S", "wb") as file:
            file.truncate(size)

    def close(self):
        self.daemon.close()
