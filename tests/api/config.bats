#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# daemon.json: what is honoured, warned about, refused; SIGHUP; sockets and their permissions.
bats_require_minimum_version 1.5.0
load ../harness/daemon

setup_file() {
	export CONFIG
	CONFIG=$(mktemp)
	echo '{"labels":["a=1"],"default-shm-size":"32m","default-ulimits":{"nofile":{"Name":"nofile","Soft":333,"Hard":444}},"init":true,"default-ipc-mode":"shareable"}' >"$CONFIG"
	daemon_setup --config-file "$CONFIG"
}
teardown_file() {
	daemon_teardown
	local status=$?
	rm -f "$CONFIG"
	return $status
}

validate() { # TEXT [FLAGS]
	printf %s "$1" >"$BATS_TEST_TMPDIR/c.json"
	run crun-lited --validate --config-file "$BATS_TEST_TMPDIR/c.json" "${@:2}"
}
info() { curl -sS --unix-socket "$CRL/s" http://d/info | jq -c "$1"; }

@test "--validate: right, unknown, wrong, refused, given twice" {
	validate '{"debug":true,"iptables":true}'
	[ "$status" -eq 0 ] && [[ $output == *"configuration OK"* ]]
	validate '{"debug":true,"nope":1}'
	[ "$status" -ne 0 ] && [[ $output == *"the following directives don't match any configuration option: nope"* ]]
	validate '{"debug":"yes"}'
	[ "$status" -ne 0 ] && [[ $output == *"debug: expected true or false"* ]]
	validate '{"debug":true'
	[ "$status" -ne 0 ] && [[ $output == *"invalid JSON"* ]]
	validate '{"selinux-enabled":true}'
	[ "$status" -ne 0 ] && [[ $output == *"selinux-enabled: true is not supported"* ]]
	validate '{"userland-proxy":true}'
	[ "$status" -eq 0 ] && [[ $output == *"userland-proxy: true is ignored"* ]]
	validate '{"labels":["a=b"]}' --label c=d
	[ "$status" -ne 0 ] && [[ $output == *"specified both as a flag and in the configuration file: labels: (from flag: [c=d], from file: [a=b])"* ]]
	run crun-lited --validate --config-file /nonexistent
	[ "$status" -ne 0 ]
}

@test "every key of dockerd's documented daemon.json has a row" {
	local missing=
	crun-lited --print-settings | awk '{print $1}' >"$BATS_TEST_TMPDIR/keys"
	for key in allow-direct-routing authorization-plugins bip bip6 bridge builder cgroup-parent containerd \
		containerd-namespace containerd-plugins-namespace data-root debug default-address-pools \
		default-cgroupns-mode default-gateway default-gateway-v6 default-network-opts default-runtime \
		default-shm-size default-ulimits dns dns-opts dns-search exec-opts exec-root experimental features \
		firewall-backend fixed-cidr fixed-cidr-v6 group host-gateway-ips hosts icc init init-path \
		insecure-registries ip ip-forward ip-forward-no-drop ip-masq ip6tables iptables ipv6 labels live-restore \
		log-driver log-format log-level log-opts max-concurrent-downloads max-concurrent-uploads \
		max-download-attempts metrics-addr mtu network-control-plane-mtu no-new-privileges \
		node-generic-resources pidfile proxies raw-logs registry-mirrors runtimes seccomp-profile \
		selinux-enabled shutdown-timeout storage-driver storage-opts swarm-default-advertise-addr tls \
		tlscacert tlscert tlskey tlsverify userland-proxy userland-proxy-path userns-remap cdi-spec-dirs \
		default-ipc-mode host-gateway-ip; do
		grep -qx -- "$key" "$BATS_TEST_TMPDIR/keys" || missing="$missing $key"
	done
	[ -z "$missing" ] || { echo "missing:$missing"; false; }
}

@test "defaults of daemon.json reach the container, what it says itself wins" {
	crun-lite create --name cfgone busybox true
	run bash -c "crun-lite inspect cfgone | jq -c '.[0].HostConfig | [.ShmSize, .Init, .IpcMode, .Ulimits]'"
	[ "$output" = '[33554432,true,"shareable",[{"Name":"nofile","Soft":333,"Hard":444}]]' ]
	crun-lite create --name cfgtwo --ulimit nofile=5:6 --shm-size 1m --ipc private busybox true
	run bash -c "crun-lite inspect cfgtwo | jq -c '.[0].HostConfig | [.ShmSize, .IpcMode, .Ulimits]'"
	[ "$output" = '[1048576,"private",[{"Name":"nofile","Soft":5,"Hard":6}]]' ]
	run crun-lite run --rm busybox sh -c 'ulimit -n; df -k /dev/shm | tail -n 1'
	[ "${lines[0]}" = 333 ] && [[ ${lines[1]} == *" 32768 "* ]]
	crun-lite rm cfgone cfgtwo
}

@test "SIGHUP: labels, debug, mirrors change and are an event; a broken file changes nothing" {
	[ "$(info .Labels)" = '["a=1"]' ]
	timeout 10 curl -sSN --unix-socket "$CRL/s" 'http://d/events?filters=%7B%22type%22%3A%5B%22daemon%22%5D%7D' >"$BATS_TEST_TMPDIR/events" &
	local job=$!
	sleep 0.3
	echo '{"labels":["a=2"],"debug":true,"registry-mirrors":["https://m.example/"],"insecure-registries":["10.0.0.0/8","r.example:5000"],"max-concurrent-downloads":7}' >"$CONFIG"
	kill -HUP "$(daemon_pid)"
	changed() { [ "$(info .Labels)" = '["a=2"]' ]; }
	wait_until 5 changed
	[ "$(info .Debug)" = true ]
	[ "$(info .RegistryConfig.Mirrors)" = '["https://m.example/"]' ]
	[[ "$(info .RegistryConfig.InsecureRegistryCIDRs)" == *'"10.0.0.0/8"'* ]]
	[ "$(info '.RegistryConfig.IndexConfigs["r.example:5000"].Secure')" = false ]
	reloaded() { grep -q '"Action":"reload"' "$BATS_TEST_TMPDIR/events"; }
	wait_until 5 reloaded
	kill $job
	run jq -r '.Actor.Attributes | .labels, .debug, .["registry-mirrors"], .name' "$BATS_TEST_TMPDIR/events"
	[ "${lines[0]}" = '["a=2"]' ] && [ "${lines[1]}" = true ] && [ "${lines[2]}" = '["https://m.example/"]' ]
	[ "${lines[3]}" = "$(hostname)" ]
	echo '{"labels":["a=3"],"debug":"no"}' >"$CONFIG"
	kill -HUP "$(daemon_pid)"
	said() { grep -q 'the old settings stay' "$CRL/daemon.log"; }
	wait_until 5 said
	[ "$(info .Labels)" = '["a=2"]' ]
	# A key that only a start can change is said.
	echo '{"labels":["a=2"],"group":"root"}' >"$CONFIG"
	kill -HUP "$(daemon_pid)"
	group_said() { grep -q 'only the next start.*key=group' "$CRL/daemon.log"; }
	wait_until 5 group_said
}

@test "the socket is 0660 and never wider, its group is honoured" {
	[ "$(stat -c %a "$CRL/s.daemon" 2>/dev/null || stat -c %a "$CRL/s")" = 660 ]
	local other=$BATS_TEST_TMPDIR/o
	mkdir "$other"
	crun-lited --data-root "$other/d" --exec-root "$other/r" -H "unix://$other/s" -H "unix://$other/t" --pidfile "$other/p" -G daemon >"$other/log" 2>&1 3>&- &
	local pid=$!
	wait_until 5 curl -fsS --unix-socket "$other/t" http://d/_ping
	[ "$(stat -c '%a %G' "$other/s")" = "660 daemon" ]
	[ "$(stat -c '%a %G' "$other/t")" = "660 daemon" ]
	kill $pid
	wait $pid || true
	[ ! -e "$other/s" ] && [ ! -e "$other/t" ]
	run timeout 5 crun-lited --data-root "$other/d" --exec-root "$other/r" -H "unix://$other/s" -G nosuchgroup
	[ "$status" -ne 0 ] && [[ $output == *"group nosuchgroup not found"* ]]
}

@test "a socket of the service manager is served and left to it" {
	command -v systemd-socket-activate >/dev/null || skip "no systemd-socket-activate"
	local other=$BATS_TEST_TMPDIR/a
	mkdir "$other"
	systemd-socket-activate -l "$other/s" -E PATH -E CRUN_LITE_LIBEXEC "$(command -v crun-lited)" --data-root "$other/d" --exec-root "$other/r" -H fd:// --pidfile "$other/p" >"$other/log" 2>&1 3>&- &
	local pid=$!
	wait_until 5 test -S "$other/s"
	[ "$(curl -sS -m 10 --unix-socket "$other/s" http://d/_ping)" = OK ]
	kill $pid
	wait $pid || true
	[ -S "$other/s" ]
	run timeout 5 crun-lited --data-root "$other/d" --exec-root "$other/r" -H fd://
	[ "$status" -ne 0 ] && [[ $output == *"socket activation"* ]]
}

@test "plain TCP, asked for twice: hosts of others and web pages are refused" {
	local other=$BATS_TEST_TMPDIR/p
	mkdir "$other"
	crun-lited --data-root "$other/d" --exec-root "$other/r" -H tcp://127.0.0.1:23758 --tcp-without-authentication --pidfile "$other/p" >"$other/log" 2>&1 3>&- &
	local pid=$!
	wait_until 5 curl -fsS http://127.0.0.1:23758/_ping
	[ "$(curl -sS http://localhost:23758/_ping)" = OK ]
	[[ "$(curl -sS -H 'Host: evil.example' http://127.0.0.1:23758/info)" == *"is not this machine"* ]]
	[[ "$(curl -sS -H 'Origin: http://evil.example' http://127.0.0.1:23758/info)" == *"web pages"* ]]
	CRUN_LITE_HOST=tcp://127.0.0.1:23758 crun-lite ps -q
	kill $pid
	wait $pid || true
}

@test "without live-restore containers end with the daemon, and policies bring them back" {
	crun-lite run -d --name stays --restart unless-stopped busybox sh -c 'trap "exit 0" TERM; while :; do sleep 0.1; done'
	crun-lite run -d --name ends busybox sh -c 'trap "exit 0" TERM; while :; do sleep 0.1; done'
	local pid
	pid=$(crun-lite inspect -f '{{.State.Pid}}' stays)
	echo '{"live-restore":false}' >"$CONFIG"
	kill -HUP "$(daemon_pid)"
	off() { [ "$(info .LiveRestoreEnabled)" = false ]; }
	wait_until 5 off
	daemon_stop
	run ! process_lives "$pid"
	echo '{}' >"$CONFIG"
	daemon_start --config-file "$CONFIG"
	back() { [ "$(crun-lite inspect -f '{{.State.Running}}' stays)" = true ]; }
	wait_until 10 back
	[ "$(crun-lite inspect -f '{{.State.Running}}' ends)" = false ]
	crun-lite rm -f stays ends
}

@test "the man page has the keys as they are" {
	crun-lited --print-settings >"$BATS_TEST_TMPDIR/settings"
	diff <("$TOP/tests/harness/man_settings.sh" "$BATS_TEST_TMPDIR/settings") <(sed -n '/begin settings/,/end settings/p' "$TOP/docs/man/crun-lited.8")
}
