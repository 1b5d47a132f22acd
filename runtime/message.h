/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What parent and child tell each other over a SOCK_SEQPACKET pair: one write
 * is one message. Both are the same program image, so a pointer to a step
 * means the same on both sides.
 */
#ifndef RUNTIME_MESSAGE_H
#define RUNTIME_MESSAGE_H

#include <base/step.h>
#include <sys/types.h>

enum message_kind {
	MESSAGE_END,   /* end of stream: execve closed the socket, or the other side died */
	MESSAGE_STEP,  /* child: a step was done (narration) */
	MESSAGE_ERROR, /* child: the last thing it says */
	MESSAGE_READY, /* child: everything is built; carries the pty master when there is one */
	MESSAGE_HOOKS, /* child: mounts are done, createRuntime hooks may run */
	MESSAGE_PID,   /* a process in between: the real one's pid, with the pidfd */
	MESSAGE_GO,    /* parent */
};

struct message {
	enum message_kind kind;
	const struct step *step;
	uint64_t us;
	pid_t pid;
	struct crl_err err;
};

/* A close-on-exec pair; ret[0] for the parent. */
int message_pair(int ret[2], struct crl_err *err);
/* `fd` -1 = no descriptor goes with it. */
int message_send(int sock, const struct message *m, int fd, struct crl_err *err);
/* Blocks. ret_fd may be NULL; it is -1 when none came. */
int message_receive(int sock, struct message *ret, int *ret_fd, struct crl_err *err);

#endif
