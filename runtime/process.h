/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From inside the container to execve: identity, limits, privileges. The same
 * steps for init and for exec; each takes a struct payload.
 */
#ifndef RUNTIME_PROCESS_H
#define RUNTIME_PROCESS_H

#include "rt.h"

/* The capability sets of the process, as far as the caller holds them; others become warnings. */
int process_caps(const struct oci_process *p, struct cap_sets *ret, char ***warnings,
		 struct crl_err *err);

/* Refuses, by name, what a process may ask for and nobody here can give. Create and exec alike. */
int process_check_offered(const struct oci_process *p, struct crl_err *err);

int process_isolate(bool no_new_keyring, int preserve_fds, struct crl_err *err);
int process_limits(struct payload *p, struct crl_err *err);
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
