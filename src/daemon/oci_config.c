/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the shape of config.json: process, root, mounts, namespaces, masks.
 * Policy that is a subject of its own is in oci_security.c and oci_resources.c.
 * See the OCI runtime specification, config.md and config-linux.md.
 */
#include "oci_config.h"
#include "container_users.h"

#include <base/array.h>
#include <base/path.h>
#include <crun-lite/runtime.h>
#include <sys/resource.h>

#define PATH_DEFAULT "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define INIT_IN_CONTAINER "/sbin/docker-init"

struct builder {
	const struct oci_input *in;
	struct oci_spec *spec;
	bool oom;
};

static char *copy(struct builder *b, const char *s)
{
	char *text = strdup(s ? s : "");
	b->oom |= !text;
	return text;
}

/* --- process --- */

static void set_env(struct builder *b, char ***env)
{
	const struct api_config *cfg = &b->in->rec->config;
	_cleanup_free_ char *host = path_printf("HOSTNAME=%s", b->in->hostname);
	b->oom |= strv_push(env, PATH_DEFAULT) < 0 || !host || strv_push(env, host) < 0;
	if (cfg->tty)
		b->oom |= strv_push(env, "TERM=xterm") < 0;
	for (char *const *e = b->in->link_env; e && *e; e++)
		b->oom |= strv_env_set(env, *e) < 0;
	for (char **e = cfg->env; e && *e; e++) {
		/* "NAME" without a value removes a variable of the image; create has merged them.
		 */
		if (strchr(*e, '='))
			b->oom |= strv_env_set(env, *e) < 0;
	}
}

static void set_args(struct builder *b, struct oci_process *p)
{
	const struct container_record *rec = b->in->rec;
	const struct opt_bool *init = &rec->host_config.init;
	if (init->set && init->v) {
		b->oom |= strv_push(&p->args, INIT_IN_CONTAINER) < 0;
		b->oom |= strv_push(&p->args, "--") < 0;
	}
	b->oom |= strv_push(&p->args, rec->path) < 0;
	for (char **a = rec->args; a && *a; a++)
		b->oom |= strv_push(&p->args, *a) < 0;
}

static struct oci_rlimit *add_rlimit(struct oci_process *p, const char *type)
{
	struct oci_rlimit *r = array_grow(&p->rlimits, &p->n_rlimits, sizeof(*r));
	if (!r)
		return NULL;
	r->type = strdup(type);
	return r->type ? r : NULL;
}

int oci_rlimits(const struct api_resources *res, struct oci_process *p)
{
	bool nofile = false;
	for (size_t i = 0; i < res->n_ulimits; i++) {
		const struct api_ulimit *u = &res->ulimits[i];
		char type[64] = "RLIMIT_";
		for (size_t k = 0; u->name && u->name[k] && k + 8 < sizeof(type); k++)
			type[7 + k] = (char)(u->name[k] >= 'a' && u->name[k] <= 'z'
						     ? u->name[k] - 'a' + 'A'
						     : u->name[k]);
		nofile |= str_eq(type, "RLIMIT_NOFILE");
		struct oci_rlimit *r = add_rlimit(p, type);
		if (!r)
			return -1;
		r->soft = (uint64_t)u->soft;
		r->hard = (uint64_t)u->hard;
	}
	struct rlimit own;
	if (nofile || getrlimit(RLIMIT_NOFILE, &own) < 0)
		return 0;
	/* The daemon raised its own soft limit; programs that close "all" descriptors would crawl.
	 */
	struct oci_rlimit *r = add_rlimit(p, "RLIMIT_NOFILE");
	if (!r)
		return -1;
	r->hard = own.rlim_max;
	r->soft = own.rlim_max < 1024 ? own.rlim_max : 1024;
	return 0;
}

static int set_caps(struct builder *b, char ***ret_caps, struct crl_err *err)
{
	_cleanup_strv_ char **caps = NULL;
	if (oci_caps(&b->in->rec->host_config, &caps, err) < 0)
		return -1;
	struct oci_capabilities *c = calloc(1, sizeof(*c));
	if (!c)
		return crl_fail_oom(err);
	b->spec->process->capabilities = c;
	c->bounding = strv_copy(caps);
	c->effective = strv_copy(caps);
	c->permitted = strv_copy(caps);
	b->oom |= caps && (!c->bounding || !c->effective || !c->permitted);
	*ret_caps = take_ptr(caps);
	return 0;
}

static void set_console_size(struct oci_process *p, const cJSON *size)
{
	if (!cJSON_IsArray(size) || cJSON_GetArraySize(size) != 2)
		return;
	double h = cJSON_GetNumberValue(cJSON_GetArrayItem(size, 0));
	double w = cJSON_GetNumberValue(cJSON_GetArrayItem(size, 1));
	if (!(h > 0 && h < 65536 && w > 0 && w < 65536))
		return;
	p->console_size = calloc(1, sizeof(*p->console_size));
	if (p->console_size)
		*p->console_size = (struct oci_box){.height = (uint32_t)h, .width = (uint32_t)w};
}

static int set_process(struct builder *b, char ***ret_caps, struct crl_err *err)
{
	const struct container_record *rec = b->in->rec;
	struct oci_process *p = calloc(1, sizeof(*p));
	if (!p)
		return crl_fail_oom(err);
	b->spec->process = p;
	p->terminal = rec->config.tty;
	if (p->terminal)
		set_console_size(p, rec->host_config.console_size);
	set_args(b, p);
	set_env(b, &p->env);
	p->cwd = copy(b, str_empty(rec->config.working_dir) ? "/" : rec->config.working_dir);
	p->oom_score_adj.set = rec->host_config.oom_score_adj != 0;
	p->oom_score_adj.v = rec->host_config.oom_score_adj;
	b->oom |= oci_rlimits(&b->in->rec->host_config.res, b->spec->process) < 0;
	return set_caps(b, ret_caps, err);
}

/* --- mounts --- */

static struct oci_mount *add_mount(struct builder *b, const char *dest, const char *type,
				   const char *source, const char *options)
{
	struct oci_mount *m = array_grow(&b->spec->mounts, &b->spec->n_mounts, sizeof(*m));
	if (!m) {
		b->oom = true;
		return NULL;
	}
	m->destination = copy(b, dest);
	m->type = copy(b, type);
	m->source = copy(b, source);
	m->options = strv_split(options, ",", false);
	b->oom |= !m->options;
	return m;
}

/* A user's mount replaces the default one at the same place. */
static bool user_mounts_at(const struct builder *b, const char *dest)
{
	const struct container_record *rec = b->in->rec;
	for (size_t i = 0; i < rec->n_mounts; i++)
		if (str_eq(rec->mounts[i].destination, dest))
			return true;
	return false;
}

static void add_default(struct builder *b, const char *dest, const char *type, const char *source,
			const char *options)
{
	if (!user_mounts_at(b, dest))
		add_mount(b, dest, type, source, options);
}

static void set_shm(struct builder *b)
{
	char options[96];
	if (b->in->shm_source) {
		add_default(b, "/dev/shm", "bind", b->in->shm_source, "rbind,rprivate");
		return;
	}
	snprintf(options, sizeof(options), "nosuid,noexec,nodev,mode=1777,size=%lld",
		 (long long)b->in->rec->host_config.shm_size);
	add_default(b, "/dev/shm", "tmpfs", "shm", options);
}

/* Never the host's: only what is below the container's own, in a view of its own. */
static bool writable_cgroups(const struct api_host_config *hc)
{
	struct oci_security sec = {0};
	struct crl_err ignored;
	bool writable = oci_security_parse(hc, &sec, &ignored) == 0 && sec.writable_cgroups;
	oci_security_free(&sec);
	return writable && !str_eq(hc->cgroupns_mode, "host");
}

static void set_default_mounts(struct builder *b)
{
	const struct api_host_config *hc = &b->in->rec->host_config;
	bool privileged = hc->privileged;
	add_default(b, "/proc", "proc", "proc", "nosuid,noexec,nodev");
	add_default(b, "/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k");
	add_default(b, "/dev/pts", "devpts", "devpts",
		    "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5");
	add_default(b, "/sys", "sysfs", "sysfs",
		    privileged ? "nosuid,noexec,nodev" : "nosuid,noexec,nodev,ro");
	add_default(b, "/sys/fs/cgroup", "cgroup", "cgroup",
		    privileged || writable_cgroups(hc) ? "nosuid,noexec,nodev"
						       : "ro,nosuid,noexec,nodev");
	/*
	 * Shows the queues of the IPC namespace it is mounted from, so it fits "host", too. There
	 * a container with users of its own may not mount one.
	 */
	if (str_eq(hc->ipc_mode, "host") && container_users_own(b->in->rec))
		add_default(b, "/dev/mqueue", "bind", "/dev/mqueue", "rbind,rprivate");
	else
		add_default(b, "/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev");
	if (!str_eq(hc->ipc_mode, "none"))
		set_shm(b);
}

static const char *mapped(const struct builder *b, const struct container_mount *m)
{
	if (!container_users_maps(b->in->rec, m))
		return "";
	return m->non_recursive ? ",idmap" : ",ridmap";
}

static void add_user_mount(struct builder *b, const struct container_mount *m)
{
	if (str_eq(m->type, "tmpfs")) {
		_cleanup_free_ char *options =
			path_printf("noexec,nosuid,nodev%s%s", str_empty(m->options) ? "" : ",",
				    m->options ? m->options : "");
		add_mount(b, m->destination, "tmpfs", "tmpfs", options ? options : "");
		return;
	}
	const char *propagation = str_empty(m->propagation) ? "rprivate" : m->propagation;
	/* Read-only is meant for everything below, too: Docker's rule since 25. */
	bool below = str_eq(m->type, "bind") && !m->read_only_top && !m->non_recursive;
	bool copy = str_eq(m->type, "volume") && m->rw && !m->no_copy;
	_cleanup_free_ char *options =
		path_printf("%s,%s%s%s%s", m->non_recursive ? "bind" : "rbind", propagation,
			    m->rw   ? ""
			    : below ? ",ro,rro"
				    : ",ro",
			    copy ? ",copyup" : "", mapped(b, m));
	add_mount(b, m->destination, "bind", m->source, options ? options : "");
}

static void add_etc_file(struct builder *b, const char *dir, const char *file, const char *dest)
{
	_cleanup_free_ char *source = path_printf("%s/%s", dir, file);
	b->oom |= !source;
	if (source && !user_mounts_at(b, dest))
		add_mount(b, dest, "bind", source,
			  b->in->rec->host_config.readonly_rootfs ? "rbind,rprivate,ro"
								  : "rbind,rprivate");
}

static size_t path_depth(const char *path)
{
	size_t n = 0;
	for (; *path; path++)
		n += *path == '/' && path[1] && path[1] != '/';
	return n;
}

/* Parents before children: /data before /data/cache, whatever order they were given in. */
static void set_user_mounts(struct builder *b)
{
	const struct container_record *rec = b->in->rec;
	size_t done = 0;
	for (size_t depth = 0; done < rec->n_mounts && depth < 4096; depth++) {
		for (size_t i = 0; i < rec->n_mounts; i++) {
			if (path_depth(rec->mounts[i].destination) != depth)
				continue;
			add_user_mount(b, &rec->mounts[i]);
			done++;
		}
	}
}

static void set_mounts(struct builder *b)
{
	const struct opt_bool *init = &b->in->rec->host_config.init;
	const char *etc = b->in->hosts_dir ? b->in->hosts_dir : b->in->dir;
	set_default_mounts(b);
	add_etc_file(b, etc, "resolv.conf", "/etc/resolv.conf");
	add_etc_file(b, etc, "hostname", "/etc/hostname");
	add_etc_file(b, etc, "hosts", "/etc/hosts");
	if (init->set && init->v)
		add_mount(b, INIT_IN_CONTAINER, "bind", b->in->init_path, "bind,ro");
	set_user_mounts(b);
}

/* --- namespaces and masks --- */

static void add_namespace(struct builder *b, const char *type, const char *path)
{
	struct oci_linux *l = b->spec->linux_;
	struct oci_namespace *ns = array_grow(&l->namespaces, &l->n_namespaces, sizeof(*ns));
	if (!ns) {
		b->oom = true;
		return;
	}
	ns->type = copy(b, type);
	if (path)
		ns->path = copy(b, path);
}

static struct oci_id_mapping *copy_rows(struct builder *b, const struct oci_id_mapping *rows,
					size_t n, size_t *ret_n)
{
	struct oci_id_mapping *out = calloc(n, sizeof(*out));
	b->oom |= !out;
	if (out)
		memcpy(out, rows, n * sizeof(*out));
	*ret_n = out ? n : 0;
	return out;
}

static void set_users(struct builder *b)
{
	const struct container_record *rec = b->in->rec;
	struct oci_linux *l = b->spec->linux_;
	add_namespace(b, "user", b->in->userns_path);
	l->uid_mappings = copy_rows(b, rec->uid_map, rec->n_uid_map, &l->n_uid_mappings);
	l->gid_mappings = copy_rows(b, rec->gid_map, rec->n_gid_map, &l->n_gid_mappings);
}

static void set_namespaces(struct builder *b)
{
	const struct api_host_config *hc = &b->in->rec->host_config;
	add_namespace(b, "mount", NULL);
	if (container_users_own(b->in->rec))
		set_users(b);
	if (!str_eq(hc->network_mode, "host"))
		add_namespace(b, "network", b->in->netns_path);
	if (!str_eq(hc->uts_mode, "host"))
		add_namespace(b, "uts", NULL);
	if (!str_eq(hc->pid_mode, "host"))
		add_namespace(b, "pid", b->in->pid_path);
	if (!str_eq(hc->ipc_mode, "host"))
		add_namespace(b, "ipc", b->in->ipc_path);
	if (!str_eq(hc->cgroupns_mode, "host"))
		add_namespace(b, "cgroup", NULL);
}

static void set_masks(struct builder *b)
{
	const struct api_host_config *hc = &b->in->rec->host_config;
	if (hc->privileged)
		return;
	b->spec->linux_->masked_paths = strv_copy(hc->masked_paths);
	b->spec->linux_->readonly_paths = strv_copy(hc->readonly_paths);
}

/*
 * The network helper sets Docker's defaults in the namespaces it makes; for "none" the runtime
 * makes one. Groups that a user namespace does not have cannot be named there.
 */
static void set_sysctls(struct builder *b)
{
	const struct container_record *rec = b->in->rec;
	struct strmap *to = &b->spec->linux_->sysctl;
	char range[32];
	if (rec->host_config.sysctls.n)
		b->oom |= strmap_copy(to, &rec->host_config.sysctls) < 0;
	if (!str_eq(rec->host_config.network_mode, "none") && !rec->config.network_disabled)
		return;
	snprintf(range, sizeof(range), "0 %u",
		 rec->n_gid_map ? rec->gid_map[0].size - 1 : (unsigned)INT32_MAX);
	if (!strmap_get(to, "net.ipv4.ip_unprivileged_port_start"))
		b->oom |= strmap_set(to, "net.ipv4.ip_unprivileged_port_start", "0") < 0;
	if (!strmap_get(to, "net.ipv4.ping_group_range"))
		b->oom |= strmap_set(to, "net.ipv4.ping_group_range", range) < 0;
}

static void set_identity(struct builder *b)
{
	const struct container_record *rec = b->in->rec;
	struct oci_spec *s = b->spec;
	s->oci_version = copy(b, "1.2.0");
	s->root->path = copy(b, "rootfs");
	s->root->readonly = rec->host_config.readonly_rootfs;
	if (!str_eq(rec->host_config.uts_mode, "host")) {
		s->hostname = copy(b, b->in->hostname);
		if (!str_empty(rec->config.domainname))
			s->domainname = copy(b, rec->config.domainname);
	}
	const char *parent = rec->host_config.res.cgroup_parent;
	s->linux_->cgroups_path =
		path_printf("%s%s/%s", str_empty(parent) || *parent == '/' ? "" : "/",
			    str_empty(parent) ? "/docker" : parent, rec->id);
	s->linux_->rootfs_propagation = NULL;
	b->oom |= !s->linux_->cgroups_path ||
		  strmap_copy(&s->annotations, &rec->host_config.annotations) < 0;
	set_sysctls(b);
}

static int set_security(struct builder *b, char *const *caps, bool *ret_default,
			struct crl_err *err)
{
	const struct api_host_config *hc = &b->in->rec->host_config;
	struct oci_security sec = {0};
	if (oci_security_parse(hc, &sec, err) < 0)
		return -1;
	b->spec->process->no_new_privileges = sec.no_new_privileges || b->in->no_new_privileges;
	bool unconfined = sec.seccomp_unconfined || (hc->privileged && !sec.seccomp_profile);
	int r = 0;
	if (sec.seccomp_profile)
		r = oci_seccomp_from_profile(sec.seccomp_profile, caps, &b->spec->linux_->seccomp,
					     err);
	*ret_default = !unconfined && !sec.seccomp_profile;
	oci_security_free(&sec);
	return r;
}

static int set_linux(struct builder *b, struct crl_err *err)
{
	const struct api_host_config *hc = &b->in->rec->host_config;
	set_namespaces(b);
	set_masks(b);
	b->spec->linux_->resources = calloc(1, sizeof(*b->spec->linux_->resources));
	if (!b->spec->linux_->resources)
		return crl_fail_oom(err);
	if (oci_resources_fill(&hc->res, b->spec->linux_->resources, err) < 0)
		return -1;
	return oci_devices_fill(hc, b->spec->linux_, err);
}

static int build(struct builder *b, bool *ret_default_seccomp, struct crl_err *err)
{
	_cleanup_strv_ char **caps = NULL;
	b->spec->root = calloc(1, sizeof(*b->spec->root));
	b->spec->linux_ = calloc(1, sizeof(*b->spec->linux_));
	if (!b->spec->root || !b->spec->linux_)
		return crl_fail_oom(err);
	set_identity(b);
	if (set_process(b, &caps, err) < 0)
		return -1;
	set_mounts(b);
	if (set_linux(b, err) < 0 || set_security(b, caps, ret_default_seccomp, err) < 0)
		return -1;
	return b->oom ? crl_fail_oom(err) : 0;
}

int oci_config_build(const struct oci_input *in, struct oci_spec *ret, bool *ret_default_seccomp,
		     struct crl_err *err)
{
	struct oci_spec spec = {0};
	struct builder b = {.in = in, .spec = &spec};
	if (build(&b, ret_default_seccomp, err) < 0) {
		json_free(&oci_spec_json, &spec);
		return -1;
	}
	*ret = spec;
	return 0;
}

char *oci_config_text(const struct oci_spec *spec, const char *seccomp)
{
	_cleanup_cjson_ cJSON *tree = json_encode_tree(&oci_spec_json, spec);
	if (!tree)
		return NULL;
	cJSON *l = cJSON_GetObjectItemCaseSensitive(tree, "linux");
	if (seccomp && l) {
		cJSON_DeleteItemFromObjectCaseSensitive(l, "seccomp");
		cJSON_AddItemToObject(l, "seccomp", cJSON_CreateRaw(seccomp));
	}
	return cJSON_PrintUnformatted(tree);
}
