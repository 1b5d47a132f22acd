/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See volume.h. Mounts in the host's mount namespace, where clients of the
 * volume's Mountpoint look for it. See mount(2), flock(2), loop(4), statx(2).
 */
#include "volume.h"

#include <base/cleanup.h>
#include <base/log.h>
#include <base/path.h>
#include <base/str.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <netdb.h>
#include <arpa/inet.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* --- options --- */

static const struct {
	const char *name;
	unsigned long set, clear;
} words[] = {
	{"defaults", 0, 0},
	{"ro", MS_RDONLY, 0},
	{"rw", 0, MS_RDONLY},
	{"bind", MS_BIND, 0},
	{"rbind", MS_BIND | MS_REC, 0},
	{"nosuid", MS_NOSUID, 0},
	{"suid", 0, MS_NOSUID},
	{"nodev", MS_NODEV, 0},
	{"dev", 0, MS_NODEV},
	{"noexec", MS_NOEXEC, 0},
	{"exec", 0, MS_NOEXEC},
	{"sync", MS_SYNCHRONOUS, 0},
	{"async", 0, MS_SYNCHRONOUS},
	{"dirsync", MS_DIRSYNC, 0},
	{"noatime", MS_NOATIME, 0},
	{"atime", 0, MS_NOATIME},
	{"nodiratime", MS_NODIRATIME, 0},
	{"diratime", 0, MS_NODIRATIME},
	{"relatime", MS_RELATIME, 0},
	{"norelatime", 0, MS_RELATIME},
	{"strictatime", MS_STRICTATIME, 0},
	{"nostrictatime", 0, MS_STRICTATIME},
	{"lazytime", MS_LAZYTIME, 0},
	{"mand", MS_MANDLOCK, 0},
	{"nomand", 0, MS_MANDLOCK},
};

static bool take_word(const char *word, unsigned long *flags)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (!str_eq(words[i].name, word))
			continue;
		*flags = (*flags & ~words[i].clear) | words[i].set;
		return true;
	}
	return false;
}

int volume_parse_options(const char *text, unsigned long *ret_flags, bool *ret_loop,
			 char **ret_data, struct crl_err *err)
{
	_cleanup_strv_ char **parts = strv_split(text ? text : "", ",", false);
	_cleanup_strv_ char **data = NULL;
	unsigned long flags = 0;
	bool loop = false;
	for (char **p = parts; p && *p; p++) {
		if (str_eq(*p, "loop"))
			loop = true;
		else if (!take_word(*p, &flags) && strv_push(&data, *p) < 0)
			return crl_fail_oom(err);
	}
	char *joined = data ? strv_join(data, ",") : strdup("");
	if (!parts || !joined) {
		free(joined);
		return crl_fail_oom(err);
	}
	*ret_flags = flags;
	*ret_loop = loop;
	*ret_data = joined;
	return 0;
}

/* --- names of servers: the kernel wants addresses --- */

static int resolve(const char *host, char ret[INET6_ADDRSTRLEN], struct crl_err *err)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
	int r = getaddrinfo(host, NULL, &hints, &list);
	if (r != 0)
		return crl_fail(err, CRL_INVALID,
				"error resolving passed in network volume address: lookup %s: %s",
				host, gai_strerror(r));
	r = getnameinfo(list->ai_addr, list->ai_addrlen, ret, INET6_ADDRSTRLEN, NULL, 0,
			NI_NUMERICHOST);
	freeaddrinfo(list);
	return r == 0 ? 0 : crl_fail(err, CRL_INVALID, "%s: %s", host, gai_strerror(r));
}

/* addr=NAME of nfs and cifs becomes addr=ADDRESS. */
static int resolve_address(const struct mon_volume *v, char **data, struct crl_err *err)
{
	_cleanup_strv_ char **parts = NULL;
	char address[INET6_ADDRSTRLEN];
	if (!str_eq(v->type, "nfs") && !str_eq(v->type, "cifs"))
		return 0;
	if (!(parts = strv_split(*data, ",", false)))
		return crl_fail_oom(err);
	for (char **p = parts; *p; p++) {
		struct in_addr ip;
		const char *host = *p + strlen("addr=");
		if (!str_starts(*p, "addr=") || inet_pton(AF_INET, host, &ip) == 1)
			continue;
		if (resolve(host, address, err) < 0)
			return -1;
		char *word = path_printf("addr=%s", address);
		if (!word)
			return crl_fail_oom(err);
		free(*p);
		*p = word;
	}
	char *joined = strv_join(parts, ",");
	if (!joined)
		return crl_fail_oom(err);
	free(*data);
	*data = joined;
	return 0;
}

/* --- the mount --- */

/*
 * The device that the file has already: an unmount is over only when the last
 * container's mount namespace is gone, and two devices on one file would not
 * see each other's blocks. While it is open it stays.
 */
static bool find_loop(const struct stat *file, int mode, char **ret_device, int *ret_fd)
{
	_cleanup_closedir_ DIR *dir = opendir("/sys/block");
	struct dirent *e;
	while (dir && (e = readdir(dir))) {
		if (!str_starts(e->d_name, "loop"))
			continue;
		_cleanup_free_ char *backing =
			path_printf("/sys/block/%s/loop/backing_file", e->d_name);
		_cleanup_free_ char *name = path_printf("/dev/%s", e->d_name);
		struct loop_info64 info = {0};
		if (!backing || !name || access(backing, F_OK) < 0)
			continue;
		_cleanup_close_ int fd = open(name, mode | O_CLOEXEC);
		if (fd < 0 || ioctl(fd, LOOP_GET_STATUS64, &info) < 0 ||
		    info.lo_inode != file->st_ino || info.lo_device != file->st_dev ||
		    info.lo_offset || info.lo_sizelimit)
			continue;
		*ret_device = take_ptr(name);
		*ret_fd = take_fd(&fd);
		return true;
	}
	return false;
}

/* A loop device that goes away with its last user. Returned open: closing it before the mount would
 * be the last use. */
static int attach_loop(const char *file, bool read_only, char **ret_device, int *ret_fd,
		       struct crl_err *err)
{
	int mode = read_only ? O_RDONLY : O_RDWR;
	_cleanup_close_ int backing = open(file, mode | O_CLOEXEC);
	_cleanup_close_ int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	if (backing < 0 || control < 0)
		return crl_fail_sys(err, errno, "%s", backing < 0 ? file : "/dev/loop-control");
	struct stat st;
	if (fstat(backing, &st) < 0)
		return crl_fail_sys(err, errno, "%s", file);
	if (find_loop(&st, mode, ret_device, ret_fd))
		return 0;
	for (int try = 0; try < 64; try++) {
		int n = ioctl(control, LOOP_CTL_GET_FREE);
		_cleanup_free_ char *name = n < 0 ? NULL : path_printf("/dev/loop%d", n);
		if (!name)
			return crl_fail_sys(err, errno, "no free loop device");
		_cleanup_close_ int fd = open(name, mode | O_CLOEXEC);
		if (fd < 0 && errno == ENOENT &&
		    mknod(name, S_IFBLK | 0600, makedev(7, (unsigned)n)) == 0)
			fd = open(name, mode | O_CLOEXEC);
		if (fd < 0)
			return crl_fail_sys(err, errno, "%s", name);
		struct loop_config c = {.fd = (uint32_t)backing,
					.info.lo_flags = LO_FLAGS_AUTOCLEAR |
							 (read_only ? LO_FLAGS_READ_ONLY : 0)};
		if (ioctl(fd, LOOP_CONFIGURE, &c) == 0) {
			*ret_device = take_ptr(name);
			*ret_fd = take_fd(&fd);
			return 0;
		}
		if (errno != EBUSY) /* another one was quicker */
			return crl_fail_sys(err, errno, "%s", name);
	}
	return crl_fail(err, CRL_UNAVAILABLE, "no free loop device");
}

/* Go's form of an errno, which clients know from dockerd. */
static void lower_first(char *text)
{
	if (isupper((unsigned char)text[0]) && islower((unsigned char)text[1]))
		text[0] = (char)tolower((unsigned char)text[0]);
}

static int mount_failed(const struct mon_volume *v, const char *target, unsigned long flags,
			const char *data, int sys, struct crl_err *err)
{
	char why[128], flag_text[32] = "";
	const char *password = strstr(data, "password=");
	_cleanup_free_ char *shown = strdup(data);
	snprintf(why, sizeof(why), "%s", strerror(sys));
	lower_first(why);
	if (flags)
		snprintf(flag_text, sizeof(flag_text), ", flags: 0x%lx", flags);
	if (password && shown) {
		size_t at = (size_t)(password - data) + strlen("password=");
		for (size_t i = at; shown[i] && shown[i] != ','; i++)
			shown[i] = '*';
	}
	return crl_fail(err, CRL_INTERNAL, "failed to mount local volume: mount %s:%s%s%s%s: %s",
			v->device, target, flag_text, *data ? ", data: " : "", shown ? shown : "",
			why);
}

static int do_mount(const struct mon_volume *v, const char *target, struct crl_err *err)
{
	unsigned long flags;
	bool loop;
	_cleanup_free_ char *data = NULL, *device = NULL;
	_cleanup_close_ int loop_fd = -1;
	if (volume_parse_options(v->options, &flags, &loop, &data, err) < 0 ||
	    resolve_address(v, &data, err) < 0)
		return -1;
	if (loop && attach_loop(v->device, flags & MS_RDONLY, &device, &loop_fd, err) < 0)
		return -1;
	const char *type = str_eq(v->type, "none") ? "" : v->type;
	if (mount(device ? device : v->device, target, type, flags, data) < 0)
		return mount_failed(v, target, flags, data, errno, err);
	/* The first call of a bind takes no other flags. */
	unsigned long more = flags & ~(unsigned long)(MS_BIND | MS_REC);
	if ((flags & MS_BIND) && more && mount(NULL, target, NULL, flags | MS_REMOUNT, NULL) < 0) {
		int sys = errno;
		(void)umount2(target, MNT_DETACH);
		return mount_failed(v, target, flags | MS_REMOUNT, data, sys, err);
	}
	return 0;
}

static bool is_mounted(const char *path)
{
	struct statx st;
	return statx(AT_FDCWD, path, AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, 0, &st) == 0 &&
	       (st.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

/* --- who uses it --- */

static int lock(int fd, int how, struct crl_err *err)
{
	while (flock(fd, how) < 0)
		if (errno != EINTR)
			return crl_fail_sys(err, errno, "lock of the volume");
	return 0;
}

/*
 * A lock cannot be changed from exclusive to shared without a gap, so what was
 * seen under one is looked at again under the other.
 */
static int mount_once(const struct mon_volume *v, const struct volume_use *u, struct crl_err *err)
{
	for (;;) {
		if (lock(u->lock, LOCK_SH, err) < 0)
			return -1;
		if (is_mounted(u->data))
			return 0;
		if (flock(u->lock, LOCK_EX | LOCK_NB) < 0) {
			if (errno != EWOULDBLOCK && errno != EINTR)
				return crl_fail_sys(err, errno, "lock of the volume");
			continue;
		}
		if (!is_mounted(u->data) && do_mount(v, u->data, err) < 0)
			return -1;
	}
}

int volume_use(const struct mon_volume *v, struct volume_use *ret, struct crl_err *err)
{
	_cleanup_free_ char *path = path_printf("%s/lock", v->dir);
	struct volume_use u = {.lock = -1, .data = path_printf("%s/_data", v->dir)};
	if (!path || !u.data) {
		free(u.data);
		return crl_fail_oom(err);
	}
	u.lock = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r = u.lock < 0 ? crl_fail_sys(err, errno, "%s", path) : mount_once(v, &u, err);
	if (r < 0) {
		crl_context(err, "error while mounting volume '%s'", u.data);
		cleanup_close_p(&u.lock);
		free(u.data);
		return -1;
	}
	*ret = u;
	return 0;
}

void volume_unuse(struct volume_use *u)
{
	if (u->lock >= 0 && flock(u->lock, LOCK_EX | LOCK_NB) == 0 && is_mounted(u->data) &&
	    umount2(u->data, MNT_DETACH) < 0)
		log_warn("volume not unmounted", "path", u->data, "error", strerror(errno), NULL);
	cleanup_close_p(&u->lock);
	u->lock = -1;
	free(take_ptr(u->data));
}
