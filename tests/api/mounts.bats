#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Mounts of every type as the docker CLI asks for them.
load ../harness/daemon

setup_file() { daemon_setup; }
teardown_file() { daemon_teardown; }
setup() { command -v docker >/dev/null || skip "no docker client"; }

# attempt COMMAND...: like run, for commands that fail with 126 or 127 of their own.
attempt() { run bash -c '"$@" 2>&1 || exit 1' _ "$@"; }

# create_with JSON: POST /containers/create with these HostConfig members; status and body.
create_with() {
	curl -s --unix-socket "$CRL/s" -H 'Content-Type: application/json' -w ' %{http_code}' \
		-d "{\"Image\":\"busybox\",\"Cmd\":[\"true\"],\"HostConfig\":{$1}}" \
		http://d/v1.51/containers/create
}

@test "a read-only bind is read-only below, too, unless asked otherwise" {
	mkdir -p "$CRL/tree/sub"
	mount -t tmpfs t "$CRL/tree/sub"
	run docker run --rm -v "$CRL/tree:/m:ro" busybox touch /m/sub/x
	local deep=$output
	run docker run --rm --mount "type=bind,src=$CRL/tree,dst=/m,readonly,bind-recursive=writable" busybox touch /m/sub/y
	local top=$status
	run docker run --rm --mount "type=bind,src=$CRL/tree,dst=/m,bind-recursive=disabled" busybox touch /m/sub/z
	local none=$status
	ls "$CRL/tree/sub" >"$CRL/seen"
	umount "$CRL/tree/sub"
	[[ $deep == *"Read-only file system"* ]]
	[ "$top" = 0 ]
	[ "$none" = 0 ]
	[ "$(cat "$CRL/seen")" = y ]
	[ -e "$CRL/tree/sub/z" ]
}

@test "propagation: a mount of the host shows up in rslave, and not in rprivate" {
	mkdir -p "$CRL/prop/in"
	mount --bind "$CRL/prop" "$CRL/prop"
	mount --make-shared "$CRL/prop"
	docker run -d --name slave -v "$CRL/prop:/m:rslave" busybox sleep 60
	docker run -d --name private -v "$CRL/prop:/m" busybox sleep 60
	mount -t tmpfs t "$CRL/prop/in"
	touch "$CRL/prop/in/seen"
	run docker exec slave ls /m/in
	local slave=$output
	run docker exec private ls /m/in
	local private=$output
	docker rm -f slave private
	umount "$CRL/prop/in" "$CRL/prop"
	[ "$slave" = seen ]
	[ "$private" = "" ]
}

@test "an image is mounted read-only, with all of it or a folder; it cannot be removed meanwhile" {
	mkdir -p "$CRL/ctx/deep/er"
	echo one >"$CRL/ctx/deep/er/f"
	ln -s /etc "$CRL/ctx/deep/out"
	tar -C "$CRL/ctx" -c . | docker import - data:1
	printf 'FROM data:1\nCOPY g /deep/g\n' >"$CRL/ctx/Dockerfile"
	echo two >"$CRL/ctx/g"
	DOCKER_BUILDKIT=0 docker build -q -t data:2 "$CRL/ctx"
	[ "$(docker run --rm --mount type=image,src=data:2,dst=/i busybox cat /i/deep/er/f /i/deep/g)" = "one
two" ]
	[ "$(docker run --rm --mount type=image,src=data:1,dst=/i busybox cat /i/deep/er/f)" = one ]
	[ "$(docker run --rm --mount type=image,src=data:2,dst=/i,image-subpath=deep busybox ls /i)" = "er
g
out" ]
	[ "$(docker run --rm --mount type=image,src=data:2,dst=/f,image-subpath=deep/g busybox cat /f)" = two ]
	run docker run --rm --mount type=image,src=data:2,dst=/i busybox touch /i/x
	[[ $output == *"Read-only file system"* ]]
	# A link in the image leads into the image, not to the host.
	attempt docker run --rm --mount type=image,src=data:2,dst=/i,image-subpath=deep/out busybox cat /i/hostname
	[[ $output == *"cannot access path deep/out: no such file or directory"* ]]
	docker create --name holder --mount type=image,src=data:2,dst=/i busybox true
	[ "$(docker inspect -f '{{(index .Mounts 0).Type}} {{(index .Mounts 0).RW}} {{(index .Mounts 0).Name}}' holder)" = "image false data:2" ]
	run docker rmi data:2
	[ "$status" -ne 0 ]
	docker rm holder
	docker rmi data:2 data:1
}

@test "a folder inside a volume; links stay inside, a missing one is an error" {
	docker volume create sub
	docker run --rm -v sub:/v busybox sh -c 'mkdir -p /v/a/b; echo in >/v/a/b/f; ln -s /a/b /v/good; ln -s ../../../../../etc /v/bad'
	[ "$(docker run --rm --mount type=volume,src=sub,dst=/m,volume-subpath=a/b busybox cat /m/f)" = in ]
	[ "$(docker run --rm --mount type=volume,src=sub,dst=/m,volume-subpath=good busybox cat /m/f)" = in ]
	attempt docker run --rm --mount type=volume,src=sub,dst=/m,volume-subpath=bad busybox cat /m/hostname
	[ "$status" -ne 0 ]
	[[ $output == *"cannot access path bad: no such file or directory"* ]]
	attempt docker run --rm --mount type=volume,src=sub,dst=/m,volume-subpath=none busybox true
	[[ $output == *"cannot access path none: no such file or directory"* ]]
	run docker run --rm --mount type=volume,src=sub,dst=/m,volume-subpath=../up busybox true
	[[ $output == *"subpath must be a relative path within the volume"* ]]
	run docker run --rm --mount type=volume,dst=/m,volume-subpath=a busybox true
	[[ $output == *"must not set Subpath when using anonymous volumes"* ]]
	docker volume rm sub
}

@test "a folder that is swapped for a link during the start never shows the host" {
	docker volume create race
	docker run --rm -v race:/v busybox sh -c 'mkdir /v/x; echo mine >/v/x/hostname'
	docker run -d --name swapper -v race:/v busybox sh -c \
		'ln -s ../../../../../../../../etc /v/y; while :; do mv /v/x /v/z; mv /v/y /v/x; mv /v/x /v/y; mv /v/z /v/x; done'
	local i bad=0
	for i in $(seq 15); do
		attempt docker run --rm --network none --mount type=volume,src=race,dst=/m,volume-subpath=x busybox cat /m/hostname
		[ "$status" -ne 0 ] || [ "$output" = mine ] || { bad=1; echo "saw: $output"; }
	done
	docker rm -f swapper
	docker volume rm race
	[ "$bad" = 0 ]
}

@test "wrong mounts are refused in docker's words" {
	run create_with '"Mounts":[{"Type":"bind","Source":"/tmp","Target":"/x","VolumeOptions":{"NoCopy":true}}]'
	[[ $output == *'invalid mount config for type \"bind\": field VolumeOptions must not be specified'*400 ]]
	run create_with '"Mounts":[{"Type":"npipe","Source":"/tmp","Target":"/x"}]'
	[[ $output == *'invalid mount config for type \"npipe\": mount type unknown'*400 ]]
	run create_with '"Mounts":[{"Type":"cluster","Source":"v","Target":"/x"}]'
	[[ $output == *'mount type unknown'*400 ]]
	run create_with '"Mounts":[{"Type":"bind","Source":"/no/such","Target":"/x"}]'
	[[ $output == *'bind source path does not exist: /no/such'*400 ]]
	run create_with '"Mounts":[{"Type":"bind","Source":"/tmp","Target":"/x","BindOptions":{"Propagation":"odd"}}]'
	[[ $output == *'invalid propagation mode: odd'*400 ]]
	run create_with '"Mounts":[{"Type":"bind","Source":"/tmp","Target":"/x","ReadOnly":true,"BindOptions":{"ReadOnlyNonRecursive":true,"ReadOnlyForceRecursive":true}}]'
	[[ $output == *'mount options conflict'*400 ]]
	run create_with '"Mounts":[{"Type":"tmpfs","Target":"/x","TmpfsOptions":{"Options":[["suid"]]}}]'
	[[ $output == *'invalid option: suid'*400 ]]
	run create_with '"Mounts":[{"Type":"image","Source":"no:such","Target":"/x"}]'
	[[ $output == *'No such image: no:such'*404 ]]
	run create_with '"Binds":["/tmp:/x:ro,rw"]'
	[[ $output == *'invalid mode: ro,rw'*400 ]]
	run create_with '"Binds":["/data:ro"]'
	[[ $output == *"invalid volume specification: '/data:ro'"*400 ]]
	run create_with '"VolumesFrom":["nobody"]'
	[[ $output == *'No such container: nobody'*400 ]]
	run create_with '"VolumesFrom":["x:nocopy"]'
	[[ $output == *'invalid mode: nocopy'*400 ]]
}

@test "volumes of another container, also a stopped one, and read-only" {
	docker create --name donor -v given:/g -v "$CRL:/host:ro" busybox true
	docker run --rm --volumes-from donor busybox sh -c 'echo x >/g/f; ! touch /host/f'
	[ "$(docker run --rm --volumes-from donor busybox cat /g/f)" = x ]
	run docker run --rm --volumes-from donor:ro busybox touch /g/h
	[[ $output == *"Read-only file system"* ]]
	[ "$(docker inspect -f '{{range .Mounts}}{{.Destination}} {{.Mode}} {{.RW}} {{.Propagation}};{{end}}' donor)" = "/g z true ;/host ro false rprivate;" ]
	docker rm donor
	docker volume rm given
}

@test "our command line takes docker's keys" {
	mkdir -p "$CRL/o/s"
	crun-lite run --rm --mount "type=bind,source=$CRL/o,destination=/m,ro,bind-propagation=rslave,bind-recursive=readonly" busybox ls /m
	crun-lite run --rm --mount "type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=700" busybox sh -c 'stat -c %a /t' >"$CRL/mode"
	[ "$(cat "$CRL/mode")" = 700 ]
	crun-lite run --rm --mount type=image,src=busybox,dst=/i busybox ls /i/bin >/dev/null
	run crun-lite run --rm --mount type=bind,src=/tmp,dst=/m,nonsense=1 busybox true
	[[ $output == *"nonsense"* ]]
}
