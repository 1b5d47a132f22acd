# SPDX-License-Identifier: GPL-2.0-or-later
# The fault matrix: each row a fault and what is owed after it. FAULT_DOCKER=1 puts
# what dockerd of the distribution reaches beside it.
bats_require_minimum_version 1.5.0
load ../harness/daemon

@test "the fault matrix: what is owed is reached in every row" {
	command -v docker >/dev/null || skip "no docker client"
	run python3 "$BATS_TEST_DIRNAME/matrix/run.py" ${FAULT_DOCKER:+--beside-docker} ${FAULT_ROWS:+--rows "$FAULT_ROWS"} "$(busybox_archive)"
	grep -E '^(not )?ok |^#' <<<"$output" | sed 's/^/# /' >&3
	[ "$status" -eq 0 ]
}
