#!/usr/bin/env bash
# How much of smtp/ and proxy/session/ their own suites run, line by line: installs what it needs,
# builds into build/coverage, runs the two suites and prints the lines of each file that did not run.
# Fails below 95 % of either folder.
#
#   tests/coverage.sh
set -euo pipefail
cd "$(dirname "$0")/.."
tests/support/install.sh g++ cmake ninja-build pkg-config libevent-dev libssl-dev libc-ares-dev \
  libtomlplusplus-dev libfmt-dev nlohmann-json3-dev libcli11-dev libsqlite3-dev libboost1.81-dev \
  libjs-dygraphs libmaxminddb-dev libidn2-dev libpsl-dev libseccomp-dev publicsuffix catch2 python3 gcovr
cmake --preset coverage >/dev/null
cmake --build --preset coverage -j "$(nproc)" --target smtp_tests session_tests
find build/coverage -name '*.gcda' -delete  # counts of earlier runs
build/coverage/smtp_tests >/dev/null
build/coverage/session_tests >/dev/null
for folder in smtp proxy/session; do
  # Of their own lines: what the tests say is not counted, nor what they use of other folders.
  gcovr --root . --object-directory build/coverage --filter "$folder/" --fail-under-line 95 build/coverage
done
