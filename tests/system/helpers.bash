# Shared by the bats files of this folder: a busybox root, a bundle, one call to run it.
# shellcheck shell=bash

BUILD="${CRUN_LITE_BUILD:-$BATS_TEST_DIRNAME/../../build}"
RUNTIME="$BUILD/runtime/crun-lite-runtime"
PROBE="$BUILD/tests/system/crl-probe"

# A root file system in $1: busybox with its links, users, and the probe. Made once for a run of
# bats and copied: its 400 links are too many forks for an emulated machine.
make_rootfs() {
	local master=${BATS_RUN_TMPDIR:?}/rootfs
	if [ ! -d "$master" ]; then
		mkdir -p "$master.new"/{bin,etc,root,tmp,home/bob}
		cp "$(command -v busybox)" "$master.new/bin/busybox"
		busybox --list | python3 -c 'import os, sys
for name in sys.stdin.read().split():
    if name != "busybox":
        os.symlink("busybox", sys.argv[1] + "/" + name)' "$master.new/bin"
		cp "$PROBE" "$master.new/bin/probe"
		printf 'root:x:0:0:root:/root:/bin/sh\nbob:x:1000:1000:Bob:/home/bob:/bin/sh\n' >"$master.new/etc/passwd"
		printf 'root:x:0:\nwheel:x:10:root,bob\nbob:x:1000:\n' >"$master.new/etc/group"
		mv "$master.new" "$master"
	fi
	mkdir -p "$1"
	cp -a "$master/." "$1/"
}

# A bundle in $WORK/bundle with a writable root, no terminal.
make_bundle() {
	WORK="$(mktemp -d "${TMPDIR:-/tmp}/crl-system.XXXXXX")"
	ROOT="$WORK/state"
	BUNDLE="$WORK/bundle"
	ROOTFS="$BUNDLE/rootfs"
	ID="t$$-$RANDOM"
	make_rootfs "$ROOTFS"
	"$RUNTIME" spec -b "$BUNDLE"
	configure '.process.terminal=false | .root.readonly=false | .process.args=["true"]'
}

# Changes config.json by a jq filter.
configure() {
	jq "$@" <"$BUNDLE/config.json" >"$BUNDLE/config.new" &&
		mv "$BUNDLE/config.new" "$BUNDLE/config.json"
}

rt() { "$RUNTIME" --root "$ROOT" "$@"; }

# Runs a shell script in a fresh container; the global `bundle_args` go to `run`.
in_container() {
	configure --arg s "$1" '.process.args=["sh","-c",$s]'
	run rt run -b "$BUNDLE" "$ID"
}

# Runs a program with its words in a fresh container.
container_exec() {
	configure '.process.args=$ARGS.positional' --args "$@"
	run rt run -b "$BUNDLE" "$ID"
}

# A container "sleep" that runs in the background, for exec tests.
start_background() {
	configure '.process.args=["sleep","100"]'
	rt run -d -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1 3>&-
}

remove_all() {
	[ -n "${WORK:-}" ] || return 0
	local id
	for id in $(ls "$ROOT" 2>/dev/null); do rt delete --force "$id" >/dev/null 2>&1 || true; done
	rm -rf --one-file-system "$WORK"
}

# Fails when the command succeeds. (bash's "!" does not end a test, unless it is the last line.)
refute() {
	if "$@"; then return 1; fi
}
