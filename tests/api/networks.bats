#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Networks as the docker CLI sees and makes them.
load ../harness/daemon

setup_file() { daemon_setup; }
teardown_file() { daemon_teardown; }
setup() { command -v docker >/dev/null || skip "no docker client"; }

@test "bridge, host and none are there, with the fields that agents read" {
	run docker network ls --format '{{.Name}} {{.Driver}} {{.Scope}}'
	[ "$output" = $'bridge bridge local\nhost host local\nnone null local' ]
	run docker network inspect bridge --format '{{(index .IPAM.Config 0).Gateway}}'
	[[ $output =~ ^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+$ ]]
	run docker network inspect bridge --format '{{index .Options "com.docker.network.bridge.default_bridge"}}'
	[ "$output" = true ]
}

@test "predefined networks cannot be removed" {
	run docker network rm bridge
	[ "$status" -ne 0 ]
	[[ $output == *"bridge is a pre-defined network and cannot be removed"* ]]
}

@test "create, run in it with an address, inspect, remove" {
	run docker network create --label a=b --subnet 10.213.7.0/24 --ip-range 10.213.7.128/25 red
	[[ $output =~ ^[0-9a-f]{64}$ ]]
	id=$(docker run -d --name one --network red --ip 10.213.7.9 busybox sleep 100)
	run docker exec one ip -4 -o addr show eth0
	[[ $output == *"10.213.7.9/24"* ]]
	run docker run --rm --network red busybox ip -4 -o addr show eth0
	[[ $output == *"10.213.7.128/24"* ]]
	run docker network inspect red --format "{{(index .Containers \"$id\").Name}} {{(index .Containers \"$id\").IPv4Address}}"
	[ "$output" = "one 10.213.7.9/24" ]
	run docker network rm red
	[ "$status" -ne 0 ]
	[[ $output == *"has active endpoints"* ]]
	docker rm -f one
	docker network rm red
	run docker network inspect red
	[[ $output == *"network red not found"* ]]
}

@test "wrong requests say why" {
	docker network create --subnet 10.213.8.0/24 blue
	run docker network create blue
	[[ $output == *"network with name blue already exists"* ]]
	run docker network create --subnet 10.213.0.0/16 x1
	[[ $output == *"Pool overlaps"* ]]
	run docker network create --subnet 10.213.9.0/33 x2
	[ "$status" -ne 0 ]
	run docker network create -d overlay x3
	[[ $output == *"plugin"*"not found"* ]]
	run docker run --rm --network nope busybox true
	[ "$status" = 125 ]
	[[ $output == *"network nope not found"* ]]
	run docker run --rm --ip 172.17.0.99 busybox true
	[[ $output == *"user specified IP address is supported on user defined networks only"* ]]
	run docker network ls --filter type=bogus
	[ "$status" -ne 0 ]
	docker network rm blue
}

@test "filters and prune" {
	docker network create --label keep=1 n1
	docker network create n2
	[ "$(docker network ls -q --filter type=custom | wc -l)" = 2 ]
	[ "$(docker network ls --filter label=keep --format '{{.Name}}')" = n1 ]
	run docker network prune -f --filter 'label!=keep'
	[[ $output == *n2* && $output != *n1* ]]
	run docker network prune -f
	[[ $output == *n1* ]]
	[ -z "$(docker network ls -q --filter type=custom)" ]
}

@test "networks survive a restart of the daemon, and so do ports of running containers" {
	docker network create --subnet 10.213.10.0/24 stay
	docker run -d --name web --network stay -p 127.0.0.1:0:80 busybox httpd -f -h /etc
	port=$(docker port web 80/tcp); port=${port##*:}
	curl -fsS --retry 5 --retry-connrefused "http://127.0.0.1:$port/hostname"
	before=$(docker network inspect stay --format '{{.Id}} {{json .IPAM}}')
	daemon_stop KILL
	curl -fsS "http://127.0.0.1:$port/hostname"
	daemon_start
	[ "$(docker network inspect stay --format '{{.Id}} {{json .IPAM}}')" = "$before" ]
	curl -fsS "http://127.0.0.1:$port/hostname"
	run docker run --rm -p "127.0.0.1:$port:80" busybox true
	[[ $output == *"port is already allocated"* ]]
	docker rm -f web
	run curl -fsS "http://127.0.0.1:$port/hostname"
	[ "$status" -ne 0 ]
	docker network rm stay
}
