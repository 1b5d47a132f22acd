#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What a container has changed: diff, export, commit, and how large it is.
load ../harness/daemon

setup_file() { daemon_setup; }
teardown_file() { daemon_teardown; }
setup() {
	command -v docker >/dev/null || skip "no docker client"
	W=$BATS_TEST_TMPDIR
	cd "$W"
}
teardown() { containers_gone; }
get() { curl -s --unix-socket "$CRL/s" "http://d$1"; }

@test "diff: added, changed, deleted, and nothing that only had to be there" {
	id=$(docker create -v /some/vol -v "$W:/etc/place" --tmpfs /scratch busybox sh -c '
		echo 1 >/new; mkdir -p /dir/sub; touch /dir/sub/f
		chmod 600 /etc/group; rm /etc/shadow; rm -r /home; ln -s x /lnk
		echo v >/some/vol/f; touch /scratch/f
		mkdir /tmp/x; rmdir /tmp/x; cat /etc/passwd >/dev/null')
	[ "$(get "/containers/$id/changes")" = null ]
	docker start -a "$id"
	run docker diff "$id"
	echo "$output"
	[ "$output" = "$(printf '%s\n' 'A /dir' 'A /dir/sub' 'A /dir/sub/f' 'C /etc' 'C /etc/group' 'D /etc/shadow' 'D /home' 'A /lnk' 'A /new')" ]
	[ "$(get "/containers/$id/changes" | jq -c '.[0]')" = '{"Path":"/dir","Kind":1}' ]
	[ "$(crun-lite diff "$id")" = "$output" ]
	run docker diff none
	[[ $output == *"No such container: none"* ]]
}

@test "diff: a directory made anew hides what was in it; the container may run" {
	id=$(docker run -d busybox sh -c 'rm -r /etc; mkdir /etc; echo mine >/etc/passwd; touch /ready; sleep 1000')
	wait_until 5 docker exec "$id" test -e /ready
	run docker diff "$id"
	echo "$output"
	grep -qx 'C /etc/passwd' <<<"$output"
	grep -qx 'D /etc/group' <<<"$output"
	grep -qx 'C /etc' <<<"$output"
}

@test "export: the merged tree without volumes" {
	id=$(docker run -d -v exported:/v busybox sh -c 'echo in >/v/f; echo x >/x; rm /etc/group; sleep 1000')
	wait_until 5 docker exec "$id" test -e /x
	docker export "$id" >e.tar
	tar -tf e.tar >names
	grep -qx x names
	grep -qx bin/busybox names
	grep -qx .dockerenv names
	grep -qx v/ names
	run grep -e v/f -e etc/group names
	[ "$status" -ne 0 ]
	docker export -o f.tar "$id"
	cmp e.tar f.tar
	crun-lite export -o g.tar "$id"
	cmp e.tar g.tar
	docker import e.tar imported >/dev/null
	[ "$(crun-lite run --rm imported cat /x)" = x ]
	docker rm -f "$id" >/dev/null
	docker volume rm exported
	docker rmi imported
}

@test "commit: layer, config, changes, name; paused meanwhile" {
	since=$(date +%s)
	id=$(docker run -d --name com -e A=1 -e B=2 -l l1=x -w /tmp -p 80 busybox sh -c 'echo kept >/kept; rm /etc/group; touch /ready; sleep 1000')
	wait_until 5 docker exec "$id" test -e /ready
	run docker commit -a "Me <me@x>" -m "the message" -c 'ENV B=3' -c 'CMD ["cat", "/kept"]' -c 'EXPOSE 81' -c 'LABEL l2=y' com made:1
	[[ $output =~ ^sha256:[0-9a-f]{64}$ ]]
	[ "$(docker inspect -f '{{.State.Status}}' com)" = running ]
	[ "$(crun-lite run --rm made:1)" = kept ]
	docker run --rm made:1 sh -c 'test ! -e /etc/group && [ "$A$B$PWD" = 13/tmp ]'
	docker image inspect made:1 >i.json
	[ "$(jq -r '.[0] | "\(.Author) \(.Comment) \(.Parent != "") \(.Config.Labels | to_entries | map("\(.key)=\(.value)") | join(",")) \(.Config.ExposedPorts | keys | join(","))"' i.json)" = "Me <me@x> the message true l1=x,l2=y 80/tcp,81/tcp" ]
	[ "$(docker history -q made:1 | wc -l)" = 2 ]
	run docker events --since "$since" --until "$(($(date +%s) + 1))" --filter container=com --format '{{.Action}}'
	grep -q pause <<<"$output"
	grep -q unpause <<<"$output"
	grep -qx commit <<<"$output"
	# Without a pause, without a name, with a config in the body.
	out=$(curl -s -X POST --unix-socket "$CRL/s" -H 'Content-Type: application/json' -d '{"Entrypoint":["/bin/echo","ep"],"Env":["A=9"],"Volumes":{"/vv":{}}}' "http://d/commit?container=com&pause=0")
	img=$(jq -r .Id <<<"$out")
	[ "$(crun-lite run --rm "$img" hello)" = "ep hello" ]
	[ "$(docker image inspect "$img" | jq -c '.[0].Config | [.Env[] | select(startswith("A=") or startswith("B="))] | sort')" = '["A=9","B=2"]' ]
	[ "$(docker image inspect "$img" | jq -c '.[0].Config.Volumes')" = '{"/vv":{}}' ]
	run docker commit -c 'FROM x' com
	[[ $output == *"FROM is not a valid change command"* ]]
	[ "$(docker inspect -f '{{.State.Status}}' com)" = running ]
	run docker commit none
	[[ $output == *"No such container: none"* ]]
	run crun-lite commit -a You -m own -c 'CMD ["echo", "own"]' -p=false com made:2
	[[ $output =~ ^sha256:[0-9a-f]{64}$ ]]
	[ "$(crun-lite run --rm made:2)" = own ]
	[ "$(docker image inspect -f '{{.Author}} {{.Comment}}' made:2)" = "You own" ]
	docker rm -f com >/dev/null
	docker rmi made:1 made:2 "$img"
}

@test "commit of a container with a health check: its times are large numbers" {
	id=$(docker create --health-cmd true --health-interval 30s --health-timeout 5s busybox)
	run docker commit "$id" checked
	echo "$output"
	[[ $output =~ ^sha256:[0-9a-f]{64}$ ]]
	[ "$(docker image inspect -f '{{json .Config.Healthcheck}}' checked)" = '{"Test":["CMD-SHELL","true"],"Interval":30000000000,"Timeout":5000000000}' ]
	docker rm "$id" >/dev/null
	docker rmi checked
}

@test "commit of a stopped and of an unchanged container" {
	id=$(docker create busybox echo hi)
	img=$(docker commit "$id")
	run crun-lite run --rm "$img"
	echo "$output"
	[ "$output" = hi ]
	docker start -a "$id"
	docker commit "$id" again >/dev/null
	[ "$(crun-lite run --rm again)" = hi ]
	docker rm "$id" >/dev/null
	docker rmi again "$img" 2>/dev/null || docker rmi again
}

@test "sizes: as du counts apparent bytes, hard links once" {
	id=$(docker run -d --name big -v sized:/v busybox sh -c '
		mkdir -p /d/e; head -c 100000 /dev/zero >/d/a; ln /d/a /d/b; ln -s 12345 /d/e/l
		truncate -s 1000000 /d/sparse; head -c 777 /dev/zero >/v/f; ln /v/f /v/g; touch /ready; sleep 1000')
	wait_until 5 docker exec big test -e /ready
	rw=$(find "$DATA_ROOT/containers/$id/upper" ! -type d -printf '%i %s\n' | sort -u | awk '{s += $2} END {print s}')
	[ "$rw" = 1100005 ]
	root=$(docker image inspect -f '{{.Size}}' busybox)
	[ "$(get "/containers/big/json?size=1" | jq -c '[.SizeRw, .SizeRootFs]')" = "[$rw,$((rw + root))]" ]
	[ "$(get "/containers/json?size=1" | jq -c '[.[0].SizeRw, .[0].SizeRootFs]')" = "[$rw,$((rw + root))]" ]
	[ "$(get "/containers/json" | jq -c '.[0].SizeRw')" = null ]
	[ "$(docker ps -s --format '{{.Size}}')" = "1.1MB (virtual $(docker ps -s --format '{{.Size}}' | sed 's/.*virtual //')" ]
	get /system/df >df.json
	[ "$(jq -c '[.Containers[] | select(.Names[0] == "/big") | .SizeRw]' df.json)" = "[$rw]" ]
	[ "$(jq -c '[.Volumes[] | select(.Name == "sized") | .UsageData.Size]' df.json)" = '[777]' ]
	# Remembered for some seconds, then measured anew.
	docker exec big sh -c 'head -c 5 /dev/zero >/d/more'
	wait_until 10 sh -c "curl -s --unix-socket $CRL/s http://d/containers/big/json?size=1 | jq -e '.SizeRw == $((rw + 5))'"
	docker rm -f big >/dev/null
	docker volume rm sized
}

@test "sizes: many ask at once, and nobody else waits" {
	for i in 1 2 3; do docker run -d --name "s$i" busybox sh -c 'mkdir /m; cd /m; for i in $(seq 3000); do : >$i; done; head -c 10 /dev/zero >x; touch /ready; sleep 1000' >/dev/null; done
	for i in 1 2 3; do wait_until 20 docker exec "s$i" test -e /ready; done
	for i in 1 2 3 1 2 3 1 2 3; do get "/containers/s$i/json?size=1" >"a$i.$RANDOM" & done
	get "/system/df" >df &
	get /_ping >ping
	wait
	for f in a?.*; do [ "$(jq .SizeRw "$f")" = 10 ]; done
	[ "$(jq -c '[.Containers[].SizeRw] | unique' df)" = '[10]' ]
}

@test "prune tells what it freed" {
	docker run --name gone -v "$(docker volume create)":/v busybox sh -c 'head -c 1234 /dev/zero >/x; head -c 4321 /dev/zero >/v/y'
	[ "$(curl -s -X POST --unix-socket "$CRL/s" http://d/containers/prune | jq .SpaceReclaimed)" = 1234 ]
	[ "$(curl -s -X POST --unix-socket "$CRL/s" http://d/volumes/prune | jq .SpaceReclaimed)" = 4321 ]
}
