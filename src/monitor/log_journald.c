/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the form of an entry in the native protocol of systemd-journald: lines
 * KEY=VALUE, or KEY, the length in eight little-endian bytes, and the value,
 * where it may hold a newline. Names of the fields: those of Docker's driver.
 * See "Native Journal Protocol" of systemd, systemd.journal-fields(7).
 */
#include "log_remote.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#define PRIORITY_INFO 6
#define PRIORITY_ERR 3
#define NAME_MAX_LEN 64

static void add_field(struct buf *out, const char *key, const void *value, size_t len)
{
	uint8_t size[8];
	buf_puts(out, key);
	if (!memchr(value, '\n', len)) {
		buf_putc(out, '=');
	} else {
		for (unsigned i = 0; i < 8; i++)
			size[i] = (uint8_t)((uint64_t)len >> 8 * i);
		buf_putc(out, '\n');
		buf_add(out, size, sizeof(size));
	}
	buf_add(out, value, len);
	buf_putc(out, '\n');
}

static void add_text(struct buf *out, const char *key, const char *value)
{
	if (value)
		add_field(out, key, value, strlen(value));
}

void log_journald_name(const char *key, struct buf *out)
{
	size_t n = 0;
	for (; *key && n < NAME_MAX_LEN; key++) {
		unsigned char c = (unsigned char)*key;
		bool plain = c < 128 && isalnum(c);
		/* A leading '_' is journald's own, and a digit no beginning. */
		if (n == 0 && (!plain || isdigit(c)))
			continue;
		buf_putc(out, plain ? (char)toupper(c) : '_');
		n++;
	}
}

static void render(struct log_remote *r, const struct log_record *rec, struct buf *out)
{
	char number[48];
	buf_add(out, r->fixed.data, r->fixed.len);
	buf_printf(out, "PRIORITY=%d\n", rec->stream == 2 ? PRIORITY_ERR : PRIORITY_INFO);
	add_text(out, "SYSLOG_TIMESTAMP", rec->time_text);
	if (rec->piece) {
		snprintf(number, sizeof(number), "%" PRIu64, rec->line);
		add_text(out, "CONTAINER_PARTIAL_ID", number);
		snprintf(number, sizeof(number), "%" PRIu32, rec->piece);
		add_text(out, "CONTAINER_PARTIAL_ORDINAL", number);
		add_text(out, "CONTAINER_PARTIAL_LAST", rec->newline ? "true" : "false");
		if (!rec->newline)
			add_text(out, "CONTAINER_PARTIAL_MESSAGE", "true");
	}
	add_field(out, "MESSAGE", rec->text, rec->len);
}

static void add_attrs(struct buf *out, const cJSON *attrs)
{
	const cJSON *a;
	cJSON_ArrayForEach (a, attrs) {
		_cleanup_buf_ struct buf name = BUF_INIT;
		log_journald_name(a->string, &name);
		if (name.len && cJSON_IsString(a))
			add_text(out, name.data, a->valuestring);
	}
}

int log_journald_init(struct log_remote *r, const struct mon_log *log, struct crl_err *err)
{
	char text[13];
	snprintf(text, sizeof(text), "%.12s", log->id ? log->id : "");
	add_text(&r->fixed, "CONTAINER_ID", text);
	add_text(&r->fixed, "CONTAINER_ID_FULL", log->id);
	add_text(&r->fixed, "CONTAINER_NAME", log->name);
	add_text(&r->fixed, "CONTAINER_TAG", log->tag);
	add_text(&r->fixed, "IMAGE_NAME", log->image);
	add_text(&r->fixed, "SYSLOG_IDENTIFIER", log->tag);
	add_attrs(&r->fixed, log->attrs);
	r->render = render;
	return r->fixed.failed ? crl_fail_oom(err) : 0;
}
