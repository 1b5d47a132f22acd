# SPDX-License-Identifier: GPL-2.0-or-later
# Many containers, many clients. By name (`./test.sh soak` with SOAK_FULL=1): 200
# containers, 16 clients, ten minutes, dockerd on the same work beside it.
bats_require_minimum_version 1.5.0
load ../harness/daemon

@test "load: no error, no leak, memory flat" {
	command -v docker >/dev/null || skip "no docker client"
	local size=(20 30 8)
	[ -z "${SOAK_FULL:-}" ] || size=(600 200 16)
	run python3 "$BATS_TEST_DIRNAME/load.py" "${size[@]}" "$(busybox_archive)" ${SOAK_FULL:+--beside-docker}
	grep -E '^(not )?ok |^#' <<<"$output" | sed 's/^/# /' >&3
	[ "$status" -eq 0 ]
}
