/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The key sequence that detaches from a terminal ("ctrl-p,ctrl-q"), and its recognition in a stream
 * of input. */
#ifndef BASE_KEYS_H
#define BASE_KEYS_H

#include <crun-lite/err.h>
#include <stdint.h>

#define KEYS_MAX 16

struct keys {
	uint8_t seq[KEYS_MAX];
	size_t n;       /* 0 = none: nothing is ever held back */
	size_t matched; /* leading keys seen so far, held back from the process */
};

/* Parses docker's notation: comma-separated characters and "ctrl-X" (a-z @ [ \ ] ^ _). NULL or "" =
 * none. */
int keys_parse(const char *text, struct keys *ret, struct crl_err *err);

/*
 * Feeds input. What belongs to the process goes to `out` (room for len +
 * KEYS_MAX bytes), *ret_len says how much. True when the sequence is complete:
 * the input after it is discarded.
 */
bool keys_feed(struct keys *k, const uint8_t *in, size_t len, uint8_t *out, size_t *ret_len);

#endif
