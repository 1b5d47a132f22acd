/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cache of compiled filters. Compiling Docker's profile for the three
 * architectures of amd64 takes libseccomp longer than everything else in a
 * start together; reading 10 KB does not. A file is believed only when its
 * header, length and checksum are right; the folder is the caller's, root's
 * alone. See seccomp(2).
 */
#include "seccomp_filter.h"
#include <base/fd.h>
#include <base/ident.h>
#include <base/path.h>
#include <errno.h>
#include <linux/seccomp.h>
#include <nettle/sha2.h>
#include <sys/stat.h>

/* Changed whenever the compiler here would give another program for the same profile. */
#define CACHE_VERSION "crl-seccomp-2"
#define FILE_LIMIT (1U << 20)

struct cache_header {
	char version[16];
	uint32_t n, flags;
	uint8_t sum[SHA256_DIGEST_SIZE]; /* of the instructions */
};

static void feed(struct sha256_ctx *h, const char *s)
{
	/* With its NUL: "ab","c" is not "a","bc". */
	sha256_update(h, s ? strlen(s) + 1 : 1, (const uint8_t *)(s ? s : "\1"));
}

static void feed_all(struct sha256_ctx *h, char *const *v)
{
	for (size_t i = 0; v && v[i]; i++)
		feed(h, v[i]);
	feed(h, NULL);
}

static void feed_number(struct sha256_ctx *h, uint64_t n)
{
	sha256_update(h, sizeof(n), (const uint8_t *)&n);
}

static void feed_rule(struct sha256_ctx *h, const struct oci_seccomp_syscall *s)
{
	feed_all(h, s->names);
	feed(h, s->action);
	feed_number(h, s->errno_ret.set ? s->errno_ret.v + 1 : 0);
	for (size_t i = 0; i < s->n_args; i++) {
		feed_number(h, s->args[i].index);
		feed_number(h, s->args[i].value);
		feed_number(h, s->args[i].value_two);
		feed(h, s->args[i].op);
	}
	feed_number(h, s->n_args);
}

static void cache_name(const struct oci_linux_seccomp *p, char ret[SHA256_HEX + 1])
{
	struct sha256_ctx h;
	uint8_t digest[SHA256_DIGEST_SIZE];
	sha256_init(&h);
	feed(&h, CACHE_VERSION);
	feed(&h, p->default_action);
	feed_number(&h, p->default_errno_ret.set ? p->default_errno_ret.v + 1 : 0);
	feed_all(&h, p->architectures);
	feed_all(&h, p->flags);
	for (size_t i = 0; i < p->n_syscalls; i++)
		feed_rule(&h, &p->syscalls[i]);
	sha256_digest(&h, sizeof(digest), digest);
	ident_hex(digest, sizeof(digest), ret);
}

static void checksum(const struct sock_filter *insns, size_t n, uint8_t ret[SHA256_DIGEST_SIZE])
{
	struct sha256_ctx h;
	sha256_init(&h);
	sha256_update(&h, n * sizeof(*insns), (const uint8_t *)insns);
	sha256_digest(&h, SHA256_DIGEST_SIZE, ret);
}

/* Only what this user alone may write counts as ours. */
static int open_cache(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_uid == geteuid() && !(st.st_mode & 022))
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static bool cache_read(int dir, const char *name, struct seccomp_filter *ret)
{
	_cleanup_close_ int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_free_ char *data = NULL;
	size_t len;
	if (fd < 0 || fd_read_all(fd, FILE_LIMIT, &data, &len, NULL) < 0)
		return false;
	struct cache_header h;
	if (len < sizeof(h))
		return false;
	memcpy(&h, data, sizeof(h));
	if (strncmp(h.version, CACHE_VERSION, sizeof(h.version)) != 0 || !h.n ||
	    h.n > BPF_MAXINSNS || len != sizeof(h) + h.n * sizeof(struct sock_filter))
		return false;
	struct sock_filter *insns = malloc(h.n * sizeof(*insns));
	if (!insns)
		return false;
	memcpy(insns, data + sizeof(h), h.n * sizeof(*insns));
	uint8_t sum[SHA256_DIGEST_SIZE];
	checksum(insns, h.n, sum);
	if (memcmp(sum, h.sum, sizeof(sum)) != 0) {
		free(insns);
		return false;
	}
	*ret = (struct seccomp_filter){.insns = insns, .n = (unsigned short)h.n, .flags = h.flags};
	return true;
}

static void cache_write(int dir, const char *name, const struct seccomp_filter *f)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct cache_header h = {.n = f->n, .flags = f->flags};
	strncpy(h.version, CACHE_VERSION, sizeof(h.version) - 1);
	checksum(f->insns, f->n, h.sum);
	buf_add(&b, &h, sizeof(h));
	buf_add(&b, f->insns, f->n * sizeof(*f->insns));
	/* Lost is only time: no error, no fsync. */
	if (!b.failed)
		path_write_atomic(dir, name, b.data, b.len, 0600, false, NULL);
}

int seccomp_filter_get(const struct oci_linux_seccomp *profile, const char *cache_dir,
		       struct seccomp_filter *ret, struct crl_err *err)
{
	*ret = (struct seccomp_filter){0};
	if (!profile || str_empty(profile->default_action))
		return 0;
	if (!str_empty(profile->listener_path))
		return crl_fail(err, CRL_UNSUPPORTED, "linux.seccomp.listenerPath is not offered");
	_cleanup_close_ int dir = cache_dir ? open_cache(cache_dir) : -1;
	char name[SHA256_HEX + 1];
	if (dir >= 0) {
		cache_name(profile, name);
		if (cache_read(dir, name, ret))
			return 0;
	}
	if (seccomp_compile(profile, ret, err) < 0)
		return -1;
	if (dir >= 0)
		cache_write(dir, name, ret);
	return 0;
}

int crl_rt_take_seccomp(struct crl_rt *rt, struct crl_seccomp **ret, struct crl_err *err)
{
	struct crl_seccomp *s = NULL;
	if (rt->p.filter.insns) {
		s = malloc(sizeof(*s));
		if (!s)
			return crl_fail_oom(err);
		s->filter = rt->p.filter;
		rt->p.filter = (struct seccomp_filter){0};
	}
	*ret = s;
	return 0;
}

void crl_seccomp_free(struct crl_seccomp *s)
{
	if (s)
		seccomp_filter_free(&s->filter);
	free(s);
}

void seccomp_filter_free(struct seccomp_filter *f)
{
	free(f->insns);
	f->insns = NULL;
}
