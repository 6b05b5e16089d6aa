#!/usr/bin/env bash
# Installs what Ravelin needs on Debian 12, builds the release, and runs it.
#
#   etc/quickstart.sh                                       a demo on 127.0.0.1:2525
#   etc/quickstart.sh --backend HOST:PORT --domain NAME     in front of your own mail server
#                     [--listen ADDRESS:PORT]
#
# Without a backend Ravelin stands in front of a small demo mailbox server with two mailboxes, alice
# and bob @example.com. Ctrl-C ends both.
set -euo pipefail
cd "$(dirname "$0")/.."

backend="" domain="" listen="127.0.0.1:2525"
# For the tests of this script: where its files go, and binaries that are built already.
place=$(realpath -m "${QUICKSTART_PLACE:-build/quickstart}")
binaries=${QUICKSTART_BINARIES:-}

die() { echo "quickstart: $2" >&2; exit "$1"; }
usage() { sed -n '2,9s/^# \{0,1\}//p' "$0"; }

# --- how it ends: Ravelin first, so that mail on its way still reaches the mailboxes. Trapped from the
# beginning: without a trap bash forgets a Ctrl-C if the command that runs then ends well.
ravelin_pid="" demo_pid=""
cleanup() {
  trap - EXIT INT TERM
  if [[ -n $ravelin_pid ]]; then
    kill "$ravelin_pid" 2>/dev/null || true
    wait "$ravelin_pid" || true
  fi
  local others # the demo server, and whatever was begun a moment ago
  others=$(jobs -p)
  [[ -z $others ]] || kill $others 2>/dev/null || true
  wait
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# --- arguments
while (($#)); do
  case "$1" in
    -h | --help) usage; exit 0 ;;
    --backend | --domain | --listen) (($# > 1)) || die 2 "$1 needs a value" ;;
    *) echo "quickstart: unknown argument '$1'" >&2; usage >&2; exit 2 ;;
  esac
  case "$1" in
    --backend) backend=$2 ;;
    --domain) domain=$2 ;;
    --listen) listen=$2 ;;
  esac
  shift 2
done
host_port='^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}$'
[[ $listen =~ $host_port ]] || die 2 "--listen takes ADDRESS:PORT, not '$listen'"
[[ -z $backend || $backend =~ $host_port ]] || die 2 "--backend takes HOST:PORT, not '$backend'"
[[ -z $domain || $domain =~ ^[A-Za-z0-9.-]+$ ]] || die 2 "--domain takes a name, not '$domain'"
[[ ${backend:+set} == "${domain:+set}" ]] || die 2 "--backend and --domain go together"

# --- one at a time: a second one would overwrite the files of the first
mkdir -p "$place"
exec 9>"$place/lock"
flock -n 9 || die 1 "already running here ($place); end it with Ctrl-C in its terminal"

# --- packages and build
packages=(g++ cmake ninja-build pkg-config libevent-dev libssl-dev libc-ares-dev libtomlplusplus-dev
  libfmt-dev nlohmann-json3-dev libcli11-dev libsqlite3-dev libboost1.81-dev libjs-dygraphs libmaxminddb-dev libidn2-dev libpsl-dev libseccomp-dev
  publicsuffix python3)
missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if ((${#missing[@]})); then
  echo "quickstart: installing ${missing[*]}"
  as_root=()
  if ((EUID != 0)); then
    command -v sudo >/dev/null || die 1 "as root, please: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  "${as_root[@]}" apt-get update -q
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
    "${missing[@]}"
fi
if [[ -z $binaries ]]; then
  binaries=build/release
  cmake --preset release >/dev/null
  cmake --build --preset release --target ravelin ravelinctl
fi

# --- what runs
# Does somebody take connections at $1?
answers() {
  local host=${1%:*}
  host=${host#[} host=${host%]}
  (exec 3<>"/dev/tcp/$host/${1##*:}") 2>/dev/null
}

# wait_until PID COMMAND...: fails if the process ends, or after 30 s, before the command succeeds.
wait_until() {
  local pid=$1
  shift
  for _ in {1..300}; do
    kill -0 "$pid" 2>/dev/null || return 1
    "$@" >/dev/null 2>&1 && return 0
    sleep 0.1
  done
  return 1
}

demo=""
if [[ -z $backend ]]; then
  demo=yes domain=example.com
  backend=127.0.0.1:$((${listen##*:} + 1))
  ! answers "$backend" || die 1 "$backend, for the demo mailbox server, is in use: take another --listen"
  rm -f "$place"/state.db* # each demo begins among strangers; the mail stays
  /usr/bin/python3 etc/demo-mailbox.py --listen "$backend" --maildir "$place/mail" 9>&- &
  demo_pid=$!
  wait_until "$demo_pid" answers "$backend" || die 1 "the demo mailbox server does not start on $backend"
fi

# The demo's delay is short, so that the retry can be seen, and it must work for senders of domains
# that do not exist, on a machine without DNS. Your own mail server gets the defaults.
{
  cat <<TOML
hostname = "mx.$domain"

[listen]
smtp = ["$listen"]

[[route]]
domains = ["$domain"]
backends = ["$backend"]

[state]
path = "$place/state.db"

[admin]
socket = "$place/ctl.sock"
TOML
  [[ -z $demo ]] || cat <<'TOML'

[greylist]
delay = "15s"

[checks.sender_domain]
action = "note"

[dns]
timeout = "2s"
TOML
} >"$place/ravelin.toml"

"$binaries/ravelin" --config "$place/ravelin.toml" --check
if [[ -z $demo ]]; then
  echo "quickstart: what the mail server, the DNS and this machine say (--check --live):"
  "$binaries/ravelin" --config "$place/ravelin.toml" --check --live ||
    echo "quickstart: Ravelin runs all the same; docs/backends.md says what the mail server needs"
fi
"$binaries/ravelin" --config "$place/ravelin.toml" 9>&- &
ravelin_pid=$!
if ! wait_until "$ravelin_pid" "$binaries/ravelinctl" --socket "$place/ctl.sock" status; then
  die 1 "Ravelin does not start on $listen"
fi

if [[ -n $demo ]]; then
  cat <<TEXT

Ravelin listens on $listen in front of a demo mail server. Try, in another terminal, here:

  1. A stranger's first mail is answered 451 4.7.1 ... Greylisted: it has to come back.
       etc/demo-send.py $listen alice@example.com
  2. After 15 seconds the same command is accepted, and the mail is in $place/mail/alice/new/.
       etc/demo-send.py $listen alice@example.com
  3. Now that this client has delivered a mail it is no stranger: no more greylisting, and somebody
     who does not exist gets the mail server's own 550.
       etc/demo-send.py $listen nobody@example.com
  4. A domain that is not ours: 554 5.7.1.
       etc/demo-send.py $listen somebody@elsewhere.example
  5. How it stands:
       $binaries/ravelinctl --socket $place/ctl.sock status

Ctrl-C ends it.
TEXT
else
  cat <<TEXT

Ravelin listens on $listen in front of $backend for $domain, with the defaults: a stranger's first
mail is greylisted for 4 minutes. Its configuration is $place/ravelin.toml (made anew at each start of
this script), its state $place/state.db. How it stands:

  $binaries/ravelinctl --socket $place/ctl.sock status

Ctrl-C ends it.
TEXT
fi
wait "$ravelin_pid" || code=$?
ravelin_pid=""
exit "${code:-0}"
