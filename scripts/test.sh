#!/bin/sh
# Run the test suite, one test at a time: measured, two workers on two cores gain nothing while each starts its own
# servers (`make test ARGS="-n 2"` tries it again). With MUELLE_TEST_REQUIRE_ALL set, as in CI, a skipped test is a failure.
set -eu
cd "$(dirname "$0")/.."
if test -n "${MUELLE_TEST_REQUIRE_ALL:-}"; then
    PYTHONPATH=tests${PYTHONPATH:+:$PYTHONPATH}
    export PYTHONPATH
    set -- -p plugins.no_skips --continue-on-collection-errors "$@"
fi
exec .venv/bin/python -m pytest "$@"
