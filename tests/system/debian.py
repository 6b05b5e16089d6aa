"""Mail servers of Debian that cannot be installed beside each other: their packages are unpacked,
and they run where /etc, /var and /run are directories of the test's own."""
import os
import pathlib
import shutil
import signal
import socket
import subprocess

from harness import ROOT, Process, wait_for

CACHE = ROOT / "build" / "debian"


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, **options)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def unpacked(*packages):
    """The tree of |packages| together, fetched once. The libraries that they need must be installed:
    tests/run.sh does that."""
    tree = CACHE / "+".join(packages)
    if tree.is_dir():
        return tree
    work = CACHE / f"work-{os.getpid()}"
    (work / "tree").mkdir(parents=True)
    try:
        # The lists may be missing or too old to find what they name.
        fetch = ["apt-get", "-q", "download", *packages]
        if subprocess.run(fetch, cwd=work, capture_output=True, timeout=300).returncode != 0:
            run("apt-get", "-q", "update")
            run(*fetch, cwd=work)
        for package in sorted(work.glob("*.deb")):
            run("dpkg-deb", "-x", str(package), str(work / "tree"))
        check_libraries(work / "tree")
        try:
            (work / "tree").rename(tree)
        except OSError:
            assert tree.is_dir()  # another test was faster
    finally:
        shutil.rmtree(work)
    return tree


def check_libraries(tree):
    own = {str(path.parent) for path in (tree / "usr" / "lib").rglob("*.so*")}
    seen = {**os.environ, "LD_LIBRARY_PATH": ":".join(own)}
    servers = tree / "usr" / "sbin"
    for program in (servers if servers.is_dir() else tree / "usr" / "bin").iterdir():
        if program.read_bytes()[:4] == b"\x7fELF":
            lacks = [line.split()[0] for line in run("ldd", str(program), env=seen).splitlines()
                     if "not found" in line]
            assert not lacks, f"{program.name} needs {lacks}: see the packages in tests/run.sh"


class Rooms:
    """/etc, /var and /run for programs that know no other places. |users| are name, number and home
    of those that the system does not have."""

    def __init__(self, directory, users, host):
        self.directory = pathlib.Path(directory)
        for part in ("etc", "var/lib", "var/log", "var/mail", "var/spool", "var/tmp", "run"):
            (self.directory / part).mkdir(parents=True)
        (self.directory / "var" / "run").symlink_to("/run")
        etc = self.directory / "etc"
        passwd, group = (pathlib.Path("/etc", name).read_text() for name in ("passwd", "group"))
        for name, number, home in users:
            passwd += f"{name}:x:{number}:{number}::{home}:/bin/sh\n"
            group += f"{name}:x:{number}:\n"
        (etc / "passwd").write_text(passwd)
        (etc / "group").write_text(group)
        (etc / "hosts").write_text(f"127.0.0.1 {host} localhost\n::1 localhost\n")
        (etc / "mailname").write_text(host + "\n")
        (etc / "aliases").write_text("")
        (etc / "resolv.conf").write_text("nameserver 127.0.0.1\n")
        for name in ("ld.so.cache", "nsswitch.conf", "services", "localtime"):
            if pathlib.Path("/etc", name).exists():
                shutil.copy(f"/etc/{name}", etc / name)

    def make(self, path, owner=0, mode=0o755, group=None):
        """A directory as the package would have made it."""
        here = self.directory / path.lstrip("/")
        here.mkdir(parents=True, exist_ok=True)
        os.chown(here, owner, owner if group is None else group)
        here.chmod(mode)
        return here

    def command(self, *command, also=()):
        """|command| in there; |also| are pairs of a directory and where it shall be seen."""
        script = ""
        pairs = [(self.directory / room, f"/{room}") for room in ("etc", "var", "run")]
        for source, target in [*pairs, *also]:
            script += f"mount --bind '{source}' '{target}'\n"
        return ["unshare", "--mount", "sh", "-ec", script + 'exec "$@"', "sh", *map(str, command)]


class Daemon(Process):
    """A server that forks: it and its children are one group of processes, which ends with it."""

    def __init__(self, command, output, **options):
        super().__init__(command, str(output), start_new_session=True, **options)

    def wait_until_up(self, port):
        """Returns when it takes connections."""
        def up():
            assert self.process.poll() is None, self.text()
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0
        try:
            wait_for(up, f"{self.output} to listen")
        except BaseException:
            self.close()
            raise

    def close(self):
        self.signal(signal.SIGTERM)
        try:
            self.wait(10)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
