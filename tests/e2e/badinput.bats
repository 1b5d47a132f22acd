# SPDX-License-Identifier: GPL-2.0-or-later
# Bad input: a clear error, the right status, nothing lost, the daemon alive.
load ../harness/daemon
setup_file() { daemon_setup; }
teardown_file() { daemon_teardown; }
teardown() { [ "$(curl -fsS --unix-socket "$CRL/s" http://d/_ping)" = OK ]; }

api() { # METHOD PATH [CURL-ARGS...]: status code, body in $CRL/body
	local method=$1 path=$2
	shift 2
	curl -sS -o "$CRL/body" -w '%{http_code}' -X "$method" --unix-socket "$CRL/s" "$@" "http://d$path"
}
# Removed containers lie there until the daemon has a quiet moment.
staging_is_empty() { [ -z "$(find "$DATA_ROOT/tmp" -mindepth 1)" ]; }
json='Content-Type: application/json'

@test "unknown verb: named, with the nearest one" {
	run crun-lite rnu busybox
	[ "$status" -ne 0 ]
	[[ $output == *rnu* && $output == *run* ]]
}
@test "unknown flag: named, exit 125" {
	run crun-lite run --nmae x busybox true
	[ "$status" -eq 125 ]
	[[ $output == *nmae* ]]
}
@test "missing image: 125 and the image's name" {
	run crun-lite run --rm nosuch:image true
	[ "$status" -eq 125 ]
	[[ $output == *nosuch* ]]
}
@test "missing command: 127; not executable: 126" {
	run crun-lite run --rm busybox nosuchcommand
	[ "$status" -eq 127 ]
	[[ $output == *nosuchcommand* ]]
	run crun-lite run --rm busybox /etc/passwd
	[ "$status" -eq 126 ]
	[ -z "$(crun-lite ps -aq)" ]
}
@test "broken JSON: 400 with a position" {
	[ "$(api POST /containers/create -H "$json" -d '{"Image":"busybox",')" = 400 ]
	grep -q 'invalid JSON' "$CRL/body"
}
@test "duplicate keys, NUL, depth and trailing bytes: 400" {
	[ "$(api POST /containers/create -H "$json" -d '{"Image":"a","Image":"b"}')" = 400 ]
	[ "$(api POST /containers/create -H "$json" -d '{"Image":"a\u0000b"}')" = 400 ]
	[ "$(api POST /containers/create -H "$json" -d '{"Image":"busybox"} x')" = 400 ]
	python3 -c 'print("[" * 5000)' >"$CRL/deep"
	[[ $(api POST /containers/create -H "$json" --data-binary @"$CRL/deep") == 4?? ]]
}
@test "wrong types: 400 naming the field" {
	[ "$(api POST /containers/create -H "$json" -d '{"Image":7}')" = 400 ]
	grep -q Image "$CRL/body"
	[ "$(api POST /containers/create -H "$json" -d '{"Image":"busybox","HostConfig":{"Memory":"lots"}}')" = 400 ]
	grep -q Memory "$CRL/body"
}
@test "a body over 4 MiB: 413 and no memory kept" {
	head -c 6000000 /dev/zero | tr '\0' ' ' >"$CRL/big"
	[ "$(api POST /containers/create -H "$json" --data-binary @"$CRL/big")" = 413 ]
}
@test "text/plain body: 400" {
	[ "$(api POST /containers/create -H 'Content-Type: text/plain' -d '{}')" = 400 ]
}
@test "names with / or ..: 400" {
	for name in ../x a/b .hidden 'a b' x; do
		[ "$(api POST "/containers/create?name=$(jq -rn --arg n "$name" '$n|@uri')" -H "$json" -d '{"Image":"busybox","Cmd":["true"]}')" = 400 ]
	done
	[ -z "$(crun-lite ps -aq)" ]
}
@test "unknown object: 404 in docker's words; unknown route: 404" {
	[ "$(api GET /containers/nope/json)" = 404 ]
	grep -q 'No such container: nope' "$CRL/body"
	[ "$(api GET /images/nope/json)" = 404 ]
	grep -q 'No such image: nope' "$CRL/body"
	[ "$(api GET /nope)" = 404 ]
	[ "$(api GET '/containers/../../etc/passwd/json' --path-as-is)" = 404 ]
}
@test "API versions: too new and too old are 400" {
	[ "$(api GET /v1.99/version)" = 400 ]
	grep -q 'client version 1.99 is too new' "$CRL/body"
	[ "$(api GET /v1.10/version)" = 400 ]
	[ "$(api GET /v1.24/version)" = 200 ]
}
@test "bad filters, signals, sizes: 400" {
	[ "$(api GET '/containers/json?filters=%7B%22nope%22:%5B%22x%22%5D%7D')" = 400 ]
	[ "$(api GET '/containers/json?filters=broken')" = 400 ]
	crun-lite create --name c1 busybox sleep 1
	[ "$(api POST '/containers/c1/kill?signal=NOPE')" = 400 ]
	[ "$(api POST '/containers/c1/kill')" = 409 ]
	crun-lite rm c1
}
@test "a Dockerfile with an unknown instruction: file, line, instruction, nearest word" {
	mkdir -p "$CRL/ctx"
	printf 'FROM busybox\nRNU true\n' >"$CRL/ctx/Dockerfile"
	run crun-lite build "$CRL/ctx"
	[ "$status" -ne 0 ]
	[[ $output == *Dockerfile* && $output == *RNU* && $output == *RUN* && $output == *2* ]]
}
@test "truncated, empty and foreign archives: refused, nothing stays" {
	local before
	before=$(find "$DATA_ROOT/blobs" "$DATA_ROOT/layers" -type f | wc -l)
	head -c 100000 "$(busybox_archive)" >"$CRL/cut.tar"
	run crun-lite load -i "$CRL/cut.tar"
	[ "$status" -ne 0 ]
	[ -n "$output" ]
	run crun-lite load -i /dev/null
	[ "$status" -ne 0 ]
	head -c 50000 /dev/urandom >"$CRL/noise.tar"
	run crun-lite load -i "$CRL/noise.tar"
	[ "$status" -ne 0 ]
	wait_until 3 staging_is_empty
	[ "$(find "$DATA_ROOT/blobs" "$DATA_ROOT/layers" -type f | wc -l)" = "$before" ]
}
@test "a client that hangs up in the middle of an upload leaves nothing" {
	(cat "$(busybox_archive)"; sleep 5) | timeout 1 curl -sS -T - --unix-socket "$CRL/s" -X POST http://d/images/load >/dev/null 2>&1 || true
	no_worker() { ! pgrep -P "$(daemon_pid)" -f crun-lite-worker; }
	wait_until 5 no_worker
	wait_until 3 staging_is_empty
}
@test "pull says in one sentence that it is not there: 501, exit 125" {
	[ "$(api POST '/images/create?fromImage=nginx&tag=latest')" = 501 ]
	run crun-lite pull nginx
	[ "$status" -eq 125 ]
}
@test "100 half-open connections do not stop the daemon" {
	python3 - "$CRL/s" <<-'PYTHON'
		import socket, sys
		held = []
		for i in range(100):
		    s = socket.socket(socket.AF_UNIX)
		    s.connect(sys.argv[1])
		    s.send(b"GET /containers/json HTTP/1.1\r\nHost: d\r\n")
		    held.append(s)
		s = socket.socket(socket.AF_UNIX)
		s.settimeout(5)
		s.connect(sys.argv[1])
		s.send(b"GET /_ping HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n")
		data = s.recv(4096)
		assert data.startswith(b"HTTP/1.1 200"), data
	PYTHON
}
@test "a huge header is refused" {
	run api GET /_ping -H "X: $(head -c 90000 /dev/zero | tr '\0' a)"
	[[ $output == 4* ]]
}
