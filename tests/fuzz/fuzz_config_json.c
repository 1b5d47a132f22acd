/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A stranger's bundle: any bytes as config.json are refused or give structs
 * that survive encoding and decoding unchanged; mount options, device rules,
 * sysctl names and namespaces in them are parsed on the way, and any bytes as
 * passwd and group are searched.
 */
#include "runtime/device_filter.h"
#include "runtime/mount_options.h"
#include "runtime/namespaces.h"
#include "runtime/rt.h"
#include "runtime/sysctl.h"
#include "runtime/user.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_linux(const struct oci_linux *l)
{
	struct crl_err err = CRL_ERR_INIT;
	struct namespaces ns;
	namespaces_init(&ns);
	(void)sysctl_check(&l->sysctl, &ns, &err);
	if (!l->resources)
		return;
	struct bpf_insn *insns = NULL;
	size_t n = 0;
	if (device_filter_build(l->resources->devices, l->resources->n_devices, &insns, &n, &err) ==
	    0)
		free(insns);
}

static void try_spec(const struct oci_spec *s)
{
	struct crl_err err = CRL_ERR_INIT;
	for (size_t i = 0; i < s->n_mounts; i++) {
		struct mount_options o;
		if (mount_options_parse(s->mounts[i].options, &o, &err) == 0)
			mount_options_free(&o);
	}
	if (s->linux_)
		try_linux(s->linux_);
}

static void round_trip(struct oci_spec *a)
{
	struct oci_spec b = {0};
	struct crl_err err = CRL_ERR_INIT;
	_cleanup_free_ char *first = json_encode(&oci_spec_json, a);
	if (!first || json_decode(&oci_spec_json, first, strlen(first), JSON_LAX, &b, &err) < 0)
		abort();
	_cleanup_free_ char *second = json_encode(&oci_spec_json, &b);
	if (!second || strcmp(first, second) != 0)
		abort();
	json_free(&oci_spec_json, &b);
}

static void try_user(const char *text)
{
	static const char *const users[] = {"", "0", "root", "bob:wheel", "1000"};
	for (size_t i = 0; i < ARRAY_SIZE(users); i++) {
		struct identity id = {0};
		if (user_lookup(text, text, users[i], NULL, &id, NULL) == 0)
			user_free(&id);
	}
	free(user_home(text, 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct oci_spec spec = {0};
	struct crl_err err = CRL_ERR_INIT;
	if (json_decode(&oci_spec_json, (const char *)data, size, JSON_LAX, &spec, &err) == 0) {
		try_spec(&spec);
		round_trip(&spec);
		json_free(&oci_spec_json, &spec);
	}
	_cleanup_free_ char *text = strndup((const char *)data, size);
	if (text)
		try_user(text);
	return 0;
}
