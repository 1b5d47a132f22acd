# SPDX-License-Identifier: GPL-2.0-or-later
# The monitor with real containers and no daemon: monitor_harness.py plays it.
# And crun-lite-init, alone.

bats_require_minimum_version 1.5.0

setup_file() {
	here=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	export CRL_MONITOR_DIR=${CRUN_LITE_BUILD:-$here/build}/src/monitor
}

harness() {
	[ -x /bin/busybox ] || skip "busybox-static is not installed"
	[ "$(id -u)" = 0 ] || skip "needs root"
	"$BATS_TEST_DIRNAME/monitor_harness.py" "$CRL_MONITOR_DIR/crun-lite-monitor" --real /bin/busybox "$@"
}

@test "life of a container: exit codes, records, failures, daemons that come and go" { harness life; }
@test "attach: framing, half close, slow, stalled and vanished clients" { harness streams; }
@test "terminals: size, input, detach keys" { harness terminals; }
@test "exec: output, codes, terminals, nothing is left" { harness exec; }
@test "log: format, long lines, rotation" { harness log; }
@test "faults at every step of the start" { harness faults; }
@test "memory of a running monitor" { harness cost; }

init() { "$CRL_MONITOR_DIR/crun-lite-init" "$@"; }

@test "init: the command's code, 128+n, 126 and 127" {
	run init sh -c 'exit 42'
	[ "$status" = 42 ]
	run init -- sh -c 'kill -9 $$'
	[ "$status" = 137 ]
	run -127 init /nonexistent
	run init /etc
	[ "$status" = 126 ]
	run init
	[ "$status" = 125 ]
}

wait_for_file() {
	for _ in $(seq 100); do
		[ -e "$1" ] && return 0
		sleep 0.05
	done
	return 1
}

@test "init: hands signals on" {
	local status=0
	"$CRL_MONITOR_DIR/crun-lite-init" sh -c 'trap "exit 33" TERM; touch "$0"
		while :; do sleep 0.05; done' "$BATS_TEST_TMPDIR/ready" &
	wait_for_file "$BATS_TEST_TMPDIR/ready"
	kill -TERM $!
	wait $! || status=$?
	[ $status = 33 ]
}

@test "init: -g hands signals to the whole group" {
	local status=0
	"$CRL_MONITOR_DIR/crun-lite-init" -g sh -c '
		sh -c "trap \"echo child; exit\" USR1; touch $0.child; while :; do sleep 0.05; done" &
		trap "wait; exit 5" USR1; touch "$0"; while :; do sleep 0.05; done' \
		"$BATS_TEST_TMPDIR/ready" >"$BATS_TEST_TMPDIR/out" 2>&1 &
	wait_for_file "$BATS_TEST_TMPDIR/ready"
	wait_for_file "$BATS_TEST_TMPDIR/ready.child"
	kill -USR1 $!
	wait $! || status=$?
	[ $status = 5 ]
	grep -q child "$BATS_TEST_TMPDIR/out"
}

@test "init: reaps orphans, ends with its command" {
	run init sh -c '(sleep 0.1; exit 3) & (sh -c "sleep 0.2 & exit 0"); sleep 0.6
		ps -o stat= --ppid "$PPID" | grep -c Z || true'
	[ "$status" = 0 ]
	[ "$output" = 0 ]
}

@test "init: static and small" {
	run ldd "$CRL_MONITOR_DIR/crun-lite-init"
	[[ "$output" == *"not a dynamic executable"* ]]
}
