#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The network part in namespaces of its own: HOST, where the daemon's side runs,
# OUT, another machine on HOST's wire, and the namespaces of "containers".
# Nothing here touches the real host's links or rules.

TOOL=${CRUN_LITE_BUILD:-$BATS_TEST_DIRNAME/../../build}/tests/system/net_tool

setup_file() {
	[ "$(id -u)" = 0 ] || skip "needs root"
	[ -x "$TOOL" ] || skip "$TOOL is not built"
}

setup() {
	dir=$(mktemp -d)
	unshare -n sleep 600 & host=$!
	unshare -n sleep 600 & out=$!
	wait_ns $host; wait_ns $out
	ip link add crlt0 netns $host type veth peer name crlt0 netns $out
	in_host sh -c 'ip link set lo up; ip addr add 192.0.2.1/24 dev crlt0; ip link set crlt0 up'
	in_out sh -c 'ip link set lo up; ip addr add 192.0.2.9/24 dev crlt0; ip link set crlt0 up'
	pids="$host $out"
	start_tool
}

teardown() {
	stop_tool
	kill $pids 2>/dev/null || true
	wait 2>/dev/null || true
	rm -rf "$dir"
}

# A namespace is there once it is no longer ours.
wait_ns() {
	until [ "$(readlink /proc/$1/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
}
in_host() { nsenter --net=/proc/$host/ns/net "$@"; }
in_out() { nsenter --net=/proc/$out/ns/net "$@"; }

# Fails when the command succeeds.
refute() {
	if "$@"; then return 1; fi
}

start_tool() {
	mkfifo "$dir/in.$$" "$dir/out.$$"
	nsenter --net=/proc/$host/ns/net "$TOOL" "$dir" -abcdef <"$dir/in.$$" >"$dir/out.$$" 3>&- &
	tool=$!
	exec 8>"$dir/in.$$" 9<"$dir/out.$$"
	rm "$dir/in.$$" "$dir/out.$$"
	read -r -t 10 line <&9
	[ "$line" = "ok ready" ]
}

stop_tool() {
	[ -n "$tool" ] || return 0
	exec 8>&- 9<&-
	wait $tool || true
	tool=
}

# Sends a command; the answer is in $line.
say() {
	echo "$*" >&8
	read -r -t 20 line <&9
}
ok() {
	say "$@"
	echo "$* -> $line"
	[[ $line == ok* ]]
}

# acquire NAME ARGS...: sets ip_NAME and ns_NAME.
acquire() {
	ok acquire "$@"
	local words=($line)
	printf -v ip_$1 %s "${words[1]}"
	printf -v ns_$1 %s "${words[2]}"
	printf -v link_$1 %s "${words[3]}"
	printf -v port_$1 %s "${words[4]##*:}"
}
in_ns() { local ns=$1; shift; nsenter --net="$ns" "$@"; }

# serve NAMESPACE tcp|udp PORT TEXT: answers every client with TEXT and the client's address.
serve() {
	in_ns "$1" python3 - "$2" "$3" "$4" >"$dir/serve.$3" 2>&1 3>&- 8>&- 9<&- <<-'EOF' &
	import socket, sys
	kind, port, text = sys.argv[1], int(sys.argv[2]), sys.argv[3]
	s = socket.socket(socket.AF_INET, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
	s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
	s.bind(("0.0.0.0", port))
	if kind == "tcp":
	    s.listen(8)
	print("ready", flush=True)
	while True:
	    if kind == "tcp":
	        c, a = s.accept()
	        c.sendall(f"{text} {a[0]}".encode())
	        c.close()
	    else:
	        d, a = s.recvfrom(100)
	        s.sendto(f"{text} {a[0]}".encode(), a)
	EOF
	pids="$pids $!"
	until grep -q ready "$dir/serve.$3"; do sleep 0.02; done
}

# ask tcp|udp ADDRESS PORT [SOURCE_PORT]: prints the answer, fails after 2 s without one.
ASK='
import socket, sys
kind, addr, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
s.settimeout(2)
if len(sys.argv) > 4:
    s.bind(("0.0.0.0", int(sys.argv[4])))
s.connect((addr, port))
if kind == "udp":
    s.send(b"x")
print(s.recv(100).decode())
'

@test "published tcp port: from outside, the host's address, localhost, a neighbour, itself" {
	acquire web 0.0.0.0:8080:80/tcp
	acquire other
	serve $ns_web tcp 80 hello
	run in_out python3 -c "$ASK" tcp 192.0.2.1 8080
	[ "$output" = "hello 192.0.2.9" ]
	run in_host python3 -c "$ASK" tcp 192.0.2.1 8080
	[[ $output == hello* ]]
	run in_host python3 -c "$ASK" tcp 127.0.0.1 8080
	[[ $output == hello* ]]
	run in_host python3 -c "$ASK" tcp $ip_web 80
	[[ $output == hello* ]]
	run in_ns $ns_other python3 -c "$ASK" tcp 192.0.2.1 8080
	[[ $output == hello* ]]
	run in_ns $ns_other python3 -c "$ASK" tcp $ip_web 80
	[ "$output" = "hello $ip_other" ]
	run in_ns $ns_web python3 -c "$ASK" tcp 192.0.2.1 8080
	[[ $output == hello* ]]
}

@test "published udp port: from outside, the host's address, localhost" {
	acquire dns 0.0.0.0:5353:53/udp
	serve $ns_dns udp 53 hello
	run in_out python3 -c "$ASK" udp 192.0.2.1 5353
	[ "$output" = "hello 192.0.2.9" ]
	run in_host python3 -c "$ASK" udp 192.0.2.1 5353
	[[ $output == hello* ]]
	run in_host python3 -c "$ASK" udp 127.0.0.1 5353
	[[ $output == hello* ]]
}

@test "udp: a client that keeps its port reaches the next container" {
	acquire a 0.0.0.0:5353:53/udp
	serve $ns_a udp 53 first
	run in_out python3 -c "$ASK" udp 192.0.2.1 5353 4444
	[[ $output == first* ]]
	ok release a
	acquire b 0.0.0.0:5353:54/udp
	serve $ns_b udp 54 second
	run in_out python3 -c "$ASK" udp 192.0.2.1 5353 4444
	[[ $output == second* ]]
}

@test "containers reach outside under the host's address" {
	acquire c
	serve /proc/$out/ns/net tcp 90 outside
	run in_ns $ns_c python3 -c "$ASK" tcp 192.0.2.9 90
	[ "$output" = "outside 192.0.2.1" ]
}

@test "what is not published cannot be reached from outside, not even by routing" {
	acquire web 0.0.0.0:8080:80/tcp
	serve $ns_web tcp 80 hello
	serve $ns_web tcp 81 secret
	in_out ip route add 172.16.0.0/12 via 192.0.2.1
	run in_out python3 -c "$ASK" tcp $ip_web 81
	[ "$status" -ne 0 ]
	run in_out python3 -c "$ASK" tcp $ip_web 80
	[ "$status" -ne 0 ]
}

@test "a port published on 127.0.0.1 is not for the wire; host's loopback is not for containers" {
	acquire web 127.0.0.1:8080:80/tcp
	serve $ns_web tcp 80 hello
	run in_host python3 -c "$ASK" tcp 127.0.0.1 8080
	[[ $output == hello* ]]
	run in_out python3 -c "$ASK" tcp 192.0.2.1 8080
	[ "$status" -ne 0 ]
	# A neighbour on the wire that routes 127/8 to us.
	in_out sh -c 'ip addr del 127.0.0.1/8 dev lo; sysctl -qw net.ipv4.conf.all.route_localnet=1;
		ip route flush table local 127.0.0.0/8; ip route add 127.0.0.1/32 via 192.0.2.1' || true
	run in_out python3 -c "$ASK" tcp 127.0.0.1 8080
	[ "$status" -ne 0 ]
	# A container that routes 127/8 to the bridge.
	serve /proc/$host/ns/net tcp 631 loopback
	in_ns $ns_web sh -c 'sysctl -qw net.ipv4.conf.all.route_localnet=1; ip addr del 127.0.0.1/8 dev lo;
		ip route add 127.0.0.1/32 via 172.17.0.1 src $(ip -4 -o addr show eth0 | cut -d" " -f7 | cut -d/ -f1)'
	run in_ns $ns_web python3 -c "$ASK" tcp 127.0.0.1 631
	[ "$status" -ne 0 ]
}

@test "a taken host port is found out and nothing is left" {
	serve /proc/$host/ns/net tcp 8080 squatter
	say acquire web 0.0.0.0:8080:80/tcp
	[[ $line == *"driver failed programming external connectivity on endpoint web ("*"): listen tcp4 0.0.0.0:8080: bind: address already in use" ]]
	acquire a 0.0.0.0:9090:80/tcp
	say acquire b 0.0.0.0:9090:80/tcp
	[[ $line == *"Bind for 0.0.0.0:9090 failed: port is already allocated"*"address already in use"* ]]
	[ "$(in_host nft list map inet crun-lite-abcdef ports_any | grep -c :)" = 2 ]
	ok release a
	acquire b 0.0.0.0:9090:80/tcp
}

@test "another program cannot listen on a published port" {
	acquire web 0.0.0.0:8080:80/tcp
	run in_host python3 -c 'import socket
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("0.0.0.0", 8080)); s.listen()'
	[ "$status" -ne 0 ]
	[[ $output == *"Address already in use"* ]]
}

@test "port 0 is a free port from 49153 on" {
	acquire a 0.0.0.0:0:80/tcp
	[ "$port_a" -ge 49153 ]
	serve $ns_a tcp 80 hello
	run in_out python3 -c "$ASK" tcp 192.0.2.1 $port_a
	[[ $output == hello* ]]
}

@test "the namespace is complete: lo, eth0, default route, no IPv6 on eth0" {
	acquire a
	run in_ns $ns_a ip -br addr
	[[ $output == *"127.0.0.1/8 ::1/128"* ]]
	[[ $output == *"eth0@"*"UP"*"$ip_a/16"* ]]
	[[ $output != *fe80* ]]
	run in_ns $ns_a ip route show default
	[[ $output == "default via 172.17.0.1 dev eth0"* ]]
	run in_ns $ns_a ip -br link show eth0
	[[ $output == *"02:42:ac:11:00:02"* ]]
}

@test "networks are apart; an internal one has no way out" {
	ok create red 10.1.0.0/24 10.1.0.1
	ok create inner 10.2.0.0/24 10.2.0.1 internal
	acquire a red
	acquire b
	acquire c inner
	acquire d inner
	[ "$ip_a" = 10.1.0.2 ]
	serve $ns_a tcp 80 hello
	run in_ns $ns_b python3 -c "$ASK" tcp $ip_a 80
	[ "$status" -ne 0 ]
	serve $ns_c tcp 80 inner
	run in_ns $ns_d python3 -c "$ASK" tcp $ip_c 80
	[[ $output == inner* ]]
	serve /proc/$out/ns/net tcp 90 outside
	in_ns $ns_c ip route add default via 10.2.0.1
	run in_ns $ns_c python3 -c "$ASK" tcp 192.0.2.9 90
	[ "$status" -ne 0 ]
	run in_ns $ns_a python3 -c "$ASK" tcp 192.0.2.9 90
	[ "$output" = "outside 192.0.2.1" ]
	ok release a
	ok remove red
	run in_host nft list ruleset
	[[ $output != *10.1.0.0* ]]
}

@test "the bridge was deleted: made again, running containers hang on it" {
	acquire a 0.0.0.0:8080:80/tcp
	serve $ns_a tcp 80 hello
	in_host ip link del crlabcdef
	acquire b
	run in_ns $ns_b python3 -c "$ASK" tcp $ip_a 80
	[[ $output == hello* ]]
	run in_out python3 -c "$ASK" tcp 192.0.2.1 8080
	[[ $output == hello* ]]
}

@test "the rules were flushed by somebody: made again without being asked" {
	acquire a 0.0.0.0:8080:80/tcp
	serve $ns_a tcp 80 hello
	in_host nft flush ruleset
	ok wait 300
	run in_out python3 -c "$ASK" tcp 192.0.2.1 8080
	[[ $output == hello* ]]
	in_host nft flush table inet crun-lite-abcdef
	ok wait 300
	run in_out python3 -c "$ASK" tcp 192.0.2.1 8080
	[[ $output == hello* ]]
}

@test "rules of others stay as they are, and a firewall that says drop, drops" {
	in_host nft add table inet mine
	in_host nft add chain inet mine routed '{ type filter hook forward priority 10 ; policy drop ; }'
	before=$(in_host nft list table inet mine)
	acquire a 0.0.0.0:8080:80/tcp
	serve $ns_a tcp 80 hello
	run in_out python3 -c "$ASK" tcp 192.0.2.1 8080
	[ "$status" -ne 0 ]
	ok release a
	[ "$(in_host nft list table inet mine)" = "$before" ]
	stop_tool
	[ "$(in_host nft list table inet mine)" = "$before" ]
}

# A set as nft 1.1.2 and newer write it: with notes that nft 1.0.6 crashes on.
foreign_set() {
	in_host nft add table inet newer
	in_host python3 - <<-'EOF'
	import socket, struct
	def attr(kind, data):
	    return struct.pack("=HH", 4 + len(data), kind) + data + b"\0" * (-len(data) % 4)
	def message(kind, flags, family, res, body, seq):
	    body = struct.pack("=BBH", family, 0, socket.htons(res)) + body
	    return struct.pack("=IHHII", 16 + len(body), kind, flags, seq, 0) + body
	u32 = lambda v: struct.pack(">I", v)
	typeof = b"\x00\x04" + struct.pack("=I", 200) + b"\x01\x00" # expression 200, no more said
	notes = b"\x00\x04" + struct.pack("=I", 2) + bytes([3, len(typeof)]) + typeof
	new = attr(1, b"newer\0") + attr(2, b"s\0") + attr(3, u32(0)) + attr(4, u32(7)) + attr(5, u32(4))
	new += attr(10, u32(1)) + attr(13, notes)
	s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
	s.bind((0, 0))
	s.send(message(16, 1, 0, 10, b"", 1) + message(0xa09, 0x405, 1, 0, new, 2) + message(17, 1, 0, 10, b"", 3))
	length, kind, _, _, _, error = struct.unpack("=IHHIIi", s.recv(4096)[:20])
	assert kind == 2 and error == 0, error
	EOF
}

@test "sets of a newer nft, on which this one's library crashes, do not matter" {
	stop_tool
	foreign_set
	run in_host nft list ruleset
	echo "nft list ruleset: $status"
	start_tool
	acquire a 0.0.0.0:8080:80/tcp
	serve $ns_a tcp 80 hello
	in_host nft flush table inet crun-lite-abcdef || true
	ok wait 300
	run in_out python3 -c "$ASK" tcp 192.0.2.1 8080
	[[ $output == hello* ]]
	ok release a
}

@test "no table of others is ever read: the only questions name ours" {
	stop_tool
	in_host nft add table inet others
	mkfifo "$dir/in.s" "$dir/out.s"
	nsenter --net=/proc/$host/ns/net strace -f -qq -e trace=sendto,sendmsg -e signal=none -s 4096 \
		-o "$dir/strace" "$TOOL" "$dir" -abcdef <"$dir/in.s" >"$dir/out.s" 3>&- &
	tool=$!
	exec 8>"$dir/in.s" 9<"$dir/out.s"
	read -r -t 20 line <&9
	[ "$line" = "ok ready" ]
	acquire a 0.0.0.0:8080:80/tcp
	in_host nft flush table inet crun-lite-abcdef
	ok wait 300
	ok release a
	stop_tool
	# Questions of nf_tables: GETTABLE, GETCHAIN, GETRULE, GETSET, GETSETELEM, GETGEN and so on.
	grep -E 'NFT_MSG_GET|NFNL_SUBSYS_NFTABLES<<8\|NFT_MSG_GET' "$dir/strace" >"$dir/questions"
	[ -s "$dir/questions" ]
	refute grep -v 'crun-lite-abcdef\|\\x63\\x72\\x75\\x6e\\x2d' "$dir/questions"
}

@test "a crash: the container's port works on, the next daemon adopts it and sweeps the rest" {
	acquire a 0.0.0.0:8080:80/tcp
	serve $ns_a tcp 80 hello
	say crash || true
	wait $tool || true
	exec 8>&- 9<&-
	in_host ip link add crlvabcdefdead0 type veth peer name crlvpeer
	run in_out python3 -c "$ASK" tcp 192.0.2.1 8080
	[[ $output == hello* ]]
	start_tool
	run in_out python3 -c "$ASK" tcp 192.0.2.1 8080
	[[ $output == hello* ]]
	acquire b
	[ "$ip_b" != "$ip_a" ]
	say acquire c 0.0.0.0:8080:80/tcp
	[[ $line == *"port is already allocated"* ]]
	ok wait 2600
	run in_host ip -br link
	[[ $output != *crlvabcdefdead0* ]]
	ok release a
	run in_out python3 -c "$ASK" tcp 192.0.2.1 8080
	[ "$status" -ne 0 ]
}

@test "nothing is left: links, rules, processes" {
	acquire a 0.0.0.0:8080:80/tcp
	ok create red 10.1.0.0/24 10.1.0.1
	acquire b red
	ok release a
	ok release b
	stop_tool
	for i in $(seq 50); do
		[ "$(in_host ip -br link | wc -l)" = 2 ] && break
		sleep 0.1
	done
	[ "$(in_host ip -br link | wc -l)" = 2 ]
	[ -z "$(in_host nft list ruleset)" ]
	if pgrep -f 'crun-lite-monitor --make-netns' -s 0; then false; fi
}

@test "addresses and namespaces do not run out over 300 rounds" {
	ok wait 300 # the pool is full: no miss makes it larger
	ok bench 300 0.0.0.0:8080:80/tcp
	ok wait 1000
	[ "$(ls /proc/$tool/fd | wc -l)" -lt 40 ]
	[ "$(in_host ip -br link | grep -c crlvabcdef)" -le 4 ]
}

@test "two daemons side by side: other subnets, and the end of one is not the other's" {
	acquire a 0.0.0.0:8080:80/tcp
	serve $ns_a tcp 80 hello
	mkdir "$dir/two"
	{ echo "acquire b 0.0.0.0:8081:80/tcp"; sleep 1; echo "release b"; } |
		nsenter --net=/proc/$host/ns/net "$TOOL" "$dir/two" "" >"$dir/two.out" 3>&- 8>&- 9<&- &
	second=$!
	until grep -q 172 "$dir/two.out"; do sleep 0.05; done
	grep -q '172\.18\.0\.2' "$dir/two.out"
	[ "$(in_host nft list tables | wc -l)" = 2 ]
	run in_host ip -br link
	[[ $output == *crunlite0* && $output == *crlabcdef* ]]
	run in_out python3 -c "$ASK" tcp 192.0.2.1 8080
	[[ $output == hello* ]]
	wait $second
	[ "$(in_host nft list tables)" = "table inet crun-lite-abcdef" ]
	run in_host ip -br link
	[[ $output != *crunlite0* && $output == *crlabcdef* ]]
	run in_out python3 -c "$ASK" tcp 192.0.2.1 8080
	[[ $output == hello* ]]
}
