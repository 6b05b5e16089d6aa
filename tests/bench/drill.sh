#!/usr/bin/env bash
# Thousands of hostile dialogs beside good senders, through Ravelin to a mail server that takes its
# time and punishes refusals. Installs what it needs, builds the release, prints what ravelin-drill
# reports and whether what is promised holds.
#
#   tests/bench/drill.sh [--duration SECONDS] [--delay TIME] [attack|among|noise|monday|retry|provider|descriptors ...]
#
# By default all of them, each with 60 s of load, retry with at least 180 s; --duration 600 is the
# long form.
set -euo pipefail
cd "$(dirname "$0")/../.."
tests/support/install.sh g++ cmake ninja-build pkg-config libevent-dev libssl-dev libc-ares-dev \
  libtomlplusplus-dev libfmt-dev nlohmann-json3-dev libcli11-dev libsqlite3-dev libboost1.81-dev \
  libjs-dygraphs libmaxminddb-dev libidn2-dev libpsl-dev libseccomp-dev publicsuffix python3
cmake --preset release -DRAVELIN_BENCH=ON > /dev/null
cmake --build --preset release --target ravelin ravelinctl ravelin-drill accept_server
exec /usr/bin/python3 -B tests/bench/drill.py --build build/release "$@"
