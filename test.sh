#!/usr/bin/env bash
# All tests, real Docker included. Arguments go to the test runner (for example a test's name).
set -euo pipefail
cd "$(dirname "$0")"
if cargo nextest --version >/dev/null 2>&1; then
  exec cargo nextest run --locked "$@"
fi
# Only nextest knows which tests want the machine for themselves: without it the integration tests run
# one after the other. A failure in one part does not keep the others from being run.
failed=0
cargo test --locked --lib --bins "$@" || failed=1
cargo test --locked --test it "$@" -- --test-threads=1 || failed=1
exit $failed
