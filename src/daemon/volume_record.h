/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One volume of the local driver, and its form on disk. Private to volumes.c. */
#ifndef DAEMON_VOLUME_RECORD_H
#define DAEMON_VOLUME_RECORD_H

#include <base/json.h>
#include <base/str.h>

struct volume {
	char *name;
	char *created;
	struct strmap labels, options; /* options: type, device, o, size of the local driver */
	char *maker;                   /* anonymous ones: id of the container it was made for */
	char **users;                  /* container ids; not stored */
};

void volume_free(struct volume *v);
DEFINE_CLEANUP(struct volume *, volume_free)

/* Makes DIR/NAME with _data and record.json, durably. */
int volume_record_write(int dir, const struct volume *v, struct crl_err *err);
/* CRL_NOT_FOUND: a creation that was interrupted, nobody was told of it. */
int volume_record_read(int dir, const char *name, struct volume **ret, struct crl_err *err);
/* The volume that a damaged record leaves: name and data, without labels and options. */
struct volume *volume_without_record(const char *name, int64_t created_ns);

/*
 * Options of the local driver in Docker's words: `invalid option: "x"`,
 * `missing required option: "device"`.
 */
int volume_check_options(const struct strmap *options, struct crl_err *err);
/* Whether the volume is a mount of its own. */
bool volume_needs_mount(const struct volume *v);

#endif
