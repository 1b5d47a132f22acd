/* SPDX-License-Identifier: GPL-2.0-or-later */
/* system df --verbose: one table for each kind of object. */
#ifndef CLI_DF_H
#define CLI_DF_H

#include <base/json.h>

/* `df` is the answer of GET /system/df. Writes to stdout. */
int df_print_verbose(const cJSON *df, struct crl_err *err);

#endif
