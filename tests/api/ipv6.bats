#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# IPv6 as the docker CLI sees it, and who reaches whom. The daemon runs in a network
# namespace of its own, HOST; OUT is another machine on HOST's wire. Attacks go with
# each rule: they succeed when the rule is taken out of src/daemon/nft_rules.c.
load ../harness/daemon
[ -z "${WRAP:-}" ] || PATH=$WRAP:$PATH # the harness puts the build first, in every test

setup_file() {
	command -v docker >/dev/null || skip "no docker client"
	unshare -n sleep 900 3>&- & export HOST=$!
	unshare -n sleep 900 3>&- & export OUT=$!
	wait_ns $HOST; wait_ns $OUT
	ip link add crlt6 netns $HOST type veth peer name crlt6 netns $OUT
	in_host sh -c 'ip link set lo up; ip addr add 192.0.2.1/24 dev crlt6
		ip addr add 2001:db8::1/64 dev crlt6 nodad; ip link set crlt6 up'
	in_out sh -c 'ip link set lo up; ip addr add 192.0.2.9/24 dev crlt6
		ip addr add 2001:db8::9/64 dev crlt6 nodad; ip link set crlt6 up
		ip route add default via 192.0.2.1; ip -6 route add default via 2001:db8::1'
	export WRAP
	WRAP=$(mktemp -d)
	printf '#!/bin/sh\nexec nsenter --net=/proc/%s/ns/net %s "$@"\n' $HOST \
		"$CRUN_LITE_BUILD/src/daemon/crun-lited" >"$WRAP/crun-lited"
	chmod +x "$WRAP/crun-lited"
	PATH=$WRAP:$PATH
	daemon_setup
}

teardown_file() {
	local status=0
	daemon_teardown || status=1
	[ -z "${HOST:-}" ] || kill $HOST $OUT
	rm -rf "${WRAP:?}"
	return $status
}

teardown() {
	containers_gone
	docker network prune -f >/dev/null
}

wait_ns() {
	until [ "$(readlink /proc/$1/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
}
in_host() { nsenter --net=/proc/$HOST/ns/net "$@"; }
in_out() { nsenter --net=/proc/$OUT/ns/net "$@"; }

# web NAME ARGS...: a container that serves "hello NAME" on port 80, and on 81 what nobody published.
web() {
	local name=$1
	shift
	docker run -d --name "$name" "$@" busybox sh -c "echo hello $name >/tmp/x; httpd -p 81 -h /tmp; exec httpd -f -p 80 -h /tmp" >/dev/null
	wait_until 5 docker exec "$name" wget -qO- http://127.0.0.1:80/x
}

# ask CONTAINER URL...: from inside; the answer, or a failure after two seconds.
ask() { docker exec "$1" timeout 2 wget -qO- "http://$2/x"; }
refute() { if "$@"; then return 1; fi; }
addr6() { docker inspect "$1" -f "{{.NetworkSettings.Networks.$2.GlobalIPv6Address}}"; }
addr4() { docker inspect "$1" -f "{{.NetworkSettings.Networks.$2.IPAddress}}"; }

# seen_by_out CONTAINER: the address that OUT sees when the container connects to it.
seen_by_out() {
	timeout 10 nsenter --net=/proc/$OUT/ns/net python3 -c 'import socket
s = socket.socket(socket.AF_INET6); s.setsockopt(1, 2, 1); s.bind(("::", 90)); s.listen()
c, a = s.accept(); print(a[0])' >"$CRL/seen" 3>&- &
	local server=$!
	wait_until 5 docker exec "$1" timeout 1 nc 2001:db8::9 90 -e true
	wait $server
	cat "$CRL/seen"
}

@test "a network with IPv6 and no subnet: a unique local one, the same fields as docker's" {
	docker network create --ipv6 n6
	run docker network inspect n6 -f '{{.EnableIPv4}} {{.EnableIPv6}} {{len .IPAM.Config}} {{(index .IPAM.Config 1).Subnet}} {{(index .IPAM.Config 1).Gateway}}'
	[[ $output =~ ^true\ true\ 2\ (fd[0-9a-f]{2}:[0-9a-f]+:[0-9a-f]+:)[0-9a-f:]*/64\ fd ]]
	docker network create --ipv6 n7
	[ "$(docker network inspect n6 n7 -f '{{(index .IPAM.Config 1).Subnet}}' | sort -u | wc -l)" = 2 ]
	web ca --network n6
	run docker inspect ca -f '{{with .NetworkSettings.Networks.n6}}{{.GlobalIPv6PrefixLen}} {{.IPv6Gateway}} {{.GlobalIPv6Address}}{{end}}'
	[[ $output =~ ^64\ fd[0-9a-f:]+::1\ fd[0-9a-f:]+::2$ ]]
	run docker network inspect n6 -f '{{range .Containers}}{{.IPv6Address}}{{end}}'
	[[ $output == fd*::2/64 ]]
}

@test "addresses are there at once: no detection of duplicates, no router is believed" {
	docker network create --ipv6 --subnet fd00:6::/64 n6
	run docker run --name ca --network n6 busybox sh -c 'ip -6 addr show eth0; ip -6 route; cat /proc/sys/net/ipv6/conf/eth0/accept_ra'
	run docker logs ca
	[[ $output == *"fd00:6::2/64 scope global"* ]]
	[[ $output != *tentative* ]]
	[[ $output == *"default via fd00:6::1 dev eth0"* ]]
	[[ $output == *$'\n0' ]]
}

@test "a network without IPv6 leaves none in its containers" {
	docker network create n4
	docker run --name ca --network n4 busybox sh -c 'cat /proc/sys/net/ipv6/conf/eth0/disable_ipv6; ip -6 addr show eth0'
	run docker logs ca
	[ "$output" = 1 ]
}

@test "a network without IPv4" {
	docker network create --ipv4=false --ipv6 --subnet fd00:7::/64 only6
	run docker network inspect only6 -f '{{.EnableIPv4}} {{.EnableIPv6}} {{len .IPAM.Config}}'
	[ "$output" = "false true 1" ]
	web ca --network only6 -p 8086:80
	run docker port ca
	[ "$output" = "80/tcp -> [::]:8086" ]
	[ "$(addr4 ca only6)" = "" ]
	[ "$(in_out curl -gsS -m 2 'http://[2001:db8::1]:8086/x')" = "hello ca" ]
	run docker exec ca ip -4 addr show eth0
	[ "$output" = "" ]
}

@test "fixed addresses, ranges and reserved ones of both families" {
	docker network create --ipv6 --subnet 10.211.0.0/24 --ip-range 10.211.0.64/26 --gateway 10.211.0.3 \
		--subnet fd00:8::/64 --ip-range fd00:8::ff00/120 --aux-address r=fd00:8::ff00 --aux-address s=10.211.0.64 n
	run docker network inspect n -f '{{json .IPAM.Config}}'
	[[ $output == *'"IPRange":"10.211.0.64/26","Gateway":"10.211.0.3","AuxiliaryAddresses":{"s":"10.211.0.64"}'* ]]
	[[ $output == *'"IPRange":"fd00:8::ff00/120"'*'"AuxiliaryAddresses":{"r":"fd00:8::ff00"}'* ]]
	docker run -d --name ca --network n busybox sleep 100
	[ "$(addr4 ca n) $(addr6 ca n)" = "10.211.0.65 fd00:8::ff01" ]
	docker run -d --name cb --network n --ip6 fd00:8::dead:1 busybox sleep 100
	[ "$(addr6 cb n)" = fd00:8::dead:1 ]
	run docker run --rm --network n --ip6 fd00:8::dead:1 busybox true
	[[ $output == *"Address already in use"* ]]
	run docker run --rm --network n --ip6 fd00:9::1 busybox true
	[[ $output == *"no configured subnet or ip-range contain the IP address fd00:9::1"* ]]
	docker rm -f cb
	docker run -d --name cb --network n --ip6 fd00:8::dead:1 busybox sleep 100
	[ "$(addr6 cb n)" = fd00:8::dead:1 ]
}

@test "wrong requests, in docker's words" {
	run curl -s --unix-socket "$CRL/s" http://d/networks/create -H 'Content-Type: application/json' -d '
		{"Name":"x","EnableIPv6":true,"IPAM":{"Config":[{"Subnet":"fd00::1/64","IPRange":"10.0.0.0/8","Gateway":"fe::1"},
		 {"Subnet":"10.0.0.0/8","IPRange":"10.0.0.0/7","AuxiliaryAddresses":{"one":"11.0.0.1"}},{"Subnet":"nonsense"}]}}'
	[[ $output == *'invalid network config:\n'* ]]
	[[ $output == *'invalid subnet fd00::1/64: it should be fd00::/64'* ]]
	[[ $output == *'invalid ip-range 10.0.0.0/8: parent subnet is an IPv6 block'* ]]
	[[ $output == *"invalid gateway fe::1: parent subnet fd00::1/64 doesn't contain this address"* ]]
	[[ $output == *'invalid ip-range 10.0.0.0/7: CIDR block is bigger than its parent subnet 10.0.0.0/8'* ]]
	[[ $output == *"invalid auxiliary address one: parent subnet 10.0.0.0/8 doesn't contain this address"* ]]
	[[ $output == *'invalid subnet nonsense: invalid CIDR block notation'* ]]
	run docker network create --ipv4=false x
	[[ $output == *"IPv4 or IPv6 must be enabled"* ]]
	run docker network create -o com.docker.network.bridge.gateway_mode_ipv6=best x
	[[ $output == *"unknown gateway mode best"* ]]
	run docker network create -o com.docker.network.bridge.gateway_mode_ipv4=isolated x
	[[ $output == *"gateway mode 'isolated' can only be used for an internal network"* ]]
	docker network create --ipv6 --subnet fd00:a::/64 x
	run docker network create --ipv6 --subnet fd00::/8 y
	[[ $output == *"Pool overlaps with other one on this address space"* ]]
}

@test "a published port without an address: both families, one number" {
	docker network create --ipv6 n6
	web ca --network n6 -p 8080:80
	run docker port ca
	[ "$output" = $'80/tcp -> 0.0.0.0:8080\n80/tcp -> [::]:8080' ]
	for to in 192.0.2.1:8080 '[2001:db8::1]:8080'; do
		[ "$(in_out curl -gsS -m 2 "http://$to/x")" = "hello ca" ]
		[ "$(in_host curl -gsS -m 2 "http://$to/x")" = "hello ca" ]
	done
	[ "$(in_host curl -gsS -m 2 http://localhost:8080/x)" = "hello ca" ]
	web cb --network n6 -p 80
	run docker port cb 80
	[ "${#lines[@]}" = 2 ]
	[ "${lines[0]##*:}" = "${lines[1]##*:}" ]
	# A neighbour by the host's address, in both families, and the container itself.
	[ "$(ask cb 192.0.2.1:8080)" = "hello ca" ]
	[ "$(ask cb '[2001:db8::1]:8080')" = "hello ca" ]
	[ "$(ask ca '[2001:db8::1]:8080')" = "hello ca" ]
	[ "$(ask cb "[$(addr6 ca n6)]:80")" = "hello ca" ]
}

@test "::1 is refused at once, so that clients of localhost do not wait" {
	docker network create --ipv6 n6
	web ca --network n6 -p 8080:80
	run in_host timeout 1 curl -gsS 'http://[::1]:8080/x'
	[ "$status" = 7 ]
	run docker run --rm -p '[::1]:8081:80' --network n6 busybox true
	[[ $output == *"the IPv6 loopback address cannot be routed"* ]]
}

@test "a number that is free in one family only is not taken" {
	docker network create --ipv6 n6
	timeout 20 nsenter --net=/proc/$HOST/ns/net python3 -c 'import socket, time
s = socket.socket(socket.AF_INET6); s.setsockopt(41, 26, 1); s.bind(("::", 8080)); s.listen()
print("ready", flush=True); time.sleep(60)' >"$CRL/squatter" 3>&- &
	squatter=$!
	wait_until 5 grep -q ready "$CRL/squatter"
	run docker run --rm --network n6 -p 8080:80 busybox true
	[[ $output == *"listen tcp6 [::]:8080: bind: address already in use"* ]]
	web ca --network n6 -p 8080-8082:80
	kill $squatter
	[ "$(docker port ca)" = $'80/tcp -> 0.0.0.0:8081\n80/tcp -> [::]:8081' ]
	run docker run --rm --network n6 -p 8081:80 busybox true
	[[ $output == *"port is already allocated"* ]]
}

@test "a port on one chosen address of either family" {
	docker network create --ipv6 n6
	in_host ip addr add 192.0.2.2/24 dev crlt6
	in_host ip addr add 2001:db8::2/64 dev crlt6 nodad
	web ca --network n6 -p 192.0.2.2:8080:80 -p '[2001:db8::2]:8080:80'
	[ "$(in_out curl -gsS -m 2 'http://[2001:db8::2]:8080/x')" = "hello ca" ]
	[ "$(in_out curl -gsS -m 2 'http://192.0.2.2:8080/x')" = "hello ca" ]
	refute in_out curl -gsS -m 2 'http://[2001:db8::1]:8080/x'
	refute in_out curl -gsS -m 2 'http://192.0.2.1:8080/x'
	in_host ip addr del 192.0.2.2/24 dev crlt6
	in_host ip addr del 2001:db8::2/64 dev crlt6
}

@test "containers leave under the host's address; what is not published is out of reach by routing" {
	docker network create --ipv6 --subnet fd00:b::/64 n6
	web ca --network n6 -p 8080:80
	run seen_by_out ca
	[ "$output" = 2001:db8::1 ]
	for port in 80 81; do
		refute in_out curl -gsS -m 1 "http://[fd00:b::2]:$port/x"
		refute in_out curl -gsS -m 1 "http://$(addr4 ca n6):$port/x"
	done
	[ "$(in_host curl -gsS -m 2 'http://[fd00:b::2]:81/x')" = "hello ca" ]
}

@test "networks do not reach each other, but what is published they do" {
	docker network create --ipv6 red
	docker network create --ipv6 blue
	web ca --network red -p 8080:80
	web cb --network blue
	refute ask cb "[$(addr6 ca red)]:80"
	refute ask cb "$(addr4 ca red):80"
	refute ask ca "[$(addr6 cb blue)]:80"
	[ "$(ask cb '[2001:db8::1]:8080')" = "hello ca" ]
	[ "$(ask cb 192.0.2.1:8080)" = "hello ca" ]
}

@test "an internal network: the bridge's subnet, the host by it, and nothing else" {
	docker network create --ipv6 --internal --subnet 10.212.0.0/24 --subnet fd00:c::/64 inner
	docker network create --ipv6 open
	web ca --network inner --cap-add NET_ADMIN
	web cb --network inner
	web cc --network open -p 8080:80
	run docker exec ca ip route
	[[ $output != *default* ]]
	[ "$(ask ca "[$(addr6 cb inner)]:80")" = "hello cb" ]
	[ "$(in_host curl -gsS -m 2 'http://[fd00:c::2]:80/x')" = "hello ca" ]
	# What a container that sets its own routes may try.
	docker exec ca ip route add default via 10.212.0.1
	docker exec ca ip -6 route add default via fd00:c::1
	for to in 192.0.2.1:8080 '[2001:db8::1]:8080' 10.212.0.1:8080 "$(addr4 cc open):80" "[$(addr6 cc open)]:80"; do
		refute ask ca "$to"
	done
	nsenter --net=/proc/$HOST/ns/net python3 -m http.server --bind 192.0.2.1 8090 -d /tmp >/dev/null 2>&1 3>&- &
	server=$!
	wait_until 5 in_host curl -gsS -m 1 -o /dev/null http://192.0.2.1:8090/
	refute docker exec ca timeout 2 wget -qO- http://192.0.2.1:8090/
	kill $server
	refute docker exec ca ping -c1 -W1 192.0.2.9
	refute docker exec ca ping -6 -c1 -W1 2001:db8::9
	refute in_out curl -gsS -m 1 'http://[fd00:c::2]:80/x'
}

@test "gateway mode isolated: the bridge has no address" {
	docker network create --internal --ipv6 -o com.docker.network.bridge.gateway_mode_ipv4=isolated \
		-o com.docker.network.bridge.gateway_mode_ipv6=isolated --subnet 10.212.1.0/24 --subnet fd00:d::/64 alone
	web ca --network alone
	web cb --network alone
	[ "$(ask ca "$(addr4 cb alone):80")" = "hello cb" ]
	[ "$(ask ca "[$(addr6 cb alone)]:80")" = "hello cb" ]
	run in_host ip -br addr
	[[ $output != *10.212.1.* && $output != *fd00:d::* ]]
}

# bridged VALUE: whether what stays on a bridge passes the firewall, too (br_netfilter).
bridged() {
	[ ! -e /proc/sys/net/bridge ] || in_host sysctl -qw net.bridge.bridge-nf-call-iptables=$1 net.bridge.bridge-nf-call-ip6tables=$1
}

# With br_netfilter the translated packet stays on the bridge, and its ports are isolated.
@test "enable_icc=false: neighbours only by what they publish; also after the bridge was made again" {
	docker network create --ipv6 -o com.docker.network.bridge.enable_icc=false -o com.docker.network.bridge.name=crlicc6 quiet
	web ca --network quiet -p 8080:80
	web cb --network quiet
	for value in 1 0; do
		bridged $value
		refute ask cb "$(addr4 ca quiet):80"
		refute ask cb "[$(addr6 ca quiet)]:80"
	done
	[ "$(ask cb 192.0.2.1:8080)" = "hello ca" ]
	[ "$(ask cb '[2001:db8::1]:8080')" = "hello ca" ]
	in_host ip link del crlicc6
	wait_until 5 ask cb 192.0.2.1:8080
	refute ask cb "$(addr4 ca quiet):80"
	refute ask cb "[$(addr6 ca quiet)]:80"
	bridged 1
}

@test "gateway mode routed: published ports by the container's address, no translation" {
	docker network create --ipv6 --subnet 10.212.2.0/24 --subnet fd00:e::/64 -o com.docker.network.bridge.gateway_mode_ipv4=routed \
		-o com.docker.network.bridge.gateway_mode_ipv6=routed routed
	web ca --network routed -p 8080:80
	[ "$(in_out curl -gsS -m 2 'http://[fd00:e::2]:80/x')" = "hello ca" ]
	[ "$(in_out curl -gsS -m 2 'http://10.212.2.2:80/x')" = "hello ca" ]
	refute in_out curl -gsS -m 1 'http://[fd00:e::2]:81/x'
	refute in_out curl -gsS -m 1 'http://192.0.2.1:8080/x'
	in_out busybox ping -c1 -W1 10.212.2.2
	in_out busybox ping -6 -c1 -W1 fd00:e::2
	run seen_by_out ca
	[ "$output" = fd00:e::2 ]
}

@test "gateway mode nat-unprotected: all ports by the container's address" {
	docker network create --ipv6 --subnet fd00:f::/64 -o com.docker.network.bridge.gateway_mode_ipv6=nat-unprotected bare
	web ca --network bare
	[ "$(in_out curl -gsS -m 2 'http://[fd00:f::2]:81/x')" = "hello ca" ]
	refute in_out curl -gsS -m 1 "http://$(addr4 ca bare):81/x"
}

@test "trusted_host_interfaces, host_binding_ipv4, container_iface_prefix, mtu, bridge.name" {
	docker network create -o com.docker.network.bridge.trusted_host_interfaces=crlt6 -o com.docker.network.bridge.host_binding_ipv4=127.0.0.1 \
		-o com.docker.network.container_iface_prefix=net -o com.docker.network.driver.mtu=1400 -o com.docker.network.bridge.name=crlopt6 opts
	web ca --network opts -p 8080:80
	[ "$(docker port ca)" = "80/tcp -> 127.0.0.1:8080" ]
	refute in_out curl -gsS -m 1 http://192.0.2.1:8080/x
	[ "$(in_out curl -gsS -m 2 "http://$(addr4 ca opts):81/x")" = "hello ca" ]
	run docker exec ca ip link show net0
	[[ $output == *"mtu 1400"* ]]
	in_host ip link show crlopt6
	docker network create -o com.docker.network.container_iface_prefix=side two
	docker network connect two ca
	docker exec ca ip link show side0
}

# udp_ask FAMILY ADDRESS: from OUT, always from port 4444.
udp_ask() {
	in_out python3 -c 'import socket, sys
s = socket.socket(socket.AF_INET6 if sys.argv[1] == "6" else socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(1); s.bind(("", 4444)); s.sendto(b"x", (sys.argv[2], 5353)); print(s.recv(99).decode())' "$1" "$2"
}
udp_is() { [ "$(udp_ask "$1" "$2" 2>/dev/null)" = "$3" ]; }

@test "udp of both families; a client that keeps its port reaches the next container" {
	docker network create --ipv6 n6
	for name in first second; do
		docker run -d --name ca --network n6 -p 5353:53/udp busybox sleep 100 >/dev/null
		timeout 15 nsenter --net="/proc/$(docker inspect -f '{{.State.Pid}}' ca)/ns/net" python3 -c 'import socket, sys
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); s.bind(("::", 53))
while True:
    d, a = s.recvfrom(99); s.sendto(sys.argv[1].encode(), a)' $name 3>&- &
		wait_until 5 udp_is 6 2001:db8::1 $name
		wait_until 5 udp_is 4 192.0.2.1 $name
		docker rm -f ca
	done
}

@test "the default network with the settings ipv6, fixed-cidr-v6, bip, fixed-cidr, pools" {
	daemon_stop
	cat >"$CRL/daemon.json" <<-'EOF'
	{"ipv6": true, "fixed-cidr-v6": "fd00:dead::/64", "bip": "10.200.0.1/24", "fixed-cidr": "10.200.0.128/25",
	 "mtu": 1300, "default-network-opts": {"bridge": {"com.docker.network.driver.mtu": "1350"}},
	 "default-address-pools": [{"base": "10.201.0.0/16", "size": 26}, {"base": "fd00:beef::/48", "size": 64}]}
	EOF
	daemon_start --config-file "$CRL/daemon.json"
	web ca -p 8080:80
	[ "$(docker inspect ca -f '{{.NetworkSettings.Networks.bridge.GlobalIPv6Address}} {{.NetworkSettings.Networks.bridge.IPAddress}}')" = "fd00:dead::2 10.200.0.128" ]
	[ "$(in_out curl -gsS -m 2 'http://[2001:db8::1]:8080/x')" = "hello ca" ]
	[[ $(docker exec ca ip link show eth0) == *"mtu 1300"* ]]
	docker network create --ipv6 pooled
	run docker network inspect pooled -f '{{(index .IPAM.Config 0).Subnet}} {{(index .IPAM.Config 1).Subnet}}'
	[ "$output" = "10.201.0.0/26 fd00:beef::/64" ]
	web cb --network pooled
	[[ $(docker exec cb ip link show eth0) == *"mtu 1350"* ]]
	docker rm -f ca cb
	docker network rm pooled
	daemon_stop
	daemon_start --bip 172.30.0.1/16
	run docker network inspect bridge -f '{{.EnableIPv6}} {{len .IPAM.Config}}'
	[ "$output" = "false 1" ]
	daemon_stop
	daemon_start
}

@test "the daemon is killed: addresses and ports of both families are known to the next one" {
	docker network create --ipv6 n6
	web ca --network n6 -p 8080:80
	before=$(addr6 ca n6)
	daemon_stop KILL
	[ "$(in_out curl -gsS -m 2 'http://[2001:db8::1]:8080/x')" = "hello ca" ]
	daemon_start
	[ "$(addr6 ca n6)" = "$before" ]
	[ "$(in_out curl -gsS -m 2 'http://[2001:db8::1]:8080/x')" = "hello ca" ]
	web cb --network n6
	[ "$(addr6 cb n6)" != "$before" ]
	docker rm -f ca
	refute in_out curl -gsS -m 1 'http://[2001:db8::1]:8080/x'
}

@test "our own command line: both families, each option with the subnet of its family" {
	crun-lite network create --ipv6 --subnet fd00:10::/64 --subnet 10.215.0.0/24 --gateway 10.215.0.9 \
		--gateway fd00:10::9 --ip-range fd00:10::ff00/120 --aux-address a=10.215.0.1 --aux-address b=fd00:10::ff00 n6
	run docker network inspect n6 -f '{{json .IPAM.Config}}'
	[[ $output == *'"Subnet":"10.215.0.0/24","Gateway":"10.215.0.9","AuxiliaryAddresses":{"a":"10.215.0.1"}'* ]]
	[[ $output == *'"Subnet":"fd00:10::/64","IPRange":"fd00:10::ff00/120","Gateway":"fd00:10::9","AuxiliaryAddresses":{"b":"fd00:10::ff00"}'* ]]
	crun-lite network create --ipv4=false --ipv6 only
	[ "$(docker network inspect only -f '{{.EnableIPv4}} {{.EnableIPv6}}')" = "false true" ]
	crun-lite run -d --name ca --network only -p 8087:80 busybox sleep 100
	[ "$(crun-lite port ca)" = "80/tcp -> [::]:8087" ]
}
