/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A process that enters a container can be seen from inside, and with it
 * /proc/PID/exe, the file it runs from. That must not be the host's
 * crun-lite-runtime, which a container could then overwrite (CVE-2019-5736):
 * so what enters runs from a copy in memory that is sealed against every
 * change. See memfd_create(2), fcntl(2) F_ADD_SEALS.
 */
#include "cli.h"
#include <base/cleanup.h>
#include <base/fd.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>

#define ALL_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

int seal_self(char **argv, struct crl_err *err)
{
	_cleanup_close_ int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (self < 0)
		return crl_fail_sys(err, errno, "/proc/self/exe");
	int seals = fcntl(self, F_GET_SEALS);
	if (seals >= 0 && (seals & ALL_SEALS) == ALL_SEALS)
		return 0;
	_cleanup_close_ int copy = -1;
	if (fd_sealed_copy("/proc/self/exe", &copy, err) < 0)
		return crl_context(err, "protect the own program file");
	syscall(SYS_execveat, copy, "", argv, environ, AT_EMPTY_PATH);
	return crl_fail_sys(err, errno, "execute the sealed copy");
}
