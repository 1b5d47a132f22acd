#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Side by side, in one run on one machine: a whole `run --rm` of `true`, and
# memory at rest. Prints medians and ratios; asserts nothing about time.
# Peers that are not installed are named and left out.
#
#	tests/bench/run-all.sh        RUNS=30 (default 15) repetitions each
set -u
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.." || exit 1
top=$PWD
runs=${RUNS:-15}
build=${CRUN_LITE_BENCH_BUILD:-$top/build-bench}
[ -f "$build/build.ninja" ] || meson setup "$build" --buildtype=release -Dtests=false >/dev/null || exit 1
ninja -C "$build" --quiet || exit 1
CRUN_LITE_BUILD=$build
unset CRUN_LITE_LIBEXEC
. tests/harness/daemon.bash

netns=crlbench$$
docker_pid=
finish() {
	exec 3>&1
	[ -z "$docker_pid" ] || { kill "$docker_pid"; wait "$docker_pid"; } 2>/dev/null
	ip netns del $netns 2>/dev/null
	umount "$work/docker/data" "$work/podman/data/overlay" 2>/dev/null
	daemon_teardown
	rm -rf "$work" "$state"
}
work=$(mktemp -d)
trap finish EXIT
# On a real host the run-time state of every engine lies in /run, a tmpfs; here it may not be one.
state=$(mktemp -d /dev/shm/crl-bench.XXXXXX)
EXEC_ROOT=$state/crun-lite daemon_setup || exit 1

# --- bundles for the bare runtimes ---
bundle() { # DIR NETWORK(yes|no)
	mkdir -p "$1/rootfs/bin" && cp "$(command -v busybox)" "$1/rootfs/bin/busybox"
	for a in true sh sleep; do ln -sf busybox "$1/rootfs/bin/$a"; done
	python3 - "$1" <<-'PYTHON'
		import json, sys
		ns = [{"type": t} for t in ("pid", "ipc", "uts", "mount", "network", "cgroup")]
		caps = ["CAP_CHOWN", "CAP_KILL", "CAP_SETUID", "CAP_SETGID", "CAP_NET_BIND_SERVICE"]
		mounts = [
		    {"destination": "/proc", "type": "proc", "source": "proc"},
		    {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=65536k"]},
		    {"destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]},
		    {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]},
		    {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue", "options": ["nosuid", "noexec", "nodev"]},
		    {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]},
		]
		spec = {"ociVersion": "1.0.2", "root": {"path": "rootfs"}, "hostname": "bench", "mounts": mounts,
		    "process": {"args": ["/bin/true"], "cwd": "/", "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0},
		        "capabilities": {"bounding": caps, "effective": caps, "permitted": caps}},
		    "linux": {"namespaces": ns, "cgroupsPath": "/crl-bench/x",
		        "maskedPaths": ["/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"],
		        "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]}}
		json.dump(spec, open(sys.argv[1] + "/config.json", "w"))
	PYTHON
}
bundle "$work/bundle"

names=() commands=()
add() { names+=("$1"); commands+=("$2"); }
left_out=()

add 'crun-lite run, bridge' 'crun-lite run --rm busybox true'
crun-lite network create bench >/dev/null
add 'crun-lite run, user net' 'crun-lite run --rm --network bench busybox true'
add 'crun-lite run, none' 'crun-lite run --rm --network none busybox true'
add 'crun-lite-runtime run' "crun-lite-runtime --root $state/rt run -b $work/bundle bench-\$\$"

# crun and runc insist on a pure hierarchy: where the host has none, in a mount namespace of their own.
wrap=
if [ "$(stat -f -c %t /sys/fs/cgroup)" != 63677270 ]; then
	wrap="unshare -m sh -c 'umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup; exec \"\$0\" \"\$@\"'"
	unshare -m sh -c 'umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup' 2>/dev/null || wrap=skip
fi
for peer in crun runc; do
	if ! command -v $peer >/dev/null; then
		left_out+=("$peer")
	elif [ -z "$wrap" ]; then
		add "$peer run" "$peer --root $state/$peer run -b $work/bundle bench-\$\$"
	elif [ "$wrap" != skip ]; then
		# The loop inside pays for the wrapping once, not per run.
		cat >"$work/$peer.sh" <<-SH
			umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup
			exec hyperfine -N --warmup 3 --runs $runs --export-json $work/$peer.json "$peer --root $state/$peer run -b $work/bundle bench"
		SH
		if unshare -m sh "$work/$peer.sh" >/dev/null 2>"$work/$peer.err"; then
			names+=("$peer run") commands+=("json:$work/$peer.json")
		else
			left_out+=("$peer ($(tail -n 1 "$work/$peer.err"))")
		fi
	fi
done

# dockerd in a network namespace of its own, so that it can have its bridge and rules.
if command -v dockerd >/dev/null && ip netns add $netns && ip -n $netns link set lo up; then
	mkdir -p "$work/docker"
	nsenter --net=/run/netns/$netns dockerd --data-root "$work/docker/data" --exec-root "$state/docker" \
		-H "unix://$work/docker/s" --pidfile "$work/docker/pid" >"$work/docker/log" 2>&1 &
	docker_pid=$!
	docker_cli=$(command -v /usr/bin/docker || command -v docker)
	if wait_until 30 env DOCKER_HOST="unix://$work/docker/s" "$docker_cli" version &&
		DOCKER_HOST=unix://$work/docker/s "$docker_cli" load -q -i "$(busybox_archive)" >/dev/null &&
		DOCKER_HOST=unix://$work/docker/s "$docker_cli" run --rm busybox true 2>"$work/docker/err"; then
		add 'docker run, bridge' "env DOCKER_HOST=unix://$work/docker/s $docker_cli run --rm busybox true"
		add 'docker run, none' "env DOCKER_HOST=unix://$work/docker/s $docker_cli run --rm --network none busybox true"
	else
		left_out+=("docker ($(tail -n 1 "$work/docker/err" 2>/dev/null))")
	fi
else
	left_out+=('docker')
fi
if command -v podman >/dev/null; then
	mkdir -p "$state/podman"
	podman="podman --root $work/podman/data --runroot $state/podman --events-backend none"
	if $podman load -q -i "$(busybox_archive)" >/dev/null 2>&1 &&
		$podman run --rm --network none --ulimit nofile=1024:1024 busybox true 2>"$work/podman.err"; then
		add 'podman run, none' "$podman run --rm --network none --ulimit nofile=1024:1024 busybox true"
	else
		left_out+=("podman ($(tail -n 1 "$work/podman.err"))")
	fi
else
	left_out+=('podman')
fi

echo "one 'run' of 'true', wall time, median of $runs runs:"
reference=
for i in "${!names[@]}"; do
	case ${commands[i]} in
	json:*) json=${commands[i]#json:} ;;
	*)
		json=$work/result.json
		hyperfine --shell=none --warmup 3 --runs "$runs" --export-json "$json" "${commands[i]//\$\$/x}" \
			>/dev/null 2>"$work/err" || { echo "  ${names[i]}: $(tail -n 1 "$work/err")"; exit 1; }
		;;
	esac
	ms=$(jq '.results[0].median * 1000' "$json")
	[ -n "$reference" ] || reference=$ms
	awk -v n="${names[i]}" -v ms="$ms" -v r="$reference" -v min="$(jq '.results[0].min * 1000' "$json")" \
		'BEGIN {printf "  %-24s %8.1f ms  (best %7.1f)  %6.2f x crun-lite bridge\n", n, ms, min, ms / r}'
done
[ ${#left_out[@]} -eq 0 ] || printf 'left out: %s\n' "${left_out[@]}"

# --- memory at rest ---
pss() { awk '/^Pss:/ {print $2}' "/proc/$1/smaps_rollup"; }
rss() { awk '/^VmRSS/ {print $2}' "/proc/$1/status"; }
id=$(crun-lite run -d busybox sleep 300)
crun-lite run -d busybox sleep 300 >/dev/null
crun-lite run -d --network bench busybox sleep 300 >/dev/null
sleep 1
monitor=$(pgrep -f -- "crun-lite-monitor.*$id" | head -n 1)
echo "memory:"
printf '  %-32s %6d KiB RSS\n' 'crun-lited' "$(rss "$(daemon_pid)")"
printf '  %-32s %6d KiB PSS, %d KiB RSS\n' 'crun-lite-monitor, per container' "$(pss "$monitor")" "$(rss "$monitor")"
dns=$(pgrep -f -- "^crun-lite-dns $EXEC_ROOT/")
printf '  %-32s %6d KiB PSS, %d KiB RSS\n' 'crun-lite-dns, one for all' "$(pss "$dns")" "$(rss "$dns")"
if [ -n "$docker_pid" ]; then
	dockerd=$(pgrep -P "$docker_pid" -x dockerd || echo "$docker_pid")
	printf '  %-32s %6d KiB RSS\n' 'dockerd' "$(rss "$dockerd")"
	containerd=$(pgrep -P "$dockerd" -x containerd | head -n 1)
	[ -z "$containerd" ] || printf '  %-32s %6d KiB RSS\n' 'containerd' "$(rss "$containerd")"
	if DOCKER_HOST=unix://$work/docker/s "$docker_cli" run -d --name m busybox sleep 300 >/dev/null 2>&1; then
		shim=$(pgrep -f "containerd-shim.*$work/docker" | head -n 1)
		[ -z "$shim" ] || printf '  %-32s %6d KiB PSS\n' 'containerd-shim, per container' "$(pss "$shim")"
		DOCKER_HOST=unix://$work/docker/s "$docker_cli" rm -f m >/dev/null
	fi
fi
exit 0
