# shellcheck shell=bash disable=SC2154
# The days of a round, as broker/run plays them: creditors collect and answer, letters come back, terms end.
# Sourced by broker/run, whose functions and variables it uses.

# Daily while digital answers come in, every second Friday while only letters do; the last day is 120 calendar days
# after the first.
first_day=2026-11-02 # a Monday
daily_days=42
last_day=120

day_after() { date -u -d "$first_day + $1 days" +"$2"; }

# The days on which somebody looks: "2026-11-03 2 03-11-2026 Tue 1", the last: whether it is still daily.
stops() {
  local n weekday daily
  for n in $(seq 0 "$last_day"); do
    weekday=$((n % 7 + 1))
    daily=$((n < daily_days))
    if [ "$n" -eq "$last_day" ] || [ $((n % 14)) -eq 4 ] || { [ "$daily" -eq 1 ] && [ "$weekday" -lt 6 ]; }; then
      day_after "$n" "%F %u %d-%m-%Y %a $daily"
    fi
  done
}

# Participants in whose mailbox something waits; on some days nobody.
with_mail() {
  ctl --json mailbox list | { grep -o '"participant":"[^"]*","mailbox":"[^"]*","waiting":[1-9]' || [ $? -eq 1 ]; } |
    cut -d'"' -f4
}

# creditor_day OIN: collects when there is mail, answers what comes from its desk behind $after until $today.
creditor_day() {
  local dir=$play/participants/$1 out=$play/participants/$1/antwoord-$today.csv
  local said
  local -a lists
  if [ "$daily" -eq 1 ] && [[ $mail == *"$1"* ]]; then
    named "$1" skp "$1" creditor collect --out "$dir" >>"$dir/play.log"
  fi
  lists=("$dir"/saldolijst-*.csv)
  [ -e "${lists[0]}" ] && [ ! -e "$dir/nothing-left-${#lists[@]}" ] || return 0
  said=$("$bin/skp-sim" --json answers --seed "$seed" --creditor "$1" --after "$after" --until "$today" "${lists[@]}" "$out")
  [[ $said != *'"rows_later": 0,'* ]] || touch "$dir/nothing-left-${#lists[@]}"
  [ -e "$out" ] || return 0
  named "$1" skp "$1" creditor answer "$out" --result "$dir/resultaat-$today.csv" >>"$dir/play.log"
}

# counsellor_post OIN: opens what came, writes down the letters since $posted, counts.
counsellor_post() {
  local dir=$play/participants/$1 out=$play/participants/$1/post-$today.csv
  if [[ $mail == *"$1"* ]]; then skp "$1" counsellor watch --once --out "$dir" >>"$dir/play.log"; fi
  "$bin/skp-sim" letters --seed "$seed" --counsellor "$1" --sent "$first_day" --after "$posted" --until "$today" \
    "$dir/brieven.csv" "$play/world/counsellor-$1/aanmelding.csv" "$out"
  if [ -e "$out" ]; then
    named "$1" skp "$1" counsellor record-answer "$out" --result "$dir/resultaat-post-$today.csv" >>"$dir/play.log"
  fi
  skp "$1" --json counsellor report >"$dir/report.json"
}

# stored FILE...: in these result files, how many requests were stored. Files need not be there.
stored() {
  local file
  local -a files=()
  for file in "$@"; do [ ! -e "$file" ] || files+=("$file"); done
  [ ${#files[@]} -gt 0 ] || { echo 0; return; }
  awk -F';' 'FNR > 1 && ($4 == "aangemeld" || $4 == "verwerkt") { print $9 }' "${files[@]}" | sort -u | wc -l
}

count_lists() { find "$play/participants" -name 'saldolijst-*.csv' | wc -l; }

# figure NAME FILE: a number of a JSON report.
figure() {
  [[ $(<"$2") =~ \"$1\":\ ?([0-9]+) ]] && echo "${BASH_REMATCH[1]}"
}

sum_of() {
  local oin sum=0
  for oin in $counsellors; do sum=$((sum + $(figure "$1" "$play/participants/$oin/report.json"))); done
  echo "$sum"
}

# One day; on Fridays, and at the end, the counsellors do their post. Later, creditors leave the empty overviews
# that still come for the end.
play_day() {
  local lists answers post line daily=$4
  lists=$(count_lists)
  ctl clock advance --to "${today}T17:00" >/dev/null
  mail=$(with_mail)
  all creditor_day <<<"$creditors"
  lists=$(($(count_lists) - lists))
  answers=$(stored "$play"/participants/*/"resultaat-$today.csv")
  line=$(printf '%s %s %6d lists collected %6d answers' "$2" "$3" "$lists" "$answers")
  if [ "$1" -eq 5 ] || [ "$today" = "$(day_after "$last_day" %F)" ]; then
    all counsellor_post <<<"$counsellors"
    post=$(stored "$play"/participants/*/"resultaat-post-$today.csv")
    posted=$today
    say "$line $(printf '%6d by letter; %d of %d cases complete, %d requests overdue' "$post" \
      "$(sum_of cases_complete)" "$cases" "$(sum_of overdue)")"
  elif [ $((lists + answers)) -gt 0 ]; then
    say "$line"
  fi
}

play_days() {
  local weekday shown name daily
  after=$(day_after -1 %F) posted=$after
  while read -r today weekday shown name daily; do
    play_day "$weekday" "$name" "$shown" "$daily"
    after=$today
  done < <(LC_ALL=C stops)
}
