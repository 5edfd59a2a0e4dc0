#!/usr/bin/env bash
# slow.sh: prints a pattern for `go test -tags slow -run` of the tests that the tag adds, or does more of (faults*_test.go, tampered*_test.go). All other tests
# are the same without it, so .ci/run does not run them again.
set -euo pipefail
cd "$(dirname "$0")/.."
names=$({ grep -rlE '^//go:build .*\bslow\b' --include='*_test.go' .; ls tampered*_test.go pipeline/faults*_test.go; } | sort -u |
  xargs grep -hoE '^func Test[A-Za-z0-9_]+' | cut -c6- | sort -u | paste -sd '|')
echo "^($names)\$"
