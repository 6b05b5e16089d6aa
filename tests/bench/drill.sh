#!/usr/bin/env bash
# Thousands of hostile dialogs of every kind beside good senders, through Ravelin to a mail server that
# takes its time. Installs what it needs, builds the release, and prints what ravelin-drill reports,
# what the mail server saw, and how the pressure went.
#
#   tests/bench/drill.sh [DURATION] [DELAY]      default 60s, and 2ms a reply of the mail server
set -euo pipefail
cd "$(dirname "$0")/../.."
duration=${1:-60s} delay=${2:-2ms}
tests/support/install.sh g++ cmake ninja-build pkg-config libevent-dev libssl-dev libc-ares-dev \
  libtomlplusplus-dev libfmt-dev nlohmann-json3-dev libcli11-dev libsqlite3-dev libboost1.81-dev \
  libpsl-dev libseccomp-dev publicsuffix python3
cmake --preset release -DRAVELIN_BENCH=ON > /dev/null
cmake --build --preset release --target ravelin ravelinctl ravelin-drill
ulimit -n "$(ulimit -Hn)"

place=$(mktemp -d)
port=17025 backend=17026
started=()
trap 'kill "${started[@]}" 2> /dev/null || true; wait; rm -rf "$place"' EXIT

sed -e "s|@PORT@|$port|; s|@BACKEND@|$backend|; s|@DIR@|$place|" tests/bench/drill.toml \
  > "$place/ravelin.toml"
build/release/ravelin-drill backend --listen "127.0.0.1:$backend" --delay "$delay" --valid 'good*' \
  --punish > "$place/backend.json" &
started+=($!)
build/release/ravelin --config "$place/ravelin.toml" > "$place/ravelin.out" 2>&1 &
ravelin=$!
started+=("$ravelin")
for _ in $(seq 100); do
  [[ -S $place/ctl.sock ]] && break
  sleep 0.05
done

build/release/ravelin-drill run --target "127.0.0.1:$port" --domain example.com \
  --onset 20s --duration "$duration" --quiet 10s --drain 30s --warm-up 3 \
  --networks 400 --wide-networks 40 --json "$place/drill.json" \
  --bots slow=5000 --bots silent=2000 --bots retrying=1000 --bots harvesting=500 \
  --bots valid=300 --bots early=100 --bots tls=100 \
  --good known=10 --good new=10 --good-retry 6s

echo
echo "Ravelin: $(awk '/^VmHWM|^RssAnon/ { printf "%s %s kB  ", $1, $2 }' "/proc/$ravelin/status")"
grep -o 'pressure: .*' "$place/mail.log" || true
kill "${started[0]}"
wait "${started[0]}" || true
echo "The mail server: $(cut -c1-400 "$place/backend.json")"
