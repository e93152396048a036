#!/usr/bin/env bash
# All tests, real Docker included. Arguments go to the test runner (for example a test's name).
set -euo pipefail
cd "$(dirname "$0")"
if cargo nextest --version >/dev/null 2>&1; then
  exec cargo nextest run --locked "$@"
fi
# The systems under test share two cores: a few at a time.
exec cargo test --locked "$@" -- --test-threads=2
