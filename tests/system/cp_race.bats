#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# docker cp against a container that means harm (CVE-2018-15664, CVE-2019-14271):
# it exchanges directories and links while files are copied, and offers the
# host's files through /proc. Nothing of the host is read or written.
load ../harness/daemon

setup_file() {
	daemon_setup
	export HOST_DIR=$CRL/host
	mkdir -p "$HOST_DIR"
	echo HOST-SECRET >"$HOST_DIR/f"
	touch -d 2001-01-01 "$HOST_DIR"
}
teardown_file() { daemon_teardown; }
setup() {
	W=$BATS_TEST_TMPDIR
	cd "$W"
}
teardown() {
	ids=$(crun-lite ps -aq)
	# shellcheck disable=SC2086
	[ -z "$ids" ] || crun-lite rm -f $ids >/dev/null
}
# put ID PATH FILE, fetch ID PATH: without a client in between, and fast.
put() { curl -s -o answer -w '%{http_code}\n' -T "$3" -X PUT --unix-socket "$CRL/s" "http://d/containers/$1/archive?path=$2"; }
fetch() { curl -s --unix-socket "$CRL/s" "http://d/containers/$1/archive?path=$2"; }

untouched() {
	[ "$(ls "$HOST_DIR")" = f ]
	[ "$(cat "$HOST_DIR/f")" = HOST-SECRET ]
	[ "$(stat -c %Y "$HOST_DIR")" = "$(date -d 2001-01-01 +%s)" ]
}

# racer LINK-TARGET: a container in which /r/d is a directory and /r/l a link to the
# target, and both change places all the time.
racer() {
	id=$(crun-lite create busybox sh -c "mkdir -p /r/d /r/l.d /r/deep; echo inside >/r/d/f
		ln -s '$1' /r/l; touch /ready; exec /probe exchange /r/d /r/l")
	crun-lite cp -q "$CRUN_LITE_BUILD/tests/system/crl-probe" "$id:/probe"
	crun-lite start "$id" >/dev/null
	wait_until 5 fetch_ok "$id" /ready
}
fetch_ok() { curl -sf -o /dev/null --unix-socket "$CRL/s" "http://d/containers/$1/archive?path=$2"; }

race() {
	local i inside=0 missed=0
	for i in $(seq 1000); do
		fetch "$id" /r/d/f >out.tar
		run grep -ac HOST-SECRET out.tar
		[ "$output" = 0 ]
		if grep -aq inside out.tar; then inside=$((inside + 1)); else missed=$((missed + 1)); fi
		[ "$i" -lt 40 ] || [ $inside -eq 0 ] || [ $missed -eq 0 ] || break
	done
	# Both states were met, or there was no race.
	echo "inside $inside, not $missed"
	[ $inside -gt 0 ]
	[ $missed -gt 0 ]
	fetch "$id" /r >tree.tar
	run grep -ac HOST-SECRET tree.tar
	[ "$output" = 0 ]
	mkdir -p d && echo trap >d/trap && echo trap >trap
	tar -cf in.tar trap
	tar -cf below.tar d/trap
	for i in $(seq 40); do
		put "$id" /r/d in.tar
		put "$id" /r below.tar
	done | sort | uniq -c >statuses
	cat statuses
	grep -q 200 statuses
	untouched
	# The container is none the worse for it.
	[ "$(crun-lite inspect -f '{{.State.Running}}' "$id")" = true ]
}

@test "an absolute link in the place of a directory" {
	racer "$HOST_DIR"
	race
}

@test "a relative link that climbs" {
	racer "../../../../../../../../../../../..$HOST_DIR"
	race
}

@test "a link through /proc: with the host's processes in sight its root is not" {
	id=$(crun-lite run -d --pid host busybox sh -c "ln -s /proc/1/root$HOST_DIR /p; ln -s /proc/1/cwd /c; touch /ready; sleep 1000")
	wait_until 5 fetch_ok "$id" /ready
	echo trap >trap && tar -cf in.tar trap
	for path in "/p/f" "/c/etc/passwd" "/proc/1/root$HOST_DIR/f"; do
		run fetch_ok "$id" "$path"
		[ "$status" -ne 0 ]
	done
	[ "$(put "$id" /p in.tar)" != 200 ]
	[ "$(put "$id" "/proc/1/root$HOST_DIR" in.tar)" != 200 ]
	untouched
}

@test "what the kernel makes is not written to, even by a privileged container's copy" {
	id=$(crun-lite run -d --privileged busybox sleep 1000)
	echo trap >trap && tar -cf in.tar trap
	for path in /proc /proc/sys/kernel /sys /sys/fs/cgroup; do
		s=$(put "$id" $path in.tar)
		echo "$path $s"
		[ "$s" != 200 ]
	done
	[ ! -e /sys/fs/cgroup/trap ]
}

@test "a worker that is killed leaves the container's mounts as they are" {
	id=$(crun-lite run -d -v cp-race:/v --tmpfs /t busybox sleep 1000)
	mounts() { crun-lite exec "$id" cat /proc/mounts; }
	before=$(mounts)
	mkfifo hang
	put "$id" /v hang &
	exec 9>hang
	wait_until 5 pgrep -P "$(daemon_pid)" -f archive-put
	kill -9 "$(pgrep -P "$(daemon_pid)" -f archive-put)"
	exec 9>&-
	wait
	[ "$(mounts)" = "$before" ]
	# Devices and programs still work there: only the worker's copy went without.
	crun-lite exec "$id" sh -c 'echo x >/v/x; echo x >/t/x; cp /bin/busybox /v/b; /v/b true; head -c 1 /dev/zero >/x'
	crun-lite rm -f "$id" >/dev/null
	crun-lite volume rm cp-race
}

@test "a library in the container is not loaded by the worker" {
	# Where a program would look for modules of its C library.
	id=$(crun-lite create busybox true)
	mkdir -p lib/x86_64-linux-gnu
	for m in libnss_files.so.2 libgcc_s.so.1 gconv/gconv-modules; do
		mkdir -p "lib/x86_64-linux-gnu/$(dirname $m)"
		cp "$CRUN_LITE_BUILD/tests/system/crl-evil.so" "lib/x86_64-linux-gnu/$m"
	done
	tar -cf lib.tar lib
	[ "$(put "$id" / lib.tar)" = 200 ]
	[ "$(put "$id" / lib.tar)" = 200 ]
	fetch "$id" / >/dev/null
	curl -s --unix-socket "$CRL/s" -X PUT -T lib.tar "http://d/containers/$id/archive?path=/&copyUIDGID=1"
	run crun-lite diff "$id"
	[[ $output != *"/result"* ]]
}
