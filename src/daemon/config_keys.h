/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Settings as rows. One row binds a flag of crun-lited, a key of daemon.json and a member of
 * struct daemon_config, and says what becomes of it: to honour a further key of dockerd's, give
 * struct daemon_config a member and the row its offset.
 */
#ifndef DAEMON_CONFIG_KEYS_H
#define DAEMON_CONFIG_KEYS_H

#include "daemon.h"

enum config_kind {
	CONFIG_STR,  /* char * */
	CONFIG_LIST, /* char ** ; the flag may be repeated */
	CONFIG_BOOL, /* bool */
	CONFIG_INT,  /* int, min..max */
	CONFIG_SIZE, /* int64_t bytes: "64m" or a number */
	CONFIG_MAP,  /* struct strmap from an object of strings; flag KEY=VALUE */
	CONFIG_TREE  /* cJSON *, an object or list; checked by the row's `check` */
};

enum config_use {
	CONFIG_HONOURED,
	CONFIG_IGNORED, /* makes no difference here, or none yet: a warning says why */
	CONFIG_REFUSED  /* doing without it would not be what was asked for: an error says why */
};

enum config_flag {
	CONFIG_RELOAD = 1 << 0, /* SIGHUP changes it */
};

struct config_row {
	const char *option; /* "data-root"; NULL = only in the file */
	const char *key;    /* in daemon.json; NULL = only as a flag */
	enum config_kind kind;
	enum config_use use;
	unsigned flags;
	size_t offset;      /* of the member; honoured rows only */
	int min, max;       /* CONFIG_INT */
	const char *preset; /* the default, as a flag would give it; NULL = zero */
	const char *argument;
	const char *help;  /* honoured: for --help; else the reason */
	const char *plain; /* not honoured: values that ask for what is done anyway, '|' between */
	/* CONFIG_TREE: adds what one flag says. */
	int (*add)(cJSON **tree, const char *value, struct crl_err *err);
	/* Judges the value once all is read; NULL = anything of the kind. */
	int (*check)(const struct daemon_config *c, const struct config_row *row,
		     struct crl_err *err);
};

/* config_table.c */
extern const struct config_row config_rows[];
extern const size_t config_n_rows;

/* config_value.c: all take the row's index. */
void *config_member(const struct daemon_config *c, const struct config_row *row);
bool config_given(const struct daemon_config *c, size_t i);
/*
 * A flag's text. A row that is not honoured is judged: CRL_INVALID with the reason, or one more
 * of c->warnings.
 */
int config_set_text(struct daemon_config *c, size_t i, const char *value, struct crl_err *err);
/* A value of daemon.json, in the same way. null is as good as absent. */
int config_set_json(struct daemon_config *c, size_t i, const cJSON *value, struct crl_err *err);
/* Takes over what was given in `from`: its lists are appended. */
int config_merge(struct daemon_config *to, const struct daemon_config *from, struct crl_err *err);
/* Presets of what was not given. */
int config_set_presets(struct daemon_config *c, struct crl_err *err);
/* As Go prints it ("[a b]"), for messages. Caller frees; NULL = out of memory. */
char *config_text(const struct daemon_config *c, const struct config_row *row);
char *config_json_text(const cJSON *value);
bool config_same(const struct daemon_config *a, const struct daemon_config *b,
		 const struct config_row *row);
/* Exchanges the members of a row and whether they were given. */
void config_swap(struct daemon_config *a, struct daemon_config *b, size_t i);

/* config_network.c: the same for networks. */
int config_add_pool(cJSON **tree, const char *value, struct crl_err *err);
int config_check_pools(const struct daemon_config *c, const struct config_row *row,
		       struct crl_err *err);
int config_add_network_opt(cJSON **tree, const char *value, struct crl_err *err);
int config_check_network_opts(const struct daemon_config *c, const struct config_row *row,
			      struct crl_err *err);
/* All settings of the default network's addresses. */
int config_check_bridge(const struct daemon_config *c, const struct config_row *row,
			struct crl_err *err);

/* config_check.c: `check` and `add` of rows. */
int config_check_ulimits(const struct daemon_config *c, const struct config_row *row,
			 struct crl_err *err);
int config_add_ulimit(cJSON **tree, const char *value, struct crl_err *err);
int config_check_storage_opts(const struct daemon_config *c, const struct config_row *row,
			      struct crl_err *err);
/* runtimes.c */
int config_add_runtime(cJSON **tree, const char *value, struct crl_err *err);
int config_check_runtimes(const struct daemon_config *c, const struct config_row *row,
			  struct crl_err *err);
int config_check_default_runtime(const struct daemon_config *c, const struct config_row *row,
				 struct crl_err *err);
int config_check_labels(const struct daemon_config *c, const struct config_row *row,
			struct crl_err *err);
int config_check_mirrors(const struct daemon_config *c, const struct config_row *row,
			 struct crl_err *err);
int config_check_proxies(const struct daemon_config *c, const struct config_row *row,
			 struct crl_err *err);
int config_check_ips(const struct daemon_config *c, const struct config_row *row,
		     struct crl_err *err);
int config_check_remap(const struct daemon_config *c, const struct config_row *row,
		       struct crl_err *err);
int config_check_userns(const struct daemon_config *c, const struct config_row *row,
			struct crl_err *err);
int config_check_metrics(const struct daemon_config *c, const struct config_row *row,
			 struct crl_err *err);
int config_check_ipc_mode(const struct daemon_config *c, const struct config_row *row,
			  struct crl_err *err);
int config_check_cgroupns_mode(const struct daemon_config *c, const struct config_row *row,
			       struct crl_err *err);
int config_check_log_opts(const struct daemon_config *c, const struct config_row *row,
			  struct crl_err *err);

#endif
