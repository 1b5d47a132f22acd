/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Images as the API shows them. `version` is the request's API version (151). */
#ifndef DAEMON_IMAGES_JSON_H
#define DAEMON_IMAGES_JSON_H

#include "filters.h"
#include "images.h"

/* Options of GET /images/json. */
struct images_list_options {
	const struct filters *filters;
	bool all, shared_size, count_containers;
	int version;
};
/* Names of the filters that images_list_json() understands. */
extern const char *const images_filters[];
/* The list, newest first. NULL and err set on a bad filter. */
cJSON *images_list_json(struct daemon *d, const struct images_list_options *o, struct crl_err *err);
cJSON *image_inspect_json(struct daemon *d, const struct image *img, int version);
cJSON *image_history_json(struct daemon *d, const struct image *img);
/* "docker.io/library/x:1" -> "x:1", or "x" without the tag; NULL when out of memory. Caller frees.
 */
char *image_familiar_name(const char *full_name, bool with_tag);
/* "repo" or "repo:tag", and a tag (may be NULL or "") -> the full form. Caller frees. */
int image_full_name(const char *repo, const char *tag, char **ret, struct crl_err *err);
/* Adds RepoTags and RepoDigests. */
void image_add_names(cJSON *to, const struct image *img, int version);
/* Bytes of all layers, each counted once. */
int64_t images_layers_size(struct daemon *d);
/* No name, and no other image was built on it. */
bool image_is_dangling(const struct daemon *d, const struct image *img);
/* Containers made from it, running or not. */
int64_t image_container_count(struct daemon *d, const struct image *img);

#endif
