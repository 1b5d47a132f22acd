# SPDX-License-Identifier: GPL-2.0-or-later
# Attacks through the product: what a payload holds and reaches, read back from
# the kernel in run, exec and build; hostile images; hostile API clients.
load ../harness/daemon
setup_file() {
	daemon_setup
	mkdir -p "$CRL/ctx"
	cp "$CRUN_LITE_BUILD/tests/system/crl-probe" "$CRL/ctx/probe"
	printf 'FROM busybox\nCOPY probe /bin/probe\n' >"$CRL/ctx/Dockerfile"
	crun-lite build -q -t probe "$CRL/ctx" >/dev/null
	crun-lite run -d --name held probe sleep 1000 >/dev/null
}
teardown_file() { daemon_teardown; }
teardown() { [ "$(curl -fsS --unix-socket "$CRL/s" http://d/_ping)" = OK ]; }

held='grep -E "^(CapInh|CapPrm|CapEff|CapBnd|CapAmb|Seccomp)" /proc/self/status; umask; probe count-fds; cat /proc/keys | wc -c'
expected='CapInh:	0000000000000000
CapPrm:	00000000a80425fb
CapEff:	00000000a80425fb
CapBnd:	00000000a80425fb
CapAmb:	0000000000000000
Seccomp:	2
Seccomp_filters:	1
0022
0
0'

send() { # TEXT: a raw request, what comes back within two seconds
	python3 - "$CRL/s" "$1" <<-'PYTHON'
		import socket, sys
		s = socket.socket(socket.AF_UNIX)
		s.settimeout(2)
		s.connect(sys.argv[1])
		s.sendall(sys.argv[2].encode().decode("unicode_escape").encode())
		data = b""
		try:
		    while piece := s.recv(4096):
		        data += piece
		except TimeoutError:
		    pass
		print(data.decode(errors="replace"))
	PYTHON
}
create() { # BODY: status code of a create
	curl -sS -o "$CRL/body" -w '%{http_code}' --unix-socket "$CRL/s" -H 'Content-Type: application/json' \
		-d "$1" http://d/containers/create
}

@test "run, exec and build: the same capabilities, one filter, no descriptor, umask, masks" {
	[ "$(crun-lite run --rm probe sh -c "$held")" = "$expected" ]
	[ "$(crun-lite exec held sh -c "$held")" = "$expected" ]
	mkdir -p "$CRL/ctx2"
	printf 'FROM probe\nRUN (%s) >/held\n' "$held" >"$CRL/ctx2/Dockerfile"
	crun-lite build -q -t built "$CRL/ctx2"
	[ "$(crun-lite run --rm built cat /held)" = "$expected" ]
}
@test "no-new-privileges holds in exec and for other users" {
	crun-lite run -d --name nnp --security-opt no-new-privileges busybox sleep 100
	[ "$(crun-lite exec nnp grep NoNewPrivs /proc/self/status)" = "NoNewPrivs:	1" ]
	run crun-lite exec -u 1 nnp grep -E 'NoNewPrivs|CapEff|CapPrm' /proc/self/status
	[ "$output" = "CapPrm:	0000000000000000
CapEff:	0000000000000000
NoNewPrivs:	1" ]
	crun-lite rm -f nnp
}
@test "AF_ALG and AF_VSOCK: refused by socket and by the i386 socketcall, in run and exec" {
	local family
	for family in 38 40; do
		[ "$(crun-lite run --rm probe probe socket $family)" = EPERM ]
		[ "$(crun-lite exec held probe socket $family)" = EPERM ]
		run crun-lite exec held probe socketcall $family
		[[ $output =~ ^(EPERM|ENOSYS)$ ]]
	done
	[ "$(crun-lite exec held probe socket 1)" = ok ]
}
@test "CVE-2024-21626: -w /proc/self/fd/N in run, exec and build" {
	local n
	for n in 0 3 7 8 9 10; do
		run crun-lite run --rm -w /proc/self/fd/$n busybox pwd
		[ "$status" -ne 0 ]
		run crun-lite exec -w /proc/self/fd/$n held pwd
		[ "$status" -ne 0 ]
	done
	mkdir -p "$CRL/ctx3"
	printf 'FROM busybox\nWORKDIR /proc/self/fd/8\nRUN pwd\n' >"$CRL/ctx3/Dockerfile"
	run crun-lite build "$CRL/ctx3"
	[ "$status" -ne 0 ]
}
@test "CVE-2026-30892: -u takes whole numbers only" {
	[ "$(crun-lite exec -u 1 held id -u)" = 1 ]
	local user
	for user in -1 4294967295 2147483648 1x 0x1 +1 ' 1'; do
		run crun-lite exec -u "$user" held id
		[ "$status" -ne 0 ]
	done
}
@test "an image whose files are links to the host or to the kernel" {
	local link target
	mkdir -p "$CRL/victim"
	for link in dev=$CRL/victim proc=$CRL/victim sys=$CRL/victim etc=$CRL/victim \
		etc/hosts=/proc/sys/kernel/core_pattern etc/resolv.conf=$CRL/victim/r; do
		target=${link#*=} link=${link%%=*}
		rm -rf "$CRL/evil"
		mkdir -p "$CRL/evil/bin" "$(dirname "$CRL/evil/$link")"
		cp "$(command -v busybox)" "$CRL/evil/bin/busybox"
		ln -s "$target" "$CRL/evil/$link"
		tar -C "$CRL/evil" -c . | crun-lite import - evil:1
		run crun-lite run --rm evil:1 /bin/busybox true
		[ "$status" -ne 0 ]
		[ -z "$(ls -A "$CRL/victim")" ]
		crun-lite rmi evil:1
	done
}
@test "hosts and resolv.conf: no second line, no second field" {
	local body
	for body in '{"Domainname":"x\n6.6.6.6 evil"}' '{"HostConfig":{"ExtraHosts":["a:1.1.1.1\n6.6.6.6 evil"]}}' \
		'{"HostConfig":{"ExtraHosts":["a b:1.1.1.1"]}}' '{"HostConfig":{"Dns":["1.1.1.1\nx"]}}' \
		'{"HostConfig":{"DnsSearch":["x\nnameserver 6.6.6.6"]}}' '{"HostConfig":{"DnsOptions":["x\nnameserver 6.6.6.6"]}}'; do
		[ "$(create "$(jq -c '. + {"Image":"busybox"}' <<<"$body")")" = 400 ]
	done
	[ "$(create '{"Image":"busybox","Domainname":"example.org","HostConfig":{"ExtraHosts":["a:1.1.1.1","b=::1","c:host-gateway"],"DnsSearch":["example.org","."],"DnsOptions":["ndots:2"]}}')" = 201 ]
}
@test "request smuggling: two lengths, or a length and chunks, end the connection" {
	local head='POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n'
	local next='GET /version HTTP/1.1\r\nHost: d\r\n\r\n' framing
	for framing in 'Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n' \
		'Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}' 'Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n'; do
		run send "$head$framing$next"
		[[ $output == "HTTP/1.1 400"* ]]
		[[ $output != *ApiVersion* ]]
	done
	run send 'POST /containers/create HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'"$next"
	[[ $output == *ApiVersion* ]]
}
@test "ps: an image's command and a label cannot steer the terminal" {
	crun-lite create --name steer --label "$(printf 'a=\033[31mred')" busybox "$(printf 'x\033]0;y\007')"
	crun-lite ps -a --no-trunc >"$CRL/ps"
	crun-lite ps -a --format 'table {{.Names}}\t{{.Labels}}' >>"$CRL/ps"
	grep -qF '\x1b]0;y\x07' "$CRL/ps"
	grep -qF 'a=?[31mred' "$CRL/ps"
	if grep -q "$(printf '\033')" "$CRL/ps"; then false; fi
	crun-lite rm steer
}
@test "the socket is 0660, and nobody but root reaches layers and containers" {
	[ "$(stat -c %a "$CRL/s")" = 660 ]
	[[ $(stat -c %a "$DATA_ROOT") =~ ^7[0-1]0$ ]]
	chmod 711 "$CRL"
	run setpriv --reuid 65534 --regid 65534 --clear-groups ls "$DATA_ROOT/layers" "$DATA_ROOT/containers" "$DATA_ROOT/volumes"
	[ "$status" -ne 0 ]
	run setpriv --reuid 65534 --regid 65534 --clear-groups curl -sS --unix-socket "$CRL/s" http://d/_ping
	[ "$status" -ne 0 ]
	chmod 700 "$CRL"
}
