/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon's view of images: names in index.json (the daemon is its only
 * writer), configs decoded from the store, kept in memory.
 */
#ifndef DAEMON_IMAGES_H
#define DAEMON_IMAGES_H

#include <crun-lite/image.h>

struct daemon;
struct images;
struct http_req;

struct image {
	char *id; /* "sha256:..." of the config blob */
	char *manifest_digest;
	struct crl_manifest manifest;
	struct crl_image spec; /* config blob, decoded */
	char **names;          /* full references docker.io/library/x:tag */
	char *parent;          /* id of the image it was built on, or NULL */
	int64_t size;          /* bytes of the unpacked layers */
	int64_t created_ns, last_tag_ns;
	int64_t manifest_size;
	/*
	 * Removed by force while a container still uses it: neither listed nor found by name, but
	 * its id and its layers stay until that container is gone.
	 */
	bool hidden;
	char *damage; /* why it cannot be used (a blob or layer is missing or damaged), or NULL */
};

int images_init(struct daemon *d, struct crl_err *err);
void images_free(struct images *i);
/*
 * By name, id or unique id prefix. CRL_NOT_FOUND "No such image: x:tag" (the
 * text that makes clients pull). The pointer is valid until the loop turns.
 */
int images_find(struct daemon *d, const char *text, struct image **ret, struct crl_err *err);
/* Paths of the unpacked layers, top first, for the overlay; caller frees the vector. */
int images_lowers(struct daemon *d, const struct image *img, char ***ret, struct crl_err *err);
/* Commits what a worker made: loads it from the store, adds `names` (full form; may be NULL),
 * writes index.json durably. */
int images_add(struct daemon *d, const char *manifest_digest, char *const *names,
	       const char *parent_id, struct image **ret, struct crl_err *err);
/* Number of containers that use an image is asked from containers.h; removal obeys docker's rules.
 */
size_t images_count(struct daemon *d);
/*
 * Removes blobs and layers that nothing refers to, soon, when no job runs. Cheap to call; also
 * for containers.c after the removal of a container.
 */
void images_collect_later(struct daemon *d);
/* Event of type image; the attributes are name and the image's labels. */
void images_publish(struct daemon *d, const char *action, const struct image *img,
		    const char *name);
/* Adds a name (full form) to an image, taking it from the one that had it. Durable. */
int images_tag(struct daemon *d, struct image *img, const char *full_name, struct crl_err *err);
/*
 * DELETE /images/TEXT by docker's rules. *ret is the list [{"Untagged":..},{"Deleted":..}], the
 * caller's. CRL_CONFLICT with docker's words.
 */
int images_remove(struct daemon *d, const char *text, bool force, bool prune, cJSON **ret,
		  struct crl_err *err);

#endif
