/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The distance of two words, as a table of prefixes; allocates nothing. */
#include <base/word.h>

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#define WORD_MAX 32

static bool same(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t word_distance(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b), d[WORD_MAX + 1][WORD_MAX + 1];
	if (la > WORD_MAX || lb > WORD_MAX)
		return WORD_FAR;
	for (size_t i = 0; i <= la; i++)
		d[i][0] = i;
	for (size_t j = 0; j <= lb; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= la; i++) {
		for (size_t j = 1; j <= lb; j++) {
			d[i][j] = least(d[i - 1][j - 1] + !same(a[i - 1], b[j - 1]),
					least(d[i - 1][j], d[i][j - 1]) + 1);
			/* The commonest slip of the hand counts as one. */
			if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
				d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
		}
	}
	return d[la][lb];
}
