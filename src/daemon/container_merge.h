/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an image's config adds to a create request; what an empty HostConfig means. Pure. */
#ifndef DAEMON_CONTAINER_MERGE_H
#define DAEMON_CONTAINER_MERGE_H

#include <crun-lite/api_container.h>
#include <crun-lite/image.h>

/* Fills what `config` left out; environment, labels and ports are united, the request wins. */
int container_merge_image(struct api_config *config, const struct crl_image_config *image,
			  struct crl_err *err);
/* Docker's defaults, so that inspect shows what applies. */
int container_default_host_config(struct api_host_config *hc, struct crl_err *err);

#endif
