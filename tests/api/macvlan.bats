#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# macvlan and ipvlan networks: containers on the wire of a link of the host.
# The link is one end of a veth pair made here; the other end is a neighbour in a
# namespace of its own. What this kernel lacks is skipped, and refused by name.
load ../harness/daemon
bats_require_minimum_version 1.5.0

setup_file() {
	command -v docker >/dev/null || skip "no docker client"
	export WIRE=crlt$$ NEIGHBOUR
	unshare -n sleep 600 3>&- &
	NEIGHBOUR=$!
	until [ "$(readlink /proc/$NEIGHBOUR/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
	daemon_setup
	ip link add "$WIRE" type veth peer name wire netns $NEIGHBOUR
	ip link set "$WIRE" up
	nsenter --net=/proc/$NEIGHBOUR/ns/net sh -c 'ip link set wire up; ip addr add 10.216.1.1/24 dev wire'
}
teardown_file() {
	ip link del "$WIRE" 2>/dev/null
	kill "$NEIGHBOUR"
	daemon_teardown
}
teardown() {
	docker ps -aq | xargs -r docker rm -f >/dev/null
	docker network prune -f >/dev/null
}

has() { # KIND: the kernel has such links
	unshare -n sh -c "ip link add p0 type veth peer name p1; ip link add link p0 name x type $1 ${2:-}" 2>/dev/null
}
make() { docker network create --subnet 10.216.1.0/24 --gateway 10.216.1.1 -o "parent=$WIRE" "$@"; }

@test "macvlan: on the wire, its gateway is a neighbour, names and several networks work" {
	has macvlan || skip "no macvlan in this kernel"
	make -d macvlan mac
	[ "$(docker network inspect mac -f '{{.Driver}} {{(index .IPAM.Config 0).Gateway}} {{.Options.parent}}')" = "macvlan 10.216.1.1 $WIRE" ]
	docker run -d --name c1 --network mac --ip 10.216.1.50 -p 18223:80 busybox sleep 1000
	docker exec c1 ping -c 1 -W 2 10.216.1.1
	docker run --rm --network mac busybox ping -c 1 -W 2 10.216.1.50
	[ "$(docker exec c1 ip route | awk '/^default/{print $3, $5}')" = "10.216.1.1 eth0" ]
	[ -z "$(docker port c1)" ]
	docker network inspect mac -f '{{range .Containers}}{{.Name}} {{.IPv4Address}}{{end}}' | grep -qx 'c1 10.216.1.50/24'
	# in and out of further networks, of a running container
	docker network connect bridge c1
	[ "$(docker exec c1 ip -4 -o addr show eth1 | wc -l)" = 1 ]
	docker network disconnect mac c1
	run ! docker exec c1 ip link show eth0
	docker network connect --ip 10.216.1.51 mac c1
	docker exec c1 ping -c 1 -W 2 -I 10.216.1.51 10.216.1.1
	docker run -d --name c2 --network name=mac,mac-address=02:00:00:00:09:09 busybox sleep 1000
	for _ in 1 2 3; do docker restart -t 0 c2; done
	[ "$(docker exec c2 cat /sys/class/net/eth0/address)" = 02:00:00:00:09:09 ]
	run -1 docker network rm mac
	[[ $output == *"has active endpoints"* ]]
}

@test "macvlan: statistics come from inside, a killed daemon adopts it" {
	has macvlan || skip "no macvlan in this kernel"
	make -d macvlan mac
	docker run -d --name c1 --network mac busybox sleep 1000
	docker exec c1 ping -c 3 -i 0.2 -W 2 10.216.1.1
	[ "$(curl -sS --unix-socket "$CRL/s" "http://d/containers/c1/stats?stream=0&one-shot=1" |
		python3 -c 'import sys, json; print(json.load(sys.stdin)["networks"]["eth0"]["rx_packets"] > 2)')" = True ]
	ip=$(docker inspect c1 -f '{{.NetworkSettings.Networks.mac.IPAddress}}')
	daemon_stop KILL
	daemon_start
	[ "$(docker inspect c1 -f '{{.NetworkSettings.Networks.mac.IPAddress}}')" = "$ip" ]
	run -125 docker run --rm --network mac --ip "$ip" busybox true
	[[ $output == *"Address already in use"* ]]
	docker network disconnect mac c1
	run ! docker exec c1 ip link show eth0
}

@test "macvlan: modes; private containers do not see each other" {
	has macvlan || skip "no macvlan in this kernel"
	make -d macvlan -o macvlan_mode=private mac
	docker run -d --name c1 --network mac --ip 10.216.1.50 busybox sleep 1000
	run ! docker run --rm --network mac busybox ping -c 1 -W 1 10.216.1.50
	docker exec c1 ping -c 1 -W 2 10.216.1.1
	run -1 docker network create -d macvlan -o "parent=$WIRE" -o macvlan_mode=passthru m2
	[[ $output == *"cannot use mode passthru"*"is already using parent interface $WIRE"* ]]
	run -1 docker network create -d macvlan -o "parent=$WIRE" -o macvlan_mode=odd m2
	[[ $output == *"requested macvlan mode 'odd' is not valid, 'bridge' mode is the macvlan driver default"* ]]
}

@test "macvlan: an internal one has no way out" {
	has macvlan || skip "no macvlan in this kernel"
	make -d macvlan --internal mac
	docker run -d --name c1 --network mac busybox sleep 1000
	run docker exec c1 ip route
	[[ $output != *default* && $output == *10.216.1.0/24* ]]
}

@test "parents: lo, missing ones, wrong VLANs" {
	has macvlan || skip "no macvlan in this kernel"
	run -1 docker network create -d macvlan -o parent=lo m
	[[ $output == *"loopback interface is not a valid macvlan parent link"* ]]
	run -1 docker network create -d macvlan -o parent=crlnone m
	[[ $output == *"required interface name format is: name.vlan_id"*"instead received crlnone"* ]]
	run -1 docker network create -d macvlan -o parent=crlnone.5 m
	[[ $output == *"failed to find master interface crlnone"* ]]
	run -1 docker network create -d macvlan -o "parent=$WIRE.4095" m
	[[ $output == *"vlan id must be between 1-4094"* ]]
	[ -z "$(docker network ls -q --filter driver=macvlan)" ]
}

@test "a VLAN of a parent is made, and removed with its last network" {
	has macvlan || skip "no macvlan in this kernel"
	if ! has vlan "id 5"; then
		run -1 docker network create -d macvlan -o "parent=$WIRE.5" m
		[[ $output == *"this kernel has no vlan links"* ]]
		skip "no VLANs in this kernel; it is said"
	fi
	docker network create -d macvlan --subnet 10.216.5.0/24 -o "parent=$WIRE.5" m1
	docker network create -d macvlan --subnet 10.216.6.0/24 -o "parent=$WIRE.5" m2
	ip -d link show "$WIRE.5" | grep -q "vlan protocol 802.1Q id 5"
	docker network rm m1
	ip link show "$WIRE.5"
	docker run --rm --network m2 busybox ip addr show eth0
	docker network rm m2
	run ! ip link show "$WIRE.5"
}

@test "without a parent there is a dummy link" {
	has macvlan || skip "no macvlan in this kernel"
	if ! unshare -n ip link add x type dummy 2>/dev/null; then
		run -1 docker network create -d macvlan m
		[[ $output == *"this kernel has no dummy links"* ]]
		skip "no dummy links in this kernel; it is said"
	fi
	id=$(docker network create -d macvlan m)
	ip link show "dm-${id:0:12}"
	docker network rm m
	run ! ip link show "dm-${id:0:12}"
}

@test "ipvlan: layer 2 and layer 3" {
	if ! has ipvlan; then
		run -1 docker network create -d ipvlan -o "parent=$WIRE" i
		[[ $output == *"this kernel has no ipvlan links"* ]]
		skip "no ipvlan in this kernel; it is said"
	fi
	make -d ipvlan i
	docker run -d --name c1 --network i --ip 10.216.1.60 busybox sleep 1000
	docker exec c1 ping -c 1 -W 2 10.216.1.1
	[ "$(docker inspect c1 -f '{{.NetworkSettings.Networks.i.MacAddress}}')" = "" ]
	run -1 docker network create -d ipvlan --subnet 10.216.7.0/24 -o "parent=$WIRE" i2
	[[ $output == *"is already using parent interface $WIRE"* ]]
	run -125 docker run --rm --network name=i,mac-address=02:00:00:00:00:01 busybox true
	[[ $output == *"do not support custom mac address"* ]]
	docker rm -f c1
	docker network rm i
	docker network create -d ipvlan --subnet 10.216.7.0/24 -o "parent=$WIRE" -o ipvlan_mode=l3 i3
	run docker run --rm --network i3 busybox ip route
	[[ $output == *"default dev eth0"* ]]
	run -1 docker network create -d ipvlan -o "parent=$WIRE" -o ipvlan_mode=l9 i4
	[[ $output == *"requested ipvlan mode 'l9' is not valid"* ]]
}
