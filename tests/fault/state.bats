# SPDX-License-Identifier: GPL-2.0-or-later
# What the daemon depends on is damaged, full or gone: it starts or says in one
# sentence why not, others are intact, nothing vanishes silently.
load ../harness/daemon
setup_file() { daemon_setup; }
teardown_file() { daemon_teardown; }
teardown() {
	kill -0 "$(daemon_pid)" 2>/dev/null || daemon_start
	for c in $(crun-lite ps -aq); do crun-lite rm -f "$c" >/dev/null; done
}

# Of a network or container that was in the list before: there, or named in the log.
accounted() { # ID LIST-COMMAND...
	local id=$1
	shift
	"$@" --no-trunc 2>/dev/null | grep -q "$id" || grep -q "$id" "$CRL/daemon.log"
}

@test "each state file empty, cut or garbage: the daemon starts, nothing vanishes silently" {
	crun-lite network create --subnet 10.212.8.0/24 statenet >/dev/null
	crun-lite volume create statevol >/dev/null
	crun-lite create --name one busybox true >/dev/null
	crun-lite create --name two -v statevol:/v --network statenet busybox true >/dev/null
	local ids nets file kind id
	ids=$(crun-lite ps -aq --no-trunc)
	nets=$(crun-lite network ls -q --no-trunc)
	daemon_stop
	cp -a "$DATA_ROOT" "$CRL/kept"
	for file in $(cd "$CRL/kept" && find . -type f -size +0 ! -path './blobs/*' ! -path './layers/*' ! -path '*/_data/*' | sort); do
		for kind in empty garbage ${FAULT_FULL:+cut}; do
			: >"$CRL/daemon.log"
			case $kind in
			empty) : >"$DATA_ROOT/$file" ;;
			cut) truncate -s $(($(stat -c %s "$CRL/kept/$file") / 2)) "$DATA_ROOT/$file" ;;
			garbage) head -c 512 /dev/urandom >"$DATA_ROOT/$file" ;;
			esac
			daemon_start || { echo "$kind $file: the daemon does not start"; false; }
			for id in $ids; do accounted "$id" crun-lite ps -aq || { echo "$kind $file: container $id vanished"; false; }; done
			for id in $nets; do accounted "$id" crun-lite network ls -q || { echo "$kind $file: network $id vanished"; false; }; done
			crun-lite volume ls -q | grep -qx statevol || { echo "$kind $file: the volume vanished"; false; }
			[ -n "$(crun-lite images -q)" ] || grep -q "index.json" "$CRL/daemon.log" || { echo "$kind $file: the image vanished"; false; }
			daemon_stop
			rm -rf "$DATA_ROOT"
			cp -a "$CRL/kept" "$DATA_ROOT"
		done
	done
	daemon_start
	crun-lite rm one two >/dev/null
	crun-lite network rm statenet
	crun-lite volume rm statevol
}

@test "bridge or rules gone under a running daemon: stop and rm work, the next run repairs" {
	local bridge id
	bridge=$(crun-lite network inspect -f '{{index .Options "com.docker.network.bridge.name"}}' bridge)
	[ -n "$bridge" ]
	crun-lite run -d --name c1 -p 127.0.0.1:18931:80 busybox sleep 600
	ip link del "$bridge"
	crun-lite rm -f c1
	[ "$(crun-lite run --rm busybox echo again)" = again ]
	ip link show "$bridge" >/dev/null
	crun-lite run -d --name c2 -p 127.0.0.1:18931:80 busybox sleep 600
	nft delete table inet "crun-lite-${bridge#crl}"
	crun-lite stop -t 0 c2
	crun-lite start c2
	crun-lite rm -f c2
	nft list table inet "crun-lite-${bridge#crl}" >/dev/null
}

@test "no descriptors left: connections wait or are refused, then all works again" {
	local before
	before=$(ls "/proc/$(daemon_pid)/fd" | wc -l)
	prlimit --pid "$(daemon_pid)" --nofile=$((before + 3)):
	run timeout 10 crun-lite run --rm busybox true
	[ "$status" -ne 0 ]
	kill -0 "$(daemon_pid)"
	prlimit --pid "$(daemon_pid)" --nofile=1024:
	wait_until 5 crun-lite ps
	crun-lite run --rm busybox true
	fds_back() { [ "$(ls "/proc/$(daemon_pid)/fd" | wc -l)" -le $((before + 8)) ]; }
	wait_until 5 fds_back
}
