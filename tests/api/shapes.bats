# SPDX-License-Identifier: GPL-2.0-or-later
# Every member that typed clients decode is there, with its type.
bats_require_minimum_version 1.5.0
load ../harness/daemon

setup_file() { daemon_setup; }
teardown_file() { daemon_teardown; }

@test "answers have the members and types of the Engine API" {
	command -v python3 >/dev/null || skip "python3 is not installed"
	crun-lite run -d --name shape -p 127.0.0.1::80 -v shapevol:/v busybox sleep 100
	run python3 "$BATS_TEST_DIRNAME/shapes.py" "$CRL/s" shape busybox bridge shapevol
	echo "$output"
	[ "$status" -eq 0 ]
	crun-lite rm -f shape
	crun-lite volume rm shapevol
}
