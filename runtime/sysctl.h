/* SPDX-License-Identifier: GPL-2.0-or-later */
/* linux.sysctl: only those that belong to a namespace of the container. */
#ifndef RUNTIME_SYSCTL_H
#define RUNTIME_SYSCTL_H

#include "rt.h"

/* Parent: refuses keys that would change the host. */
int sysctl_check(const struct strmap *sysctl, const struct namespaces *ns, struct crl_err *err);
/* "net.ipv4.ip_forward" or "net/ipv4/ip_forward" -> "sys/net/ipv4/ip_forward"; false = not a valid
 * key. */
bool sysctl_path(const char *key, char *ret, size_t size);
bool sysctl_wanted(const void *rt);
int sysctl_write(void *rt, struct crl_err *err); /* child's step */

#endif
