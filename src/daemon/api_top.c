/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * GET /containers/{id}/top: the host's ps, restricted to the container's
 * processes. ps runs as a child and is read as it writes; nothing waits.
 */
#include "api_containers.h"
#include "cgroup_stats.h"

#include <base/fd.h>
#include <base/proc.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#define OUTPUT_LIMIT (4U * 1024 * 1024)

struct top {
	struct late *late;
	struct daemon *d;
	char id[ID_HEX + 1];
	struct buf out;
	int fd, pidfd;
	sd_event_source *source;
	bool too_long;
};

static void top_free(struct top *t)
{
	sd_event_source_disable_unref(t->source);
	cleanup_close_p(&t->fd);
	cleanup_close_p(&t->pidfd);
	buf_free(&t->out);
	late_unref(t->late);
	free(t);
}

/* Fields by blanks; the last column takes the rest of the line. */
static char **fields(const char *line, size_t columns)
{
	char **out = NULL;
	const char *p = line + strspn(line, " ");
	while (*p) {
		size_t n = strv_len(out) + 1 == columns ? strlen(p) : strcspn(p, " ");
		_cleanup_free_ char *f = strndup(p, n);
		if (!f || strv_push(&out, f) < 0)
			break;
		p += n;
		p += strspn(p, " ");
	}
	return out;
}

static bool has_pid(const pid_t *pids, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++)
		if (pids[i] == atoi(text))
			return true;
	return false;
}

static size_t column_of(char **titles, const char *name)
{
	size_t i = 0;
	while (titles && titles[i] && !str_eq(titles[i], name))
		i++;
	return i;
}

static void reply(struct top *t, struct http_req *r, const struct container *c)
{
	_cleanup_free_ pid_t *pids = NULL;
	size_t n = cgroup_pids(c->rec.cgroup, &pids);
	_cleanup_strv_ char **lines = strv_split(t->out.data ? t->out.data : "", "\n", false);
	_cleanup_strv_ char **titles = lines && lines[0] ? fields(lines[0], SIZE_MAX) : NULL;
	size_t columns = strv_len(titles), pid_column = column_of(titles, "PID");
	if (pid_column == columns) {
		http_reply_message(r, 500, "Couldn't find PID field in ps output");
		return;
	}
	cJSON *out = cJSON_CreateObject();
	json_add_strv(out, "Titles", titles, false);
	cJSON *rows = cJSON_AddArrayToObject(out, "Processes");
	for (char **l = lines + 1; *l; l++) {
		_cleanup_strv_ char **f = fields(*l, columns);
		if (strv_len(f) <= pid_column || !has_pid(pids, n, f[pid_column]))
			continue;
		cJSON_AddItemToArray(
			rows, cJSON_CreateStringArray((const char *const *)f, (int)strv_len(f)));
	}
	http_reply_json(r, 200, out);
}

static void finish(struct top *t)
{
	siginfo_t info = {0};
	struct crl_err err = CRL_ERR_INIT;
	struct container *c;
	struct http_req *r = take_ptr(t->late->r);
	(void)waitid(P_PIDFD, (id_t)t->pidfd, &info, WEXITED);
	if (r && t->too_long)
		http_reply_message(r, 500, "ps: more than %u bytes of output", OUTPUT_LIMIT);
	else if (r && info.si_status != 0)
		http_reply_message(r, 500, "ps: exit status %d: %.300s", info.si_status,
				   t->out.data ? t->out.data : "");
	else if (r && container_find(t->d, t->id, &c, &err) < 0)
		http_reply_error(r, &err);
	else if (r) {
		container_publish(c, "top", NULL);
		reply(t, r, c);
	}
	top_free(t);
}

static int on_output(sd_event_source *s, int fd, uint32_t revents, void *data)
{
	char block[16384];
	struct top *t = data;
	ssize_t n = read(fd, block, sizeof(block));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n > 0 && t->out.len + (size_t)n <= OUTPUT_LIMIT) {
		buf_add(&t->out, block, (size_t)n);
		return 0;
	}
	/* Arguments are the containers' to choose. It waits for a reader, and we for its end. */
	t->too_long = n > 0;
	if (t->too_long)
		(void)proc_pidfd_kill(t->pidfd, SIGKILL, NULL);
	finish(t);
	return 0;
}

static int spawn_ps(struct top *t, const char *args, struct crl_err *err)
{
	int pipefd[2];
	pid_t pid;
	_cleanup_strv_ char **argv = strv_split(args, " ", false);
	_cleanup_strv_ char **full = NULL;
	if (strv_push(&full, "ps") < 0)
		return crl_fail_oom(err);
	for (char **a = argv; a && *a; a++)
		if (strv_push(&full, *a) < 0)
			return crl_fail_oom(err);
	if (pipe2(pipefd, O_CLOEXEC) < 0)
		return crl_fail_sys(err, errno, "pipe");
	char *const env[] = {(char *)"PATH=/usr/bin:/bin", (char *)"LC_ALL=C", NULL};
	const int fds[] = {-1, pipefd[1], pipefd[1]};
	const char *path = access("/usr/bin/ps", X_OK) == 0 ? "/usr/bin/ps" : "/bin/ps";
	const struct proc_spawn spawn = {
		.path = path, .argv = full, .env = env, .fds = fds, .n_fds = 3};
	int r = proc_spawn(&spawn, &pid, &t->pidfd, err);
	close(pipefd[1]);
	t->fd = pipefd[0];
	if (r < 0)
		return crl_context(err, "ps");
	r = sd_event_add_io(t->d->event, &t->source, t->fd, EPOLLIN, on_output, t);
	return r < 0 ? crl_fail_sys(err, -r, "ps") : 0;
}

/*
 * "-o user=PID" names another column PID: what stands there would be taken for
 * the number of a process. Docker's rule and words.
 */
static bool renames_pid(const char *args, char *ret, size_t size)
{
	for (const char *eq = strchr(args, '='); eq; eq = strchr(eq + 1, '=')) {
		const char *name = eq, *value = eq + 1 + strspn(eq + 1, " \t");
		while (name > args && !strchr(" \t,", name[-1]))
			name--;
		size_t len = (size_t)(eq - name), vlen = strcspn(value, " \t");
		if (strncmp(value, "PID", 3) != 0 || (len == 3 && strncmp(name, "pid", 3) == 0))
			continue;
		snprintf(ret, size, "%.*s=%.*s", (int)len, name, (int)vlen, value);
		return true;
	}
	return false;
}

void api_containers_top(struct http_req *r)
{
	struct container *c;
	struct crl_err err = CRL_ERR_INIT;
	const char *args = http_query(r, "ps_args");
	if (!api_container(r, &c))
		return;
	char renamed[128];
	if (args && renames_pid(args, renamed, sizeof(renamed))) {
		http_reply_message(r, 500, "specifying \"%s\" is not allowed", renamed);
		return;
	}
	if (c->state == FSM_RESTARTING) {
		http_reply_message(
			r, 409, "Container %s is restarting, wait until the container is running",
			c->rec.id);
		return;
	}
	if (!container_is_running(c)) {
		http_reply_message(r, 409, "Container %s is not running", c->rec.id);
		return;
	}
	struct late *l = late_new(r, 200, false);
	struct top *t = l ? calloc(1, sizeof(*t)) : NULL;
	if (!t) {
		if (l)
			crl_fail_oom(&err), late_done(&err, false, l);
		return;
	}
	*t = (struct top){.late = l, .d = c->d, .fd = -1, .pidfd = -1};
	memcpy(t->id, c->rec.id, sizeof(t->id));
	if (spawn_ps(t, str_empty(args) ? "-ef" : args, &err) < 0) {
		http_reply_error(take_ptr(l->r), &err);
		top_free(t);
	}
}
