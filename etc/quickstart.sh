#!/usr/bin/env bash
# Installs what Ravelin needs on Debian 12, builds the release, and runs it.
#
#   etc/quickstart.sh                                       a demo on 127.0.0.1:2525
#   etc/quickstart.sh --backend HOST:PORT --domain NAME     in front of your own mail server
#                     [--listen ADDRESS:PORT]
#
# Without arguments Ravelin stands in front of a small demo mailbox server with two mailboxes, alice
# and bob @example.com. Ctrl-C ends both.
set -euo pipefail
cd "$(dirname "$0")/.."

backend="" domain="" listen="127.0.0.1:2525"
usage() { sed -n '2,9s/^# \{0,1\}//p' "$0"; exit "${1:-2}"; }
while (($#)); do
  case "$1" in
    --backend) backend=${2:?--backend needs HOST:PORT}; shift 2 ;;
    --domain) domain=${2:?--domain needs a name}; shift 2 ;;
    --listen) listen=${2:?--listen needs ADDRESS:PORT}; shift 2 ;;
    -h | --help) usage 0 ;;
    *) echo "quickstart: unknown argument '$1'" >&2; usage ;;
  esac
done
if [[ -n $backend && -z $domain || -z $backend && -n $domain ]]; then
  echo "quickstart: --backend and --domain go together" >&2
  exit 2
fi

packages=(g++ cmake ninja-build pkg-config libevent-dev libssl-dev libc-ares-dev libtomlplusplus-dev
  libfmt-dev nlohmann-json3-dev libcli11-dev libsqlite3-dev libboost1.81-dev libpsl-dev publicsuffix
  python3)
missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if ((${#missing[@]})); then
  echo "quickstart: installing ${missing[*]}"
  as_root=()
  ((EUID == 0)) || as_root=(sudo)
  "${as_root[@]}" apt-get update -q
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
    "${missing[@]}"
fi

cmake --preset release >/dev/null
cmake --build --preset release --target ravelin ravelinctl

# A second start reuses the place, so that what was learned about clients is still there.
place=build/quickstart
mkdir -p "$place"
demo_pid=""
if [[ -z $backend ]]; then
  backend=127.0.0.1:2526 domain=example.com
  /usr/bin/python3 etc/demo-mailbox.py --listen "$backend" --maildir "$place/mail" &
  demo_pid=$!
fi

# The demo's delay is short, so that the retry can be seen; the default is 4 minutes.
cat >"$place/ravelin.toml" <<TOML
hostname = "mx.$domain"

[listen]
smtp = ["$listen"]

[[route]]
domains = ["$domain"]
backends = ["$backend"]

[greylist]
$([[ -n $demo_pid ]] && echo 'delay = "15s"')

[state]
path = "$place/state.db"

[admin]
socket = "$place/ctl.sock"
TOML

cleanup() {
  trap - EXIT INT TERM
  [[ -n ${ravelin_pid:-} ]] && kill "$ravelin_pid" 2>/dev/null && wait "$ravelin_pid" || true
  [[ -n $demo_pid ]] && kill "$demo_pid" 2>/dev/null || true
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

build/release/ravelin --config "$place/ravelin.toml" --check
build/release/ravelin --config "$place/ravelin.toml" &
ravelin_pid=$!

if [[ -n $demo_pid ]]; then
  cat <<TEXT

Ravelin listens on $listen in front of a demo mail server. Try, in another terminal:

  python3 - <<'PY'
  import smtplib
  with smtplib.SMTP("${listen%:*}", ${listen##*:}, local_hostname="mail.sender.example") as s:
      s.sendmail("me@sender.example", ["alice@example.com"], "Subject: hello\r\n\r\nFirst light.\r\n")
  PY

  1. The first try is answered 451 4.7.1 ... Greylisted: a stranger has to come back.
  2. After 15 seconds the same command is accepted; the mail is in $place/mail/alice/new/.
  3. nobody@example.com gets the mail server's own 550; a foreign domain gets 554 5.7.1.
  4. build/release/ravelinctl --socket $place/ctl.sock status

Ctrl-C ends it.
TEXT
fi
wait "$ravelin_pid"
