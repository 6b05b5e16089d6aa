#!/usr/bin/env python3
"""The rules of the house that a machine can check: layers, banned includes, sizes.

    tests/lint.py layering     nothing includes upward; libraries are seen only where they belong
    tests/lint.py sizes        no file over 600 lines, no function over 60
    tests/lint.py evidence     every test that docs/robustness.md names is there
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Lowest first. What stands in one row may include itself and the rows above; folders of one row do
# not include each other, except where the pair is listed in BESIDE.
LAYERS = [
    ["smtp", "dns"],
    ["proxy/event"],
    ["proxy/config"],
    ["proxy/state"],
    ["proxy/standing", "proxy/overload", "proxy/observe"],
    ["proxy/profile"],
    ["proxy/capture"],
    ["proxy/backend"],
    ["proxy/checks"],
    ["proxy/session"],
    ["proxy"],
    ["proxy/ctl"],
]
# ravelinctl is a program of its own: it knows the control protocol and a few values, nothing else
# of the daemon.
CTL_MAY_SEE = ["proxy/ctl/", "proxy/observe/control_protocol.h", "proxy/observe/escape.h",
               "smtp/expected.h", "dns/ip.h"]

# Whose headers may be seen where: a pattern of the include, and the only places for it.
OWNED = [
    (r"^event2/", ["proxy/event/"]),
    (r"^openssl/", ["proxy/event/"]),
    (r"^ares", ["dns/ares_"]),
    (r"^sqlite3\.h", ["proxy/state/"]),
    (r"^toml\+\+/", ["proxy/config/"]),
    (r"^CLI/", ["proxy/ctl/"]),
    (r"^idn2\.h", ["dns/idn.cc"]),
    (r"^libpsl\.h", ["proxy/standing/"]),
    (r"^seccomp\.h", ["proxy/event/"]),
    (r"^maxminddb\.h", ["proxy/profile/"]),
]
# Seen in no header outside of these: who includes a header should not pay for its library.
HEADERS_WITHOUT = r"^(event2/|openssl/|ares|idn2\.h|sqlite3\.h|toml\+\+/|CLI/|libpsl\.h|seccomp\.h|maxminddb\.h)"
BANNED = [r"^iostream$", r"^regex$", r"^coroutine$"]
CORE_MAY_SEE = r'^(smtp/|[a-z_]+$|c?std[a-z]+$)'  # smtp/: itself and the standard library


def sources(*folders):
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".h", ".cc"):
                yield path.relative_to(ROOT).as_posix()


def includes(path):
    for number, line in enumerate((ROOT / path).read_text().splitlines(), 1):
        if match := re.match(r'\s*#\s*include\s*[<"]([^>"]+)[>"]', line):
            yield number, match.group(1)


def layer_of(path):
    folder = path.rsplit("/", 1)[0]
    for level, row in enumerate(LAYERS):
        if folder in row:
            return level, folder
    return None


def layering():
    faults = []
    for path in sources("smtp", "dns", "proxy"):
        here = layer_of(path)
        if here is None:
            faults.append(f"{path}: in no layer")
            continue
        for number, name in includes(path):
            where = f"{path}:{number}: "
            there = layer_of(name)
            if path.startswith("proxy/ctl/") and there:
                if not any(name.startswith(seen) for seen in CTL_MAY_SEE):
                    faults.append(where + f"ravelinctl does not see {name}")
            elif there and (there[0] > here[0] or there[0] == here[0] and there[1] != here[1]):
                faults.append(where + f"{here[1]} does not include {there[1]}")
            for pattern, places in OWNED:
                if re.match(pattern, name) and not any(path.startswith(p) for p in places):
                    faults.append(where + f"{name} belongs to {', '.join(places)}")
            if path.endswith(".h") and re.match(HEADERS_WITHOUT, name):
                if not path.startswith("proxy/event/"):
                    faults.append(where + f"{name} in a header")
            if any(re.match(pattern, name) for pattern in BANNED):
                faults.append(where + f"{name} is not used here")
            if path.startswith("smtp/") and not re.match(CORE_MAY_SEE, name):
                faults.append(where + f"the protocol core does not see {name}")
    return faults


def sizes():
    faults = []
    files = list(sources("smtp", "dns", "proxy", "tests"))
    for path in files:
        lines = len((ROOT / path).read_text().splitlines())
        if lines > 600:
            faults.append(f"{path}: {lines} lines, 600 at most")
    tags = subprocess.run(
        ["ctags", "-L", "-", "--languages=C++", "--c++-kinds=f", "--fields=+ne", "-f", "-"],
        input="\n".join(f for f in files if not f.startswith("tests/")), text=True,
        capture_output=True, check=True, cwd=ROOT).stdout
    for row in tags.splitlines():
        begin, end = re.search(r"\tline:(\d+)", row), re.search(r"\tend:(\d+)", row)
        if begin and end and int(end.group(1)) - int(begin.group(1)) + 1 > 60:
            name, path = row.split("\t")[:2]
            faults.append(f"{path}:{begin.group(1)}: {name}() is over 60 lines")
    return faults


# A test's name in the document: `folder/file_test: case` of Catch2, `test_file: Class.method` else.
def evidence():
    faults, found = [], 0
    text = (ROOT / "docs/robustness.md").read_text()
    for name, case in re.findall(r"`([\w/]+): ([^`]+)`", text):
        found += 1
        system = name.startswith("test_")
        path = ROOT / "tests" / (f"system/{name}.py" if system else f"{name}.cc")
        code = path.read_text() if path.is_file() else ""
        if system:
            owner, _, method = case.partition(".")
            body = re.split(r"^class ", code, flags=re.M)
            there = any(re.match(rf"{owner}\b", part) and f"    def {method}(self" in part
                        for part in body[1:])
        else:
            literal = case.replace("\\", "\\\\").replace('"', '\\"')
            there = re.search(r"TEST_CASE(?:_METHOD\(\w+,|\()\s*" + re.escape(f'"{literal}"'), code)
        if not there:
            faults.append(f"docs/robustness.md: no test `{name}: {case}`")
    return faults if found else ["docs/robustness.md: names no test"]


def main():
    rules = {"layering": layering, "sizes": sizes, "evidence": evidence}
    if len(sys.argv) != 2 or sys.argv[1] not in rules:
        sys.exit(__doc__)
    faults = rules[sys.argv[1]]()
    print("\n".join(faults) or "nothing to say")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
