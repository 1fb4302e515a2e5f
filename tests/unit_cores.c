/* unit_cores.c - CPU quotas of control groups, in folders that stand in for /sys/fs/cgroup. */
#include "master/cores.h"
#include "tests/lib/run.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static char dir[256];

static void set_up(void) {
    run_make_dir(HERE, dir, sizeof dir);
    run_cleaner(HERE, 0, dir);
}
TestSuite(cores, .init = set_up, .timeout = 180);

static const char *at(const char *name) {
    static char path[600];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

/* Writes a file, and makes the folders on its way. */
static void put(const char *name, const char *text) {
    char path[600];
    snprintf(path, sizeof path, "%s", at(name));
    for (char *slash = path + strlen(dir) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        mkdir(path, 0755);
        *slash = '/';
    }
    run_write_file(HERE, path, text);
}

static uint32_t quota(const char *membership) {
    char path[600];
    put("membership", membership);
    snprintf(path, sizeof path, "%s", at("membership"));
    return cores_quota(path, dir);
}

Test(cores, a_quota_is_rounded_up) {
    static const struct {
        const char *text;
        uint32_t cores;
    } cases[] = {{"max 100000\n", CORES_NO_QUOTA},
                 {"100000 100000\n", 1},
                 {"1000 100000\n", 1},
                 {"150000 100000\n", 2},
                 {"200000 100000\n", 2},
                 {"200001 100000\n", 3},
                 {"400000 50000\n", 8},
                 {"", CORES_NO_QUOTA},
                 {"x y\n", CORES_NO_QUOTA},
                 {"100000\n", CORES_NO_QUOTA},
                 {"0 0\n", CORES_NO_QUOTA},
                 {"9223372036854775807 1\n", CORES_NO_QUOTA}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        put("cpu.max", cases[i].text);
        cr_assert_eq(quota("0::/\n"), cases[i].cores, "%s: %u", cases[i].text, quota("0::/\n"));
    }
}

Test(cores, the_least_quota_on_the_way_up_counts) {
    put("a/b/c/cpu.max", "max 100000\n");
    put("a/b/cpu.max", "300000 100000\n");
    put("a/cpu.max", "500000 100000\n");
    cr_assert_eq(quota("0::/a/b/c\n"), 3);
    cr_assert_eq(quota("0::/a/b/c/missing/too\n"), 3);
    cr_assert_eq(quota("0::/a\n"), 5);
    cr_assert_eq(quota("0::/\n"), CORES_NO_QUOTA);
    cr_assert_eq(quota("0::/other\n"), CORES_NO_QUOTA);
    put("cpu.max", "200000 100000\n");
    cr_assert_eq(quota("0::/a/b/c\n"), 2);
    cr_assert_eq(quota("0::/host/path/of/a/container\n"), 2);
    cr_assert_eq(quota("0::/../../elsewhere\n"), 2);
}

Test(cores, version_1) {
    put("cpu/docker/cpu.cfs_quota_us", "250000\n");
    put("cpu/docker/cpu.cfs_period_us", "100000\n");
    put("cpu/cpu.cfs_quota_us", "-1\n");
    put("cpu/cpu.cfs_period_us", "100000\n");
    put("cpu,cpuacct/x/cpu.cfs_quota_us", "50000\n");
    put("cpu,cpuacct/x/cpu.cfs_period_us", "50000\n");
    cr_assert_eq(quota("2:memory:/docker\n1:cpu:/docker\n"), 3);
    cr_assert_eq(quota("4:cpu,cpuacct:/x/y\n1:cpu:/docker\n"), 1);
    cr_assert_eq(quota("1:cpu:/\n"), CORES_NO_QUOTA);
    cr_assert_eq(quota("3:cpuset:/docker\n2:cpuacct:/docker\n"), CORES_NO_QUOTA);
    put("cpu,cpuacct/x/cpu.cfs_period_us", "0\n");
    cr_assert_eq(quota("4:cpu,cpuacct:/x\n"), CORES_NO_QUOTA);
}

Test(cores, what_is_not_understood_is_no_quota) {
    put("cpu.max", "100000 100000\n");
    cr_assert_eq(quota(""), CORES_NO_QUOTA);
    cr_assert_eq(quota("nonsense\n"), CORES_NO_QUOTA);
    cr_assert_eq(quota("0:\n"), CORES_NO_QUOTA);
    cr_assert_eq(quota("0::/"), 1, "without a line end");
    cr_assert_eq(cores_quota(at("missing"), dir), CORES_NO_QUOTA);
    cr_assert_geq(cores_available(), 1);
}
