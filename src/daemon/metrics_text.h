/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines of the text format 0.0.4. */
#ifndef DAEMON_METRICS_TEXT_H
#define DAEMON_METRICS_TEXT_H

#include <base/str.h>

struct daemon;

/* HELP and TYPE; the samples that follow are of this family. One text is made at a time. */
void metrics_family(struct buf *b, const char *name, const char *type, const char *help);
/* Pairs of label and value, ended by NULL; values are escaped. */
void metrics_sample(struct buf *b, double value, ...) __attribute__((sentinel));

/* metrics_containers.c: cAdvisor's names for what runs. */
void metrics_containers(struct daemon *d, struct buf *b);

#endif
