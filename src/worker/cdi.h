/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Container Device Interface: files that describe devices by names such as
 * vendor.com/class=name, and what a container needs for each (environment,
 * nodes, mounts, hooks, groups). Used by crun-lite-cdi, a process of its own, so
 * that only it links a YAML library.
 * See the CDI specification, SPEC.md.
 */
#ifndef WORKER_CDI_H
#define WORKER_CDI_H

#include <base/json.h>

#define CDI_FILE_MAX (1024 * 1024)

/*
 * YAML as the tree that the same JSON would give. Anchors and aliases are
 * refused (they multiply), as are numbers that JSON cannot hold exactly.
 */
int cdi_yaml_parse(const char *text, size_t len, cJSON **ret, struct crl_err *err);

/* One file's text, checked: kind, names, and every edit. The caller deletes *ret. */
int cdi_spec_parse(const char *text, size_t len, bool yaml, cJSON **ret, struct crl_err *err);

struct cdi_registry {
	cJSON *specs;    /* array; each with "priority", later folders win */
	char **warnings; /* files that were left out, and why */
};
/* Reads *.json, *.yaml and *.yml of the folders; missing folders are fine. */
int cdi_registry_load(char *const *dirs, struct cdi_registry *ret, struct crl_err *err);
/* One file of a folder of this priority; for tests. */
int cdi_registry_add(struct cdi_registry *r, cJSON *spec, int priority, struct crl_err *err);
void cdi_registry_free(struct cdi_registry *r);

/* All names, sorted by file. NULL = no memory or none. */
char **cdi_list(const struct cdi_registry *r);
/* "nvidia.com/gpu" or whatever known vendor describes GPUs here; NULL = none. The caller frees. */
char *cdi_gpu_kind(const struct cdi_registry *r);
/*
 * What these devices need, as one containerEdits object; nodes have type and
 * numbers of the host's. CRL_NOT_FOUND "unresolvable CDI devices a, b".
 */
int cdi_inject(const struct cdi_registry *r, char *const *devices, cJSON **ret,
	       struct crl_err *err);

#endif
