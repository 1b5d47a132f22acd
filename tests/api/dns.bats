#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The name server 127.0.0.11 of user-defined networks, as processes in containers'
# network namespaces see it.
load ../harness/daemon

tool=$BATS_TEST_DIRNAME/dns/tool.py

setup_file() {
	daemon_setup || return 1
	docker network create --subnet 10.217.1.0/24 shop >/dev/null
	docker network create --subnet 10.217.2.0/24 other >/dev/null
	docker network create --internal --subnet 10.217.3.0/24 inside >/dev/null
	python3 "$tool" serve 10.217.1.1 "$CRL/asked" >"$CRL/ready" 3>&- &
	echo $! >"$CRL/resolver-pid"
	up shop client --dns 10.217.1.1
	wait_until 30 grep -q ready "$CRL/ready"
}

teardown_file() {
	kill "$(cat "$CRL/resolver-pid")"
	daemon_teardown
}

setup() { command -v docker >/dev/null || skip "no docker client"; }

# up NETWORK NAME OPTION...: a container that sleeps.
up() {
	local net=$1 name=$2
	shift 2
	docker run -d --name "$name" --network "$net" "$@" busybox sleep 1000 >/dev/null
}

# in_net CONTAINER COMMAND...: a program of the host in the container's network.
in_net() {
	nsenter -n -t "$(docker inspect -f '{{.State.Pid}}' "$1")" "${@:2}"
}

# ask CONTAINER NAME [TYPE] [OPTION...]: code and addresses in $output, milliseconds in $took.
ask() {
	output=$(in_net "$1" python3 "$tool" ask "${@:2}" 2>"$CRL/took")
	took=$(cat "$CRL/took")
}

# asked CONTAINER ANSWER NAME...: true when the answer is this.
asked() {
	ask "$1" "${@:3}"
	[ "$output" = "$2" ] || { echo "${*:3}: $output" >&2; false; }
}

ip_of() { docker inspect -f "{{(index .NetworkSettings.Networks \"$2\").IPAddress}}" "$1"; }

server_pid() { pgrep -f "^crun-lite-dns $EXEC_ROOT/dns.sock$"; }

@test "resolv.conf is Docker's, on user-defined networks and on the default one" {
	run docker exec client cat /etc/resolv.conf
	[ "${lines[0]}" = "nameserver 127.0.0.11" ]
	[[ $output == *"options "*"ndots:0"* ]]
	up shop r1 --dns 9.9.9.9 --dns-search a.test --dns-search b.test --dns-option ndots:2 --dns-option timeout:1
	run docker exec r1 cat /etc/resolv.conf
	[ "$output" = $'nameserver 127.0.0.11\nsearch a.test b.test\noptions ndots:2 timeout:1' ]
	up shop r2 --dns-search . --dns-option edns0
	run docker exec r2 cat /etc/resolv.conf
	[ "$output" = $'nameserver 127.0.0.11\noptions edns0 ndots:0' ]
	up bridge r3 --dns 9.9.9.9 --dns-search a.test --dns-option ndots:2
	run docker exec r3 cat /etc/resolv.conf
	[ "$output" = $'nameserver 9.9.9.9\nsearch a.test\noptions ndots:2' ]
	docker rm -f r1 r2 r3
}

@test "names: name, id, alias, host name, with the network behind it; by busybox as well" {
	up shop web --network-alias www --network-alias WebShop --hostname box7
	ip=$(ip_of web shop)
	for name in web www webshop WEBSHOP box7 "$(docker inspect -f '{{printf "%.12s" .Id}}' web)" \
		web.shop www.shop Web.Shop; do
		asked client "NOERROR $ip" "$name"
	done
	asked client "NOERROR $ip" web --tcp
	run docker exec client nslookup web
	[ "$status" -eq 0 ]
	[[ $output == *"$ip"* ]]
	run docker exec client ping -c 1 -W 2 www
	[ "$status" -eq 0 ]
	# A name that is there has no address of the other kind: said at once, and to nobody else.
	asked client NOERROR web AAAA
	asked client NOERROR web TXT
	[ "$took" -lt 500 ]
	run grep -c '^web' "$CRL/asked"
	[ "$output" = 0 ]
	docker rm -f web
}

@test "reverse: addresses of the network have names, the free ones have none" {
	up shop web
	ip=$(ip_of web shop)
	IFS=. read -r a b c d <<<"$ip"
	asked client "NOERROR web.shop" "$d.$c.$b.$a.in-addr.arpa" PTR
	asked client NXDOMAIN 250.1.217.10.in-addr.arpa PTR
	docker rm -f web
}

@test "an alias of three containers gives each of them its turn" {
	for i in 1 2 3; do up shop "rep$i" --network-alias rep; done
	asked client "NOERROR $(for i in 1 2 3; do ip_of "rep$i" shop; done | sort | tr '\n' ' ' | sed 's/ $//')" rep
	run in_net client python3 "$tool" first 90 rep
	[ "${#lines[@]}" = 3 ]
	for line in "${lines[@]}"; do [ "${line#* }" = 30 ]; done
	docker rm -f rep1 rep2 >/dev/null
	asked client "NOERROR $(ip_of rep3 shop)" rep
	docker rm -f rep3
}

@test "what start and rm have answered is true for the next question" {
	for i in 1 2 3 4 5 6 7 8; do
		up shop "quick$i" --network-alias quick
		asked client "NOERROR $(ip_of "quick$i" shop)" "quick$i"
		docker exec "quick$i" nslookup "quick$i" >/dev/null
		docker rm -f "quick$i" >/dev/null
		asked client NXDOMAIN "quick$i"
		[ "$took" -lt 500 ]
		asked client NXDOMAIN quick
	done
	up shop back
	docker stop -t 0 back >/dev/null
	asked client NXDOMAIN back
	docker start back >/dev/null
	asked client "NOERROR $(ip_of back shop)" back
	docker rename back forth
	asked client NXDOMAIN back
	asked client "NOERROR $(ip_of forth shop)" forth
	docker rm -f forth
}

@test "connect and disconnect change what a running container sees" {
	up other far
	docker run -d --name near busybox sleep 1000 >/dev/null # on the default network
	asked client NXDOMAIN far
	docker network connect --alias remote shop far
	asked client "NOERROR $(ip_of far shop)" far
	asked client "NOERROR $(ip_of far shop)" remote
	asked far "NOERROR $(ip_of client shop)" client
	docker network disconnect shop far
	asked client NXDOMAIN remote
	# A container that began without a name server gets one.
	docker network connect shop near
	run docker exec near cat /etc/resolv.conf
	[ "${lines[0]}" = "nameserver 127.0.0.11" ]
	asked near "NOERROR $(ip_of client shop)" client
	asked client "NOERROR $(ip_of near shop)" near
	docker network disconnect shop near
	docker network connect shop near
	asked near "NOERROR $(ip_of client shop)" client
	docker rm -f far near
}

@test "links are names for one container alone" {
	up shop db
	up shop linked --link db:database
	asked linked "NOERROR $(ip_of db shop)" database
	asked client NXDOMAIN database
	docker rm -f db linked
}

@test "names and addresses of other networks are nobody's business" {
	up other secret --dns 10.217.1.1
	ip=$(ip_of secret other)
	IFS=. read -r a b c d <<<"$ip"
	asked client NXDOMAIN secret
	asked client NXDOMAIN secret.other
	asked client NXDOMAIN "$d.$c.$b.$a.in-addr.arpa" PTR
	asked secret NXDOMAIN client
	docker rm -f secret
}

@test "other names go to --dns: UDP, TCP, truncated answers, errors" {
	asked client "NOERROR 203.0.113.7" www.example
	asked client "NOERROR 203.0.113.7" www.example --tcp
	asked client NXDOMAIN nothing.invalid
	asked client "NOERROR TC" big.example
	ask client big.example --tcp
	[ "$(wc -w <<<"$output")" = 101 ]
	asked client REFUSED refused.example
	ask client slow.example
	[ "$output" = "NOERROR 203.0.113.7" ]
	[ "$took" -ge 2000 ]
}

@test "a dead first server costs a second once; a refusing one nothing" {
	up shop lost --dns 10.217.1.254 --dns 10.217.1.1
	asked lost "NOERROR 203.0.113.7" a.example
	[ "$took" -lt 3000 ]
	asked lost "NOERROR 203.0.113.7" b.example
	[ "$took" -lt 500 ]
	up shop refused --dns 10.217.2.1 --dns 10.217.1.1 # the host, where nobody listens
	asked refused "NOERROR 203.0.113.7" c.example
	[ "$took" -lt 500 ]
	asked refused "NOERROR 203.0.113.7" c.example --tcp
	docker rm -f lost refused
}

@test "--dns in 127.0.0.0/8 is the container's own loopback" {
	up shop self --dns 127.0.0.1
	in_net self python3 "$tool" port53 10 >"$CRL/bound" 3>&- &
	wait_until 20 grep -q bound "$CRL/bound"
	asked self "NOERROR 127.9.9.9" any.example
	wait $!
	docker rm -f self
}

@test "a name server in a container may have port 53" {
	up shop ns
	in_net ns python3 "$tool" port53 10 >"$CRL/bound" 3>&- &
	wait_until 20 grep -q bound "$CRL/bound"
	asked ns "NOERROR $(ip_of client shop)" client
	asked ns "NOERROR $(ip_of client shop)" client --tcp
	asked client "NOERROR 127.9.9.9" any.example --server "$(ip_of ns shop)"
	wait $!
	docker rm -f ns
}

@test "an internal network leads nowhere, for names as well" {
	up inside hidden --dns 10.217.1.1
	up inside hidden2
	asked hidden "NOERROR $(ip_of hidden2 inside)" hidden2
	asked hidden SERVFAIL leak.example
	[ "$took" -lt 500 ]
	run grep -c leak "$CRL/asked"
	[ "$output" = 0 ]
	docker rm -f hidden hidden2
}

@test "namespaces of other kinds: with a user namespace, and shared" {
	crun-lite run -d --name mapped --userns auto --network shop busybox sleep 1000 >/dev/null
	docker run -d --name guest --network container:mapped busybox sleep 1000 >/dev/null
	asked client "NOERROR $(ip_of mapped shop)" mapped
	asked mapped "NOERROR $(ip_of client shop)" client
	run docker exec mapped nslookup client
	[ "$status" -eq 0 ]
	run docker exec guest nslookup client
	[ "$status" -eq 0 ]
	docker rm -f guest mapped
}

@test "forged answers are not believed, even with the right port and id" {
	up shop evil
	: >"$CRL/asked"
	in_net client python3 "$tool" ask slow.bank.example >"$CRL/answer" 2>/dev/null &
	wait_until 2 grep -q bank "$CRL/asked"
	read -r name _ port id <"$CRL/asked"
	in_net evil python3 "$tool" forge 10.217.1.1 "$port" "$id" "$name"
	in_net client python3 "$tool" forge 10.217.1.1 "$port" "$id" "$name"
	wait $!
	[ "$(cat "$CRL/answer")" = "NOERROR 203.0.113.7" ]
	docker rm -f evil
}

@test "garbage and stalled connections hurt nobody" {
	up shop evil --dns 10.217.1.1
	pid=$(server_pid)
	in_net evil python3 "$tool" garbage 7
	in_net evil python3 "$tool" stall 200 4 >"$CRL/held" 3>&- &
	wait_until 10 grep -q held "$CRL/held"
	ip=$(ip_of evil shop)
	asked client "NOERROR $ip" evil
	asked client "NOERROR $ip" evil --tcp
	asked evil "NOERROR $ip" evil
	[ "$took" -lt 1000 ]
	wait $!
	[ "$(server_pid)" = "$pid" ]
	kill -0 "$(daemon_pid)"
	docker rm -f evil
}

@test "500 questions a second of one container do not slow another" {
	up shop noisy --dns 10.217.1.254
	read -r p50 p99 < <(in_net client python3 "$tool" times 300 client)
	in_net noisy python3 "$tool" flood 3 500 silent.example >/dev/null 3>&- &
	sleep 0.5
	read -r busy50 busy99 < <(in_net client python3 "$tool" times 300 client)
	asked client "NOERROR 203.0.113.7" www.example
	[ "$took" -lt 500 ]
	wait $!
	echo "# own name: $p50 us (99 %: $p99); while another floods: $busy50 us (99 %: $busy99)" >&3
	[ "$busy50" -lt 20000 ]
	docker rm -f noisy
}

@test "the server has no rights and little memory" {
	pid=$(server_pid)
	run grep -E '^(Uid|CapEff|CapPrm|Seccomp|NoNewPrivs):' "/proc/$pid/status"
	[[ $output == *$'Uid:\t65533\t65533\t65533\t65533'* ]]
	[[ $output == *$'CapPrm:\t0000000000000000'* && $output == *$'CapEff:\t0000000000000000'* ]]
	[[ $output == *$'Seccomp:\t2'* && $output == *$'NoNewPrivs:\t1'* ]]
	rss=$(awk '/^Rss/ {print $2}' "/proc/$pid/smaps_rollup")
	pss=$(awk '/^Pss:/ {print $2}' "/proc/$pid/smaps_rollup")
	echo "# crun-lite-dns: RSS $rss KiB, PSS $pss KiB" >&3
	[ "$rss" -lt 6000 ]
	# one for all containers
	[ "$(pgrep -fc "^crun-lite-dns $EXEC_ROOT/")" = 1 ]
}

@test "a killed daemon takes no names along, and the next one goes on" {
	up shop stays
	ip=$(ip_of stays shop) pid=$(server_pid) inner=$(docker inspect -f '{{.State.Pid}}' client)
	up shop doomed
	doomed=$(docker inspect -f '{{.State.Pid}}' doomed)
	daemon_stop KILL
	run nsenter -n -t "$inner" python3 "$tool" ask stays
	[ "${lines[0]}" = "NOERROR $ip" ]
	run nsenter -n -t "$inner" python3 "$tool" ask www.example
	[ "${lines[0]}" = "NOERROR 203.0.113.7" ]
	kill -9 "$doomed"
	daemon_start
	[ "$(server_pid)" = "$pid" ]
	asked client "NOERROR $ip" stays
	wait_until 5 asked client NXDOMAIN doomed
	up shop later
	asked client "NOERROR $(ip_of later shop)" later
	docker rm -f stays doomed later
}

@test "a killed name server is back within a second" {
	up shop stays
	ip=$(ip_of stays shop) old=$(server_pid)
	begin=$(date +%s%N)
	kill -9 "$old"
	until in_net client python3 "$tool" ask stays --wait 0.2 2>/dev/null | grep -q "NOERROR $ip"; do
		[ $(($(date +%s%N) - begin)) -lt 5000000000 ]
	done
	took=$((($(date +%s%N) - begin) / 1000000))
	echo "# name server back after $took ms" >&3
	[ "$took" -lt 1500 ]
	[ "$(server_pid)" != "$old" ]
	asked stays "NOERROR $(ip_of client shop)" client
	asked stays "NOERROR $ip" stays --tcp
	docker rm -f stays
}

@test "a name server that hangs is replaced, also by a daemon that did not start it" {
	old=$(server_pid)
	kill -STOP "$old"
	wait_until 25 asked client "NOERROR $(ip_of client shop)" client --wait 0.5
	[ "$(server_pid)" != "$old" ]
	old=$(server_pid)
	daemon_stop KILL
	kill -STOP "$old"
	daemon_start
	wait_until 25 asked client "NOERROR $(ip_of client shop)" client --wait 0.5
	[ "$(server_pid)" != "$old" ]
}

@test "both killed: the next daemon starts one" {
	old=$(server_pid)
	daemon_stop KILL
	kill -9 "$old"
	daemon_start
	wait_until 3 asked client "NOERROR $(ip_of client shop)" client
}

@test "with the last container the server goes" {
	docker rm -f client >/dev/null
	wait_until 20 eval '! server_pid'
	run docker network rm shop other inside
	[ "$status" -eq 0 ]
}

# The daemon with a resolv.conf of its own, in a mount namespace.
@test "the host's servers: also on its loopback, and followed when they change" {
	mkdir -p "$CRL/bin"
	echo "nameserver 127.0.0.154" >"$CRL/resolv" # nobody listens there
	cat >"$CRL/bin/crun-lited" <<-EOF
		#!/bin/sh
		exec unshare -m sh -c 'mount --bind "$CRL/resolv" /etc/resolv.conf && exec "\$0" "\$@"' $(command -v crun-lited) "\$@"
	EOF
	chmod +x "$CRL/bin/crun-lited"
	daemon_stop
	PATH=$CRL/bin:$PATH daemon_start
	python3 "$tool" serve 127.0.0.153 "$CRL/asked-loopback" >"$CRL/ready" 3>&- &
	resolver=$!
	wait_until 30 grep -q ready "$CRL/ready"
	docker network create --subnet 10.217.4.0/24 late >/dev/null
	up late client
	asked client SERVFAIL a.example
	[ "$took" -lt 1000 ]
	echo "nameserver 127.0.0.153" >"$CRL/resolv"
	wait_until 3 asked client "NOERROR 203.0.113.7" b.example
	asked client "NOERROR 203.0.113.7" b.example --tcp
	run docker exec client cat /etc/resolv.conf
	[ "$output" = $'nameserver 127.0.0.11\noptions ndots:0' ]
	docker rm -f client
	docker network rm late
	kill $resolver
}
