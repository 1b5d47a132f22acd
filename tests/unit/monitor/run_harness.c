/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs tests/system/monitor_harness.py (TAP) against the monitor with the stand-in runtime, which
 * lies beside us. */
#include <config.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char self[PATH_MAX], monitor[PATH_MAX + 64];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n < 0) {
		perror("/proc/self/exe");
		return 1;
	}
	self[n] = '\0';
	snprintf(monitor, sizeof(monitor), "%s/monitor/crun-lite-monitor-fake", dirname(self));
	execlp("python3", "python3", CRL_SOURCE_ROOT "/tests/system/monitor_harness.py", monitor,
	       NULL);
	perror("python3");
	return 1;
}
