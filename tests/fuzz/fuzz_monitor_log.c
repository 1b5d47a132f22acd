/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A container's output in any bytes and any pieces: every line of the log is one
 * JSON object of three strings, and together they hold what was written (bytes
 * that are not UTF-8 aside).
 */
#include <base/cleanup.h>
#include <base/fd.h>
#include <base/json.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "monitor/logger.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_line(const char *line, size_t len, struct buf *all)
{
	_cleanup_cjson_ cJSON *o = NULL;
	if (json_parse(line, len, JSON_MAX_SIZE, &o, NULL) < 0)
		abort();
	const char *log = json_get_str(o, "log");
	if (!log || !json_get_str(o, "time") || !str_eq(json_get_str(o, "stream"), "stdout"))
		abort();
	if (strlen(log) > 3 * LOGLINE_MAX + 1)
		abort();
	buf_puts(all, log);
}

static void check_log(const char *path, const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_buf_ struct buf all = BUF_INIT;
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len;
	if (fd < 0 || fd_read_all(fd, 64U << 20, &text, &len, NULL) < 0)
		abort();
	for (char *p = text, *end; *p; p = end + 1) {
		end = strchr(p, '\n');
		if (!end)
			abort();
		check_line(p, (size_t)(end - p), &all);
	}
	bool plain = true;
	for (size_t i = 0; i < size; i++)
		plain = plain && data[i] < 0x80 && data[i] != 0;
	if (plain && (all.len != size || (size && memcmp(all.data, data, size) != 0)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* The first two bytes choose the size of the pieces; NUL cannot be told from the end of a C
	 * string. */
	if (size < 2)
		return 0;
	size_t piece = 1 + (size_t)(data[0] | data[1] << 8);
	data += 2;
	size -= 2;
	if (memchr(data, 0, size))
		return 0;
	char path[64];
	snprintf(path, sizeof(path), "/tmp/crl-fuzz-log-%d", (int)getpid());
	unlink(path);
	struct mon_log spec = {.driver = "json-file", .path = path};
	struct logger l;
	if (logger_open(&l, &spec, NULL, NULL) < 0)
		return 0;
	for (size_t i = 0; i < size; i += piece)
		logger_write(&l, 1, data + i, size - i < piece ? size - i : piece);
	logger_close(&l, false);
	check_log(path, data, size);
	unlink(path);
	return 0;
}
