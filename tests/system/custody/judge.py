"""The rules of custody, applied to what happened, and the story of what broke one.

1. Who heard 250 has a copy at a mail server: the same transaction, octet for octet below our trace
   line, the same envelope, and the mail server had said 250 before. The trace line tells truly whether
   it was sent in TLS.
2. A mail server has nothing but what a client sent whole.
3. A copy for which no client heard 250 has a cause in the window behind the dot, and a log line
   that tells of it: the mail server gave no whole reply ("may be delivered twice"), or the client
   left ("had gone before our reply"; if the two crossed, just "status=sent").
   Or Ravelin was killed in that window: the dead write no logs. So each duplicate is explained.
4. The log says of each 250 that it was sent, and of nothing else that it may be delivered twice than
   of what got no whole reply.
What the log lost to a full disk or to a kill cannot be asked of it; the cause still is.
"""
import collections
import re

ID = re.compile(r"\b([0-9A-F]{12}): ")
SLACK = 0.5  # of the log: lines wait for company
FINAL = 2.0  # relay.final_timeout of the test
NOTICE = 0.3  # A mail server that speaks that much later than a client left is heard after that.


class Logged:
    """What the log says of transactions."""

    def __init__(self, paths):
        self.sent, self.gone, self.twice, self.dropped = set(), set(), set(), 0
        for path in paths:
            with open(path, encoding="utf-8", errors="replace") as lines:
                for line in lines:
                    self.read(line)

    def read(self, line):
        if "status=sent" in line:
            self.sent.add(ID.search(line)[1])
        elif "had gone before our reply" in line:
            self.gone.add(ID.search(line)[1])
        elif "it may be delivered twice" in line:
            self.twice.add(ID.search(line)[1])
        elif found := re.search(r"warning: (\d+) lines dropped", line):
            self.dropped += int(found[1])


class Judge:
    def __init__(self, facts, logged=None):
        self.facts = facts
        self.logged = logged or Logged(facts.logs)
        self.copies = collections.defaultdict(list)
        self.explained = collections.Counter()
        for copy in facts.copies:
            if copy.kept:
                self.copies[copy.message, copy.connection].append(copy)

    def broken(self):
        """(rule, message, who spoke, ids) of each rule broken."""
        yield from ((rule, number, who, []) for rule, number, who in self.facts.broken)
        for attempt in self.facts.attempts.values():
            if attempt.heard and (rule := self.heard(attempt)):
                yield rule, attempt.message, [f"c{attempt.connection}"], [attempt.identity]
        for copy in self.facts.copies:
            if rule := self.copy(copy):
                who = [f"c{copy.connection}", copy.where]
                yield rule, copy.message, who, [copy.identity]

    # --- rule 1

    def heard(self, attempt):
        copies = self.copies[attempt.message, attempt.connection]
        if len(copies) != 1:
            return f"a client heard 250, and {len(copies)} copies were kept"
        copy = copies[0]
        if copy.identity != attempt.identity:
            return f"the reply has id {attempt.identity}, the message {copy.identity}"
        if copy.said != "250" or copy.said_at > attempt.ended_at:
            return "a client heard 250 before the mail server had said so"
        if attempt.identity not in self.logged.sent and not self.lost(copy, attempt):
            return "a client heard 250, and the log does not say that it was sent"
        return ""

    # --- rules 2 to 4

    def copy(self, copy):
        attempt = self.facts.attempts.get((copy.message, copy.connection))
        if not attempt or not attempt.dot_at:
            return "a mail server has a text that no client sent whole"
        if copy.digest != attempt.digest:
            return "a mail server has another text than the client sent"
        if (copy.sender, copy.recipients) != (attempt.sender, attempt.accepted):
            return f"the envelope has changed: {copy.sender} {copy.recipients}"
        if copy.from_tls != attempt.secured:
            return "the trace tells of another protocol than was spoken"
        if copy.identity in self.logged.twice and self.answered(copy, attempt) and not copy.cut:
            return "the log tells of a message without a reply, and there was a whole one"
        if not copy.kept or attempt.heard:
            return ""
        return self.unheard(copy, attempt)

    def unheard(self, copy, attempt):
        killed = any(life.killed_at and attempt.dot_at <= life.ended_at and
                     attempt.ended_at >= life.killed_at for life in self.facts.lives)
        if killed and not attempt.reply:
            return self.explain("killed behind the dot")
        cause = not self.answered(copy, attempt) or copy.cut or attempt.left_at
        if not cause:
            return "a message was kept that no client heard 250 for, without a cause"
        if copy.identity in self.logged.twice:
            return self.explain("no whole reply, and logged")
        if attempt.left_at and copy.identity in self.logged.gone:
            return self.explain("client gone, and logged")
        crossed = attempt.left_at and copy.said_at <= attempt.left_at + NOTICE
        if crossed and copy.identity in self.logged.sent:
            return self.explain("client left before it read the reply")
        if self.lost(copy, attempt):
            return self.explain("log lines lost")
        return "a message was kept that no client heard 250 for, and no log line tells of it"

    @staticmethod
    def answered(copy, attempt):
        """Did the mail server's whole reply come in time? Ravelin's clock begins behind the client's
        dot, so that a reply that was waited for in vain comes later than this at the earliest."""
        return copy.said and copy.said_at - attempt.dot_at < FINAL

    def explain(self, how):
        self.explained[how] += 1
        return ""

    def lost(self, copy, attempt):
        """Whether lines about it may be missing in the log. They are written when the mail server has
        spoken or is given up, however long ago the client left; and it may have been slow to read
        what was sent by a process that is dead since."""
        begin, end = attempt.dot_at, max(attempt.ended_at, copy.said_at, copy.over_at)
        full = any(begin <= until + SLACK and end + SLACK >= since
                   for since, until in self.facts.log_full)
        return full or any(life.killed_at and begin <= life.killed_at <= end + SLACK
                           for life in self.facts.lives)

    # --- the story

    def story(self, rule, number, who, ids):
        """All that was said about it, in order of time."""
        lines = [line for line in self.facts.transcript.about(*who, "chaos")]
        spoken = [float(line.split(" ", 1)[0]) for line in lines if line.split(" ", 2)[1] != "chaos"]
        around = (min(spoken, default=0) - 5, max(spoken, default=0) + 5)
        lines = [line for line in lines if around[0] <= float(line.split(" ", 1)[0]) <= around[1]]
        words = [*filter(None, ids), *(f"{one}.client.example" for one in who if one[0] == "c")]
        for path in self.facts.logs:
            with open(path, encoding="utf-8", errors="replace") as log:
                lines += [f"log {line.rstrip()}" for line in log
                          if any(word in line for word in words)]
        return "\n".join([f"{rule} (seed {self.facts.seed}, message {number}, {who} {ids})", *lines])
