/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See sysctl.h; sysctl(5) of the kernel documentation, namespaces(7). */
#include "sysctl.h"
#include "namespaces.h"
#include "procfs.h"

/* The parts of /proc/sys that are per namespace; a trailing dot means everything below. */
static const struct {
	const char *key;
	enum ns_kind ns;
} allowed[] = {
	{"net.", NS_NET},
	{"fs.mqueue.", NS_IPC},
	{"kernel.msgmax", NS_IPC},
	{"kernel.msgmnb", NS_IPC},
	{"kernel.msgmni", NS_IPC},
	{"kernel.msg_next_id", NS_IPC},
	{"kernel.sem", NS_IPC},
	{"kernel.sem_next_id", NS_IPC},
	{"kernel.shmall", NS_IPC},
	{"kernel.shmmax", NS_IPC},
	{"kernel.shmmni", NS_IPC},
	{"kernel.shm_next_id", NS_IPC},
	{"kernel.shm_rmid_forced", NS_IPC},
	{"kernel.domainname", NS_UTS},
	{"kernel.hostname", NS_UTS},
};

/* sysctl(8)'s rule: the first separator decides; in dotted keys "/" stands for a dot in a name. */
bool sysctl_path(const char *key, char *ret, size_t size)
{
	size_t len = strlen(key);
	if (!len || len + sizeof("sys/") > size || key[0] == '.' || key[0] == '/')
		return false;
	bool dotted = key[strcspn(key, "./")] == '.';
	static const char root[] = "sys/";
	memcpy(ret, root, sizeof(root));
	char *out = ret + sizeof(root) - 1;
	for (size_t i = 0; i <= len; i++) {
		char c = key[i];
		if (dotted && c == '.')
			c = '/';
		else if (dotted && c == '/')
			c = '.';
		out[i] = c;
	}
	return !strstr(out, "//") && !strstr(out, "..") && !strstr(out, "/./");
}

static bool matches(const char *path, const char *key)
{
	/* path is "sys/net/ipv4/x": compare with dots */
	size_t i = 0;
	const char *p = path + strlen("sys/");
	for (; key[i]; i++) {
		char c = p[i] == '/' ? '.' : p[i];
		if (c != key[i])
			return false;
	}
	return key[i - 1] == '.' || p[i] == '\0';
}

static int check_one(const char *key, const struct namespaces *ns, struct crl_err *err)
{
	char path[256];
	if (!sysctl_path(key, path, sizeof(path)))
		return crl_fail(err, CRL_INVALID, "linux.sysctl: invalid key \"%s\"", key);
	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++) {
		if (!matches(path, allowed[i].key))
			continue;
		if (namespaces_own(ns, allowed[i].ns))
			return 0;
		return crl_fail(err, CRL_FORBIDDEN,
				"sysctl \"%s\" would change the host: the container has no own %s "
				"namespace",
				key, namespaces_type(allowed[i].ns));
	}
	return crl_fail(err, CRL_FORBIDDEN, "sysctl \"%s\" is not in a separate kernel namespace",
			key);
}

int sysctl_check(const struct strmap *sysctl, const struct namespaces *ns, struct crl_err *err)
{
	for (size_t i = 0; i < sysctl->n; i++)
		if (check_one(sysctl->items[i].key, ns, err) < 0)
			return -1;
	return 0;
}

bool sysctl_wanted(const void *ctx)
{
	const struct crl_rt *rt = ctx;
	return rt->spec->linux_ && rt->spec->linux_->sysctl.n > 0;
}

int sysctl_write(void *ctx, struct crl_err *err)
{
	struct crl_rt *rt = ctx;
	const struct strmap *all = &rt->spec->linux_->sysctl;
	for (size_t i = 0; i < all->n; i++) {
		char path[256];
		if (!sysctl_path(all->items[i].key, path, sizeof(path)))
			return crl_fail(err, CRL_INVALID, "sysctl \"%s\"", all->items[i].key);
		if (procfs_write(rt->p.proc_fd, path, all->items[i].value, err) < 0)
			return crl_context(err, "sysctl %s", all->items[i].key);
	}
	return 0;
}
