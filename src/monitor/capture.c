/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the kept output of one exec. It may not grow past its limit: whoever writes may write for
 * ever. */
#include "capture.h"

#include <base/base64.h>
#include <stdlib.h>
#include <string.h>

void capture_add(struct capture *c, const void *data, size_t len)
{
	size_t room = c->max - c->len, n = len < room ? len : room;
	if (n < len)
		c->truncated = true;
	if (!n)
		return;
	uint8_t *grown = realloc(c->data, c->len + n);
	if (!grown) {
		c->truncated = true;
		return;
	}
	memcpy(grown + c->len, data, n);
	c->data = grown;
	c->len += n;
}

char *capture_text(const struct capture *c)
{
	return c->len ? base64_text(c->data, c->len) : NULL;
}

void capture_free(struct capture *c)
{
	free(c->data);
	*c = (struct capture){0};
}
