/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices by the Container Device Interface: what crun-lite-cdi says is added to the spec. */
#ifndef MONITOR_CDI_H
#define MONITOR_CDI_H

#include <crun-lite/monitor_proto.h>

/* Runs the program. Groups go to *group_add (owned by the caller). "CDI device injection failed:
 * ...". */
int cdi_apply(const struct mon_cdi *cdi, struct oci_spec *spec, char ***group_add,
	      struct crl_err *err);
/* The second half: an object of containerEdits; for tests. */
int cdi_apply_edits(const cJSON *edits, struct oci_spec *spec, char ***group_add,
		    struct crl_err *err);

#endif
