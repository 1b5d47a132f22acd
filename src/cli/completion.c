/* SPDX-License-Identifier: GPL-2.0-or-later */
/* completion: a bash script made of the command tables. */
#include <cli/commands.h>

static const char script_head[] =
	"# bash completion for crun-lite; made by `crun-lite completion bash`\n"
	"_crun_lite_objects() {\n"
	"\tcase $1 in\n"
	"\tcontainers) crun-lite ps -a --format '{{.Names}}' 2>/dev/null ;;\n"
	"\timages) crun-lite images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null ;;\n"
	"\tnetworks) crun-lite network ls --format '{{.Name}}' 2>/dev/null ;;\n"
	"\tvolumes) crun-lite volume ls -q 2>/dev/null ;;\n"
	"\tesac\n"
	"}\n"
	"_crun_lite() {\n"
	"\tlocal cur=${COMP_WORDS[COMP_CWORD]} words='' i\n"
	"\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	"\t\tcase ${COMP_WORDS[i]} in\n"
	"\t\t-H | --host) ((i++)) ;;\n"
	"\t\t-*) ;;\n"
	"\t\t*) words+=\"${words:+ }${COMP_WORDS[i]}\" ;;\n"
	"\t\tesac\n"
	"\tdone\n"
	"\tcase $words in\n";

static const char script_tail[] = "\tesac\n"
				  "}\n"
				  "complete -o default -F _crun_lite crun-lite\n";

static const char *const object_names[] = {
	[COMPLETE_NONE] = NULL,         [COMPLETE_CONTAINERS] = "containers",
	[COMPLETE_IMAGES] = "images",   [COMPLETE_NETWORKS] = "networks",
	[COMPLETE_VOLUMES] = "volumes", [COMPLETE_FILES] = NULL,
};

static void reply(const char *words)
{
	printf("\t\tmapfile -t COMPREPLY < <(compgen -W \"%s\" -- \"$cur\") ;;\n", words);
}

static void print_command(const struct command_row *row)
{
	const struct command *c = row->command;
	_cleanup_buf_ struct buf words = BUF_INIT;
	buf_puts(&words, "--help");
	for (size_t i = 0; i < c->n_opts; i++)
		if (c->opts[i].help)
			buf_printf(&words, " --%s", c->opts[i].name);
	printf("\t'%s' | '%s '*)\n", row->words, row->words);
	if (object_names[c->complete])
		printf("\t\tif [[ $cur != -* ]]; then\n"
		       "\t\t\tmapfile -t COMPREPLY < <(compgen -W \"$(_crun_lite_objects %s)\" -- "
		       "\"$cur\")\n"
		       "\t\t\treturn\n"
		       "\t\tfi\n",
		       object_names[c->complete]);
	reply(words.data ? words.data : "");
}

static void print_group(const char *group)
{
	_cleanup_buf_ struct buf words = BUF_INIT;
	size_t len = strlen(group);
	buf_puts(&words, "--help");
	for (size_t i = 0; i < n_command_rows; i++)
		if (strncmp(command_rows[i].words, group, len) == 0 &&
		    command_rows[i].words[len] == ' ')
			buf_printf(&words, " %s", command_rows[i].words + len + 1);
	printf("\t'%s')\n", group);
	reply(words.data ? words.data : "");
}

static void print_top(void)
{
	_cleanup_buf_ struct buf words = BUF_INIT;
	buf_puts(&words, "--help --version --host");
	for (size_t i = 0; i < n_command_rows; i++)
		if (!strchr(command_rows[i].words, ' '))
			buf_printf(&words, " %s", command_rows[i].words);
	for (size_t i = 0; i < n_command_groups; i++)
		buf_printf(&words, " %s", command_groups[i].word);
	puts("\t'')");
	reply(words.data ? words.data : "");
}

static int completion_main(struct cli *cli, const struct opts *o, struct crl_err *err)
{
	if (!str_eq(o->args[0], "bash"))
		return crl_fail(err, CRL_INVALID, "completion is made for bash, not for %s",
				o->args[0]);
	fputs(script_head, stdout);
	print_top();
	for (size_t i = 0; i < n_command_groups; i++)
		print_group(command_groups[i].word);
	for (size_t i = 0; i < n_command_rows; i++)
		print_command(&command_rows[i]);
	fputs(script_tail, stdout);
	return 0;
}

const struct command cmd_completion = {
	.usage = "bash",
	.summary = "Print a shell's completion script",
	.min_args = 1,
	.max_args = 1,
	.run = completion_main,
};
