/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A log of the driver "local" as a container and a disk may have made it: the
 * reader ends, and with a tail it gives the end of what it gives without one.
 * The same bytes as a compressed file must not harm it either.
 */
#include <daemon/log_reader.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void collect(const struct log_line *l, void *out)
{
	buf_printf(out, "%d ", (int)l->stream);
	buf_add(out, l->text, l->len);
	buf_putc(out, '\x1F');
}

static size_t read_all(const char *path, int64_t tail, bool attrs, struct buf *out)
{
	const struct log_query q = {.tail = tail, .attrs = attrs};
	struct log_reader *r = NULL;
	struct crl_err err = CRL_ERR_INIT;
	size_t rounds = 0;
	if (log_reader_open(path, true, &q, &r, &err) < 0)
		return 0;
	while (log_reader_next(r, collect, out, &err) == 1)
		if (++rounds > 100000)
			abort();
	log_reader_close(r);
	return out->len;
}

static void write_file(const char *path, const uint8_t *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[64], packed[80];
	struct buf all = BUF_INIT, tail = BUF_INIT;
	snprintf(path, sizeof(path), "/tmp/crl-fuzz-local-%d", (int)getpid());
	snprintf(packed, sizeof(packed), "%s.1.gz", path);
	write_file(path, data, size);
	read_all(path, -1, false, &all);
	read_all(path, 2, true, &tail);
	if (!all.failed && !tail.failed && tail.len &&
	    (tail.len > all.len || memcmp(all.data + all.len - tail.len, tail.data, tail.len) != 0))
		abort();
	tail.len = 0;
	read_all(path, 2, false, &tail);
	write_file(packed, data, size);
	tail.len = 0;
	read_all(path, 5, false, &tail);
	unlink(packed);
	unlink(path);
	buf_free(&all);
	buf_free(&tail);
	return 0;
}
