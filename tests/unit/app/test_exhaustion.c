/* Memory that runs out at any point of any command: an error that says so, nothing leaked, nothing lost.
 *
 * Each command runs in this process with an allocator that fails one request, then another. LYCEUM_FAULTS
 * says for how many of its requests (25 unless set; the long target takes every one). A run that failed is
 * resumed, and must end with the model that it would have had without. An argument, "distill on*", takes only
 * the commands of that name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "app/command.h"
#include "lyceum/ablation.h"
#include "lyceum/memory.h"
#include "lyceum/model.h"
#include "tests/unit/io/scratch.h"

enum { IMAGES = 150, SIDE = 4, CLASSES = 3, MOST_WORDS = 24, MESSAGE = 4096 };

typedef struct failing {
    atomic_llong left; /* requests until the one that fails; negative = none will */
    atomic_llong alive;
} failing;

static failing plan;

static void *allocate(void *payload, size_t size, size_t alignment) {
    (void)payload;
    if (atomic_fetch_sub(&plan.left, 1) == 0) return NULL;
    void *block = aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
    if (block) atomic_fetch_add(&plan.alive, 1);
    return block;
}

static void release(void *payload, void *block) {
    (void)payload;
    atomic_fetch_sub(&plan.alive, 1);
    free(block);
}

/* ---- commands ----------------------------------------------------------------------------------------- */

typedef int (*program)(int argc, char **argv);

typedef struct command {
    const char *name;
    program run;
    const char *words; /* separated by blanks; "@" stands for the scratch directory */
    const char *made;  /* removed before each run; NULL = nothing is made */
    const char *model; /* of a run: can be resumed, and then holds this file */
} command;

/* What the ablation's own functions do, without starting processes. */
static int ablate(int argc, char **argv) {
    lyc_ablation *ablation = NULL;
    lyc_error err = {0};
    char *table = NULL;
    (void)argc;
    lyc_status status = lyc_ablation_load(&ablation, argv[1], &err);
    if (status == LYC_OK) status = lyc_ablation_scan(ablation, &err);
    if (status == LYC_OK) status = lyc_ablation_measure(ablation, NULL, &err);
    for (int format = 0; status == LYC_OK && format < LYC_TABLE_FORMATS; format++) {
        status = lyc_ablation_table(ablation, (lyc_table_format)format, &table, &err);
        lyc_free(table);
    }
    if (status == LYC_OK) status = lyc_ablation_write(ablation, &err);
    lyc_ablation_destroy(ablation);
    if (status != LYC_OK) fprintf(stderr, "%s\n", err.message);
    return status == LYC_OK ? LYC__EXIT_DONE : LYC__EXIT_FAILED;
}

#define IDX                                                                                                  \
    "idx --train-images @/images --train-labels @/labels --test-images @/others --test-labels @/labels"
#define AGENT                                                                                                \
    "--set agent.credit.every=2 --set agent.credit.steps=1 --set agent.credit.samples=8 --set "              \
    "agent.credit.kind="

static const command commands[] = {
    {"data", lyc__app_data, IDX " -o @/made.h5 --quiet", "made.h5", NULL},
    {"data csv", lyc__app_data, "csv --train @/table.csv -o @/made.h5 --quiet", "made.h5", NULL},
    {"config schema", lyc__app_config, "schema", NULL, NULL},
    {"config reference", lyc__app_config, "reference", NULL, NULL},
    {"train", lyc__app_train, "@/train.json --threads 2 --output @/made --json --quiet", "made",
     "made/model.h5"},
    {"distill on one thread", lyc__app_distill,
     "@/distill.json --threads 1 --output @/made --set banks.directory=@/made/banks --quiet " AGENT "probe",
     "made", "made/student.h5"},
    {"distill on two threads", lyc__app_distill,
     "@/distill.json --threads 2 --output @/made --set banks.directory=@/made/banks --quiet " AGENT "probe",
     "made", "made/student.h5"},
    {"distill on policy", lyc__app_distill,
     "@/distill.json --threads 2 --output @/made --set banks.directory=@/banks --json --quiet " AGENT
     "on_policy",
     "made", "made/student.h5"},
    {"bank", lyc__app_bank, "@/distill.json --threads 2 --set banks.directory=@/made --quiet", "made", NULL},
    {"eval", lyc__app_eval,
     "@/run/student.h5 --data @/data.h5 --split all --threads 2 --logits @/made.h5 --quiet", "made.h5", NULL},
    {"inspect", lyc__app_inspect, "@/run", NULL, NULL},
    {"inspect as JSON", lyc__app_inspect, "@/run --json", NULL, NULL},
    {"inspect as CSV", lyc__app_inspect, "@/run --csv", NULL, NULL},
    {"ablation", ablate, "@/ablation.json", "ablation/table.txt", NULL},
};

/* Runs a command with both streams in files; *message is what it printed as errors. */
static int run(program of, const char *words, const char *more, char message[MESSAGE]) {
    char text[4096] = "lyceum ", *argv[MOST_WORDS * 2 + 1];
    size_t used = strlen(text);
    int argc = 0;
    for (const char *c = words; *c; c++)
        if (*c == '@') used += (size_t)snprintf(text + used, sizeof text - used, "%s", scratch_directory);
        else text[used++] = *c;
    (void)snprintf(text + used, sizeof text - used, " %s", more);
    for (char *word = strtok(text, " "); word; word = strtok(NULL, " ")) argv[argc++] = word;
    argv[argc] = NULL;

    fflush(stdout);
    const int kept[2] = {dup(STDOUT_FILENO), dup(STDERR_FILENO)};
    const int output = open("/dev/null", O_WRONLY | O_CLOEXEC);
    const int errors = open(scratch_path("errors"), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(output >= 0 && errors >= 0 && dup2(output, STDOUT_FILENO) >= 0 &&
                dup2(errors, STDERR_FILENO) >= 0);
    const int code = of(argc, argv);
    fflush(stdout);
    fflush(stderr);
    dup2(kept[0], STDOUT_FILENO);
    dup2(kept[1], STDERR_FILENO);
    const ssize_t got = pread(errors, message, MESSAGE - 1, 0);
    message[got > 0 ? got : 0] = '\0';
    const int all[] = {kept[0], kept[1], output, errors};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) close(all[i]);
    return code;
}

/* ---- what they work on -------------------------------------------------------------------------------- */

static void write_file(const char *name, const void *bytes, size_t size) {
    FILE *file = fopen(scratch_path(name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void write_data(void) {
    static uint8_t images[16 + IMAGES * SIDE * SIDE], labels[8 + IMAGES];
    char table[4096] = "";
    memcpy(images, (const uint8_t[]){0, 0, 8, 3, 0, 0, 0, IMAGES, 0, 0, 0, SIDE, 0, 0, 0, SIDE}, 16);
    memcpy(labels, (const uint8_t[]){0, 0, 8, 1, 0, 0, 0, IMAGES}, 8);
    for (uint32_t i = 0; i < IMAGES; i++) {
        labels[8 + i] = (uint8_t)(i % CLASSES);
        for (uint32_t k = 0; k < SIDE * SIDE; k++)
            images[16 + i * SIDE * SIDE + k] =
                (uint8_t)(80 * (i % CLASSES) + (i * 31 + k * 17 + i * k) % 40 * 2);
    }
    for (int i = 0; i < 60; i++)
        (void)snprintf(table + strlen(table), sizeof table - strlen(table), "%d,%d,%c\n", i, i * i % 7,
                       "abc"[i % 3]);
    write_file("images", images, sizeof images);
    for (size_t i = 16; i < sizeof images; i++) images[i] ^= 1; /* no row of one part stands in the other */
    write_file("others", images, sizeof images);
    write_file("labels", labels, sizeof labels);
    write_file("table.csv", table, strlen(table));
}

static void write_config(const char *name, const char *rest) {
    char text[4096];
    const char *s = scratch_directory;
    (void)snprintf(
        text, sizeof text,
        "{\"output\": \"%s/run\", \"data\": {\"path\": \"%s/data.h5\", \"reward_fraction\": 0.2, "
        "\"valid_fraction\": 0.2, \"augment\": {\"views\": 2, \"shift\": 1}}, \"train\": {\"epochs\": 2, "
        "\"batch\": 16, \"checkpoint_every\": 3}, %s}",
        s, s, rest);
    for (char *at; (at = strchr(text, '@'));) {
        memmove(at + strlen(s), at + 1, strlen(at));
        memcpy(at, s, strlen(s));
    }
    write_file(name, text, strlen(text));
}

static int prepare(void **state) {
    char message[MESSAGE];
    const lyc_allocator allocator = {.allocate = allocate, .release = release};
    if (scratch_open(state) != 0) return 1;
    atomic_store(&plan.left, -1);
    lyc_allocator_set(&allocator);
    write_data();
    write_config("train.json", "\"network\": {\"arch\": \"mlp\", \"hidden\": [4], \"dropout\": 0.1}");
    write_config(
        "distill.json",
        "\"student\": {\"arch\": \"convnet\", \"blocks\": [{\"channels\": 2, \"batch_norm\": true}]}, "
        "\"banks\": {\"directory\": \"@/banks\"}, \"teachers\": [{\"name\": \"a\", \"model\": "
        "\"@/a/model.h5\"}, "
        "{\"name\": \"b\", \"model\": \"@/b/model.h5\"}]");
    static const char ablation[] =
        "{\"name\": \"a\", \"base\": \"%s/distill.json\", \"output\": \"%s/ablation\", \"axes\": "
        "{\"agent.strategy\": [\"uniform\", \"learned\"], \"train.seed\": [1, 2]}, "
        "\"reference\": {\"agent.strategy\": \"uniform\"}}";
    char text[2048];
    const int size = snprintf(text, sizeof text, ablation, scratch_directory, scratch_directory);
    write_file("ablation.json", text, (size_t)size);
    const struct {
        program run;
        const char *words;
    } steps[] = {{lyc__app_data, IDX " -o @/data.h5 --quiet"},
                 {lyc__app_train, "@/train.json --output @/a --quiet"},
                 {lyc__app_train, "@/train.json --output @/b --quiet --seed 2"},
                 {lyc__app_distill, "@/distill.json --quiet"}};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        if (run(steps[i].run, steps[i].words, "", message) != 0) return fprintf(stderr, "%s\n", message);
    return 0;
}

static int finish(void **state) {
    lyc_allocator_set(NULL);
    return scratch_close(state);
}

/* ---- failing ------------------------------------------------------------------------------------------ */

static void remove_made(const command *of) {
    if (of->made) (void)nftw(scratch_path(of->made), scratch_delete, 16, FTW_DEPTH | FTW_PHYS);
}

static void read_fingerprint(const command *of, char out[LYC_FINGERPRINT_SIZE]) {
    lyc_model *model;
    lyc_error err = {0};
    if (lyc_model_load(&model, scratch_path(of->model), &err) != LYC_OK)
        fail_msg("%s: %s", of->name, err.message);
    memcpy(out, model->fingerprint, LYC_FINGERPRINT_SIZE);
    lyc_model_destroy(model);
}

static void resume_and_compare(const command *of, const char *whole, long long request) {
    char message[MESSAGE], found[LYC_FINGERPRINT_SIZE];
    if (run(of->run, of->words, "--resume", message) != 0)
        fail_msg("%s, request %lld: cannot be resumed: %s", of->name, request, message);
    read_fingerprint(of, found);
    if (strcmp(found, whole) != 0) fail_msg("%s, request %lld: another model", of->name, request);
}

/* The n-th request fails; false when there were fewer. */
static bool fail_once(const command *of, long long request) {
    char message[MESSAGE];
    const long long before = atomic_load(&plan.alive);
    remove_made(of);
    atomic_store(&plan.left, request);
    const int code = run(of->run, of->words, "", message);
    const bool reached = atomic_load(&plan.left) < 0;
    atomic_store(&plan.left, -1);
    if (atomic_load(&plan.alive) != before)
        fail_msg("%s, request %lld: %lld blocks are left (%s)", of->name, request,
                 atomic_load(&plan.alive) - before, message);
    if (reached && (code != LYC__EXIT_FAILED || !strstr(message, "memory")))
        fail_msg("%s, request %lld: exit %d, \"%s\"", of->name, request, code, message);
    if (!reached && code != LYC__EXIT_DONE)
        fail_msg("%s without a failure: exit %d, %s", of->name, code, message);
    return reached;
}

static long long count_requests(const command *of) {
    char message[MESSAGE];
    remove_made(of);
    atomic_store(&plan.left, LLONG_MAX);
    if (run(of->run, of->words, "", message) != 0) fail_msg("%s: %s", of->name, message);
    const long long count = LLONG_MAX - atomic_load(&plan.left);
    atomic_store(&plan.left, -1);
    return count;
}

static void memory_runs_out(void **state) {
    const command *of = *state;
    const char *wanted = getenv("LYCEUM_FAULTS");
    const long long requests = count_requests(of), most = wanted ? atoll(wanted) : 25;
    const long long step = requests > most ? requests / most : 1;
    char whole[LYC_FINGERPRINT_SIZE];
    assert_true(requests > 3);
    if (of->model) read_fingerprint(of, whole);
    for (long long i = 0; i < requests; i += step) {
        const bool failed = fail_once(of, i + i / step % step);
        if (failed && of->model) resume_and_compare(of, whole, i);
    }
    printf("             %lld requests\n", requests);
}

/* A pattern that fits no command would pass by trying nothing. */
static bool names_a_command(const char *pattern) {
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (fnmatch(pattern, commands[i].name, 0) == 0) return true;
    return false;
}

int main(int argc, char **argv) {
    if (argc > 1 && !names_a_command(argv[1])) {
        fprintf(stderr, "%s: no command is called '%s'\n", argv[0], argv[1]);
        return 2;
    }
    if (argc > 1) cmocka_set_test_filter(argv[1]);
    struct CMUnitTest tests[sizeof commands / sizeof commands[0]];
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        tests[i] = (struct CMUnitTest){.name = commands[i].name,
                                       .test_func = memory_runs_out,
                                       .initial_state = (void *)(uintptr_t)&commands[i]};
    return cmocka_run_group_tests(tests, prepare, finish);
}
