/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Clean-up by attribute: a resource is released when its variable leaves
 * scope, on every path, and ownership is handed on with take_ptr()/take_fd().
 */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))

/* Defines `name_p`, the clean-up form of `void func(type)` for a variable of that pointer type. */
#define DEFINE_CLEANUP(type, func)                                                                 \
	static inline __attribute__((unused)) void func##_p(type *p)                               \
	{                                                                                          \
		if (*p)                                                                            \
			func(*p);                                                                  \
	}

static inline void cleanup_free_p(void *p)
{
	free(*(void **)p);
}

/* Closes *fd when it is open; errno is kept, so that error paths may report it later. */
void cleanup_close_p(int *fd);
void cleanup_fclose_p(FILE **f);
void cleanup_closedir_p(DIR **d);

#define _cleanup_free_ _cleanup_(cleanup_free_p)
#define _cleanup_close_ _cleanup_(cleanup_close_p)
#define _cleanup_fclose_ _cleanup_(cleanup_fclose_p)
#define _cleanup_closedir_ _cleanup_(cleanup_closedir_p)

/* Hands ownership on: the variable no longer holds it. */
#define take_ptr(p)                                                                                \
	({                                                                                         \
		__typeof__(p) _taken = (p);                                                        \
		(p) = NULL;                                                                        \
		_taken;                                                                            \
	})
static inline int take_fd(int *fd)
{
	int f = *fd;
	*fd = -1;
	return f;
}

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#endif
