/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The out-of-line halves of base/cleanup.h. All keep errno: they run between a failure and its
 * report. */
#include <base/cleanup.h>

#include <errno.h>

void cleanup_close_p(int *fd)
{
	if (*fd < 0)
		return;
	int saved = errno;
	close(*fd);
	*fd = -1;
	errno = saved;
}

void cleanup_fclose_p(FILE **f)
{
	if (!*f)
		return;
	int saved = errno;
	fclose(*f);
	errno = saved;
}

void cleanup_closedir_p(DIR **d)
{
	if (!*d)
		return;
	int saved = errno;
	closedir(*d);
	errno = saved;
}
