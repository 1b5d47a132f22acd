/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Dockerfile language: text -> instructions. Knows nothing of images,
 * files or processes; needs only src/base, so that the CLI can link it too.
 * The format: https://docs.docker.com/reference/dockerfile/ ; where
 * implementations differ, docs/adr/0030-dockerfile-dialect.md.
 */
#ifndef IMAGE_DOCKERFILE_H
#define IMAGE_DOCKERFILE_H

#include <base/str.h>
#include <crun-lite/err.h>

#define DOCKERFILE_MAX_SIZE (4U * 1024 * 1024)
#define DOCKERFILE_MAX_INSTRUCTIONS 10000U

enum dockerfile_op {
	DF_ADD,
	DF_ARG,
	DF_CMD,
	DF_COPY,
	DF_ENTRYPOINT,
	DF_ENV,
	DF_EXPOSE,
	DF_FROM,
	DF_HEALTHCHECK,
	DF_LABEL,
	DF_MAINTAINER,
	DF_ONBUILD,
	DF_RUN,
	DF_SHELL,
	DF_STOPSIGNAL,
	DF_USER,
	DF_VOLUME,
	DF_WORKDIR,
	DF_OP_COUNT,
};

struct dockerfile_flag {
	char *name;  /* without "--" */
	char *value; /* NULL when there was no "=" */
};

struct dockerfile_heredoc {
	char *name;
	char *body;
	bool expand; /* the word was not quoted */
	bool chomp;  /* "<<-": leading tabs are taken off */
};

struct dockerfile_insn {
	enum dockerfile_op op;
	unsigned first_line, last_line; /* physical lines, from 1 */
	char *text;                     /* the logical line as written, continuations joined */
	struct dockerfile_flag *flags;
	size_t n_flags;
	char *rest; /* what follows the word and the flags, blanks around taken off */
	/*
	 * Words, by instruction: exec form, sources and destination, stage words,
	 * ports, volumes, ARG "NAME" or "NAME=default"; ENV and LABEL alternate
	 * name and value; a single string otherwise. Not expanded, quotes kept.
	 */
	char **args;
	bool exec_form; /* args came from a JSON array */
	struct dockerfile_heredoc *heredocs;
	size_t n_heredocs;
};

struct dockerfile {
	char *name;   /* as shown in messages: "Dockerfile" */
	char **lines; /* physical lines, for excerpts */
	size_t n_lines;
	char escape;  /* '\\' or '`' */
	char *syntax; /* "# syntax=" value or NULL */
	struct dockerfile_insn *insns;
	size_t n_insns;
};

/*
 * Parses a whole file. CRL_INVALID with the message "NAME:LINE: what" and an
 * excerpt of the source below it (see dockerfile_error()). A file without a
 * FROM is an error.
 */
int dockerfile_parse(const char *name, const char *text, size_t len, struct dockerfile *ret,
		     struct crl_err *err);
void dockerfile_free(struct dockerfile *df);

/*
 * Parses one instruction that stands alone (ONBUILD triggers). `df` gives the
 * escape character and may be NULL. Messages are not prefixed.
 */
int dockerfile_parse_line(const char *text, char escape, struct dockerfile_insn *ret,
			  struct crl_err *err);
void dockerfile_insn_free(struct dockerfile_insn *in);

/* "RUN"; the nearest known word for a wrong one, or NULL when none is near. */
const char *dockerfile_op_name(enum dockerfile_op op);
bool dockerfile_op_parse(const char *word, size_t len, enum dockerfile_op *ret);
const char *dockerfile_nearest(const char *word, const char *const *known, size_t n);
const char *dockerfile_nearest_op(const char *word);

/* Value of a flag; *ret_present tells "--x" from nothing. */
const char *dockerfile_flag(const struct dockerfile_insn *in, const char *name, bool *ret_present);

/*
 * Turns err's message into "NAME:LINE: INSTRUCTION: message" followed by an
 * excerpt of the source with the instruction's lines marked. Returns -1.
 */
int dockerfile_error(const struct dockerfile *df, const struct dockerfile_insn *in,
		     struct crl_err *err);
/* The excerpt alone: the lines [first, last] marked, two lines around. Never fails. */
void dockerfile_excerpt(const struct dockerfile *df, unsigned first, unsigned last, size_t limit,
			struct buf *out);

/* --- variables (dockerfile_expand.c) --- */
struct dockerfile_vars {
	/* Value of a name, NULL = unset. */
	const char *(*get)(const char *name, void *data);
	void *data;
};
enum dockerfile_expand_mode {
	DOCKERFILE_EXPAND_WORD,    /* quotes and escapes are processed and taken off */
	DOCKERFILE_EXPAND_HEREDOC, /* only $ and \$; quotes and other escapes stay */
};
#define DOCKERFILE_EXPAND_MAX (1024U * 1024)
/* One string from one word. CRL_INVALID for bad syntax and for ${x?m}, CRL_LIMIT for results over 1
 * MiB. */
int dockerfile_expand(const char *word, char escape, enum dockerfile_expand_mode mode,
		      const struct dockerfile_vars *vars, char **ret, struct crl_err *err);
/* The same, then split at unquoted blanks, those that came out of variables included (EXPOSE). */
int dockerfile_expand_split(const char *word, char escape, const struct dockerfile_vars *vars,
			    char ***ret, struct crl_err *err);

/* --- inner parts, shared between the parser's files --- */
bool dockerfile_is_blank(char c);
const char *dockerfile_skip_blanks(const char *s);
/* Splits at blanks outside quotes; quotes and escapes stay (dockerfile_words.c). */
int dockerfile_split_words(const char *text, char escape, char ***ret, struct crl_err *err);
/* Takes flags off the front of *text. */
int dockerfile_take_flags(const char **text, char escape, struct dockerfile_insn *in,
			  struct crl_err *err);
/* 1 = JSON array of strings, 0 = not JSON (shell form), -1 = array with something else. */
int dockerfile_json_words(const char *text, char ***ret, struct crl_err *err);
/* Whether a word is "<<NAME". */
bool dockerfile_is_heredoc(const char *word);
/* Fills args, exec_form from rest by the instruction's own grammar. */
int dockerfile_parse_args(struct dockerfile_insn *in, char escape, struct crl_err *err);
/* Heredoc words of a line, bodies not read yet. */
int dockerfile_find_heredocs(struct dockerfile_insn *in, char escape, struct crl_err *err);
void dockerfile_split_insn(const char *line, char *word, size_t word_size, const char **ret_rest);

#endif
