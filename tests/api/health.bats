#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Health checks: what a client sees of them, what they cost, and what a restart of the daemon
# leaves of them.
bats_require_minimum_version 1.5.0
load ../harness/daemon

setup_file() { daemon_setup; }
teardown_file() { daemon_teardown; }
teardown() { containers_gone; }

health() { docker inspect -f '{{.State.Health.Status}}' "$1"; }
is_health() { [ "$(health "$1")" = "$2" ]; }
field() { docker inspect -f "{{json .State.Health}}" "$1" | python3 -c "import json,sys; h=json.load(sys.stdin); print($2)"; }
# logged CONTAINER TEXT: a check of which the output was TEXT is in the log, once.
logged() { [ "$(field "$1" "[e['Output'].strip() for e in h['Log']].count('$2')")" = 1 ]; }
api() { curl -sS --unix-socket "$CRL/s" "$@"; }

@test "starting, healthy, unhealthy: inspect, ps, filter, events" {
	since=$(date +%s.%N)
	docker run -d --name hc --health-cmd 'test -e /ok && echo fine' --health-interval 100ms \
		--health-retries 2 busybox sh -c 'sleep 0.5; touch /ok; sleep 100' >/dev/null
	is_health hc starting
	docker ps --format '{{.Status}}' | grep -q '(health: starting)'
	wait_until 10 is_health hc unhealthy || wait_until 10 is_health hc healthy
	wait_until 10 is_health hc healthy
	docker ps --format '{{.Status}}' | grep -Eq '^Up .* \(healthy\)$'
	[ "$(docker ps -q --filter health=healthy | wc -l)" = 1 ]
	[ "$(docker ps -q --filter health=none | wc -l)" = 0 ]
	[ "$(field hc 'h["FailingStreak"], h["Log"][-1]["ExitCode"], h["Log"][-1]["Output"]')" = "0 0 fine" ] ||
		[ "$(field hc 'h["Log"][-1]["Output"]')" = fine ]
	docker exec hc rm /ok
	wait_until 10 is_health hc unhealthy
	[ "$(field hc 'h["FailingStreak"] >= 2')" = True ]
	[ "$(field hc 'len(h["Log"])')" -le 5 ]
	docker events --since "$since" --until "$(date +%s.%N)" --filter container=hc \
		--format '{{.Action}}' >"$BATS_TEST_TMPDIR/events"
	grep -qx 'health_status: healthy' "$BATS_TEST_TMPDIR/events"
	grep -qx 'health_status: unhealthy' "$BATS_TEST_TMPDIR/events"
	grep -qx 'exec_create: /bin/sh -c test -e /ok && echo fine' "$BATS_TEST_TMPDIR/events"
	grep -qx 'exec_start: /bin/sh -c test -e /ok && echo fine' "$BATS_TEST_TMPDIR/events"
	grep -qx 'exec_die' "$BATS_TEST_TMPDIR/events"
	# Only changes are told: after healthy comes unhealthy, and the other way round.
	run uniq -d <(grep '^health_status' "$BATS_TEST_TMPDIR/events")
	[ -z "$output" ]
	docker stop -t 0 hc >/dev/null
	is_health hc unhealthy
}

@test "no check, NONE, and a status nobody knows" {
	docker run -d --name plain busybox sleep 100 >/dev/null
	docker run -d --name none --no-healthcheck busybox sleep 100 >/dev/null
	[ "$(docker inspect -f '{{json .State.Health}}' plain)" = null ]
	[ "$(docker inspect -f '{{json .State.Health}}' none)" = null ]
	[ "$(docker ps -q --filter health=none | wc -l)" = 2 ]
	run docker ps --filter health=ill
	[ "$status" -ne 0 ]
	[[ "$output" == *"nvalid filter 'health=ill'"* ]]
}

@test "the start period forgives failures, and has an interval of its own" {
	docker run -d --name sp --health-cmd 'exit 7' --health-interval 1h --health-retries 1 \
		--health-start-period 1500ms --health-start-interval 100ms busybox sleep 100 >/dev/null
	sleep 0.8
	is_health sp starting
	[ "$(field sp 'h["FailingStreak"], len(h["Log"]) >= 2, h["Log"][-1]["ExitCode"]')" = "0 True 7" ]
	docker rm -f sp >/dev/null
	docker run -d --name sp --health-cmd 'exit 7' --health-interval 100ms --health-retries 1 \
		--health-start-period 300ms --health-start-interval 100ms busybox sleep 100 >/dev/null
	wait_until 10 is_health sp unhealthy
}

@test "a check that takes too long is killed with its children" {
	docker run -d --name to --health-cmd 'echo begun; sleep 4242; true' --health-interval 200ms \
		--health-timeout 300ms --health-retries 1 busybox sleep 100 >/dev/null
	wait_until 10 is_health to unhealthy
	field to 'h["Log"][0]["ExitCode"], repr(h["Log"][0]["Output"])' | tee /dev/stderr |
		grep -qxF -- "-1 'Health check exceeded timeout (300ms): begun\\n'"
	docker stop -t 0 to >/dev/null
	run pgrep -fx 'sleep 4242'
	[ "$status" -ne 0 ]
	# ... and also while the container runs on.
	docker start to >/dev/null
	sleep 4.5
	[ "$(docker top to -eo pid,args | grep -c 'sleep 4242$')" -le 1 ]
}

@test "output is cut at 4096 bytes, and is text whatever was written" {
	docker run -d --name big --health-interval 100ms \
		--health-cmd 'head -c 5000 /dev/zero | tr "\0" x' busybox sleep 100 >/dev/null
	docker run -d --name odd --health-interval 100ms \
		--health-cmd 'printf "a\377b\0c"' busybox sleep 100 >/dev/null
	wait_until 10 is_health big healthy
	wait_until 10 is_health odd healthy
	[ "$(field big 'len(h["Log"][-1]["Output"]), h["Log"][-1]["Output"][-4:]')" = "4099 x..." ]
	[ "$(field odd 'ascii(h["Log"][-1]["Output"])')" = "'a\\ufffdb\\ufffdc'" ]
}

@test "a command that is not there" {
	docker run -d --name nc --health-interval 100ms --health-retries 1 busybox sleep 100 >/dev/null
	docker rm -f nc >/dev/null
	api -H 'Content-Type: application/json' "http://d/containers/create?name=nc" -d '{"Image":"busybox",
		"Cmd":["sleep","100"],"Healthcheck":{"Test":["CMD","/no/such"],"Interval":100000000,"Retries":1}}' >/dev/null
	docker start nc >/dev/null
	wait_until 10 is_health nc unhealthy
	[ "$(field nc 'h["Log"][0]["ExitCode"]')" = -1 ]
	field nc 'h["Log"][0]["Output"]' | grep -q '^OCI runtime exec failed: .*no such file or directory'
}

@test "docker's words for what cannot be" {
	check() {
		run api -H 'Content-Type: application/json' http://d/containers/create \
			-d "{\"Image\":\"busybox\",\"Cmd\":[\"true\"],\"Healthcheck\":{$1}}"
		echo "$output"
		[[ "$output" == *"$2"* ]]
	}
	check '"Interval":1' 'Interval in Healthcheck cannot be less than 1ms'
	check '"Timeout":-1' 'Timeout in Healthcheck cannot be less than 1ms'
	check '"StartPeriod":999999' 'StartPeriod in Healthcheck cannot be less than 1ms'
	check '"StartInterval":5' 'StartInterval in Healthcheck cannot be less than 1ms'
	check '"Retries":-1' 'Retries in Healthcheck cannot be negative'
}

@test "no checks while paused" {
	docker run -d --name pa --health-cmd 'date +%s%N >>/t' --health-interval 100ms \
		busybox sleep 100 >/dev/null
	wait_until 10 is_health pa healthy
	docker pause pa >/dev/null
	n=$(field pa 'h["Log"][-1]["Start"]')
	sleep 0.6
	[ "$(field pa 'h["Log"][-1]["Start"]')" = "$n" ]
	is_health pa healthy
	docker unpause pa >/dev/null
	sleep 0.6
	[ "$(field pa 'h["Log"][-1]["Start"]')" != "$n" ]
}

@test "a restart of the daemon keeps what is known; a check under way is neither lost nor doubled" {
	docker run -d --name dr --health-interval 200ms \
		--health-cmd 'echo run >>/count; [ -e /slow ] && sleep 2; wc -l </count' \
		busybox sleep 1000 >/dev/null
	wait_until 10 is_health dr healthy
	docker exec dr touch /slow
	sleep 0.5 # a slow one is under way
	started=$(docker exec dr sh -c 'wc -l </count')
	daemon_stop KILL
	sleep 0.2
	daemon_start
	is_health dr healthy
	[ "$(docker exec dr sh -c 'wc -l </count')" = "$started" ]
	wait_until 10 logged dr "$started"
	field dr "[e['ExitCode'] for e in h['Log'] if e['Output'].strip() == '$started']" | grep -qx '\[0\]'
	# A second one, that ends while no daemon is there.
	docker exec dr rm /slow
	wait_until 10 sh -c "[ \$(docker exec dr sh -c 'wc -l </count') -gt $started ]"
	docker exec dr touch /slow
	sleep 0.5
	n=$(docker exec dr sh -c 'wc -l </count')
	daemon_stop KILL
	sleep 2.5
	daemon_start
	wait_until 5 logged dr "$n"
}

@test "checks of an image: inherited, changed one by one, switched off" {
	printf 'FROM busybox\nHEALTHCHECK --interval=100ms --retries=9 CMD echo image\n' |
		DOCKER_BUILDKIT=0 docker build -q -t hcimg - >/dev/null
	docker run -d --name im hcimg sleep 100 >/dev/null
	wait_until 10 is_health im healthy
	[ "$(field im 'h["Log"][0]["Output"]')" = image ]
	docker run -d --name im2 --health-retries 4 hcimg sleep 100 >/dev/null
	[ "$(docker inspect -f '{{json .Config.Healthcheck}}' im2)" = '{"Test":["CMD-SHELL","echo image"],"Interval":100000000,"Retries":4}' ]
	docker run -d --name im3 --no-healthcheck hcimg sleep 100 >/dev/null
	[ "$(docker inspect -f '{{json .State.Health}}' im3)" = null ]
	docker rmi -f hcimg >/dev/null
}

@test "checks pile up nowhere: records, memory, descriptors" {
	docker run -d --name mem --health-cmd true --health-interval 1ms busybox sleep 1000 >/dev/null
	wait_until 10 is_health mem healthy
	sleep 2
	pid=$(daemon_pid)
	rss() { awk '/^VmRSS/{print $2}' "/proc/$pid/status"; }
	before=$(rss) fds=$(ls "/proc/$pid/fd" | wc -l)
	sleep 5
	[ "$(docker inspect -f '{{len .ExecIDs}}' mem)" -le 1 ]
	[ $(($(rss) - before)) -lt 600 ]
	[ $(($(ls "/proc/$pid/fd" | wc -l) - fds)) -le 3 ]
}
