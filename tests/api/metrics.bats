#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# --metrics-addr: dockerd's names, cAdvisor's for containers, the text format, who may ask.
bats_require_minimum_version 1.5.0
load ../harness/daemon

PORT=23757
setup_file() { daemon_setup --metrics-addr 127.0.0.1:$PORT; }
teardown_file() { daemon_teardown; }
metrics() { curl -sS -m 5 "http://127.0.0.1:$PORT/metrics"; }
value() { metrics | awk -v k="$1" '{n = $0; sub(/ [^ ]*$/, "", n)} n == k {print $NF}'; }

@test "the format: families declared once, samples below them, no line twice" {
	metrics >"$BATS_TEST_TMPDIR/m"
	python3 - "$BATS_TEST_TMPDIR/m" <<-'END'
		import re, sys
		families, current, seen = {}, None, set()
		for line in open(sys.argv[1], encoding="utf-8"):
		    line = line.rstrip("\n")
		    if line.startswith("# TYPE "):
		        _, _, name, kind = line.split(" ")
		        assert name not in families, f"twice: {name}"
		        families[name] = kind
		        current = name
		        continue
		    if line.startswith("# HELP "):
		        continue
		    m = re.fullmatch(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\.)*",?)*\})? ([-+0-9.eEInfNa]+)', line)
		    assert m, line
		    base = re.sub(r"_(bucket|sum|count)$", "", m[1]) if families[current] == "histogram" else m[1]
		    assert base == current, (line, current)
		    assert (m[1], m[2]) not in seen, line
		    seen.add((m[1], m[2]))
		    if families[current] == "counter":
		        assert m[1].endswith("_total"), line
		assert len(families) > 25, len(families)
	END
	if command -v promtool >/dev/null; then promtool check metrics <"$BATS_TEST_TMPDIR/m" || [ $? -eq 3 ]; fi
}

@test "dockerd's series count what happens" {
	local running events started refused
	running=$(value 'engine_daemon_container_states_containers{state="running"}')
	events=$(value engine_daemon_events_total)
	started=$(value 'engine_daemon_container_actions_seconds_count{action="start"}')
	refused=$(value 'crun_lite_http_answers_total{class="4xx"}')
	crun-lite run -d --name counted busybox sleep 300 >/dev/null
	run crun-lite start nosuchcontainer
	[ "$(value 'engine_daemon_container_states_containers{state="running"}')" = $((running + 1)) ]
	[ "$(value 'engine_daemon_container_actions_seconds_count{action="start"}')" = $((started + 1)) ]
	[ "$(value 'engine_daemon_container_actions_seconds_bucket{action="start",le="+Inf"}')" = $((started + 1)) ]
	[ "$(value engine_daemon_events_total)" -ge $((events + 3)) ]
	[ "$(value 'crun_lite_http_answers_total{class="4xx"}')" -gt "$refused" ]
	crun-lite pause counted
	[ "$(value 'engine_daemon_container_states_containers{state="paused"}')" = 1 ]
	crun-lite rm -f counted
	[ "$(value 'engine_daemon_container_states_containers{state="running"}')" = "$running" ]
	metrics | grep -q "^engine_daemon_engine_info{.*os_type=\"linux\".*} 1\$"
	[ "$(value engine_daemon_engine_cpus_cpus)" = "$(nproc --all)" ] || [ "$(value engine_daemon_engine_cpus_cpus)" = "$(nproc)" ]
}

@test "health checks are counted" {
	crun-lite run -d --name checked --health-cmd 'exit 1' --health-interval 300ms --health-retries 1 busybox sleep 300 >/dev/null
	failed() { [ "$(value engine_daemon_health_checks_failed_total)" -ge 1 ]; }
	wait_until 10 failed
	[ "$(value engine_daemon_health_checks_total)" -ge "$(value engine_daemon_health_checks_failed_total)" ]
	crun-lite rm -f checked
}

@test "containers have cAdvisor's series, with values that move" {
	crun-lite run -d --name busy busybox sh -c 'while :; do :; done' >/dev/null
	local id first
	id=$(crun-lite inspect -f '{{.Id}}' busy)
	sleep 1.2
	first=$(value "container_cpu_usage_seconds_total{id=\"/docker/$id\",name=\"busy\",image=\"busybox\"}")
	[ -n "$first" ]
	sleep 1.5
	more() { awk -v a="$first" -v b="$(value "container_cpu_usage_seconds_total{id=\"/docker/$id\",name=\"busy\",image=\"busybox\"}")" 'BEGIN {exit !(b > a + 0.2)}'; }
	wait_until 5 more
	metrics | grep -q "^container_start_time_seconds{id=\"/docker/$id\""
	crun-lite rm -f busy
	sleep 1.1
	run grep "$id" <(metrics)
	[ "$status" -ne 0 ]
}

@test "nothing else is served there, and nowhere else than on the loopback" {
	[ "$(curl -sS -o /dev/null -w '%{http_code}' http://127.0.0.1:$PORT/info)" = 404 ]
	[ "$(curl -sS -o /dev/null -w '%{http_code}' http://127.0.0.1:$PORT/containers/json)" = 404 ]
	[ "$(curl -sS -o /dev/null -w '%{http_code}' -X POST http://127.0.0.1:$PORT/metrics)" = 404 ]
	[ "$(curl -sS -o /dev/null -w '%{http_code}' -H 'Host: evil.example' http://127.0.0.1:$PORT/metrics)" = 403 ]
	[ "$(curl -sS -o /dev/null -w '%{http_code}' --unix-socket "$CRL/s" http://d/metrics)" = 404 ]
	run timeout 5 crun-lited --data-root "$CRL/m" --exec-root "$CRL/n" --metrics-addr 0.0.0.0:9323
	[ "$status" -ne 0 ] && [[ $output == *"only addresses of the loopback"* ]]
}
