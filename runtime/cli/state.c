/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ROOT/ID: what one call of the program leaves for the next. See OCI runtime.md "State". */
#include "../rt.h"
#include "cli.h"
#include <base/ident.h>
#include <base/path.h>
#include <base/proc.h>
#include <errno.h>
#include <sys/stat.h>

static const struct json_field state_fields[] = {
	JSON_STR(struct state, oci_version, "ociVersion", 0),
	JSON_STR(struct state, id, "id", JSON_REQUIRED),
	JSON_I64(struct state, pid, "pid", 0),
	JSON_U64(struct state, start_ticks, "startTicks", 0),
	JSON_STR(struct state, bundle, "bundle", 0),
	JSON_STR(struct state, rootfs, "rootfs", 0),
	JSON_STR(struct state, cgroup, "cgroup", 0),
	JSON_STR(struct state, created, "created", 0),
	JSON_STRMAP(struct state, annotations, "annotations", JSON_OMIT_EMPTY),
};
const struct json_table state_json = JSON_TABLE("state.json", struct state, state_fields);

void state_free(struct state *s)
{
	json_free(&state_json, s);
}

static char *state_path(struct cli *cli, const char *id)
{
	return path_printf("%s/%s", cli->root, id);
}

static int check_name(const char *id, struct crl_err *err)
{
	if (check_id(id))
		return 0;
	return crl_fail(err, CRL_INVALID, "invalid container id \"%.64s\"", id);
}

int state_open_dir(struct cli *cli, const char *id, int *ret_dir, struct crl_err *err)
{
	if (check_name(id, err) < 0)
		return -1;
	_cleanup_free_ char *path = state_path(cli, id);
	if (!path)
		return crl_fail_oom(err);
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0 && errno == ENOENT)
		return crl_fail(err, CRL_NOT_FOUND, "container \"%s\" does not exist", id);
	if (dir < 0)
		return crl_fail_sys(err, errno, "open %s", path);
	*ret_dir = dir;
	return 0;
}

int state_reserve(struct cli *cli, const char *id, int *ret_dir, struct crl_err *err)
{
	if (check_name(id, err) < 0)
		return -1;
	_cleanup_free_ char *path = state_path(cli, id);
	if (!path)
		return crl_fail_oom(err);
	int r = mkdir(path, 0700);
	if (r < 0 && errno == ENOENT) {
		if (path_mkdir_p(cli->root, 0700, err) < 0)
			return -1;
		r = mkdir(path, 0700);
	}
	if (r < 0 && errno == EEXIST)
		return crl_fail(err, CRL_CONFLICT, "container with id exists: %s", id);
	if (r < 0)
		return crl_fail_sys(err, errno, "make %s", path);
	return state_open_dir(cli, id, ret_dir, err);
}

int state_write(int dir, const struct state *s, struct crl_err *err)
{
	_cleanup_free_ char *text = json_encode(&state_json, s);
	if (!text)
		return crl_fail_oom(err);
	return path_write_atomic(dir, "state.json", text, strlen(text), 0600, false, err);
}

int state_read(struct cli *cli, const char *id, struct state *ret, struct crl_err *err)
{
	_cleanup_close_ int dir = -1;
	_cleanup_free_ char *text = NULL;
	size_t len;
	if (state_open_dir(cli, id, &dir, err) < 0)
		return -1;
	if (path_read_file(dir, "state.json", CLI_CONFIG_LIMIT, &text, &len, err) < 0) {
		if (err->code == CRL_NOT_FOUND)
			return crl_fail(err, CRL_NOT_FOUND, "container \"%s\" does not exist", id);
		return -1;
	}
	*ret = (struct state){0};
	return json_decode(&state_json, text, len, JSON_LAX, ret, err);
}

void state_remove(struct cli *cli, const char *id)
{
	_cleanup_close_ int root = open(cli->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root >= 0 && check_id(id))
		path_remove_tree(root, id, NULL);
}

static bool is_frozen(const char *cgroup)
{
	_cleanup_free_ char *file = path_printf("%s/cgroup.events", cgroup);
	_cleanup_free_ char *text = NULL;
	size_t len;
	return file && path_read_file(AT_FDCWD, file, 4096, &text, &len, NULL) == 0 &&
	       strstr(text, "frozen 1");
}

/* A zombie that nobody reaped yet has ended, too. */
static bool is_alive(const struct state *s)
{
	_cleanup_close_ int fd = -1;
	if (s->pid <= 0 || proc_open_pidfd((pid_t)s->pid, s->start_ticks, &fd, NULL) < 0)
		return false;
	char path[64];
	snprintf(path, sizeof(path), "/proc/%lld/stat", (long long)s->pid);
	_cleanup_free_ char *text = NULL;
	size_t len;
	if (path_read_file(AT_FDCWD, path, 4096, &text, &len, NULL) < 0)
		return false;
	const char *p = strrchr(text, ')');
	return p && p[1] == ' ' && p[2] != 'Z' && p[2] != 'X';
}

const char *state_status(struct cli *cli, const struct state *s)
{
	if (!is_alive(s))
		return "stopped";
	_cleanup_free_ char *fifo = path_printf("%s/%s/" STATE_FIFO, cli->root, s->id);
	if (fifo && access(fifo, F_OK) == 0)
		return "created";
	if (!str_empty(s->cgroup) && is_frozen(s->cgroup))
		return "paused";
	return "running";
}

int state_read_config(struct cli *cli, const char *id, struct oci_spec *ret, struct crl_err *err)
{
	_cleanup_close_ int dir = -1;
	_cleanup_free_ char *text = NULL;
	size_t len;
	if (state_open_dir(cli, id, &dir, err) < 0 ||
	    path_read_file(dir, STATE_CONFIG, CLI_CONFIG_LIMIT, &text, &len, err) < 0)
		return -1;
	*ret = (struct oci_spec){0};
	return json_decode(&oci_spec_json, text, len, JSON_LAX, ret, err);
}

char *cli_cache_dir(struct cli *cli)
{
	char *dir = path_printf("%s/.cache", cli->root);
	if (dir && mkdir(dir, 0700) < 0 && errno != EEXIST) {
		free(dir);
		return NULL;
	}
	return dir;
}

int cli_one_id(const char *verb, int argc, char **argv, const char **ret, struct crl_err *err)
{
	if (argc != 1)
		return crl_fail(err, CRL_INVALID, "%s: exactly one container id is expected", verb);
	*ret = argv[0];
	return 0;
}

/* Complete or not at all: callers wait for the file to appear. */
int cli_write_pid_file(const char *path, pid_t pid, struct crl_err *err)
{
	char text[16];
	if (!path)
		return 0;
	snprintf(text, sizeof(text), "%d", pid);
	return path_write_atomic(AT_FDCWD, path, text, strlen(text), 0644, false, err);
}

int cli_warn(char *const *warnings)
{
	for (size_t i = 0; warnings && warnings[i]; i++)
		fprintf(stderr, "crun-lite-runtime: warning: %s\n", warnings[i]);
	return 0;
}
