/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON tables of the OCI image specification (and Docker's additions to the
 * image config). Tables only: checks that go beyond types are in store.c.
 */
#include <crun-lite/image.h>

static const struct json_field platform_fields[] = {
	JSON_STR(struct crl_platform, architecture, "architecture", 0),
	JSON_STR(struct crl_platform, os, "os", 0),
	JSON_STR(struct crl_platform, os_version, "os.version", JSON_OMIT_EMPTY),
	JSON_STR(struct crl_platform, variant, "variant", JSON_OMIT_EMPTY),
};
const struct json_table crl_platform_json =
	JSON_TABLE("platform", struct crl_platform, platform_fields);

static const struct json_field descriptor_fields[] = {
	JSON_STR(struct crl_descriptor, media_type, "mediaType", JSON_REQUIRED),
	JSON_STR(struct crl_descriptor, digest, "digest", JSON_REQUIRED),
	JSON_I64(struct crl_descriptor, size, "size", JSON_REQUIRED),
	JSON_STRMAP(struct crl_descriptor, annotations, "annotations", JSON_OMIT_EMPTY),
	JSON_OBJP(struct crl_descriptor, platform, "platform", JSON_OMIT_EMPTY, &crl_platform_json),
	JSON_STR(struct crl_descriptor, artifact_type, "artifactType", JSON_OMIT_EMPTY),
};
const struct json_table crl_descriptor_json =
	JSON_TABLE("descriptor", struct crl_descriptor, descriptor_fields);

static const struct json_field manifest_fields[] = {
	JSON_I64(struct crl_manifest, schema_version, "schemaVersion", JSON_REQUIRED),
	JSON_STR(struct crl_manifest, media_type, "mediaType", JSON_OMIT_EMPTY),
	JSON_STR(struct crl_manifest, artifact_type, "artifactType", JSON_OMIT_EMPTY),
	JSON_OBJ(struct crl_manifest, config, "config", JSON_REQUIRED, &crl_descriptor_json),
	JSON_OBJV(struct crl_manifest, layers, n_layers, "layers", 0, &crl_descriptor_json),
	JSON_STRMAP(struct crl_manifest, annotations, "annotations", JSON_OMIT_EMPTY),
};
const struct json_table crl_manifest_json =
	JSON_TABLE("manifest", struct crl_manifest, manifest_fields);

static const struct json_field index_fields[] = {
	JSON_I64(struct crl_index, schema_version, "schemaVersion", JSON_REQUIRED),
	JSON_STR(struct crl_index, media_type, "mediaType", JSON_OMIT_EMPTY),
	JSON_OBJV(struct crl_index, manifests, n_manifests, "manifests", 0, &crl_descriptor_json),
	JSON_STRMAP(struct crl_index, annotations, "annotations", JSON_OMIT_EMPTY),
};
const struct json_table crl_index_json = JSON_TABLE("index", struct crl_index, index_fields);

static const struct json_field healthcheck_fields[] = {
	JSON_STRV(struct crl_healthcheck, test, "Test", JSON_OMIT_EMPTY),
	JSON_I64(struct crl_healthcheck, interval, "Interval", JSON_OMIT_EMPTY),
	JSON_I64(struct crl_healthcheck, timeout, "Timeout", JSON_OMIT_EMPTY),
	JSON_I64(struct crl_healthcheck, start_period, "StartPeriod", JSON_OMIT_EMPTY),
	JSON_I64(struct crl_healthcheck, start_interval, "StartInterval", JSON_OMIT_EMPTY),
	JSON_I64(struct crl_healthcheck, retries, "Retries", JSON_OMIT_EMPTY),
};
const struct json_table crl_healthcheck_json =
	JSON_TABLE("Healthcheck", struct crl_healthcheck, healthcheck_fields);

/* Old builders wrote a single string where a list is due; it means a list of one. */
static const struct json_field image_config_fields[] = {
	JSON_STR(struct crl_image_config, user, "User", JSON_OMIT_EMPTY),
	JSON_KEYSET(struct crl_image_config, exposed_ports, "ExposedPorts", JSON_OMIT_EMPTY),
	JSON_STRV(struct crl_image_config, env, "Env", JSON_OMIT_EMPTY),
	JSON_STRV(struct crl_image_config, entrypoint, "Entrypoint",
		  JSON_OMIT_EMPTY | JSON_STR_OR_LIST),
	JSON_STRV(struct crl_image_config, cmd, "Cmd", JSON_OMIT_EMPTY | JSON_STR_OR_LIST),
	JSON_KEYSET(struct crl_image_config, volumes, "Volumes", JSON_OMIT_EMPTY),
	JSON_STR(struct crl_image_config, working_dir, "WorkingDir", JSON_OMIT_EMPTY),
	JSON_STRMAP(struct crl_image_config, labels, "Labels", JSON_OMIT_EMPTY),
	JSON_STR(struct crl_image_config, stop_signal, "StopSignal", JSON_OMIT_EMPTY),
	JSON_STRV(struct crl_image_config, shell, "Shell", JSON_OMIT_EMPTY | JSON_STR_OR_LIST),
	JSON_STRV(struct crl_image_config, on_build, "OnBuild", JSON_OMIT_EMPTY),
	JSON_OBJP(struct crl_image_config, healthcheck, "Healthcheck", JSON_OMIT_EMPTY,
		  &crl_healthcheck_json),
	JSON_BOOL(struct crl_image_config, args_escaped, "ArgsEscaped", JSON_OMIT_EMPTY),
};
const struct json_table crl_image_config_json =
	JSON_TABLE("config", struct crl_image_config, image_config_fields);

static const struct json_field history_fields[] = {
	JSON_STR(struct crl_history, created, "created", JSON_OMIT_EMPTY),
	JSON_STR(struct crl_history, created_by, "created_by", JSON_OMIT_EMPTY),
	JSON_STR(struct crl_history, author, "author", JSON_OMIT_EMPTY),
	JSON_STR(struct crl_history, comment, "comment", JSON_OMIT_EMPTY),
	JSON_BOOL(struct crl_history, empty_layer, "empty_layer", JSON_OMIT_EMPTY),
};
static const struct json_table history_json =
	JSON_TABLE("history", struct crl_history, history_fields);

static const struct json_field rootfs_fields[] = {
	JSON_STR(struct crl_rootfs, type, "type", 0),
	JSON_STRV(struct crl_rootfs, diff_ids, "diff_ids", 0),
};
static const struct json_table rootfs_json = JSON_TABLE("rootfs", struct crl_rootfs, rootfs_fields);

static const struct json_field image_fields[] = {
	JSON_STR(struct crl_image, created, "created", JSON_OMIT_EMPTY),
	JSON_STR(struct crl_image, author, "author", JSON_OMIT_EMPTY),
	JSON_STR(struct crl_image, architecture, "architecture", 0),
	JSON_STR(struct crl_image, variant, "variant", JSON_OMIT_EMPTY),
	JSON_STR(struct crl_image, os, "os", 0),
	JSON_OBJ(struct crl_image, config, "config", 0, &crl_image_config_json),
	JSON_OBJ(struct crl_image, rootfs, "rootfs", JSON_REQUIRED, &rootfs_json),
	JSON_OBJV(struct crl_image, history, n_history, "history", JSON_OMIT_EMPTY, &history_json),
};
const struct json_table crl_image_json = JSON_TABLE("image config", struct crl_image, image_fields);
