#!/usr/bin/env bash
# Measures how long the native agent takes to start and to check, and how much memory a check needs. Ends with 1 where a bar is not met.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

usage() {
  cat <<'TEXT'
usage: bench/agent.sh [--runs N] [PROGRAM]

  PROGRAM    the program to measure; without it the native form is published first
  --runs N   runs of each command, after five that do not count (100)

The platform is an endpoint of this machine that answers at once (bench/BareProxy), so that what is measured is the agent. With
ENVPLATFORM_URL, ENVPLATFORM_TOKEN, ENVPLATFORM_ORG and ENVPLATFORM_MACHINE_ID set, a check of that platform is measured as well.
Needs hyperfine and GNU time, and means something on idle cores only.
TEXT
}

fail() {
  echo "bench/agent.sh: $*" >&2
  exit 64
}

runs=100 program=
while [[ $# -gt 0 ]]; do
  case $1 in
    --runs)
      [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || fail "--runs needs a number"
      runs=$2
      shift 2
      ;;
    --help | -h) usage; exit 0 ;;
    -*) fail "Unknown option $1; see bench/agent.sh --help" ;;
    *) program=$1; shift ;;
  esac
done
command -v hyperfine >/dev/null || fail "hyperfine is missing"
[[ -x /usr/bin/time ]] || fail "/usr/bin/time is missing"
[[ -z $program ]] || program=$(realpath -e -- "$program")

work=$(mktemp -d)
server=
stop() {
  [[ -z $server ]] || { kill "$server" && wait "$server"; } 2>/dev/null || true
  server=
}
trap 'stop; rm -rf "$work"' EXIT

if [[ -z $program ]]; then
  "$root/eng/agent.sh" --form native "$root/artifacts/agent-bench"
  program=$root/artifacts/agent-bench/envplatform
fi
dotnet build "$root/bench/BareProxy" -c Release -v quiet -tl:off "-clp:NoSummary;ErrorsOnly" -nodeReuse:false \
  -p:UseSharedCompilation=false >&2 </dev/null

port=$((20000 + RANDOM % 10000))
while (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
  port=$((port + 1))
done
dotnet "$root/artifacts/bin/BareProxy/release/EnvPlatform.BareProxy.dll" empty "http://127.0.0.1:$port" >/dev/null 2>&1 </dev/null &
server=$!
for _ in {1..100}; do
  (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
  sleep 0.1
done

given_url=${ENVPLATFORM_URL:-}
agent=(env "ENVPLATFORM_CACHE=$work/cache" "ENVPLATFORM_SETTINGS=$work/settings.json" "ENVPLATFORM_URL=http://127.0.0.1:$port" \
  ENVPLATFORM_TOKEN=envp_bench
  ENVPLATFORM_ORG=acme ENVPLATFORM_MACHINE_ID=0192f0c1-0000-7000-8000-000000000001
  # A check of this platform is never to be answered from the cache because it was slow.
  ENVPLATFORM_CHECK_TIMEOUT_MS=10000)
status=0
printf '%-34s %10s %10s %10s %12s\n' measured minimum median bar memory

# measure NAME BAR_MS COMMAND...
measure() {
  local name=$1 bar=$2 memory csv minimum median
  shift 2
  memory=$(/usr/bin/time -f %M "$@" 2>&1 >/dev/null | tail -n 1)
  csv=$(hyperfine -N -i --warmup 5 --runs "$runs" --export-csv /dev/stdout --style none "$(printf '%q ' "$@")" 2>/dev/null \
    | grep -A 1 '^command,' | tail -n 1)
  # command,mean,stddev,median,user,system,min,max, in seconds; a command may hold commas.
  read -r minimum median < <(awk -F, '{ printf "%.1f %.1f\n", $(NF - 1) * 1000, $(NF - 4) * 1000 }' <<<"$csv")
  printf '%-34s %7s ms %7s ms %7s ms %9s MB\n' "$name" "$minimum" "$median" "$bar" \
    "$(awk '{ printf "%.1f", $1 * 1024 / 1e6 }' <<<"$memory")"
  awk -v median="$median" -v bar="$bar" -v memory="$memory" 'BEGIN { exit !(median <= bar && memory * 1024 <= 15e6) }' || status=1
}

measure "--version" 20 "${agent[@]}" "$program" --version
"${agent[@]}" "$program" check --prefix /envs/bench --json | grep -q '"source":"platform"' \
  || fail "the check was not answered by the endpoint"
measure "check, answered by the platform" 60 "${agent[@]}" "$program" check --prefix /envs/bench
stop
"${agent[@]}" "$program" check --prefix /envs/bench --json 2>/dev/null | grep -q '"source":"cache"' \
  || fail "the check was not answered from the cache"
measure "check, answered from the cache" 20 "${agent[@]}" "$program" check --prefix /envs/bench
if [[ -n $given_url ]]; then
  measure "check of $given_url" 60 env "ENVPLATFORM_CACHE=$work/cache" ENVPLATFORM_CHECK_TIMEOUT_MS=10000 "$program" check \
    --prefix /envs/bench
fi
[[ $status == 0 ]] || echo "Not all bars are met: are the cores idle?" >&2
exit $status
