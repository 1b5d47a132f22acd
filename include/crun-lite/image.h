/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Images: references, descriptors, configs, and the store on disk.
 *
 * The store folder (the daemon's data root) is an OCI image layout:
 * blobs/sha256/HEX, oci-layout, index.json; beside it layers/HEX/ (unpacked,
 * keyed by diffID) and tmp/ (staging). Workers add blobs and layers, which are
 * content-addressed and enter by rename, so that they need no lock. Names
 * (index.json) are written by the daemon alone.
 */
#ifndef CRUN_LITE_IMAGE_H
#define CRUN_LITE_IMAGE_H

#include <base/json.h>
#include <crun-lite/err.h>

/* --- references: docker's rules (docker.io, library/, :latest) --- */
struct crl_ref {
	char *domain; /* "docker.io" */
	char *path;   /* "library/nginx" */
	char *tag;    /* "latest", or NULL when a digest is given alone */
	char *digest; /* "sha256:..." or NULL */
};
/* Parses and normalises ("nginx" -> docker.io/library/nginx:latest). CRL_INVALID "invalid reference
 * format". */
int crl_ref_parse(const char *text, struct crl_ref *ret, struct crl_err *err);
void crl_ref_free(struct crl_ref *r);
/* Familiar form as docker shows it ("nginx:latest"); full form ("docker.io/library/nginx:latest").
 * Caller frees. */
char *crl_ref_familiar(const struct crl_ref *r);
char *crl_ref_familiar_name(const struct crl_ref *r); /* without tag and digest */
char *crl_ref_full(const struct crl_ref *r);
/* "sha256:" + 64 lower-case hex digits. */
bool crl_digest_ok(const char *s);

/* --- OCI descriptors, manifests, image configs (tables in image/spec.c) --- */
struct crl_platform {
	char *architecture, *os, *os_version, *variant;
};
struct crl_descriptor {
	char *media_type, *digest;
	int64_t size;
	struct strmap annotations;
	struct crl_platform *platform;
	char *artifact_type;
};
struct crl_manifest { /* image manifest (OCI or Docker schema 2) */
	int64_t schema_version;
	char *media_type;
	char *artifact_type;
	struct crl_descriptor config;
	struct crl_descriptor *layers;
	size_t n_layers;
	struct strmap annotations;
};
struct crl_index { /* image index or manifest list, and index.json */
	int64_t schema_version;
	char *media_type;
	struct crl_descriptor *manifests;
	size_t n_manifests;
	struct strmap annotations;
};
struct crl_healthcheck { /* Docker's addition to the image config; nanoseconds */
	char **test;
	int64_t interval, timeout, start_period, start_interval;
	int64_t retries;
};
struct crl_image_config { /* the "config" object */
	char *user;
	char **exposed_ports; /* "80/tcp" */
	char **env, **entrypoint, **cmd;
	char **volumes;
	char *working_dir;
	struct strmap labels;
	char *stop_signal;
	char **shell, **on_build;
	struct crl_healthcheck *healthcheck;
	bool args_escaped;
};
struct crl_history {
	char *created, *created_by, *author, *comment;
	bool empty_layer;
};
struct crl_rootfs {
	char *type; /* "layers" */
	char **diff_ids;
};
struct crl_image { /* the image config blob; its digest is the image id */
	char *created, *author, *architecture, *variant, *os;
	struct crl_image_config config;
	struct crl_rootfs rootfs;
	struct crl_history *history;
	size_t n_history;
};
extern const struct json_table crl_platform_json, crl_descriptor_json, crl_manifest_json,
	crl_index_json, crl_healthcheck_json, crl_image_config_json, crl_image_json;

/*
 * Text to struct with the checks that go beyond types: digests, sizes, layer
 * count, no document that can be read as two kinds (image/spec_parse.c). Free
 * with json_free().
 */
int crl_manifest_parse(const char *text, size_t len, struct crl_manifest *ret, struct crl_err *err);
int crl_index_parse(const char *text, size_t len, struct crl_index *ret, struct crl_err *err);
int crl_image_parse(const char *text, size_t len, struct crl_image *ret, struct crl_err *err);

#define CRL_MT_OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define CRL_MT_OCI_INDEX "application/vnd.oci.image.index.v1+json"
#define CRL_MT_OCI_CONFIG "application/vnd.oci.image.config.v1+json"
#define CRL_MT_OCI_LAYER "application/vnd.oci.image.layer.v1.tar"
#define CRL_MT_OCI_LAYER_GZIP CRL_MT_OCI_LAYER "+gzip"
#define CRL_MT_OCI_LAYER_ZSTD CRL_MT_OCI_LAYER "+zstd"
#define CRL_MT_DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define CRL_MT_DOCKER_INDEX "application/vnd.docker.distribution.manifest.list.v2+json"
#define CRL_MT_DOCKER_CONFIG "application/vnd.docker.container.image.v1+json"
#define CRL_MT_DOCKER_LAYER "application/vnd.docker.image.rootfs.diff.tar"
#define CRL_MT_DOCKER_LAYER_GZIP CRL_MT_DOCKER_LAYER ".gzip"

/* --- the store (image/store.c: small, linked by the daemon too; no archive library behind it) ---
 */
struct crl_store; /* open folders */
/* Opens or makes the layout below `root`. */
int crl_store_open(const char *root, struct crl_store **ret, struct crl_err *err);
void crl_store_close(struct crl_store *s);
DEFINE_CLEANUP(struct crl_store *, crl_store_close)
#define _cleanup_store_ _cleanup_(crl_store_close_p)
int crl_store_root_fd(const struct crl_store *s); /* borrowed */
/* Reads a whole blob (at most `limit` bytes), verifying its digest. */
int crl_store_read_blob(struct crl_store *s, const char *digest, size_t limit, char **ret_data,
			size_t *ret_len, struct crl_err *err);
int crl_store_open_blob(struct crl_store *s, const char *digest, int *ret_fd, int64_t *ret_size,
			struct crl_err *err);
bool crl_store_has_blob(struct crl_store *s, const char *digest);
/* Adds a small blob (manifest, config) durably; *ret_digest is "sha256:..." in a caller's buffer.
 */
int crl_store_add_blob(struct crl_store *s, const void *data, size_t len, char ret_digest[80],
		       struct crl_err *err);
int crl_store_remove_blob(struct crl_store *s, const char *digest, struct crl_err *err);
/* Unpacked layer by diffID. Path "ROOT/layers/HEX/fs", caller frees. */
bool crl_store_has_layer(struct crl_store *s, const char *diff_id);
char *crl_store_layer_path(struct crl_store *s, const char *diff_id);
/*
 * Paths of the layers for the overlay, top first; `diff_ids` is an image's
 * rootfs.diff_ids (bottom first). Stops at a layer whose root is opaque, since
 * the kernel ignores that mark on a root. An image without layers
 * gets one empty folder, since an overlay needs a lower layer. A missing or damaged layer:
 * CRL_NOT_FOUND, CRL_IO. Caller frees the vector.
 */
int crl_store_lowers(struct crl_store *s, char *const *diff_ids, char ***ret, struct crl_err *err);
/* Bytes of the layer's content as counted when it was unpacked. */
int crl_store_layer_size(struct crl_store *s, const char *diff_id, int64_t *ret,
			 struct crl_err *err);
int crl_store_remove_layer(struct crl_store *s, const char *diff_id, struct crl_err *err);
/* index.json: read; replace durably (the daemon only). */
int crl_store_read_index(struct crl_store *s, struct crl_index *ret, struct crl_err *err);
int crl_store_write_index(struct crl_store *s, const struct crl_index *index, struct crl_err *err);
/* Manifest and config of one image by manifest digest. */
int crl_store_load_manifest(struct crl_store *s, const char *digest, struct crl_manifest *ret,
			    struct crl_err *err);
int crl_store_load_image(struct crl_store *s, const char *config_digest, struct crl_image *ret,
			 struct crl_err *err);
/* Empties tmp/ (daemon start, before any worker runs). */
int crl_store_sweep_tmp(struct crl_store *s, struct crl_err *err);

/* --- overlay (image/overlay.c, linked by monitor and worker) --- */
struct crl_overlay {
	char *const *lowers; /* top first, absolute paths; at least one */
	const char *upper;   /* NULL = read-only */
	const char *work;
	bool is_volatile; /* no syncs: build steps, --rm */
	/*
	 * The user namespace of the container that will use the mount (base/userns.h), NULL =
	 * none: the lower layers are shown with its ids. The upper directory is not: what the
	 * container writes has the host's ids of its users there (the kernel refuses a mapped upper
	 * one), so it belongs to the namespace's root, and whoever writes through this mount must
	 * have joined the namespace.
	 */
	const int *userns;
	/*
	 * For a read-only view with ids as the image means them: lowers[0] is such a container's
	 * upper directory, and this a namespace of the inverse map (userns_inverse()). Or -1 with
	 * `userns`: lowers[0] is shown as it is, for who reads it in the namespace.
	 */
	const int *top_userns;
};
/* An upper directory alone, as crl_overlay.top_userns shows it: a detached, read-only mount. */
int crl_overlay_unshift(const char *upper, int inverse_userns, int *ret_fd, struct crl_err *err);
/*
 * A detached overlay mount (fsopen, fsconfig, fsmount): nothing appears in any
 * mount namespace until move_mount. Many layers on kernels without "lowerdir+"
 * (before 6.8): short names through /proc/self/fd.
 */
int crl_overlay_mount(const struct crl_overlay *o, int *ret_fd, struct crl_err *err);
/*
 * A volatile overlay marks its work folder, so that nobody trusts it after a power cut. For a
 * second mount of a container that is thrown away after a power cut anyway.
 */
void crl_overlay_forget_volatile(const char *work);

#endif
