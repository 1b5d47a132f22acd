/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The body of POST /containers/create: decode, validate, defaults, and the OCI spec made of it. */
#include <daemon/container_merge.h>
#include <daemon/oci_config.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void build(struct api_create *body)
{
	struct crl_err err = CRL_ERR_INIT;
	struct oci_spec spec = {0};
	bool seccomp;
	struct container_record rec = {.id = (char *)"0123456789abcdef",
				       .path = (char *)"sh",
				       .config = body->config,
				       .host_config = *body->host_config};
	const struct oci_input in = {.rec = &rec, .dir = "/d", .hostname = "h", .init_path = "/i"};
	if (oci_config_build(&in, &spec, &seccomp, &err) == 0)
		json_free(&oci_spec_json, &spec);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct api_create body = {0};
	struct crl_err err = CRL_ERR_INIT;
	if (json_decode(&api_create_json, (const char *)data, size, JSON_NOCASE, &body, &err) < 0)
		return 0;
	/* The host's devices are not the fuzzer's subject. */
	if (body.host_config && !body.host_config->privileged &&
	    container_validate(&body.config, body.host_config, &err) == 0 &&
	    container_default_host_config(body.host_config, &err) == 0)
		build(&body);
	json_free(&api_create_json, &body);
	return 0;
}
