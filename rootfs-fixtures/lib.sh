# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Shared by the recipes in this folder: writes a docker-archive (what `docker
# save` writes and `docker load`, skopeo and crun-lite read) around one layer.
# Needs tar and sha256sum only. Sourced, not run.

# Every time stamp in an archive, so that the same packages give the same bytes.
FIXTURE_EPOCH=1704067200 # 2024-01-01T00:00:00Z
FIXTURE_CREATED=2024-01-01T00:00:00Z

fixture_die() {
	echo "${0##*/}: $*" >&2
	exit 1
}

# fixture_tar OUT DIR: a reproducible tar of DIR, owners and modes as they are.
fixture_tar() {
	tar --create --file "$1" --directory "$2" --format=posix \
		--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime \
		--sort=name --mtime="@$FIXTURE_EPOCH" --numeric-owner .
}

# fixture_arch: the machine in Go's words, as image configurations have it.
fixture_arch() {
	case $(uname -m) in
	x86_64) echo amd64 ;;
	aarch64) echo arm64 ;;
	armv7*) echo arm ;;
	i?86) echo 386 ;;
	*) uname -m ;;
	esac
}

# fixture_image LAYER.tar NAME:TAG CMD-JSON OUT.tar WORKDIR
fixture_image() {
	_layer=$1 _name=$2 _cmd=$3 _out=$4 _work=$5
	_diff=$(sha256sum <"$_layer") && _diff=${_diff%% *}
	mkdir -p "$_work/archive/$_diff"
	mv "$_layer" "$_work/archive/$_diff/layer.tar"
	printf '%s' "{\"architecture\":\"$(fixture_arch)\",\"os\":\"linux\",\"created\":\"$FIXTURE_CREATED\",\
\"config\":{\"Env\":[\"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\"],\"Cmd\":$_cmd},\
\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:$_diff\"]},\
\"history\":[{\"created\":\"$FIXTURE_CREATED\",\"created_by\":\"rootfs-fixtures/${0##*/}\"}]}" \
		>"$_work/config.json"
	_config=$(sha256sum <"$_work/config.json") && _config=${_config%% *}
	mv "$_work/config.json" "$_work/archive/$_config.json"
	printf '[{"Config":"%s.json","RepoTags":["%s"],"Layers":["%s/layer.tar"]}]\n' \
		"$_config" "$_name" "$_diff" >"$_work/archive/manifest.json"
	# manifest.json first: a reader that streams knows the names before the bytes.
	tar --create --file "$_out.new" --directory "$_work/archive" --format=ustar \
		--mtime="@$FIXTURE_EPOCH" --owner=0 --group=0 --numeric-owner --mode=u=rw,go=r,a+X \
		manifest.json "$_config.json" "$_diff/layer.tar"
	mv "$_out.new" "$_out"
	echo "$_name sha256:$_config $_out"
}
