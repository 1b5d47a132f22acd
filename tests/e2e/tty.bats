# SPDX-License-Identifier: GPL-2.0-or-later
# Terminals: raw mode, size, detach keys, signals, half close; a real daemon and a real pty.
load ../harness/daemon
setup_file() { daemon_setup; }
teardown_file() { daemon_teardown; }

tty() { python3 "$TOP/tests/e2e/terminal.py" "$@"; }

@test "run -it: the terminal's size, the exit code, echo by the container's terminal" {
	run tty 40 120 'wait # |type stty size\n|wait 40 120|type exit 6\n' -- crun-lite run --rm -it busybox sh
	[ "$status" -eq 6 ]
	[[ $output == *'40 120'* ]]
}
@test "run -it: a change of the size arrives" {
	run tty 24 80 'wait # |size 33 99|sleep 0.3|type stty size\n|wait 33 99|type exit\n' -- crun-lite run --rm -it busybox sh
	[ "$status" -eq 0 ]
}
@test "run -it: control-C goes to the process, not to the CLI" {
	run tty 24 80 'wait # |type sleep 100\n|sleep 0.3|type \x03|wait # |type exit 5\n' -- crun-lite run --rm -it busybox sh
	[ "$status" -eq 5 ]
}
@test "detach keys: the CLI ends with 0, the container goes on, attach takes it back" {
	run tty 24 80 'wait # |type x=kept\n|wait # |type \x10\x11' -- crun-lite run -it --name d1 busybox sh
	[ "$status" -eq 0 ]
	[ "$(crun-lite inspect -f '{{.State.Status}}' d1)" = running ]
	run tty 24 80 'sleep 0.5|type echo $x-$x\n|wait kept-kept|type exit 9\n' -- crun-lite attach d1
	[ "$status" -eq 9 ]
	crun-lite rm d1
}
@test "attach: the program is made to paint its screen again" {
	crun-lite run -dit --name d3 busybox sh -c 'stty rows 24 cols 80; trap "echo painted" WINCH; while :; do sleep 0.1; done'
	run tty 24 80 'wait painted|type \x10\x11' -- crun-lite attach d3
	[ "$status" -eq 0 ]
	run tty 24 80 'wait painted|type \x10\x11' -- crun-lite attach d3
	[ "$status" -eq 0 ]
	crun-lite rm -f d3
}
@test "detach keys of one's own; half of the default ones is typed through" {
	run tty 24 80 'wait # |type echo a\x10b | cat -v\n|sleep 0.2|type \x01' -- crun-lite run -it --detach-keys ctrl-a --name d2 busybox sh
	[ "$status" -eq 0 ]
	crun-lite rm -f d2
}
@test "exec -it: size and exit code" {
	crun-lite run -d --name e1 busybox sleep 100
	run tty 30 90 'wait # |type stty size\n|wait 30 90|type exit 3\n' -- crun-lite exec -it e1 sh
	[ "$status" -eq 3 ]
	crun-lite rm -f e1
}
@test "run -t without a terminal is refused before anything is made" {
	run bash -c 'echo x | crun-lite run -it --name never busybox sh'
	[ "$status" -eq 1 ]
	[[ $output == *'not a terminal'* ]]
	[ -z "$(crun-lite ps -aq)" ]
}
@test "signals are passed on, and the container's exit code comes back" {
	crun-lite run --rm --name s1 busybox sh -c 'trap "echo got; exit 11" TERM; echo ready; while :; do sleep 0.1; done' >"$CRL/out" 3>&- &
	local pid=$! code=0
	wait_until 10 grep -q ready "$CRL/out"
	kill -TERM $pid
	wait $pid || code=$?
	[ $code -eq 11 ]
	grep -q got "$CRL/out"
	[ -z "$(crun-lite ps -aq)" ]
}
@test "stdin's end reaches the process while its output goes on" {
	run bash -c 'printf "a\nb\n" | crun-lite run --rm -i busybox sh -c "cat; sleep 0.3; echo after"'
	[ "$status" -eq 0 ]
	[ "$output" = "$(printf 'a\nb\nafter')" ]
}
@test "megabytes each way at once does not lock up" {
	head -c 3000000 /dev/urandom >"$CRL/in"
	timeout 20 crun-lite run --rm -i busybox cat <"$CRL/in" >"$CRL/out"
	cmp "$CRL/in" "$CRL/out"
}
@test "the terminal is as before afterwards" {
	run tty 24 80 'wait READY' -- sh -c 'a=$(stty -g); crun-lite run --rm -it busybox true; b=$(stty -g); [ "$a" = "$b" ] && echo READY SAME || echo READY DIFFERENT'
	[[ $output == *'READY SAME'* ]]
}
