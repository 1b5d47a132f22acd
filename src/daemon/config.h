/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Settings: command line over --config-file (daemon.json, dockerd's keys) over built-in defaults.
 */
#ifndef DAEMON_CONFIG_H
#define DAEMON_CONFIG_H

#include "daemon.h"

#define CONFIG_FILE_DEFAULT "/etc/crun-lite/daemon.json"

enum config_action {
	CONFIG_RUN,
	CONFIG_HELP,
	CONFIG_VERSION,
	CONFIG_ROUTES,
	CONFIG_FSM,
	CONFIG_STEPS,
	CONFIG_SETTINGS,
	CONFIG_VALIDATE
};

struct config_cli {                  /* what the command line said */
	struct daemon_config config; /* only what was given */
	char *config_file;           /* NULL: the default one, which may be missing */
	enum config_action action;
};

/* Parses argv. CRL_INVALID names the option. Free with config_cli_free(), also after failure. */
int config_parse_args(int argc, char **argv, struct config_cli *ret, struct crl_err *err);
void config_cli_free(struct config_cli *cli);
void config_print_help(FILE *to);
/* One line a row: key, honoured/ignored/refused, SIGHUP or -, what it is or why not. */
void config_print_settings(FILE *to);

/*
 * Reads a daemon.json. A missing file is CRL_NOT_FOUND. Unknown keys are an
 * error, as in dockerd; so is a key that the command line sets, too, and one whose
 * row says that doing without it would not be what was asked for.
 */
int config_read_file(const char *path, const struct daemon_config *flags, struct daemon_config *ret,
		     struct crl_err *err);
/* The same from text (for tests). */
int config_parse_file(const char *text, size_t len, const struct daemon_config *flags,
		      struct daemon_config *ret, struct crl_err *err);

/* Everything together, checked and complete; frees with config_free(). */
int config_load(const struct config_cli *cli, struct daemon_config *ret, struct crl_err *err);
void config_free(struct daemon_config *c);

/*
 * Loads again, and takes over what SIGHUP may change; the rest stays, with a warning in the log.
 * On failure nothing has changed.
 */
int config_reload(const struct config_cli *cli, struct daemon_config *current, struct crl_err *err);
/* The settings that SIGHUP may change, as attributes of the event "reload". */
void config_reloadable(const struct daemon_config *c, struct strmap *ret);

#endif
