/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A line of a json-file log: whatever a container wrote and a disk made of it. */
#include <daemon/log_reader.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf scratch = BUF_INIT;
	struct log_line line;
	/* Unescaping never makes text longer. */
	if (log_line_parse((const char *)data, size, &scratch, &line) && line.len > size)
		__builtin_trap();
	buf_free(&scratch);
	return 0;
}
