/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Capability names and numbers; see capabilities(7). */
#ifndef RUNTIME_CAPS_H
#define RUNTIME_CAPS_H

#include <stdint.h>

/* "CAP_CHOWN" -> 0; -1 = a name this build does not know. */
int caps_number(const char *name);
/* 0 -> "CAP_CHOWN"; NULL for a number this build does not know. */
const char *caps_name(unsigned n);

#endif
