#!/usr/bin/env bash
# fuzz.sh TIME [PATTERN]: runs every fuzz target whose "package target" matches PATTERN for TIME (30s, 5m, …), one after the
# other, and prints a table at the end. Minimising is limited, because it would take the whole time for inputs of more than a few kB. The
# address space is limited to MEMORY kB (8000000). An input that never finishes is reported when TIME is over.
set -uo pipefail
cd "$(dirname "$0")/.."
time=${1:-30s} pattern=${2:-.}
ulimit -v "${MEMORY:-8000000}"
log=$(mktemp) table="" failed=0
trap 'rm -f "$log"' EXIT
targets=$(grep -rlE '^func Fuzz[A-Z]' --include='*_test.go' . | sort | while read -r file; do
  grep -ohE '^func Fuzz[A-Za-z0-9_]+' "$file" | sed "s|^func |./$(dirname "${file#./}") |"
done | grep -E -- "$pattern")
while read -r package target; do
  echo "== $package $target"
  found=nothing
  if ! go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 5x "$package" 2>&1 | tee "$log"; then
    found="a failure" failed=1
  fi
  table+="| \`$target\`, $package | $(grep -oE 'execs: [0-9]+' "$log" | tail -1 | cut -d' ' -f2) | $found |"$'\n'
done <<<"$targets"
printf '| target | executions | found |\n|---|---|---|\n%s' "$table"
exit $failed
