/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parsed form of a template; private to template_*.c. */
#ifndef CLI_TEMPLATE_TREE_H
#define CLI_TEMPLATE_TREE_H

#include <cli/template.h>

enum tpl_operand_kind {
	TPL_DOT, /* . and .A.B */
	TPL_VAR, /* $ and $x.A; text = the name without $ */
	TPL_STR, /* text */
	TPL_NUM, /* number */
	TPL_TRUE,
	TPL_FALSE,
	TPL_NIL,
	TPL_FUNC, /* text */
	TPL_PIPE, /* (pipeline).A */
};

struct tpl_operand {
	enum tpl_operand_kind kind;
	char *text;
	double number;
	char **fields; /* NULL-terminated chain after the operand */
	struct tpl_pipe *pipe;
};

struct tpl_command {
	struct tpl_operand *items;
	size_t n;
};

struct tpl_pipe {
	char **vars; /* $x := or $i, $x := ; NULL-terminated, or NULL */
	bool assign; /* = instead of := */
	struct tpl_command *items;
	size_t n;
};

enum tpl_node_kind { TPL_TEXT, TPL_PRINT, TPL_IF, TPL_RANGE, TPL_WITH };

struct tpl_nodes {
	struct tpl_node *items;
	size_t n;
};

struct tpl_node {
	enum tpl_node_kind kind;
	char *text; /* TEXT */
	struct tpl_pipe pipe;
	struct tpl_nodes body, other; /* other = else */
};

struct tpl {
	struct tpl_nodes nodes;
};

/* ---- functions, template_funcs.c ---- */

/* Temporary values live until the end of one execution. */
struct tpl_pool {
	cJSON **items;
	size_t n, cap;
};
/* Keeps `v` alive until the end; returns it. NULL when out of memory (v is freed). */
const cJSON *tpl_keep(struct tpl_pool *pool, cJSON *v);

typedef int (*tpl_func)(struct tpl_pool *pool, const cJSON *const *args, size_t n,
			const cJSON **ret, struct crl_err *err);
/* NULL = no such function. */
tpl_func tpl_func_find(const char *name, size_t *ret_min_args);

/* Go's %v of a value. A NULL (missing) value prints "<no value>". */
void tpl_print(const cJSON *v, struct buf *out);
/* One verb of printf ("%-5.3s") with its argument, appended to b; returns its length in the format.
 */
size_t tpl_format(struct buf *b, const char *verb, const cJSON *arg);
/* Go's truth: not empty, not zero, not null, not missing. */
bool tpl_truth(const cJSON *v);

#endif
