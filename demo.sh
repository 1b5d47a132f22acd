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

say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
show() { printf '\033[2m$ %s\033[0m\n' "$*"; "$@"; }
die() { printf '\ndemo: %s\n' "$*" >&2; exit 1; }

say "1. Packages"
# shellcheck disable=SC2086
need_packages $packages_build $packages_demo || die "packages could not be installed"
[ $base = busybox ] || need_packages $packages_demo_debian || die "mmdebstrap could not be installed"
echo "all there"

say "2. Build"
[ -f build-demo/build.ninja ] ||
	meson setup build-demo --buildtype=release -Dtests=false >build-demo.log 2>&1 ||
	{ cat build-demo.log; die "meson setup"; }
rm -f build-demo.log
ninja -C build-demo --quiet || die "the build broke"
export CRUN_LITE_LIBEXEC=$top/build-demo/src/worker:$top/build-demo/src/monitor
PATH=$top/build-demo/src/cli:$top/build-demo/src/daemon:$PATH
ls -l build-demo/src/*/crun-lite* build-demo/runtime/crun-lite-runtime 2>/dev/null |
	awk '$1 ~ /^-.*x/ {n = split($NF, p, "/"); printf "%-20s %5d KiB\n", p[n], $5 / 1024}'

work=$(mktemp -d "${TMPDIR:-/tmp}/crun-lite-demo.XXXXXX")
before=$(mktemp) after=$(mktemp)
daemon=
finish() {
	[ -n "$daemon" ] && kill "$daemon" 2>/dev/null && wait "$daemon"
	rm -rf "$work" "$before" "$after"
}
trap finish EXIT
trap 'exit 130' INT TERM
forward=$(cat /proc/sys/net/ipv4/ip_forward)
leak_snapshot "$work" >"$before"
began=$(date +%s)

say "3. A daemon of its own, on a private socket and data root"
export CRUN_LITE_HOST=unix://$work/crun-lite.sock
crun-lited --data-root "$work/data" --exec-root "$work/run" -H "$CRUN_LITE_HOST" \
	--pidfile "$work/daemon.pid" 2>"$work/daemon.log" &
daemon=$!
for _ in $(seq 100); do
	crun-lite version >/dev/null 2>&1 && break
	kill -0 $daemon 2>/dev/null || { cat "$work/daemon.log"; die "the daemon did not start"; }
	sleep 0.05
done
show crun-lite version || die "the daemon does not answer"

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
show crun-lite build -t demo/web "$work/site" || die "build"
show crun-lite images

say "6. Run it with a published port"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("", 0)); print(s.getsockname()[1])')
show crun-lite run -d --name web -p "$port:80" demo/web || die "run"
address=$(ip -4 -o addr show scope global | awk '{split($4, a, "/"); print a[1]; exit}')
fetch() {
	printf '\033[2m$ curl http://%s:%s/\033[0m\n' "$1" "$port"
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
show crun-lite ps
show crun-lite logs web
show crun-lite stats --no-stream web
show crun-lite inspect --format 'pid {{.State.Pid}}, address {{.NetworkSettings.IPAddress}}, image {{.Image}}' web ||
	die "inspect"

say "8. Stop and remove everything"
show crun-lite stop -t 2 web || die "stop"
show crun-lite rm web || die "rm"
show crun-lite rmi demo/web "$image" || die "rmi"
kill "$daemon" && wait "$daemon"
daemon=
took=$(($(date +%s) - began))

say "9. What is left"
leak_snapshot "$work" >"$after"
leak_compare "$before" "$after" || die "this was left behind"
rm -rf "$work"
[ ! -e "$work" ] || die "$work could not be removed"
now=$(cat /proc/sys/net/ipv4/ip_forward)
[ "$forward" = "$now" ] || echo "note: net.ipv4.ip_forward is $now now; it was $forward (containers need it to reach the outside)"
echo "no mount, link, rule, cgroup, process or file: nothing is left. $took seconds."
