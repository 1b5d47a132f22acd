// SPDX-License-Identifier: GPL-2.0-or-later
/* What a worker may ask of the daemon while it runs: a local image, a network namespace. */
#include "container.h"
#include "daemon.h"
#include "images.h"
#include "jobs_internal.h"

#include <base/fd.h>
#include <base/ident.h>
#include <base/log.h>
#include <base/proc.h>
#include <errno.h>
#include <fcntl.h>

static void answer(struct job *j, const cJSON *call, cJSON *reply, int fd)
{
	__attribute__((unused)) _cleanup_cjson_ cJSON *owned = reply;
	_cleanup_free_ char *text = NULL;
	struct crl_err err = CRL_ERR_INIT;
	int64_t seq = 0;

	(void)json_get_i64(call, "seq", &seq);
	json_add_i64(reply, "seq", seq);
	text = cJSON_PrintUnformatted(reply);
	if (text && fd_send_msg(j->control, text, strlen(text), &fd, fd >= 0 ? 1 : 0, &err) < 0)
		log_warn("worker: answer", "error", err.msg, NULL);
}

static void answer_error(struct job *j, const cJSON *call, const struct crl_err *err)
{
	cJSON *reply = cJSON_CreateObject();

	json_add_str(reply, "error", err->msg);
	json_add_i64(reply, "code", err->code);
	answer(j, call, reply, -1);
}

static void call_image(struct job *j, const cJSON *call)
{
	const char *name = json_get_str(call, "name");
	struct crl_err err = CRL_ERR_INIT;
	struct image *img;
	cJSON *reply;

	if (images_find(j->daemon, name ? name : "", &img, &err) < 0) {
		answer_error(j, call, &err);
		return;
	}
	reply = cJSON_CreateObject();
	json_add_str(reply, "id", img->id);
	json_add_str(reply, "manifest", img->manifest_digest);
	answer(j, call, reply, -1);
}

static int lease_new(struct job *j, const char *network, struct lease **ret, struct crl_err *err)
{
	struct lease *lease = calloc(1, sizeof(*lease));
	struct net_request want = {.network = network};
	char name[ID_HEX + 16];

	if (!lease)
		return crl_fail_oom(err);
	ident_random(lease->id);
	(void)snprintf(name, sizeof(name), "build-%.12s", lease->id);
	want.container_id = lease->id;
	want.container_name = name;
	if (net_acquire(j->daemon, &want, &lease->endpoint, err) < 0) {
		free(lease);
		return -1;
	}
	lease->next = j->leases;
	j->leases = lease;
	*ret = lease;
	return 0;
}

/* A running container's namespace is lent: nothing is held, nothing given back. */
static int open_container_netns(struct daemon *d, const char *name, int *ret_fd,
				struct crl_err *err)
{
	_cleanup_close_ int fd = -1;
	struct container *c;
	char path[48];

	if (container_find(d, name, &c, err) < 0)
		return -1;
	if (!container_is_running(c))
		return crl_fail(err, CRL_CONFLICT,
				"cannot join network of a non running container: %s", c->rec.id);
	(void)snprintf(path, sizeof(path), "/proc/%lld/ns/net", (long long)c->rec.pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return crl_fail_sys(err, errno, "%s", path);
	/* Asked after the open: the number was still that process when the file was opened. */
	if (proc_pidfd_kill(c->init_pidfd, 0, err) < 0)
		return crl_context(err, "container %s", name);
	*ret_fd = take_fd(&fd);
	return 0;
}

static void lend_container_netns(struct job *j, const cJSON *call, const char *name)
{
	_cleanup_close_ int fd = -1;
	struct crl_err err = CRL_ERR_INIT;
	cJSON *reply;

	if (open_container_netns(j->daemon, name, &fd, &err) < 0) {
		answer_error(j, call, &err);
		return;
	}
	reply = cJSON_CreateObject();
	json_add_str(reply, "id", "lent");
	answer(j, call, reply, fd);
}

static void call_netns(struct job *j, const cJSON *call)
{
	const char *mode = json_get_str(call, "mode");
	struct crl_err err = CRL_ERR_INIT;
	struct lease *lease = NULL;
	cJSON *reply;

	if (mode && str_starts(mode, "container:")) {
		lend_container_netns(j, call, mode + strlen("container:"));
		return;
	}
	if (lease_new(j, str_empty(mode) || str_eq(mode, "default") ? "bridge" : mode, &lease,
		      &err) < 0) {
		answer_error(j, call, &err);
		return;
	}
	reply = cJSON_CreateObject();
	json_add_str(reply, "id", lease->id);
	answer(j, call, reply, lease->endpoint.netns_fd);
	cleanup_close_p(&lease->endpoint.netns_fd);
	lease->endpoint.netns_fd = -1;
}

static void lease_end(struct job *j, struct lease *lease)
{
	net_release(j->daemon, &lease->endpoint);
	free(lease);
}

static void call_netns_release(struct job *j, const cJSON *call)
{
	const char *id = json_get_str(call, "id");

	for (struct lease **p = &j->leases; *p; p = &(*p)->next) {
		struct lease *lease = *p;

		if (!str_eq(lease->id, id))
			continue;
		*p = lease->next;
		lease_end(j, lease);
		return;
	}
}

void jobs_end_leases(struct job *j)
{
	while (j->leases) {
		struct lease *lease = j->leases;

		j->leases = lease->next;
		lease_end(j, lease);
	}
}

void jobs_answer_call(struct job *j, const cJSON *message)
{
	static const struct {
		const char *name;
		void (*act)(struct job *j, const cJSON *call);
	} calls[] = {
		{"image", call_image},
		{"netns", call_netns},
		{"netns_release", call_netns_release},
	};
	const char *name = json_get_str(message, "call");
	struct crl_err err = CRL_ERR_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		if (str_eq(calls[i].name, name)) {
			calls[i].act(j, message);
			return;
		}
	}
	crl_fail(&err, CRL_UNSUPPORTED, "unknown call %s", name ? name : "");
	answer_error(j, message, &err);
}
