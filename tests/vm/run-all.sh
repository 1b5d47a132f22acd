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

count_script "vm, newest kernel" tests/vm/run.sh -t "$limit" bash tests/vm/inside.sh
if apt-cache search --names-only '^linux-image-6\.1\.0-.*cloud-amd64$' | grep -q .; then
	[ -n "${VM_FULL:-}" ] || export VM_ONLY=1
	# The machine sees the host's programs; Debian 12's criu works on its own kernel.
	need_packages criu || echo "vm, kernel 6.1: no criu, its tests are skipped"
	count_script "vm, kernel 6.1" tests/vm/run.sh -k 'image-6\.1\.0' -t "$limit" bash tests/vm/inside.sh
else
	echo "vm, kernel 6.1: this distribution has no such package"
fi
count_summary
