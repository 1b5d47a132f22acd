/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns which files of the kernel a container does not see, or cannot change:
 * the lists in HostConfig, after the words of --security-opt. Inspect shows
 * the lists as they are in effect. Also what HostConfig.Tmpfs may say. Pure.
 * See proc(5), tmpfs(5).
 */
#include "container.h"
#include "oci_config.h"

#include <base/path.h>
#include <ctype.h>
#include <fnmatch.h>

/* --- mask=, unmask=, systempaths= --- */

static int add_masked(struct api_host_config *hc, const char *paths, struct crl_err *err)
{
	_cleanup_strv_ char **list = strv_split(paths, ":", false);
	if (!list)
		return crl_fail_oom(err);
	for (char **p = list; *p; p++) {
		char *clean = **p == '/' ? path_clean(*p) : NULL;
		if (**p != '/')
			return crl_fail(err, CRL_INVALID,
					"invalid --security-opt: mask=%s: not an absolute path",
					*p);
		if (!clean || strv_take(&hc->masked_paths, clean) < 0)
			return crl_fail_oom(err);
	}
	return 0;
}

/* Patterns as in sh(1); a slash is matched by "/" only. */
static void remove_matching(char **list, const char *pattern)
{
	size_t n = 0;
	for (size_t i = 0; list && list[i]; i++) {
		if (fnmatch(pattern, list[i], FNM_PATHNAME) == 0)
			free(list[i]);
		else
			list[n++] = list[i];
	}
	if (list)
		list[n] = NULL;
}

static void empty(char **list)
{
	for (size_t i = 0; list && list[i]; i++)
		free(list[i]);
	if (list)
		list[0] = NULL;
}

static int remove_masked(struct api_host_config *hc, const char *patterns, struct crl_err *err)
{
	_cleanup_strv_ char **list = strv_split(patterns, ":", false);
	if (!list)
		return crl_fail_oom(err);
	for (char **p = list; *p; p++) {
		const char *pattern = str_eq(*p, "ALL") || str_eq(*p, "all") ? NULL : *p;
		if (pattern && *pattern != '/')
			return crl_fail(err, CRL_INVALID,
					"invalid --security-opt: unmask=%s: not an absolute path "
					"and not ALL",
					*p);
		if (!pattern) {
			empty(hc->masked_paths);
			empty(hc->readonly_paths);
			continue;
		}
		remove_matching(hc->masked_paths, pattern);
		remove_matching(hc->readonly_paths, pattern);
	}
	return 0;
}

int container_paths_apply(struct api_host_config *hc, struct crl_err *err)
{
	struct oci_security sec = {0};
	if (oci_security_parse(hc, &sec, err) < 0)
		return -1;
	int r = 0;
	if (hc->privileged && strv_len(sec.mask))
		r = crl_fail(err, CRL_INVALID,
			     "conflicting options: mask= and privileged mode, which hides nothing");
	/* Taken away first: "unmask=ALL,mask=/x" in either order leaves /x hidden. */
	for (char **p = sec.unmask; r == 0 && p && *p; p++)
		r = remove_masked(hc, *p, err);
	for (char **p = sec.mask; r == 0 && p && *p; p++)
		r = add_masked(hc, *p, err);
	oci_security_free(&sec);
	return r;
}

/* --- HostConfig.Tmpfs --- */

static bool is_flag(const char *word)
{
	static const char *const flags[] = {
		"defaults",      "ro",        "rw",          "suid",
		"nosuid",        "dev",       "nodev",       "exec",
		"noexec",        "atime",     "noatime",     "diratime",
		"nodiratime",    "relatime",  "norelatime",  "strictatime",
		"nostrictatime", "symfollow", "nosymfollow", "tmpcopyup",
		"noswap",        "inode32",   "inode64",     "async",
		"silent",        "loud",      "nomand"};
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (str_eq(word, flags[i]))
			return true;
	return false;
}

static bool is_octal(const char *s)
{
	return *s && strspn(s, "01234567") == strlen(s) && strlen(s) <= 5;
}

/* "64m", "1g", "50%": the kernel's own suffixes. */
static bool is_amount(const char *s, bool percent)
{
	size_t n = strspn(s, "0123456789");
	return n && n < 19 &&
	       (!s[n] || (!s[n + 1] && strchr(percent ? "kKmMgG%" : "kKmMgG", s[n])));
}

static bool is_id(const char *s)
{
	uint64_t n;
	return str_to_u64(s, &n) && n < UINT32_MAX;
}

static bool value_ok(const char *key, size_t len, const char *value)
{
	static const char *const amounts[] = {"size", "nr_blocks", "nr_inodes"};
	for (size_t i = 0; i < ARRAY_SIZE(amounts); i++)
		if (strlen(amounts[i]) == len && strncmp(key, amounts[i], len) == 0)
			return is_amount(value, i == 0);
	if (len == 4 && strncmp(key, "mode", len) == 0)
		return is_octal(value);
	if (len == 3 && (strncmp(key, "uid", len) == 0 || strncmp(key, "gid", len) == 0))
		return is_id(value);
	if (len == 4 && strncmp(key, "mpol", len) == 0)
		return *value;
	return len == 4 && strncmp(key, "huge", len) == 0 &&
	       (str_eq(value, "never") || str_eq(value, "always") || str_eq(value, "within_size") ||
		str_eq(value, "advise"));
}

int container_check_tmpfs(const struct api_host_config *hc, struct crl_err *err)
{
	for (size_t i = 0; i < hc->tmpfs.n; i++) {
		const char *options = hc->tmpfs.items[i].value;
		_cleanup_strv_ char **words = strv_split(options ? options : "", ",", false);
		for (char **w = words; w && *w; w++) {
			size_t key = strcspn(*w, "=");
			if ((*w)[key] ? !value_ok(*w, key, *w + key + 1) : !is_flag(*w))
				return crl_fail(err, CRL_INVALID, "invalid tmpfs option \"%s\"",
						*w);
		}
	}
	return 0;
}

/* --- CgroupParent --- */

int container_check_cgroup_parent(const char *parent, struct crl_err *err)
{
	size_t component = 0;
	bool ok = !parent || !strstr(parent, "..");
	for (const char *s = parent ? parent : ""; *s && ok; s++) {
		component = *s == '/' ? 0 : component + 1;
		ok = !iscntrl((unsigned char)*s) && component < 256;
	}
	return ok ? 0 : crl_fail(err, CRL_INVALID, "invalid cgroup parent: %s", parent);
}
