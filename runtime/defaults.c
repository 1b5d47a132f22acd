/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The default policy as data: capabilities, masked and read-only paths. The
 * daemon writes it into config.json; the runtime itself adds nothing on its
 * own. See capabilities(7), proc(5).
 */
#include "caps.h"
#include <base/cleanup.h>
#include <base/str.h>
#include <crun-lite/runtime.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/prctl.h>

/* Index = number of the capability (linux/capability.h). */
static const char *const capability_names[] = {
	"CAP_CHOWN",
	"CAP_DAC_OVERRIDE",
	"CAP_DAC_READ_SEARCH",
	"CAP_FOWNER",
	"CAP_FSETID",
	"CAP_KILL",
	"CAP_SETGID",
	"CAP_SETUID",
	"CAP_SETPCAP",
	"CAP_LINUX_IMMUTABLE",
	"CAP_NET_BIND_SERVICE",
	"CAP_NET_BROADCAST",
	"CAP_NET_ADMIN",
	"CAP_NET_RAW",
	"CAP_IPC_LOCK",
	"CAP_IPC_OWNER",
	"CAP_SYS_MODULE",
	"CAP_SYS_RAWIO",
	"CAP_SYS_CHROOT",
	"CAP_SYS_PTRACE",
	"CAP_SYS_PACCT",
	"CAP_SYS_ADMIN",
	"CAP_SYS_BOOT",
	"CAP_SYS_NICE",
	"CAP_SYS_RESOURCE",
	"CAP_SYS_TIME",
	"CAP_SYS_TTY_CONFIG",
	"CAP_MKNOD",
	"CAP_LEASE",
	"CAP_AUDIT_WRITE",
	"CAP_AUDIT_CONTROL",
	"CAP_SETFCAP",
	"CAP_MAC_OVERRIDE",
	"CAP_MAC_ADMIN",
	"CAP_SYSLOG",
	"CAP_WAKE_ALARM",
	"CAP_BLOCK_SUSPEND",
	"CAP_AUDIT_READ",
	"CAP_PERFMON",
	"CAP_BPF",
	"CAP_CHECKPOINT_RESTORE",
};
_Static_assert(ARRAY_SIZE(capability_names) == CAP_CHECKPOINT_RESTORE + 1, "one name each");

const char *const crl_default_capabilities[] = {
	"CAP_CHOWN",   "CAP_DAC_OVERRIDE", "CAP_FSETID",           "CAP_FOWNER",      "CAP_MKNOD",
	"CAP_NET_RAW", "CAP_SETGID",       "CAP_SETUID",           "CAP_SETFCAP",     "CAP_SETPCAP",
	"CAP_KILL",    "CAP_SYS_CHROOT",   "CAP_NET_BIND_SERVICE", "CAP_AUDIT_WRITE", NULL,
};

/* As Docker 28; those the kernel does not have are passed over (CVE-2022-0492 and relatives). */
const char *const crl_default_masked_paths[] = {
	"/proc/acpi",
	"/proc/asound",
	"/proc/interrupts",
	"/proc/kcore",
	"/proc/keys",
	"/proc/latency_stats",
	"/proc/sched_debug",
	"/proc/scsi",
	"/proc/timer_list",
	"/proc/timer_stats",
	"/sys/firmware",
	"/sys/devices/virtual/powercap",
	NULL,
};
/* Each processor has a folder of counters that tell what the host does (GHSA-6fw5-f8r9-fgfm). */
static bool is_cpu(const char *name)
{
	return str_starts(name, "cpu") && name[3] && !name[3 + strspn(name + 3, "0123456789")];
}

char **crl_masked_paths(const char *cpus)
{
	_cleanup_strv_ char **list = strv_copy((char *const *)(uintptr_t)crl_default_masked_paths);
	_cleanup_closedir_ DIR *d = opendir(cpus);
	for (struct dirent *e; list && d && (e = readdir(d));) {
		char path[300];
		snprintf(path, sizeof(path), "%s/thermal_throttle", e->d_name);
		if (!is_cpu(e->d_name) || faccessat(dirfd(d), path, F_OK, 0) < 0)
			continue;
		if (strv_pushf(&list, CRL_CPU_DIR "/%s", path) < 0)
			return NULL;
	}
	return take_ptr(list);
}

const char *const crl_default_readonly_paths[] = {
	"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger", NULL,
};

int caps_number(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(capability_names); i++)
		if (strcmp(name, capability_names[i]) == 0)
			return (int)i;
	return -1;
}

const char *caps_name(unsigned n)
{
	return n < ARRAY_SIZE(capability_names) ? capability_names[n] : NULL;
}

const char *const *crl_all_capabilities(void)
{
	static const char *all[ARRAY_SIZE(capability_names) + 1];
	if (all[0])
		return all;
	size_t n = 0;
	/* PR_CAPBSET_READ answers EINVAL from the first number the kernel does not know. */
	while (n < ARRAY_SIZE(capability_names) && prctl(PR_CAPBSET_READ, n, 0, 0, 0) >= 0) {
		all[n] = capability_names[n];
		n++;
	}
	all[n] = NULL;
	return all;
}
