# SPDX-License-Identifier: GPL-2.0-or-later
# Every named step that the programs export fails once, or takes its process
# with it: the caller hears of it, nothing leaks, and the same call works after.
# A step that no test here or below knows fails the last test. FAULT_FULL=1 also
# kills after each step; the steps of the runtime are runtime_fault.bats'.
load ../harness/daemon
setup_file() {
	[ -n "$(CRUN_LITE_FAIL='x=delay(1)' crun-lited --print-steps)" ]
	daemon_setup
}
teardown_file() { daemon_teardown; }
teardown() {
	kill -0 "$(daemon_pid)" 2>/dev/null || daemon_start --add-runtime other=crun-lite-runtime
	for c in $(crun-lite ps -aq); do crun-lite rm -f "$c" >/dev/null; done
}

# mon.restore is taken only where criu works: tests/vm/checkpoint.bats has restores that fail.
steps() { "$1" --print-steps | cut -f1 | grep "^$2" | grep -vx 'mon\.restore' | sort -u; }
spare=$(printf 0%.0s $(seq 64)) # the one monitor in reserve belongs to no container
monitor=$CRUN_LITE_BUILD/src/monitor/crun-lite-monitor
worker=$CRUN_LITE_BUILD/src/worker/crun-lite-worker

restart_with() { # FAIL: the daemon anew with these failpoints
	daemon_stop
	CRUN_LITE_FAIL=$1 daemon_start --add-runtime other=crun-lite-runtime
}

# Steps that not every container takes, and what makes one take them.
options_for() { # STEP
	extra=()
	case $1 in
	mon.volumes) extra=(--mount type=volume,dst=/m,volume-opt=type=tmpfs,volume-opt=device=tmpfs) ;;
	mon.sources) extra=(--mount type=image,src=busybox,dst=/i,image-subpath=bin) ;;
	mon.userns) extra=(--userns auto) ;;
	mon.bundle | mon.external_*) extra=(--runtime other --network none) ;;
	esac
}

# What a failed or finished container must not leave behind.
clean() {
	[ -z "$(crun-lite ps -aq)" ] || return 1
	[ -z "$(find "$DATA_ROOT/containers" "$EXEC_ROOT/containers" -mindepth 1 -maxdepth 1 ! -name "$spare" 2>/dev/null)" ] || return 1
	[ -z "$(find "$DATA_ROOT/volumes" -mindepth 1 -maxdepth 1)" ] || return 1
	[ -z "$(crun-lite image ls -q --filter dangling=true)" ] || return 1
	[ "$(pgrep -fc -- "crun-lite-monitor --id.*$CRL")" -le 1 ] || return 1
}

# A whole life: create with a volume and a port, start, end, remove.
life() {
	crun-lite create --name life -v /vol -p 127.0.0.1:18921:80 "${extra[@]}" busybox sh -c 'exit 3' >/dev/null &&
		crun-lite start life >/dev/null &&
		[ "$(crun-lite wait life)" = 3 ] &&
		crun-lite rm -v life >/dev/null
}

after_failure() { # STEP
	crun-lite inspect life >/dev/null 2>&1 && crun-lite rm -fv life >/dev/null
	wait_until 5 clean || { echo "$1: something stays"; crun-lite ps -a; find "$DATA_ROOT/containers" "$EXEC_ROOT/containers" "$DATA_ROOT/volumes" -maxdepth 2; return 1; }
	life || { echo "$1: the same does not work afterwards"; return 1; }
	wait_until 5 clean
}

@test "each step of create, start, exit and remove fails once: an error, no leak, works again" {
	local step
	for step in $(steps crun-lited 'd\.') $(steps "$monitor" 'mon\.'); do
		options_for "$step"
		restart_with "$step=1*error(EIO)"
		run life
		echo "$step: $output"
		case $step in
		d.start_peers | mon.exit_record) ;; # what follows is judged
		*) [[ $status -ne 0 && $output == *"Error"* ]] ;;
		esac
		# Each monitor counts its own passes.
		case $step in mon.*) crun-lite rm -fv life >/dev/null 2>&1; restart_with "" ;; esac
		after_failure "$step"
	done
}

@test "each step of create, start, exit and remove kills its process: truth and no leak afterwards" {
	local step
	for step in $(steps crun-lited 'd\.') $(steps "$monitor" 'mon\.'); do
		for when in "" ${FAULT_FULL:+after:}; do
			options_for "$step"
			restart_with "$step=${when}kill"
			run life
			echo "$when$step: $output"
			case $step in
			mon.*) restart_with "" ;;
			*) wait_until 3 sh -c '! kill -0 '"$(daemon_pid)"' 2>/dev/null || grep -q "^State:.Z" /proc/'"$(daemon_pid)"'/status'; daemon_start --add-runtime other=crun-lite-runtime ;;
			esac
			if crun-lite inspect life >/dev/null 2>&1; then
				[[ $(crun-lite inspect -f '{{.State.Status}}' life) == @(created|exited|dead) ]]
				[[ $(crun-lite inspect -f '{{.State.Status}} {{.State.ExitCode}}' life) != "exited 0" ]]
			fi
			after_failure "$when$step"
		done
	done
}

@test "each step of an image job fails or kills: an error, nothing half listed, works again" {
	local step action
	for step in $(steps "$worker" 'image\.'); do
		for action in 'error(ENOSPC)' kill after:kill; do
			crun-lite rmi -f busybox >/dev/null
			restart_with "$step=$action"
			run crun-lite load -q -i "$(busybox_archive)"
			echo "$step=$action: $output"
			case $step=$action in
			image.*=after:kill) ;; # only points that have a second side fire
			*) [ "$status" -ne 0 ] ;;
			esac
			restart_with ""
			[ -z "$(find "$DATA_ROOT/tmp" -mindepth 1)" ]
			crun-lite load -q -i "$(busybox_archive)" >/dev/null
			crun-lite run --rm busybox true
		done
	done
}

@test "each step of the daemon's start fails: one clear sentence, and the next start works" {
	local step
	for step in $(steps crun-lited 'daemon\.'); do
		daemon_stop
		CRUN_LITE_FAIL="$step=error(EIO)" run daemon_start
		[ "$status" -ne 0 ]
		tail -n 1 "$CRL/daemon.log" | grep -q "$step"
		daemon_start
		crun-lite run --rm busybox true
	done
}

@test "no step is without a test" {
	local all
	all=$({ crun-lited --print-steps; "$monitor" --print-steps; "$worker" --print-steps; crun-lite-runtime --print-steps; } | cut -f1 | sort -u)
	# The runtime's steps are walked by their own suite.
	[ -z "$(grep -Ev '^(d|mon|image|daemon|rt|ex|net)\.' <<<"$all")" ]
	# Points outside tables are on the list, too.
	local name
	for name in $(grep -rhoE 'failpoint\("[^"]+' "$TOP/src" "$TOP/runtime" "$TOP/image" --include=*.c | cut -d'"' -f2 | sort -u); do
		grep -qx "$name" <<<"$all" || { echo "$name is not listed"; false; }
	done
}
