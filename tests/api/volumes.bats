#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Volumes as the docker CLI sees and makes them.
load ../harness/daemon

setup_file() { daemon_setup; }
teardown_file() { daemon_teardown; }
setup() { command -v docker >/dev/null || skip "no docker client"; }

@test "create, inspect, create again, list, remove" {
	[ "$(docker volume create --label a=b v1)" = v1 ]
	[ "$(docker volume create v1)" = v1 ]
	run docker volume inspect v1 --format '{{.Name}} {{.Driver}} {{.Scope}} {{index .Labels "a"}} {{.Mountpoint}}'
	[ "$output" = "v1 local local b $DATA_ROOT/volumes/v1/_data" ]
	[ -d "$DATA_ROOT/volumes/v1/_data" ]
	[ "$(docker volume ls -q)" = v1 ]
	[ "$(docker volume ls -q --filter label=a=c)" = "" ]
	docker volume rm v1
	[ ! -e "$DATA_ROOT/volumes/v1" ]
	run docker volume rm v1
	[ "$status" -ne 0 ]
	[[ $output == *"get v1: no such volume"* ]]
	docker volume rm -f v1
}

@test "what one container writes another reads; in use it stays" {
	docker run --rm -v data:/d busybox sh -c 'echo hi >/d/x'
	[ "$(docker run --rm -v data:/d busybox cat /d/x)" = hi ]
	id=$(docker create -v data:/d busybox true)
	run docker volume rm data
	[[ $output == *"remove data: volume is in use - [$id]"* ]]
	run docker volume ls -q --filter dangling=true
	[[ $output != *data* ]]
	docker rm "$id"
	docker volume rm data
}

@test "anonymous volumes go with rm -v and --rm, named ones stay" {
	docker run --rm -v /anon -v named:/n busybox true
	[ "$(docker volume ls -q)" = named ]
	id=$(docker create -v /anon busybox true)
	[ "$(docker volume ls -q | wc -l)" = 2 ]
	docker rm -v "$id"
	[ "$(docker volume ls -q)" = named ]
	docker volume rm named
}

@test "prune takes anonymous ones, all with all=true" {
	docker volume create keep
	anon=$(docker volume create)
	run docker volume prune -f
	[[ $output == *"$anon"* && $output != *keep* ]]
	run docker volume prune -f --filter all=true
	[[ $output == *keep* ]]
}

@test "wrong requests say why" {
	run docker volume create a/b
	[[ $output == *"includes invalid characters for a local volume name"* ]]
	run docker volume create ../x
	[ "$status" -ne 0 ]
	run docker volume create -d nope x
	[[ $output == *"nope"*"not found"* ]]
	run docker volume create -o bogus=1 x
	[[ $output == *'invalid option: "bogus"'* ]]
	[ -z "$(docker volume ls -q)" ]
}

@test "volumes and labels survive the daemon; a damaged record hides no data" {
	docker volume create --label a=b good
	docker run --rm -v bad:/d busybox sh -c 'echo hi >/d/x'
	daemon_stop KILL
	echo garbage >"$DATA_ROOT/volumes/bad/record.json"
	mkdir -p "$DATA_ROOT/volumes/half" # the daemon died before anybody was told of it
	daemon_start
	[ "$(docker volume ls -q | sort | tr '\n' ' ')" = "bad good " ]
	[ "$(docker volume inspect good --format '{{index .Labels "a"}}')" = b ]
	[ "$(docker run --rm -v bad:/d busybox cat /d/x)" = hi ]
	docker volume rm good bad
}
