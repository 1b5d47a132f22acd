/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See runtimes.h. Owns what is known of each runtime: its path, its arguments,
 * and what `RUNTIME features` answers, in the background.
 */
#include "runtimes.h"

#include "background.h"
#include "config_keys.h"
#include "daemon.h"

#include <base/log.h>
#include <base/path.h>
#include <signal.h>

#define FEATURES_MAX (256U * 1024)
#define FEATURES_KEY "org.opencontainers.runtime-spec.features"
#define OWN_PROGRAM "crun-lite-runtime"

struct probe { /* one runtime's features */
	char *name;
	char *features; /* compact JSON, NULL = unknown */
	struct background *running;
	struct probe *next;
};

struct runtimes {
	struct probe *probes;
};

/* --- names --- */

static const char *const aliases[] = {"runc", "io.containerd.runc.v2"};

static const cJSON *configured(const struct daemon *d, const char *name)
{
	return name ? cJSON_GetObjectItemCaseSensitive(d->config.runtimes, name) : NULL;
}

bool runtime_is_own(const struct daemon *d, const char *name)
{
	if (str_empty(name))
		name = runtime_default(d);
	if (str_eq(name, RUNTIME_OWN))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(aliases); i++)
		if (str_eq(name, aliases[i]))
			return !configured(d, name);
	return false;
}

const char *runtime_default(const struct daemon *d)
{
	return str_empty(d->config.default_runtime) ? RUNTIME_OWN : d->config.default_runtime;
}

int runtime_check(const struct daemon *d, const char *name, struct crl_err *err)
{
	if (str_empty(name) || runtime_is_own(d, name) || configured(d, name))
		return 0;
	return crl_fail(err, CRL_INVALID, "unknown or invalid runtime name: %s", name);
}

/* --- programs --- */

/* As exec*p(3) would find it. */
static char *look_up(const char *program)
{
	const char *path = getenv("PATH");
	if (strchr(program, '/'))
		return strdup(program);
	_cleanup_strv_ char **dirs = strv_split(
		str_empty(path) ? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
				: path,
		":", false);
	for (char **d = dirs; d && *d; d++) {
		char *full = path_printf("%s/%s", *d, program);
		if (full && access(full, X_OK) == 0)
			return full;
		free(full);
	}
	return NULL;
}

static char **arguments(const cJSON *entry)
{
	char **args = NULL;
	const cJSON *item;
	cJSON_ArrayForEach (item, cJSON_GetObjectItemCaseSensitive(entry, "runtimeArgs")) {
		if (cJSON_IsString(item) && strv_push(&args, item->valuestring) < 0) {
			strv_free(args);
			return NULL;
		}
	}
	return args;
}

void runtime_free(struct mon_runtime *r)
{
	if (!r)
		return;
	free(r->name);
	free(r->path);
	strv_free(r->args);
	free(r);
}

int runtime_find(const struct daemon *d, const char *name, struct mon_runtime **ret,
		 struct crl_err *err)
{
	*ret = NULL;
	if (str_empty(name))
		name = runtime_default(d);
	if (runtime_is_own(d, name))
		return 0;
	const cJSON *entry = configured(d, name);
	const char *program = json_get_str(entry, "path");
	if (!program)
		return crl_fail(err, CRL_INVALID, "unknown or invalid runtime name: %s", name);
	char *path = look_up(program);
	if (!path || access(path, X_OK) < 0) {
		free(path);
		return crl_fail(err, CRL_INVALID,
				"error while looking up the specified runtime path: exec: \"%s\": "
				"executable file not found in $PATH",
				program);
	}
	struct mon_runtime *r = calloc(1, sizeof(*r));
	if (r)
		*r = (struct mon_runtime){
			.name = strdup(name), .path = path, .args = arguments(entry)};
	else
		free(path);
	if (!r || !r->name) {
		runtime_free(r);
		return crl_fail_oom(err);
	}
	*ret = r;
	return 0;
}

/* --- features --- */

static void probe_free(struct probe *p)
{
	background_free(p->running);
	free(p->name);
	free(p->features);
	free(p);
}

/* Clients parse it: only what is a JSON object gets through. */
static void on_features(const char *text, size_t len, void *data)
{
	struct probe *p = data;
	_cleanup_cjson_ cJSON *tree = NULL;
	struct crl_err err = CRL_ERR_INIT;
	if (text && json_parse(text, len, FEATURES_MAX, &tree, &err) == 0 && cJSON_IsObject(tree))
		p->features = cJSON_PrintUnformatted(tree);
	else
		log_debug("runtime without features", "runtime", p->name, NULL);
}

static int spawn_features(struct daemon *d, struct probe *p, const char *path, char **args,
			  struct crl_err *err)
{
	_cleanup_strv_ char **argv = NULL;
	if (strv_push(&argv, path) < 0)
		return crl_fail_oom(err);
	for (char **a = args; a && *a; a++)
		if (strv_push(&argv, *a) < 0)
			return crl_fail_oom(err);
	if (strv_push(&argv, "features") < 0)
		return crl_fail_oom(err);
	return background_run(d, argv, on_features, p, &p->running, err);
}

static struct probe *find_probe(const struct runtimes *rs, const char *name)
{
	for (struct probe *p = rs->probes; p; p = p->next)
		if (str_eq(p->name, name))
			return p;
	return NULL;
}

static void probe(struct daemon *d, const char *name, const char *program, const cJSON *entry)
{
	_cleanup_free_ char *path = look_up(program);
	_cleanup_strv_ char **args = arguments(entry);
	struct crl_err err = CRL_ERR_INIT;
	struct probe *p = calloc(1, sizeof(*p));
	if (!p)
		return;
	p->name = strdup(name);
	p->next = d->runtimes->probes;
	d->runtimes->probes = p;
	if (path && p->name && spawn_features(d, p, path, args, &err) < 0)
		log_debug("runtime without features", "runtime", name, "error", err.msg, NULL);
}

/* Those that were not asked yet: at the start, and after the configuration changed. */
static void probe_all(struct daemon *d)
{
	const cJSON *entry;
	if (!find_probe(d->runtimes, RUNTIME_OWN))
		probe(d, RUNTIME_OWN, OWN_PROGRAM, NULL);
	cJSON_ArrayForEach (entry, d->config.runtimes) {
		const char *program = json_get_str(entry, "path");
		if (program && !find_probe(d->runtimes, entry->string))
			probe(d, entry->string, program, entry);
	}
}

/* --- pause --- */

bool runtime_freeze(int64_t pid, const char *id, bool freeze)
{
	_cleanup_free_ char *path = path_printf("/proc/%lld/cgroup", (long long)pid), *text = NULL;
	struct crl_err err;
	if (!path || path_read_file(AT_FDCWD, path, FEATURES_MAX, &text, NULL, &err) < 0)
		return false;
	_cleanup_strv_ char **lines = strv_split(text, "\n", false);
	for (char **l = lines; l && *l; l++) {
		const char *group = strstr(*l, ":freezer:");
		/* Never a group that it shares with others: the daemon's own, perhaps. */
		if (!group || !strstr(group, id))
			continue;
		_cleanup_free_ char *file = path_printf("/sys/fs/cgroup/freezer%s/freezer.state",
							group + strlen(":freezer:"));
		return file &&
		       path_write_string(AT_FDCWD, file, freeze ? "FROZEN" : "THAWED", &err) == 0;
	}
	return false;
}

/* What waits there for a start that will not come; the group bears the container's id alone. */
static void kill_group(const char *group)
{
	_cleanup_free_ char *path = path_printf("%s/cgroup.procs", group), *text = NULL;
	struct crl_err ignored;
	if (!path || path_read_file(AT_FDCWD, path, FEATURES_MAX, &text, NULL, &ignored) < 0)
		return;
	_cleanup_strv_ char **pids = strv_split(text, "\n", false);
	for (char **p = pids; p && *p; p++) {
		int64_t pid;
		if (str_to_i64(*p, &pid) && pid > 1)
			(void)kill((pid_t)pid, SIGKILL);
	}
}

void runtime_end_groups(const struct daemon *d, const char *id, const char *parent)
{
	_cleanup_closedir_ DIR *dir = opendir("/sys/fs/cgroup");
	struct dirent *e;
	if (str_empty(parent))
		parent = str_empty(d->config.cgroup_parent) ? "docker" : d->config.cgroup_parent;
	while (dir && (e = readdir(dir))) {
		/* "." is the unified hierarchy of hosts that have no other. */
		_cleanup_free_ char *path =
			str_eq(e->d_name, "..")
				? NULL
				: path_printf("/sys/fs/cgroup/%s/%s/%s", e->d_name, parent, id);
		if (!path || access(path, F_OK) < 0)
			continue;
		kill_group(path);
		(void)rmdir(path);
	}
}

/* --- life --- */

int runtimes_init(struct daemon *d, struct crl_err *err)
{
	d->runtimes = calloc(1, sizeof(*d->runtimes));
	if (!d->runtimes)
		return crl_fail_oom(err);
	if (d->config.runtimes)
		probe_all(d);
	return 0;
}

void runtimes_free(struct runtimes *r)
{
	if (!r)
		return;
	while (r->probes) {
		struct probe *p = r->probes;
		r->probes = p->next;
		probe_free(p);
	}
	free(r);
}

/* --- info --- */

static void add_one(struct daemon *d, cJSON *list, const char *name, const char *path,
		    const cJSON *entry, const char *probed_as)
{
	cJSON *o = cJSON_AddObjectToObject(list, name);
	const struct probe *p = find_probe(d->runtimes, probed_as);
	const cJSON *args = cJSON_GetObjectItemCaseSensitive(entry, "runtimeArgs");
	json_add_str(o, "path", path);
	if (cJSON_GetArraySize(args) > 0)
		cJSON_AddItemToObject(o, "runtimeArgs", cJSON_Duplicate(args, true));
	if (p && p->features)
		json_add_str(cJSON_AddObjectToObject(o, "status"), FEATURES_KEY, p->features);
}

void runtimes_info(struct daemon *d, cJSON *info)
{
	const cJSON *entry;
	cJSON *list = cJSON_AddObjectToObject(info, "Runtimes");
	probe_all(d);
	add_one(d, list, RUNTIME_OWN, OWN_PROGRAM, NULL, RUNTIME_OWN);
	for (size_t i = 0; i < ARRAY_SIZE(aliases); i++)
		if (!configured(d, aliases[i]))
			add_one(d, list, aliases[i], OWN_PROGRAM, NULL, RUNTIME_OWN);
	cJSON_ArrayForEach (entry, d->config.runtimes) {
		const char *path = json_get_str(entry, "path");
		add_one(d, list, entry->string, path ? path : "", entry, entry->string);
	}
	json_add_str(info, "DefaultRuntime", runtime_default(d));
}

/* --- configuration --- */

static int check_entry(const cJSON *entry, struct crl_err *err)
{
	const char *path = json_get_str(entry, "path");
	const cJSON *args = cJSON_GetObjectItemCaseSensitive(entry, "runtimeArgs"), *item;
	if (str_eq(entry->string, RUNTIME_OWN))
		return crl_fail(err, CRL_INVALID, "runtime name '%s' is reserved", RUNTIME_OWN);
	if (json_get_str(entry, "runtimeType"))
		return crl_fail(err, CRL_INVALID,
				"runtime %s: runtimeType names a shim of containerd, and there is "
				"no containerd: configure a path",
				entry->string);
	if (str_empty(path))
		return crl_fail(err, CRL_INVALID,
				"runtime %s: either a runtimeType or a path must be configured",
				entry->string);
	if (args && !cJSON_IsArray(args))
		return crl_fail(err, CRL_INVALID, "runtime %s: runtimeArgs: expected a list",
				entry->string);
	cJSON_ArrayForEach (item, args)
		if (!cJSON_IsString(item))
			return crl_fail(err, CRL_INVALID,
					"runtime %s: runtimeArgs: expected a list of strings",
					entry->string);
	return 0;
}

int config_check_runtimes(const struct daemon_config *c, const struct config_row *row,
			  struct crl_err *err)
{
	const cJSON *entry;
	if (c->runtimes && !cJSON_IsObject(c->runtimes))
		return crl_fail(err, CRL_INVALID, "runtimes: expected an object");
	cJSON_ArrayForEach (entry, c->runtimes)
		if (check_entry(entry, err) < 0)
			return -1;
	return 0;
}

int config_check_default_runtime(const struct daemon_config *c, const struct config_row *row,
				 struct crl_err *err)
{
	const struct daemon d = {.config = *c};
	if (runtime_check(&d, c->default_runtime, err) == 0)
		return 0;
	return crl_fail(err, CRL_INVALID, "specified default runtime '%s' does not exist",
			c->default_runtime);
}

/* NAME=PATH */
int config_add_runtime(cJSON **tree, const char *value, struct crl_err *err)
{
	const char *eq = strchr(value, '=');
	_cleanup_free_ char *name = eq ? strndup(value, (size_t)(eq - value)) : NULL;
	if (str_empty(name) || !eq[1])
		return crl_fail(err, CRL_INVALID,
				"invalid runtime argument: %s: expected NAME=PATH", value);
	if (!*tree && !(*tree = cJSON_CreateObject()))
		return crl_fail_oom(err);
	if (cJSON_GetObjectItemCaseSensitive(*tree, name))
		return crl_fail(err, CRL_INVALID, "runtime '%s' was already defined", name);
	json_add_str(cJSON_AddObjectToObject(*tree, name), "path", eq + 1);
	return 0;
}
