#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# attach/ws: the WebSocket form of attach, with a client of python's standard library.
load ../harness/daemon

setup_file() { daemon_setup; }
teardown_file() { daemon_teardown; }
teardown() {
	ids=$(crun-lite ps -aq)
	# shellcheck disable=SC2086
	[ -z "$ids" ] || crun-lite rm -f $ids >/dev/null
}
ws() {
	local id=$1 query=$2
	shift 2
	timeout 20 python3 "$TOP/tests/harness/websocket.py" "$CRL/s" "${PREFIX:-}/containers/$id/attach/ws?$query" "$@"
}
ALL='stream=1&stdin=1&stdout=1&stderr=1'

@test "input reaches the container, output comes back, both streams" {
	id=$(crun-lite run -d -i busybox sh -c 'while read l; do echo "out $l"; echo "err $l" >&2; done')
	run ws "$id" "$ALL" 'send:a\n' 'until:out a' 'until:err a' 'binary:b\n' 'until:out b' close:1000 end
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *"<8 1000>" ]]
	[ "$(crun-lite inspect -f '{{.State.Running}}' "$id")" = true ]
	# One stream alone.
	run ws "$id" 'stream=1&stdin=1&stderr=1' 'send:c\n' 'until:err c' close end
	[[ $output != *"out c"* ]]
	[[ $output == *"<8 >" ]]
}

@test "pings, messages in pieces, long ones" {
	id=$(crun-lite run -d -i busybox cat)
	run ws "$id" "$ALL" ping:hello 'until:<10 hello>' 'split:pieces\n' 'until:<10 between>' 'until:pieces' close:1001 end
	echo "$output"
	[[ $output == *"<8 1001>" ]]
	for n in 125 126 65535 65536 300000; do
		run ws "$id" "$ALL" "big:$n" 'until:\n' close:1000 end
		[ "$(tr -dc x <<<"$output" | wc -c)" = $n ]
	done
}

@test "who pings and does not read the answers is not read either" {
	id=$(crun-lite run -d -i busybox cat)
	# Past the proxy of the harness, which would hold on to what is not read.
	socket=$CRL/s
	[ ! -S "$CRL/s.daemon" ] || socket=$CRL/s.daemon
	run timeout 20 python3 "$TOP/tests/harness/websocket.py" "$socket" "/containers/$id/attach/ws?$ALL" flood:64
	echo "$output"
	[ "$status" -eq 0 ]
	[ "${output% MiB}" -le 4 ]
	# With an end to it, all answers come.
	run ws "$id" "$ALL" ping:a ping:b 'until:<10 b>' close:1000 end
	[[ $output == *"<10 a><10 b>"* ]]
}

@test "the container's end is told with a close frame, and its last words before" {
	id=$(crun-lite create -i busybox sh -c 'read l; echo "last $l"; exit 3')
	ws "$id" "$ALL" 'send:words\n' end >"$BATS_TEST_TMPDIR/out" &
	sleep 0.5
	crun-lite start "$id" >/dev/null
	wait $!
	[ "$(cat "$BATS_TEST_TMPDIR/out")" = "$(printf 'last words\n<8 1000>')" ]
	[ "$(crun-lite wait "$id")" = 3 ]
	# What was said before is in the log.
	run ws "$id" 'logs=1&stdout=1&stderr=1' end
	[ "$output" = "$(printf 'last words\n<8 1000>')" ]
}

@test "what breaks the protocol is answered with 1002 and an end" {
	id=$(crun-lite run -d -i busybox cat)
	# Not masked; reserved bits; unknown opcode; continuation of nothing; long control frame; wasteful length.
	for bad in 8103616263 c18100000000ff 838100000000ff 808100000000ff 89fe007e00000000 81fe000500000000; do
		run ws "$id" "$ALL" "raw:$bad" end
		echo "$bad $output"
		[[ $output == *"<8 1002>"* ]]
	done
	# A status that must not be sent.
	run ws "$id" "$ALL" close:1005 end
	[[ $output == *"<8 1002>"* ]]
	run ws "$id" "$ALL" 'send:still\n' 'until:still' close end
	[ "$status" -eq 0 ]
}

@test "a terminal: detach keys, and no frames of docker's" {
	id=$(crun-lite run -dit busybox sh)
	run ws "$id" "$ALL&detachKeys=ctrl-x" 'send:echo $((6*7))\n' 'until:42' 'binary:\x18' end
	[ "$status" -eq 0 ]
	[[ $output == *"<8 1000>" ]]
	[ "$(crun-lite inspect -f '{{.State.Running}}' "$id")" = true ]
}

@test "text frames for versions before 1.28, binary ones since" {
	id=$(crun-lite run -d -i busybox cat)
	raw() { python3 - "$CRL/s" "$1/containers/$id/attach/ws?$ALL" <<'PY'
import socket, sys
s = socket.socket(socket.AF_UNIX); s.settimeout(10); s.connect(sys.argv[1])
s.sendall(b"GET " + sys.argv[2].encode() + b" HTTP/1.1\r\nHost: d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
          # The first frame comes with the request.
          b"\x81\x82\0\0\0\0x\n")
data = b""
while b"\r\n\r\n" not in data or not data.split(b"\r\n\r\n", 1)[1]:
    data += s.recv(4096)
print(data.split(b"\r\n\r\n", 1)[1][0] & 15)
PY
	}
	[ "$(raw /v1.27)" = 1 ]
	[ "$(raw /v1.28)" = 2 ]
}

@test "requests that are no handshake, unknown and paused containers" {
	id=$(crun-lite run -d busybox sleep 1000)
	code() { curl -s -o "$BATS_TEST_TMPDIR/b" -w '%{http_code}' --max-time 5 --unix-socket "$CRL/s" "$@"; }
	[ "$(code "http://d/containers/$id/attach/ws")" = 400 ]
	[ "$(code -H 'Upgrade: websocket' -H 'Connection: Upgrade' -H 'Sec-WebSocket-Key: short' -H 'Sec-WebSocket-Version: 13' "http://d/containers/$id/attach/ws")" = 400 ]
	[ "$(code -H 'Upgrade: websocket' -H 'Connection: Upgrade' -H 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==' -H 'Sec-WebSocket-Version: 8' "http://d/containers/$id/attach/ws")" = 400 ]
	grep -q 'version 13' "$BATS_TEST_TMPDIR/b"
	[ "$(code "http://d/containers/none/attach/ws")" = 404 ]
	crun-lite pause "$id" >/dev/null
	[ "$(code "http://d/containers/$id/attach/ws")" = 409 ]
	crun-lite unpause "$id" >/dev/null
}

@test "a session goes on when the daemon is killed and restarted" {
	id=$(crun-lite run -d -i busybox cat)
	mkfifo "$BATS_TEST_TMPDIR/go"
	cat >"$BATS_TEST_TMPDIR/t.py" <<'PY'
import sys
sock, url, lib, go = sys.argv[1:]
exec(open(lib).read().replace("\nmain()\n", "\n"))
p = Peer(sock, url)
p.run("send:before\\n")
p.run("until:before")
open(go).read()
p.run("send:after\\n")
p.run("until:after")
print("both")
PY
	# Past the proxy of the harness, which ends with the daemon.
	socket=$CRL/s
	[ ! -S "$CRL/s.daemon" ] || socket=$CRL/s.daemon
	timeout 20 python3 "$BATS_TEST_TMPDIR/t.py" "$socket" "/containers/$id/attach/ws?$ALL" \
		"$TOP/tests/harness/websocket.py" "$BATS_TEST_TMPDIR/go" >"$BATS_TEST_TMPDIR/out" 3>&- &
	client=$!
	sleep 1
	daemon_stop KILL
	daemon_start
	timeout 5 sh -c "echo >$BATS_TEST_TMPDIR/go"
	wait $client
	[ "$(cat "$BATS_TEST_TMPDIR/out")" = both ]
	no_relays() { ! pgrep -f 'crun-lite-worker websocket' >/dev/null; }
	wait_until 5 no_relays
}
