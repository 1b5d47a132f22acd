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
			find "$root" -type d -path '*docker*' 2>/dev/null | sed 's/^/cgroup /'
	done
	for p in /proc/[0-9]*; do
		{ tr '\0' ' ' <"$p/cmdline"; } 2>/dev/null | grep -F -- "$1" | grep -v leak_snapshot |
			sed "s|^|process ${p#/proc/} |"
	done
	return 0
}

# leak_compare BEFORE AFTER: prints what is new in the file AFTER; true when nothing is.
leak_compare() {
	local new
	new=$(sort "$2" | comm -13 <(sort "$1") -)
	[ -z "$new" ] || { printf '%s\n' "$new"; return 1; }
}
