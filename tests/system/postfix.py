"""A real Postfix from Debian in a directory of its own, started and ended by the test."""
import os
import pathlib
import pwd
import subprocess

from harness import free_port, wait_for

MAIN = """
compatibility_level = 3.6
queue_directory = {dir}/queue
data_directory = {dir}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {dir}/maillog
maillog_file_prefixes = {dir}
myhostname = backend.example
mydestination =
mynetworks = {networks}
relayhost = {relayhost}
smtp_tls_security_level = may
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
virtual_mailbox_domains = {domains}
virtual_mailbox_base = {dir}/mail
virtual_mailbox_maps = inline:{{ {maps} }}
virtual_mailbox_limit = 0
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
smtpd_peername_lookup = no
smtpd_relay_restrictions = permit_mynetworks reject_unauth_destination
alias_maps =
local_recipient_maps =
append_dot_mydomain = no
message_size_limit = 60000000
{tls}"""

TLS = """
smtpd_tls_security_level = may
smtpd_tls_cert_file = {certificate}
smtpd_tls_key_file = {certificate}
smtpd_tls_loglevel = 1
"""

# The second listener is docs/backends.md's recipe, line by line: the test reads it from there.
MASTER = """
127.0.0.1:{port} inet n - n - 50 smtpd
127.0.0.1:{recipe_port} inet n - n - 50 smtpd
{recipe}
127.0.0.1:{xclient_port} inet n - n - 50 smtpd
{xclient}
127.0.0.1:{proxy_port} inet n - n - 50 smtpd
{proxy}
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
virtual unix - n n - - virtual
smtp unix - - n - - smtp
tlsmgr unix - - n 1000? 1 tlsmgr
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""

DOCS = pathlib.Path(__file__).resolve().parent.parent.parent / "docs" / "backends.md"


def recipe_options(address):
    """The -o lines of the recipe, with Ravelin's address put in."""
    block = DOCS.read_text().split("```")[1].strip().splitlines()
    assert block[0].split()[0] == "10025", block[0]
    return "\n".join(line.replace("192.0.2.5", address) for line in block[1:])


def judging_options(address, option, directory, security):
    """The recipe with |option| in place of XFORWARD, and restrictions that see the client. With
    |security| "encrypt" nothing is heard in the clear but EHLO and STARTTLS."""
    blocks = [block for block in DOCS.read_text().split("```")[1::2] if option in block]
    assert len(blocks) == 1, option
    lines = [line for line in recipe_options(address).splitlines()
             if not any(word in line for word in ("xforward", "upstream_proxy", "client_restr",
                                                  "helo_restr"))]
    lines += blocks[0].strip("\n").replace("192.0.2.5", address).splitlines()
    lines += [f"    -o smtpd_client_restrictions=check_client_access,cidr:{directory}/clients",
              f"    -o smtpd_helo_restrictions=check_helo_access,regexp:{directory}/helos"]
    none = "smtpd_tls_security_level=none"
    assert any(none in line for line in lines)
    return "\n".join(lines).replace(none, none.replace("none", security))


class Postfix:
    """With |relay|, a port on loopback, it takes mail from there for anybody, and sends all of it
    to that port. With |certificate|, a file that has its key as well, it offers STARTTLS; the listeners that judge clients need it then."""

    def __init__(self, directory, mailboxes=("bob",), relay=None, certificate=None):
        self.directory = pathlib.Path(directory) / ("postfix-sender" if relay else "postfix")
        self.port, self.recipe_port = free_port(), free_port()
        self.xclient_port, self.proxy_port = free_port(), free_port()
        for part in ("conf", "queue", "data", "mail"):
            (self.directory / part).mkdir(parents=True)
        owner = pwd.getpwnam("postfix")
        os.chown(self.directory / "data", owner.pw_uid, owner.pw_gid)
        nobody = pwd.getpwnam("nobody")
        os.chown(self.directory / "mail", nobody.pw_uid, nobody.pw_gid)
        maps = ", ".join(f"{{ {box}@example.com = {box}/ }}" for box in mailboxes)
        self._write("main.cf", MAIN, maps=maps, uid=nobody.pw_uid, gid=nobody.pw_gid,
                    networks="127.0.0.0/8" if relay else "127.255.255.254/32",
                    relayhost=f"[127.0.0.1]:{relay}" if relay else "",
                    domains="" if relay else "example.com",
                    tls=TLS.format(certificate=certificate) if certificate else "")
        judging = [judging_options("127.0.0.1", option, self.directory,
                                   "encrypt" if certificate else "none")
                   for option in ("authorized_xclient", "proxy_protocol=haproxy")]
        self._write("master.cf", MASTER, port=self.port, recipe_port=self.recipe_port,
                    recipe=recipe_options("127.0.0.1"), xclient_port=self.xclient_port,
                    xclient=judging[0], proxy_port=self.proxy_port, proxy=judging[1])
        (self.directory / "clients").write_text("127.4.5.66/32 550 5.7.1 not from that client\n")
        (self.directory / "helos").write_text("/^bad\\./ 550 5.7.1 not with that name\n")
        self.run("start")
        wait_for(lambda: "daemon started" in self.log(), "Postfix to start")

    def _write(self, name, template, **values):
        (self.directory / "conf" / name).write_text(template.format(dir=self.directory, **values))

    def run(self, command):
        done = subprocess.run(["postfix", "-c", str(self.directory / "conf"), command],
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr + self.log()

    def log(self):
        path = self.directory / "maillog"
        return path.read_text(errors="replace") if path.exists() else ""

    def mails(self, mailbox="bob"):
        return sorted((self.directory / "mail" / mailbox).glob("new/*"))

    def waiting(self):
        """Messages in the queue."""
        return [path for part in ("maildrop", "incoming", "active", "deferred")
                for path in (self.directory / "queue" / part).glob("**/*") if path.is_file()]

    def close(self):
        self.run("stop")
