#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# tcp:// by mutual TLS: who gets in, what passes through the front, what a crowd outside can do.
load ../harness/daemon

PORT=23760

setup_file() {
	export CERTS
	CERTS=$(mktemp -d)
	"$TOP/tests/harness/certs.sh" "$CERTS"
	export PORT TLS_FLAGS="-H tcp://127.0.0.1:$PORT --tlsverify --tlscacert $CERTS/server/ca.pem --tlscert $CERTS/server/cert.pem --tlskey $CERTS/server/key.pem"
	# shellcheck disable=SC2086
	daemon_setup $TLS_FLAGS
}
teardown_file() {
	daemon_teardown
	local status=$?
	rm -rf "$CERTS"
	return $status
}
setup() {
	unset CRUN_LITE_HOST
	export DOCKER_HOST=tcp://127.0.0.1:$PORT DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH=$CERTS/client
}

front_pid() { pgrep -P "$(daemon_pid)" crun-lite-tls; }
fds() { find "/proc/$1/fd" -mindepth 1 2>/dev/null | wc -l; }
have_docker() { command -v docker >/dev/null || skip "no docker command line here"; }

@test "a client with a certificate gets in, and is named in the audit log" {
	have_docker
	run timeout 20 docker run --rm busybox echo through tls
	[ "$status" -eq 0 ] && [ "$output" = "through tls" ]
	grep -q 'route=/containers/create.* certificate="O=tests,CN=alice"' "$CRL/daemon.log"
}

@test "stdin, half close, exit code" {
	have_docker
	run bash -c 'echo one two | timeout 20 docker run --rm -i busybox sh -c "wc -w; exit 3"'
	[ "$status" -eq 3 ] && [ "$output" = 2 ]
}

@test "exec with and without a terminal, logs -f, megabytes both ways" {
	have_docker
	docker run -d --name tlsbox busybox sh -c 'i=0; while :; do echo line $i; i=$((i+1)); sleep 0.1; done'
	run timeout 20 docker exec tlsbox sh -c 'echo out; exit 5'
	[ "$status" -eq 5 ] && [ "$output" = out ]
	run timeout 20 script -qec 'docker exec -it tlsbox tty' /dev/null
	[[ $output == *"/dev/pts/"* ]]
	run timeout 2 docker logs -f tlsbox
	[ "$status" -eq 124 ] && [ "${#lines[@]}" -ge 5 ]
	head -c 12000000 /dev/urandom >"$CRL/big"
	run bash -c "timeout 60 docker exec -i tlsbox sh -c 'cat >/big; cat /big' <$CRL/big | cmp - $CRL/big"
	[ "$status" -eq 0 ]
	docker cp "$CRL/big" tlsbox:/copied
	docker cp tlsbox:/copied "$CRL/back"
	cmp "$CRL/big" "$CRL/back"
	docker rm -f tlsbox
}

@test "the classic builder sends its context through it" {
	have_docker
	mkdir -p "$CRL/ctx"
	head -c 3000000 /dev/urandom >"$CRL/ctx/big"
	printf 'FROM busybox\nCOPY big /big\n' >"$CRL/ctx/Dockerfile"
	DOCKER_BUILDKIT=0 timeout 60 docker build -q -t tlsbuilt "$CRL/ctx"
	run timeout 20 docker run --rm tlsbuilt md5sum /big
	[ "${output%% *}" = "$(md5sum <"$CRL/ctx/big" | cut -d' ' -f1)" ]
	docker rmi -f tlsbuilt
}

@test "our own command line by environment and by flags" {
	export CRUN_LITE_HOST=$DOCKER_HOST
	run bash -c 'echo in | timeout 20 crun-lite run --rm -i busybox sh -c "cat; exit 7"'
	[ "$status" -eq 7 ] && [ "$output" = in ]
	unset DOCKER_TLS_VERIFY DOCKER_CERT_PATH
	run timeout 10 crun-lite --tlsverify --tlscacert "$CERTS/client/ca.pem" --tlscert "$CERTS/client/cert.pem" --tlskey "$CERTS/client/key.pem" ps -q
	[ "$status" -eq 0 ]
	# Not for this name: the server's certificate is for localhost and 127.0.0.1.
	run timeout 10 crun-lite -H "tcp://$(hostname):$PORT" --tlsverify --tlscacert "$CERTS/client/ca.pem" --tlscert "$CERTS/client/cert.pem" --tlskey "$CERTS/client/key.pem" ps -q
	[ "$status" -ne 0 ]
}

@test "strangers, expired and wrong certificates, and none, are cut off" {
	export CRUN_LITE_HOST=$DOCKER_HOST
	for who in stranger old wrong; do
		DOCKER_CERT_PATH=$CERTS/$who run timeout 10 crun-lite ps
		[ "$status" -ne 0 ]
		[[ $output == *"the daemon refused"* ]]
	done
	run curl -sS -m 5 --cacert "$CERTS/server/ca.pem" "https://127.0.0.1:$PORT/_ping"
	[ "$status" -ne 0 ]
	run curl -sS -m 5 --cacert "$CERTS/server/ca.pem" --cert "$CERTS/client/cert.pem" --key "$CERTS/client/key.pem" "https://127.0.0.1:$PORT/_ping"
	[ "$status" -eq 0 ] && [ "$output" = OK ]
	grep -q 'tls: refused.*expired' "$CRL/daemon.log"
	grep -q 'tls: refused.*intended purpose' "$CRL/daemon.log"
}

@test "a server of another CA is not believed" {
	export CRUN_LITE_HOST=$DOCKER_HOST
	cp -r "$CERTS/client" "$CRL/fooled"
	cp "$CERTS/other-ca.pem" "$CRL/fooled/ca.pem"
	DOCKER_CERT_PATH=$CRL/fooled run timeout 10 crun-lite ps
	[ "$status" -ne 0 ] && [[ $output == *"NOT trusted"* ]]
}

@test "TLS 1.1 and plain HTTP are refused" {
	run curl -sS -m 5 --tls-max 1.1 --cacert "$CERTS/server/ca.pem" --cert "$CERTS/client/cert.pem" --key "$CERTS/client/key.pem" "https://127.0.0.1:$PORT/_ping"
	[ "$status" -ne 0 ]
	run curl -sS -m 5 "http://127.0.0.1:$PORT/_ping"
	[ "$status" -ne 0 ]
	for v in 1.2 1.3; do
		run curl -sS -m 5 --tlsv$v --tls-max $v --cacert "$CERTS/server/ca.pem" --cert "$CERTS/client/cert.pem" --key "$CERTS/client/key.pem" "https://127.0.0.1:$PORT/_ping"
		[ "$output" = OK ]
	done
}

@test "the front has no rights" {
	local status_file
	status_file=/proc/$(front_pid)/status
	grep -qP '^Uid:\t65534\t65534\t65534\t65534' "$status_file"
	grep -qP '^CapEff:\t0+$' "$status_file"
	grep -qP '^CapBnd:\t0+$' "$status_file"
	grep -qP '^NoNewPrivs:\t1' "$status_file"
	grep -qP '^Seccomp:\t2' "$status_file"
	[ "$(readlink "/proc/$(front_pid)/ns/net")" != "$(readlink /proc/self/ns/net)" ]
}

@test "requests of web pages are refused" {
	run curl -sS -m 5 -H 'Origin: https://evil.example' --cacert "$CERTS/server/ca.pem" --cert "$CERTS/client/cert.pem" --key "$CERTS/client/key.pem" "https://127.0.0.1:$PORT/version"
	[[ $output == *"web pages"* ]]
}

@test "a crowd that never finishes its handshake delays nobody, and goes after ten seconds" {
	local before
	before=$(fds "$(front_pid)")
	python3 - "$PORT" "$CERTS" <<-'END'
		import socket, ssl, sys, time
		port, certs = int(sys.argv[1]), sys.argv[2]
		crowd = []
		for i in range(400):
		    s = socket.create_connection(("127.0.0.1", port), timeout=5)
		    if i % 2:
		        s.send(b"\x16\x03\x01")  # the start of a hello, and no more
		    crowd.append(s)
		ctx = ssl.create_default_context(cafile=certs + "/client/ca.pem")
		ctx.load_cert_chain(certs + "/client/cert.pem", certs + "/client/key.pem")
		t = time.monotonic()
		for i in range(5):
		    c = ctx.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=5), server_hostname="localhost")
		    c.sendall(b"GET /_ping HTTP/1.1\r\nHost: localhost\r\n\r\n")
		    assert c.recv(4096).startswith(b"HTTP/1.1 200")
		    c.close()
		took = time.monotonic() - t
		assert took < 2, took
		# The oldest were dropped for the newer ones; the rest has ten seconds.
		crowd[0].settimeout(2)
		assert crowd[0].recv(1) == b""
		crowd[-1].settimeout(12)
		t = time.monotonic()
		assert crowd[-1].recv(64) in (b"",) or crowd[-1].recv(64) == b""
		assert time.monotonic() - t < 12
	END
	front_empty() { [ "$(fds "$(front_pid)")" -le "$before" ]; }
	wait_until 5 front_empty
}

@test "a client that vanishes is noticed, nothing is left" {
	local before
	sleep 0.5
	before=$(fds "$(daemon_pid)")
	for _ in 1 2 3 4 5; do
		timeout 0.3 curl -sN --cacert "$CERTS/server/ca.pem" --cert "$CERTS/client/cert.pem" --key "$CERTS/client/key.pem" "https://127.0.0.1:$PORT/events" || true
	done
	as_before() { [ "$(fds "$(daemon_pid)")" -le "$before" ]; }
	wait_until 5 as_before
}

@test "a front that is killed comes again" {
	local old
	old=$(front_pid)
	kill -9 "$old"
	fresh() { [ -n "$(front_pid)" ] && [ "$(front_pid)" != "$old" ]; }
	wait_until 5 fresh
	ping_ok() { [ "$(curl -sS -m 5 --cacert "$CERTS/server/ca.pem" --cert "$CERTS/client/cert.pem" --key "$CERTS/client/key.pem" "https://127.0.0.1:$PORT/_ping")" = OK ]; }
	wait_until 5 ping_ok
}

@test "SIGHUP takes new keys, old sessions go on" {
	local old
	old=$(front_pid)
	export CRUN_LITE_HOST=$DOCKER_HOST
	crun-lite run -d --name renewed busybox sh -c 'sleep 60' >/dev/null
	(sleep 1.5; echo late) | timeout 20 crun-lite exec -i renewed cat >"$CRL/renewed" &
	local job=$!
	sleep 0.5
	kill -HUP "$(daemon_pid)"
	fresh() { [ -n "$(front_pid)" ] && front_pid | grep -qv "^$old\$"; }
	wait_until 5 fresh
	wait $job
	[ "$(cat "$CRL/renewed")" = late ]
	run timeout 10 crun-lite ps -q
	[ "$status" -eq 0 ]
	crun-lite rm -f renewed
}

@test "a session through TLS outlives the daemon" {
	export CRUN_LITE_HOST=$DOCKER_HOST
	crun-lite run -d --name outlives busybox sleep 60 >/dev/null
	(sleep 2; echo still there) | timeout 20 crun-lite exec -i outlives cat >"$CRL/outlives" &
	local job=$!
	sleep 0.7
	daemon_stop KILL
	CRUN_LITE_HOST=unix://$CRL/s daemon_start $TLS_FLAGS
	wait $job
	[ "$(cat "$CRL/outlives")" = "still there" ]
	crun-lite rm -f outlives
}

@test "plain TCP is refused unless asked for twice" {
	run timeout 10 crun-lited --data-root "$CRL/d2" --exec-root "$CRL/r2" -H tcp://127.0.0.1:23759
	[ "$status" -ne 0 ]
	[[ $output == *"everybody who reaches it would be root on this machine"* ]]
	run timeout 10 crun-lited --data-root "$CRL/d2" --exec-root "$CRL/r2" -H tcp://127.0.0.1:23759 --tls
	[ "$status" -ne 0 ] && [[ $output == *"add --tlsverify"* ]]
	run timeout 10 crun-lited --data-root "$CRL/d2" --exec-root "$CRL/r2" -H tcp://127.0.0.1:23759 --tlsverify --tlscacert /nonexistent --tlscert /nonexistent --tlskey /nonexistent
	[ "$status" -ne 0 ] && [[ $output == *"/nonexistent"* ]]
	rm -rf "$CRL/d2" "$CRL/r2"
}
