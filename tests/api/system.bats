#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What the engine says about itself, disk usage and prune, the service manager, the daemon's own
# rights, and what people get to read.
bats_require_minimum_version 1.5.0
load ../harness/daemon

setup_file() { daemon_setup; }
teardown_file() { daemon_teardown; }
api() { curl -sS --unix-socket "$CRL/s" "$@"; }
info() { api "http://d${2:-}/info" | jq -c "$1"; }

@test "info has what clients and agents read" {
	run info '[.ID, .Name, .ServerVersion, .OSType, .OperatingSystem, .Architecture, .Driver, .DockerRootDir, .LoggingDriver, .CgroupDriver, .CgroupVersion, .DefaultRuntime, .InitBinary, .SystemTime, .IndexServerAddress, .KernelVersion] | map(type == "string" and length > 0) | all'
	[ "$output" = true ]
	run info '[.NCPU, .MemTotal, .NFd, .NGoroutines] | map(. > 0) | all'
	[ "$output" = true ]
	[ "$(info .NGoroutines)" = 1 ]
	[ "$(info .NFd)" = "$(find "/proc/$(daemon_pid)/fd" -mindepth 1 | wc -l)" ] || [ "$(info .NFd)" -gt 10 ]
	[ "$(info .Swarm.LocalNodeState)" = '"inactive"' ]
	[ "$(info .FirewallBackend.Driver)" = '"nftables"' ]
	[ "$(info '.Plugins.Volume')" = '["local"]' ]
	[[ "$(info '.Plugins.Log')" == *'"json-file"'* ]]
	[[ "$(info '.SecurityOptions')" == *'"name=seccomp,profile=builtin"'* ]]
	[ "$(info '.RegistryConfig.InsecureRegistryCIDRs')" = '["::1/128","127.0.0.0/8"]' ]
	[ "$(info '.RegistryConfig.IndexConfigs["docker.io"].Official')" = true ]
	[ "$(info '.Warnings | type')" = '"array"' ]
	[ "$(info 'has("BridgeNfIptables")')" = false ]
	[ "$(info 'has("BridgeNfIptables")' /v1.49)" = true ]
	[ "$(info .LiveRestoreEnabled)" = true ]
}

@test "listeners of events are counted" {
	local before
	before=$(info .NEventsListener)
	timeout 5 curl -sSN --unix-socket "$CRL/s" http://d/events >/dev/null &
	more() { [ "$(info .NEventsListener)" = $((before + 1)) ]; }
	wait_until 3 more
	kill $!
	as_before() { [ "$(info .NEventsListener)" = "$before" ]; }
	wait_until 3 as_before
}

@test "version: d.dd, and components with details" {
	run bash -c "curl -sS --unix-socket $CRL/s http://d/version | jq -c '[.ApiVersion, .MinAPIVersion, .Os, (.Components | map(.Name)), (.Components[0].Details | keys | length > 5)]'"
	[ "$output" = '["1.51","1.24","linux",["Engine","crun-lite"],true]' ]
}

@test "system df counts all kinds, type= leaves out the rest; prune says what it gave back" {
	crun-lite run --name dfc -v dfvol:/v busybox sh -c 'head -c 500000 /dev/zero >/file; head -c 300000 /dev/zero >/v/data'
	mkdir -p "$CRL/dfctx"
	head -c 700000 /dev/urandom >"$CRL/dfctx/big"
	printf 'FROM busybox\nCOPY big /big\nRUN head -c 400000 /dev/zero >/other\n' >"$CRL/dfctx/Dockerfile"
	crun-lite build -q -t dfimage "$CRL/dfctx"
	df() { api "http://d/system/df$1"; }
	run bash -c "curl -sS --unix-socket $CRL/s http://d/system/df | jq -c '[(.LayersSize > 1000000), (.Images | length > 1), (.Containers[] | select(.Names == [\"/dfc\"]) | .SizeRw >= 500000), (.Volumes[] | select(.Name == \"dfvol\") | .UsageData.Size >= 300000 and .UsageData.RefCount == 1), (.BuildCache | length >= 2)]'"
	echo "$output"
	[ "$output" = '[true,true,true,true,true]' ]
	run bash -c "curl -sS --unix-socket $CRL/s 'http://d/system/df?type=volume' | jq -c '[.Images, .Containers, .BuildCache, (.Volumes | length > 0)]'"
	[ "$output" = '[null,null,null,true]' ]
	run bash -c "curl -sS --unix-socket $CRL/s 'http://d/system/df?type=build-cache&type=container' | jq -c '[.Images, (.Containers | type), (.BuildCache | map(select(.Size > 0))[0] | [.Type, .Shared, .InUse, (.Description | length > 0), (.CreatedAt | length > 10)])]'"
	[ "$output" = '[null,"array",["regular",true,false,true,true]]' ]
	# While an image has the layers, the cache has nothing to give back.
	run bash -c "curl -sS --unix-socket $CRL/s -X POST 'http://d/build/prune?filters=%7B%22shared%22%3A%5B%22false%22%5D%7D' | jq -c '.SpaceReclaimed'"
	[ "$output" = 0 ]
	run bash -c "curl -sS --unix-socket $CRL/s -X POST 'http://d/build/prune?filters=%7B%22unused-for%22%3A%5B%2224h%22%5D%7D' | jq -c '.CachesDeleted'"
	[ "$output" = null ]
	[[ "$(api -X POST 'http://d/build/prune?filters=%7B%22nope%22%3A%5B%2224h%22%5D%7D')" == *"Invalid filter 'nope'"* ]]
	run crun-lite system df -v
	[[ $output == *"Images space usage:"*dfimage*"Containers space usage:"*dfc*"Local Volumes space usage:"*dfvol*"Build cache usage:"*regular* ]]
	crun-lite rmi dfimage >/dev/null
	run bash -c "curl -sS --unix-socket $CRL/s -X POST http://d/build/prune | jq -c '[(.CachesDeleted | length >= 2), (.SpaceReclaimed >= 1100000)]'"
	[ "$output" = '[true,true]' ]
	run bash -c "curl -sS --unix-socket $CRL/s -X POST http://d/containers/prune | jq -c '[(.ContainersDeleted | length), (.SpaceReclaimed >= 500000)]'"
	[ "$output" = '[1,true]' ]
	run bash -c "curl -sS --unix-socket $CRL/s -X POST 'http://d/volumes/prune?filters=%7B%22all%22%3A%5B%22true%22%5D%7D' | jq -c '[.VolumesDeleted, (.SpaceReclaimed >= 300000)]'"
	[ "$output" = '[["dfvol"],true]' ]
}

@test "system prune and df of the docker command line" {
	command -v docker >/dev/null || skip "no docker command line here"
	docker system df -v >/dev/null
	docker system df --format json >/dev/null
	run docker system prune -f
	[ "$status" -eq 0 ] && [[ $output == *"Total reclaimed space"* ]]
	run docker info --format '{{.ServerVersion}} {{.Swarm.LocalNodeState}}'
	[ "$status" -eq 0 ]
}

@test "the service manager hears READY, WATCHDOG, RELOADING, STOPPING" {
	local other=$BATS_TEST_TMPDIR/n
	mkdir "$other"
	python3 - "$other" <<-'END'
		import os, signal, socket, subprocess, sys, time
		d = sys.argv[1]
		s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		s.bind(d + "/notify")
		s.settimeout(10)
		env = dict(os.environ, NOTIFY_SOCKET=d + "/notify", WATCHDOG_USEC="400000")
		p = subprocess.Popen(["crun-lited", "--data-root", d + "/d", "--exec-root", d + "/r", "-H", "unix://" + d + "/s",
		                      "--pidfile", d + "/p"], env=env, stderr=subprocess.DEVNULL)
		said = ""
		def hear(word):
		    global said
		    end = time.monotonic() + 10
		    while word not in said:
		        assert time.monotonic() < end, (word, said)
		        said += s.recv(4096).decode() + "\n"
		hear("READY=1")
		hear("WATCHDOG=1")
		said = ""
		hear("WATCHDOG=1")
		# A loop that stands still does not ping.
		os.kill(p.pid, signal.SIGSTOP)
		time.sleep(0.3)
		s.settimeout(0.01)
		try:
		    while True: s.recv(4096)
		except TimeoutError: pass
		s.settimeout(1)
		try:
		    raise SystemExit("pinged while stopped: " + s.recv(4096).decode())
		except TimeoutError: pass
		os.kill(p.pid, signal.SIGCONT)
		s.settimeout(10)
		said = ""
		p.send_signal(signal.SIGHUP)
		hear("RELOADING=1")
		assert "MONOTONIC_USEC=" in said
		hear("READY=1")
		p.terminate()
		hear("STOPPING=1")
		assert p.wait(10) == 0
	END
}

@test "the unit files are right" {
	command -v systemd-analyze >/dev/null || skip "no systemd-analyze"
	local dir=$BATS_TEST_TMPDIR/units
	mkdir "$dir"
	sed "s|^ExecStart=.*|ExecStart=$CRUN_LITE_BUILD/src/daemon/crun-lited -H fd://|; /^Documentation/d" "$CRUN_LITE_BUILD/src/daemon/units/crun-lite.service" >"$dir/crun-lite.service"
	cp "$TOP/src/daemon/units/crun-lite.socket" "$dir"
	run systemd-analyze verify "$dir/crun-lite.service" "$dir/crun-lite.socket"
	[ "$status" -eq 0 ] || [[ $output == *"Operation not permitted"* ]]
	[[ $output != *"Unknown key"* ]]
}

@test "the daemon has given up what it never uses, containers have not" {
	local eff
	eff=$((16#$(awk '/^CapEff/ {print $2}' "/proc/$(daemon_pid)/status")))
	for cap in 16 17 20 22 25 26 32 33 34 35 37 38 39 40; do # modules, raw I/O, accounting, boot, clocks, tty ...
		[ $((eff >> cap & 1)) = 0 ] || { echo "has $cap"; false; }
	done
	for cap in 12 21; do [ $((eff >> cap & 1)) = 1 ]; done
	run crun-lite run --rm --privileged busybox grep CapEff /proc/self/status
	[ "${output##*	}" = "$(awk '/^CapBnd/ {print $2}' "/proc/$(daemon_pid)/status")" ]
	run crun-lite run --rm busybox grep CapEff /proc/self/status
	[ "${output##*	}" = 00000000a80425fb ]
}

@test "messages have no names of internal steps" {
	run crun-lite run --rm -u nosuchuser busybox true
	[ "$status" -eq 125 ] || [ "$status" -eq 126 ]
	[[ $output == *"unable to find user nosuchuser"* && ! $output =~ (mon|rt|ex)\.[a-z]+: ]]
	run crun-lite run --rm -w /etc/passwd busybox true
	[[ $output == *"/etc/passwd"* && ! $output =~ (mon|rt|ex)\.[a-z]+: ]]
	crun-lite run -d --name steps busybox sleep 60 >/dev/null
	run crun-lite exec -u nosuchuser steps true
	[[ $output == *"unable to find user nosuchuser"* && ! $output =~ (mon|rt|ex)\.[a-z]+: ]]
	crun-lite rm -f steps
}

@test "what strangers named gives a terminal no orders" {
	crun-lite create --name orders --label "evil=$(printf 'a\033]0;owned\007\302\2331mb')" busybox true >/dev/null
	run script -qec "crun-lite inspect -f '{{.Config.Labels.evil}}' orders" /dev/null
	[[ $output == *'a\x1b]0;owned\x07\xc2\x9b1mb'* ]]
	run script -qec "crun-lite events --since 1m --until 0s --filter container=orders" /dev/null
	[[ $output == *'evil=a\x1b]0;owned'* && $output != *$'\033'* ]]
	# A script gets it as it is.
	[ "$(crun-lite inspect -f '{{.Config.Labels.evil}}' orders)" = "$(printf 'a\033]0;owned\007\302\2331mb')" ]
	crun-lite rm orders
}

@test "no descriptors left: connections wait or are told, and all is well afterwards" {
	local before pid
	pid=$(daemon_pid)
	before=$(find "/proc/$pid/fd" -mindepth 1 | wc -l)
	prlimit --pid "$pid" --nofile=$((before + 12)):
	python3 - "$CRL/s" <<-'END'
		import socket, sys
		socks = []
		for i in range(60):
		    s = socket.socket(socket.AF_UNIX)
		    s.settimeout(5)
		    s.connect(sys.argv[1])
		    socks.append(s)
		for s in socks:
		    s.close()
	END
	prlimit --pid "$pid" --nofile=4096:
	answers() { [ "$(api -m 5 http://d/_ping)" = OK ]; }
	wait_until 10 answers
	crun-lite run --rm busybox true
	as_before() { [ "$(find "/proc/$pid/fd" -mindepth 1 | wc -l)" -le $((before + 2)) ]; }
	wait_until 10 as_before
}

@test "signals in a storm, and SIGTERM during a start, leave nothing half done" {
	local other=$BATS_TEST_TMPDIR/st
	mkdir "$other"
	for i in 1 2 3 4 5 6; do
		crun-lited --data-root "$other/d" --exec-root "$other/r" -H "unix://$other/s" --pidfile "$other/p" >>"$other/log" 2>&1 3>&- &
		local pid=$!
		sleep 0.0$i
		for _ in 1 2 3 4 5; do kill -HUP $pid 2>/dev/null || true; done
		[ "$i" -lt 4 ] || wait_until 5 curl -fsS --unix-socket "$other/s" http://d/_ping
		kill -TERM $pid 2>/dev/null || true
		wait $pid || true
		run ! process_lives $pid
	done
	run grep -c 'level=error' "$other/log"
	[ "$output" = 0 ]
}
