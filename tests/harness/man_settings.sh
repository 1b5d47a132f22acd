#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# man_settings.sh FILE: `crun-lited --print-settings` in FILE as the list of keys in
# docs/man/crun-lited.8, between the lines with "begin settings" and "end settings".
echo '.\" begin settings: made by tests/harness/man_settings.sh'
sed 's/-/\\-/g' "$1" | awk '{
	key = $1
	how = $2 ($3 == "SIGHUP" ? ", SIGHUP" : "")
	sub(/^[^ ]+ +[^ ]+ +[^ ]+ */, "")
	print ".TP"
	print ".B " key
	print "(" how ") " $0
}'
echo '.\" end settings'
