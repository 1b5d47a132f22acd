/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns what a container may do: capability set, --security-opt, and seccomp
 * profiles in Docker's format (includes and excludes by capability,
 * architecture and kernel). See capabilities(7), seccomp(2).
 */
#include "oci_config.h"

#include <base/path.h>
#include <crun-lite/runtime.h>
#include <ctype.h>
#include <sys/utsname.h>

/* --- capabilities --- */

/* "net_admin", "CAP_NET_ADMIN" -> "CAP_NET_ADMIN"; "all" -> "ALL". Caller frees. */
static char *cap_normal(const char *name)
{
	char upper[64];
	size_t i = 0;
	for (; name[i] && i + 1 < sizeof(upper); i++)
		upper[i] = (char)toupper((unsigned char)name[i]);
	upper[i] = '\0';
	if (str_eq(upper, "ALL"))
		return strdup(upper);
	return path_printf("%s%s", str_starts(upper, "CAP_") ? "" : "CAP_", upper);
}

static bool cap_known(const char *cap)
{
	for (const char *const *c = crl_all_capabilities(); *c; c++)
		if (str_eq(*c, cap))
			return true;
	return str_eq(cap, "ALL");
}

static int normal_list(char *const *names, const char *what, char ***ret, struct crl_err *err)
{
	_cleanup_strv_ char **out = NULL;
	for (; names && *names; names++) {
		char *cap = cap_normal(*names);
		if (!cap)
			return crl_fail_oom(err);
		if (!cap_known(cap)) {
			crl_fail(err, CRL_INVALID, "invalid %s: unknown capability: \"%s\"", what,
				 cap);
			free(cap);
			return -1;
		}
		if (strv_take(&out, cap) < 0)
			return crl_fail_oom(err);
	}
	*ret = take_ptr(out);
	return 0;
}

static bool in_default(const char *cap)
{
	for (const char *const *c = crl_default_capabilities; *c; c++)
		if (str_eq(*c, cap))
			return true;
	return false;
}

/* Docker's order of precedence: "all" first, then names; a name dropped with "add all" is dropped.
 */
static bool cap_wanted(const char *cap, char *const *add, char *const *drop)
{
	if (strv_contains(add, cap))
		return !strv_contains(drop, cap);
	if (strv_contains(drop, cap))
		return false;
	if (strv_contains(add, "ALL"))
		return true;
	return !strv_contains(drop, "ALL") && in_default(cap);
}

int oci_caps(const struct api_host_config *hc, char ***ret, struct crl_err *err)
{
	_cleanup_strv_ char **add = NULL, **drop = NULL, **out = NULL;
	if (normal_list(hc->cap_add, "CapAdd", &add, err) < 0 ||
	    normal_list(hc->cap_drop, "CapDrop", &drop, err) < 0)
		return -1;
	for (const char *const *c = crl_all_capabilities(); *c; c++)
		if ((hc->privileged || cap_wanted(*c, add, drop)) && strv_push(&out, *c) < 0)
			return crl_fail_oom(err);
	*ret = take_ptr(out);
	return 0;
}

/* --- --security-opt --- */

/* The words that Go takes for a truth value. */
static int bool_value(const char *value, bool *ret, const char *opt, struct crl_err *err)
{
	static const char *const words[2][6] = {{"0", "f", "F", "false", "FALSE", "False"},
						{"1", "t", "T", "true", "TRUE", "True"}};
	for (size_t v = 0; v < 2; v++)
		for (size_t i = 0; i < ARRAY_SIZE(words[v]); i++)
			if (str_eq(value, words[v][i])) {
				*ret = v == 1;
				return 0;
			}
	return crl_fail(err, CRL_INVALID, "invalid --security-opt 2: \"%s\"", opt);
}

static int security_value(const char *key, const char *value, struct oci_security *s,
			  const char *opt, struct crl_err *err)
{
	if (str_eq(key, "seccomp")) {
		s->seccomp_unconfined = str_eq(value, "unconfined");
		free(s->seccomp_profile);
		s->seccomp_profile = NULL;
		if (s->seccomp_unconfined || str_eq(value, "builtin"))
			return 0;
		s->seccomp_profile = strdup(value);
		return s->seccomp_profile ? 0 : crl_fail_oom(err);
	}
	if (str_eq(key, "no-new-privileges"))
		return bool_value(value, &s->no_new_privileges, opt, err);
	if (str_eq(key, "writable-cgroups"))
		return bool_value(value, &s->writable_cgroups, opt, err);
	if (str_eq(key, "mask") || str_eq(key, "unmask"))
		return strv_push(*key == 'm' ? &s->mask : &s->unmask, value) < 0 ? crl_fail_oom(err)
										 : 0;
	if (str_eq(key, "apparmor"))
		return str_eq(value, "unconfined") || !*value
			       ? 0
			       : crl_fail(err, CRL_INVALID,
					  "apparmor=%s: AppArmor profiles are not supported here; "
					  "only apparmor=unconfined is accepted",
					  value);
	if (str_eq(key, "label"))
		return str_eq(value, "disable")
			       ? 0
			       : crl_fail(err, CRL_INVALID,
					  "label=%s: SELinux labels are not supported here; only "
					  "label=disable is accepted",
					  value);
	if (str_eq(key, "systempaths") && str_eq(value, "unconfined"))
		return strv_push(&s->unmask, "ALL") < 0 ? crl_fail_oom(err) : 0;
	return crl_fail(err, CRL_INVALID, "invalid --security-opt 2: \"%s\"", opt);
}

static int security_one(const char *opt, struct oci_security *s, struct crl_err *err)
{
	if (str_eq(opt, "no-new-privileges")) {
		s->no_new_privileges = true;
		return 0;
	}
	if (str_eq(opt, "writable-cgroups")) {
		s->writable_cgroups = true;
		return 0;
	}
	/* "key=value", and the old "key:value". */
	size_t n = strcspn(opt, "=");
	if (!opt[n])
		n = strcspn(opt, ":");
	if (!opt[n])
		return crl_fail(err, CRL_INVALID, "invalid --security-opt 1: \"%s\"", opt);
	_cleanup_free_ char *key = strndup(opt, n);
	return key ? security_value(key, opt + n + 1, s, opt, err) : crl_fail_oom(err);
}

int oci_security_parse(const struct api_host_config *hc, struct oci_security *ret,
		       struct crl_err *err)
{
	struct oci_security s = {0};
	for (char **o = hc->security_opt; o && *o; o++) {
		if (security_one(*o, &s, err) < 0) {
			oci_security_free(&s);
			return -1;
		}
	}
	*ret = s;
	return 0;
}

void oci_security_free(struct oci_security *s)
{
	free(s->seccomp_profile);
	strv_free(s->mask);
	strv_free(s->unmask);
	*s = (struct oci_security){0};
}

/* --- seccomp profiles --- */

static const char *const native_arch =
#if defined(__x86_64__)
	"amd64";
#elif defined(__aarch64__)
	"arm64";
#elif defined(__riscv)
	"riscv64";
#else
	"";
#endif
static const char *const native_scmp =
#if defined(__x86_64__)
	"SCMP_ARCH_X86_64";
#elif defined(__aarch64__)
	"SCMP_ARCH_AARCH64";
#elif defined(__riscv)
	"SCMP_ARCH_RISCV64";
#else
	"";
#endif

/* Profiles say arches as Go does, and by their 32-bit companions ("x86", "x32"). */
static bool lists_arch(const cJSON *list)
{
	const cJSON *item;
	cJSON_ArrayForEach (item, list)
		if (str_eq(cJSON_GetStringValue(item), native_arch))
			return true;
	return false;
}

static size_t caps_held(const cJSON *list, char *const *caps)
{
	size_t n = 0;
	const cJSON *item;
	cJSON_ArrayForEach (item, list)
		n += cJSON_IsString(item) && strv_contains(caps, item->valuestring);
	return n;
}

static bool kernel_at_least(const char *version)
{
	struct utsname u;
	unsigned have[2] = {0}, want[2] = {0};
	if (uname(&u) < 0 || sscanf(u.release, "%u.%u", &have[0], &have[1]) < 1 ||
	    sscanf(version, "%u.%u", &want[0], &want[1]) < 1)
		return false;
	return have[0] != want[0] ? have[0] > want[0] : have[1] >= want[1];
}

static bool rule_applies(const cJSON *rule, char *const *caps)
{
	const cJSON *in = cJSON_GetObjectItem(rule, "includes");
	const cJSON *ex = cJSON_GetObjectItem(rule, "excludes");
	const cJSON *list = cJSON_GetObjectItem(in, "caps");
	if (cJSON_GetArraySize(list) > 0 &&
	    caps_held(list, caps) != (size_t)cJSON_GetArraySize(list))
		return false;
	list = cJSON_GetObjectItem(in, "arches");
	if (cJSON_GetArraySize(list) > 0 && !lists_arch(list))
		return false;
	const char *kernel = cJSON_GetStringValue(cJSON_GetObjectItem(in, "minKernel"));
	if (!str_empty(kernel) && !kernel_at_least(kernel))
		return false;
	kernel = cJSON_GetStringValue(cJSON_GetObjectItem(ex, "minKernel"));
	if (!str_empty(kernel) && kernel_at_least(kernel))
		return false;
	return caps_held(cJSON_GetObjectItem(ex, "caps"), caps) == 0 &&
	       !lists_arch(cJSON_GetObjectItem(ex, "arches"));
}

/* Docker's rule -> the specification's: drops the conditions, turns "name" into "names". */
static void convert_rule(cJSON *out, const cJSON *rule)
{
	cJSON *copy = cJSON_CreateObject();
	static const char *const keys[] = {"names", "action", "args", "errnoRet"};
	for (size_t i = 0; copy && i < ARRAY_SIZE(keys); i++) {
		const cJSON *v = cJSON_GetObjectItem(rule, keys[i]);
		if (v && !cJSON_IsNull(v))
			cJSON_AddItemToObject(copy, keys[i], cJSON_Duplicate(v, 1));
	}
	const char *name = cJSON_GetStringValue(cJSON_GetObjectItem(rule, "name"));
	if (copy && !str_empty(name)) {
		cJSON *names = cJSON_CreateArray();
		cJSON_AddItemToArray(names, cJSON_CreateString(name));
		cJSON_DeleteItemFromObject(copy, "names");
		cJSON_AddItemToObject(copy, "names", names);
	}
	cJSON_AddItemToArray(out, copy);
}

static cJSON *convert_arches(const cJSON *profile)
{
	const cJSON *given = cJSON_GetObjectItem(profile, "architectures");
	if (cJSON_GetArraySize(given) > 0)
		return cJSON_Duplicate(given, 1);
	const cJSON *entry;
	cJSON_ArrayForEach (entry, cJSON_GetObjectItem(profile, "archMap")) {
		const char *a = cJSON_GetStringValue(cJSON_GetObjectItem(entry, "architecture"));
		if (!str_eq(a, native_scmp))
			continue;
		const cJSON *subs = cJSON_GetObjectItem(entry, "subArchitectures");
		cJSON *out = subs ? cJSON_Duplicate(subs, 1) : cJSON_CreateArray();
		cJSON_InsertItemInArray(out, 0, cJSON_CreateString(native_scmp));
		return out;
	}
	return NULL;
}

static cJSON *convert_profile(const cJSON *profile, char *const *caps)
{
	static const char *const keys[] = {"defaultAction", "defaultErrnoRet", "flags",
					   "listenerPath", "listenerMetadata"};
	cJSON *out = cJSON_CreateObject();
	for (size_t i = 0; out && i < ARRAY_SIZE(keys); i++) {
		const cJSON *v = cJSON_GetObjectItem(profile, keys[i]);
		if (v && !cJSON_IsNull(v))
			cJSON_AddItemToObject(out, keys[i], cJSON_Duplicate(v, 1));
	}
	cJSON *arches = convert_arches(profile);
	if (arches)
		cJSON_AddItemToObject(out, "architectures", arches);
	cJSON *rules = cJSON_AddArrayToObject(out, "syscalls");
	const cJSON *rule;
	cJSON_ArrayForEach (rule, cJSON_GetObjectItem(profile, "syscalls"))
		if (rules && rule_applies(rule, caps))
			convert_rule(rules, rule);
	return out;
}

int oci_seccomp_from_profile(const char *text, char *const *caps, struct oci_linux_seccomp **ret,
			     struct crl_err *err)
{
	_cleanup_cjson_ cJSON *profile = NULL, *oci = NULL;
	if (json_parse(text, strlen(text), JSON_MAX_SIZE, &profile, err) < 0 ||
	    !cJSON_IsObject(profile))
		return crl_fail(err, CRL_INVALID,
				"Decoding seccomp profile failed: it is not a JSON object");
	oci = convert_profile(profile, caps);
	struct oci_linux_seccomp *s = calloc(1, sizeof(*s));
	if (!oci || !s) {
		free(s);
		return crl_fail_oom(err);
	}
	if (json_decode_tree(&oci_seccomp_json, oci, JSON_LAX, s, err) < 0) {
		free(s);
		err->code = CRL_INVALID;
		return crl_context(err, "Decoding seccomp profile failed");
	}
	*ret = s;
	return 0;
}
