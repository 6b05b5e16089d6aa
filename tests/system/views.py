"""What each view tells of one run of the daemon, in the same words, so that views can be compared: the log,
/metrics, ravelinctl stats, what the dashboard draws, history.db, and pflogsumm over the log.

A view is a dict: the name of a total, and its value, a number or a Counter. No view tells of all of them.
"""
import collections
import json
import re
import sqlite3
import subprocess
import urllib.request

Counter = collections.Counter

# What a refusal says, and what is to blame for it; the first that fits.
REASONS = [(re.compile(pattern), reason) for pattern, reason in (
    (r"Too many connections: limit", "no_place"),
    (r"Greylisted", "greylist"),
    (r"Not now, try again later", "harvest_shield"),
    (r"Relay access denied", "relay"),
    (r"Client host rejected: .*[Aa]ccess denied", "access_list"),
    (r"Client host rejected: Protocol error", "early_talk"),
    (r"(Helo command|Client host|Sender address) rejected", "check"),
    (r"(Protocol|Syntax) error", "protocol"),
    (r"Data command rejected.* said: ", "backend"),
    (r"Data command rejected", "protocol"),
    (r"5\.1\.1 .*(User unknown|no such user)", "unknown_recipient"),
    (r"Recipient address rejected: .*host .* said: ", "backend"),
    (r"(Too many recipients|One recipient at a time|Too many bounces|Message too big)", "limit"),
    (r"mail server|Trouble here", "trouble"),
)]
STAGES = {"CONNECT": "CONNECT", "HELO": "EHLO", "EHLO": "EHLO", "MAIL": "MAIL", "RCPT": "RCPT", "DATA": "DATA"}
GREYLIST = ("off", "exempt", "first", "early", "passed", "known", "full")
VERIFY = ("not-asked", "accepted", "refused", "unknown", "shared", "shielded", "trouble")


def reason_of(text):
    found = next((reason for pattern, reason in REASONS if pattern.search(text)), None)
    assert found, f"no reason for {text!r}"
    return found


def stage_of(word):
    return STAGES.get(word, "other")


def greylist_of(word):
    return word if word in GREYLIST else "not-asked"


def verify_of(word):
    return word if word in VERIFY else "other"


def disagreements(views):
    """[(total, {view: value})] of those that differ."""
    found = []
    for total in sorted({name for view in views.values() for name in view}):
        told = {name: view[total] for name, view in views.items() if total in view}
        values = [+value if isinstance(value, Counter) else value for value in told.values()]
        if any(value != values[0] for value in values):
            found.append((total, told))
    return found


def told_by(views, total):
    return {name for name, view in views.items() if total in view}


# --- the log

REJECT = re.compile(r"\]: (?:NOQUEUE|[0-9A-F]{12}): reject: (\S+) from \S+?\[[0-9a-f.:]+\]: ((\d{3}) .*)$")
DECISION = re.compile(r"greylist=(\S+) checks=.* verify=(\S+) verdict=(\S+) code=(\d+) took=")
ENDED = re.compile(r"\]: ([a-z ]+) after \S+ from \S+\[")


def from_log(lines):
    """The number of each kind of line."""
    of, ended, no_place = Counter(), Counter(), Counter()
    rejects, raw_stages = Counter(), Counter()
    greylist, verify, verdict, codes = Counter(), Counter(), Counter(), Counter()
    size = 0
    for line in lines:
        if ": connect from " in line:
            of["dialogs"] += 1
        elif ": disconnect from " in line:
            of["dialogs ended"] += 1
            of["quits"] += " quit=1 " in line
        elif match := REJECT.search(line):
            stage, text, code = match.groups()
            reason = reason_of(text)
            rejects[stage_of(stage), reason, code] += 1
            raw_stages[stage] += 1
            if reason == "no_place":
                no_place[re.search(r"limit (\w+);", text).group(1)] += 1
        elif match := DECISION.search(line):
            greylist[greylist_of(match.group(1))] += 1
            verify[verify_of(match.group(2))] += 1
            verdict[match.group(3)] += 1
            codes[match.group(4)] += 1
        elif re.search(r"/smtpd\[\d+\]: [0-9A-F]{12}: client=", line):
            of["messages"] += 1
        elif match := re.search(r"/qmgr\[\d+\]: [0-9A-F]{12}: from=<.*>, size=(\d+), nrcpt=", line):
            size += int(match.group(1))
        elif match := re.search(r"/smtp\[\d+\]: .*, status=(sent|bounced|deferred) ", line):
            of["recipients " + match.group(1)] += 1
        elif "PREGREET " in line:
            of["early talkers"] += 1
        elif "TLS connection established from" in line:
            of["secured"] += 1
        elif "SSL_accept error from" in line:
            of["not secured"] += 1
        elif "had gone before our reply" in line:
            of["clients gone"] += 1
        elif match := ENDED.search(line):
            ended[match.group(1)] += 1
    return {**with_rejects(rejects), "no place": no_place, "ended early": ended, "lines": len(lines),
            "greylist": greylist, "verify": verify, "verdicts": verdict, "codes of recipients": codes,
            "rejects by first word": raw_stages, "bytes": size, "connections": of["dialogs"] + no_place.total(),
            **{name: of[name] for name in (
                "dialogs", "dialogs ended", "quits", "messages", "recipients sent", "recipients bounced",
                "recipients deferred", "early talkers", "secured", "not secured", "clients gone")}}


def with_rejects(rejects):
    """|rejects| by (stage, reason, code), and what follows from it."""
    def by(*indices, but=()):
        sums = Counter()
        for key, count in rejects.items():
            if key[1] not in but:
                sums[key[indices[0]]] += count
        return sums

    return {"rejects": rejects, "rejects in all": rejects.total(), "rejects by reason": by(1),
            "rejects by stage": by(0), "refused by code": by(2, but=("no_place",)),
            "refused at connect": by(0)["CONNECT"]}


# --- over HTTP

def fetch(port, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
        return answer.read().decode()


SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$")
LABEL = re.compile(r'(\w+)="([^"]*)"')


def from_metrics(text):
    scraped = collections.defaultdict(Counter)
    for line in text.splitlines():
        if match := SAMPLE.match(line):
            name, labels, value = match.groups()
            scraped[name][tuple(value for _, value in LABEL.findall(labels or ""))] = float(value)

    def number(name):
        return scraped[f"ravelin_{name}"].total()

    def by(name):
        return Counter({key[0]: value for key, value in scraped[f"ravelin_{name}"].items()})

    tls = by("tls_handshakes_total")
    # Of each reason there is a line, whatever its count.
    assert len(by("refused_total")) == 12, by("refused_total")
    return {**with_rejects(scraped["ravelin_rejects_total"]), "rejects by reason": by("refused_total"),
            "no place": by("no_place_total"), "ended early": by("dialogs_ended_early_total"),
            "lines": number("log_lines_total"), "greylist": by("greylist_total"),
            "verify": by("verifications_total"), "verdicts": by("recipients_total"),
            "bytes": number("message_bytes_total"), "connections": number("connections_total"),
            "dialogs": number("dialogs_total"), "messages": number("messages_total"),
            "recipients sent": number("message_recipients_total"),
            "early talkers": number("early_talkers_total"), "secured": tls["done"],
            "not secured": tls["failed"], "clients gone": number("message_clients_gone_total"),
            "null senders of strangers": number("stranger_null_senders_total"),
            "questions": by("backend_questions_total"), "questions in all": number("backend_questions_total"),
            "messages taken by backends": number("backend_messages_total")}


def from_curves(port, step=1):
    """All samples together."""
    curves = json.loads(fetch(port, f"/api/curves?step={step}&since=0"))
    sums = Counter()
    for sample in curves["samples"]:
        sums.update(dict(zip(curves["names"], sample[1:])))
    reasons = Counter({name: sums[name] for name in curves["names"][:12]})
    return {"connections": sums["connections"], "messages": sums["accepted"],
            "recipients sent": sums["recipients"], "rejects by reason": reasons,
            "rejects in all": reasons.total(), "warned": sums["warned"],
            "null senders of strangers": sums["null_senders"], "questions in all": sums["questions"]}


def from_sources(port):
    """The dashboard's table of networks, which has room for a hundred: of the last minutes."""
    networks = json.loads(fetch(port, "/api/sources?limit=100"))["networks"]
    assert len(networks) < 100
    sums = Counter()
    for row in networks:
        sums.update({key: row[key] for key in ("dialogs", "no_place")})
    return {"connections": sums["dialogs"], "dialogs ended": sums["dialogs"] - sums["no_place"]}


# --- from ravelinctl

def from_stats(stats):
    backends = stats["backends"].values()
    questions = Counter({name: one["questions"] for name, one in stats["backends"].items()})
    return {"dialogs": stats["dialogs"], "dialogs ended": stats["dialogs_ended"], "messages": stats["messages"],
            "recipients sent": stats["recipients"], "bytes": stats["bytes"],
            "refused by code": Counter(stats["refused_by_code"]),
            "rejects by reason": Counter(stats["refused_by_reason"]), "warned": stats["warned"],
            "no place": Counter(stats["no_place"]), "ended early": Counter(stats["ended"]),
            "early talkers": stats["early_talkers"], "secured": stats["secured"],
            "not secured": stats["not_secured"], "lines": stats["log_lines"],
            "questions": questions, "questions in all": questions.total(),
            "messages taken by backends": sum(one["messages"] for one in backends)}


# --- history.db

def accounts(path):
    """(account, how many dialogs it stands for)"""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as file:
        for account, count in file.execute("SELECT account, count FROM dialogs"):
            yield json.loads(account), count


def reason_of_recipient(event):
    refusing = {check["check"] for check in event["checks"] if check["said"] in ("defer", "reject")}
    if event["code"] == 451 and "Greylisted" in event["reply"]:
        return "greylist"
    if refusing:
        return "relay" if refusing == {"relay_domain"} else "check"
    by_verify = {"shielded": "harvest_shield", "unknown": "unknown_recipient", "trouble": "trouble"}
    shared = event["verify"] == "shared" and event.get("status") == "5.1.1"
    return "unknown_recipient" if shared else by_verify.get(event["verify"], "backend")


def from_history(path):
    of, ended, no_place, rejects = Counter(), Counter(), Counter(), Counter()
    greylist, verify, verdict, codes = Counter(), Counter(), Counter(), Counter()
    for account, count in accounts(path):
        end = account["end"]
        assert "left_out" not in account, account
        of["connections"] += count
        if end == "no place":
            no_place[account["after"]] += count
            rejects["CONNECT", "no_place", "421"] += count
            continue
        of["dialogs"] += count
        of["quits"] += count * (end == "quit")
        # The log has a second line for these: "lost connection after STARTTLS".
        of["not secured"] += count * (end == "TLS handshake failed")
        if end == "TLS handshake failed":
            ended["lost connection"] += count
        elif end not in ("quit", "closed"):
            ended[end] += count
        for event in account["events"]:
            what = event["what"]
            if what == "rcpt":
                greylist[greylist_of(event["greylist"])] += count
                verify[verify_of(event["verify"])] += count
                verdict[event["verdict"]] += count
                codes[str(event["code"])] += count
                if event["verdict"] != "accept":
                    rejects["RCPT", reason_of_recipient(event), str(event["code"])] += count
            elif what == "refused":
                text = f"{event['reason']}: {event.get('backend_said', '')}{event['reply']}"
                rejects[stage_of(event["stage"]), reason_of(text), str(event["code"])] += count
            elif what == "delivered":
                of["messages"] += count
                of["bytes"] += count * event["size"]
                of["clients gone"] += count * event["client_gone"]
                for recipient in event["recipients"]:
                    of["recipients " + recipient["fate"]] += count
            elif what == "tls":
                of["secured"] += count
            elif what == "pregreet":
                of["early talkers"] += count
    return {**with_rejects(rejects), "no place": no_place, "ended early": ended, "greylist": greylist,
            "verify": verify, "verdicts": verdict, "codes of recipients": codes, "dialogs ended": of["dialogs"],
            **{name: of[name] for name in (
                "connections", "dialogs", "quits", "messages", "bytes", "recipients sent", "recipients bounced",
                "recipients deferred", "early talkers", "secured", "not secured", "clients gone")}}


# --- pflogsumm

def from_pflogsumm(log):
    done = subprocess.run(["pflogsumm", "--smtpd-stats", str(log)], capture_output=True, text=True, check=True,
                          timeout=120)
    assert done.stderr == "", done.stderr
    report = done.stdout

    def total(what):
        return int(re.search(rf"(?m)^ +(\d+) {{3}}{what}\b", report).group(1))  # no "k": they are exact

    detail = report[report.index("\nmessage reject detail\n"):report.index("\nmessage reject warning detail")]
    stages, stage = Counter(), None
    for line in detail.splitlines():
        if match := re.match(r"  (\S+)$", line):
            stage = match.group(1)
        elif match := re.match(r"    \S.* \(total: (\d+)\)$", line):
            stages[stage] += int(match.group(1))
    return {"messages": total("received"), "recipients sent": total("delivered"),
            "recipients bounced": total("bounced"), "recipients deferred": total("deferred"),
            "rejects in all": total("rejected"), "warned": total("reject warnings"),
            "rejects by first word": stages, "dialogs ended": total("connections")}
