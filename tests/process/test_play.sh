#!/usr/bin/env bash
# broker/run plays the same round twice: same CSV files, same last line but for the time, views that agree. The
# second time in a folder whose path is too long for a socket.
#   tests/process/test_play.sh BUILD_FOLDER
# SKP_TIER=nightly also plays 300 cases, and starts once more over what is there.
set -euo pipefail
build=$(realpath "$1")
cd "$(dirname "$0")/../.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
port=$((20000 + RANDOM % 12000)) # below those that the system gives to connections
long=again-$(printf 'x%.0s' $(seq 90))

play() { # name, option...
  broker/run --once --folder "$folder/$1" --port "$port" --programs "$build" "${@:2}" >"$folder/out-$1" 2>&1 ||
    { { tail -n 30 "$folder/out-$1"; echo "0 passed, 1 failed"; } >&2; exit 1; }
  tail -n 1 "$folder/out-$1"
}
without_time() { sed -E 's/ wall_s=[0-9.]+//' <<<"$1"; }
files() { (cd "$folder/$1" && find . -name '*.csv' -exec sha256sum {} + | sort -k2); }

# Every CSV file of a run, by name, its rows sorted. Ids of requests and claims are random, by design.
all_files() {
  (cd "$folder/$1" && find . -name '*.csv' | sort | while read -r file; do
    sed -E 's/-ronde-[0-9a-f]{8}-/-ronde-ID-/' <<<"$file" && sed -E 's/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/ID/g' "$file" | sort
  done)
}
# How many requests stand in the registrations: a dossier's rows of one creditor and brand are one. Or how many of COLUMN.
drawn() { # name, column...
  awk -F';' -v wanted="${2:-Dossier;Schuldeiser;Merk}" '
    FNR == 1 { sub(/^\xef\xbb\xbf/, ""); sub(/\r$/, ""); for (i = 1; i <= NF; i++) place[$i] = i; n = split(wanted, names, ";"); next }
    { key = ""; for (i = 1; i <= n; i++) key = key ";" $place[names[i]]; seen[key] = 1 }
    END { count = 0; for (key in seen) count++; print count }' "$folder/$1"/world/counsellor-*/aanmelding.csv
}

passed=0 failed=0
check() { if "${@:2}"; then passed=$((passed + 1)); echo "ok: $1"; else failed=$((failed + 1)); echo "NOT ok: $1"; fi; }

first=$(play first --cases 12 --seed 7)
again=$(play "$long" --cases 12 --seed 7)
"$build"/clients/skp-sim world --cases 12 --seed 8 --out "$folder/other" --municipalities tests/data/municipalities.csv
echo "$first"
said=$folder/out-first
line='^cases=12 requests=[0-9]+ answered=[0-9]+ pre_agreed=[0-9]+ overdue=[0-9]+ off_network=[0-9]+ refused=[0-9]+ letters_replaced=[0-9]+ wall_s=[0-9]+\.[0-9][0-9] ok=1$'
check "the last line has its form, and all views agree" grep -qE "$line" <<<"$first"
check "the same seed gives the same last line, in a folder with a long path too" \
  test "$(without_time "$first")" = "$(without_time "$again")"
check "the same seed gives the same files to begin with" test "$(files first/world)" = "$(files "$long/world")"
check "and in the end, but for the random ids" test "$(all_files first)" = "$(all_files "$long")"
value() { grep -oE "(^| )$1=[0-9]+" <<<"$first" | cut -d= -f2; }
collected=$(awk -F'[:,]' '/"collected":/ { sum += $2 } END { print sum }' "$folder"/first/participants/*/report.json)
check "requests = answered + overdue + by letter + refused" \
  test "$(value requests)" -eq $(($(value answered) + $(value overdue) + $(value off_network) + $(value refused)))
check "letters replaced = collected ($collected) + answered + 2 per pre-agreed request" \
  test "$(value letters_replaced)" -eq $((collected + $(value answered) + 2 * $(value pre_agreed)))
check "each request that was drawn is counted" test "$(value requests)" -eq "$(drawn first)"
check "each case that was drawn is counted" test "$(value cases)" -eq "$(drawn first Dossier)"
check "another seed gives another world" test "$(files first/world)" != "$(files other)"
check "a play of one case, with days on which nothing comes, ends as well" grep -q ' ok=1$' <<<"$(play one --cases 1 --seed 99)"
check "something was answered under an agreement" grep -qE ' pre_agreed=[1-9]' <<<"$first"
check "something was answered after its term" grep -qE '^[A-Z].* [1-9][0-9]* +[0-9]+  same$' "$said"
check "every creditor's own count is the broker's" test "$(grep -cE '  same$' "$said")" -eq 8
check "most cases are complete" test "$(awk '/^together/ {print $3}' "$said")" -gt 6
check "what the definition of letters replaced is stands beside the number" grep -q 'letters replaced: [0-9]* = ' "$said"
check "receipts were checked" grep -qE '^[1-9][0-9]* receipts' "$said"
check "the broker's log holds no warning" test -z "$(grep -E ' (error|warn) ' "$folder/first/skpd.log" || true)"
unmarked() { # files that skp wrote and that do not say on every line that this is a play
  find "$folder/first/participants" -name '*.csv' ! -name 'antwoord-*' ! -name 'post-*' -exec awk '
    FNR == 1 && !/;Proef\r$/ || FNR > 1 && /^'"'"'?2026-/ && !/;Ja\r$/ { print FILENAME; nextfile }' {} +
}
csvs=$(find "$folder/first/participants" -name '*.csv' ! -name 'antwoord-*' ! -name 'post-*' | wc -l)
check "every CSV file that skp wrote ($csvs) says that this is a play" test "$csvs" -gt 40 -a -z "$(unmarked)"
check "so does the name of every receipt" test -z "$(find "$folder/first" -name '*.receipt' ! -name '*.proef.receipt')"
check "so does every report" test "$(grep -L '"play": true' "$folder"/first/participants/*/report.json | wc -l)" -eq 0
rows=$(cat "$folder"/first/participants/*/dossiers.csv | grep -c "^'")
check "each case stands in a report of its office" test "$rows" -eq 12

# The comparison itself: one answer more or less is seen.
. broker/play/days.sh
. broker/play/views.sh
dir=$folder/first/participants/00000099200000001000
check "views that agree are the same" same_creditor "$dir"
was=$(figure answered "$dir/broker.json")
sed -i "s/\"answered\":$was/\"answered\":$((was + 1))/" "$dir/broker.json"
differ_now() { ! same_creditor "$1"; }
check "a view that differs is seen" differ_now "$dir"

if [ "${SKP_TIER:-commit}" = nightly ]; then
  more=$(play first --cases 300 --seed 7)
  echo "$more"
  check "300 cases end well" grep -qE '^cases=300 .* ok=1$' <<<"$more"
  check "what an earlier run left is kept beside it" test -f "$folder/first-1/store.db"
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
