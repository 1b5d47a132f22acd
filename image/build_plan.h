/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The plan of a build: stages and their steps with everything that can be
 * known before the first step runs. Made by build_plan.c, build_stage.c and
 * build_config.c, executed by build_exec.c.
 */
#ifndef IMAGE_BUILD_PLAN_H
#define IMAGE_BUILD_PLAN_H

#include "dockerfile.h"

#include <crun-lite/build.h>

enum build_kind {
	BUILD_FROM,   /* nothing to do but to say so */
	BUILD_CONFIG, /* the config was edited while planning */
	BUILD_RUN,
	BUILD_COPY,    /* COPY and ADD */
	BUILD_WORKDIR, /* makes the folder */
};

enum { BUILD_FROM_CONTEXT = -1, BUILD_FROM_IMAGE = -2 };

/* --chmod: octal, or clauses like u=rwX,go-w applied to the source's mode. */
struct build_chmod {
	char *text; /* NULL = none */
	bool octal;
	unsigned mode;
};

struct build_copy {
	bool add; /* ADD: local archives are unpacked */
	bool link;
	char **sources;   /* expanded; wildcards still in */
	char *dest;       /* absolute, clean */
	bool dest_is_dir; /* was written with a trailing slash, "." or ".." */
	char *chown;      /* NULL = none */
	struct build_chmod chmod;
	char **exclude;
	int from;                      /* stage index, or BUILD_FROM_* */
	char *from_id, *from_manifest; /* BUILD_FROM_IMAGE */
	struct strmap inline_files;    /* heredocs: name -> body */
};

struct build_step {
	enum build_kind kind;
	const struct dockerfile_insn
		*insn;    /* for excerpts; of the Dockerfile, or the FROM of a trigger */
	char *text;       /* "RUN make" */
	char *created_by; /* for the history */
	bool trigger;     /* from ONBUILD */
	bool counted;     /* has a number in "Step 1/5" */
	/* RUN */
	char **argv, **env, **proxy;
	char *user, *cwd, *network;
	char *script; /* a heredoc that begins with "#!": argv[0] is where it will be */
	/* COPY */
	struct build_copy *copy;
	/* WORKDIR */
	char *path;
};

struct build_layer {
	char *diff_id;
	struct crl_descriptor blob;
};

struct build_stage {
	unsigned index;
	char *name; /* lower case, or NULL */
	const struct dockerfile_insn *from;
	size_t first, last; /* instructions [first, last) of the stage, FROM not in */
	char *base;         /* expanded image name */
	char *platform;     /* expanded --platform or NULL */
	int base_stage;     /* index, or -1 */
	bool scratch, wanted, built;
	char *base_id, *base_manifest;
	struct crl_image image; /* config: the base's, edited by the plan */
	char **vars;            /* ENV and ARG in effect at the end, "K=V", the later one wins */
	bool cmd_set;           /* CMD stood in this stage */
	struct build_step *steps;
	size_t n_steps;
	/* filled by the execution */
	struct build_layer *layers;
	size_t n_layers;
};

struct build_plan {
	const struct crl_build_options *options;
	const struct crl_build_ops *ops;
	struct dockerfile df;
	struct strmap global;     /* ARG before the first FROM, evaluated */
	struct strmap predefined; /* TARGETPLATFORM and the like */
	char **used_args;         /* names of build arguments that some ARG consumed */
	struct build_stage *stages;
	size_t n_stages;
	struct build_stage *target;
	size_t n_counted; /* steps in "Step 1/n" */
	int64_t epoch;    /* SOURCE_DATE_EPOCH in seconds, -1 = none */
};

/* Parses the Dockerfile of the context and plans. Reads images, runs nothing. */
int build_plan_make(struct build_plan *p, const struct crl_build_options *options,
		    const struct crl_build_ops *ops, struct crl_err *err);
/* The same on given text. */
int build_plan_text(struct build_plan *p, const char *text, size_t len, struct crl_err *err);
void build_plan_free(struct build_plan *p);
/* The last stage of that name among the first `before`, or NULL. */
struct build_stage *build_plan_stage(struct build_plan *p, const char *name, size_t before);
/* Plans an earlier stage that only a trigger of a base image asks for. */
int build_plan_require(struct build_plan *p, struct build_stage *s, struct crl_err *err);

/* build_stage.c: fills the steps of one stage whose base is planned. */
int build_stage_plan(struct build_plan *p, struct build_stage *s, struct crl_err *err);
/* A value out of the stage's scope; for struct dockerfile_vars. */
const char *build_stage_get(const char *name, void *stage);
struct build_step *build_stage_add(struct build_stage *s, enum build_kind kind,
				   const struct dockerfile_insn *at, const char *text,
				   struct crl_err *err);
int build_stage_expand(struct build_plan *p, struct build_stage *s, const char *word, char **ret,
		       struct crl_err *err);
/* Whether all flags of an instruction are among `known` (NULL-terminated). */
int build_check_flags(const struct dockerfile_insn *in, const char *const *known,
		      struct crl_err *err);

/* build_config.c: metadata instructions. */
int build_config_apply(struct build_plan *p, struct build_stage *s,
		       const struct dockerfile_insn *in, struct crl_err *err);
/* Exec form as it is, shell form behind the stage's shell. */
int build_config_command(const struct build_stage *s, const struct dockerfile_insn *in,
			 const char *shell_text, char ***ret, struct crl_err *err);

/* build_args.c: COPY and ADD flags and words; the mode language of --chmod. */
int build_copy_plan(struct build_plan *p, struct build_stage *s, const struct dockerfile_insn *in,
		    struct build_copy **ret, struct crl_err *err);
void build_copy_free(struct build_copy *c);
int build_chmod_parse(const char *text, struct build_chmod *ret, struct crl_err *err);
unsigned build_chmod_apply(const struct build_chmod *c, unsigned mode, bool is_dir);
/* `path` relative to the working directory `cwd` ("" = /), cleaned. NULL = no memory. */
char *build_path_join(const char *cwd, const char *path);

#endif
