/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Judges config.json before anything is made: what is wrong or what this
 * runtime cannot do is refused here, with the field's name. Never skipped.
 */
#include "namespaces.h"
#include "outer.h"
#include "process.h"
#include "rt.h"
#include "sysctl.h"
#include <ctype.h>
#include <fcntl.h>

/* One path component: letters, digits and "_+-." , not beginning with a dot. */
bool check_id(const char *id)
{
	if (str_empty(id) || strlen(id) > 1024 || id[0] == '.')
		return false;
	for (const char *s = id; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("_+-.", *s))
			return false;
	return true;
}

static int check_version(const char *v, struct crl_err *err)
{
	/* The specification promises that 1.x stays compatible. */
	if (str_starts(v, "1.") && isdigit((unsigned char)v[2]))
		return 0;
	return crl_fail(err, CRL_UNSUPPORTED, "ociVersion \"%s\": this runtime knows 1.x", v);
}

static int check_process(const struct oci_process *p, struct crl_err *err)
{
	if (!p)
		return crl_fail(err, CRL_INVALID, "process: missing");
	if (!p->args || !p->args[0])
		return crl_fail(err, CRL_INVALID, "process.args: no command is given");
	if (p->cwd[0] != '/')
		return crl_fail(err, CRL_INVALID, "process.cwd \"%s\": not an absolute path",
				p->cwd);
	for (size_t i = 0; p->env && p->env[i]; i++)
		if (!strchr(p->env[i], '=') || p->env[i][0] == '=')
			return crl_fail(err, CRL_INVALID, "process.env \"%s\": not NAME=VALUE",
					p->env[i]);
	for (size_t i = 0; i < p->n_rlimits; i++)
		for (size_t k = 0; k < i; k++)
			if (str_eq(p->rlimits[i].type, p->rlimits[k].type))
				return crl_fail(err, CRL_INVALID,
						"process.rlimits: %s is given twice",
						p->rlimits[i].type);
	return process_check_offered(p, err);
}

static bool json_filled(const cJSON *j)
{
	return j && !cJSON_IsNull(j) && (!(cJSON_IsObject(j) || cJSON_IsArray(j)) || j->child);
}

static int check_linux(const struct oci_linux *l, struct crl_err *err)
{
	static const char *const refused[] = {"linux.intelRdt", "linux.memoryPolicy",
					      "linux.netDevices", "linux.personality"};
	const cJSON *const values[] = {l->intel_rdt, l->memory_policy, l->net_devices,
				       l->personality};
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		if (json_filled(values[i]))
			return crl_fail(err, CRL_UNSUPPORTED, "%s is not offered", refused[i]);
	if (!str_empty(l->mount_label))
		return crl_fail(err, CRL_UNSUPPORTED, "linux.mountLabel is not offered");
	return 0;
}

static int check_mounts(struct crl_rt *rt, struct crl_err *err)
{
	const struct oci_spec *spec = rt->spec;
	for (size_t i = 0; i < spec->n_mounts; i++) {
		const struct oci_mount *m = &spec->mounts[i];
		if (str_empty(m->destination))
			return crl_fail(err, CRL_INVALID, "mounts[%zu].destination: empty", i);
		if (outer_check_mount(rt, m, err) < 0)
			return -1;
		if (strv_contains(m->options, "remount") &&
		    rt_warn(rt, err,
			    "mount %s: option \"remount\" is not applied: mounts are made new",
			    m->destination) < 0)
			return -1;
	}
	return 0;
}

static int check_userns(const struct crl_rt *rt, struct crl_err *err)
{
	const struct oci_linux *l = rt->spec->linux_;
	bool mapped = l->n_uid_mappings || l->n_gid_mappings;
	if (!outer_userns_wanted(rt))
		return mapped ? crl_fail(err, CRL_INVALID,
					 "linux.uidMappings: the container has no user namespace")
			      : 0;
	/* One that exists has a map already: the caller may leave it out. */
	if (!mapped && rt->ns.join[NS_USER] >= 0)
		return 0;
	const struct userns_map map = outer_map(rt);
	if (userns_check(&map, err) < 0)
		return crl_context(err, "linux");
	if (userns_to_host(map.uids, map.n_uids, 0) < 0 ||
	    userns_to_host(map.gids, map.n_gids, 0) < 0)
		return crl_fail(err, CRL_INVALID,
				"linux.uidMappings and gidMappings must map container id 0");
	return 0;
}

static int check_namespaces(const struct crl_rt *rt, struct crl_err *err)
{
	const struct oci_spec *spec = rt->spec;
	if (!rt->ns.fresh[NS_MOUNT])
		return crl_fail(err, CRL_UNSUPPORTED,
				"linux.namespaces: a new mount namespace is needed");
	if ((!str_empty(spec->hostname) || !str_empty(spec->domainname)) &&
	    !namespaces_own(&rt->ns, NS_UTS))
		return crl_fail(err, CRL_INVALID,
				"hostname: would change the host: the container has "
				"no own uts namespace");
	return sysctl_check(&spec->linux_->sysctl, &rt->ns, err);
}

/* A descriptor that is not open now could become one of ours, and reach the payload. */
static int check_preserved(int n, struct crl_err *err)
{
	for (int fd = 3; fd < 3 + n; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			return crl_fail(err, CRL_INVALID,
					"preserve-fds %d: descriptor %d is not open", n, fd);
	return 0;
}

int check_spec(struct crl_rt *rt, struct crl_err *err)
{
	const struct oci_spec *spec = rt->spec;
	if (!check_id(rt->id))
		return crl_fail(err, CRL_INVALID,
				"container id \"%.64s\": letters, digits and _+-. only", rt->id);
	if (check_version(spec->oci_version, err) < 0 || check_process(spec->process, err) < 0 ||
	    check_preserved(rt->opt.preserve_fds, err) < 0)
		return -1;
	if (rt->opt.rootfs_fd < 0 && (!spec->root || str_empty(spec->root->path)))
		return crl_fail(err, CRL_INVALID, "root.path: missing");
	if (!spec->linux_)
		return crl_fail(err, CRL_INVALID, "linux: missing");
	if (check_linux(spec->linux_, err) < 0)
		return -1;
	if (namespaces_open(&rt->ns, spec->linux_, rt->opt.netns_fd, err) < 0 ||
	    check_userns(rt, err) < 0 || check_mounts(rt, err) < 0)
		return -1;
	return check_namespaces(rt, err);
}
