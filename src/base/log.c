/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One line per event, text or JSON, one write(2) each, so that lines of several processes do not
 * mix. */
#include <base/ident.h>
#include <base/log.h>
#include <base/str.h>

#include <inttypes.h>
#include <strings.h>

static struct {
	enum log_level level;
	bool json;
	int fd;
} state = {.level = LOG_LEVEL_INFO, .fd = 2};

static const char *const level_names[] = {"error", "warning", "info", "debug"};

void log_set_level(enum log_level level)
{
	state.level = level;
}

bool log_level_parse(const char *name, enum log_level *ret)
{
	static const struct {
		const char *name;
		enum log_level level;
	} names[] = {{"fatal", LOG_LEVEL_ERROR},  {"panic", LOG_LEVEL_ERROR},
		     {"error", LOG_LEVEL_ERROR},  {"warn", LOG_LEVEL_WARN},
		     {"warning", LOG_LEVEL_WARN}, {"info", LOG_LEVEL_INFO},
		     {"debug", LOG_LEVEL_DEBUG},  {"trace", LOG_LEVEL_DEBUG}};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcasecmp(names[i].name, name) == 0) {
			*ret = names[i].level;
			return true;
		}
	}
	return false;
}

void log_set_json(bool json)
{
	state.json = json;
}

void log_set_fd(int fd)
{
	state.fd = fd;
}

bool log_enabled(enum log_level level)
{
	return level <= state.level;
}

/* JSON string syntax serves both forms: nothing a container prints can forge a log line. */
static void add_quoted(struct buf *b, const char *s)
{
	buf_putc(b, '"');
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		if (c == '"' || c == '\\')
			buf_printf(b, "\\%c", c);
		else if (c == '\n')
			buf_puts(b, "\\n");
		else if (c < 0x20 || c == 0x7f)
			buf_printf(b, "\\u%04x", c);
		else
			buf_putc(b, (char)c);
	}
	buf_putc(b, '"');
}

static bool needs_quotes(const char *s)
{
	if (!*s)
		return true;
	for (; *s; s++)
		if ((unsigned char)*s <= 0x20 || strchr("\"\\=", *s) || *s == 0x7f)
			return true;
	return false;
}

static void add_pair(struct buf *b, const char *key, const char *value)
{
	if (!value)
		value = "";
	if (state.json) {
		buf_printf(b, ",\"%s\":", key);
		add_quoted(b, value);
	} else {
		buf_printf(b, " %s=", key);
		if (needs_quotes(value))
			add_quoted(b, value);
		else
			buf_puts(b, value);
	}
}

void log_write(enum log_level level, const char *message, ...)
{
	if (!log_enabled(level))
		return;
	char when[TIME_BUF];
	_cleanup_buf_ struct buf b = BUF_INIT;
	time_rfc3339_fixed(time_now_ns(), when);
	if (state.json)
		buf_printf(&b, "{\"time\":\"%s\",\"level\":\"%s\",\"msg\":", when,
			   level_names[level]);
	else
		buf_printf(&b, "time=%s level=%s msg=", when, level_names[level]);
	add_quoted(&b, message);
	va_list ap;
	va_start(ap, message);
	for (const char *key; (key = va_arg(ap, const char *));)
		add_pair(&b, key, va_arg(ap, const char *));
	va_end(ap);
	buf_puts(&b, state.json ? "}\n" : "\n");
	/* A log that cannot be written has nowhere to be reported. */
	if (!b.failed && write(state.fd, b.data, b.len) < 0)
		return;
}

static char *next_slot(size_t *ret_size)
{
	static char slots[8][256];
	static unsigned next;
	*ret_size = sizeof(slots[0]);
	return slots[next++ % ARRAY_SIZE(slots)];
}

const char *log_i64(int64_t v)
{
	size_t size;
	char *slot = next_slot(&size);
	snprintf(slot, size, "%" PRId64, v);
	return slot;
}

const char *log_fmt(const char *fmt, ...)
{
	size_t size;
	char *slot = next_slot(&size);
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(slot, size, fmt, ap);
	va_end(ap);
	return slot;
}
