/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Short programs whose answer is wanted later: their output goes to a memfd, the loop never waits.
 */
#ifndef DAEMON_BACKGROUND_H
#define DAEMON_BACKGROUND_H

#include <crun-lite/err.h>
#include <stddef.h>

struct daemon;
struct background;

/* `text` is what it wrote (NUL-terminated), NULL when it failed. Called once, unless freed before.
 */
typedef void (*background_done)(const char *text, size_t len, void *data);
int background_run(struct daemon *d, char *const *argv, background_done done, void *data,
		   struct background **ret, struct crl_err *err);
/* Ends the program and frees; NULL allowed. Also after `done`. */
void background_free(struct background *b);

#endif
