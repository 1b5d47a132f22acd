#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The suites that need the kernel's own say: limits on a pure cgroup v2
# hierarchy and escape attempts on the newest stock kernel, and the limits again
# on Debian 12's 6.1 where the distribution has it. VM_FULL=1: all of
# system, api and e2e on both, an hour under emulation.
cd "$(dirname "$0")/../.." || exit 1
. tests/harness/count.sh
. tests/harness/packages.sh
SHOW_LINES=20
limit=${VM_TIMEOUT:-900}
[ -z "${VM_FULL:-}" ] || { limit=${VM_TIMEOUT:-3600}; export BATS_TIMEOUT=1800; }

# Emulated processors race when the guest's kernel patches its own code ("Oops: int3" at a jump
# label): that run says nothing about us, and is repeated once.
vm() {
	local out status
	out=$(mktemp)
	tests/vm/run.sh "$@" >"$out" 2>&1
	status=$?
	if [ $status -ne 0 ] && grep -q 'Oops: int3' "$out"; then
		echo "vm: the emulated kernel stumbled over its own patching; once more"
		tests/vm/run.sh "$@" >"$out" 2>&1
		status=$?
	fi
	cat "$out"
	rm -f "$out"
	return $status
}

count_script "vm, newest kernel" vm -t "$limit" bash tests/vm/inside.sh
if apt-cache search --names-only '^linux-image-6\.1\.0-.*cloud-amd64$' | grep -q .; then
	[ -n "${VM_FULL:-}" ] || export VM_ONLY=1
	# The machine sees the host's programs; Debian 12's criu works on its own kernel.
	need_packages criu || echo "vm, kernel 6.1: no criu, its tests are skipped"
	count_script "vm, kernel 6.1" vm -k 'image-6\.1\.0' -t "$limit" bash tests/vm/inside.sh
else
	echo "vm, kernel 6.1: this distribution has no such package"
fi
count_summary
