// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Garbage: blobs and layers that no image of the list refers to. Looked for
 * when the loop is idle and no worker runs, since a worker brings content
 * first and its name last. Layers leave by a rename into tmp/ and are removed
 * there by a worker, as a big tree takes long.
 */
#include "containers.h"
#include "images_internal.h"
#include "jobs.h"

#include <base/ident.h>
#include <base/log.h>
#include <base/path.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>

#define BUILD_CACHE "buildcache"
#define CACHE_RECORD_MAX (1024U * 1024)
#define COLLECT_DELAY_US (200ULL * 1000)

/* --- what is in use --- */

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int add_used(char ***used, const struct image *img)
{
	int r = strv_push(used, img->manifest_digest) | strv_push(used, img->id);

	if (img->manifest.config.digest)
		r |= strv_push(used, img->manifest.config.digest);
	for (size_t n = 0; n < img->manifest.n_layers; n++)
		r |= strv_push(used, img->manifest.layers[n].digest);
	for (char **id = img->spec.rootfs.diff_ids; id && *id; id++)
		r |= strv_push(used, *id);
	return r;
}

/* Every digest in a text is in use: what a record of the build cache says need not be known here.
 */
static int add_digests(char ***used, const char *text)
{
	while ((text = strstr(text, "sha256:"))) {
		char digest[sizeof("sha256:") + SHA256_HEX];

		(void)snprintf(digest, sizeof(digest), "%.71s", text);
		if (crl_digest_ok(digest) && strv_push(used, digest) < 0)
			return -1;
		text += strlen("sha256:");
	}
	return 0;
}

/* What cached build steps made stays until /build/prune. */
static int add_build_cache(struct daemon *d, char ***used)
{
	int fd = openat(crl_store_root_fd(d->store), BUILD_CACHE,
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_closedir_ DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *e;
	int r = 0;

	while (dir && r == 0 && (e = readdir(dir))) {
		_cleanup_free_ char *text = NULL;
		size_t len;

		if (e->d_name[0] != '.' &&
		    path_read_file(dirfd(dir), e->d_name, CACHE_RECORD_MAX, &text, &len, NULL) == 0)
			r = add_digests(used, text);
	}
	return r;
}

static char **collect_used(struct daemon *d)
{
	const struct images *i = d->images;
	char **used = NULL;
	int r = strv_push(&used, ""); /* so that "nothing is used" is not NULL */

	if (r == 0)
		r = add_build_cache(d, &used);

	for (size_t n = 0; r == 0 && n < i->n; n++)
		r = add_used(&used, i->items[n]);
	if (r < 0) {
		strv_free(used);
		return NULL;
	}
	qsort(used, strv_len(used), sizeof(*used), compare);
	return used;
}

static bool is_used(char *const *used, size_t n, const char *hex)
{
	char digest[sizeof("sha256:") + SHA256_HEX];
	const char *key = digest;

	(void)snprintf(digest, sizeof(digest), "sha256:%.64s", hex);
	return bsearch(&key, used, n, sizeof(*used), compare) != NULL;
}

/* --- throwing away --- */

struct sweep {
	struct daemon *daemon;
	char *const *used;
	size_t n_used;
	cJSON *trash; /* names below tmp/ */
};

static void drop_blob(struct sweep *s, const char *hex)
{
	char digest[sizeof("sha256:") + SHA256_HEX];
	struct crl_err err = CRL_ERR_INIT;

	(void)snprintf(digest, sizeof(digest), "sha256:%.64s", hex);
	if (crl_store_remove_blob(s->daemon->store, digest, &err) < 0)
		log_warn("garbage", "error", err.msg, NULL);
}

static void drop_layer(struct sweep *s, const char *hex)
{
	int root = crl_store_root_fd(s->daemon->store);
	char from[sizeof("layers/") + SHA256_HEX], to[sizeof("tmp/gc-") + SHA256_HEX];

	(void)snprintf(from, sizeof(from), "layers/%.64s", hex);
	(void)snprintf(to, sizeof(to), "tmp/gc-%.64s", hex);
	if (renameat(root, from, root, to) < 0) {
		log_warn("garbage", "layer", hex, "error", strerror(errno), NULL);
		return;
	}
	cJSON_AddItemToArray(s->trash, cJSON_CreateString(to + strlen("tmp/")));
}

static void sweep_folder(struct sweep *s, const char *folder,
			 void (*drop)(struct sweep *s, const char *hex))
{
	int fd = openat(crl_store_root_fd(s->daemon->store), folder,
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_closedir_ DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *e;

	if (!dir)
		return;
	while ((e = readdir(dir))) {
		if (ident_is_hex(e->d_name, SHA256_HEX, SHA256_HEX) &&
		    !is_used(s->used, s->n_used, e->d_name))
			drop(s, e->d_name);
	}
}

/* Staging folders of workers that were killed; none works now, so nobody owns them. */
static void sweep_orphans(struct sweep *s)
{
	int fd = openat(crl_store_root_fd(s->daemon->store), "tmp",
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_closedir_ DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		if (str_starts(e->d_name, "job-"))
			cJSON_AddItemToArray(s->trash, cJSON_CreateString(e->d_name));
	}
}

static void on_swept(struct job *j, const cJSON *result, const struct crl_err *err, void *data)
{
	if (err->code != CRL_OK)
		log_warn("removing old layers", "error", err->msg, NULL);
}

static void remove_trash(struct daemon *d, cJSON *trash)
{
	struct job_spec spec = {.verb = "sweep",
				.args = cJSON_CreateObject(),
				.input_fd = -1,
				.output_fd = -1,
				.done = on_swept};
	struct job *job;
	struct crl_err err = CRL_ERR_INIT;

	cJSON_AddItemToObject(spec.args, "trash", trash);
	if (job_start(d, &spec, &job, &err) < 0)
		log_warn("removing old layers", "error", err.msg, NULL);
}

static int check_use(const char *id, const char *name, const char *image_id, bool running,
		     void *data)
{
	const char **wanted = data;

	if (!str_eq(image_id, *wanted))
		return 0;
	*wanted = NULL;
	return 1;
}

/* Images removed by force whose last container is gone. */
static void forget_hidden(struct daemon *d)
{
	bool changed = false;

	for (size_t n = d->images->n; n > 0; n--) {
		struct image *img = d->images->items[n - 1];
		const char *wanted = img->id;

		if (!img->hidden)
			continue;
		(void)containers_each(d, check_use, &wanted);
		if (!wanted)
			continue;
		images_forget(d->images, img);
		changed = true;
	}
	if (changed)
		(void)images_index_save(d, NULL);
}

static void collect(struct daemon *d)
{
	_cleanup_strv_ char **used = NULL;
	struct sweep s = {.daemon = d, .trash = cJSON_CreateArray()};

	if (d->containers)
		forget_hidden(d);
	used = collect_used(d);
	if (!s.trash || !used) {
		cJSON_Delete(s.trash);
		return;
	}
	s.used = used;
	s.n_used = strv_len(used);
	sweep_folder(&s, "blobs/sha256", drop_blob);
	sweep_folder(&s, "layers", drop_layer);
	sweep_orphans(&s);
	if (cJSON_GetArraySize(s.trash) > 0)
		remove_trash(d, s.trash);
	else
		cJSON_Delete(s.trash);
}

static int on_collect(sd_event_source *source, uint64_t usec, void *data)
{
	struct daemon *d = data;

	/* While a worker runs, its end calls images_collect_later() again. */
	if (!jobs_running(d) && !d->images->keep_all)
		collect(d);
	return 0;
}

void images_collect_later(struct daemon *d)
{
	struct images *i = d->images;

	if (!i)
		return;
	if (!i->collect) {
		if (sd_event_add_time_relative(d->event, &i->collect, CLOCK_MONOTONIC,
					       COLLECT_DELAY_US, 100 * 1000, on_collect, d) >= 0)
			(void)sd_event_source_set_priority(i->collect, SD_EVENT_PRIORITY_IDLE);
		return;
	}
	if (sd_event_source_set_time_relative(i->collect, COLLECT_DELAY_US) >= 0)
		(void)sd_event_source_set_enabled(i->collect, SD_EVENT_ONESHOT);
}
