"""Runs the real binaries on loopback: Ravelin with a configuration of the test's, scripted
backends, a DNS server of ours, SMTP clients that say exactly what they are told.

Every wait is for a condition and ends with an error after a bounded time. Everything that is
started here is ended here, by its pid.
"""
import argparse
import contextlib
import itertools
import json
import os
import pathlib
import re
import select
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PATIENCE = 30.0  # seconds for what takes milliseconds on an idle machine
BUILD = pathlib.Path("build/asan")
SANDBOX = os.environ.get("RAVELIN_SANDBOX")  # sandbox.seccomp of all that run


def wait_for(condition, what, patience=PATIENCE):
    """Polls until |condition| is true and returns what it gave."""
    end = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {patience} s for {what}")
        time.sleep(0.01)


_ports = itertools.count(20000 + os.getpid() * 37 % 10000)
_kept = []


def free_port(address="127.0.0.1"):
    """A port below the ephemeral range that nobody listens on now, and that is kept until this
    process ends: no test that runs beside it gets the same while its server starts, or is down."""
    for port in _ports:
        if port >= 32000:
            raise AssertionError("no free port")
        keeper = socket.socket()
        try:
            keeper.bind((address, port))
        except OSError:
            keeper.close()
            continue
        # From now on who sets SO_REUSEADDR, as servers do, can listen on it; free_port() does not.
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _kept.append(keeper)
        return port


def is_listening(port):
    """Asked of the kernel: a connection to find out would be a dialog, which takes a place."""
    tables = [pathlib.Path(f"/proc/self/net/{name}") for name in ("tcp", "tcp6")]
    rows = (row.split() for table in tables if table.exists()
            for row in table.read_text().splitlines()[1:])
    return any(row[3] == "0A" and int(row[1].rpartition(":")[2], 16) == port for row in rows)


class Client:
    """An SMTP client that sends what it is told and reads one reply at a time."""

    def __init__(self, port, source=None, address="127.0.0.1", banner=True):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(PATIENCE)
        self.buffer = b""
        try:
            if source:
                self.socket.bind((source, 0))
            self.socket.connect((address, port))
            self.banner = self.reply() if banner else None
        except BaseException:
            self.socket.close()
            raise

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())

    def reply(self):
        """The next reply, all lines; "" when the server has closed."""
        lines = []
        while True:
            while b"\r\n" not in self.buffer:
                try:
                    more = self.socket.recv(65536)
                except ConnectionResetError:
                    more = b""
                if not more:
                    assert not self.buffer and not lines, f"cut reply {lines} {self.buffer!r}"
                    return ""
                self.buffer += more
            line, self.buffer = self.buffer.split(b"\r\n", 1)
            lines.append(line.decode("utf-8", "replace"))
            if line[3:4] != b"-":
                return "\n".join(lines)

    def say(self, line):
        self.send(line.encode() + b"\r\n")
        return self.reply()

    def mail(self, recipients, text=b"Subject: x\r\n\r\nhello\r\n", sender="a@sender.example",
             helo="client.sender.example"):
        """A whole transaction; returns the replies to RCPT and the last one."""
        self.say(f"EHLO {helo}")
        replies = [self.say(f"MAIL FROM:<{sender}>")]
        if not replies[0].startswith("2"):
            return replies
        replies = [self.say(f"RCPT TO:<{recipient}>") for recipient in recipients]
        if not any(reply.startswith("2") for reply in replies):
            return replies
        data = self.say("DATA")
        if not data.startswith("354"):
            return replies + [data]
        self.send(text + b".\r\n")
        return replies + [self.reply()]

    def closed(self):
        """True if the server has closed: reads until the end."""
        with contextlib.suppress(ConnectionResetError):
            while self.socket.recv(65536):
                pass
        return True

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Backend:
    """A scripted mail server: one thread a connection.

    |script| maps a stage (banner ehlo starttls handshake xforward mail rcpt data text dot rset quit)
    to what happens there: a reply text, None (the normal reply), "close", "reset", "silence", or a
    function of (backend, connection number, argument) that returns one of these; a tuple is
    several of them, one after the other. With |tls|, an ssl.SSLContext, STARTTLS is offered. With
    |lmtp| it is LMTP, and the stages behind the text are "dot" for the first recipient's verdict
    and "verdict" for each of the others'.
    """

    def __init__(self, mailboxes=("bob@example.com",), script=None, port=None,
                 capabilities=("PIPELINING", "SIZE 50000000", "8BITMIME", "SMTPUTF8", "DSN",
                               "ENHANCEDSTATUSCODES", "XFORWARD NAME ADDR PORT PROTO HELO IDENT"),
                 tls=None, lmtp=False):
        self.tls, self.lmtp = tls, lmtp
        self.secured = []       # numbers of connections
        self.scripted = set()   # of those on which the script had its way
        self.mailboxes = set(mailboxes)
        self.script = dict(script or {})
        self.capabilities = list(capabilities)
        self.messages = []      # dicts: sender, recipients, text, xforward
        self.commands = []      # (connection, line)
        self.open = self.peak = self.connections = 0
        self.lock = threading.Lock()
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.port = port or free_port()
        self.listener.bind(("127.0.0.1", self.port))
        self.listener.listen(512)
        self.sockets = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            # A reply a line, as they come: Nagle would add the peer's 40 ms to each group.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                self.connections += 1
                number = self.connections
                self.open += 1
                self.peak = max(self.peak, self.open)
                self.sockets.add(connection)
            threading.Thread(target=self._serve, args=(connection, number), daemon=True).start()

    def _serve(self, connection, number):
        dialog = _BackendDialog(self, connection, number)
        try:
            dialog.run()
        except (OSError, _Over):
            pass
        finally:
            dialog.file.close()
            with self.lock:  # before the other side can see it, and come again
                self.open -= 1
                self.sockets.discard(dialog.connection)
            dialog.connection.close()

    def recipients_of(self, verb="RCPT"):
        return [line for _, line in list(self.commands) if line.upper().startswith(verb)]

    def break_connections(self):
        """Ends those that there are, and waits for it."""
        with self.lock:
            for connection in list(self.sockets):
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        wait_for(lambda: self.open == 0, "connections to end")

    def close(self):
        """Stops listening and breaks every connection."""
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with self.lock:
            for connection in list(self.sockets):
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class _Over(Exception):
    pass


class _BackendDialog:
    def __init__(self, backend, connection, number):
        self.backend, self.connection, self.number = backend, connection, number
        self.file = connection.makefile("rb")
        self.xforward = {}
        self.then = None
        self.reset()

    def reset(self):
        self.sender, self.recipients = None, []

    def act(self, stage, normal, argument=""):
        what = self.backend.script.get(stage)
        if callable(what):
            what = what(self.backend, self.number, argument)
        if what is None:
            what = normal
        else:
            self.backend.scripted.add(self.number)
        pieces = what if isinstance(what, tuple) else (what,)
        if len(pieces) == 2 and pieces[1] in ("close", "reset"):
            self.then = pieces[1]  # with the command done
            pieces = pieces[:1]
        return [self.carry_out(piece) for piece in pieces][0]

    def carry_out(self, what):
        if what == "close":
            raise _Over
        if what == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            raise _Over
        if what == "silence":
            while self.connection.recv(65536):
                pass
            raise _Over
        data = what if isinstance(what, bytes) else what.encode() + b"\r\n"
        self.connection.sendall(data)
        return data[:1] in (b"2", b"3")

    def run(self):
        self.act("banner", "220 backend.example ESMTP")
        while line := self.file.readline():
            text = line.decode("utf-8", "replace").rstrip("\r\n")
            with self.backend.lock:
                self.backend.commands.append((self.number, text))
            verb, _, argument = text.partition(" ")
            handler = getattr(self, "on_" + verb.lower(), None)
            if handler is None:
                self.act("unknown", "502 5.5.1 What?")
            else:
                handler(argument)
            if self.then:
                self.carry_out(self.then)

    def on_lhlo(self, argument):
        self.hello(argument, spoken=self.backend.lmtp)

    def on_ehlo(self, argument):
        self.hello(argument, spoken=not self.backend.lmtp)

    def hello(self, argument, spoken):
        if not spoken:
            self.act("unknown", "502 5.5.1 What?")
            return
        self.reset()
        lines = ["backend.example"] + self.backend.capabilities
        if self.backend.tls and not isinstance(self.connection, ssl.SSLSocket):
            lines.append("STARTTLS")
        self.act("ehlo", "\r\n".join(["250-" + l for l in lines[:-1]] + ["250 " + lines[-1]]), argument)

    def on_helo(self, argument):
        self.reset()
        self.act("helo", "250 backend.example", argument)

    def on_starttls(self, argument):
        if not self.act("starttls", "220 2.0.0 Go", argument):
            return
        if self.backend.script.get("handshake"):
            self.act("handshake", "", argument)
        with self.backend.lock:
            self.backend.sockets.discard(self.connection)
            try:
                self.connection = self.backend.tls.wrap_socket(self.connection, server_side=True)
            except ssl.SSLError as error:
                raise _Over from error
            self.backend.sockets.add(self.connection)
            self.backend.secured.append(self.number)
        self.file = self.connection.makefile("rb")
        self.reset()

    def on_xforward(self, argument):
        self.xforward.update(part.split("=", 1) for part in argument.split())
        self.act("xforward", "250 2.0.0 Ok", argument)

    def on_mail(self, argument):
        if self.act("mail", "250 2.1.0 Ok", argument):
            self.sender = argument

    def on_rcpt(self, argument):
        address = argument[argument.find("<") + 1:argument.rfind(">")]
        known = address.lower() in self.backend.mailboxes
        normal = "250 2.1.5 Ok" if known else f"550 5.1.1 <{address}>: no such user here"
        if self.act("rcpt", normal, address):
            self.recipients.append(address)

    def on_data(self, argument):
        if not self.recipients:
            self.act("unknown", "554 5.5.1 No valid recipients")
            return
        if not self.act("data", "354 Go on", argument):
            return
        text = bytearray()
        while True:
            line = self.file.readline()
            if not line:
                raise _Over
            if self.backend.script.get("text"):
                self.act("text", "", bytes(text))
            if line == b".\r\n":
                break
            text += line[1:] if line.startswith(b".") else line
        message = {"sender": self.sender, "recipients": self.recipients, "text": bytes(text),
                   "xforward": dict(self.xforward), "connection": self.number}
        if self.backend.script.get("stored"):
            self.backend.script["stored"](message)
        # Stored first, as a real server does: who hears the 250 may look at once.
        with self.backend.lock:
            self.backend.messages.append(message)
        everybody, kept = self.recipients, []
        try:
            for recipient in everybody if self.backend.lmtp else [None]:
                stage = "dot" if recipient in (None, everybody[0]) else "verdict"
                if self.act(stage, "250 2.0.0 Ok: queued", bytes(text)):
                    kept += everybody if recipient is None else [recipient]
        except OSError:
            kept = everybody  # the other side has gone: it is stored all the same
            raise
        finally:
            with self.backend.lock:
                message["recipients"] = kept
                if not kept:
                    self.backend.messages.remove(message)
        self.reset()

    def on_rset(self, _):
        self.reset()
        self.xforward = {}
        self.act("rset", "250 2.0.0 Ok")

    def on_noop(self, _):
        self.act("noop", "250 2.0.0 Ok")

    def on_quit(self, _):
        self.act("quit", "221 2.0.0 Bye")
        raise _Over


class Process:
    """A child with its output in a file."""

    def __init__(self, arguments, output, **options):
        self.output = output
        with open(output, "ab") as file:
            self.process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=file,
                                            stderr=subprocess.STDOUT, **options)

    @property
    def pid(self):
        return self.process.pid

    def text(self):
        return pathlib.Path(self.output).read_text(errors="replace")

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, patience=PATIENCE):
        return self.process.wait(patience)

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        return self.process.wait()


class FakeDns(Process):
    def __init__(self, directory, zone):
        self.zone = pathlib.Path(directory) / "zone"
        self.zone.write_text(zone)
        self.port = free_port()
        super().__init__([sys.executable, str(HERE / "fake_dns.py"), "--port", str(self.port),
                          str(self.zone)], str(pathlib.Path(directory) / "dns.log"))
        wait_for(lambda: "ready" in self.text(), "the DNS server")


DEFAULT_SECTIONS = {
    "pressure": 'level = "calm"',
    "harvest": "unknown = 0",
    "checks.rdns": 'action = "off"',
    "checks.helo": 'syntax = "off"\nown_name = "off"\nliteral = "off"\nnot_fqdn = "off"\n'
                   'unresolvable = "off"\nptr_mismatch = "off"',
    "checks.early_talker": 'action = "off"\npause = "0s"',
    "checks.sender_domain": 'action = "off"',
    "greylist": 'apply_to = "off"',
    "state": 'path = ""',
    "log": 'file = "{dir}/mail.log"',
    "admin": 'socket = "{dir}/ctl.sock"',
}


class HasLog:
    """Whose lines are in the file |log|."""

    def lines(self, pattern=""):
        if not self.log.exists():
            return []
        found = re.compile(pattern)
        return [l for l in self.log.read_text(errors="replace").splitlines() if found.search(l)]

    def wait_line(self, pattern):
        return wait_for(lambda: self.lines(pattern), f"a line like {pattern} in {self.log}")


class Ravelin(Process, HasLog):
    """The daemon. |sections| override the test's defaults, in which nothing is checked, by name of
    section; |backends| are ports on loopback; |head| is what stands before the first section."""

    def __init__(self, directory, backends, sections=None, head="", domains=("example.com",),
                 route="", listen="127.0.0.1", start=True, wait=True, options=(), **popen):
        self.directory = pathlib.Path(directory)
        self.address, self.port = listen, free_port()
        self.backends, self.head, self.domains, self.route = backends, head, domains, route
        self.sections = dict(DEFAULT_SECTIONS)
        if SANDBOX:
            self.sections["sandbox"] = f'seccomp = "{SANDBOX}"'
        self.sections.update(sections or {})
        self.config = self.directory / "ravelin.toml"
        self.log = self.directory / "mail.log"
        self.options, self.popen = list(options), popen
        self.write_config()
        if start:
            self.start(wait)

    def write_config(self, **sections):
        self.sections.update(sections)
        host = f"[{self.address}]" if ":" in self.address else self.address
        backends = ", ".join(f'"127.0.0.1:{port}"' for port in self.backends)
        domains = ", ".join(f'"{domain}"' for domain in self.domains)
        parts = [f'hostname = "mx.example.net"\n{self.head}']
        if "listen" not in self.sections:
            parts.append(f'[listen]\nsmtp = ["{host}:{self.port}"]\nworkers = 2')
        if domains:
            parts.append(f"[[route]]\ndomains = [{domains}]\nbackends = [{backends}]\n{self.route}")
        for name, body in self.sections.items():
            text = body.replace("{dir}", str(self.directory)).replace("{port}", str(self.port))
            parts.append(text if name.startswith("[[") else f"[{name}]\n{text}")
        self.config.write_text("\n\n".join(parts) + "\n")

    def start(self, wait=True, prefix=()):
        before = self.starts()
        super().__init__([*prefix, str(BUILD / "ravelin"), "--config", str(self.config), *self.options],
                         str(self.directory / "ravelin.out"), **self.popen)
        if wait:
            wait_for(self.listening, "Ravelin to listen")
            # The socket listens before root is given up and the workers run; the log says when all
            # is done, if it is one that can be read.
            wait_for(lambda: self.starts() != before or before is None and self.starts() is None,
                     "Ravelin to have started")

    def starts(self):
        """How often the log says that Ravelin started; None if it cannot be read."""
        named = re.search(r'^file = "([^"]+)"', self.sections.get("log", ""), re.M)
        path = pathlib.Path(named.group(1).replace("{dir}", str(self.directory)) if named else "-")
        if str(path) == "-":
            path = self.directory / "ravelin.out"
        if path.exists() and not path.is_file():
            return None
        return path.read_text(errors="replace").count("started: version") if path.exists() else 0

    def listening(self):
        if self.process.poll() is not None:
            raise AssertionError(f"ravelin ended with {self.process.returncode}:\n{self.text()}")
        return is_listening(self.port)

    def status(self):
        """The kernel's view once root is given up: the socket listens before that."""
        path = pathlib.Path(f"/proc/{self.pid}/status")
        return wait_for(lambda: "NoNewPrivs:\t1" in path.read_text() and path.read_text(),
                        "root to be given up")

    def client(self, **options):
        return Client(self.port, address=self.address, **options)

    def run_ctl(self, *arguments):
        """ravelinctl as a person runs it: the finished process."""
        return subprocess.run([str(BUILD / "ravelinctl"), "--socket",
                               str(self.directory / "ctl.sock"), *arguments],
                              capture_output=True, text=True, timeout=PATIENCE)

    def ctl(self, *arguments):
        """The answer of ravelinctl --json."""
        done = self.run_ctl("--json", *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def stop(self):
        """TERM; the exit code. Sanitizer reports end a process with another code than 0."""
        self.signal(signal.SIGTERM)
        return self.wait()


class SystemTest(unittest.TestCase):
    """A directory of its own for each test, and an end for whatever it started."""

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="ravelin-test-")
        os.chmod(self.directory, 0o755)
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)

    def start(self, thing):
        self.addCleanup(thing.end if isinstance(thing, Process) else thing.close)
        return thing

    def ravelin(self, backends, wait=True, **options):
        ports = [backend.port if isinstance(backend, Backend) else backend for backend in backends]
        ravelin = Ravelin(self.directory, ports, start=False, **options)
        ravelin.start(wait)
        self.addCleanup(self._end, ravelin)
        return ravelin

    def _end(self, ravelin):
        code = ravelin.process.poll()
        ravelin.end()
        output = ravelin.text()
        self.assertNotRegex(output, "Sanitizer|runtime error|Assertion", output)
        if code is not None:
            self.assertIn(code, (0, 1, 3, -signal.SIGKILL), output)


def main():
    global BUILD
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True, help="where ravelin and ravelinctl are")
    options, rest = parser.parse_known_args()
    BUILD = pathlib.Path(options.build).resolve()
    unittest.main(argv=[sys.argv[0], *rest], module="__main__", verbosity=1)
