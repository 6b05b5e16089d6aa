"""What happened in a run, as values. All times are of one clock, that of the log's stamps."""
import hashlib
import random
import time
from dataclasses import dataclass, field

SIZES = (60, 700, 700, 700, 3000, 3000, 15000, 60000)  # of random octets, twice that in hex
LARGE = 400000


class Transcript:
    """A line for all that was said, on disk: it is read only if there is a story to tell."""

    def __init__(self, path):
        self.path = path
        self.file = open(path, "w", encoding="utf-8", errors="backslashreplace")

    def say(self, who, text):
        self.file.write(f"{time.time():.6f} {who} {text}\n")

    def about(self, *who):
        """All lines of these, in order."""
        self.file.flush()
        with open(self.path, encoding="utf-8") as lines:
            return [line.rstrip("\n") for line in lines if line.split(" ", 2)[1] in who]


def text_of(seed, number):
    """A message: what line ends and dots can do to one is in it."""
    source = random.Random(f"{seed}/message {number}")
    size = LARGE if source.random() < 0.005 else source.choice(SIZES)
    body = source.randbytes(source.randrange(size)).hex()
    lines = [body[at:at + 76].encode() for at in range(0, len(body), 76)]
    for odd in (b".", b"..", b".x", b"", b"\xe4\xf6 8-bit", b"From here", b"x" * 900):
        if source.random() < 0.3:
            lines.insert(source.randrange(len(lines) + 1), odd)
    return b"\r\n".join([b"X-Custody: %d" % number, b"", *lines, b""])


class Message:
    """One message in a client's queue."""

    __slots__ = ("number", "digest", "sender", "pending", "source", "tries")

    def __init__(self, seed, number):
        source = random.Random(f"{seed}/envelope {number}")
        self.number, self.tries = number, 0
        self.digest = hashlib.sha256(text_of(seed, number)).digest()
        self.sender = f"user{source.randrange(50)}@s{source.randrange(20)}.sender.example"
        names = source.sample(("bob", "carol", "dave", "erin"), source.choice((1, 1, 1, 2, 3)))
        self.pending = [f"{name}@example.com" for name in names]
        # Strangers keep coming, so that greylisting keeps having something to do.
        self.source = f"127.{1 + number // 4000 % 200}.{number // 40 % 100}.{1 + number % 8}"


@dataclass(slots=True)
class Attempt:
    """One message on one connection of a client."""
    message: int
    connection: int
    digest: bytes
    sender: str
    accepted: list = field(default_factory=list)  # recipients
    dot_at: float = 0     # the dot was about to be sent
    left_at: float = 0    # it left behind the dot without waiting for the reply
    ended_at: float = 0   # the reply, or the end of the connection
    reply: str = ""       # to the dot
    identity: str = ""    # in the reply
    secured: bool = False  # sent in TLS

    @property
    def heard(self):
        return self.reply.startswith("250")


@dataclass(slots=True)
class Copy:
    """One message that a mail server had to its dot."""
    message: int          # -1: no number in it
    connection: int       # the client's, from our Received: line
    identity: str         # of the transaction, from there too
    digest: bytes         # below that line
    sender: str
    recipients: list
    where: str            # the mail server's connection
    dot_at: float
    from_tls: bool = False  # what our Received: line says of the client
    in_tls: bool = False    # as it came here
    kept: bool = True
    said: str = ""        # the whole reply; "" if it was not said in full
    said_at: float = 0
    cut: bool = False     # the connection was cut off, perhaps before the reply was read
    over_at: float = 0    # the connection's end, if it had no whole reply


@dataclass(slots=True)
class Life:
    """One process of Ravelin."""
    began: float
    killed_at: float = 0  # just before KILL or a second TERM; 0: it ended by itself
    ended_at: float = float("inf")


@dataclass
class Facts:
    seed: int
    transcript: Transcript
    logs: list = field(default_factory=list)      # paths
    attempts: dict = field(default_factory=dict)  # (message, connection) -> Attempt
    copies: list = field(default_factory=list)
    lives: list = field(default_factory=list)
    log_full: list = field(default_factory=list)  # [from, to]
    broken: list = field(default_factory=list)    # rules that the run itself saw broken
    deeds: dict = field(default_factory=dict)     # what was done, how often

    def did(self, what, count=1):
        self.deeds[what] = self.deeds.get(what, 0) + count

    def chaos(self, what, detail=""):
        self.did(what)
        self.transcript.say("chaos", f"{what} {detail}")
