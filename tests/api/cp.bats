#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# docker cp: the archive endpoints with docker's client and with curl, on
# running, paused, stopped and new containers, through volumes and links.
load ../harness/daemon

setup_file() { daemon_setup; }
teardown_file() { daemon_teardown; }
setup() {
	command -v docker >/dev/null || skip "no docker client"
	W=$BATS_TEST_TMPDIR
	cd "$W"
}
teardown() { containers_gone; }

# api METHOD PATH [CURL OPTIONS]: prints the status, then the body is in $W/body.
api() {
	local method=$1 path=$2
	shift 2
	curl -s -o "$W/body" -D "$W/head" -w '%{http_code}' -X "$method" --unix-socket "$CRL/s" "$@" "http://d$path"
}
# stat_of ID PATH: the decoded header of HEAD.
stat_of() {
	curl -s -I --unix-socket "$CRL/s" "http://d/containers/$1/archive?path=$2" |
		sed -n 's/^X-Docker-Container-Path-Stat: \([^\r]*\).*/\1/p' | base64 -d
}

tree() {
	mkdir -p src/sub
	echo one >src/1
	echo two >src/sub/2
	chmod 751 src/sub
	chmod 4755 src/1
	ln -s sub/2 src/link
	ln src/sub/2 src/hard
	touch -d 2001-02-03T04:05:06Z src/1
}

@test "a tree goes in and comes out unchanged, whatever the container does" {
	tree
	id=$(docker create --name in-out busybox sleep 1000)
	for state in created running paused exited; do
		case $state in
		running) docker start "$id" >/dev/null ;;
		paused) docker pause "$id" >/dev/null ;;
		exited) docker unpause "$id" >/dev/null && docker kill "$id" >/dev/null && docker wait "$id" >/dev/null ;;
		esac
		[ "$(docker inspect -f '{{.State.Status}}' "$id")" = $state ]
		docker cp src "$id:/$state"
		rm -rf back
		docker cp "$id:/$state" back
		diff -r src back
		[ "$(readlink back/link)" = sub/2 ]
		[ "$(stat -c %h back/hard)" = 2 ]
		[ "$(stat -c '%a %Y' back/1)" = "$(stat -c '%a %Y' src/1)" ]
		[ "$(stat -c %a back/sub)" = 751 ]
	done
	docker start "$id" >/dev/null
	for state in created running paused exited; do
		[ "$(docker exec "$id" cat /$state/sub/2)" = two ]
	done
}

rules() {
	local cli=$1

	tree
	id=$(docker run -d busybox sleep 1000)
	$cli cp src "$id:/tmp"         # an existing directory: below it
	docker exec "$id" test -f /tmp/src/sub/2
	$cli cp src/. "$id:/tmp"       # its content
	docker exec "$id" test -f /tmp/sub/2
	$cli cp src "$id:/new"         # a new name
	docker exec "$id" test -f /new/sub/2
	$cli cp src/1 "$id:/tmp/renamed"
	[ "$(docker exec "$id" cat /tmp/renamed)" = one ]
	run $cli cp src/1 "$id:/nodir/"
	[ "$status" -ne 0 ]
	run $cli cp src "$id:/tmp/renamed"
	[ "$status" -ne 0 ]
	$cli cp "$id:/tmp/renamed" copy
	[ "$(cat copy)" = one ]
	mkdir there
	$cli cp "$id:/new/." there
	diff -r src there
	$cli cp "$id:/new/" there
	diff -r src there/new
	run $cli cp "$id:/nothing" x
	[[ $output == *"Could not find the file /nothing in container $id"* ]]
	$cli cp "$id:/new/link" l
	[ "$(readlink l)" = sub/2 ]
	$cli cp -L "$id:/new/link" followed
	[ "$(cat followed)" = two ]
	$cli cp "$id:/new/sub" - | tar -tf - | grep -qx sub/2
	tar -C src -cf s.tar sub
	run $cli cp - "$id:/opt-not-there" <s.tar
	[ "$status" -ne 0 ]
	run $cli cp - "$id:/tmp/renamed" <s.tar
	[ "$status" -ne 0 ]
	[[ $output == *"must be a directory"* ]]
	docker exec "$id" mkdir /mnt2
	tar -C src -cf - sub | $cli cp - "$id:/mnt2"
	[ "$(docker exec "$id" cat /mnt2/sub/2)" = two ]
	# Destinations that are links, sources that are, and names that only a directory may have.
	docker exec "$id" ln -s /mnt2/sub /to-dir
	$cli cp src/1 "$id:/to-dir"
	docker exec "$id" test -f /mnt2/sub/1
	$cli cp src/link "$id:/tmp/l"
	[ "$(docker exec "$id" readlink /tmp/l)" = sub/2 ]
	$cli cp -L src/link "$id:/tmp/l2"
	[ "$(docker exec "$id" cat /tmp/l2)" = two ]
	$cli cp src/. "$id:/made-anew"
	docker exec "$id" test -f /made-anew/sub/2
	mkdir -p one/two && touch one/two/three
	(cd one && $cli cp . "$id:/dotted" && $cli cp two/ "$id:/slashed")
	docker exec "$id" test -f /dotted/two/three -a -f /slashed/three
	$cli cp "$id:/made-anew/." made-anew
	diff -r src made-anew
	run $cli cp "$id:/tmp/renamed" nodir/
	[ "$status" -ne 0 ]
	run $cli cp "$id:/tmp" copy
	[ "$status" -ne 0 ]
	[[ $output == *"cannot copy directory"* ]]
	run $cli cp a b
	[[ $output == *"must specify at least one container source"* ]]
	run $cli cp x:a y:b
	[[ $output == *"copying between containers is not supported"* ]]
	run $cli cp gone:/x .
	[[ $output == *"No such container: gone"* ]]
}

@test "rules about slashes, links and existing directories: docker's client" {
	rules docker
}

@test "rules about slashes, links and existing directories: ours" {
	rules crun-lite
}

@test "an archive of a container cannot leave the folder it is copied to" {
	id=$(docker create busybox true)
	mkdir out && echo mine >out/mine
	# The container's own link, and a file behind it, as one archive would bring them.
	mkdir evil && ln -s "$W/out" evil/link
	docker cp evil "$id:/evil"
	mkdir to && crun-lite cp "$id:/evil" to
	rm evil/link && mkdir evil/link && echo his >evil/link/mine
	docker rm "$id" >/dev/null
	id=$(docker create busybox true)
	docker cp evil "$id:/evil"
	run crun-lite cp "$id:/evil" to
	[ "$status" -ne 0 ]
	[ "$(cat out/mine)" = mine ]
}

@test "a directory is not replaced by a file, nor the other way round" {
	mkdir d && echo f >d/x && echo f >f
	id=$(docker create busybox true)
	docker cp d "$id:/thing"
	tar -cf t.tar --transform 's/^f$/thing/' f
	[ "$(api PUT "/containers/$id/archive?path=/&noOverwriteDirNonDir=true" -T t.tar)" = 400 ]
	grep -q 'cannot overwrite directory \\"thing\\" with non-directory' body
	[ "$(api PUT "/containers/$id/archive?path=/" -T t.tar)" = 200 ]
	[ "$(docker cp "$id:/thing" - | tar -xOf -)" = f ]
	tar -cf t.tar --transform 's/^d/thing/' d
	[ "$(api PUT "/containers/$id/archive?path=/&noOverwriteDirNonDir=1" -T t.tar)" = 400 ]
	grep -q 'cannot overwrite non-directory' body
}

@test "the stat header has Go's mode bits" {
	id=$(docker run -d busybox sh -c 'mkdir -m 1777 /sticky; echo abc >/f; chmod 4640 /f; ln -s /sticky/../f /l; mkfifo /p; ln -s /nowhere/x /broken; sleep 1000')
	wait_until 5 docker exec "$id" test -L /broken
	[ "$(stat_of "$id" /f | jq -r '"\(.name) \(.size) \(.mode) \(.linkTarget)"')" = "f 4 $((0640 + (1 << 23))) " ]
	[ "$(stat_of "$id" /sticky | jq .mode)" = $(((1 << 31) + (1 << 20) + 0777)) ]
	[ "$(stat_of "$id" /l | jq -r '"\(.mode) \(.linkTarget)"')" = "$(((1 << 27) + 0777)) /f" ]
	[ "$(stat_of "$id" /broken | jq -r .linkTarget)" = /nowhere/x ]
	[ "$(stat_of "$id" /p | jq .mode)" = $(((1 << 25) + 0644)) ]
	[ "$(stat_of "$id" /dev/null | jq .mode)" = $(((1 << 26) + (1 << 21) + 0666)) ]
	[ "$(stat_of "$id" / | jq -r .name)" = / ]
	[ "$(stat_of "$id" /sticky/. | jq -r .name)" = . ]
	stat_of "$id" /f | jq -r .mtime | grep -Eq '^20[0-9-]+T[0-9:.]+Z$'
	[ "$(api HEAD "/containers/$id/archive?path=/none" -I)" = 404 ]
	[ "$(api GET "/containers/$id/archive?path=")" = 400 ]
	grep -q 'bad parameter: path cannot be empty' body
	[ "$(api GET "/containers/none/archive?path=/")" = 404 ]
	grep -q 'No such container: none' body
}

@test "links stay inside: absolute ones are the container's" {
	id=$(docker run -d busybox sh -c 'mkdir -p /run/app /var; rm -rf /var/run; ln -s /run /var/run; echo in >/run/app/f; ln -s /etc/passwd /pw; ln -s ../../../../../../../etc /up; sleep 1000')
	wait_until 5 docker exec "$id" test -L /up
	docker cp "$id:/var/run/app/f" f
	[ "$(cat f)" = in ]
	echo out >g
	docker cp g "$id:/var/run/app/"
	[ "$(docker exec "$id" cat /run/app/g)" = out ]
	docker cp -L "$id:/pw" pw
	[ "$(cat pw)" = "$(docker exec "$id" cat /etc/passwd)" ]
	docker cp "$id:/up/hostname" h
	[ "$(cat h)" = "${id:0:12}" ]
	# An entry through a link of the container: it lands in the container.
	mkdir -p a/up && echo trap >a/up/crl-trap
	tar -C a -cf t.tar up/crl-trap
	[ "$(api PUT "/containers/$id/archive?path=/" -T t.tar)" = 200 ]
	[ ! -e /etc/crl-trap ]
	[ "$(docker exec "$id" cat /etc/crl-trap)" = trap ]
	# Names with ".." are refused.
	tar -cPf t.tar --transform 's,^g$,../../crl-trap,' g
	[ "$(api PUT "/containers/$id/archive?path=/tmp" -T t.tar)" = 400 ]
	docker exec "$id" test ! -e /crl-trap
}

@test "volumes, binds and tmpfs" {
	mkdir host && echo from-host >host/f
	echo data >d
	run_args=(-v vol-cp:/v -v "$W/host:/deep/er/b:ro" -v "$W/host/f:/single" --tmpfs /t)
	id=$(docker create "${run_args[@]}" busybox sleep 1000)
	docker cp d "$id:/v/created"
	[ "$(cat "$DATA_ROOT/volumes/vol-cp/_data/created")" = data ]
	docker cp "$id:/deep/er/b/f" f1
	docker cp "$id:/single" f2
	[ "$(cat f1 f2 | uniq)" = from-host ]
	run docker cp d "$id:/deep/er/b/"
	[[ $output == *"mounted volume is marked read-only"* ]]
	# Nothing was left behind by looking.
	docker start "$id" >/dev/null
	docker cp d "$id:/t/on-tmpfs"
	[ "$(docker exec "$id" cat /t/on-tmpfs)" = data ]
	docker cp "$id:/t/on-tmpfs" f3
	[ "$(cat f3)" = data ]
	docker cp d "$id:/v/running"
	[ -f "$DATA_ROOT/volumes/vol-cp/_data/running" ]
	[ "$(api PUT "/containers/$id/archive?path=/deep/er/b" -T d)" = 403 ]
	docker rm -f "$id" >/dev/null
	docker volume rm vol-cp
}

@test "folders in volumes, images as mounts, volumes that are file systems" {
	echo data >d
	docker run --rm -v deep-cp:/v busybox sh -c 'mkdir -p /v/a/b && echo deep >/v/a/b/f && ln -s /etc /v/a/out'
	docker volume create -o type=tmpfs -o device=tmpfs mem-cp >/dev/null
	id=$(docker create --mount type=volume,src=deep-cp,dst=/m,volume-subpath=a/b \
		--mount type=image,src=busybox,dst=/img -v mem-cp:/mem busybox sleep 1000)
	[ "$(docker cp "$id:/m/f" - | tar -xOf -)" = deep ]
	docker cp d "$id:/m/in"
	[ "$(cat "$DATA_ROOT/volumes/deep-cp/_data/a/b/in")" = data ]
	docker cp "$id:/img/bin/busybox" - | tar -tf - | grep -qx busybox
	run docker cp d "$id:/img/bin/x"
	[[ $output == *"mounted volume is marked read-only"* ]]
	# Not below the mount that is to come.
	run docker cp d "$id:/mem/lost"
	[ "$status" -ne 0 ]
	[ -z "$(ls -A "$DATA_ROOT/volumes/mem-cp/_data")" ]
	docker start "$id" >/dev/null
	docker cp d "$id:/mem/kept"
	[ "$(docker exec "$id" cat /mem/kept)" = data ]
	[ "$(docker cp "$id:/img/bin/busybox" - | wc -c)" -gt 100000 ]
	docker rm -f "$id" >/dev/null
	docker volume rm deep-cp mem-cp
}

@test "users of its own: owners are the container's, in and out" {
	echo data >d && chown 7:8 d
	id=$(crun-lite create --userns auto -v own-cp:/v busybox sleep 1000) || skip "no --userns=auto here"
	for state in created running; do
		[ $state = created ] || docker start "$id" >/dev/null 2>&1 || skip "this kernel has no mapped layers"
		docker cp d "$id:/$state"
		docker cp d "$id:/v/$state"
		docker cp "$id:/$state" - | tar --numeric-owner -tvf - | grep -q ' 7/8 '
		docker cp "$id:/v/$state" - | tar --numeric-owner -tvf - | grep -q ' 7/8 '
		docker cp "$id:/bin/busybox" - | tar --numeric-owner -tvf - | grep -q ' 0/0 '
	done
	[ "$(docker exec "$id" stat -c %u:%g /created /running /v/created | sort -u)" = 7:8 ]
	docker rm -f "$id" >/dev/null
	docker volume rm own-cp
}

@test "read-only roots refuse with docker's words, volumes in them do not" {
	echo data >d
	tar -cf t.tar d
	id=$(docker create --read-only -v vol-ro:/v busybox sleep 1000)
	for state in created running; do
		[ $state = created ] || docker start "$id" >/dev/null
		[ "$(api PUT "/containers/$id/archive?path=/etc" -T t.tar)" = 403 ]
		grep -q 'container rootfs is marked read-only' body
		docker cp d "$id:/v/$state"
	done
	[ "$(docker exec "$id" cat /v/created)" = data ]
	docker rm -f "$id" >/dev/null
	docker volume rm vol-ro
}

@test "the image's files are in a volume before the first start, as after it" {
	base=$(docker create busybox true)
	mkdir d && echo image >d/from-image
	docker cp d "$base:/seed"
	docker commit "$base" seeded >/dev/null
	echo new >new
	id=$(docker create -v /seed seeded ls /seed)
	docker cp new "$id:/seed/"
	[ "$(crun-lite start -a "$id")" = "$(printf 'from-image\nnew')" ]
	docker rm -v "$id" "$base" >/dev/null
	docker rmi seeded
}

@test "bodies of every compression and of none, chunked or not" {
	id=$(docker create busybox true)
	for kind in none gzip bzip2 xz zstd; do
		echo "$kind" >$kind
		tar -cf t.tar $kind
		[ $kind = none ] || $kind -c t.tar >t.z
		[ $kind != none ] || cp t.tar t.z
		[ "$(api PUT "/containers/$id/archive?path=/" -T t.z -H 'Content-Type: text/plain')" = 200 ]
		[ "$(api PUT "/containers/$id/archive?path=/" -T - -H 'Transfer-Encoding: chunked' <t.z)" = 200 ]
		[ "$(docker cp "$id:/$kind" - | tar -xOf -)" = $kind ]
	done
	[ "$(api PUT "/containers/$id/archive?path=/" --data-binary '')" = 200 ]
	head -c 700 /dev/urandom >junk
	[ "$(api PUT "/containers/$id/archive?path=/" -T junk)" = 400 ]
	[ "$(api PUT "/containers/$id/archive?path=/missing" -T t.tar)" = 404 ]
	grep -q "Could not find the file /missing in container $id" body
	[ "$(api PUT "/containers/$id/archive?path=/etc/passwd" -T t.tar)" = 400 ]
	grep -q 'extraction point is not a directory' body
}

@test "owners: as in the archive; with copyUIDGID those of the container's user" {
	echo x >x
	tar --owner=123 --group=456 --numeric-owner -cf t.tar x
	id=$(docker create -u daemon busybox true)
	[ "$(api PUT "/containers/$id/archive?path=/" -T t.tar)" = 200 ]
	docker cp "$id:/x" - | tar --numeric-owner -tvf - | grep -q 123/456
	[ "$(api PUT "/containers/$id/archive?path=/&copyUIDGID=true" -T t.tar)" = 200 ]
	docker cp "$id:/x" - | tar --numeric-owner -tvf - | grep -q ' 1/1 '
}

@test "what the kernel makes is not copied, the rest of / is" {
	id=$(docker run -d busybox sleep 1000)
	docker cp "$id:/" - >all.tar
	tar -tPf all.tar >names
	grep -qx /bin/busybox names
	grep -qx /proc/ names
	run grep -c -e '^/proc/.' -e '^/sys/.' -e '^/dev/.' names
	[ "$output" = 0 ]
}

@test "a start waits for the copy into the container, and the copy for nobody else" {
	id=$(docker create busybox cat /late)
	echo late >late && tar -cf t.tar late
	(sleep 1.5; cat t.tar) | curl -s -T - --unix-socket "$CRL/s" -X PUT "http://d/containers/$id/archive?path=/" &
	sleep 0.5
	[ "$(crun-lite start -a "$id")" = late ]
	wait
	# A client that says nothing holds a start up for some seconds only.
	mkfifo hang
	curl -s -T - --unix-socket "$CRL/s" -X PUT "http://d/containers/$id/archive?path=/" <hang >/dev/null &
	exec 9>hang
	sleep 0.5
	begin=$(date +%s)
	docker start -a "$id"
	[ $(($(date +%s) - begin)) -le 14 ]
	exec 9>&-
	wait
}

@test "several starts wait for one copy, and the first of them fails and removes the container" {
	id=$(docker create --rm --network container:"$(docker create busybox true)" busybox true)
	pid=$(daemon_pid)
	mkfifo hang
	curl -s -T - --unix-socket "$CRL/s" -X PUT "http://d/containers/$id/archive?path=/" <hang >/dev/null &
	exec 9>hang
	wait_until 5 pgrep -P "$pid" -f crun-lite-worker
	for i in 1 2 3; do
		curl -s -o start$i -w '%{http_code}' --unix-socket "$CRL/s" -X POST "http://d/containers/$id/start" >status$i 9>&- &
	done
	sleep 0.5
	exec 9>&-
	wait
	[[ $(cat start1 start2 start3) == *"cannot join network of a non running container"* ]]
	[ "$(cat start1 start2 start3 | grep -o 'No such container' | wc -l)" = 2 ]
	[ "$(cat status1 status2 status3 | grep -o 404 | wc -l)" = 2 ]
	curl -fsS --unix-socket "$CRL/s" http://d/_ping
	[ "$(daemon_pid)" = "$pid" ] && kill -0 "$pid"
}

@test "a removal ends the copy; a client that vanishes ends the worker" {
	id=$(docker create busybox true)
	mkfifo hang
	curl -s -o answer -T - --unix-socket "$CRL/s" -X PUT "http://d/containers/$id/archive?path=/" <hang &
	exec 9>hang
	wait_until 5 pgrep -P "$(daemon_pid)" -f crun-lite-worker
	docker rm "$id"
	exec 9>&-
	wait
	wait_until 5 grep -q 'No such container' answer
	id=$(docker run -d busybox sh -c 'dd if=/dev/zero of=/big bs=1M count=64; sleep 1000')
	wait_until 10 docker exec "$id" sh -c '[ $(stat -c %s /big) = 67108864 ]'
	curl -s -N --limit-rate 100k --max-time 1 -o /dev/null --unix-socket "$CRL/s" "http://d/containers/$id/archive?path=/big" || true
	no_workers() { ! pgrep -P "$(daemon_pid)" -f crun-lite-worker; }
	wait_until 5 no_workers
	docker exec "$id" sh -c 'echo fine >/still && cat /still'
}

@test "events: archive-path and extract-to-dir" {
	since=$(date +%s)
	id=$(docker create busybox true)
	echo x >x
	docker cp x "$id:/x"
	docker cp "$id:/x" y
	run docker events --since "$since" --until "$(($(date +%s) + 1))" --filter container="$id" --format '{{.Action}}'
	[ "$output" = "$(printf 'create\nextract-to-dir\narchive-path')" ]
}

@test "/.dockerenv is there" {
	docker run --rm busybox test -f /.dockerenv
}
