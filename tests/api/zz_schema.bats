# SPDX-License-Identifier: GPL-2.0-or-later
# Every route of the API was asked by some test of this level, and every answer
# was held against the types of the Engine API on its way (schema_proxy.py).
# Runs last, by its name: the files before it leave what they saw in the build.
bats_require_minimum_version 1.5.0
load ../harness/daemon

@test "every route was answered, and checked" {
	local seen=$CRUN_LITE_BUILD/schema-seen
	[ -s "$seen" ] && [ "$(sort -u "$seen" | wc -l)" -gt 60 ] || skip "looks at a run of the whole level"
	run -0 python3 "$BATS_TEST_DIRNAME/schema/coverage.py" "$seen" <(crun-lited --print-routes)
	echo "$output" >&3
}
