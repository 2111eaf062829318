# Sourced by the peers' scripts. Each is called as: tests/bench/peers/NAME BUILD_FOLDER
# From the environment: N letters (84000), WINDOW unconfirmed (1000), BENCH to print (round84k), BENCH_FOLDER whose disk
# is measured (/tmp), STRACE=1 counts syncs of the running server (slow: not for timing).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ $# -eq 1 ] && [ -d "$1/tests/bench/peers" ] || { echo "usage: $0 BUILD_FOLDER" >&2; exit 64; }
clients=$(cd "$1/tests/bench/peers" && pwd)
out=$clients/out
export CERTS=$out/certs
data=
servers=()

# skip REASON: aloud, and told apart from a failure.
skip() {
  echo "SKIPPED: peer=$(basename "$0") bench=${BENCH:-round84k}: $1"
  exit 77
}

# prepare CLIENT COMMAND_OF_THE_SERVER PACKAGES: skips when something is missing; makes certificates and data folder.
prepare() {
  [ -x "$clients/$1" ] || skip "no client library when the tests were built; packages: $3"
  command -v "$2" >/dev/null || [ -x "$2" ] || skip "no $2; packages: $3"
  mkdir -p "$out"
  make_certificates
  data=$(mktemp -d "${BENCH_FOLDER:-/tmp}/skp-peer-XXXXXX")
  chmod 755 "$data"
  trap 'end_servers; rm -rf "$data"' EXIT
}

# A CA, a server and a client: P-256.
make_certificates() {
  local name
  [ ! -e "$CERTS/client.pem" ] || return 0
  mkdir -p "$CERTS"
  (
    cd "$CERTS"
    exec 2>"$out/certs.log"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -subj /CN=benchca -days 365 \
      -keyout ca.key -out ca.pem
    for name in server client; do
      openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -CA ca.pem -CAkey ca.key -days 365 \
        -subj "/CN=$([ "$name" = client ] && echo bench || echo localhost)" \
        -addext 'subjectAltName=DNS:localhost,IP:127.0.0.1' -addext 'extendedKeyUsage=serverAuth,clientAuth' \
        -addext 'basicConstraints=critical,CA:FALSE' -keyout "$name.key" -out "$name.part"
      mv "$name.part" "$name.pem"
    done
  ) || { cat "$out/certs.log" >&2; exit 1; }
  chmod 644 "$CERTS"/*.pem
}

tree_pids() {
  local pid
  for pid in "$@"; do
    echo "$pid"
    # shellcheck disable=SC2046
    tree_pids $(cat "/proc/$pid/task/$pid/children" 2>/dev/null)
  done
}

# serve PORT LOG COMMAND...: starts it, remembers it, waits for its port; its process is $server.
serve() {
  local port=$1 log=$2
  shift 2
  "$@" >"$log" 2>&1 &
  server=$!
  servers+=("$server")
  for _ in $(seq 600); do
    kill -0 "$server" 2>/dev/null || break
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then return 0; fi
    sleep 0.1
  done
  echo "$(basename "$0"): the server is not up; the end of its log:" >&2
  tail -n 20 "$log" >&2
  exit 1
}

end_servers() {
  local root pid pids
  for root in "${servers[@]}"; do
    pids=$(tree_pids "$root")
    kill -INT "$root" 2>/dev/null || true
    for _ in $(seq 100); do
      kill -0 "$root" 2>/dev/null || break
      sleep 0.1
    done
    for pid in $pids; do kill -KILL "$pid" 2>/dev/null || true; done
    wait "$root" 2>/dev/null || true
  done
  servers=()
}

# measure NAME PROCESS DATA_FOLDER DURABLE CLIENT: one line.
measure() {
  local name=$1 process=$2 tracer=
  if [ -n "${STRACE:-}" ]; then
    local -a attach=()
    local pid
    for pid in $(tree_pids "$process"); do attach+=(-p "$pid"); done
    strace -c -f -e trace=fsync,fdatasync,msync,sync_file_range -o "$out/strace-$name" "${attach[@]}" 2>/dev/null &
    tracer=$!
    sleep 1
  fi
  timeout 200 "$here/meter.py" "$name" "${BENCH:-round84k}" "$2" "$3" "$4" "$clients/$5" 2>"$out/$name.log" ||
    { cat "$out/$name.log" >&2; exit 1; }
  if [ -n "$tracer" ]; then
    kill -INT "$tracer"
    wait "$tracer" 2>/dev/null || true
    grep sync "$out/strace-$name" >&2 || echo "no sync at all" >&2
  fi
}
