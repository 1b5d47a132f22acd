/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an entry says about its file: owner, mode, extended attributes, in the order in
 * which none undoes another, and the refusal of what would forge overlay state. See chown(2) on
 * set-user-ID bits, xattr(7).
 */
#include "unpack.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/xattr.h>

static bool kept_xattr(const char *name)
{
	return str_eq(name, "security.capability") || str_starts(name, "user.") ||
	       str_eq(name, "system.posix_acl_access") || str_eq(name, "system.posix_acl_default");
}

/*
 * Attributes that name overlay's own state are an attack (they hide or reveal
 * files of other layers); others that mean something to this host alone
 * (security.selinux, security.ima, trusted.*) are left out.
 */
int unpack_check_xattrs(const struct tar_entry *e, struct crl_err *err)
{
	for (size_t i = 0; i < e->n_xattrs; i++)
		if (str_starts(e->xattrs[i].name, "trusted.overlay.") ||
		    str_starts(e->xattrs[i].name, "user.overlay."))
			return crl_fail(err, CRL_INVALID,
					"extended attribute %s may not come from a layer",
					e->xattrs[i].name);
	return 0;
}

static int set_xattrs(int fd, const struct tar_entry *e, struct crl_err *err)
{
	for (size_t i = 0; i < e->n_xattrs; i++) {
		const struct tar_xattr *x = &e->xattrs[i];
		if (!kept_xattr(x->name) || fsetxattr(fd, x->name, x->value, x->len, 0) == 0)
			continue;
		/* A file system without them, or a value it finds malformed: the file is worth
		 * more. */
		if (errno != EOPNOTSUPP && errno != EINVAL && errno != EPERM)
			return crl_fail_sys(err, errno, "extended attribute %s", x->name);
	}
	return 0;
}

uint32_t unpack_owner(int64_t forced, uint32_t own)
{
	return forced >= 0 ? (uint32_t)forced : own;
}

int unpack_set_attributes(const struct unpack_options *o, int fd, const struct tar_entry *e,
			  bool fresh, struct crl_err *err)
{
	uint32_t uid = unpack_owner(o->uid, e->uid), gid = unpack_owner(o->gid, e->gid);

	if ((!fresh || uid != 0 || gid != 0) && fchown(fd, uid, gid) < 0)
		return crl_fail_sys(err, errno, "chown");
	/* After chown, which clears set-user-ID; a new file already has the other bits. */
	if ((!fresh || (e->mode & 07000)) && fchmod(fd, e->mode) < 0)
		return crl_fail_sys(err, errno, "chmod");
	return e->n_xattrs ? set_xattrs(fd, e, err) : 0;
}
