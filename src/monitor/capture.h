/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The output of a health check: its first bytes, kept until they are told. */
#ifndef MONITOR_CAPTURE_H
#define MONITOR_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CAPTURE_MAX 16384U

struct capture {
	uint8_t *data;
	size_t len, max; /* max 0: nothing is kept */
	bool truncated;  /* there was more */
};

/* What does not fit is counted as lost. */
void capture_add(struct capture *c, const void *data, size_t len);
/* As base64; NULL without any. The caller frees. */
char *capture_text(const struct capture *c);
void capture_free(struct capture *c);

#endif
