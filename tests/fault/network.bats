#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Fault matrix, row 22: somebody deletes the bridge, a container's link, or the rules,
# while containers run, start and stop. The daemon is in a network namespace of its own.
load ../harness/daemon
[ -z "${WRAP:-}" ] || PATH=$WRAP:$PATH # the harness puts the build first, in every test

setup_file() {
	command -v docker >/dev/null || skip "no docker client"
	unshare -n sleep 900 3>&- & export HOST=$!
	until [ "$(readlink /proc/$HOST/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
	in_host sh -c 'ip link set lo up; ip addr add 192.0.2.1/32 dev lo'
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
	[ -z "${HOST:-}" ] || kill $HOST
	rm -rf "${WRAP:?}"
	return $status
}

teardown() {
	containers_gone
	docker network prune -f >/dev/null
}

in_host() { nsenter --net=/proc/$HOST/ns/net "$@"; }
web() {
	local name=$1
	shift
	docker run -d --name "$name" "$@" busybox sh -c "echo hello $name >/tmp/x; exec httpd -f -p 80 -h /tmp" >/dev/null
	wait_until 5 docker exec "$name" wget -qO- http://127.0.0.1:80/x
}
serves() { [ "$(in_host curl -gsS -m 1 "http://192.0.2.1:$1/x")" = "hello $2" ]; }
# The network namespace's /sys is not mounted here: the index is asked for with netlink.
link_of() {
	in_host ip -o link show type veth | awk -F'[:@ ]+' -v i="$(docker exec "$1" ip -o link show "${2:-eth0}" | sed 's/.*@if\([0-9]*\):.*/\1/')" '$1 == i { print $2 }'
}

@test "the link of a running container: made again with its addresses, by itself" {
	docker network create --ipv6 --subnet 10.214.0.0/24 --subnet fd00:22::/64 n6
	web ca --network n6 -p 8080:80
	before=$(docker exec ca ip -o addr show eth0 | sed 's/.*inet6* \([^ ]*\).*/\1/' | sort)
	link=$(link_of ca)
	[ -n "$link" ]
	in_host ip link del "$link"
	wait_until 5 serves 8080 ca
	after=$(docker exec ca ip -o addr show eth0 | sed 's/.*inet6* \([^ ]*\).*/\1/' | sort)
	[ "$after" = "$before" ]
	[ "$(in_host curl -gsS -m 1 'http://[fd00:22::2]/x')" = "hello ca" ]
	run docker exec ca sh -c 'ip route; ip -6 route'
	[[ $output == *"default via 10.214.0.1 dev eth0"* && $output == *"default via fd00:22::1 dev eth0"* ]]
	grep -q "somebody removed a container's link" "$CRL/daemon.log"
	docker stop -t 0 ca
	docker start ca
	wait_until 5 serves 8080 ca
}

@test "of two networks the one that lost its link gets it back, and the default route stays" {
	docker network create one
	docker network create two
	web ca --network one
	docker network connect two ca
	in_host ip link del "$(link_of ca eth1)"
	wait_until 5 docker exec ca ip link show eth1
	[ "$(docker exec ca ip route | grep -c ^default)" = 1 ]
	[[ $(docker exec ca ip route) == *"default via"*"dev eth0"* ]]
}

@test "a bridge under running containers: made again by itself, neighbours and ports as before" {
	docker network create -o com.docker.network.bridge.name=crlfault0 red
	web ca --network red -p 8081:80
	web cb --network red
	for _ in 1 2 3; do
		in_host ip link del crlfault0
		wait_until 5 serves 8081 ca
	done
	[ "$(docker exec cb timeout 3 wget -qO- "http://$(docker inspect ca -f '{{.NetworkSettings.Networks.red.IPAddress}}'):80/x")" = "hello ca" ]
	docker network disconnect red cb
	docker rm -f ca cb
	docker network rm red
}

@test "rules, bridge and link at once; stop and rm do not fail for it, start heals" {
	web ca -p 8082:80
	link=$(link_of ca)
	bridge=$(in_host ip -o link show type bridge | awk -F'[:@ ]+' '{print $2; exit}')
	in_host sh -c "nft flush ruleset; ip link del $link; ip link del $bridge"
	docker stop -t 0 ca
	docker start ca
	wait_until 5 serves 8082 ca
	in_host sh -c "nft flush ruleset; ip link del $bridge; ip link del $(link_of ca)"
	docker rm -f ca
	web cb -p 8082:80
	wait_until 5 serves 8082 cb
}

@test "while the daemon is away: the next one makes the bridge again" {
	docker network create -o com.docker.network.bridge.name=crlfault1 red
	web ca --network red -p 8083:80
	daemon_stop KILL
	in_host sh -c 'nft flush ruleset; ip link del crlfault1'
	daemon_start
	web cb --network red
	wait_until 5 serves 8083 ca
}

@test "200 published ports: one more costs no more" {
	args=$(seq 9000 9199 | sed 's/.*/-p &:&/')
	# shellcheck disable=SC2086
	docker run -d --name many $args busybox sleep 100
	table=$(in_host nft list tables | awk '{print $3}')
	[ "$(in_host nft list map inet "$table" ports_any | grep -c ' : ')" -ge 200 ]
	(timeout 10 nsenter --net=/proc/$HOST/ns/net nft monitor >"$CRL/changes" 3>&- &)
	sleep 0.5
	web ca -p 8084:80
	wait_until 5 serves 8084 ca
	sleep 0.3
	# One element is added: neither sets nor rules nor the 200 others are written again.
	[ "$(grep -c 'ports_any' "$CRL/changes")" = 1 ]
	[ "$(grep -c 'rule' "$CRL/changes")" = 0 ]
}
