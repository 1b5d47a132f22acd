// SPDX-License-Identifier: GPL-2.0-or-later
#include <base/array.h>

#include <stdlib.h>
#include <string.h>

void *array_grow(void *items_ptr, size_t *n, size_t size)
{
	void **items = items_ptr;
	char *grown = realloc(*items, (*n + 1) * size);

	if (!grown)
		return NULL;
	*items = grown;
	memset(grown + *n * size, 0, size);
	return grown + (*n)++ * size;
}
