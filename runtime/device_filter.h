/* SPDX-License-Identifier: GPL-2.0-or-later */
/* linux.resources.devices as a BPF program on the cgroup. Parent's step. */
#ifndef RUNTIME_DEVICE_FILTER_H
#define RUNTIME_DEVICE_FILTER_H

#include "rt.h"
#include <linux/bpf.h>

/*
 * Builds the program for the rules (later ones win), on top of "deny all" and
 * with the devices every container has. *ret_insns is owned by the caller;
 * NULL = everything is allowed and no program is needed.
 */
int device_filter_build(const struct oci_device_cgroup *rules, size_t n,
			struct bpf_insn **ret_insns, size_t *ret_n, struct crl_err *err);
int device_filter_attach(const struct oci_linux_resources *r, int cgroup_fd, struct crl_err *err);

#endif
