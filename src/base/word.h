/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How far two words are apart: what "did you mean" is built on. */
#ifndef BASE_WORD_H
#define BASE_WORD_H

#include <stddef.h>

#define WORD_FAR 99

/*
 * Slips that turn one word into the other, without regard to case: a byte
 * added, left out, changed, or two neighbours that changed places.
 * WORD_FAR when a word is longer than 32 bytes.
 */
size_t word_distance(const char *a, const char *b);

#endif
