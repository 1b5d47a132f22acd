/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See namespaces.h. */
#include "namespaces.h"
#include "sys.h"
#include <errno.h>
#include <linux/nsfs.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static const struct {
	const char *type, *proc_name;
	uint64_t flag;
} kinds[NS_COUNT] = {
	[NS_USER] = {"user", "user", CLONE_NEWUSER},
	[NS_CGROUP] = {"cgroup", "cgroup", CLONE_NEWCGROUP},
	[NS_IPC] = {"ipc", "ipc", CLONE_NEWIPC},
	[NS_UTS] = {"uts", "uts", CLONE_NEWUTS},
	[NS_NET] = {"network", "net", CLONE_NEWNET},
	[NS_PID] = {"pid", "pid", CLONE_NEWPID},
	[NS_MOUNT] = {"mount", "mnt", CLONE_NEWNS},
	[NS_TIME] = {"time", "time", CLONE_NEWTIME},
};

enum ns_kind namespaces_kind(const char *type)
{
	enum ns_kind k = 0;
	while (k < NS_COUNT && !str_eq(kinds[k].type, type))
		k++;
	return k;
}

const char *namespaces_type(enum ns_kind kind)
{
	return kinds[kind].type;
}

const char *namespaces_proc_name(enum ns_kind kind)
{
	return kinds[kind].proc_name;
}

void namespaces_init(struct namespaces *ns)
{
	*ns = (struct namespaces){0};
	for (size_t k = 0; k < NS_COUNT; k++)
		ns->join[k] = -1;
}

void namespaces_close(struct namespaces *ns)
{
	for (size_t k = 0; k < NS_COUNT; k++) {
		if (ns->owned[k] && ns->join[k] >= 0)
			close(ns->join[k]);
		ns->join[k] = -1;
		ns->owned[k] = false;
	}
}

bool namespaces_own(const struct namespaces *ns, enum ns_kind kind)
{
	return ns->fresh[kind] || ns->join[kind] >= 0;
}

static int check_kind(int fd, enum ns_kind k, const char *path, struct crl_err *err)
{
	int type = ioctl(fd, NS_GET_NSTYPE);
	if (type < 0)
		return crl_fail(err, CRL_INVALID, "namespace %s: %s is not a namespace",
				kinds[k].type, path);
	if ((uint64_t)type != kinds[k].flag)
		return crl_fail(err, CRL_INVALID, "namespace %s: %s is one of another kind",
				kinds[k].type, path);
	return 0;
}

static int add_one(struct namespaces *ns, const struct oci_namespace *want, struct crl_err *err)
{
	enum ns_kind k = namespaces_kind(want->type);
	if (k == NS_COUNT)
		return crl_fail(err, CRL_INVALID, "linux.namespaces: unknown type \"%s\"",
				want->type);
	if (namespaces_own(ns, k))
		return crl_fail(err, CRL_INVALID, "linux.namespaces: \"%s\" is given twice",
				want->type);
	if (str_empty(want->path)) {
		ns->fresh[k] = true;
		return 0;
	}
	int fd = open(want->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return crl_fail_sys(err, errno, "namespace %s: %s", want->type, want->path);
	ns->join[k] = fd;
	ns->owned[k] = true;
	return check_kind(fd, k, want->path, err);
}

int namespaces_open(struct namespaces *ns, const struct oci_linux *linux_, int netns_fd,
		    struct crl_err *err)
{
	for (size_t i = 0; linux_ && i < linux_->n_namespaces; i++) {
		const struct oci_namespace *want = &linux_->namespaces[i];
		if (netns_fd >= 0 && namespaces_kind(want->type) == NS_NET)
			continue;
		if (add_one(ns, want, err) < 0)
			return -1;
	}
	if (netns_fd < 0)
		return 0;
	ns->join[NS_NET] = netns_fd;
	return check_kind(netns_fd, NS_NET, "the given descriptor", err);
}

uint64_t namespaces_clone_flags(const struct namespaces *ns)
{
	uint64_t flags = 0;
	for (size_t k = 0; k < NS_COUNT; k++)
		if (ns->fresh[k] && k != NS_CGROUP && k != NS_USER)
			flags |= kinds[k].flag;
	return flags;
}

int namespaces_join(const struct namespaces *ns, struct crl_err *err)
{
	/* pid and time are entered by being born, see create.c; user by outer.c, after these. */
	for (size_t k = 0; k < NS_COUNT; k++) {
		if (k == NS_PID || k == NS_TIME || k == NS_USER || ns->join[k] < 0)
			continue;
		if (setns(ns->join[k], (int)kinds[k].flag) < 0)
			return crl_fail_sys(err, errno, "join namespace %s", kinds[k].type);
	}
	return 0;
}

int namespaces_new_cgroup(const struct namespaces *ns, struct crl_err *err)
{
	/*
	 * Not by clone3: it would take the parent's cgroup as the root, since
	 * CLONE_INTO_CGROUP moves the child only after the namespaces are made.
	 */
	if (ns->fresh[NS_CGROUP] && unshare(CLONE_NEWCGROUP) < 0)
		return crl_fail_sys(err, errno, "new cgroup namespace");
	return 0;
}

int namespaces_loopback(struct crl_err *err)
{
	struct ifreq up = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return crl_fail_sys(err, errno, "socket");
	if (ioctl(fd, SIOCSIFFLAGS, &up) < 0)
		return crl_fail_sys(err, errno, "set lo up");
	return 0;
}
