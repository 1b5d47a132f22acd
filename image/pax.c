/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Records of pax extended headers: "LENGTH key=value\n", lengths counted in
 * bytes and checked strictly, since two readers that disagree about where a
 * record ends see two different archives. See pax(1), GNU tar's manual on
 * sparse formats, star's SCHILY.xattr.
 */
#include "tar.h"

#include <base/base64.h>
#include <base/ident.h>
#include <ctype.h>
#include <errno.h>

#define SCHILY_XATTR "SCHILY.xattr."
#define LIBARCHIVE_XATTR "LIBARCHIVE.xattr."
#define XATTRS_MAX 256

void pax_free(struct pax *p)
{
	strmap_free(&p->values);
	for (size_t i = 0; i < p->n_xattrs; i++) {
		free(p->xattrs[i].name);
		free(p->xattrs[i].value);
	}
	free(p->xattrs);
	buf_free(&p->sparse);
	*p = (struct pax){0};
}

static int add_xattr(struct pax *p, char *name, char *value, size_t len, struct crl_err *err)
{
	_cleanup_free_ char *own_name = name, *own_value = value;

	if (!name || !value)
		return crl_fail_oom(err);
	if (!*name || strlen(name) > TAR_XATTR_NAME_MAX)
		return crl_fail(err, CRL_INVALID, "name of an extended attribute: bad length");
	if (len > TAR_XATTR_VALUE_MAX || p->n_xattrs == XATTRS_MAX)
		return crl_fail(err, CRL_LIMIT, "extended attributes larger than files can have");
	struct tar_xattr *v = realloc(p->xattrs, (p->n_xattrs + 1) * sizeof(*v));
	if (!v)
		return crl_fail_oom(err);
	p->xattrs = v;
	v[p->n_xattrs++] = (struct tar_xattr){take_ptr(own_name), take_ptr(own_value), len};
	return 0;
}

static char *copy_bytes(const char *data, size_t len)
{
	char *p = malloc(len + 1);

	if (p) {
		memcpy(p, data, len);
		p[len] = '\0';
	}
	return p;
}

/* bsdtar writes the name URL-encoded. */
static char *url_decode(const char *s, size_t len)
{
	char *out = malloc(len + 1), *w = out;

	if (!out)
		return NULL;
	for (size_t i = 0; i < len; i++) {
		if (s[i] == '%' && i + 2 < len && ident_hex_digit(s[i + 1]) >= 0 &&
		    ident_hex_digit(s[i + 2]) >= 0) {
			*w++ = (char)(ident_hex_digit(s[i + 1]) * 16 + ident_hex_digit(s[i + 2]));
			i += 2;
		} else {
			*w++ = s[i];
		}
	}
	*w = '\0';
	return out;
}

static int add_libarchive_xattr(struct pax *p, const char *name, size_t name_len, const char *value,
				size_t len, struct crl_err *err)
{
	uint8_t *raw;
	size_t n;

	if (base64_bytes(value, len, &raw, &n, err) < 0)
		return crl_context(err, "extended attribute");
	return add_xattr(p, url_decode(name, name_len), (char *)raw, n, err);
}

static int add_sparse_number(struct pax *p, const char *value, size_t len, struct crl_err *err)
{
	if (p->sparse.len > TAR_EXTENSION_MAX)
		return crl_fail(err, CRL_LIMIT, "sparse map too long");
	if (p->sparse.len)
		buf_putc(&p->sparse, ',');
	buf_add(&p->sparse, value, len);
	return p->sparse.failed ? crl_fail_oom(err) : 0;
}

static bool starts(const char *key, size_t len, const char *prefix)
{
	return len > strlen(prefix) && memcmp(key, prefix, strlen(prefix)) == 0;
}

static bool is_key(const char *key, size_t len, const char *name)
{
	return len == strlen(name) && memcmp(key, name, len) == 0;
}

static int add_record(struct pax *p, const char *key, size_t key_len, const char *value, size_t len,
		      struct crl_err *err)
{
	if (key_len == 0 || memchr(key, '\0', key_len))
		return crl_fail(err, CRL_INVALID, "pax record with a bad key");
	if (starts(key, key_len, SCHILY_XATTR)) {
		size_t n = strlen(SCHILY_XATTR);
		return add_xattr(p, copy_bytes(key + n, key_len - n), copy_bytes(value, len), len,
				 err);
	}
	if (starts(key, key_len, LIBARCHIVE_XATTR)) {
		size_t n = strlen(LIBARCHIVE_XATTR);
		return add_libarchive_xattr(p, key + n, key_len - n, value, len, err);
	}
	if (memchr(value, '\0', len))
		return crl_fail(err, CRL_INVALID, "pax record \"%.*s\" with a NUL byte",
				key_len > 40 ? 40 : (int)key_len, key);
	if (is_key(key, key_len, "GNU.sparse.offset") ||
	    is_key(key, key_len, "GNU.sparse.numbytes"))
		return add_sparse_number(p, value, len, err);

	_cleanup_free_ char *k = copy_bytes(key, key_len), *v = copy_bytes(value, len);
	if (!k || !v || strmap_set(&p->values, k, v) < 0)
		return crl_fail_oom(err);
	return 0;
}

static int bad_record(struct crl_err *err)
{
	return crl_fail(err, CRL_INVALID, "malformed pax record");
}

/* The decimal length in front of a record; 0 = malformed. */
static size_t record_length(const char *p, size_t left, size_t *ret_digits)
{
	size_t n = 0, i = 0;

	for (; i < left && p[i] >= '0' && p[i] <= '9'; i++) {
		n = n * 10 + (size_t)(p[i] - '0');
		if (n > TAR_EXTENSION_MAX)
			return 0;
	}
	if (i == 0 || i == left || p[i] != ' ')
		return 0;
	*ret_digits = i;
	return n;
}

int pax_parse(const char *body, size_t len, struct pax *p, struct crl_err *err)
{
	while (len > 0) {
		size_t digits = 0, n = record_length(body, len, &digits);
		if (n < digits + 3 || n > len || body[n - 1] != '\n')
			return bad_record(err);
		const char *key = body + digits + 1, *end = body + n - 1;
		const char *eq = memchr(key, '=', (size_t)(end - key));
		if (!eq)
			return bad_record(err);
		if (add_record(p, key, (size_t)(eq - key), eq + 1, (size_t)(end - eq - 1), err) < 0)
			return -1;
		body += n;
		len -= n;
	}
	return 0;
}

int tar_entry_add_segment(struct tar_entry *e, int64_t offset, int64_t size, struct crl_err *err)
{
	const struct tar_segment *last = e->n_sparse ? &e->sparse[e->n_sparse - 1] : NULL;

	if (e->n_sparse == TAR_SPARSE_MAX)
		return crl_fail(err, CRL_LIMIT, "sparse file with more than %d pieces",
				TAR_SPARSE_MAX);
	if (offset < 0 || size < 0 || offset > TAR_SIZE_MAX || size > TAR_SIZE_MAX ||
	    (last && offset < last->offset + last->size))
		return crl_fail(err, CRL_INVALID, "sparse map out of order");
	if ((e->n_sparse & (e->n_sparse - 1)) == 0) { /* grows at powers of two */
		size_t cap = e->n_sparse ? e->n_sparse * 2 : 1;
		struct tar_segment *v = reallocarray(e->sparse, cap, sizeof(*v));
		if (!v)
			return crl_fail_oom(err);
		e->sparse = v;
	}
	e->sparse[e->n_sparse++] = (struct tar_segment){offset, size};
	return 0;
}

int pax_sparse_map(const char *text, struct tar_entry *e, struct crl_err *err)
{
	int64_t pair[2];
	int have = 0;

	for (const char *p = text; *p;) {
		char *end;
		errno = 0;
		if (!isdigit((unsigned char)*p))
			return crl_fail(err, CRL_INVALID, "malformed sparse map");
		pair[have++] = strtoll(p, &end, 10);
		if (errno || (*end && *end != ','))
			return crl_fail(err, CRL_INVALID, "malformed sparse map");
		p = *end ? end + 1 : end;
		if (have < 2)
			continue;
		have = 0;
		if (tar_entry_add_segment(e, pair[0], pair[1], err) < 0)
			return -1;
	}
	return have ? crl_fail(err, CRL_INVALID, "malformed sparse map") : 0;
}

static int apply_i64(const struct pax *p, const char *key, int64_t max, int64_t *ret,
		     struct crl_err *err)
{
	const char *s = strmap_get(&p->values, key);
	uint64_t v;

	if (str_empty(s))
		return 0;
	if (!str_to_u64(s, &v) || v > (uint64_t)max)
		return crl_fail(err, CRL_INVALID, "pax %s \"%.40s\" out of range", key, s);
	*ret = (int64_t)v;
	return 0;
}

static int apply_id(const struct pax *p, const char *key, uint32_t *ret, struct crl_err *err)
{
	int64_t v = *ret;

	/* (uid_t)-1 means "leave as it is" to chown(2): never an owner. */
	if (apply_i64(p, key, (int64_t)UINT32_MAX - 1, &v, err) < 0)
		return -1;
	*ret = (uint32_t)v;
	return 0;
}

/* "seconds" with an optional sign and fraction, of which nine digits count. */
static int apply_time(const struct pax *p, struct tar_entry *e, struct crl_err *err)
{
	const char *s = strmap_get(&p->values, "mtime");
	uint32_t ns = 0, scale = 100000000;
	char *end;

	if (str_empty(s))
		return 0;
	errno = 0;
	int64_t sec = strtoll(s, &end, 10);
	if (errno || end == s)
		return crl_fail(err, CRL_INVALID, "pax mtime \"%.40s\"", s);
	if (*end == '.')
		for (end++; isdigit((unsigned char)*end); end++, scale /= 10)
			ns += (uint32_t)(*end - '0') * scale;
	if (*end)
		return crl_fail(err, CRL_INVALID, "pax mtime \"%.40s\"", s);
	if (*s == '-' && ns) {
		sec--;
		ns = 1000000000 - ns;
	}
	e->mtime = sec;
	e->mtime_ns = ns;
	return 0;
}

static int apply_name(const struct pax *p, const char *key, char **ret, struct crl_err *err)
{
	const char *s = strmap_get(&p->values, key);

	if (str_empty(s))
		return 0;
	if (strlen(s) >= TAR_NAME_MAX)
		return crl_fail(err, CRL_LIMIT, "name longer than %d bytes: %.80s...",
				TAR_NAME_MAX - 1, s);
	char *copy = strdup(s);
	if (!copy)
		return crl_fail_oom(err);
	free(*ret);
	*ret = copy;
	return 0;
}

static int apply_sparse(struct pax *p, struct tar_entry *e, struct crl_err *err)
{
	const char *map = strmap_get(&p->values, "GNU.sparse.map");
	int64_t real = -1;

	if (apply_name(p, "GNU.sparse.name", &e->name, err) < 0 ||
	    apply_i64(p, "GNU.sparse.size", TAR_SIZE_MAX, &real, err) < 0 ||
	    apply_i64(p, "GNU.sparse.realsize", TAR_SIZE_MAX, &real, err) < 0)
		return -1;
	if (real < 0)
		return 0;
	e->size = real;
	if (!map && p->sparse.len)
		map = p->sparse.data;
	if (map)
		return pax_sparse_map(map, e, err);
	return 0;
}

int pax_apply(struct pax *p, struct tar_entry *e, struct crl_err *err)
{
	if (apply_name(p, "path", &e->name, err) < 0 ||
	    apply_name(p, "linkpath", &e->link, err) < 0 ||
	    apply_i64(p, "size", TAR_SIZE_MAX, &e->stored, err) < 0 ||
	    apply_id(p, "uid", &e->uid, err) < 0 || apply_id(p, "gid", &e->gid, err) < 0 ||
	    apply_time(p, e, err) < 0)
		return -1;
	e->size = e->stored;
	if (apply_sparse(p, e, err) < 0)
		return -1;
	e->xattrs = take_ptr(p->xattrs);
	e->n_xattrs = p->n_xattrs;
	p->n_xattrs = 0;
	return 0;
}
