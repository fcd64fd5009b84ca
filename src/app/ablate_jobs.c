#include "app/ablate_jobs.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "app/ablate_process.h"
#include "base/fileio.h"
#include "lyceum/log.h"
#include "lyceum/memory.h"
#include "lyceum/runfile.h"

#define PATH_SIZE      4096
#define MESSAGE_SIZE   2048
#define POLL_INTERVAL  0.02 /* seconds between two looks at the processes */
#define EPOCH_INTERVAL 1.0  /* seconds between two looks at how far they are */

int lyc__cores(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (int)online : 1;
}

static void rest(void) {
    struct timespec interval = {.tv_nsec = (long)(POLL_INTERVAL * 1e9)};
    (void)nanosleep(&interval, NULL); /* woken early by a signal: so much the better */
}

/* ---- command lines ------------------------------------------------------------------------------------ */

/* "lyceum VERB BASE --set ... --threads N flags..."; the caller frees the array. `threads` is a text of the
 * caller. */
static lyc_status command_line(const char ***out, const lyc_ablation *ablation, const lyc_ablation_run *run,
                               const char *verb, const char *threads, const char *const *flags,
                               lyc_error *err) {
    const char **argv = NULL;
    size_t count = 0, more = 0;
    while (flags[more]) more++;
    LYC_TRY(LYC_NEW_ARRAY(argv, 2 * run->set_count + more + 7, err));
    argv[count++] = "lyceum";
    argv[count++] = verb;
    for (size_t i = 0; i < run->set_count; i++) {
        argv[count++] = "--set";
        argv[count++] = run->sets[i];
    }
    argv[count++] = "--threads";
    argv[count++] = threads;
    for (size_t i = 0; i < more; i++) argv[count++] = flags[i];
    argv[count++] = "--";
    argv[count++] = ablation->base;
    *out = argv;
    return LYC_OK;
}

/* ---- banks -------------------------------------------------------------------------------------------- */

static bool needs_banks(const lyc_ablation_run *run) {
    return run->state == LYC_ABLATION_OPEN && run->config->banks.enabled && run->config->teacher_count > 0 &&
           strcmp(run->config->agent.strategy, "none") != 0;
}

static lyc_status wait_for(pid_t process, const volatile int *stop, lyc__ending *ending, lyc_error *err) {
    bool told = false;
    while (true) {
        LYC_TRY(lyc__process_poll(process, ending, err));
        if (ending->ended) return LYC_OK;
        if (*stop && !told) {
            (void)kill(process, SIGINT);
            told = true;
        }
        rest();
    }
}

static lyc_status fill(const lyc_ablation *ablation, const lyc_ablation_run *run,
                       const lyc__jobs_options *options, lyc_error *err) {
    char threads[24];
    const char **argv = NULL;
    pid_t process;
    lyc__ending ending;
    (void)snprintf(threads, sizeof threads, "%d", options->threads);
    LYC_TRY(command_line(
        &argv, ablation, run, "bank", threads,
        options->quiet ? (const char *const[]){"--quiet", NULL} : (const char *const[]){NULL}, err));
    lyc_status status = lyc__process_start(&process, argv, NULL, err); /* shows its own progress */
    if (status == LYC_OK) status = wait_for(process, options->stop, &ending, err);
    lyc_free(argv);
    if (status != LYC_OK || *options->stop) return status;
    if (ending.code != 0)
        lyc_log(LYC_LOG_WARNING,
                "the banks for %s could not be filled ahead; each run computes what is missing", run->name);
    return LYC_OK;
}

lyc_status lyc__fill_banks(const lyc_ablation *ablation, const lyc__jobs_options *options, lyc_error *err) {
    for (size_t ensemble = 0; ensemble < ablation->ensemble_count; ensemble++) {
        const lyc_ablation_run *first = NULL;
        for (size_t i = 0; i < ablation->run_count && !first; i++)
            if (ablation->runs[i].ensemble == ensemble && needs_banks(&ablation->runs[i]))
                first = &ablation->runs[i];
        if (first && !*options->stop) LYC_TRY(fill(ablation, first, options, err));
    }
    if (*options->stop) LYC_FAIL(err, LYC_ECANCELLED, "stopped; what was filled stays");
    return LYC_OK;
}

/* ---- runs --------------------------------------------------------------------------------------------- */

typedef struct slot {
    pid_t process; /* 0 = free */
    size_t run;
    uint64_t epochs; /* done, when last looked at */
} slot;

typedef struct jobs {
    lyc_ablation *ablation;
    const lyc__jobs_options *options;
    slot *slots;
    size_t next;            /* run to look at next */
    uint64_t epochs_behind; /* of the runs that ended */
    size_t ended, failed, total;
    lyc_progress progress;
    double last_look;
    bool told;
} jobs;

static void log_path(const jobs *j, size_t run, char out[PATH_SIZE]) {
    (void)snprintf(out, PATH_SIZE, "%s/logs/%s.txt", j->ablation->output, j->ablation->runs[run].name);
}

static lyc_status start(jobs *j, slot *to, size_t index, lyc_error *err) {
    static const char *const flags[] = {"--resume", "--json", "--quiet", NULL};
    int share = j->options->threads / (int)j->options->jobs;
    char threads[24], log[PATH_SIZE];
    const char **argv = NULL;
    (void)snprintf(threads, sizeof threads, "%d", share > 0 ? share : 1);
    log_path(j, index, log);
    LYC_TRY(command_line(&argv, j->ablation, &j->ablation->runs[index], "distill", threads, flags, err));
    lyc_status status = lyc__process_start(&to->process, argv, log, err);
    lyc_free(argv);
    if (status != LYC_OK) to->process = 0;
    to->run = index;
    to->epochs = 0;
    return status;
}

static lyc_status start_more(jobs *j, lyc_error *err) {
    for (size_t i = 0; i < j->options->jobs && !*j->options->stop; i++) {
        if (j->slots[i].process != 0) continue;
        while (j->next < j->ablation->run_count && j->ablation->runs[j->next].state != LYC_ABLATION_OPEN)
            j->next++;
        if (j->next == j->ablation->run_count) return LYC_OK;
        LYC_TRY(start(j, &j->slots[i], j->next++, err));
    }
    return LYC_OK;
}

/* The last thing that a run said, without the program's name in front. */
static void read_message(const jobs *j, size_t run, char out[MESSAGE_SIZE]) {
    char path[PATH_SIZE];
    log_path(j, run, path);
    out[0] = '\0';
    FILE *file = fopen(path, "rbe");
    if (!file) return;
    if (fseek(file, -(long)(MESSAGE_SIZE - 1), SEEK_END) != 0) rewind(file);
    size_t size = fread(out, 1, MESSAGE_SIZE - 1, file);
    fclose(file);
    while (size > 0 && out[size - 1] == '\n') size--;
    out[size] = '\0';
    static const char prefix[] = "lyceum distill: ";
    char *last = NULL;
    for (char *at = strstr(out, prefix); at; at = strstr(at + 1, prefix)) last = at;
    if (last) memmove(out, last + sizeof prefix - 1, strlen(last + sizeof prefix - 1) + 1);
}

static lyc_status end(jobs *j, slot *from, const lyc__ending *ending, lyc_error *err) {
    lyc_ablation_run *run = &j->ablation->runs[from->run];
    char message[MESSAGE_SIZE + 128];
    from->process = 0;
    if (ending->code == 0) {
        run->state = LYC_ABLATION_FINISHED;
    } else if (*j->options->stop) {
        return LYC_OK; /* it was told to stop; it stays open */
    } else {
        char said[MESSAGE_SIZE];
        read_message(j, from->run, said);
        if (ending->signal)
            (void)snprintf(message, sizeof message, "ended by signal %d (%s)", ending->signal,
                           strsignal(ending->signal));
        else (void)snprintf(message, sizeof message, "%s", said[0] ? said : "could not be started");
        LYC_TRY(lyc_ablation_fail(j->ablation, from->run, message, err));
        lyc_log(LYC_LOG_ERROR, "%s: %s", run->name, message);
        j->failed++;
    }
    j->ended++;
    j->epochs_behind += run->config->train.epochs;
    return LYC_OK;
}

static lyc_status collect(jobs *j, bool *busy, lyc_error *err) {
    *busy = false;
    for (size_t i = 0; i < j->options->jobs; i++) {
        slot *s = &j->slots[i];
        lyc__ending ending;
        if (s->process == 0) continue;
        LYC_TRY(lyc__process_poll(s->process, &ending, err));
        if (ending.ended) LYC_TRY(end(j, s, &ending, err));
        else *busy = true;
    }
    return LYC_OK;
}

/* How far a run is, from what it has recorded; the former figure where that cannot be told yet. */
static void look(const jobs *j, slot *s) {
    char path[PATH_SIZE];
    lyc_runreader *reader = NULL;
    lyc_error ignored;
    uint64_t epochs = 0;
    (void)snprintf(path, sizeof path, "%s/run.h5", j->ablation->runs[s->run].output);
    if (access(path, F_OK) != 0 || lyc_runreader_open(&reader, path, &ignored) != LYC_OK) return;
    if (lyc_runreader_rows(reader, "epochs", &epochs, &ignored) == LYC_OK) s->epochs = epochs;
    lyc_runreader_close(reader);
}

static void show(jobs *j) {
    double now = lyc_seconds();
    if (now - j->last_look < EPOCH_INTERVAL) return;
    j->last_look = now;
    uint64_t epochs = j->epochs_behind;
    for (size_t i = 0; i < j->options->jobs; i++) {
        if (j->slots[i].process == 0) continue;
        look(j, &j->slots[i]);
        epochs += j->slots[i].epochs;
    }
    (void)snprintf(j->progress.detail, sizeof j->progress.detail, "%zu of %zu runs%s", j->ended, j->total,
                   j->failed > 0 ? ", some failed" : "");
    lyc_progress_update(&j->progress, epochs);
}

static void tell(jobs *j) {
    if (!*j->options->stop || j->told) return;
    j->told = true;
    for (size_t i = 0; i < j->options->jobs; i++)
        if (j->slots[i].process != 0) (void)kill(j->slots[i].process, SIGINT);
}

static void begin_progress(jobs *j) {
    uint64_t epochs = 0, behind = 0;
    for (size_t i = 0; i < j->ablation->run_count; i++) {
        const lyc_ablation_run *run = &j->ablation->runs[i];
        epochs += run->config->train.epochs;
        j->total++;
        if (run->state == LYC_ABLATION_OPEN) continue;
        behind += run->config->train.epochs;
        j->ended++;
    }
    lyc_progress_start(&j->progress, "ablate", "epochs", epochs);
    j->progress.skipped = j->epochs_behind = behind;
}

static lyc_status loop(jobs *j, lyc_error *err) {
    bool busy = true;
    begin_progress(j);
    while (busy) {
        LYC_TRY(start_more(j, err));
        rest();
        tell(j);
        LYC_TRY(collect(j, &busy, err));
        show(j);
        busy = busy || (j->next < j->ablation->run_count && !*j->options->stop);
    }
    if (*j->options->stop && j->ended < j->total)
        LYC_FAIL(err, LYC_ECANCELLED, "stopped: %zu of %zu runs are done; nothing is lost", j->ended,
                 j->total);
    j->last_look = 0;
    show(j); /* the detail of the last line */
    lyc_progress_finish(&j->progress);
    return LYC_OK;
}

lyc_status lyc__run_jobs(lyc_ablation *ablation, const lyc__jobs_options *options, lyc_error *err) {
    jobs j = {.ablation = ablation, .options = options};
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof path, "%s/logs", ablation->output);
    LYC_TRY(lyc__make_directories(path, err));
    LYC_TRY(LYC_NEW_ARRAY(j.slots, options->jobs, err));
    lyc_status status = loop(&j, err);
    if (status != LYC_OK && status != LYC_ECANCELLED) /* a fault of ours: no process is left behind */
        for (size_t i = 0; i < options->jobs; i++)
            if (j.slots[i].process != 0) (void)kill(j.slots[i].process, SIGKILL);
    lyc_free(j.slots);
    return status;
}
