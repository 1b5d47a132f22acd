/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of users and groups as the image's own /etc/passwd and /etc/group have
 * them (passwd(5), group(5)); the host's are never asked.
 */
#include "build_exec.h"

#include <base/fd.h>
#include <base/path.h>
#include <stdlib.h>

#define ACCOUNTS_MAX (4U * 1024 * 1024)

static bool number(const char *s, uint32_t *ret)
{
	uint64_t n;

	if (!s || !str_to_u64(s, &n) || n > UINT32_MAX - 1)
		return false;
	*ret = (uint32_t)n;
	return true;
}

/* The line "name:x:ID:ID2..." whose name (or ID, with by_id) fits; its numbers. */
static bool find_account(const char *text, const char *key, bool by_id, uint32_t *ret_id,
			 uint32_t *ret_second)
{
	while (text && *text) {
		const char *end = strchrnul(text, '\n');
		_cleanup_free_ char *line = strndup(text, (size_t)(end - text));
		_cleanup_strv_ char **f = line ? strv_split(line, ":", true) : NULL;
		text = *end ? end + 1 : end;
		if (!f || strv_len(f) < 3 || !str_eq(f[by_id ? 2 : 0], key))
			continue;
		if (!number(f[2], ret_id))
			continue;
		if (ret_second && !number(f[3], ret_second))
			*ret_second = 0;
		return true;
	}
	return false;
}

static char *read_accounts(int root_fd, const char *path)
{
	_cleanup_close_ int fd = -1;
	char *text = NULL;
	size_t len;

	if (path_open_in_root(root_fd, path, O_RDONLY | O_NONBLOCK, 0, &fd, NULL) < 0 ||
	    fd_read_all(fd, ACCOUNTS_MAX, &text, &len, NULL) < 0)
		return NULL;
	return text;
}

static int find_user(int root_fd, const char *user, struct build_owner *o, struct crl_err *err)
{
	_cleanup_free_ char *passwd = NULL;

	if (number(user, &o->uid)) {
		o->gid = o->uid;
		return 0;
	}
	passwd = read_accounts(root_fd, "/etc/passwd");
	if (!find_account(passwd, user, false, &o->uid, &o->gid))
		return crl_fail(
			err, CRL_INVALID,
			"unable to find user %s: no matching entries in the image's passwd file",
			user);
	return 0;
}

static int find_group(int root_fd, const char *group, struct build_owner *o, struct crl_err *err)
{
	_cleanup_free_ char *groups = NULL;

	if (number(group, &o->gid))
		return 0;
	groups = read_accounts(root_fd, "/etc/group");
	if (!find_account(groups, group, false, &o->gid, NULL))
		return crl_fail(
			err, CRL_INVALID,
			"unable to find group %s: no matching entries in the image's group file",
			group);
	return 0;
}

int build_owner_find(int root_fd, const char *text, struct build_owner *ret, struct crl_err *err)
{
	struct build_owner o = {.set = true};
	const char *colon = strchr(text, ':');
	_cleanup_free_ char *user = strndup(text, colon ? (size_t)(colon - text) : strlen(text));

	if (!user)
		return crl_fail_oom(err);
	if (*user && find_user(root_fd, user, &o, err) < 0)
		return -1;
	if (colon && colon[1] && find_group(root_fd, colon + 1, &o, err) < 0)
		return -1;
	*ret = o;
	return 0;
}
