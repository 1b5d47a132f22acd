/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs a template over a JSON value. Values are borrowed from the data or kept
 * in the pool; a NULL value means "there is no such field".
 */
#include <cli/template_tree.h>

struct variable {
	const char *name;
	const cJSON *value;
};

struct run {
	const cJSON *root, *labels;
	struct tpl_pool pool;
	struct variable *vars;
	size_t n_vars;
	const char *missing; /* the last field that did not exist */
	struct buf *out;
	struct crl_err *err;
};

static int exec_nodes(struct run *r, const struct tpl_nodes *nodes, const cJSON *dot);
static int eval_pipe(struct run *r, const struct tpl_pipe *p, const cJSON *dot, const cJSON **ret);

static int push_var(struct run *r, const char *name, const cJSON *value)
{
	struct variable *bigger = realloc(r->vars, (r->n_vars + 1) * sizeof *bigger);
	if (!bigger)
		return crl_fail_oom(r->err);
	r->vars = bigger;
	r->vars[r->n_vars++] = (struct variable){name, value};
	return 0;
}

static struct variable *find_var(struct run *r, const char *name)
{
	for (size_t i = r->n_vars; i-- > 0;)
		if (str_eq(r->vars[i].name, name))
			return &r->vars[i];
	return NULL;
}

static int no_field(struct run *r, const char *field, const char *why)
{
	return crl_fail(r->err, CRL_INVALID,
			"template parsing error: template: :1: executing \"\" at <.%s>: %s \"%s\"",
			field, why, field);
}

static int follow(struct run *r, const cJSON *v, char *const *fields, const cJSON **ret)
{
	for (; fields && *fields; fields++) {
		if (!v || cJSON_IsNull(v))
			return no_field(r, *fields, "no value to take the field of");
		if (!cJSON_IsObject(v))
			return no_field(r, *fields, "can't evaluate field");
		v = cJSON_GetObjectItemCaseSensitive(v, *fields);
		r->missing = v ? r->missing : *fields;
	}
	*ret = v;
	return 0;
}

static int constant(struct run *r, cJSON *v, const cJSON **ret)
{
	*ret = tpl_keep(&r->pool, v);
	return *ret ? 0 : crl_fail_oom(r->err);
}

static int eval_var(struct run *r, const struct tpl_operand *o, const cJSON **ret)
{
	if (!*o->text)
		return follow(r, r->root, o->fields, ret);
	const struct variable *var = find_var(r, o->text);
	if (!var)
		return crl_fail(r->err, CRL_INVALID,
				"template parsing error: template: :1: undefined variable \"$%s\"",
				o->text);
	return follow(r, var->value, o->fields, ret);
}

static int eval_operand(struct run *r, const struct tpl_operand *o, const cJSON *dot,
			const cJSON **ret)
{
	const cJSON *v;
	switch (o->kind) {
	case TPL_DOT: return follow(r, dot, o->fields, ret);
	case TPL_VAR: return eval_var(r, o, ret);
	case TPL_STR: return constant(r, cJSON_CreateString(o->text), ret);
	case TPL_NUM: return constant(r, cJSON_CreateNumber(o->number), ret);
	case TPL_TRUE:
	case TPL_FALSE: return constant(r, cJSON_CreateBool(o->kind == TPL_TRUE), ret);
	case TPL_NIL: return constant(r, cJSON_CreateNull(), ret);
	case TPL_PIPE:
		return eval_pipe(r, o->pipe, dot, &v) < 0 ? -1 : follow(r, v, o->fields, ret);
	case TPL_FUNC: break;
	}
	return crl_fail(r->err, CRL_INVALID,
			"template parsing error: template: :1: function %s needs parentheses here",
			o->text);
}

/* "com.example.some-thing" is headed "some thing". */
static cJSON *label_header(const char *key)
{
	const char *dot = strrchr(key, '.');
	cJSON *v = cJSON_CreateString(dot ? dot + 1 : key);
	for (char *p = v ? v->valuestring : NULL; p && *p; p++)
		if (*p == '-' || *p == '_')
			*p = ' ';
	return v;
}

/* {{.Label "key"}}, the one method with an argument that docker's rows have. */
static int eval_label(struct run *r, const struct tpl_command *c, const cJSON *dot,
		      const cJSON **ret)
{
	const cJSON *key;
	if (c->n != 2 || eval_operand(r, &c->items[1], dot, &key) < 0)
		return crl_fail(r->err, CRL_INVALID,
				"template parsing error: template: :1: .Label needs one string");
	if (cJSON_IsTrue(r->labels) && key && cJSON_IsString(key))
		return constant(r, label_header(key->valuestring), ret);
	const cJSON *v = key && cJSON_IsString(key)
				 ? cJSON_GetObjectItemCaseSensitive(r->labels, key->valuestring)
				 : NULL;
	if (!v)
		return constant(r, cJSON_CreateString(""), ret);
	*ret = v;
	return 0;
}

static int call(struct run *r, const struct tpl_command *c, const cJSON *dot, const cJSON *piped,
		bool have_piped, const cJSON **ret)
{
	size_t n = c->n - 1 + have_piped, min_args;
	tpl_func f = tpl_func_find(c->items[0].text, &min_args);
	if (n < min_args)
		return crl_fail(r->err, CRL_INVALID,
				"template parsing error: template: :1: wrong number of args for "
				"%s: want at least %zu got %zu",
				c->items[0].text, min_args, n);
	_cleanup_free_ const cJSON **args = calloc(n + 1, sizeof *args);
	if (!args)
		return crl_fail_oom(r->err);
	for (size_t i = 1; i < c->n; i++)
		if (eval_operand(r, &c->items[i], dot, &args[i - 1]) < 0)
			return -1;
	if (have_piped)
		args[n - 1] = piped;
	return f(&r->pool, args, n, ret, r->err);
}

static int eval_command(struct run *r, const struct tpl_command *c, const cJSON *dot,
			const cJSON *piped, bool have_piped, const cJSON **ret)
{
	const struct tpl_operand *first = &c->items[0];
	if (first->kind == TPL_FUNC)
		return call(r, c, dot, piped, have_piped, ret);
	if (first->kind == TPL_DOT && r->labels && strv_len(first->fields) == 1 &&
	    str_eq(first->fields[0], "Label"))
		return eval_label(r, c, dot, ret);
	if (c->n > 1 || have_piped)
		return crl_fail(r->err, CRL_INVALID,
				"template parsing error: template: :1: can't give argument to a "
				"value that is no function");
	return eval_operand(r, first, dot, ret);
}

static int eval_pipe(struct run *r, const struct tpl_pipe *p, const cJSON *dot, const cJSON **ret)
{
	const cJSON *v = NULL;
	for (size_t i = 0; i < p->n; i++)
		if (eval_command(r, &p->items[i], dot, v, i > 0, &v) < 0)
			return -1;
	*ret = v;
	return 0;
}

static int set_var(struct run *r, const struct tpl_pipe *p, const cJSON *v)
{
	struct variable *known = p->assign ? find_var(r, p->vars[0]) : NULL;
	if (known) {
		known->value = v;
		return 0;
	}
	return push_var(r, p->vars[0], v);
}

static int exec_print(struct run *r, const struct tpl_node *node, const cJSON *dot)
{
	const cJSON *v;
	if (eval_pipe(r, &node->pipe, dot, &v) < 0)
		return -1;
	if (node->pipe.vars)
		return set_var(r, &node->pipe, v);
	if (!v)
		return no_field(r, r->missing ? r->missing : "", "map has no entry for key");
	tpl_print(v, r->out);
	return 0;
}

static int exec_condition(struct run *r, const struct tpl_node *node, const cJSON *dot)
{
	const cJSON *v;
	if (eval_pipe(r, &node->pipe, dot, &v) < 0)
		return -1;
	if (node->pipe.vars && set_var(r, &node->pipe, v) < 0)
		return -1;
	if (!tpl_truth(v))
		return exec_nodes(r, &node->other, dot);
	return exec_nodes(r, &node->body, node->kind == TPL_WITH ? v : dot);
}

static int range_item(struct run *r, const struct tpl_node *node, cJSON *key, const cJSON *item)
{
	char **vars = node->pipe.vars;
	size_t mark = r->n_vars;
	const cJSON *k = tpl_keep(&r->pool, key);
	if (!k)
		return crl_fail_oom(r->err);
	if (vars && vars[1] && (push_var(r, vars[0], k) < 0 || push_var(r, vars[1], item) < 0))
		return -1;
	if (vars && !vars[1] && push_var(r, vars[0], item) < 0)
		return -1;
	if (exec_nodes(r, &node->body, item) < 0)
		return -1;
	r->n_vars = mark;
	return 0;
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp((*(const cJSON *const *)a)->string, (*(const cJSON *const *)b)->string);
}

/* Go walks a map in the order of its keys. */
static int range_object(struct run *r, const struct tpl_node *node, const cJSON *v)
{
	size_t n = (size_t)cJSON_GetArraySize(v), i = 0;
	_cleanup_free_ const cJSON **sorted = calloc(n + 1, sizeof *sorted);
	const cJSON *item;
	if (!sorted)
		return crl_fail_oom(r->err);
	cJSON_ArrayForEach (item, v)
		sorted[i++] = item;
	qsort(sorted, n, sizeof *sorted, compare_keys);
	for (i = 0; i < n; i++)
		if (range_item(r, node, cJSON_CreateString(sorted[i]->string), sorted[i]) < 0)
			return -1;
	return 0;
}

static int range_array(struct run *r, const struct tpl_node *node, const cJSON *v)
{
	const cJSON *item;
	int i = 0;
	cJSON_ArrayForEach (item, v) {
		if (range_item(r, node, cJSON_CreateNumber(i++), item) < 0)
			return -1;
	}
	return 0;
}

static int exec_range(struct run *r, const struct tpl_node *node, const cJSON *dot)
{
	const cJSON *v;
	if (eval_pipe(r, &node->pipe, dot, &v) < 0)
		return -1;
	if (!tpl_truth(v))
		return exec_nodes(r, &node->other, dot);
	if (cJSON_IsArray(v))
		return range_array(r, node, v);
	if (cJSON_IsObject(v))
		return range_object(r, node, v);
	return crl_fail(
		r->err, CRL_INVALID,
		"template parsing error: template: :1: range can't iterate over this value");
}

static int exec_node(struct run *r, const struct tpl_node *node, const cJSON *dot)
{
	size_t mark = r->n_vars;
	int result;
	switch (node->kind) {
	case TPL_TEXT: buf_puts(r->out, node->text); return 0;
	case TPL_PRINT: return exec_print(r, node, dot);
	case TPL_RANGE: result = exec_range(r, node, dot); break;
	case TPL_IF:
	case TPL_WITH:
	default: result = exec_condition(r, node, dot); break;
	}
	r->n_vars = mark; /* variables of a block end with it */
	return result;
}

static int exec_nodes(struct run *r, const struct tpl_nodes *nodes, const cJSON *dot)
{
	for (size_t i = 0; i < nodes->n; i++)
		if (exec_node(r, &nodes->items[i], dot) < 0)
			return -1;
	return 0;
}

int template_exec(const struct tpl *t, const cJSON *data, const cJSON *labels, struct buf *out,
		  struct crl_err *err)
{
	struct run r = {.root = data, .labels = labels, .out = out, .err = err};
	int result = exec_nodes(&r, &t->nodes, data);
	for (size_t i = 0; i < r.pool.n; i++)
		cJSON_Delete(r.pool.items[i]);
	free(r.pool.items);
	free(r.vars);
	return result;
}
