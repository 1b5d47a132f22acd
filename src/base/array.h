/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Short lists that are as long as their content: an array and its length in a struct. */
#ifndef BASE_ARRAY_H
#define BASE_ARRAY_H

#include <stddef.h>

/*
 * Appends a zeroed element of `size` bytes. `items_ptr` is the address of the array's pointer,
 * which may move. The new element, or NULL without memory: nothing has changed then.
 */
void *array_grow(void *items_ptr, size_t *n, size_t size);

#endif
