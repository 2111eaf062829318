#!/usr/bin/env bash
# broker/run plays the same round twice: same CSV files, same last line but for the time, sums that hold.
#   tests/process/test_play.sh BUILD_FOLDER
set -euo pipefail
build=$(realpath "$1")
cd "$(dirname "$0")/../.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
port=$((20000 + RANDOM % 20000))

play() { # name, seed
  broker/run --once --cases 12 --seed "$2" --folder "$folder/$1" --port "$port" --programs "$build" >"$folder/$1.out" 2>&1 ||
    { tail -n 30 "$folder/$1.out"; echo "0 passed, 1 failed"; exit 1; }
  tail -n 1 "$folder/$1.out"
}
without_time() { sed -E 's/ wall_s=[0-9.]+//' <<<"$1"; }
files() { (cd "$folder/$1/world" && find . -name '*.csv' -exec sha256sum {} + | sort -k2); }

passed=0 failed=0
check() { if "${@:2}"; then passed=$((passed + 1)); echo "ok: $1"; else failed=$((failed + 1)); echo "NOT ok: $1"; fi; }
first=$(play first 7)
again=$(play again 7)
other=$(play other 8)
echo "$first"
check "the sums hold and every counsellor sees what the broker sees" grep -q ' ok=1$' <<<"$first"
check "the same seed gives the same last line" test "$(without_time "$first")" = "$(without_time "$again")"
check "the same seed gives the same files" test "$(files first)" = "$(files again)"
check "another seed gives another world" test "$(files first)" != "$(files other)"
check "something was answered under an agreement" grep -qE ' pre_agreed=[1-9]' <<<"$first"
check "the broker's log holds no warning" test -z "$(grep -E ' (error|warn) ' "$folder/first/skpd.log" || true)"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
