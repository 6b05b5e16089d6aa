#!/usr/bin/env bash
# Builds and runs all tests on a fresh Debian 12: installs the packages, then the suites under the
# address and undefined-behaviour sanitizers, the suites that use threads under the thread
# sanitizer, and the system tests. About 20 minutes on two cores.
#
#   tests/run.sh            everything
#   tests/run.sh --quick    no sanitizers, no thread sanitizer run: for a look while working
set -euo pipefail
cd "$(dirname "$0")/.."

quick=0
case "${1:-}" in
  "") ;;
  --quick) quick=1 ;;
  *) sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac

packages=(g++ cmake ninja-build pkg-config libevent-dev libssl-dev libc-ares-dev libtomlplusplus-dev
  libfmt-dev nlohmann-json3-dev libcli11-dev libsqlite3-dev libboost1.81-dev libjs-dygraphs
  libmaxminddb-dev libidn2-dev libpsl-dev publicsuffix libseccomp-dev catch2 chromium chromium-driver python3 python3-selenium
  universal-ctags postfix systemd logrotate pflogsumm fail2ban openssl sslscan testssl.sh man-db mandoc
  libidn12 libgnutls-dane0 libnsl2 libsodium23 libunwind8)
tests/support/install.sh "${packages[@]}"

jobs=$(nproc)
preset=asan
((quick)) && preset=dev
cmake --preset "$preset"
cmake --build --preset "$preset" -j "$jobs"
ctest --test-dir "build/$preset" --output-on-failure -j "$jobs"

if ((!quick)); then
  # Only what has threads: state, logs, the event loop's post(), backends shared by workers.
  threaded=(event_tests state_tests standing_tests overload_tests observe_tests capture_tests backend_tests)
  cmake --preset tsan
  cmake --build --preset tsan -j "$jobs" --target "${threaded[@]}" ravelin ravelinctl
  ctest --test-dir build/tsan --output-on-failure -j "$jobs" \
    -R "^($(IFS='|'; echo "${threaded[*]}")|system_threads)$"
fi
