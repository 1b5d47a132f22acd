/* SPDX-License-Identifier: GPL-2.0-or-later */
/* linux.seccomp to a BPF program: compiled by libseccomp, kept in a cache. Parent's step. */
#ifndef RUNTIME_SECCOMP_FILTER_H
#define RUNTIME_SECCOMP_FILTER_H

#include "rt.h"

/*
 * The program for a profile (NULL gives an empty one). With `cache_dir` it is
 * taken from, or put into, a file named by a hash of the profile; libseccomp is
 * not touched on a hit. Free with seccomp_filter_free().
 */
int seccomp_filter_get(const struct oci_linux_seccomp *profile, const char *cache_dir,
		       struct seccomp_filter *ret, struct crl_err *err);
void seccomp_filter_free(struct seccomp_filter *f);

struct crl_seccomp { /* a filter that outlives its container's crl_rt */
	struct seccomp_filter filter;
};

/* The compiler without the cache (seccomp_compile.c). */
int seccomp_compile(const struct oci_linux_seccomp *profile, struct seccomp_filter *ret,
		    struct crl_err *err);

#endif
