/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lines on their way to journald and syslog, and names and tags of containers
 * in them: an entry of journald reads back as the fields it was made of, with the
 * whole message, and no attribute can pass for a field of journald's own.
 */
#include <base/str.h>
#include <daemon/log_tag.h>
#include <ctype.h>
#include <stdlib.h>

#include "monitor/log_remote.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One field of an entry; what follows it, or NULL. */
static const char *field(const char *p, const char *end, const char **name, size_t *name_len,
			 const char **value, size_t *len)
{
	*name = p;
	while (p < end && *p != '=' && *p != '\n')
		p++;
	if (p == end)
		return NULL;
	*name_len = (size_t)(p - *name);
	if (*p == '=') {
		*value = p + 1;
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		if (!nl)
			return NULL;
		*len = (size_t)(nl - *value);
		return nl + 1;
	}
	uint64_t n = 0;
	if (end - p < 9)
		return NULL;
	for (unsigned i = 0; i < 8; i++)
		n |= (uint64_t)(uint8_t)p[1 + i] << 8 * i;
	*value = p + 9;
	*len = (size_t)n;
	return n < (uint64_t)(end - *value) && (*value)[n] == '\n' ? *value + n + 1 : NULL;
}

static void check_journald(const struct buf *b, const uint8_t *text, size_t text_len)
{
	const char *p = b->data, *end = b->data + b->len, *name, *value;
	bool message = false;
	while (p < end) {
		size_t name_len, len;
		p = field(p, end, &name, &name_len, &value, &len);
		if (!p || !name_len || *name == '_' || isdigit((unsigned char)*name))
			abort();
		for (size_t i = 0; i < name_len; i++)
			if (!isupper((unsigned char)name[i]) && !isdigit((unsigned char)name[i]) &&
			    name[i] != '_')
				abort();
		if (p == end)
			message = name_len == 7 && memcmp(name, "MESSAGE", 7) == 0 &&
				  len == text_len && (!len || memcmp(value, text, len) == 0);
	}
	if (!message)
		abort();
}

static void render(const struct mon_log *log, const uint8_t *text, size_t len, bool journald)
{
	struct log_remote r = {0};
	struct crl_err err = CRL_ERR_INIT;
	struct buf out = BUF_INIT;
	const struct log_record rec = {.text = text,
				       .len = len,
				       .stream = 1 + (int)(len & 1),
				       .newline = len & 2,
				       .line = len,
				       .piece = (uint32_t)(len & 3),
				       .time = 1795404763983666336,
				       .time_text = "2026-11-23T03:32:43.983666336Z"};
	int n = journald ? log_journald_init(&r, log, &err) : log_syslog_init(&r, log, &err);
	if (n == 0) {
		r.render(&r, &rec, &out);
		if (journald && !out.failed)
			check_journald(&out, text, len);
		if (!journald &&
		    (out.len <= len || out.data[0] != '<' || out.data[out.len - 1] != '\n'))
			abort();
	}
	buf_free(&out);
	buf_free(&r.fixed);
	free(r.tag);
	free(r.hostname);
	free(r.format);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const formats[] = {"", "rfc3164", "rfc5424", "rfc5424micro"};
	size_t head = size < 40 ? size : 40;
	char *words[3] = {0};
	/* The first bytes: a name, a tag's template, an attribute's key. */
	for (size_t i = 0; i < 3; i++) {
		size_t at = i * head / 3, n = (i + 1) * head / 3 - at;
		words[i] = strndup(size ? (const char *)data + at : "", n);
	}
	const struct log_info info = {.id = "0123456789abcdef", .name = words[0]};
	struct crl_err err = CRL_ERR_INIT;
	char *tag = NULL;
	if (log_tag_expand(words[1], &info, &tag, &err) < 0)
		tag = strdup(words[1]);
	struct mon_log log = {.id = (char *)"0123456789abcdef",
			      .name = words[0],
			      .tag = tag,
			      .facility = (int32_t)(size % 24),
			      .format = (char *)formats[size % 4],
			      .attrs = cJSON_CreateObject()};
	json_add_str(log.attrs, words[2], words[0]);
	render(&log, data + head, size - head, true);
	render(&log, data + head, size - head, false);
	cJSON_Delete(log.attrs);
	free(tag);
	for (size_t i = 0; i < 3; i++)
		free(words[i]);
	return 0;
}
