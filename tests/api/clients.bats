# SPDX-License-Identifier: GPL-2.0-or-later
# Clients that nobody here wrote, unchanged. Each program prints what it tried; a
# failing line fails the test here, and the list goes to the terminal.
bats_require_minimum_version 1.5.0
load ../harness/daemon

setup_file() { daemon_setup; }
teardown_file() { daemon_teardown; }
teardown() {
	# What a failed client left must not fail the next.
	ids=$(crun-lite ps -aq)
	[ -z "$ids" ] || crun-lite rm -f $ids
	crun-lite network prune -f >/dev/null
}

# modules: node_modules with the versions of package.json, fetched once per build folder.
modules() {
	local to=$CRUN_LITE_BUILD/npm
	command -v npm >/dev/null || skip "npm is not installed"
	mkdir -p "$to"
	cp "$BATS_TEST_DIRNAME/clients/package.json" "$to/"
	[ -d "$to/node_modules/testcontainers" ] ||
		(cd "$to" && npm install --ignore-scripts --no-audit --no-fund --no-package-lock) >"$CRL/npm.log" 2>&1 ||
		skip "the npm registry is out of reach: $(tail -n 1 "$CRL/npm.log")"
	export NODE_PATH=$to/node_modules
}

tells() {
	run "$@"
	grep -E '^(not )?ok |^#' <<<"$output" | sed 's/^/# /' >&3
	[ "$status" -eq 0 ]
}

@test "python3-docker of the distribution" {
	python3 -c 'import docker' 2>/dev/null || skip "python3-docker is not installed"
	tells timeout 300 python3 "$BATS_TEST_DIRNAME/clients/sdk.py"
}

@test "dockerode from npm" {
	modules
	tells timeout 300 node "$BATS_TEST_DIRNAME/clients/dockerode.js" "$CRL/s"
}

@test "testcontainers from npm" {
	modules
	tells timeout 600 node "$BATS_TEST_DIRNAME/clients/testcontainers.js"
}
