/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file system of one step: an overlay of the stage's layers with a fresh
 * upper directory in the staging folder, and the layer that becomes of it.
 * Mounts are detached, so nothing appears in the host's mount table and
 * nothing is left when the process dies. See mount_setattr(2), fsmount(2).
 */
#include "build_exec.h"

#include <base/fd.h>
#include <base/path.h>
#include <crun-lite/layer.h>
#include <errno.h>
#include <stdlib.h>

char **build_stage_diff_ids(const struct build_stage *s)
{
	char **ids = calloc(s->n_layers + 1, sizeof(*ids));

	for (size_t i = 0; ids && i < s->n_layers; i++) {
		ids[i] = strdup(s->layers[i].diff_id);
		if (!ids[i]) {
			strv_free(ids);
			return NULL;
		}
	}
	return ids;
}

int build_view_open(struct build *b, char *const *diff_ids, int *ret_fd, struct crl_err *err)
{
	_cleanup_strv_ char **lowers = NULL;

	if (crl_store_lowers(b->store, diff_ids, &lowers, err) < 0)
		return -1;
	if (strv_len(lowers) == 1) { /* an overlay without upper needs two layers */
		int fd = open(lowers[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return crl_fail_sys(err, errno, "%s", lowers[0]);
		*ret_fd = fd;
		return 0;
	}
	const struct crl_overlay o = {.lowers = lowers};
	return crl_overlay_mount(&o, ret_fd, err);
}

/* The root of the merged view has the attributes of the upper one: take over those of the layer
 * below. */
static int copy_root_attributes(int upper_fd, const char *lower, struct crl_err *err)
{
	struct stat st;

	if (stat(lower, &st) < 0)
		return crl_fail_sys(err, errno, "%s", lower);
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, st.st_mtim};
	if (fchown(upper_fd, st.st_uid, st.st_gid) < 0 ||
	    fchmod(upper_fd, st.st_mode & 07777) < 0 || futimens(upper_fd, times) < 0)
		return crl_fail_sys(err, errno, "root of the step");
	return 0;
}

static int make_dirs(struct build *b, struct build_layer_dir *d, struct crl_err *err)
{
	_cleanup_free_ char *upper = path_printf("%s/upper", d->name);
	_cleanup_free_ char *work = path_printf("%s/work", d->name);

	if (!upper || !work)
		return crl_fail_oom(err);
	d->staging_fd = open(b->plan.options->staging, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->staging_fd < 0)
		return crl_fail_sys(err, errno, "%s", b->plan.options->staging);
	if (mkdirat(d->staging_fd, d->name, 0700) < 0 || mkdirat(d->staging_fd, upper, 0755) < 0 ||
	    mkdirat(d->staging_fd, work, 0700) < 0)
		return crl_fail_sys(err, errno, "make %s", d->name);
	d->upper_fd = openat(d->staging_fd, upper, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->upper_fd < 0)
		return crl_fail_sys(err, errno, "%s", upper);
	return copy_root_attributes(d->upper_fd, d->lowers[0], err);
}

int build_layer_open(struct build *b, const struct build_stage *s, struct build_layer_dir *ret,
		     struct crl_err *err)
{
	struct build_layer_dir d = {.staging_fd = -1, .upper_fd = -1, .mount_fd = -1};
	_cleanup_strv_ char **ids = build_stage_diff_ids(s);
	_cleanup_free_ char *upper = NULL, *work = NULL;

	d.name = path_printf("step-%u", ++b->n_staged);
	if (!ids || !d.name) {
		free(d.name);
		return crl_fail_oom(err);
	}
	upper = path_printf("%s/%s/upper", b->plan.options->staging, d.name);
	work = path_printf("%s/%s/work", b->plan.options->staging, d.name);
	int r = upper && work ? crl_store_lowers(b->store, ids, &d.lowers, err) : crl_fail_oom(err);
	if (r == 0)
		r = make_dirs(b, &d, err);
	if (r == 0) {
		const struct crl_overlay o = {
			.lowers = d.lowers, .upper = upper, .work = work, .is_volatile = true};
		r = crl_overlay_mount(&o, &d.mount_fd, err);
	}
	if (r < 0)
		build_layer_close(&d);
	else
		*ret = d;
	return r;
}

/* --- commit --- */

int build_layer_commit(struct build *b, struct build_layer_dir *d, struct build_record *ret,
		       struct crl_err *err)
{
	struct crl_layer_info info;
	struct build_record r = {0};

	/* The view goes first: nothing may write any more. */
	cleanup_close_p(&d->mount_fd);
	d->mount_fd = -1;
	if (build_tidy(d->upper_fd, d->lowers, d->restore_times, b->plan.epoch, err) < 0)
		return -1;
	if (d->restore_times && copy_root_attributes(d->upper_fd, d->lowers[0], err) < 0)
		return -1;
	if (crl_layer_commit(b->store, d->upper_fd, d->lowers, &info, err) < 0)
		return -1;
	r.empty = info.entries == 0;
	if (!r.empty) {
		r.diff_id = strdup(info.diff_id);
		r.blob.digest = strdup(info.digest);
		r.blob.media_type = strdup(info.media_type);
		r.blob.size = info.blob_size;
		if (!r.diff_id || !r.blob.digest || !r.blob.media_type) {
			build_record_free(&r);
			return crl_fail_oom(err);
		}
	}
	*ret = r;
	return 0;
}

void build_layer_close(struct build_layer_dir *d)
{
	cleanup_close_p(&d->mount_fd);
	cleanup_close_p(&d->upper_fd);
	if (d->staging_fd >= 0 && d->name)
		path_remove_tree(d->staging_fd, d->name, NULL);
	cleanup_close_p(&d->staging_fd);
	free(d->name);
	strv_free(d->lowers);
	*d = (struct build_layer_dir){.staging_fd = -1, .upper_fd = -1, .mount_fd = -1};
}
