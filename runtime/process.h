/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From inside the container to execve: identity, limits, privileges. The same
 * steps for init and for exec; each takes a struct payload.
 */
#ifndef RUNTIME_PROCESS_H
#define RUNTIME_PROCESS_H

#include "rt.h"

/*
 * The capability sets of the process, as far as the caller holds them; others become warnings.
 * `userns`: in a user namespace of its own, where all can be held.
 */
int process_caps(const struct oci_process *p, bool userns, struct cap_sets *ret, char ***warnings,
		 struct crl_err *err);

/* Refuses, by name, what a process may ask for and nobody here can give. Create and exec alike. */
int process_check_offered(const struct oci_process *p, struct crl_err *err);

int process_isolate(bool no_new_keyring, int preserve_fds, struct crl_err *err);
int process_limits(struct payload *p, struct crl_err *err);
/*
 * The same from outside, for a process in a user namespace: its root may neither raise limits nor
 * lower oom_score_adj.
 */
int process_limits_of(pid_t pid, const struct oci_process *p, struct crl_err *err);
/* The pipes among stdin, stdout, stderr get an owner, or /dev/stdout could not be opened again. */
void process_own_stdio(const int stdio[3], uint32_t uid, uint32_t gid);
int process_stdio(struct payload *p, struct crl_err *err);
int process_cwd(struct payload *p, struct crl_err *err);
int process_make_cwd(struct payload *p, struct crl_err *err);
int process_environment(struct payload *p, struct crl_err *err);
int process_bounding(struct payload *p, struct crl_err *err);
int process_identity(struct payload *p, struct crl_err *err);
int process_labels(struct payload *p, struct crl_err *err);
int process_find(struct payload *p, struct crl_err *err);
int process_privileges(struct payload *p, struct crl_err *err);
int process_exec(struct payload *p, struct crl_err *err);
void payload_init(struct payload *p);

#endif
