#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Bad requests to every route: wrong ids, types, methods, bodies that are broken, huge, slow or cut off.
load ../harness/daemon

NO_SCHEMA=1 # watches the daemon's own descriptors
setup_file() { daemon_setup; }
teardown_file() { daemon_teardown; }

@test "every route refuses what is wrong, and nobody else waits" {
	run bash -c "crun-lited --print-routes | timeout 280 python3 '$TOP/tests/api/requests.py' '$CRL/s' $(daemon_pid) '$TOP/tests/api/schema/engine-api.json'"
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "a user with too many connections is told so, others are not" {
	chmod o+rw "$CRL/s"
	chmod o+x "$CRL"
	python3 - "$CRL/s" <<-'END'
		import os, socket, sys
		def connect():
		    s = socket.socket(socket.AF_UNIX)
		    s.settimeout(5)
		    s.connect(sys.argv[1])
		    return s
		def ping(s):
		    s.sendall(b"GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n")
		    return s.recv(4096)
		r, w = os.pipe()
		stop_r, stop_w = os.pipe()
		pid = os.fork()
		if pid == 0:
		    os.close(stop_w)
		    os.setgroups([])
		    os.setresgid(65534, 65534, 65534)
		    os.setresuid(65534, 65534, 65534)
		    socks = [connect() for _ in range(512)]
		    ok = all(ping(s).startswith(b"HTTP/1.1 200") for s in socks[:5])
		    extra = connect()
		    answer = extra.recv(4096)
		    told = answer.startswith(b"HTTP/1.1 503") and b'{"message":"too many connections"}' in answer
		    os.write(w, b"y" if ok and told else b"n" + answer[:100])
		    os.read(stop_r, 1)
		    os._exit(0)
		os.close(w)
		said = os.read(r, 200)
		assert said == b"y", said
		assert ping(connect()).startswith(b"HTTP/1.1 200")  # root's, meanwhile
		os.close(stop_w)
		os.waitpid(pid, 0)
	END
	[ "$(curl -sS --unix-socket "$CRL/s" http://d/_ping)" = OK ]
}
