# shellcheck shell=bash disable=SC2154
# What everybody sees in the end, side by side. Sourced by broker/run, whose functions and variables it uses.

differences=0
differ() { say "  DIFFERS: $*"; differences=$((differences + 1)); }

# same WHAT ONE OTHER
same() { [ "$2" = "$3" ] || differ "$1: $2 and $3"; }

# look OIN: the counsellor opens everything, reports, compares with the broker, keeps and checks its receipts.
look() {
  local dir=$play/participants/$1 file
  skp "$1" counsellor watch --once --out "$dir" >/dev/null
  skp "$1" counsellor letters "$dir/brieven-open.csv" >/dev/null
  skp "$1" --json counsellor report >"$dir/report.json"
  skp "$1" counsellor report --cases --out "$dir/dossiers.csv" >/dev/null
  skp "$1" counsellor report --creditors --out "$dir/schuldeisers.csv" >/dev/null
  skp "$1" --json counsellor verify >"$dir/verify.json" || touch "$dir/differs"
  skp "$1" receipts --out "$dir/ontvangstbewijzen" >/dev/null
  for file in "$dir"/ontvangstbewijzen/*.receipt; do
    [ ! -e "$file" ] || skp "$1" verify-receipt "$file" >/dev/null || touch "$dir/bad-receipt"
  done
}

# hear OIN: the creditor collects what is left, and counts.
hear() {
  local dir=$play/participants/$1
  skp "$1" creditor collect --out "$dir" >/dev/null
  skp "$1" --json creditor report >"$dir/report.json"
  ctl --json participant show "$1" >"$dir/broker.json"
}

figures=(cases cases_complete requests answered pre_agreed overdue open off_network recorded refused letters_replaced)
declare -A sum

show_counsellors() {
  local oin name dir
  printf '\n%-40s %6s %9s %9s %9s %7s %8s %8s %6s\n' counsellor cases complete requests answered agreed overdue \
    letters back
  for name in "${figures[@]}"; do sum[$name]=0; done
  for oin in $counsellors; do
    dir=$play/participants/$oin
    local -A v=()
    for name in "${figures[@]}"; do
      v[$name]=$(figure "$name" "$dir/report.json")
      sum[$name]=$((${sum[$name]} + ${v[$name]:?no $name in $dir/report.json}))
    done
    counsellor_row "${names[$oin]:0:40}" "${v[cases]}" "${v[cases_complete]}" "${v[requests]}" "${v[answered]}" \
      "${v[pre_agreed]}" "${v[overdue]}" "${v[off_network]}" "${v[recorded]}"
  done
  counsellor_row together "${sum[cases]}" "${sum[cases_complete]}" "${sum[requests]}" "${sum[answered]}" \
    "${sum[pre_agreed]}" "${sum[overdue]}" "${sum[off_network]}" "${sum[recorded]}"
}
counsellor_row() { printf '%-40s %6d %9d %9d %9d %7d %8d %8d %6d\n' "$@"; }

show_creditors() {
  local oin dir view
  asked=0 collected=0 answered=0
  printf '\n%-40s %6s %10s %9s %6s %8s  %s\n' creditor asked collected answered late overdue 'its own files'
  for oin in $creditors; do
    dir=$play/participants/$oin view=same
    if ! same_creditor "$dir"; then
      view=DIFFER
      differences=$((differences + 1))
    fi
    asked=$((asked + $(figure published "$dir/broker.json")))
    collected=$((collected + $(figure collected "$dir/broker.json")))
    answered=$((answered + $(figure answered "$dir/broker.json")))
    printf '%-40s %6d %10d %9d %6d %8d  %s\n' "${names[$oin]:0:40}" \
      "$(figure published "$dir/broker.json")" "$(figure collected "$dir/broker.json")" \
      "$(figure answered "$dir/broker.json")" "$(figure answered_late "$dir/broker.json")" \
      "$(figure overdue "$dir/broker.json")" "$view"
  done
}

# What the creditor counts in its own state, and what the broker counts for it.
same_creditor() {
  local pair
  for pair in requests:published requests:collected answered:answered overdue:overdue open:open; do
    [ "$(figure "${pair%:*}" "$1/report.json")" = "$(figure "${pair#*:}" "$1/broker.json")" ] || return 1
  done
}

# Rounds that asked something; the rest were empty, and were sent too.
show_rounds() {
  local id opened name due all
  all=$(ctl --csv round list | rows /dev/stdin | awk -F';' '$8 > 0 {print $10}')
  printf '\n%-12s %-40s %6s %10s %9s %6s %8s  %s\n' round creditor asked collected answered late overdue due
  for id in $all; do
    ctl --json round show "$id" >"$play/round.json"
    opened=$(text opened "$play/round.json") name=$(text name "$play/round.json") due=$(text due "$play/round.json")
    printf '%-12s %-40s %6d %10d %9d %6d %8d  %s\n' "${opened%T*}" "${name:0:40}" \
      "$(figure published "$play/round.json")" "$(figure collected "$play/round.json")" \
      "$(figure answered "$play/round.json")" "$(figure answered_late "$play/round.json")" \
      "$(figure overdue "$play/round.json")" "$due"
    same "round $id, what it published and what became of it" "$(figure new "$play/round.json")" \
      "$(($(figure answered "$play/round.json") + $(figure overdue "$play/round.json") + $(figure open "$play/round.json")))"
  done
}
text() {
  [[ $(<"$2") =~ \"$1\":\ ?\"([^\"]*)\" ]] && echo "${BASH_REMATCH[1]}"
}

# All of it must fit together.
check_views() {
  local oin file said back
  same "cases drawn and registered" "$cases" "${sum[cases]}"
  same "requests, and answered + overdue + by letter + refused" "${sum[requests]}" \
    "$((sum[answered] + sum[overdue] + sum[off_network] + sum[refused]))"
  said=$(stored "$play"/participants/*/resultaat-20*.csv)
  same "answers the creditors' result files call stored, and received by the counsellors" "$said" "${sum[answered]}"
  same "requests published, at the broker and at the counsellors" "$asked" \
    "$((sum[requests] - sum[off_network] - sum[refused]))"
  same "answers at the broker and at the counsellors" "$answered" "${sum[answered]}"
  back=$(for oin in $counsellors; do
    for file in "$play/participants/$oin"/post-*.csv; do [ ! -e "$file" ] || rows "$file"; done
  done | wc -l)
  same "letters that came back, and recorded" "$back" "${sum[recorded]}"
  for oin in $counsellors; do
    [ ! -e "$play/participants/$oin/differs" ] || differ "${names[$oin]} sees another state of a case than the broker"
    [ ! -e "$play/participants/$oin/bad-receipt" ] || differ "${names[$oin]} has a receipt that proves nothing"
  done
}
