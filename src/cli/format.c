/* SPDX-License-Identifier: GPL-2.0-or-later */
/* docker's ways to write things; pure. */
#include <cli/format.h>

#include <base/ident.h>

/* Bytes of the first `n` characters of UTF-8 text. */
static size_t prefix_bytes(const char *s, size_t n)
{
	size_t i = 0;
	for (; s[i]; i++) {
		if (((unsigned char)s[i] & 0xC0) == 0x80)
			continue;
		if (n-- == 0)
			break;
	}
	return i;
}

static size_t characters(const char *s)
{
	size_t n = 0;
	for (; *s; s++)
		n += ((unsigned char)*s & 0xC0) != 0x80;
	return n;
}

void format_ellipsis(struct buf *out, const char *s, size_t width)
{
	if (!s)
		return;
	if (!width || characters(s) <= width) {
		buf_puts(out, s);
		return;
	}
	buf_add(out, s, prefix_bytes(s, width - 1));
	buf_puts(out, "…");
}

/* C0, DEL, and C1 as UTF-8 has them (C2 80 to C2 9F). */
static size_t control_length(const unsigned char *p)
{
	if ((p[0] < ' ' && p[0] != '\n' && p[0] != '\t') || p[0] == 127)
		return 1;
	return p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f ? 2 : 0;
}

void format_safe(struct buf *out, const char *s)
{
	for (const unsigned char *p = (const unsigned char *)s; p && *p;) {
		size_t n = control_length(p);
		if (n == 0)
			buf_putc(out, (char)*p++);
		for (; n > 0; n--)
			buf_printf(out, "\\x%02x", *p++);
	}
}

void format_quoted(struct buf *out, const char *s, size_t width)
{
	_cleanup_buf_ struct buf cut = BUF_INIT;
	buf_puts(&cut, "");
	format_ellipsis(&cut, s, width);
	buf_putc(out, '"');
	for (const char *p = cut.data; p && *p; p++) {
		if (*p == '\n')
			buf_puts(out, "\\n");
		else if (*p == '\t')
			buf_puts(out, "\\t");
		else if (*p == '"' || *p == '\\')
			buf_printf(out, "\\%c", *p);
		else if ((unsigned char)*p < ' ' || *p == 127)
			buf_printf(out, "\\x%02x", (unsigned char)*p);
		else
			buf_putc(out, *p);
	}
	buf_putc(out, '"');
}

void format_short_id(struct buf *out, const char *id, bool no_trunc)
{
	buf_puts(out, "");
	if (!id)
		return;
	if (no_trunc) {
		buf_puts(out, id);
		return;
	}
	const char *hex = str_starts(id, "sha256:") ? id + 7 : id;
	buf_add(out, hex, strnlen(hex, 12));
}

void format_image(struct buf *out, const char *image, bool no_trunc)
{
	if (str_empty(image))
		buf_puts(out, "<no image>");
	else if (!no_trunc && (str_starts(image, "sha256:") || ident_is_hex(image, 64, 64)))
		format_short_id(out, image, false);
	else
		buf_puts(out, image);
}

static int by_key(const void *a, const void *b)
{
	return strcmp((*(const cJSON *const *)a)->string, (*(const cJSON *const *)b)->string);
}

static void sorted(struct buf *out, const cJSON *object, bool values)
{
	size_t n = (size_t)cJSON_GetArraySize(object), i = 0;
	_cleanup_free_ const cJSON **items = calloc(n + 1, sizeof *items);
	const cJSON *item;
	buf_puts(out, "");
	if (!items || !cJSON_IsObject(object))
		return;
	cJSON_ArrayForEach (item, object)
		items[i++] = item;
	qsort(items, n, sizeof *items, by_key);
	for (i = 0; i < n; i++) {
		buf_printf(out, "%s%s", i ? "," : "", items[i]->string);
		if (values)
			buf_printf(out, "=%s",
				   cJSON_IsString(items[i]) ? items[i]->valuestring : "");
	}
}

void format_pairs(struct buf *out, const cJSON *object)
{
	sorted(out, object, true);
}

void format_keys(struct buf *out, const cJSON *object)
{
	sorted(out, object, false);
}

/* ---- ports ---- */

struct port {
	const char *ip, *type;
	int64_t inner, outer; /* outer 0 = not published */
};

static int by_port(const void *pa, const void *pb)
{
	const struct port *a = pa, *b = pb;
	int types = strcmp(a->type, b->type);
	if (a->inner != b->inner)
		return a->inner < b->inner ? -1 : 1;
	if (types)
		return types;
	int ips = strcmp(a->ip, b->ip);
	return ips ? ips : (a->outer > b->outer) - (a->outer < b->outer);
}

static void one_range(struct buf *out, const struct port *first, const struct port *last)
{
	buf_puts(out, out->len ? ", " : "");
	if (first->outer) {
		buf_printf(out, strchr(first->ip, ':') ? "[%s]:%lld" : "%s:%lld", first->ip,
			   (long long)first->outer);
		if (last != first)
			buf_printf(out, "-%lld", (long long)last->outer);
		buf_puts(out, "->");
	}
	buf_printf(out, "%lld", (long long)first->inner);
	if (last != first)
		buf_printf(out, "-%lld", (long long)last->inner);
	buf_printf(out, "/%s", first->type);
}

static bool follows(const struct port *a, const struct port *b)
{
	return b->inner == a->inner + 1 && (a->outer ? b->outer == a->outer + 1 : !b->outer) &&
	       str_eq(a->ip, b->ip) && str_eq(a->type, b->type);
}

static size_t read_ports(const cJSON *list, struct port *ports)
{
	const cJSON *item;
	size_t n = 0;
	cJSON_ArrayForEach (item, list) {
		struct port *p = &ports[n++];
		const char *ip = json_get_str(item, "IP"), *type = json_get_str(item, "Type");
		*p = (struct port){.ip = ip ? ip : "", .type = type ? type : "tcp"};
		(void)json_get_i64(item, "PrivatePort", &p->inner);
		(void)json_get_i64(item, "PublicPort", &p->outer);
	}
	return n;
}

/* Takes the run that starts at `first` out of the list, wherever its members are. */
static void take_run(struct buf *out, struct port *ports, size_t n, size_t first, bool *taken)
{
	size_t last = first;
	taken[first] = true;
	for (size_t i = first + 1; i < n; i++) {
		if (!taken[i] && follows(&ports[last], &ports[i])) {
			taken[i] = true;
			last = i;
		}
	}
	one_range(out, &ports[first], &ports[last]);
}

void format_ports(struct buf *out, const cJSON *list)
{
	size_t n = (size_t)cJSON_GetArraySize(list);
	_cleanup_free_ struct port *ports = calloc(n + 1, sizeof *ports);
	_cleanup_free_ bool *taken = calloc(n + 1, sizeof *taken);
	buf_puts(out, "");
	if (!ports || !taken)
		return;
	n = read_ports(list, ports);
	qsort(ports, n, sizeof *ports, by_port);
	for (size_t i = 0; i < n; i++)
		if (!taken[i])
			take_run(out, ports, n, i, taken);
}

char *format_size4(double bytes, char buf[32])
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
	size_t i = 0;
	for (; bytes >= 1000 && i + 1 < ARRAY_SIZE(units); i++)
		bytes /= 1000;
	snprintf(buf, 32, "%.4g%s", bytes, units[i]);
	return buf;
}

/* ---- times ---- */

char *format_ago(int64_t seconds, char *buf, size_t size)
{
	char text[TIME_BUF];
	if (seconds <= 0)
		snprintf(buf, size, "N/A");
	else
		snprintf(buf, size, "%s ago",
			 time_human_duration(time_now_ns() - seconds * 1000000000, text));
	return buf;
}

char *format_local_time(int64_t seconds, char *buf, size_t size)
{
	time_t t = (time_t)seconds;
	struct tm tm;
	if (!localtime_r(&t, &tm) || !strftime(buf, size, "%Y-%m-%d %H:%M:%S %z %Z", &tm))
		snprintf(buf, size, "N/A");
	return buf;
}
