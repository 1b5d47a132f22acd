#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# crun-lite from nothing to a served page: installs what is missing from the
# distribution, builds, starts a daemon of its own, builds an image, runs it,
# fetches the page, removes everything, and checks that nothing is left.
#
#	sudo ./demo.sh            a busybox base made on the spot
#	sudo ./demo.sh --debian   a debian:bookworm base and nginx from its packages
set -u
cd "$(dirname "$0")" || exit 1
top=$PWD
. tests/harness/packages.sh
. tests/harness/leaks.sh

base=busybox
case ${1:-} in
'') ;;
--debian) base=debian ;;
*) sed -n '7,8s/^#\t*//p' "$0"; exit 2 ;;
esac
[ "$(id -u)" = 0 ] || { echo "namespaces, mounts and packages need root: sudo ./demo.sh $*" >&2; exit 1; }

bold='' dim='' plain=''
[ ! -t 1 ] || { bold=$'\033[1m' dim=$'\033[2m' plain=$'\033[0m'; }
say() { printf '\n%s== %s%s\n' "$bold" "$*" "$plain"; }
show() { printf '%s$ %s%s\n' "$dim" "$*" "$plain"; "$@"; }
die() { printf '\ndemo: %s\n' "$*" >&2; exit 1; }

say "1. Packages"
# shellcheck disable=SC2086
need_packages $packages_build $packages_demo || die "packages could not be installed"
[ $base = busybox ] || need_packages $packages_demo_debian || die "mmdebstrap could not be installed"
echo "all there"

say "2. Build"
log=$(mktemp)
{ [ -f build-demo/build.ninja ] || meson setup build-demo --buildtype=release -Dtests=false; } >"$log" 2>&1 &&
	ninja -C build-demo --quiet >>"$log" 2>&1 || { cat "$log"; rm -f "$log"; die "the build broke"; }
grep -A 6 'warning:' "$log"
rm -f "$log"
export CRUN_LITE_LIBEXEC=$top/build-demo/src/worker:$top/build-demo/src/monitor:$top/build-demo/src/tls:$top/build-demo/src/dns
PATH=$top/build-demo/src/cli:$top/build-demo/src/daemon:$PATH
ls -l build-demo/src/*/crun-lite* build-demo/runtime/crun-lite-runtime 2>/dev/null |
	awk '$1 ~ /^-.*x/ {n = split($NF, p, "/"); printf "%-20s %5d KiB\n", p[n], $5 / 1024}'

work=$(mktemp -d "${TMPDIR:-/tmp}/crun-lite-demo.XXXXXX")
daemon='' suffix=none containers=()
parents=$(leak_parents)
forward=$(cat /proc/sys/net/ipv4/ip_forward)
began=$(date +%s)

# left: what is there of our daemon, once the kernel has had three seconds to
# take namespaces, and the links in them, apart.
left() {
	local found
	for _ in $(seq 30); do
		found=$(leak_of "$work" "$suffix" "${containers[@]}"; leak_parents | grep -vxF -- "${parents:-none}")
		[ -n "$found" ] || return 0
		sleep 0.1
	done
	printf '%s\n' "$found"
}

# Also after a failure or Ctrl-C: containers outlive their daemon, so they go first.
finish() {
	local status=$? ids
	trap '' INT TERM
	trap - EXIT
	if [ -n "$daemon" ]; then
		ids=$(timeout 20 crun-lite ps -aq 2>/dev/null)
		# shellcheck disable=SC2086
		[ -z "$ids" ] || timeout 60 crun-lite rm -f $ids >/dev/null
		kill "$daemon" 2>/dev/null
		wait "$daemon" 2>/dev/null
		ids=$(left)
		[ -z "$ids" ] || printf 'demo: this was left behind:\n%s\n' "$ids" >&2
	fi
	rm -rf "$work"
	exit $status
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say "3. A daemon of its own, on a private socket and data root"
export CRUN_LITE_HOST=unix://$work/crun-lite.sock
# Its own session: Ctrl-C is for this script, which then takes things down in order.
setsid crun-lited --data-root "$work/data" --exec-root "$work/run" -H "$CRUN_LITE_HOST" \
	--pidfile "$work/daemon.pid" 2>"$work/daemon.log" &
daemon=$!
for _ in $(seq 100); do
	crun-lite version >/dev/null 2>&1 && break
	kill -0 $daemon 2>/dev/null || { cat "$work/daemon.log"; die "the daemon did not start"; }
	sleep 0.05
done
show crun-lite version || die "the daemon does not answer"
suffix=$(crun-lite network inspect --format '{{index .Options "com.docker.network.bridge.name"}}' bridge) ||
	die "no default network"
suffix=${suffix#crl}

say "4. A base image, made from the distribution's packages"
if [ $base = debian ]; then
	image=debian:bookworm
	show rootfs-fixtures/debian.sh "$work/base.tar" || die "the base image"
else
	image=busybox:latest
	show rootfs-fixtures/busybox.sh "$work/base.tar" || die "the base image"
fi
show crun-lite load -i "$work/base.tar" || die "load"
rm -f "$work/base.tar"

say "5. Build an image from a Dockerfile"
mkdir "$work/site"
echo '<h1>Hello from a container</h1>' >"$work/site/index.html"
if [ $base = debian ]; then
	cat >"$work/site/Dockerfile" <<-'DOCKERFILE'
		FROM debian:bookworm
		ARG DEBIAN_FRONTEND=noninteractive
		RUN apt-get update && apt-get install -y nginx
		COPY index.html /var/www/html/index.html
		RUN echo "<p>built in $(cat /proc/sys/kernel/hostname)</p>" >>/var/www/html/index.html
		EXPOSE 80
		CMD ["nginx", "-g", "daemon off;"]
	DOCKERFILE
else
	cat >"$work/site/Dockerfile" <<-'DOCKERFILE'
		FROM busybox:latest
		WORKDIR /www
		COPY index.html .
		RUN echo "<p>built in $(hostname)</p>" >>index.html
		EXPOSE 80
		CMD ["httpd", "-f", "-v", "-p", "80", "-h", "/www"]
	DOCKERFILE
fi
cat "$work/site/Dockerfile"
show crun-lite build -t demo/web "$work/site" | tee "$work/build.log"
[ "${PIPESTATUS[0]}" = 0 ] || die "build"
mapfile -t containers < <(sed -n 's/^ ---> Running in //p' "$work/build.log")
show crun-lite images || die "images"

say "6. Run it with a published port"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("", 0)); print(s.getsockname()[1])')
show crun-lite run -d --name web -p "$port:80" demo/web || die "run"
containers+=("$(crun-lite inspect --format '{{.Id}}' web)")
address=$(ip -4 -o addr show scope global | awk '{split($4, a, "/"); print a[1]; exit}')
fetch() {
	printf '%s$ curl http://%s:%s/%s\n' "$dim" "$1" "$port" "$plain"
	for _ in $(seq 50); do
		page=$(curl -fsS --noproxy '*' --max-time 5 "http://$1:$port/" 2>"$work/curl.err") && break
		sleep 0.1
	done
	printf '%s\n' "${page:-}"
	case ${page:-} in *"Hello from a container"*"built in"*) page= ;; *)
		cat "$work/curl.err"
		die "no page from $1"
		;;
	esac
}
fetch 127.0.0.1
[ -z "$address" ] || fetch "$address"

say "7. Look at it"
show crun-lite ps || die "ps"
show crun-lite logs web || die "logs"
show crun-lite stats --no-stream web || die "stats"
show crun-lite inspect --format 'pid {{.State.Pid}}, address {{.NetworkSettings.IPAddress}}, image {{.Image}}' web ||
	die "inspect"

say "8. Stop and remove everything"
show crun-lite stop -t 2 web || die "stop"
show crun-lite rm web || die "rm"
show crun-lite rmi demo/web "$image" || die "rmi"
kill "$daemon" && wait "$daemon" || die "the daemon ended with status $?"
daemon=
took=$(($(date +%s) - began))

say "9. What is left"
found=$(left)
[ -z "$found" ] || { printf '%s\n' "$found"; die "this was left behind"; }
rm -rf "$work" && [ ! -e "$work" ] || die "$work could not be removed"
now=$(cat /proc/sys/net/ipv4/ip_forward)
[ "$forward" = "$now" ] || echo "note: net.ipv4.ip_forward is $now now; it was $forward (containers need it to reach the outside)"
echo "no mount, link, rule, cgroup, process or file: nothing is left. $took seconds."
