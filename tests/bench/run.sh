#!/usr/bin/env bash
# Measures what a dialog and a message cost: Ravelin beside a null server, the direct path, nginx's mail
# proxy, Haraka, Exim and Postfix, on the same load in one run. Installs what it needs, builds the release;
# Exim is unpacked only, and Haraka goes to the user's cache. A peer that cannot be had is left out.
#
#   tests/bench/run.sh [--rounds N] [--dialogs N] [--idle N] [--tls|--slow|--observe|--checks|--scale [--tuples N]]
#                      defaults 5, 20000, 8000, 10 million
set -euo pipefail
cd "$(dirname "$0")/../.."
tests/support/install.sh g++ cmake ninja-build pkg-config libevent-dev libssl-dev libc-ares-dev \
  libtomlplusplus-dev libfmt-dev nlohmann-json3-dev libcli11-dev libsqlite3-dev libboost1.81-dev \
  libjs-dygraphs libmaxminddb-dev libidn2-dev libpsl-dev libseccomp-dev publicsuffix python3 postfix nginx-light libnginx-mod-mail openssl \
  libidn12 libgnutls-dane0 libnsl2
# Node of whatever origin may bring its own npm, which Debian's does not go with.
command -v npm >/dev/null || tests/support/install.sh npm || echo "npm is not to be had" >&2
cmake --preset release -DRAVELIN_BENCH=ON >/dev/null
cmake --build --preset release --target ravelin ravelin-drill null_server handshakes tuples
exec /usr/bin/python3 -B tests/bench/measure.py --build build/release "$@"
