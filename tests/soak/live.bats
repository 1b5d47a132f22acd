# SPDX-License-Identifier: GPL-2.0-or-later
# Twenty running containers, fifty kills of the daemon under work, nothing lost.
bats_require_minimum_version 1.5.0
load ../harness/daemon

@test "live restore: 50 kills under work lose no process, line, code or session" {
	command -v docker >/dev/null || skip "no docker client"
	run timeout 300 python3 "$BATS_TEST_DIRNAME/live.py" 50 20 "$(busybox_archive)"
	grep -E '^(not )?ok ' <<<"$output" | sed 's/^/# /' >&3
	[ "$status" -eq 0 ]
}
