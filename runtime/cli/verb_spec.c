/* SPDX-License-Identifier: GPL-2.0-or-later */
/* spec: a config.json to start from, built from the same policy the daemon uses. */
#include "args.h"
#include "cli.h"
#include <base/path.h>
#include <errno.h>
#include <fcntl.h>

static const struct {
	const char *destination, *type, *source;
	const char *options; /* comma-separated */
} mounts[] = {
	{"/proc", "proc", "proc", "nosuid,noexec,nodev"},
	{"/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k"},
	{"/dev/pts", "devpts", "devpts", "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5"},
	{"/dev/shm", "tmpfs", "shm", "nosuid,noexec,nodev,mode=1777,size=65536k"},
	{"/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev"},
	{"/sys", "sysfs", "sysfs", "nosuid,noexec,nodev,ro"},
	{"/sys/fs/cgroup", "cgroup", "cgroup", "nosuid,noexec,nodev,relatime,ro"},
};

static cJSON *strings(const char *const *v)
{
	cJSON *a = cJSON_CreateArray();
	for (; v && *v; v++)
		cJSON_AddItemToArray(a, cJSON_CreateString(*v));
	return a;
}

static cJSON *words(const char *text)
{
	_cleanup_strv_ char **v = strv_split(text, ",", false);
	return strings((const char *const *)v);
}

static cJSON *make_process(void)
{
	cJSON *p = cJSON_CreateObject();
	cJSON_AddBoolToObject(p, "terminal", true);
	cJSON *user = cJSON_AddObjectToObject(p, "user");
	cJSON_AddNumberToObject(user, "uid", 0);
	cJSON_AddNumberToObject(user, "gid", 0);
	cJSON_AddItemToObject(p, "args", words("sh"));
	cJSON_AddItemToObject(p, "env",
			      words("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/"
				    "bin,TERM=xterm"));
	cJSON_AddStringToObject(p, "cwd", "/");
	cJSON *caps = cJSON_AddObjectToObject(p, "capabilities");
	cJSON_AddItemToObject(caps, "bounding", strings(crl_default_capabilities));
	cJSON_AddItemToObject(caps, "effective", strings(crl_default_capabilities));
	cJSON_AddItemToObject(caps, "permitted", strings(crl_default_capabilities));
	cJSON_AddBoolToObject(p, "noNewPrivileges", true);
	return p;
}

static cJSON *make_mounts(void)
{
	cJSON *all = cJSON_CreateArray();
	for (size_t i = 0; i < ARRAY_SIZE(mounts); i++) {
		cJSON *m = cJSON_CreateObject();
		cJSON_AddStringToObject(m, "destination", mounts[i].destination);
		cJSON_AddStringToObject(m, "type", mounts[i].type);
		cJSON_AddStringToObject(m, "source", mounts[i].source);
		cJSON_AddItemToObject(m, "options", words(mounts[i].options));
		cJSON_AddItemToArray(all, m);
	}
	return all;
}

static int make_linux(cJSON **ret, struct crl_err *err)
{
	static const char *const kinds[] = {"pid",   "network", "ipc", "uts",
					    "mount", "cgroup",  NULL};
	struct oci_linux_seccomp *seccomp;
	_cleanup_strv_ char **masked = crl_masked_paths(CRL_CPU_DIR);
	if (!masked)
		return crl_fail_oom(err);
	if (crl_seccomp_default((char *const *)(uintptr_t)crl_default_capabilities, &seccomp, err) <
	    0)
		return -1;
	cJSON *l = cJSON_CreateObject();
	cJSON *namespaces = cJSON_AddArrayToObject(l, "namespaces");
	for (size_t i = 0; kinds[i]; i++) {
		cJSON *n = cJSON_CreateObject();
		cJSON_AddStringToObject(n, "type", kinds[i]);
		cJSON_AddItemToArray(namespaces, n);
	}
	cJSON_AddItemToObject(l, "maskedPaths", strings((const char *const *)masked));
	cJSON_AddItemToObject(l, "readonlyPaths", strings(crl_default_readonly_paths));
	cJSON_AddItemToObject(l, "seccomp", json_encode_tree(&oci_seccomp_json, seccomp));
	json_free(&oci_seccomp_json, seccomp);
	free(seccomp);
	*ret = l;
	return 0;
}

static int make_spec(cJSON **ret, struct crl_err *err)
{
	cJSON *l;
	if (make_linux(&l, err) < 0)
		return -1;
	cJSON *o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "ociVersion", "1.2.0");
	cJSON_AddItemToObject(o, "process", make_process());
	cJSON *root = cJSON_AddObjectToObject(o, "root");
	cJSON_AddStringToObject(root, "path", "rootfs");
	cJSON_AddBoolToObject(root, "readonly", true);
	cJSON_AddStringToObject(o, "hostname", "crun-lite");
	cJSON_AddItemToObject(o, "mounts", make_mounts());
	cJSON_AddItemToObject(o, "linux", l);
	*ret = o;
	return 0;
}

int verb_spec(struct cli *cli, int argc, char **argv, struct crl_err *err)
{
	const char *bundle = ".";
	bool rootless = false;
	const struct arg args[] = {
		{"bundle", 'b', ARG_STRING, &bundle, "folder to write config.json to"},
		{"rootless", 0, ARG_FLAG, &rootless, NULL},
		{0}};
	if (args_parse(args, argc, argv, err) < 0)
		return 1;
	if (rootless) {
		crl_fail(err, CRL_UNSUPPORTED, "rootless containers are not offered");
		return 1;
	}
	_cleanup_cjson_ cJSON *o = NULL;
	if (make_spec(&o, err) < 0)
		return 1;
	char *text = cJSON_Print(o);
	_cleanup_free_ char *file = path_printf("%s/config.json", bundle);
	_cleanup_close_ int fd =
		file ? open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644) : -1;
	if (fd < 0)
		crl_fail_sys(err, errno, "%s", file);
	else if (dprintf(fd, "%s\n", text) < 0)
		crl_fail_sys(err, errno, "write %s", file);
	cJSON_free(text);
	return err->code ? 1 : 0;
}
