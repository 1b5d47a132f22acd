/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A container's record -> the OCI config.json that the monitor gives to the
 * runtime (or any other OCI runtime). Pure: reads /proc/self limits and stats
 * device nodes and files named in the request, changes nothing.
 */
#ifndef DAEMON_OCI_CONFIG_H
#define DAEMON_OCI_CONFIG_H

#include "container.h"

#include <crun-lite/oci_spec.h>

struct oci_input {
	const struct container_record *rec;
	const char *dir;        /* the container's folder: hostname, hosts, resolv.conf */
	const char *hosts_dir;  /* folder of the container whose network is shared; NULL = dir */
	const char *hostname;   /* what HOSTNAME says */
	const char *netns_path; /* join this one; NULL = the monitor's descriptor or a new one */
	const char *ipc_path, *pid_path;
	const char *userns_path; /* join these users (a peer's); NULL = the record's map is new */
	const char *shm_source;  /* bind this on /dev/shm instead of a tmpfs */
	const char *init_path;   /* host path of the init binary for --init */
	bool no_new_privileges;  /* daemon's default */
	char *const *link_env;   /* variables that links bring; the container's own go first */
};

/*
 * Fills *ret (free with json_free and oci_spec_json). `linux.seccomp` is left out when the
 * default profile applies; then *ret_default_seccomp is true.
 */
int oci_config_build(const struct oci_input *in, struct oci_spec *ret, bool *ret_default_seccomp,
		     struct crl_err *err);

/* Text of config.json; `seccomp` is the default profile's text or NULL. Caller frees. */
char *oci_config_text(const struct oci_spec *spec, const char *seccomp);

/* --- pieces, used by create (validation) and update as well --- */
/* CapAdd/CapDrop over the default set. CRL_INVALID with docker's text for an unknown name. */
int oci_caps(const struct api_host_config *hc, char ***ret, struct crl_err *err);

/*
 * Resource limits of a process in the container, the first and those of exec alike: the given
 * ulimits, and 1024 open files where none says otherwise. -1 when memory is short.
 */
int oci_rlimits(const struct api_resources *res, struct oci_process *p);

struct oci_security {
	bool no_new_privileges;
	bool seccomp_unconfined;
	char *seccomp_profile; /* JSON text */
	bool writable_cgroups; /* the container's own cgroup, in its own namespace */
	char **mask, **unmask; /* the values of mask=, unmask= and systempaths= */
};
int oci_security_parse(const struct api_host_config *hc, struct oci_security *ret,
		       struct crl_err *err);
void oci_security_free(struct oci_security *s);

/* A profile in Docker's format, for a process with these capabilities. */
int oci_seccomp_from_profile(const char *text, char *const *caps, struct oci_linux_seccomp **ret,
			     struct crl_err *err);

/* Limits -> linux.resources (zeroed by the caller). Block devices are looked up. */
int oci_resources_fill(const struct api_resources *r, struct oci_linux_resources *ret,
		       struct crl_err *err);
int oci_devices_fill(const struct api_host_config *hc, struct oci_linux *l, struct crl_err *err);

/* "c 1:3 rwm": CRL_INVALID in Docker's words when it is none. */
int oci_device_rule_check(const char *text, struct crl_err *err);

#endif
