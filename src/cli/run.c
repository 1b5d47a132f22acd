/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `run` and `create`: the create call with what surrounds it, then the start. */
#include <cli/create.h>

#include <base/fd.h>
#include <cli/progress.h>
#include <cli/start.h>
#include <errno.h>
#include <fcntl.h>

/* ---- create ---- */

static int open_cidfile(const struct opts *o, int *ret_fd, struct crl_err *err)
{
	const char *path = opt_str(o, "cidfile");
	*ret_fd = -1;
	if (!path)
		return 0;
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0 && errno == EEXIST)
		return crl_fail(err, CRL_CONFLICT,
				"container ID file found, make sure the other container isn't "
				"running or delete %s",
				path);
	if (fd < 0)
		return crl_fail_sys(err, errno, "failed to create the container ID file %s", path);
	*ret_fd = fd;
	return 0;
}

void create_print_warnings(const cJSON *reply)
{
	const cJSON *w;
	cJSON_ArrayForEach (w, cJSON_GetObjectItemCaseSensitive(reply, "Warnings")) {
		if (cJSON_IsString(w))
			fprintf(stderr, "WARNING: %s\n", w->valuestring);
	}
}

static char *create_path(const struct opts *o)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	const char *name = opt_str(o, "name"), *platform = opt_str(o, "platform");
	buf_puts(&b, "/containers/create");
	if (name) {
		buf_puts(&b, "?name=");
		http_escape(&b, name);
	}
	if (platform) {
		buf_printf(&b, "%cplatform=", name ? '&' : '?');
		http_escape(&b, platform);
	}
	return buf_take(&b);
}

static int check_pull(const char *pull, struct crl_err *err)
{
	if (str_eq(pull, "always") || str_eq(pull, "missing") || str_eq(pull, "never"))
		return 0;
	return crl_fail(err, CRL_INVALID,
			"invalid pull option: '%s': must be one of \"always\", \"missing\" or "
			"\"never\"",
			pull ? pull : "");
}

static int create_call(struct cli *cli, const struct opts *o, const char *path, const cJSON *body,
		       cJSON **ret, struct crl_err *err)
{
	const char *pull = opt_str(o, "pull"), *image = o->args[0];
	if (check_pull(pull, err) < 0)
		return -1;
	if (str_eq(pull, "always") && progress_pull(cli, image, opt_str(o, "platform"),
						    opt_bool(o, "quiet"), stderr, err) < 0)
		return -1;
	if (client_json(&cli->client, "POST", path, body, ret, err) == 0)
		return 0;
	if (!str_eq(pull, "missing") || err->code != CRL_NOT_FOUND ||
	    !strstr(err->msg, "No such image"))
		return -1;
	if (!opt_bool(o, "quiet"))
		fprintf(stderr, "Unable to find image '%s%s' locally\n", image,
			progress_has_tag(image) ? "" : ":latest");
	if (progress_pull(cli, image, opt_str(o, "platform"), opt_bool(o, "quiet"), stderr, err) <
	    0)
		return -1;
	return client_json(&cli->client, "POST", path, body, ret, err);
}

int create_container(struct cli *cli, const struct opts *o, const cJSON *body, char **ret_id,
		     struct crl_err *err)
{
	_cleanup_close_ int cidfile = -1;
	_cleanup_cjson_ cJSON *reply = NULL;
	_cleanup_free_ char *path = create_path(o);
	if (!path)
		return crl_fail_oom(err);
	if (open_cidfile(o, &cidfile, err) < 0)
		return -1;
	if (create_call(cli, o, path, body, &reply, err) < 0) {
		if (cidfile >= 0)
			(void)unlink(opt_str(o, "cidfile"));
		return -1;
	}
	const char *id = json_get_str(reply, "Id");
	if (!id)
		return crl_fail(err, CRL_IO, "the daemon's answer to create has no Id");
	create_print_warnings(reply);
	if (cidfile >= 0 && fd_write_all(cidfile, id, strlen(id), err) < 0)
		return crl_context(err, "write %s", opt_str(o, "cidfile"));
	char *copy = strdup(id);
	if (!copy)
		return crl_fail_oom(err);
	*ret_id = copy;
	return 0;
}

int create_main(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	_cleanup_cjson_ cJSON *body = NULL;
	_cleanup_free_ char *id = NULL;
	bool in = opt_bool(o, "interactive");
	if (create_body(o, in, true, true, &body, err) < 0 ||
	    create_api_socket(cli->client.host, o, body, err) < 0 ||
	    create_container(cli, o, body, &id, err) < 0)
		return -1;
	puts(id);
	return 0;
}

/* ---- run ---- */

struct streams {
	bool in, out, err;
};

static int choose_streams(const struct opts *o, struct streams *ret, struct crl_err *err)
{
	char *const *names = opt_list(o, "attach");
	*ret = (struct streams){opt_bool(o, "interactive"), true, true};
	if (opt_bool(o, "detach"))
		*ret = (struct streams){false, false, false};
	if (!names)
		return 0;
	*ret = (struct streams){0};
	for (; *names; names++) {
		ret->in = ret->in || strcasecmp(*names, "stdin") == 0;
		ret->out = ret->out || strcasecmp(*names, "stdout") == 0;
		ret->err = ret->err || strcasecmp(*names, "stderr") == 0;
		if (strcasecmp(*names, "stdin") && strcasecmp(*names, "stdout") &&
		    strcasecmp(*names, "stderr"))
			return crl_fail(err, CRL_INVALID,
					"invalid argument \"%s\" for \"-a, --attach\" flag: valid "
					"streams are STDIN, STDOUT and STDERR",
					*names);
	}
	return 0;
}

int run_main(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	_cleanup_cjson_ cJSON *body = NULL;
	_cleanup_free_ char *id = NULL;
	struct streams s;
	if (choose_streams(o, &s, err) < 0)
		return -1;
	if (s.in && opt_bool(o, "tty") && !isatty(STDIN_FILENO)) {
		fputs("cannot attach stdin to a TTY-enabled container because stdin is not a "
		      "terminal\n",
		      stderr);
		return 1;
	}
	if (create_body(o, s.in, s.out, s.err, &body, err) < 0 ||
	    create_api_socket(cli->client.host, o, body, err) < 0 ||
	    create_container(cli, o, body, &id, err) < 0)
		return -1;
	if (s.in || s.out || s.err) {
		const struct start_plan plan = {
			.name = id,
			.keys = opt_str(o, "detach-keys"),
			.condition = opt_bool(o, "rm") ? "removed" : "next-exit",
			.in = s.in,
			.out = s.out,
			.err = s.err,
			.tty = opt_bool(o, "tty"),
			.sig_proxy = opt_bool(o, "sig-proxy"),
			.start = true,
			.removed_on_failure = opt_bool(o, "rm"),
		};
		return start_and_follow(cli, &plan, err);
	}
	_cleanup_free_ char *path = client_path("/containers/%s/start", id);
	if (!path)
		return crl_fail_oom(err);
	if (client_call(&cli->client, "POST", path, NULL, NULL, NULL, err) < 0)
		return start_report(err);
	puts(id);
	return 0;
}
