/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Strings, vectors, maps, buffers; see base/str.h. */
#include <base/str.h>

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>

bool str_starts(const char *s, const char *prefix)
{
	return s && strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *s, const char *suffix)
{
	size_t a = s ? strlen(s) : 0, b = strlen(suffix);
	return s && a >= b && memcmp(s + a - b, suffix, b) == 0;
}

bool str_to_u64(const char *s, uint64_t *ret)
{
	if (!s || !isdigit((unsigned char)*s))
		return false;
	char *end;
	errno = 0;
	unsigned long long v = strtoull(s, &end, 10);
	if (errno || *end)
		return false;
	*ret = v;
	return true;
}

bool str_to_i64(const char *s, int64_t *ret)
{
	if (!s || !(isdigit((unsigned char)*s) || (*s == '-' && isdigit((unsigned char)s[1]))))
		return false;
	char *end;
	errno = 0;
	long long v = strtoll(s, &end, 10);
	if (errno || *end)
		return false;
	*ret = v;
	return true;
}

static int size_exponent(const char *unit)
{
	static const char letters[] = "kmgtp";
	if (!*unit || strcasecmp(unit, "b") == 0)
		return 0;
	const char *l = strchr(letters, tolower((unsigned char)*unit));
	if (!l || !*l)
		return -1;
	unit++;
	if (*unit && strcasecmp(unit, "b") != 0 && strcasecmp(unit, "ib") != 0)
		return -1;
	return (int)(l - letters) + 1;
}

int str_parse_size(const char *s, int64_t *ret_bytes, struct crl_err *err)
{
	if (!s || !isdigit((unsigned char)*s))
		return crl_fail(err, CRL_INVALID, "invalid size: '%s'", s ? s : "");
	char *end;
	double v = strtod(s, &end);
	while (*end == ' ')
		end++;
	int exponent = size_exponent(end);
	if (exponent < 0 || strpbrk(s, "xXeEnN"))
		return crl_fail(err, CRL_INVALID, "invalid size: '%s' (examples: 512m, 1g, 4096)",
				s);
	while (exponent-- > 0)
		v *= 1024;
	if (v >= 9007199254740992.0)
		return crl_fail(err, CRL_INVALID, "invalid size: '%s' is too large", s);
	*ret_bytes = (int64_t)v;
	return 0;
}

static char *size_text(double v, double base, const char *const *units, size_t n, int digits,
		       char buf[32])
{
	size_t i = 0;
	while (v >= base && i + 1 < n) {
		v /= base;
		i++;
	}
	snprintf(buf, 32, "%.*g%s", digits, v, units[i]);
	return buf;
}

char *str_size_decimal(double bytes, char buf[32])
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
	return size_text(bytes, 1000, units, ARRAY_SIZE(units), 3, buf);
}

char *str_size_binary(double bytes, char buf[32])
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
	return size_text(bytes, 1024, units, ARRAY_SIZE(units), 4, buf);
}

/* --- vectors --- */

void strv_free(char **v)
{
	for (char **p = v; p && *p; p++)
		free(*p);
	free(v);
}

size_t strv_len(char *const *v)
{
	size_t n = 0;
	while (v && v[n])
		n++;
	return n;
}

bool strv_contains(char *const *v, const char *s)
{
	for (; v && *v; v++)
		if (str_eq(*v, s))
			return true;
	return false;
}

int strv_take(char ***v, char *s)
{
	size_t n = strv_len(*v);
	char **bigger = s ? realloc(*v, (n + 2) * sizeof(char *)) : NULL;
	if (!bigger) {
		free(s);
		return -1;
	}
	bigger[n] = s;
	bigger[n + 1] = NULL;
	*v = bigger;
	return 0;
}

int strv_push(char ***v, const char *s)
{
	return strv_take(v, strdup(s));
}

int strv_pushf(char ***v, const char *fmt, ...)
{
	char *s = NULL;
	va_list ap;
	va_start(ap, fmt);
	int n = vasprintf(&s, fmt, ap);
	va_end(ap);
	return n < 0 ? -1 : strv_take(v, s);
}

char **strv_copy(char *const *v)
{
	size_t n = strv_len(v);
	char **copy = calloc(n + 1, sizeof(char *));
	for (size_t i = 0; copy && i < n; i++) {
		copy[i] = strdup(v[i]);
		if (!copy[i]) {
			strv_free(copy);
			return NULL;
		}
	}
	return copy;
}

/* strv_take() for who knows the length: room for twice as many whenever that is a power of two, so
 * that a text of a stranger with a million parts takes no longer than its length. */
static int strv_grow(char ***v, size_t *n, char *s)
{
	if (s && (*n & (*n + 1)) == 0) {
		char **bigger = reallocarray(*v, 2 * (*n + 1), sizeof(char *));
		if (!bigger) {
			free(s);
			return -1;
		}
		*v = bigger;
	}
	if (!s)
		return -1;
	(*v)[(*n)++] = s;
	(*v)[*n] = NULL;
	return 0;
}

char **strv_split(const char *s, const char *seps, bool keep_empty)
{
	char **v = calloc(1, sizeof(char *));
	size_t parts = 0;
	while (v) {
		size_t n = strcspn(s, seps);
		if ((n > 0 || keep_empty) && strv_grow(&v, &parts, strndup(s, n)) < 0) {
			strv_free(v);
			return NULL;
		}
		if (!s[n])
			break;
		s += n + 1;
	}
	return v;
}

char *strv_join(char *const *v, const char *sep)
{
	struct buf b = BUF_INIT;
	for (size_t i = 0; v && v[i]; i++) {
		if (i)
			buf_puts(&b, sep);
		buf_puts(&b, v[i]);
	}
	return buf_take(&b);
}

static char **env_find(char *const *env, const char *key, size_t len)
{
	for (; env && *env; env++)
		if (strncmp(*env, key, len) == 0 && (*env)[len] == '=')
			return (char **)(uintptr_t)env;
	return NULL;
}

int strv_env_set(char ***env, const char *assignment)
{
	char **old = env_find(*env, assignment, strcspn(assignment, "="));
	if (!old)
		return strv_push(env, assignment);
	char *copy = strdup(assignment);
	if (!copy)
		return -1;
	free(*old);
	*old = copy;
	return 0;
}

const char *strv_env_get(char *const *env, const char *key)
{
	size_t len = strlen(key);
	char **found = env_find(env, key, len);
	return found ? *found + len + 1 : NULL;
}

/* --- maps --- */

void strmap_free(struct strmap *m)
{
	for (size_t i = 0; i < m->n; i++) {
		free(m->items[i].key);
		free(m->items[i].value);
	}
	free(m->items);
	*m = (struct strmap){0};
}

static struct strmap_item *strmap_find(const struct strmap *m, const char *key)
{
	for (size_t i = 0; i < m->n; i++)
		if (str_eq(m->items[i].key, key))
			return &m->items[i];
	return NULL;
}

const char *strmap_get(const struct strmap *m, const char *key)
{
	struct strmap_item *i = strmap_find(m, key);
	return i ? i->value : NULL;
}

int strmap_set(struct strmap *m, const char *key, const char *value)
{
	_cleanup_free_ char *v = strdup(value ? value : "");
	if (!v)
		return -1;
	struct strmap_item *i = strmap_find(m, key);
	if (i) {
		free(i->value);
		i->value = take_ptr(v);
		return 0;
	}
	_cleanup_free_ char *k = strdup(key);
	struct strmap_item *bigger = realloc(m->items, (m->n + 1) * sizeof(*bigger));
	if (bigger)
		m->items = bigger;
	if (!k || !bigger)
		return -1;
	m->items[m->n++] = (struct strmap_item){take_ptr(k), take_ptr(v)};
	return 0;
}

int strmap_copy(struct strmap *to, const struct strmap *from)
{
	for (size_t i = 0; i < from->n; i++)
		if (strmap_set(to, from->items[i].key, from->items[i].value) < 0)
			return -1;
	return 0;
}

void strmap_remove(struct strmap *m, const char *key)
{
	struct strmap_item *i = strmap_find(m, key);
	if (!i)
		return;
	free(i->key);
	free(i->value);
	size_t at = (size_t)(i - m->items);
	memmove(i, i + 1, (m->n - at - 1) * sizeof(*i));
	m->n--;
}

/* --- buffers --- */

void buf_free(struct buf *b)
{
	free(b->data);
	*b = (struct buf){0};
}

static bool buf_reserve(struct buf *b, size_t more)
{
	if (b->failed)
		return false;
	if (b->len + more + 1 <= b->cap)
		return true;
	size_t cap = b->cap ? b->cap : 64;
	while (cap < b->len + more + 1)
		cap *= 2;
	char *bigger = realloc(b->data, cap);
	if (!bigger) {
		b->failed = true;
		return false;
	}
	b->data = bigger;
	b->cap = cap;
	return true;
}

void buf_add(struct buf *b, const void *data, size_t len)
{
	if (!buf_reserve(b, len))
		return;
	if (len)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void buf_puts(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_putc(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0 || !buf_reserve(b, (size_t)n)) {
		b->failed = true;
		return;
	}
	vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
	b->len += (size_t)n;
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	buf_vprintf(b, fmt, ap);
	va_end(ap);
}

void buf_consume(struct buf *b, size_t n)
{
	if (n >= b->len) {
		b->len = 0;
		if (b->data)
			b->data[0] = '\0';
		return;
	}
	memmove(b->data, b->data + n, b->len - n + 1);
	b->len -= n;
}

char *buf_take(struct buf *b)
{
	buf_add(b, "", 0);
	if (b->failed) {
		buf_free(b);
		return NULL;
	}
	char *s = b->data;
	*b = (struct buf){0};
	return s;
}
