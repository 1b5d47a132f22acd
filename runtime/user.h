/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Users and groups by the image's own passwd and group. See passwd(5), group(5). */
#ifndef RUNTIME_USER_H
#define RUNTIME_USER_H

#include "rt.h"

/*
 * Docker's user string ("", "name", "uid", "name:group", "uid:gid") against the
 * texts of the two files (NULL = missing). Ids are 0..2^31-1 as Docker limits
 * them. `ret` is owned by the caller (user_free()).
 */
int user_lookup(const char *passwd, const char *group, const char *user, char *const *group_add,
		struct identity *ret, struct crl_err *err);
/* Home of `uid` by the text of passwd; NULL when it has none. The caller frees. */
char *user_home(const char *passwd, uint32_t uid);
void user_free(struct identity *id);

/* Fills p->who: from p->user when set, else from process.user as it stands. Reads below p->root_fd.
 */
int user_resolve(struct payload *p, struct crl_err *err);

#endif
