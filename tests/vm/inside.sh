#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs in the test machine; ends with a line of counts for run-all.sh.
# VM_ONLY: only tests/vm; VM_FULL: all suites that need the kernel's own say.
cd "$(dirname "$0")/../.." || exit 1
. tests/harness/count.sh
echo "kernel $(uname -r), cgroup2 with $(cat /sys/fs/cgroup/cgroup.controllers)"
# The suites' folders are read-only lower files here; temporary ones go to memory.
export TMPDIR=/tmp
run_bats tests/vm
if [ -n "${VM_FULL:-}" ]; then
	run_bats tests/system
	run_bats tests/api
	run_bats tests/e2e
elif [ -z "${VM_ONLY:-}" ]; then
	# Those where the kernel has most to say; all of them take minutes under emulation.
	BATS_FILTER='capabilities|exactly one|pivot_root|kernel handles|masked|devices:|keyrings: the|TIOCSTI'
	BATS_FILTER+='|new namespaces|sysctl|cgroup:|namespaces: each|cannot overwrite'
	BATS=${BATS:-runtime_escape} BATS_FILTER=$BATS_FILTER run_bats tests/system
	# What kernels of build machines lack: VLANs, dummy and ipvlan links, project quotas.
	BATS=api/macvlan BATS_FILTER='VLAN|dummy|ipvlan' run_bats tests/api
	BATS=api/create BATS_FILTER='storage-opt' run_bats tests/api
fi
count_summary
