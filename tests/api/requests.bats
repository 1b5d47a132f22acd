#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Bad requests to every route: wrong ids, types, methods, bodies that are broken, huge, slow or cut off.
load ../harness/daemon

NO_SCHEMA=1 # watches the daemon's own descriptors
setup_file() { daemon_setup; }
teardown_file() { daemon_teardown; }

@test "every route refuses what is wrong, and nobody else waits" {
	run bash -c "crun-lited --print-routes | timeout 280 python3 '$TOP/tests/api/requests.py' '$CRL/s' $(daemon_pid) '$TOP/tests/api/schema/engine-api.json'"
	echo "$output"
	[ "$status" -eq 0 ]
}
