/* SPDX-License-Identifier: GPL-2.0-or-later */
/* linux.namespaces: which are made, which are joined. See namespaces(7), clone(2), setns(2). */
#ifndef RUNTIME_NAMESPACES_H
#define RUNTIME_NAMESPACES_H

#include "rt.h"

void namespaces_init(struct namespaces *ns);
void namespaces_close(struct namespaces *ns);
/*
 * Reads the list, opens the paths, and checks that each is a namespace of its
 * kind. Duplicates and unknown kinds are refused. `netns_fd` replaces what the
 * list says about the network (borrowed), -1 = as the list says.
 */
int namespaces_open(struct namespaces *ns, const struct oci_linux *linux_, int netns_fd,
		    struct crl_err *err);
/* Flags for clone3(2). Cgroup and user namespace are not among them, see namespaces_new_cgroup()
 * and outer.h. */
uint64_t namespaces_clone_flags(const struct namespaces *ns);
/* In the child: joins what is to be joined. */
int namespaces_join(const struct namespaces *ns, struct crl_err *err);
/* In the child: makes the cgroup namespace. */
int namespaces_new_cgroup(const struct namespaces *ns, struct crl_err *err);
/* In the child: "lo" of a network namespace that was just made comes up, as every program expects.
 */
int namespaces_loopback(struct crl_err *err);
/* Whether the container has its own (made or joined), not the host's. */
bool namespaces_own(const struct namespaces *ns, enum ns_kind kind);
/* "network" -> NS_NET; NS_COUNT for an unknown word. */
enum ns_kind namespaces_kind(const char *type);
const char *namespaces_type(enum ns_kind kind);
const char *namespaces_proc_name(enum ns_kind kind); /* "net" of /proc/PID/ns/net */

#endif
