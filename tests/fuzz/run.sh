#!/usr/bin/env bash
# Fuzzes all targets on a fresh Debian 12: installs the packages, builds with clang's sanitizers,
# and lets libFuzzer run, one target after the other. What fails is kept, and the exit code is 1.
#
#   tests/fuzz/run.sh MINUTES [TARGET...]     so long over all targets (or those named) together
#   tests/fuzz/run.sh --keep                  of what was found, keeps in the tree what reaches more
#
# Inputs found go to build/fuzz/found/TARGET, those that fail to build/fuzz/crashes/TARGET.
set -euo pipefail
cd "$(dirname "$0")/../.."

usage() {
  sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
  exit 2
}

mode=run
case "${1:-}" in
  --keep) mode=keep ;;
  '' | *[!0-9]*) usage ;;
  *) minutes=$1 ;;
esac
shift
targets=("$@")
if ((${#targets[@]} == 0)); then
  for folder in tests/fuzz/corpus/*/; do targets+=("$(basename "$folder")"); done
fi

packages=(clang-16 libclang-rt-16-dev cmake ninja-build pkg-config libevent-dev libssl-dev
  libc-ares-dev libtomlplusplus-dev libfmt-dev nlohmann-json3-dev libcli11-dev libsqlite3-dev
  libboost1.81-dev libjs-dygraphs libmaxminddb-dev libidn2-dev libpsl-dev libseccomp-dev publicsuffix catch2 python3)
tests/support/install.sh "${packages[@]}"
cmake --preset fuzz
cmake --build --preset fuzz -j "$(nproc)" --target "${targets[@]/#/fuzz_}"

# Files of state_file need no disk. A run of the slowest target takes some 20 ms.
[[ -w /dev/shm ]] && export TMPDIR=/dev/shm
export UBSAN_OPTIONS=print_stacktrace=1
common=(-timeout=20 -rss_limit_mb=1024 -malloc_limit_mb=256 -max_len=4096)

# --- what stays in the tree: seed-* for ever, and of the rest a few dozen small files -----------
keep() {
  local folder target=$1 corpus=tests/fuzz/corpus/$1 found=build/fuzz/found/$1 small=build/fuzz/small
  local kept=build/fuzz/kept
  rm -rf "$small" "$kept"
  mkdir -p "$small" "$kept" "$found"
  cp "$corpus"/seed-* "$kept"
  # Found before or now; small ones only, for all of them are replayed in every test run.
  for folder in "$corpus" "$found"; do
    find "$folder" -type f ! -name 'seed-*' -size -1200c -exec cp -t "$small" {} +
  done
  build/fuzz/fuzz_"$target" "${common[@]}" -merge=1 "$kept" "$small" 2> "build/fuzz/$target.merge"
  find "$corpus" -type f ! -name 'seed-*' -delete
  # Of each size some: small ones are near the first input, large ones reach deep.
  find "$kept" -type f ! -name 'seed-*' -printf '%s %p\n' | sort -n | cut -d' ' -f2- |
    awk '{ file[NR] = $0 }
      END { n = NR < 60 ? NR : 60; for (i = 0; i < n; ++i) print file[int(i * NR / n) + 1] }' |
    xargs -r cp -t "$corpus"
  echo "$target: $(find "$corpus" -type f | wc -l) files, $(du -sb "$corpus" | cut -f1) octets"
}

if [[ $mode == keep ]]; then
  for target in "${targets[@]}"; do keep "$target"; done
  exit
fi

# --- fuzzing --------------------------------------------------------------------------------------
seconds=$((minutes * 60 / ${#targets[@]}))
((seconds > 0)) || seconds=1
failed=()
for target in "${targets[@]}"; do
  found=build/fuzz/found/$target crashes=build/fuzz/crashes/$target log=build/fuzz/$target.log
  mkdir -p "$found" "$crashes"
  options=("${common[@]}" -max_total_time="$seconds" -print_final_stats=1
    -artifact_prefix="$crashes/")
  [[ -f tests/fuzz/dict/$target.dict ]] && options+=(-dict="tests/fuzz/dict/$target.dict")
  echo "$target: $seconds s"
  if ! build/fuzz/fuzz_"$target" "${options[@]}" "$found" "tests/fuzz/corpus/$target" 2> "$log"; then
    failed+=("$target")
    grep -E 'does not hold|runtime error|Assertion|ERROR: |Test unit written' "$log" >&2 || true
  fi
  grep -E 'stat::number_of_executed_units|DONE' "$log" || true
done
if ((${#failed[@]} > 0)); then
  echo "FAILED: ${failed[*]}. The inputs are in build/fuzz/crashes/TARGET; again, with one of them:" >&2
  echo "  build/fuzz/fuzz_TARGET build/fuzz/crashes/TARGET/FILE" >&2
  echo "and with gdb, from any other preset: build/asan/fuzz_TARGET FILE" >&2
  exit 1
fi
echo "nothing found"
