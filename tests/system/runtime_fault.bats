#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Each step of a start fails, or the process doing it is killed: the error names
# the step, and nothing is left. Needs a build with -Dfailpoints=true.

load helpers

setup() {
	make_bundle
	CRUN_LITE_FAIL="rt.check=error(EIO)" rt run -b "$BUNDLE" "$ID" >/dev/null 2>&1 &&
		skip "this build has no failpoints: meson -Dfailpoints=true"
	configure '.process.rlimits=[{"type":"RLIMIT_CORE","soft":0,"hard":0}] | .root.readonly=true
		| .linux.sysctl={"kernel.msgmax":"4096"}'
}
teardown() { remove_all; }

# The names of all steps that this start makes, from its own narration.
steps() { rt run --explain -b "$BUNDLE" "$ID" 2>&1 | sed -n 's/^ *[0-9]* us  \(rt\.[a-z_]*\) .*/\1/p'; }

nothing_left() {
	[ ! -e "$ROOT/$ID" ]
	[ -z "$(find /sys/fs/cgroup -maxdepth 4 -name "$ID" 2>/dev/null)" ]
	refute grep -q "$WORK" /proc/self/mountinfo
	refute pgrep -f "run -b $BUNDLE"
}

@test "every step: an error names the step and leaves nothing" {
	local s n=0
	for s in $(steps) rt.exec; do
		run env "CRUN_LITE_FAIL=$s=error(ENOSPC)" "$RUNTIME" --root "$ROOT" run -b "$BUNDLE" "$ID"
		[ "$status" -ne 0 ]
		[[ "$output" == *"failpoint $s"*"No space left"* ]]
		nothing_left
		n=$((n + 1))
	done
	[ "$n" -ge 25 ]
}

@test "every step after which the process is killed: delete --force leaves nothing" {
	local s
	for s in $(steps); do
		run timeout 10 env "CRUN_LITE_FAIL=$s=after:kill" "$RUNTIME" --root "$ROOT" run -b "$BUNDLE" "$ID"
		[ "$status" -ne 0 ]
		[ "$status" -ne 124 ]
		rt delete --force "$ID"
		nothing_left
	done
}
