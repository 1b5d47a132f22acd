# SPDX-License-Identifier: GPL-2.0-or-later
# A daemon for a .bats file: private roots and socket, a busybox image, and a
# leak check at the end. Load with `load ../harness/daemon`, then
#
#	setup_file() { daemon_setup; }       # start, load busybox
#	teardown_file() { daemon_teardown; } # stop, remove, compare with before
#
# In tests/api every answer passes a proxy that holds it against the types of
# the Engine API (schema_proxy.py); a complaint fails the file. NO_SCHEMA=1 before
# `daemon_setup` leaves it out, for files that measure time or look at the socket.
#
# Exports: CRL (work folder), CRUN_LITE_HOST, DOCKER_HOST, DATA_ROOT, EXEC_ROOT,
# DAEMON_PID; PATH holds the programs of the build under test.

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
: "${CRUN_LITE_BUILD:=$TOP/build}"
export CRUN_LITE_BUILD TOP
export CRUN_LITE_LIBEXEC=${CRUN_LITE_LIBEXEC:-$CRUN_LITE_BUILD/src/worker:$CRUN_LITE_BUILD/src/monitor:$CRUN_LITE_BUILD/src/tls:$CRUN_LITE_BUILD/src/dns}
PATH=$CRUN_LITE_BUILD/src/cli:$CRUN_LITE_BUILD/src/daemon:$CRUN_LITE_BUILD/runtime:$PATH
. "$TOP/tests/harness/leaks.sh"

# daemon_start: (re)starts the daemon on the roots of this file; fails when it does not answer.
daemon_start() {
	crun-lited --data-root "$DATA_ROOT" --exec-root "$EXEC_ROOT" -H "${CRL_LISTEN:-$CRUN_LITE_HOST}" \
		--pidfile "$CRL/daemon.pid" "$@" >>"$CRL/daemon.log" 2>&1 3>&- &
	export DAEMON_PID=$!
	echo $DAEMON_PID >"$CRL/daemon-pid"
	local i
	for i in $(seq 200); do
		curl -fsS --unix-socket "$CRL/s" http://d/_ping >/dev/null 2>&1 && return 0
		kill -0 $DAEMON_PID 2>/dev/null || break
		sleep 0.05
	done
	cat "$CRL/daemon.log" >&2
	return 1
}

# daemon_pid: of the running daemon, also from another bats process.
daemon_pid() { cat "$CRL/daemon-pid"; }

# daemon_stop [SIGNAL]: ends it and waits until it is gone.
daemon_stop() {
	local pid
	pid=$(daemon_pid)
	kill "-${1:-TERM}" "$pid" 2>/dev/null
	for _ in $(seq 200); do
		kill -0 "$pid" 2>/dev/null || return 0
		# A killed child of ours stays a zombie until it is reaped.
		[ "$(awk '/^State/{print $2}' "/proc/$pid/status" 2>/dev/null)" = Z ] && return 0
		sleep 0.05
	done
	return 1
}

# busybox_archive: path of the fixture, made once per build folder.
busybox_archive() {
	local out=$CRUN_LITE_BUILD/busybox.tar
	[ -s "$out" ] || { "$TOP/rootfs-fixtures/busybox.sh" "$out.$$" >/dev/null && mv "$out.$$" "$out"; }
	echo "$out"
}

# schema_start: from now on clients reach the daemon through the proxy.
schema_start() {
	export CRL_LISTEN=unix://$CRL/s.daemon
	# Not in the folder of the test: that is gone when the proxy's findings are looked at last.
	export SCHEMA_REPORT=$CRL.schema
	: >"$SCHEMA_REPORT"
	python3 "$TOP/tests/harness/schema_proxy.py" "$CRL/s" "$CRL/s.daemon" "$SCHEMA_REPORT" 3>&- 2>>"$CRL/proxy.log" &
	echo $! >"$CRL/proxy-pid"
	for _ in $(seq 200); do
		[ -S "$CRL/s" ] && return 0
		sleep 0.05
	done
	cat "$CRL/proxy.log" >&2
	return 1
}

# schema_stop: fails when an answer was not as the API says. Adds what was seen to schema-seen of the build.
schema_stop() {
	[ -n "${SCHEMA_REPORT:-}" ] || return 0
	kill "$(cat "$CRL/proxy-pid")"
	grep -v '^!' "$SCHEMA_REPORT" >>"$CRUN_LITE_BUILD/schema-seen" || true
	if grep '^!' "$SCHEMA_REPORT" >"$CRL.complaints"; then
		echo "answers that are not as the Engine API says:" >&3
		cat "$CRL.complaints" >&3
		rm -f "$SCHEMA_REPORT" "$CRL.complaints"
		return 1
	fi
	rm -f "$SCHEMA_REPORT" "$CRL.complaints"
}

daemon_setup() {
	# /data: the ext4 disk of the test machine; the fs below /tmp there is no place for an overlay.
	local base=${TMPDIR:-/tmp}
	[ -d /data ] && [ "$(stat -f -c %T /data)" = ext2/ext3 ] && [ "$(hostname)" = crun-lite-vm ] && base=/data
	export CRL DATA_ROOT EXEC_ROOT CRUN_LITE_HOST DOCKER_HOST
	CRL=$(mktemp -d "$base/crl.XXXXXX")
	DATA_ROOT=$CRL/data EXEC_ROOT=${EXEC_ROOT:-$CRL/run}
	CRUN_LITE_HOST=unix://$CRL/s
	DOCKER_HOST=$CRUN_LITE_HOST
	leak_snapshot "$CRL" >"$CRL.before"
	if [ "$(basename "${BATS_TEST_DIRNAME:-}")" = api ] && [ -z "${NO_SCHEMA:-}" ]; then
		schema_start || return 1
	fi
	daemon_start "$@" || return 1
	crun-lite load -q -i "$(busybox_archive)" >/dev/null
	crun-lite network inspect -f '{{index .Options "com.docker.network.bridge.name"}}' bridge 2>/dev/null |
		sed -n 's/^crl//p' >"$CRL.suffix"
}

# Removes all containers by docker's client, for teardown().
containers_gone() {
	local ids
	ids=$(docker ps -aq)
	# shellcheck disable=SC2086
	[ -z "$ids" ] || docker rm -f -v $ids >/dev/null
}

daemon_teardown() {
	[ -n "${CRL:-}" ] || return 0
	local ids status=0
	ids=$(crun-lite ps -aq 2>/dev/null)
	# shellcheck disable=SC2086
	[ -z "$ids" ] || crun-lite rm -f $ids >/dev/null 2>&1
	daemon_stop || status=1
	schema_stop || status=1
	# The kernel takes namespaces, and the links in them, apart in the background.
	for _ in $(seq 30); do
		leak_snapshot "$CRL" >"$CRL.after"
		leak_compare "$CRL.before" "$CRL.after" "$(cat "$CRL.suffix")" >/dev/null 2>&1 && break
		sleep 0.1
	done
	leak_compare "$CRL.before" "$CRL.after" "$(cat "$CRL.suffix")" >&3 2>&1 || status=1
	[ $status -eq 0 ] || tail -n 20 "$CRL/daemon.log" >&3
	rm -rf "$CRL" "$CRL.before" "$CRL.after" "$CRL.suffix" || status=1
	return $status
}

# process_lives PID: a zombie does not count, the test machine's init may be slow to reap.
process_lives() {
	local state
	state=$(awk '/^State/ {print $2}' "/proc/$1/status" 2>/dev/null)
	[ -n "$state" ] && [ "$state" != Z ] && [ "$state" != X ]
}

# wait_until SECONDS COMMAND...: polls until the command succeeds.
wait_until() {
	local end=$(($(date +%s) + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s)" -lt $end ] || return 1
		sleep 0.05
	done
}
