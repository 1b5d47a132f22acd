# SPDX-License-Identifier: GPL-2.0-or-later
# kill -9 of each program while containers run: what was promised stays true.
load ../harness/daemon
setup_file() { daemon_setup; }
teardown_file() { daemon_teardown; }
teardown() {
	kill -0 "$(daemon_pid)" 2>/dev/null || daemon_start
	for c in $(crun-lite ps -aq); do crun-lite rm -f "$c" >/dev/null; done
}

monitor_of() { pgrep -f -- "crun-lite-monitor.*$(crun-lite inspect -f '{{.Id}}' "$1")" | head -n 1; }

@test "daemon killed while a container logs: it goes on, no line is lost, its status is right" {
	crun-lite run -d --name c1 busybox sh -c 'i=0; while [ $i -lt 300 ]; do echo line $i; i=$((i+1)); usleep 10000; done; exit 42'
	local pid
	pid=$(crun-lite inspect -f '{{.State.Pid}}' c1)
	sleep 0.5
	daemon_stop KILL
	sleep 0.5
	kill -0 "$pid"
	daemon_start
	crun-lite ps | grep -q 'Up'
	[ "$(crun-lite inspect -f '{{.State.Pid}}' c1)" = "$pid" ]
	run crun-lite wait c1
	[ "$output" = 42 ]
	crun-lite logs c1 >"$CRL/log"
	for i in $(seq 0 299); do echo "line $i"; done | diff - "$CRL/log"
}

@test "daemon killed, the container ends meanwhile: the exit status is kept" {
	crun-lite run -d --name c1 busybox sh -c 'sleep 1; echo last; exit 7'
	daemon_stop KILL
	sleep 2
	daemon_start
	[ "$(crun-lite inspect -f '{{.State.Status}} {{.State.ExitCode}}' c1)" = "exited 7" ]
	[ "$(crun-lite logs c1)" = last ]
	run crun-lite wait c1
	[ "$output" = 7 ]
}

@test "daemon killed: stop, exec and logs -f work after the restart" {
	crun-lite run -d --name c1 busybox sh -c 'trap "exit 5" TERM; while :; do echo tick; sleep 0.2; done'
	daemon_stop KILL
	daemon_start
	[ "$(crun-lite exec c1 echo in)" = in ]
	timeout 3 crun-lite logs -f --tail 1 c1 | head -n 3 | grep -c tick
	crun-lite stop -t 5 c1
	[ "$(crun-lite inspect -f '{{.State.ExitCode}}' c1)" = 5 ]
}

@test "daemon killed: a --rm container that ended meanwhile is removed, its published port is free" {
	crun-lite run -d --rm --name c1 -p 127.0.0.1:18911:80 busybox sh -c 'sleep 1'
	daemon_stop KILL
	sleep 2
	daemon_start
	wait_until 5 sh -c '! crun-lite inspect c1'
	crun-lite run --rm -p 127.0.0.1:18911:80 busybox true
}

@test "daemon killed: a published port goes on serving and still does after the restart" {
	crun-lite run -d --name c1 -p 127.0.0.1:18912:80 busybox sh -c 'mkdir /w; echo page >/w/index.html; httpd -f -p 80 -h /w'
	wait_until 5 curl -fsS http://127.0.0.1:18912/
	daemon_stop KILL
	[ "$(curl -fsS http://127.0.0.1:18912/)" = page ]
	daemon_start
	[ "$(curl -fsS http://127.0.0.1:18912/)" = page ]
	crun-lite rm -f c1
	run curl -fsS --max-time 1 http://127.0.0.1:18912/
	[ "$status" -ne 0 ]
}

@test "monitor killed: reported dead within a second, resources freed, the reason is said" {
	crun-lite run -d --name c1 busybox sleep 600
	local pid
	pid=$(crun-lite inspect -f '{{.State.Pid}}' c1)
	kill -9 "$(monitor_of c1)"
	wait_until 1 sh -c '[ "$(crun-lite inspect -f "{{.State.Running}}" c1)" = false ]'
	if process_lives "$pid"; then false; fi
	[ "$(crun-lite inspect -f '{{.State.ExitCode}}' c1)" = 137 ]
	[[ $(crun-lite inspect -f '{{.State.Error}}' c1) == *monitor* ]]
	grep "monitor is gone" "$CRL/daemon.log" | grep -q "container=$(crun-lite inspect -f '{{.Id}}' c1)"
	crun-lite start c1
	[ "$(crun-lite inspect -f '{{.State.Running}}' c1)" = true ]
}

@test "monitor and daemon killed: no ghost, rm works, the end is not 0" {
	crun-lite run -d --name c1 busybox sleep 600
	local pid monitor
	pid=$(crun-lite inspect -f '{{.State.Pid}}' c1)
	monitor=$(monitor_of c1)
	daemon_stop KILL
	kill -9 "$monitor"
	sleep 0.3
	daemon_start
	if process_lives "$pid"; then false; fi
	[ "$(crun-lite inspect -f '{{.State.Running}}' c1)" = false ]
	[ "$(crun-lite inspect -f '{{.State.ExitCode}}' c1)" -ne 0 ]
	crun-lite rm c1
}

@test "init killed from outside: 137" {
	crun-lite run -d --name c1 busybox sleep 600
	kill -9 "$(crun-lite inspect -f '{{.State.Pid}}' c1)"
	[ "$(crun-lite wait c1)" = 137 ]
}

@test "monitor stopped: ps, inspect and other containers are not disturbed; rm -f works" {
	crun-lite run -d --name c1 busybox sleep 600
	local monitor
	monitor=$(monitor_of c1)
	kill -STOP "$monitor"
	timeout 2 crun-lite ps >/dev/null
	timeout 2 crun-lite inspect c1 >/dev/null
	timeout 5 crun-lite run --rm busybox true
	local pid
	pid=$(crun-lite inspect -f '{{.State.Pid}}' c1)
	crun-lite run -d --name c2 busybox sleep 600
	crun-lite rm -f c1 >"$CRL/rm.out" 2>&1 3>&- &
	local rm=$!
	sleep 0.5
	timeout 2 crun-lite ps -a >/dev/null
	timeout 2 crun-lite inspect c1 >/dev/null
	timeout 3 crun-lite stop -t 0 c2
	timeout 5 crun-lite run --rm busybox true
	wait "$rm" || { cat "$CRL/rm.out"; false; }
	if process_lives "$pid" || process_lives "$monitor"; then false; fi
	if crun-lite inspect c1; then false; fi
}

@test "monitor stopped: kill ends it, 137 and the reason, and it starts again" {
	crun-lite run -d --name c1 -p 127.0.0.1:18913:80 busybox sleep 600
	kill -STOP "$(monitor_of c1)"
	timeout 12 crun-lite kill c1
	[ "$(crun-lite inspect -f '{{.State.Status}} {{.State.ExitCode}}' c1)" = "exited 137" ]
	[[ $(crun-lite inspect -f '{{.State.Error}}' c1) == *"did not answer"* ]]
	crun-lite start c1
	[ "$(crun-lite inspect -f '{{.State.Running}}' c1)" = true ]
}

@test "monitor stopped for a moment: nothing is lost" {
	crun-lite run -d --name c1 busybox sh -c 'sleep 1; echo said; exit 9'
	local monitor
	monitor=$(monitor_of c1)
	kill -STOP "$monitor"
	sleep 2
	kill -CONT "$monitor"
	[ "$(crun-lite wait c1)" = 9 ]
	[ "$(crun-lite logs c1)" = said ]
}

@test "damaged database: networks and volumes stay, a running container keeps its address" {
	local ip
	crun-lite network create --subnet 10.211.7.0/24 --label a=b faultnet
	crun-lite volume create --label c=d faultvol
	crun-lite run -d --name up -p 127.0.0.1:18914:80 busybox sh -c 'mkdir /w; echo page >/w/index.html; httpd -f -p 80 -h /w'
	crun-lite run -d --name up2 --network faultnet -v faultvol:/v busybox sleep 600
	ip=$(crun-lite inspect -f '{{.NetworkSettings.IPAddress}}' up)
	local before
	before=$(crun-lite network ls -q | sort)
	wait_until 5 curl -fsS http://127.0.0.1:18914/
	daemon_stop KILL
	for f in "$DATA_ROOT"/state.db*; do head -c 8192 /dev/urandom >"$f"; done
	daemon_start
	[ "$(crun-lite network ls -q | sort)" = "$before" ]
	[ "$(crun-lite network inspect -f '{{.Labels.a}}' faultnet)" = b ]
	[ "$(crun-lite volume inspect -f '{{.Labels.c}}' faultvol)" = d ]
	[ "$(crun-lite inspect -f '{{.NetworkSettings.IPAddress}}' up)" = "$ip" ]
	[ "$(curl -fsS http://127.0.0.1:18914/)" = page ]
	if grep "network of a running container is unknown" "$CRL/daemon.log"; then false; fi
	crun-lite rm -f up up2
	crun-lite network rm faultnet
	crun-lite volume rm faultvol
}

@test "damaged database: the daemon starts and knows its containers and images" {
	crun-lite create --name kept busybox true
	daemon_stop
	for f in "$DATA_ROOT"/state.db*; do head -c 8192 /dev/urandom >"$f"; done
	daemon_start
	crun-lite inspect kept >/dev/null
	crun-lite images -q | grep .
	crun-lite start -a kept
}

@test "a damaged container record is shown or set aside; the daemon starts and others are intact" {
	crun-lite create --name good busybox true
	crun-lite create --name bad busybox true
	local id
	id=$(crun-lite inspect -f '{{.Id}}' bad)
	daemon_stop
	echo garbage >"$DATA_ROOT/containers/$id/record.json"
	rm -f "$DATA_ROOT"/state.db*
	daemon_start
	crun-lite inspect good >/dev/null
	crun-lite run --rm busybox true
	grep -q "$id" "$CRL/daemon.log"
}

@test "daemon ended in the middle of a build: the step ends with it, no link, rule, cgroup or process stays" {
	local suffix pid cgroup
	suffix=$(crun-lite network inspect -f '{{index .Options "com.docker.network.bridge.name"}}' bridge)
	suffix=${suffix#crl}
	mkdir "$CRL/site"
	printf 'FROM busybox\nRUN echo "$$" && exec sleep 987\n' >"$CRL/site/Dockerfile"
	crun-lite build -t long "$CRL/site" >"$CRL/build.log" 2>&1 3>&- &
	wait_until 10 pgrep -fx 'sleep 987'
	pid=$(pgrep -fx 'sleep 987')
	cgroup=$(sed -n 's/^0:://p' "/proc/$pid/cgroup")
	leak_of "$CRL/data" "$suffix" | grep '^link'
	daemon_stop
	wait_until 5 test ! -e "/proc/$pid"
	nothing_left() { [ -z "$(leak_of "$CRL/data" "$suffix")" ]; }
	wait_until 5 nothing_left || { leak_of "$CRL/data" "$suffix"; false; }
	[ -n "$cgroup" ]
	no_cgroup() { [ -z "$(find /sys/fs/cgroup -path "*$cgroup" -type d)" ]; }
	wait_until 5 no_cgroup
}
