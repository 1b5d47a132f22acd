/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See mount_options.h. */
#include "mount_options.h"
#include "sys.h"

/* What a word does. `below`: also to the mounts below (the words with r in front). */
struct word {
	const char *name;
	uint64_t set, clear;
	bool below;
};

#define ATTR(on, off, attr)                                                                        \
	{on, .set = (attr)}, {off, .clear = (attr)}, {"r" on, .set = (attr), .below = true},       \
	{                                                                                          \
		"r" off, .clear = (attr), .below = true                                            \
	}
#define ATIME MOUNT_ATTR__ATIME

static const struct word words_attr[] = {
	ATTR("ro", "rw", MOUNT_ATTR_RDONLY),
	ATTR("nosuid", "suid", MOUNT_ATTR_NOSUID),
	ATTR("nodev", "dev", MOUNT_ATTR_NODEV),
	ATTR("noexec", "exec", MOUNT_ATTR_NOEXEC),
	ATTR("nodiratime", "diratime", MOUNT_ATTR_NODIRATIME),
	ATTR("nosymfollow", "symfollow", MOUNT_ATTR_NOSYMFOLLOW),
	/* The three times exclude each other: the whole field is cleared before one is set. */
	{"noatime", MOUNT_ATTR_NOATIME, ATIME},
	{"rnoatime", MOUNT_ATTR_NOATIME, ATIME, true},
	{"strictatime", MOUNT_ATTR_STRICTATIME, ATIME},
	{"rstrictatime", MOUNT_ATTR_STRICTATIME, ATIME, true},
	{"relatime", MOUNT_ATTR_RELATIME, ATIME},
	{"rrelatime", MOUNT_ATTR_RELATIME, ATIME, true},
	{"atime", MOUNT_ATTR_RELATIME, ATIME},
	{"ratime", MOUNT_ATTR_RELATIME, ATIME, true},
	{"nostrictatime", MOUNT_ATTR_RELATIME, ATIME},
	{"rnostrictatime", MOUNT_ATTR_RELATIME, ATIME, true},
	{"norelatime", MOUNT_ATTR_STRICTATIME, ATIME},
	{"rnorelatime", MOUNT_ATTR_STRICTATIME, ATIME, true},
};

static const struct {
	const char *name;
	uint64_t propagation;
	bool below;
} words_propagation[] = {
	{"private", MS_PRIVATE, false},       {"rprivate", MS_PRIVATE, true},
	{"slave", MS_SLAVE, false},           {"rslave", MS_SLAVE, true},
	{"shared", MS_SHARED, false},         {"rshared", MS_SHARED, true},
	{"unbindable", MS_UNBINDABLE, false}, {"runbindable", MS_UNBINDABLE, true},
};

/* Words without an effect here: the default, or a matter of mount(8). */
static const char *const words_ignored[] = {"defaults", "async",  "loud",
					    "silent",   "nomand", "remount"};

static bool take_attr(const char *w, struct mount_options *o)
{
	for (size_t i = 0; i < ARRAY_SIZE(words_attr); i++) {
		const struct word *a = &words_attr[i];
		if (!str_eq(w, a->name))
			continue;
		uint64_t *set = a->below ? &o->set_below : &o->set;
		uint64_t *clear = a->below ? &o->clear_below : &o->clear;
		/* The last word wins: "ro,rw" is rw. */
		*set = (*set & ~a->clear) | a->set;
		*clear = (*clear & ~a->set) | a->clear;
		return true;
	}
	return false;
}

static bool take_propagation(const char *w, struct mount_options *o)
{
	for (size_t i = 0; i < ARRAY_SIZE(words_propagation); i++)
		if (str_eq(w, words_propagation[i].name)) {
			o->propagation = words_propagation[i].propagation;
			o->propagation_below = words_propagation[i].below;
			return true;
		}
	return false;
}

static bool take_special(const char *w, struct mount_options *o)
{
	if (str_eq(w, "bind"))
		return o->bind = true;
	if (str_eq(w, "rbind"))
		return o->bind = o->bind_below = true;
	if (str_eq(w, "idmap"))
		return o->idmap = true;
	if (str_eq(w, "ridmap"))
		return o->idmap = o->idmap_below = true;
	if (str_eq(w, "tmpcopyup") || str_eq(w, "copyup"))
		return o->copy_up = true;
	for (size_t i = 0; i < ARRAY_SIZE(words_ignored); i++)
		if (str_eq(w, words_ignored[i]))
			return true;
	return false;
}

int mount_options_parse(char *const *words, struct mount_options *ret, struct crl_err *err)
{
	struct mount_options o = {0};
	size_t n = 0;
	o.data = calloc(strv_len(words) + 1, sizeof(char *));
	if (!o.data)
		return crl_fail_oom(err);
	for (size_t i = 0; words && words[i]; i++) {
		if (!take_attr(words[i], &o) && !take_propagation(words[i], &o) &&
		    !take_special(words[i], &o))
			o.data[n++] = words[i];
	}
	*ret = o;
	return 0;
}

void mount_options_free(struct mount_options *o)
{
	free(o->data);
	o->data = NULL;
}

const char *const *mount_options_known(void)
{
	static const char *all[ARRAY_SIZE(words_attr) + ARRAY_SIZE(words_propagation) +
			       ARRAY_SIZE(words_ignored) + 7];
	size_t n = 0;
	if (all[0])
		return all;
	for (size_t i = 0; i < ARRAY_SIZE(words_attr); i++)
		all[n++] = words_attr[i].name;
	for (size_t i = 0; i < ARRAY_SIZE(words_propagation); i++)
		all[n++] = words_propagation[i].name;
	for (size_t i = 0; i < ARRAY_SIZE(words_ignored); i++)
		all[n++] = words_ignored[i];
	all[n++] = "bind";
	all[n++] = "rbind";
	all[n++] = "idmap";
	all[n++] = "ridmap";
	all[n++] = "tmpcopyup";
	all[n++] = "copyup";
	return all;
}
