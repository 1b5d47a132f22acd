/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See user.h. The files are the image's, so a stranger's: resolved inside the
 * root, regular files only, of limited size, and never waited for (a fifo in
 * the place of /etc/passwd must not hang a start). No libnss: its modules
 * would be loaded from the host or, worse, from the image.
 */
#include "user.h"
#include <base/fd.h>
#include <base/path.h>
#include <errno.h>
#include <sys/stat.h>

#define FILE_LIMIT (4U * 1024 * 1024)
#define GROUPS_MAX 65536
#define FIELDS_MAX 7

/* One line of either file, cut at ':'. Fields point into the line and are not NUL-terminated. */
struct line {
	const char *field[FIELDS_MAX];
	size_t len[FIELDS_MAX];
	size_t n;
};

/* Takes the next line off *p; false at the end. */
static bool next_line(const char **p, struct line *l)
{
	if (!*p || !**p)
		return false;
	const char *end = *p + strcspn(*p, "\n");
	l->n = 0;
	for (const char *s = *p;;) {
		const char *stop = memchr(s, ':', (size_t)(end - s));
		if (!stop || l->n == FIELDS_MAX - 1)
			stop = end;
		l->field[l->n] = s;
		l->len[l->n++] = (size_t)(stop - s);
		if (stop == end)
			break;
		s = stop + 1;
	}
	*p = *end ? end + 1 : end;
	return true;
}

static bool field_is(const struct line *l, size_t i, const char *s, size_t len)
{
	return i < l->n && l->len[i] == len && memcmp(l->field[i], s, len) == 0;
}

/* Whole text digits, 0..2^31-1: "1" is 1, "-1", "4294967295" and "1x" are no ids (CVE-2026-30892).
 */
static bool parse_id(const char *s, size_t len, uint32_t *ret)
{
	uint64_t v = 0;
	if (!len || len > 10)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(s[i] - '0');
	}
	if (v > INT32_MAX)
		return false;
	*ret = (uint32_t)v;
	return true;
}

static bool field_id(const struct line *l, size_t i, uint32_t *ret)
{
	return i < l->n && parse_id(l->field[i], l->len[i], ret);
}

/* A user by name or, when `numeric`, by uid. */
static bool find_user(const char *passwd, const char *name, size_t len, bool numeric, uint32_t uid,
		      struct line *ret, uint32_t *ret_uid, uint32_t *ret_gid)
{
	struct line l;
	while (next_line(&passwd, &l)) {
		uint32_t u, g;
		if (!field_id(&l, 2, &u) || !field_id(&l, 3, &g))
			continue;
		if (field_is(&l, 0, name, len) || (numeric && u == uid)) {
			*ret = l;
			*ret_uid = u;
			*ret_gid = g;
			return true;
		}
	}
	return false;
}

static bool find_group(const char *group, const char *name, size_t len, uint32_t *ret)
{
	struct line l;
	while (next_line(&group, &l))
		if (field_is(&l, 0, name, len) && field_id(&l, 2, ret))
			return true;
	return false;
}

static int add_group(struct identity *id, gid_t gid, struct crl_err *err)
{
	for (size_t i = 0; i < id->n_groups; i++)
		if (id->groups[i] == gid)
			return 0;
	if (id->n_groups >= GROUPS_MAX)
		return crl_fail(err, CRL_LIMIT, "more than %d supplementary groups", GROUPS_MAX);
	gid_t *more = reallocarray(id->groups, id->n_groups + 1, sizeof(*more));
	if (!more)
		return crl_fail_oom(err);
	more[id->n_groups++] = gid;
	id->groups = more;
	return 0;
}

static bool is_member(const struct line *l, const char *name, size_t len)
{
	if (l->n < 4)
		return false;
	const char *end = l->field[3] + l->len[3];
	for (const char *s = l->field[3]; s < end;) {
		const char *stop = memchr(s, ',', (size_t)(end - s));
		if (!stop)
			stop = end;
		if ((size_t)(stop - s) == len && memcmp(s, name, len) == 0)
			return true;
		s = stop + 1;
	}
	return false;
}

static int add_memberships(const char *group, const char *name, size_t len, struct identity *id,
			   struct crl_err *err)
{
	struct line l;
	while (next_line(&group, &l)) {
		uint32_t gid;
		if (is_member(&l, name, len) && field_id(&l, 2, &gid) &&
		    add_group(id, gid, err) < 0)
			return -1;
	}
	return 0;
}

static int lookup_gid(const char *group, const char *name, uint32_t *ret, struct crl_err *err)
{
	size_t len = strlen(name);
	if (find_group(group, name, len, ret) || parse_id(name, len, ret))
		return 0;
	return crl_fail(err, CRL_INVALID,
			"unable to find group %s: no matching entries in group file", name);
}

static int lookup(const char *passwd, const char *group, const char *user, char *const *group_add,
		  struct identity *id, struct crl_err *err)
{
	const char *colon = strchr(user, ':');
	size_t len = colon ? (size_t)(colon - user) : strlen(user);
	uint32_t uid = 0;
	bool numeric = len == 0 || parse_id(user, len, &uid);
	struct line l = {0};
	bool known = find_user(passwd, user, len, numeric, uid, &l, &id->uid, &id->gid);
	if (!known) {
		if (!numeric)
			return crl_fail(
				err, CRL_INVALID,
				"unable to find user %.*s: no matching entries in passwd file",
				(int)len, user);
		id->uid = uid;
	}
	if (colon && colon[1]) {
		if (lookup_gid(group, colon + 1, &id->gid, err) < 0)
			return -1;
	}
	/* Docker lists the primary group as a supplementary one too (CVE-2022-36109). */
	if (add_group(id, id->gid, err) < 0)
		return -1;
	if (known && !(colon && colon[1]) &&
	    add_memberships(group, l.field[0], l.len[0], id, err) < 0)
		return -1;
	for (size_t i = 0; group_add && group_add[i]; i++) {
		uint32_t gid;
		if (lookup_gid(group, group_add[i], &gid, err) < 0 || add_group(id, gid, err) < 0)
			return -1;
	}
	return 0;
}

int user_lookup(const char *passwd, const char *group, const char *user, char *const *group_add,
		struct identity *ret, struct crl_err *err)
{
	struct identity id = {0};
	if (lookup(passwd, group, user, group_add, &id, err) < 0) {
		user_free(&id);
		return -1;
	}
	*ret = id;
	return 0;
}

char *user_home(const char *passwd, uint32_t uid)
{
	struct line l;
	while (next_line(&passwd, &l)) {
		uint32_t u;
		if (field_id(&l, 2, &u) && u == uid && l.n > 5 && l.len[5])
			return strndup(l.field[5], l.len[5]);
	}
	return NULL;
}

void user_free(struct identity *id)
{
	free(id->groups);
	free(id->home);
	*id = (struct identity){0};
}

static int read_file(int root_fd, const char *path, char **ret, struct crl_err *err)
{
	_cleanup_close_ int fd = -1;
	struct crl_err e = CRL_ERR_INIT;
	if (path_open_in_root(root_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, &fd, &e) < 0) {
		if (e.sys == ENOENT || e.sys == ENOTDIR)
			return 0;
		if (err)
			*err = e;
		return -1;
	}
	struct stat st;
	if (fstat(fd, &st) < 0)
		return crl_fail_sys(err, errno, "stat %s", path);
	if (!S_ISREG(st.st_mode))
		return crl_fail(err, CRL_INVALID, "%s in the image is not a regular file", path);
	size_t len;
	if (fd_read_all(fd, FILE_LIMIT, ret, &len, err) < 0)
		return crl_context(err, "%s", path);
	return 0;
}

static int take_spec_user(struct payload *p, struct crl_err *err)
{
	const struct oci_user *u = &p->process->user;
	p->who.uid = u->uid;
	p->who.gid = u->gid;
	const cJSON *gid;
	cJSON_ArrayForEach (gid, u->additional_gids) {
		if (!cJSON_IsNumber(gid) || gid->valuedouble < 0 || gid->valuedouble > UINT32_MAX)
			return crl_fail(err, CRL_INVALID, "process.user.additionalGids");
		if (add_group(&p->who, (gid_t)gid->valuedouble, err) < 0)
			return -1;
	}
	return 0;
}

static bool wants_home(const struct payload *p)
{
	return str_empty(strv_env_get(p->process->env, "HOME"));
}

int user_resolve(struct payload *p, struct crl_err *err)
{
	_cleanup_free_ char *passwd = NULL, *group = NULL;
	bool by_name = p->user || (p->group_add && p->group_add[0]);
	if ((by_name || wants_home(p)) &&
	    read_file(p->root_fd, "/etc/passwd", &passwd, by_name ? err : NULL) < 0 && by_name)
		return -1;
	if (by_name && read_file(p->root_fd, "/etc/group", &group, err) < 0)
		return -1;
	if (p->user) {
		if (user_lookup(passwd, group, p->user, p->group_add, &p->who, err) < 0)
			return -1;
	} else {
		if (take_spec_user(p, err) < 0)
			return -1;
		for (size_t i = 0; p->group_add && p->group_add[i]; i++) {
			uint32_t gid;
			if (lookup_gid(group, p->group_add[i], &gid, err) < 0 ||
			    add_group(&p->who, gid, err) < 0)
				return -1;
		}
	}
	if (wants_home(p))
		p->who.home = user_home(passwd, p->who.uid);
	return 0;
}

static int give_identity(struct identity *id, struct oci_user *ret, char **ret_home,
			 struct crl_err *err)
{
	cJSON *groups = cJSON_CreateArray();
	for (size_t i = 0; groups && i < id->n_groups; i++)
		cJSON_AddItemToArray(groups, cJSON_CreateNumber(id->groups[i]));
	if (!groups)
		return crl_fail_oom(err);
	ret->uid = id->uid;
	ret->gid = id->gid;
	cJSON_Delete(ret->additional_gids);
	ret->additional_gids = groups;
	if (ret_home)
		*ret_home = take_ptr(id->home);
	return 0;
}

int crl_rt_user(int root_fd, const char *user, char *const *group_add, struct oci_user *ret,
		char **ret_home, struct crl_err *err)
{
	_cleanup_free_ char *passwd = NULL, *group = NULL;
	struct identity id = {0};
	if (read_file(root_fd, "/etc/passwd", &passwd, err) < 0 ||
	    read_file(root_fd, "/etc/group", &group, err) < 0 ||
	    user_lookup(passwd, group, user, group_add, &id, err) < 0)
		return -1;
	id.home = passwd ? user_home(passwd, id.uid) : NULL;
	int r = give_identity(&id, ret, ret_home, err);
	user_free(&id);
	return r;
}
