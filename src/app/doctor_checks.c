#include "app/doctor_checks.h"

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "app/command.h"
#include "app/format.h"
#include "base/versions.h"
#include "config/versions.h"
#include "io/versions.h"
#include "lyceum/blas.h"
#include "lyceum/pool.h"
#include "lyceum/version.h"
#include "nn/versions.h"

#define GIB (1024.0 * 1024.0 * 1024.0)

const char *lyc__verdict_name(lyc__verdict verdict) {
    static const char *const names[] = {"ok", "warning", "problem"};
    return names[verdict];
}

static void advise(lyc__finding *out, lyc__verdict verdict, const char *fix) {
    out->verdict = verdict;
    snprintf(out->fix, sizeof out->fix, "%s", fix);
}

/* The first line of a file that starts with `key`, without key and spaces; false when there is none. */
static bool read_line(const char *path, const char *key, char *out, size_t size) {
    FILE *file = fopen(path, "re");
    if (!file) return false;
    char line[4096];
    bool found = false;
    while (!found && fgets(line, sizeof line, file)) {
        found = strncmp(line, key, strlen(key)) == 0;
        if (found) snprintf(out, size, "%s", line + strlen(key) + strspn(line + strlen(key), " \t:"));
    }
    fclose(file);
    if (found) out[strcspn(out, "\n")] = '\0';
    return found;
}

static bool has_word(const char *words, const char *word) {
    size_t length = strlen(word);
    for (const char *p = words; (p = strstr(p, word)) != NULL; p += length)
        if ((p == words || p[-1] == ' ') && (p[length] == ' ' || p[length] == '\0')) return true;
    return false;
}

static void check_build(lyc__finding *out) {
    snprintf(out->value, sizeof out->value, "lyceum %s, %s %s", lyc_version(),
#if defined(__clang__)
             "clang",
#else
             "gcc",
#endif
             __VERSION__);
}

static void check_cpu(lyc__finding *out) {
    static const char *const extensions[] = {"avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16"};
    char model[128] = "unknown", flags[4096] = "";
    read_line("/proc/cpuinfo", "model name", model, sizeof model);
    read_line("/proc/cpuinfo", "flags", flags, sizeof flags);
    size_t used = (size_t)snprintf(out->value, sizeof out->value, "%s;", model);
    for (size_t i = 0; i < sizeof extensions / sizeof *extensions; i++)
        if (has_word(flags, extensions[i]) && used < sizeof out->value)
            used += (size_t)snprintf(out->value + used, sizeof out->value - used, " %s", extensions[i]);
    if (used < sizeof out->value)
        snprintf(out->value + used, sizeof out->value - used, "; own vector code: %s", lyc_vector_level());
    if (strcmp(lyc_vector_level(), "baseline") == 0)
        advise(out, LYC__VERDICT_WARNING,
               "this CPU (or the virtual machine) offers no AVX2: expect a fraction of the speed");
}

/* Cores that a container's quota allows ("max" or "200000 100000"); 0 = no limit. */
static double quota(void) {
    FILE *file = fopen("/sys/fs/cgroup/cpu.max", "re");
    if (!file) return 0;
    double share = 0, period = 0;
    bool limited = fscanf(file, "%lf %lf", &share, &period) == 2 && period > 0;
    fclose(file);
    return limited ? share / period : 0;
}

static void check_cores(lyc__finding *out) {
    cpu_set_t set;
    int online = (int)sysconf(_SC_NPROCESSORS_ONLN);
    int allowed = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : online;
    double limit = quota();
    lyc_pool *pool = NULL;
    int threads = lyc_pool_create(&pool, 0, NULL) == LYC_OK ? lyc_pool_threads(pool) : 0;
    lyc_pool_destroy(pool);
    snprintf(out->value, sizeof out->value,
             "%d online, %d allowed; %d threads unless --threads says otherwise", online, allowed, threads);
    int best = limit > 0 && limit < allowed ? (limit < 1 ? 1 : (int)limit) : allowed;
    if (threads == 0) {
        advise(out, LYC__VERDICT_PROBLEM, "threads cannot be started; look at ulimit -u");
    } else if (threads > best) {
        snprintf(out->fix, sizeof out->fix, "this process may use %d cores only: run with --threads %d", best,
                 best);
        out->verdict = LYC__VERDICT_WARNING;
    }
}

static void check_memory(lyc__finding *out) {
    char text[64] = "";
    double total = 0, available = 0;
    if (read_line("/proc/meminfo", "MemTotal", text, sizeof text)) total = atof(text) * 1024;
    if (read_line("/proc/meminfo", "MemAvailable", text, sizeof text)) available = atof(text) * 1024;
    double limit =
        read_line("/sys/fs/cgroup/memory.max", "", text, sizeof text) ? atof(text) : 0; /* "max" reads as 0 */
    if (limit > 0 && limit < total) total = limit;
    if (total < available) available = total;
    char of[LYC__SHORT], free_now[LYC__SHORT];
    lyc__format_bytes(total, of);
    lyc__format_bytes(available, free_now);
    snprintf(out->value, sizeof out->value, "%s available of %s", free_now, of);
    if (available < GIB)
        advise(out, LYC__VERDICT_WARNING, "less than 1 GiB: data sets are kept in memory; close something");
}

static void check_openblas(lyc__finding *out) {
    lyc_error err = {0};
    lyc_status status = lyc_blas_check(&err);
    const char *chosen = lyc_blas_core_chosen(), *used = lyc_blas_core();
    bool changed = status == LYC_OK && strcmp(used, chosen) != 0;
    snprintf(out->value, sizeof out->value, "%s flavour, one thread a call, %s kernels%s%s%s; %s",
             lyc_blas_flavour(), used, changed ? " (instead of its own choice, " : "", changed ? chosen : "",
             changed ? ")" : "", lyc_blas_config());
    if (status != LYC_OK) advise(out, LYC__VERDICT_PROBLEM, err.message);
}

static void check_convolution(lyc__finding *out) {
    char version[LYC__VERSION_SIZE];
    const char *isa = "";
    lyc_error err = {0};
    if (!lyc__onednn_version(version, &isa)) {
        snprintf(out->value, sizeof out->value, "products over patches on OpenBLAS; built without oneDNN");
        advise(out, LYC__VERDICT_WARNING,
               "convolutional networks run at half the speed or less, and not in bf16: apt-get install "
               "libdnnl-dev, "
               "and build again");
        return;
    }
    snprintf(out->value, sizeof out->value, "oneDNN %s, %s kernels, one thread a call", version, isa);
    if (lyc__onednn_check(&err) != LYC_OK) advise(out, LYC__VERDICT_PROBLEM, err.message);
}

static void check_hdf5(lyc__finding *out) {
    char version[LYC__VERSION_SIZE];
    lyc__hdf5_version(version);
    bool safe = lyc__hdf5_is_threadsafe();
    snprintf(out->value, sizeof out->value, "%s, %sthread-safe", version, safe ? "" : "not ");
    if (!safe)
        advise(out, LYC__VERDICT_PROBLEM,
               "use a thread-safe HDF5, as Debian's: apt-get install libhdf5-dev, and build again");
}

static void check_libraries(lyc__finding *out) {
    char sleef[LYC__VERSION_SIZE], cjson[LYC__VERSION_SIZE], zlib[LYC__VERSION_SIZE],
        xxhash[LYC__VERSION_SIZE];
    lyc__sleef_version(sleef);
    lyc__cjson_version(cjson);
    lyc__zlib_version(zlib);
    lyc__xxhash_version(xxhash);
    snprintf(out->value, sizeof out->value, "SLEEF %s, cJSON %s, zlib %s, xxHash %s", sleef, cjson, zlib,
             xxhash);
}

static void check_locale(lyc__finding *out) {
    const char *names[] = {"LC_ALL", "LC_CTYPE", "LANG"}, *value = NULL;
    for (size_t i = 0; i < sizeof names / sizeof *names && !(value && value[0]); i++)
        value = getenv(names[i]);
    bool utf8 = lyc__terminal_utf8();
    snprintf(out->value, sizeof out->value, "%s, %s", value && value[0] ? value : "not set",
             utf8 ? "UTF-8" : "not UTF-8");
    if (!utf8)
        advise(out, LYC__VERDICT_WARNING,
               "bars and sparklines are drawn in ASCII; for the real ones: export LC_ALL=C.UTF-8");
}

/* Files can be made and locked here: a run directory is both. */
static bool can_write_and_lock(char *reason, size_t size) {
    char path[] = "lyceum-doctor-XXXXXX";
    int file = mkstemp(path);
    bool good = file >= 0 && flock(file, LOCK_EX | LOCK_NB) == 0;
    if (!good) snprintf(reason, size, "%s", strerror(errno));
    if (file >= 0) {
        close(file);
        unlink(path);
    }
    return good;
}

static void check_disk(lyc__finding *out) {
    struct statvfs disk;
    double available = statvfs(".", &disk) == 0 ? (double)disk.f_bavail * (double)disk.f_frsize : 0;
    char free_now[LYC__SHORT], reason[128];
    lyc__format_bytes(available, free_now);
    snprintf(out->value, sizeof out->value, "%s free in the current directory", free_now);
    if (!can_write_and_lock(reason, sizeof reason)) {
        snprintf(out->fix, sizeof out->fix,
                 "files cannot be made and locked here (%s): run elsewhere, or use --output DIR", reason);
        out->verdict = LYC__VERDICT_WARNING;
    } else if (available < GIB) {
        advise(out, LYC__VERDICT_WARNING, "less than 1 GiB: banks and checkpoints need room");
    }
}

const lyc__check lyc__checks[] = {
    {"build", check_build},       {"cpu", check_cpu},
    {"cores", check_cores},       {"memory", check_memory},
    {"openblas", check_openblas}, {"convolution", check_convolution},
    {"hdf5", check_hdf5},         {"libraries", check_libraries},
    {"locale", check_locale},     {"disk", check_disk},
};
const size_t lyc__check_count = sizeof lyc__checks / sizeof *lyc__checks;
