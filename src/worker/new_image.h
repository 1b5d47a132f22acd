/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What import and commit share: the config of an image that is made outside of a build. */
#ifndef WORKER_NEW_IMAGE_H
#define WORKER_NEW_IMAGE_H

#include "verbs.h"

#include <crun-lite/layer.h>

/* Applies Dockerfile instructions ("CMD [\"sh\"]") that only change the config. */
int new_image_change(struct crl_image *img, const cJSON *changes, struct crl_err *err);
/* Appends a history entry with the present time and sets `created`. */
int new_image_history(struct crl_image *img, const char *created_by, const char *comment,
		      const char *author, bool empty_layer, struct crl_err *err);
/* A descriptor for crl_image_write(); the strings are copies. */
int new_image_descriptor(const struct crl_layer_info *info, struct crl_descriptor *ret,
			 struct crl_err *err);
/* {"id":...,"manifest":...} */
cJSON *new_image_result(const char *config_digest, const char *manifest_digest);

#endif
