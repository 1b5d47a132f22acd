# SPDX-License-Identifier: GPL-2.0-or-later
# Agents of clusters that the distribution does not package: their calls replayed
# in their order, one program per agent; each insists on what the agent insists on.
bats_require_minimum_version 1.5.0
load ../harness/daemon

setup_file() { daemon_setup; }
teardown_file() { daemon_teardown; }

replay() {
	run timeout 200 python3 "$BATS_TEST_DIRNAME/agents/$1.py" "$CRL/s"
	grep -E '^(not )?ok |^#' <<<"$output" | sed 's/^/# /' >&3
	[ "$status" -eq 0 ]
}

@test "Nomad's docker driver" { replay nomad; }
@test "the Amazon ECS agent and ecs-init" { replay ecs_agent; }
@test "cri-dockerd under a kubelet" { replay cri_dockerd; }
@test "docker compose v2" { replay compose_v2; }
