# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What a daemon may leave behind on a host, listed so that two lists can be
# compared. Sourced by demo.sh and the suites.

# leak_snapshot MARK: mounts, links, rules, cgroups, and processes that carry
# MARK (a private directory name) in their command line.
leak_snapshot() {
	awk '{print "mount " $5 " " $9}' /proc/self/mountinfo | sort
	for link in /sys/class/net/*; do echo "link ${link##*/}"; done
	nft list tables 2>/dev/null | sed 's/^/nft /'
	for root in /sys/fs/cgroup/unified /sys/fs/cgroup; do
		[ "$(stat -f -c %t "$root" 2>/dev/null)" = 63677270 ] &&
			find "$root" -type d -path '*docker/*' 2>/dev/null | while read -r dir; do
				# A living container of another daemon is not ours to miss.
				read -r pid <"$dir/cgroup.procs" && ! grep -qsF -- "$1" "/proc/$pid/mountinfo" && continue
				echo "cgroup $dir"
			done
	done 2>/dev/null
	# One process for all: forks are what this costs in an emulated machine.
	grep -alsF -- "$1" /proc/[0-9]*/cmdline | while read -r p; do
		p=${p%/cmdline}
		{ read -r -d '' argv0 || [ -n "$argv0" ]; } 2>/dev/null <"$p/cmdline" || continue
		case $argv0 in grep | */grep) continue ;; esac
		echo "process ${p#/proc/} $argv0"
	done
	return 0
}

# leak_compare BEFORE AFTER [SUFFIX]: prints what is new in the file AFTER; true when nothing is. With
# the suffix of a daemon, links and tables of other daemons at work on this host do not count.
leak_compare() {
	local new
	new=$(sort "$2" | comm -13 <(sort "$1") - | awk -v s="${3:-}" '
		s != "" && /^link crl/ && $2 !~ "^crl[bv]?" s {next}
		s != "" && /^nft table inet crun-lite-/ && $4 != "crun-lite-" s {next}
		{print}')
	[ -z "$new" ] || { printf '%s\n' "$new"; return 1; }
}

# For a host where other daemons are at work: what is left of one daemon only.
# leak_of MARK SUFFIX ID...: mounts and processes that know MARK (its private
# folder), links and rules named after SUFFIX, cgroups of the containers ID.
leak_of() {
	local mark=$1 suffix=$2 link id dir all
	shift 2
	awk -v m="$mark" 'index($5, m) {print "mount " $5}' /proc/self/mountinfo
	for link in "/sys/class/net/crl$suffix" "/sys/class/net/crlv$suffix"*; do
		[ ! -e "$link" ] || echo "link ${link##*/}"
	done
	nft list tables 2>/dev/null | grep -F -- "crun-lite-$suffix" | sed 's/^/nft /'
	for id in "$@"; do
		for dir in /sys/fs/cgroup/docker/"$id"* /sys/fs/cgroup/*/docker/"$id"*; do
			[ ! -d "$dir" ] || echo "cgroup $dir"
		done
	done
	# The list is taken first: grep knows MARK as well. A container's process
	# knows it from the root it has mounted.
	all=(/proc/[0-9]*)
	while read -r link; do
		echo "process ${link%/*}: $({ tr '\0' ' ' <"${link%/*}/cmdline"; } 2>/dev/null)"
	done < <(grep -laF -- "$mark" "${all[@]/%//cmdline}" "${all[@]/%//mountinfo}" 2>/dev/null)
	return 0
}

# leak_parents: the parents of containers' cgroups that are empty.
leak_parents() {
	local dir
	for dir in /sys/fs/cgroup/docker /sys/fs/cgroup/*/docker; do
		[ -d "$dir" ] && [ -z "$(find "$dir" -mindepth 1 -maxdepth 1 -type d)" ] && echo "cgroup $dir"
	done
	return 0
}
