#!/usr/bin/env bash
# fuzz.sh TIME: runs every fuzz target of the project for TIME (30s, 5m, …), one after the other. Minimising is bounded, since
# for inputs of more than a few kB it would take the whole time.
set -euo pipefail
cd "$(dirname "$0")/.."
time=${1:-30s}
grep -rlE '^func Fuzz[A-Z]' --include='*_test.go' . | sort | while read -r file; do
  package=./$(dirname "${file#./}")
  grep -ohE '^func Fuzz[A-Za-z0-9_]+' "$file" | awk '{print $2}' | while read -r target; do
    echo "== $package $target"
    go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 5x "$package"
  done
done
