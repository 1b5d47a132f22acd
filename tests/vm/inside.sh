#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs in the test machine; ends with a line of counts for test.sh.
cd "$(dirname "$0")/../.." || exit 1
. tests/harness/count.sh
echo "kernel $(uname -r), cgroup2 with $(cat /sys/fs/cgroup/cgroup.controllers)"
# The suites' folders are read-only lower files here; temporary ones go to memory.
export TMPDIR=/tmp
run_bats tests/vm
[ -n "${VM_ONLY:-}" ] || run_bats tests/system
count_summary
