// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Removal by docker's rules: a name goes when another name or nobody needs
 * the image; an id goes when at most one name and no running container holds
 * it; parents without names go along. The texts are docker's, clients read
 * them.
 */
#include "containers.h"
#include "images_internal.h"

#include <base/ident.h>

enum conflict {
	CONFLICT_CHILD = 1 << 0,   /* hard: cannot be forced */
	CONFLICT_RUNNING = 1 << 1, /* hard */
	CONFLICT_NAMES = 1 << 2,   /* soft */
	CONFLICT_STOPPED = 1 << 3, /* soft */
};
#define CONFLICT_HARD (CONFLICT_CHILD | CONFLICT_RUNNING)
#define CONFLICT_SOFT (CONFLICT_NAMES | CONFLICT_STOPPED)

/* --- who uses it --- */

struct user {
	const char *image_id;
	bool running, found;
	char id[13];
};

static int check_container(const char *id, const char *name, const char *image_id, bool running,
			   void *data)
{
	struct user *u = data;

	if (!str_eq(image_id, u->image_id) || running != u->running)
		return 0;
	u->found = true;
	(void)snprintf(u->id, sizeof(u->id), "%.12s", id);
	return 1;
}

static bool used_by(struct daemon *d, const struct image *img, bool running, struct user *ret)
{
	*ret = (struct user){.image_id = img->id, .running = running};
	(void)containers_each(d, check_container, ret);
	return ret->found;
}

static bool has_child(const struct images *i, const struct image *img)
{
	for (size_t n = 0; n < i->n; n++) {
		if (!i->items[n]->hidden && str_eq(i->items[n]->parent, img->id))
			return true;
	}
	return false;
}

static const char *short_id(const struct image *img)
{
	return img->id + strlen("sha256:");
}

static int conflict(struct crl_err *err, const struct image *img, bool hard, const char *why,
		    const char *who)
{
	return crl_fail(err, CRL_CONFLICT, "conflict: unable to delete %.12s (%s) - %s%s",
			short_id(img), hard ? "cannot be forced" : "must be forced", why, who);
}

static int check_conflicts(struct daemon *d, const struct image *img, unsigned mask,
			   struct crl_err *err)
{
	struct user user;

	if (mask & CONFLICT_CHILD && has_child(d->images, img))
		return conflict(err, img, true, "image has dependent child images", "");
	if (mask & CONFLICT_RUNNING && used_by(d, img, true, &user))
		return conflict(err, img, true, "image is being used by running container ",
				user.id);
	if (mask & CONFLICT_NAMES && strv_len(img->names) > 0)
		return conflict(err, img, false, "image is referenced in multiple repositories",
				"");
	if (mask & CONFLICT_STOPPED && used_by(d, img, false, &user))
		return conflict(err, img, false, "image is being used by stopped container ",
				user.id);
	return 0;
}

/* --- what was done --- */

static void add_item(cJSON *list, const char *key, const char *value)
{
	cJSON *item = cJSON_CreateObject();

	json_add_str(item, key, value);
	cJSON_AddItemToArray(list, item);
}

static void untag(struct daemon *d, struct image *img, const char *full_name, cJSON *list)
{
	_cleanup_free_ char *name = strdup(full_name); /* may be the vector's own */
	_cleanup_free_ char *shown = NULL;
	struct crl_ref ref = {0};

	if (name && crl_ref_parse(name, &ref, NULL) == 0) {
		shown = crl_ref_familiar(&ref);
		crl_ref_free(&ref);
	}
	add_item(list, "Untagged", shown ? shown : full_name);
	if (name)
		image_drop_name(img, name);
	images_publish(d, "untag", img, img->id);
}

static bool layer_is_shared(const struct images *i, const struct image *img, const char *diff_id)
{
	for (size_t n = 0; n < i->n; n++) {
		if (i->items[n] != img && i->items[n]->spec.rootfs.diff_ids &&
		    strv_contains(i->items[n]->spec.rootfs.diff_ids, diff_id))
			return true;
	}
	return false;
}

/* Layers are shown top first, as far as no other image has them. */
static void list_layers(const struct images *i, const struct image *img, cJSON *list)
{
	char *const *diff_ids = img->spec.rootfs.diff_ids;

	for (size_t n = strv_len(diff_ids); n > 0; n--) {
		if (layer_is_shared(i, img, diff_ids[n - 1]))
			break;
		add_item(list, "Deleted", diff_ids[n - 1]);
	}
}

/* A stopped container goes on needing the layers of an image removed by force. */
static void drop_image(struct daemon *d, struct image *img, cJSON *list)
{
	struct user user;

	images_publish(d, "delete", img, img->id);
	add_item(list, "Deleted", img->id);
	if (used_by(d, img, false, &user)) {
		img->hidden = true;
		return;
	}
	list_layers(d->images, img, list);
	images_forget(d->images, img);
}

/* `quiet`: a parent that cannot go stays without a word. */
static int remove_image(struct daemon *d, struct image *img, bool force, bool prune, bool quiet,
			cJSON *list, struct crl_err *err)
{
	unsigned mask = force ? CONFLICT_HARD : CONFLICT_HARD | CONFLICT_SOFT;
	_cleanup_free_ char *parent_id = NULL;
	struct crl_err why;
	struct image *parent;

	if (check_conflicts(d, img, mask, quiet ? &why : err) < 0)
		return quiet ? 0 : -1;
	while (img->names && img->names[0])
		untag(d, img, img->names[0], list);
	if (img->parent && !(parent_id = strdup(img->parent)))
		return crl_fail_oom(err);
	drop_image(d, img, list);
	parent = prune && parent_id ? images_by_id(d->images, parent_id) : NULL;
	if (!parent || strv_len(parent->names) > 0)
		return 0;
	return remove_image(d, parent, false, true, true, list, err);
}

/* --- by name or by id --- */

static bool is_id_of(const struct image *img, const char *text)
{
	return str_starts(img->id, text) || str_starts(short_id(img), text);
}

static int remove_by_name(struct daemon *d, struct image *img, const char *text, bool force,
			  bool prune, cJSON *list, struct crl_err *err)
{
	struct crl_ref ref = {0};
	struct user user;
	_cleanup_free_ char *full = NULL;

	if (!force && strv_len(img->names) <= 1 &&
	    (used_by(d, img, true, &user) || used_by(d, img, false, &user)))
		return crl_fail(
			err, CRL_CONFLICT,
			"conflict: unable to remove repository reference \"%s\" (must force) "
			"- container %s is using its referenced image %.12s",
			text, user.id, short_id(img));
	if (crl_ref_parse(text, &ref, err) < 0)
		return -1;
	full = crl_ref_full(&ref);
	crl_ref_free(&ref);
	if (!full)
		return crl_fail_oom(err);
	if (image_has_name(img, full))
		untag(d, img, full, list);
	/* Another name still leads to it: that was all. */
	if (strv_len(img->names) > 0)
		return 0;
	/* Quietly: an image that others were built on stays, without a name. */
	return remove_image(d, img, force, prune, true, list, err);
}

static int remove_by_id(struct daemon *d, struct image *img, bool force, bool prune, cJSON *list,
			struct crl_err *err)
{
	unsigned mask = force ? CONFLICT_HARD : CONFLICT_HARD | CONFLICT_STOPPED;

	if (strv_len(img->names) <= 1) {
		if (check_conflicts(d, img, mask, err) < 0)
			return -1;
		while (img->names && img->names[0])
			untag(d, img, img->names[0], list);
	}
	return remove_image(d, img, force, prune, false, list, err);
}

int images_remove(struct daemon *d, const char *text, bool force, bool prune, cJSON **ret,
		  struct crl_err *err)
{
	_cleanup_cjson_ cJSON *list = cJSON_CreateArray();
	struct image *img;
	int r;

	if (!list)
		return crl_fail_oom(err);
	if (images_find(d, text, &img, err) < 0)
		return -1;
	r = is_id_of(img, text) ? remove_by_id(d, img, force, prune, list, err)
				: remove_by_name(d, img, text, force, prune, list, err);
	/* Also after a failure half-way: what was untagged is untagged. */
	if (cJSON_GetArraySize(list) > 0 && images_index_save(d, r < 0 ? NULL : err) < 0)
		return -1;
	if (r < 0)
		return -1;
	images_collect_later(d);
	*ret = take_ptr(list);
	return 0;
}
