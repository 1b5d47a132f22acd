# SPDX-License-Identifier: GPL-2.0-or-later
# Many runs, one after the other and at once: all succeed, nothing stays.
# SOAK_RUNS (default 500) sequential, SOAK_PARALLEL (default 50) at once.
load ../harness/daemon
setup_file() { daemon_setup; }
teardown_file() { daemon_teardown; }

daemon_fds() { ls "/proc/$(daemon_pid)/fd" | wc -l; }
daemon_rss() { awk '/^VmRSS/ {print $2}' "/proc/$(daemon_pid)/status"; }

daemon_suffix() {
	curl -fsS --unix-socket "$CRL/s" http://d/networks/bridge |
		jq -r '.Options["com.docker.network.bridge.name"]' | sed 's/^crl//'
}

# What a finished container must not leave, counted.
leftovers() {
	echo "mounts $(wc -l </proc/self/mountinfo)"
	echo "links $(ls /sys/class/net | grep -c "^crlv\?$(daemon_suffix)")"
	echo "folders $(find "$DATA_ROOT/containers" "$EXEC_ROOT/containers" -mindepth 1 -maxdepth 1 | wc -l)"
	echo "monitors $(pgrep -fc -- "crun-lite-monitor.*$CRL" || true)"
	echo "namespaces $(lsns -rn -t net 2>/dev/null | wc -l)"
	for r in /sys/fs/cgroup/unified /sys/fs/cgroup; do
		[ -d "$r/docker" ] && echo "cgroups $(find "$r/docker" -mindepth 1 -type d | wc -l)"
	done
	return 0
}
same_leftovers() { [ "$(leftovers)" = "$(cat "$CRL/leftovers")" ]; }

@test "500 sequential runs succeed and leave nothing" {
	local n=${SOAK_RUNS:-500} i fds rss
	for i in $(seq 20); do crun-lite run --rm busybox true; done # warm: pools and caches are filled
	sleep 1
	leftovers >"$CRL/leftovers"
	fds=$(daemon_fds) rss=$(daemon_rss)
	for i in $(seq "$n"); do
		crun-lite run --rm busybox sh -c "exit $((i % 7))" || [ $? -eq $((i % 7)) ] || { echo "run $i"; false; }
	done
	[ -z "$(crun-lite ps -aq)" ]
	wait_until 10 same_leftovers || { diff <(leftovers) "$CRL/leftovers"; false; }
	[ "$(daemon_fds)" -le $((fds + 2)) ]
	echo "rss before $rss, after $(daemon_rss)"
	[ "$(daemon_rss)" -le $((rss + 1024)) ]
}

@test "50 parallel runs succeed and leave nothing" {
	local n=${SOAK_PARALLEL:-50} i pids=() bad=0
	leftovers >"$CRL/leftovers"
	for i in $(seq "$n"); do
		(out=$(crun-lite run --rm busybox echo "hello $i" 3>&-) && [ "$out" = "hello $i" ]) &
		pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i" || bad=$((bad + 1)); done
	echo "$bad of $n failed"
	[ $bad -eq 0 ]
	[ -z "$(crun-lite ps -aq)" ]
	# Ready namespaces made for the burst are given back when ten seconds were calm.
	wait_until 30 same_leftovers || { diff <(leftovers) "$CRL/leftovers"; false; }
}

@test "200 execs leave no descriptor in daemon and monitor" {
	crun-lite run -d --name c1 busybox sleep 600
	local monitor fds mfds i
	monitor=$(pgrep -f -- "crun-lite-monitor.*$(crun-lite inspect -f '{{.Id}}' c1)" | head -n 1)
	for i in $(seq 10); do crun-lite exec c1 true; done
	fds=$(daemon_fds) mfds=$(ls "/proc/$monitor/fd" | wc -l)
	for i in $(seq 200); do crun-lite exec c1 true; done
	[ "$(daemon_fds)" -le $((fds + 2)) ]
	[ "$(ls "/proc/$monitor/fd" | wc -l)" -le $((mfds + 1)) ]
	crun-lite rm -f c1
}
