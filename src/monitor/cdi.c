/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See cdi.h. The edits are JSON of a helper that reads the administrator's files; they were checked
 * there, and are taken with care all the same. See the CDI specification, "containerEdits".
 */
#include "cdi.h"

#include <base/array.h>
#include <base/fd.h>
#include <base/path.h>
#include <base/proc.h>
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define ANSWER_MAX (4U * 1024 * 1024)
#define NO_GPU 3

static const cJSON *member(const cJSON *o, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(o, key);
}

static char **strings(const cJSON *list)
{
	char **out = calloc(1, sizeof(*out));
	const cJSON *item;
	cJSON_ArrayForEach (item, list)
		if (cJSON_IsString(item) && strv_push(&out, item->valuestring) < 0)
			break;
	return out;
}

static struct opt_u64 number(const cJSON *o, const char *key)
{
	const cJSON *n = member(o, key);
	if (!cJSON_IsNumber(n) || n->valuedouble < 0)
		return (struct opt_u64){0};
	return (struct opt_u64){true, (uint64_t)n->valuedouble};
}

/* --- devices --- */

static int allow(struct oci_linux_resources *r, const struct oci_device *d, const char *access)
{
	struct oci_device_cgroup *rule = array_grow(&r->devices, &r->n_devices, sizeof(*rule));
	if (!rule)
		return -1;
	*rule = (struct oci_device_cgroup){.allow = true,
					   .type = strdup(d->type),
					   .major = {true, d->major},
					   .minor = {true, d->minor},
					   .access = strdup(str_empty(access) ? "rwm" : access)};
	return rule->type && rule->access ? 0 : -1;
}

static int add_node(const cJSON *n, struct oci_spec *spec, struct crl_err *err)
{
	struct oci_linux *l = spec->linux_;
	const char *path = json_get_str(n, "path"), *type = json_get_str(n, "type");
	struct oci_device *d =
		path && type ? array_grow(&l->devices, &l->n_devices, sizeof(*d)) : NULL;
	if (!d)
		return path && type ? crl_fail_oom(err)
				    : crl_fail(err, CRL_INVALID, "device without path or type");
	*d = (struct oci_device){.path = strdup(path),
				 .type = strdup(str_eq(type, "u") ? "c" : type),
				 .major = (int64_t)number(n, "major").v,
				 .minor = (int64_t)number(n, "minor").v,
				 .file_mode = number(n, "fileMode"),
				 .uid = number(n, "uid"),
				 .gid = number(n, "gid")};
	if (!d->path || !d->type)
		return crl_fail_oom(err);
	if (str_eq(type, "p") || !l->resources)
		return 0;
	return allow(l->resources, d, json_get_str(n, "permissions")) < 0 ? crl_fail_oom(err) : 0;
}

/* --- mounts, hooks, the rest --- */

static int add_mount(const cJSON *m, struct oci_spec *spec, struct crl_err *err)
{
	const char *host = json_get_str(m, "hostPath"), *inside = json_get_str(m, "containerPath");
	const char *type = json_get_str(m, "type");
	if (!host || !inside)
		return crl_fail(err, CRL_INVALID, "mount without paths");
	struct oci_mount *to = array_grow(&spec->mounts, &spec->n_mounts, sizeof(*to));
	if (!to)
		return crl_fail_oom(err);
	to->destination = strdup(inside);
	to->source = strdup(host);
	to->type = strdup(str_empty(type) ? "bind" : type);
	to->options = strings(member(m, "options"));
	if (!to->destination || !to->source || !to->type || !to->options)
		return crl_fail_oom(err);
	if (str_eq(to->type, "bind") && !strv_contains(to->options, "bind") &&
	    !strv_contains(to->options, "rbind") && strv_push(&to->options, "rbind") < 0)
		return crl_fail_oom(err);
	return 0;
}

static struct oci_hook *new_hook(struct oci_hooks *h, const char *name)
{
	struct {
		const char *name;
		struct oci_hook **items;
		size_t *n;
	} kinds[] = {{"prestart", &h->prestart, &h->n_prestart},
		     {"createRuntime", &h->create_runtime, &h->n_create_runtime},
		     {"createContainer", &h->create_container, &h->n_create_container},
		     {"startContainer", &h->start_container, &h->n_start_container},
		     {"poststart", &h->poststart, &h->n_poststart},
		     {"poststop", &h->poststop, &h->n_poststop}};
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (str_eq(name, kinds[i].name))
			return array_grow(kinds[i].items, kinds[i].n, sizeof(struct oci_hook));
	return NULL;
}

static int add_hook(const cJSON *h, struct oci_spec *spec, struct crl_err *err)
{
	const char *path = json_get_str(h, "path");
	struct opt_u64 timeout = number(h, "timeout");
	if (!spec->hooks && !(spec->hooks = calloc(1, sizeof(*spec->hooks))))
		return crl_fail_oom(err);
	struct oci_hook *hook = path ? new_hook(spec->hooks, json_get_str(h, "hookName")) : NULL;
	if (!hook)
		return crl_fail(err, CRL_INVALID, "hook without path or with an unknown name");
	hook->path = strdup(path);
	hook->args = strings(member(h, "args"));
	hook->env = strings(member(h, "env"));
	hook->timeout = (struct opt_i64){timeout.set, (int64_t)timeout.v};
	return hook->path && hook->args && hook->env ? 0 : crl_fail_oom(err);
}

int cdi_apply_edits(const cJSON *edits, struct oci_spec *spec, char ***group_add,
		    struct crl_err *err)
{
	const cJSON *item;
	cJSON_ArrayForEach (item, member(edits, "env"))
		if (cJSON_IsString(item) &&
		    strv_env_set(&spec->process->env, item->valuestring) < 0)
			return crl_fail_oom(err);
	cJSON_ArrayForEach (item, member(edits, "deviceNodes"))
		if (add_node(item, spec, err) < 0)
			return -1;
	cJSON_ArrayForEach (item, member(edits, "mounts"))
		if (add_mount(item, spec, err) < 0)
			return -1;
	cJSON_ArrayForEach (item, member(edits, "hooks"))
		if (add_hook(item, spec, err) < 0)
			return -1;
	/* Zero would be root's group: the specification leaves it out. */
	cJSON_ArrayForEach (item, member(edits, "additionalGids"))
		if (cJSON_IsNumber(item) && item->valuedouble > 0 &&
		    strv_pushf(group_add, "%.0f", item->valuedouble) < 0)
			return crl_fail_oom(err);
	return 0;
}

/* --- the program --- */

static char **command_line(const struct mon_cdi *cdi)
{
	_cleanup_strv_ char **argv = NULL;
	int r = strv_push(&argv, cdi->program) < 0 || strv_push(&argv, "inject") < 0;
	for (char **d = cdi->dirs; !r && d && *d; d++)
		r = strv_push(&argv, *d) < 0;
	r = r || strv_push(&argv, "--") < 0;
	for (char **d = cdi->devices; !r && d && *d; d++)
		r = strv_push(&argv, *d) < 0;
	return r ? NULL : take_ptr(argv);
}

static int failed(const struct mon_cdi *cdi, int words_fd, int status, struct crl_err *err)
{
	_cleanup_free_ char *words = NULL;
	size_t len;
	if (WIFEXITED(status) && WEXITSTATUS(status) == NO_GPU)
		return crl_fail(err, CRL_INTERNAL, "%s",
				cdi->no_gpu ? cdi->no_gpu : "no known GPU vendor found");
	if (lseek(words_fd, 0, SEEK_SET) < 0 ||
	    fd_read_all(words_fd, ANSWER_MAX, &words, &len, err) < 0 || !*words)
		return crl_fail(err, CRL_INTERNAL, "CDI device injection failed: status %d",
				proc_exit_code(status));
	words[strcspn(words, "\n")] = '\0';
	return crl_fail(err, CRL_INTERNAL, "CDI device injection failed: %s", words);
}

int cdi_apply(const struct mon_cdi *cdi, struct oci_spec *spec, char ***group_add,
	      struct crl_err *err)
{
	static char *const env[] = {NULL};
	_cleanup_strv_ char **argv = command_line(cdi);
	_cleanup_close_ int out = memfd_create("cdi", MFD_CLOEXEC), pidfd = -1;
	_cleanup_close_ int words = memfd_create("cdi-errors", MFD_CLOEXEC);
	_cleanup_cjson_ cJSON *edits = NULL;
	_cleanup_free_ char *text = NULL;
	pid_t pid;
	size_t len;
	int status = 0;
	if (!argv || out < 0 || words < 0)
		return crl_fail_oom(err);
	const int fds[3] = {-1, out, words};
	const struct proc_spawn s = {
		.path = cdi->program, .argv = argv, .env = env, .fds = fds, .n_fds = 3};
	if (proc_spawn(&s, &pid, &pidfd, err) < 0)
		return -1;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return crl_fail_sys(err, errno, "crun-lite-cdi");
	if (status != 0)
		return failed(cdi, words, status, err);
	if (lseek(out, 0, SEEK_SET) < 0 || fd_read_all(out, ANSWER_MAX, &text, &len, err) < 0 ||
	    json_parse(text, len, ANSWER_MAX, &edits, err) < 0)
		return crl_context(err, "CDI device injection failed");
	return cdi_apply_edits(edits, spec, group_add, err);
}
