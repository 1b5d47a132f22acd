/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control socket to the daemon (descriptor 3): one JSON object per
 * message, as src/daemon/jobs.h has it. Blocks until the daemon takes it.
 */
#ifndef WORKER_CONTROL_H
#define WORKER_CONTROL_H

#include <base/json.h>
#include <crun-lite/err.h>

#define CONTROL_FD 3
#define CONTROL_ARGS_FD 4
#define CONTROL_MESSAGE_MAX 65536

/* Takes the tree. Longer texts than a message can hold are an error. */
int control_send(cJSON *message, struct crl_err *err);
/* {"stream":text} */
int control_stream(struct crl_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* {"status":status,"id":id,"progressDetail":{"current":,"total":}}; id may be NULL, total 0 = no
 * detail. */
int control_status(const char *status, const char *id, int64_t current, int64_t total,
		   struct crl_err *err);
/* {"result":...}; takes the tree. Once, at the end. */
int control_result(cJSON *result, struct crl_err *err);
/* {"error":{"code":,"message":}}; never fails, since nobody is left to tell. */
void control_error(const struct crl_err *what);
/* The next message from the daemon (an answer to a call) and up to one descriptor (-1 = none). */
int control_receive(cJSON **ret, int *ret_fd, struct crl_err *err);

#endif
