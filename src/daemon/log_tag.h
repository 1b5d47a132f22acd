/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a log line says of its container: the tag's template, and chosen labels and variables. */
#ifndef DAEMON_LOG_TAG_H
#define DAEMON_LOG_TAG_H

#include <base/json.h>
#include <crun-lite/api_container.h>

struct log_info {
	const char *id, *name, *image_id, *image_name, *command;
};

/*
 * "{{.Name}}/{{.ID}}" with the fields ID, FullID, Name, ImageID, ImageFullID,
 * ImageName, DaemonName, Command and Hostname. CRL_INVALID for anything else in
 * braces. The caller frees.
 */
int log_tag_expand(const char *text, const struct log_info *info, char **ret, struct crl_err *err);

/* Object of the labels and variables that labels, labels-regex, env and env-regex name; NULL
 * without memory. */
cJSON *log_attrs(const struct strmap *options, const struct api_config *config);

#endif
