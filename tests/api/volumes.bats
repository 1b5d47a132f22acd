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
	[[ $(docker volume inspect -f '{{.CreatedAt}}' v1) =~ ^[0-9-]{10}T[0-9:]{8}Z$ ]]
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
	run docker volume create -o bogus=1 xx
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

@test "tmpfs, bind and image file: mounted with the first user, unmounted after the last, shared between" {
	docker volume create -o type=tmpfs -o device=tmpfs -o o=size=1m,uid=7 memory
	[ "$(docker volume inspect memory --format '{{.Options.type}} {{.Options.o}}')" = "tmpfs size=1m,uid=7" ]
	data=$DATA_ROOT/volumes/memory/_data
	run mountpoint -q "$data"
	[ "$status" -ne 0 ]
	docker run -d --name one -v memory:/m busybox sleep 100
	mountpoint -q "$data"
	docker exec one sh -c 'echo shared >/m/f'
	[ "$(docker run --rm -v memory:/m busybox sh -c 'stat -c %u /m; cat /m/f')" = "7
shared" ]
	mountpoint -q "$data"
	docker rm -f one
	run mountpoint -q "$data"
	[ "$status" -ne 0 ]
	mkdir -p "$CRL/src"
	echo there >"$CRL/src/f"
	docker volume create -o type=none -o device="$CRL/src" -o o=bind,ro bound
	[ "$(docker run --rm -v bound:/b busybox cat /b/f)" = there ]
	run docker run --rm -v bound:/b busybox touch /b/g
	[[ $output == *"Read-only file system"* ]]
	truncate -s 8M "$CRL/image"
	mkfs.ext4 -q "$CRL/image"
	docker volume create -o type=ext4 -o device="$CRL/image" -o o=loop disk
	docker run --rm -v disk:/d busybox sh -c 'echo kept >/d/f'
	[ "$(docker run --rm -v disk:/d busybox sh -c 'cat /d/f; ls -d /d/lost+found')" = "kept
/d/lost+found" ]
	docker volume rm memory bound disk
	run losetup -j "$CRL/image"
	[ -z "$output" ]
}

@test "a volume that cannot be mounted: the start says so in docker's words, and works once it can" {
	docker volume create -o type=none -o device="$CRL/later" -o o=bind late
	run bash -c "docker run --name waiting -v late:/l busybox true || exit 1"
	[ "$status" -ne 0 ]
	[[ $output == *"error while mounting volume '$DATA_ROOT/volumes/late/_data': failed to mount local volume: mount $CRL/later:$DATA_ROOT/volumes/late/_data, flags: 0x1000: no such file or directory"* ]]
	mkdir "$CRL/later"
	docker start waiting
	docker rm -f waiting
	docker volume rm late
	run docker volume create -o type=tmpfs broken
	[[ $output == *'create broken: missing required option: "device"'* ]]
	run docker volume create -o size=1g big
	[[ $output == *"quota size requested but no quota support"* ]]
}

@test "the same options again are fine, others conflict" {
	docker volume create -o type=tmpfs -o device=tmpfs same
	docker volume create -o type=tmpfs -o device=tmpfs same
	docker volume create same
	run docker volume create -o type=tmpfs -o device=other same
	[[ $output == *"volume name must be unique"* ]]
	run curl -s -o /dev/null -w '%{http_code}' --unix-socket "$CRL/s" -H 'Content-Type: application/json' \
		-d '{"Name":"same","DriverOpts":{"type":"tmpfs","device":"x"}}' http://d/volumes/create
	[ "$output" = 409 ]
	docker volume rm same
	docker run --rm --mount type=volume,src=opts,dst=/o,volume-label=k=v,volume-opt=type=tmpfs,volume-opt=device=tmpfs busybox \
		grep -q ' /o tmpfs' /proc/mounts
	[ "$(docker volume inspect opts --format '{{.Labels.k}} {{.Options.device}}')" = "v tmpfs" ]
	docker volume rm opts
	run curl -s -w '%{http_code}' --unix-socket "$CRL/s" -X PUT -H 'Content-Type: application/json' -d '{}' 'http://d/volumes/x?version=1'
	[[ $output == *"volume update only valid for cluster volumes, but swarm is unavailable"*503 ]]
}

@test "killed daemon and killed monitor: the use goes on, and what nobody uses is unmounted" {
	docker volume create -o type=tmpfs -o device=tmpfs held
	data=$DATA_ROOT/volumes/held/_data
	docker run -d --name user -v held:/h busybox sh -c 'echo alive >/h/f; sleep 100'
	daemon_stop KILL
	mountpoint -q "$data"
	daemon_start
	mountpoint -q "$data"
	[ "$(docker run --rm -v held:/h busybox cat /h/f)" = alive ]
	id=$(docker inspect -f '{{.Id}}' user)
	daemon_stop KILL
	pkill -KILL -f "crun-lite-monitor --id $id"
	daemon_start
	wait_until 5 sh -c "! mountpoint -q $data"
	docker rm -f user
	docker volume rm held
}

@test "an empty volume takes over content, owner, mode and links; two at once do not disturb each other" {
	mkdir -p "$CRL/up/www/sub"
	echo page >"$CRL/up/www/index"
	ln -s index "$CRL/up/www/link"
	chown -R 33:34 "$CRL/up/www"
	chmod 2750 "$CRL/up/www"
	chmod 640 "$CRL/up/www/index"
	printf 'FROM busybox\nCOPY --chown=33:34 www /www\nRUN chmod 2750 /www && chmod 640 /www/index\n' >"$CRL/up/Dockerfile"
	DOCKER_BUILDKIT=0 docker build -q -t www "$CRL/up"
	docker run --rm -v taken:/www www true &
	docker run --rm -v taken:/www www true
	wait
	image=$(docker run --rm www stat -c '%a %u:%g' /www /www/index /www/sub)
	[[ $image == "2750 33:34
640 33:34
"* ]]
	[ "$(docker run --rm -v taken:/v busybox stat -c '%a %u:%g' /v /v/index /v/sub)" = "$image" ]
	[ "$(docker run --rm -v taken:/v busybox readlink /v/link)" = index ]
	docker run --rm --mount type=volume,src=kept,dst=/www,volume-nocopy www sh -c '[ -z "$(ls /www)" ]'
	docker volume rm taken kept
	docker rmi www
}

@test "rm -v of a container whose anonymous volume another one still has" {
	docker create --name first -v /anon busybox true
	docker create --name second --volumes-from first busybox true
	docker rm -v first
	[ "$(docker volume ls -q | wc -l)" = 1 ]
	docker rm -v second
	[ -z "$(docker volume ls -q)" ]
}
