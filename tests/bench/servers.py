"""What is measured, and what stands behind it: servers on loopback, each with all its processes."""
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import tree

HERE = pathlib.Path(__file__).resolve().parent
PORTS = iter(range(17000, 19000))
HELPERS = 4096  # backlog of the sinks


def user_memory(pid):
    """Bytes of anonymous pages of one process."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    return 0


def port():
    for number in PORTS:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", number)) != 0:
                return number
    raise SystemExit("no free port")


def smtp_source(target, dialogs, sessions, sender, recipient, *options, refusal="User unknown"):
    """One run of Postfix's load generator; complaints that are not the expected |refusal|."""
    command = ["smtp-source", "-s", str(sessions), "-m", str(dialogs), "-f", sender, "-t", recipient,
               *options, f"127.0.0.1:{target.port}"]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=120)
    except subprocess.TimeoutExpired:
        return ["smtp-source does not end"]
    bad = [line for line in done.stderr.splitlines()
           if refusal not in line and "no valid recipients" not in line.lower()
           and not line.startswith("smtp-source: warning: data command rejected")]
    if done.returncode:
        bad.append(f"smtp-source exited with {done.returncode}")
    return bad


class Server:
    """A server that is measured: all processes that come from it. |waiting| says whether mail that it
    has taken is still on its way."""

    def __init__(self, name, arguments, listen, log, waiting=lambda: False):
        self.name, self.port, self.waiting = name, listen, waiting
        self.process = subprocess.Popen([sys.executable, "-B", HERE / "tree.py", *arguments],
                                        stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        end = time.monotonic() + 20
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", listen)) == 0:
                    return
            if self.process.poll() is not None or time.monotonic() > end:
                self.end()
                raise SystemExit(f"{name} did not start: {arguments}")
            time.sleep(0.02)

    def cpu(self):
        """Seconds of CPU, user and system, so far."""
        return tree.cpu(self.process.pid)

    def settled(self):
        """Waits until all mail that it has taken is out; False if that does not happen."""
        end = time.monotonic() + 60
        while self.waiting():
            if time.monotonic() > end:
                return False
            time.sleep(0.05)
        return True

    def anonymous(self):
        """Bytes of user memory, of all processes."""
        return sum(map(user_memory, tree.descendants(self.process.pid)))

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def fill(template, directory, name, **values):
    text = (HERE / template).read_text()
    for key, value in {"DIR": directory, **values}.items():
        text = text.replace(f"@{key}@", str(value))
    path = pathlib.Path(directory) / name
    path.write_text(text)
    return str(path)


def change(path, but):
    """Other values, "section.key": TOML, in a configuration that names all of these sections."""
    path = pathlib.Path(path)
    lines = path.read_text().splitlines()
    for name, value in but.items():
        section, _, key = name.rpartition(".")
        begin = lines.index(f"[{section}]") + 1
        end = next((number for number in range(begin, len(lines)) if lines[number].startswith("[")),
                   len(lines))
        lines[begin:end] = [f"{key} = {value}", *(line for line in lines[begin:end]
                                                 if line.split(" ")[0] != key)]
    path.write_text("\n".join(lines) + "\n")


class Bench:
    def __init__(self, build, directory):
        self.build, self.directory = pathlib.Path(build), directory
        self.log = open(f"{directory}/servers.log", "ab")
        self.servers = []

    def start(self, name, arguments, listen, **options):
        server = Server(name, [str(a) for a in arguments], listen, self.log, **options)
        self.servers.append(server)
        return server

    def sink(self, refuse):
        """Postfix's smtp-sink: lock-step, one process."""
        listen = port()
        options = ["-B", "550 5.1.1 User unknown", "-f", "RCPT"] if refuse else []
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        return self.start("smtp-sink", ["smtp-sink", *user, *options, f"127.0.0.1:{listen}", HELPERS],
                          listen)

    def free_port(self):
        return port()

    def place(self, name):
        """A directory of its own for a server of that name."""
        place = pathlib.Path(self.directory) / name
        place.mkdir()
        return place

    def null(self, code):
        listen = port()
        return self.start("null server", [self.build / "null_server", "127.0.0.1", listen, 2, code],
                          listen)

    def ravelin(self, backend, max_refusals=1_000_000, workers=2, certificates="", pipelined=9,
                prefix=(), state="", greylist=None, log=None, http="", extra="", but=None):
        """With greylisting, if there is a file for its state and |greylist| does not say otherwise;
        |extra| is more of the configuration, |but| is what differs in it (see change)."""
        listen = port()
        place = self.place(f"ravelin-{listen}")
        config = fill("ravelin.toml", place, "ravelin.toml", PORT=listen, BACKEND=backend.port,
                      MAX_REFUSALS=max_refusals, WORKERS=workers, CERTIFICATES=certificates,
                      PIPELINED=pipelined, STATE=state, HTTP=http, EXTRA=extra,
                      LOG=log or place / "mail.log",
                      GREYLIST=greylist or ("unknown" if state else "off"))
        change(config, but or {})
        server = self.start("Ravelin", [*prefix, self.build / "ravelin", "--config", config], listen)
        server.place = place
        return server

    def nginx(self, backend):
        listen, auth = port(), port()
        place = self.place(f"nginx-{listen}")
        config = fill("peers/nginx.conf", place, "nginx.conf", PORT=listen, AUTH=auth,
                      BACKEND=backend.port)
        return self.start("nginx", ["nginx", "-p", place, "-c", config], listen)

    def slow_backend(self, *options):
        """ravelin-drill's: knows nobody, punishes as Postfix does."""
        listen = port()
        return self.start("backend", [self.build / "ravelin-drill", "backend", "--listen",
                                      f"127.0.0.1:{listen}", "--valid", "nobody", "--punish", *options],
                          listen)

    def end(self):
        for server in self.servers:
            server.end()
        self.servers = []
