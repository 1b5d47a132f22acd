#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The suites that need the kernel's own say: limits on a pure cgroup v2
# hierarchy, and the runtime's isolation tests again on a stock kernel.
cd "$(dirname "$0")/../.." || exit 1
exec tests/vm/run.sh -t "${VM_TIMEOUT:-900}" bash tests/vm/inside.sh
