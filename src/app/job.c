/* Running a configured job: config, kernels, pool, Ctrl-C, result. */
#include "app/job.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "distill/result_json.h"
#include "lyceum/blas.h"
#include "lyceum/memory.h"

/* "key=value" with the value written as JSON, so that it is taken as it is, whatever it looks like. */
static lyc_status assignment(char **out, const char *key, const char *value, lyc_error *err) {
    lyc__json json;
    char *quoted = NULL;
    lyc__json_start(&json, false);
    lyc__json_text(&json, NULL, value);
    LYC_TRY(lyc__json_finish(&json, &quoted, err));
    lyc__text text = {0};
    lyc__text_add(&text, "%s=%s", key, quoted);
    lyc_free(quoted);
    return lyc__text_finish(&text, out, err);
}

lyc_status lyc__load_config(lyc_config **out, lyc_config_command command, const lyc__common *common,
                            lyc_error *err) {
    const char *sets[LYC__TEXTS_MAX + 2];
    char *seed = NULL, *output = NULL;
    size_t count = common->sets.count;
    lyc_status status = LYC_OK;
    memcpy(sets, common->sets.items, count * sizeof *sets);
    if (common->seed) {
        lyc__text text = {0};
        lyc__text_add(&text, "train.seed=%s", common->seed);
        LYC_TRY_GOTO(lyc__text_finish(&text, &seed, err));
        sets[count++] = seed;
    }
    if (common->output) {
        LYC_TRY_GOTO(assignment(&output, "output", common->output, err));
        sets[count++] = output;
    }
    LYC_TRY_GOTO(lyc_config_load(out, command, common->arguments.items[0], sets, count, err));
done:
    lyc_free(seed);
    lyc_free(output);
    return status;
}

lyc_status lyc__start_pool(lyc_pool **out, const lyc__common *common, lyc_error *err) {
    LYC_TRY(lyc_blas_check(err));
    LYC_TRY(lyc_pool_create(out, (int)common->threads, err));
    lyc_status status = lyc_blas_check_memory(lyc_pool_threads(*out), err);
    if (status == LYC_OK) return LYC_OK;
    lyc_pool_destroy(*out);
    *out = NULL;
    return status;
}

/* ---- stopping ------------------------------------------------------------------------------------- */

static volatile int stop_requested;
static bool stops_quietly;

static void request_stop(int number) {
    static const char note[] = "\nstopping after this step; again to stop at once\n";
    (void)number;
    stop_requested = 1;
    if (!stops_quietly && write(STDERR_FILENO, note, sizeof note - 1) < 0) stops_quietly = true;
}

const volatile int *lyc__catch_stop(bool quiet) {
    stops_quietly = quiet;
    struct sigaction action = {.sa_handler = request_stop, .sa_flags = SA_RESTART | (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    return &stop_requested;
}

/* A word as a shell reads it back. */
static void print_word(const char *word) {
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./=:,@%+-";
    if (word[0] && !word[strspn(word, plain)]) {
        fputs(word, stderr);
        return;
    }
    fputc('\'', stderr);
    for (; *word; word++)
        if (*word == '\'') fputs("'\\''", stderr);
        else fputc(*word, stderr);
    fputc('\'', stderr);
}

void lyc__say_how_to_resume(const lyc__common *common, int argc, char **argv) {
    fputs("go on with: lyceum", stderr);
    for (int i = 0; i < argc; i++) {
        fputc(' ', stderr);
        print_word(argv[i]);
    }
    fputs(common->resume ? "\n" : " --resume\n", stderr);
}

/* ---- the job -------------------------------------------------------------------------------------- */

static lyc_status run_configured(const lyc__common *common, const lyc_config *config, lyc__job_fn run,
                                 lyc_error *err) {
    lyc_pool *pool = NULL;
    LYC_TRY(lyc__start_pool(&pool, common, err));
    lyc_run_options options = {.resume = common->resume, .stop = lyc__catch_stop(common->quiet)};
    lyc_run_result result = {0};
    lyc_status status = run(config, &options, pool, &result, err);
    lyc_pool_destroy(pool);
    lyc__terminal_stop();
    if (status != LYC_OK) return status;
    if (!common->json) return lyc__print_summary(config, &result, err);
    lyc__json json;
    lyc__run_result_json(&json, config, &result);
    return lyc__print_json(&json, err);
}

int lyc__run_job(const lyc__usage *usage, lyc_config_command command, lyc__job_fn run, int argc,
                 char **argv) {
    lyc__common common = {0};
    int code = LYC__EXIT_DONE;
    if (!lyc__begin(usage, argc, argv, &common, &code)) return code;
    lyc_error err = {0};
    lyc_config *config = NULL;
    lyc_status status = lyc__load_config(&config, command, &common, &err);
    if (status == LYC_OK) status = run_configured(&common, config, run, &err);
    lyc_config_destroy(config);
    if (status == LYC_OK) return LYC__EXIT_DONE;
    code = lyc__failed(usage, &err);
    if (status == LYC_ECANCELLED) lyc__say_how_to_resume(&common, argc, argv);
    return code;
}
