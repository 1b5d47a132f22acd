# SPDX-License-Identifier: GPL-2.0-or-later
# Every step of connect and disconnect fails once, or takes the daemon with it:
# the caller hears of it, what inspect says is what the container has, and the
# same call works afterwards.
load ../harness/daemon
setup_file() {
	export S=10.$((BASHPID % 150 + 50)) # others test on this machine, too
	daemon_setup
}
teardown_file() { daemon_teardown; }
teardown() {
	kill -0 "$(daemon_pid)" 2>/dev/null || daemon_start
	for c in $(crun-lite ps -aq); do crun-lite rm -f "$c" >/dev/null; done
	for n in fa fb; do crun-lite network rm $n >/dev/null 2>&1 || true; done
}

steps() { crun-lited --print-steps | cut -f1 | grep "^net\.$1" | sort -u; }
restart_with() { # FAIL: the daemon anew with these failpoints; containers run on
	daemon_stop KILL
	CRUN_LITE_FAIL=$1 daemon_start
}
gone() { [ "$(awk '/^State/{print $2}' "/proc/$1/status" 2>/dev/null || echo Z)" = Z ]; }

begin() { # a container in fb that serves a page; fa leads out where it is there
	crun-lite network create --subnet $S.1.0/24 fa >/dev/null
	crun-lite network create --subnet $S.2.0/24 fb >/dev/null
	crun-lite run -d --name c1 --network fb -p 127.0.0.1:18931:80 busybox httpd -f -h /etc
}

# What inspect, the container and the wire say agree; "fb" or "fa fb".
agree() {
	local nets want="" have
	nets=$(crun-lite inspect -f '{{range $k, $v := .NetworkSettings.Networks}}{{$k}} {{end}}' c1)
	for n in $nets; do
		want+=$(crun-lite inspect -f "{{(index .NetworkSettings.Networks \"$n\").IPAddress}}" c1)/24$'\n'
	done
	have=$(crun-lite exec c1 ip -4 -o addr | awk '$2 != "lo" {print $4}')
	echo "networks: $nets addresses: $have"
	[ "$(sort <<<"$have")" = "$(sort <<<"${want%$'\n'}")" ] || return 1
	[ "$(crun-lite exec c1 sh -c "grep -c '^$S' /etc/hosts")" = "$(wc -w <<<"$nets")" ] || return 1
	case $nets in
	"fa fb ") [ "$(crun-lite exec c1 ip route | awk '/^default/{print $3}')" = $S.1.1 ] ;;
	"fb ") [ "$(crun-lite exec c1 ip route | awk '/^default/{print $3}')" = $S.2.1 ] ;;
	*) false ;;
	esac || return 1
	curl -fsS --max-time 2 http://127.0.0.1:18931/hostname >/dev/null || return 1
	! grep -q net_change "$DATA_ROOT"/containers/*/record.json
}

again() { # connect and disconnect work now
	crun-lite network disconnect fa c1 2>/dev/null || true
	crun-lite network connect fa c1 && agree && crun-lite network disconnect fa c1 && agree
}

@test "each step of connect fails once: nothing has changed, the next one works" {
	local step
	begin
	for step in $(steps connect); do
		restart_with "$step=1*error(EIO)"
		run crun-lite network connect fa c1
		echo "$step: $output"
		[ "$status" -ne 0 ]
		[ "$(crun-lite inspect -f '{{len .NetworkSettings.Networks}}' c1)" = 1 ]
		agree
		again
	done
}

@test "each step of disconnect fails once: it happened or it did not, and inspect says which" {
	local step
	begin
	for step in $(steps disconnect); do
		restart_with "$step=1*error(EIO)"
		crun-lite network connect fa c1
		run crun-lite network disconnect fa c1
		echo "$step: $output"
		[ "$status" -ne 0 ]
		agree
		again
	done
}

@test "the daemon is killed in each step of connect: taken back, or there" {
	local step when
	begin
	for step in $(steps connect); do
		for when in "" after:; do
			restart_with "$step=${when}kill"
			run crun-lite network connect fa c1
			echo "$when$step: $output"
			[ "$status" -ne 0 ]
			wait_until 5 gone "$(daemon_pid)"
			daemon_start
			agree
			again
		done
	done
}

@test "the daemon is killed in each step of disconnect: finished, or not begun" {
	local step when
	begin
	for step in $(steps disconnect); do
		for when in "" after:; do
			restart_with "$step=${when}kill"
			crun-lite network connect fa c1
			run crun-lite network disconnect fa c1
			echo "$when$step: $output"
			[ "$status" -ne 0 ]
			wait_until 5 gone "$(daemon_pid)"
			daemon_start
			agree
			again
		done
	done
}

@test "the daemon is killed in connect and the container ends meanwhile: nothing stays" {
	local pid
	begin
	pid=$(crun-lite inspect -f '{{.State.Pid}}' c1)
	restart_with "net.connect_route=kill"
	run crun-lite network connect fa c1
	[ "$status" -ne 0 ]
	kill -9 "$pid"
	daemon_start
	wait_until 5 sh -c '[ "$(crun-lite inspect -f "{{.State.Running}}" c1)" = false ]'
	[ "$(crun-lite inspect -f '{{len .NetworkSettings.Networks}}' c1)" = 1 ]
	crun-lite start c1
	wait_until 5 agree
}
