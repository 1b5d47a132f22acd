/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options of `run` and `create`, and the API body they make. */
#ifndef CLI_CREATE_H
#define CLI_CREATE_H

#include <cli/command.h>

/* A container to be created: the three parts of POST /containers/create. */
struct create {
	const struct opts *o;
	cJSON *config; /* owns the others */
	cJSON *host;
	cJSON *endpoints; /* NetworkingConfig.EndpointsConfig */
};

/* One option's way into the body. */
struct create_rule {
	const char *option;
	int (*apply)(struct create *c, const char *option, const char *key, struct crl_err *err);
	const char *key; /* of Config or HostConfig, for the general functions */
};

/* What the commands of create.c do; in run.c. */
int create_main(struct cli *cli, const struct opts *o, struct crl_err *err);
int run_main(struct cli *cli, const struct opts *o, struct crl_err *err);

/* Builds the body for image o->args[0] and its command. The caller deletes *ret. */
int create_body(const struct opts *o, bool attach_stdin, bool attach_stdout, bool attach_stderr,
		cJSON **ret, struct crl_err *err);

/*
 * POST /containers/create with --name, --platform, --pull, --cidfile; prints
 * the daemon's warnings. *ret_id is the caller's.
 */
int create_container(struct cli *cli, const struct opts *o, const cJSON *body, char **ret_id,
		     struct crl_err *err);

/* Prints the "Warnings" of a create or update answer on stderr. */
void create_print_warnings(const cJSON *reply);

/* ---- parsers of option values, create_values.c and create_mounts.c ---- */
int create_port(struct create *c, const char *option, const char *key, struct crl_err *err);
int create_expose(struct create *c, const char *option, const char *key, struct crl_err *err);
int create_env(struct create *c, const char *option, const char *key, struct crl_err *err);
int create_map(struct create *c, const char *option, const char *key, struct crl_err *err);
int create_labels(struct create *c, const char *option, const char *key, struct crl_err *err);
int create_ulimit(struct create *c, const char *option, const char *key, struct crl_err *err);
int create_device(struct create *c, const char *option, const char *key, struct crl_err *err);
int create_gpus(struct create *c, const char *option, const char *key, struct crl_err *err);
int create_throttle(struct create *c, const char *option, const char *key, struct crl_err *err);
int create_restart(struct create *c, const char *option, const char *key, struct crl_err *err);
int create_security(struct create *c, const char *option, const char *key, struct crl_err *err);
int create_hosts(struct create *c, const char *option, const char *key, struct crl_err *err);
int create_health(struct create *c, const char *option, const char *key, struct crl_err *err);
int create_log(struct create *c, const char *option, const char *key, struct crl_err *err);
int create_cpus(struct create *c, const char *option, const char *key, struct crl_err *err);
int create_volume(struct create *c, const char *option, const char *key, struct crl_err *err);
int create_mount(struct create *c, const char *option, const char *key, struct crl_err *err);
int create_tmpfs(struct create *c, const char *option, const char *key, struct crl_err *err);
int create_network(struct create *c, const char *option, const char *key, struct crl_err *err);

/* Comma-separated fields; one in double quotes may hold commas, "" is a quote. NULL = no memory. */
char **create_split_csv(const char *text);
/* --use-api-socket: the daemon's socket (`host`, "unix://PATH") inside the container. */
int create_api_socket(const char *host, const struct opts *o, cJSON *body, struct crl_err *err);

/* The object `key` of `parent`, made when absent. NULL = no memory. */
cJSON *create_object(cJSON *parent, const char *key);
cJSON *create_array(cJSON *parent, const char *key);
/* Sets a string, replacing an earlier one. */
void create_set(cJSON *object, const char *key, const char *value);

/* Reads KEY=VALUE lines; a bare KEY takes the value of our environment, or is left out. Shared with
 * exec. */
int create_env_list(cJSON *list, char *const *files, char *const *values, struct crl_err *err);

#endif
