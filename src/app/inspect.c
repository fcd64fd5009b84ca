/* `lyceum inspect RUN`: what the agent of a run did, while it goes on, afterwards, or after a kill. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app/command.h"
#include "lyceum/inspect.h"
#include "lyceum/memory.h"

typedef struct inspect_options {
    lyc__common common;
    bool csv;
    int64_t window;
} inspect_options;

static const lyc__option options[] = {
    {"csv", 0, LYC__OPTION_FLAG, offsetof(inspect_options, csv), NULL,
     "print the trajectory, one line per batch, and nothing else; of two runs their figures", 0, 0},
    {"window", 'w', LYC__OPTION_COUNT, offsetof(inspect_options, window), "N",
     "batches of one point of a curve (default: so many that there are at most 40 points)", 1, 1e15},
    LYC__COMMON_JSON,
    LYC__COMMON_HELP,
};

static const lyc__usage usage = {
    .command = "inspect",
    .synopsis = "RUN [OTHER] [--json | --csv] [--window N]",
    .summary = "show what the agent of a run did, or two runs side by side",
    .about =
        "Reads run.h5 of the run directory RUN: which teachers were selected, how often and at what weight, "
        "over time and by class; what selecting each of them did to the student (its credit), and what the "
        "probes say that it is worth, with an interval; when the weights changed for good; what each teacher "
        "adds to the others, by class and by confidence; the student's losses, rewards and accuracy; where "
        "the "
        "time went; and one sentence on what became of each teacher. With OTHER the two are compared: their "
        "figures side by side, and the keys in which their configurations part. Works on a run that "
        "is still going on, on a finished one and on one that was killed. docs/inspect.md explains every "
        "figure.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .least_arguments = 1,
    .most_arguments = 2,
    .argument = "the run directory",
    .examples = "lyceum inspect runs/fashion\n"
                "lyceum inspect runs/learned runs/uniform\n"
                "watch -n 2 lyceum inspect runs/fashion     # while it runs\n"
                "lyceum inspect runs/fashion --json | jq '.teachers[] | {name, verdict}'\n"
                "lyceum inspect runs/fashion --csv > trajectory.csv",
    .configures = -1,
};

static lyc_status print_piece(void *payload, const char *text, size_t size, lyc_error *err) {
    (void)payload;
    if (fwrite(text, 1, size, stdout) == size) return LYC_OK;
    LYC_FAIL(err, LYC_EIO, "writing the output failed: %s", strerror(errno));
}

static lyc_inspect_style terminal_style(void) {
    const lyc__colours *c = lyc__stdout_colours();
    return (lyc_inspect_style){.utf8 = lyc__terminal_utf8(),
                               .columns = lyc__stdout_columns(),
                               .bold = c->bold,
                               .dim = c->dim,
                               .good = c->green,
                               .bad = c->red,
                               .reset = c->reset};
}

static lyc_status show_one(const inspect_options *o, const lyc_inspection *run, char **text, lyc_error *err) {
    const lyc_inspect_style style = terminal_style();
    return o->common.json ? lyc_inspect_json(run, text, err) : lyc_inspect_text(run, &style, text, err);
}

static lyc_status show_both(const inspect_options *o, lyc_inspection *const runs[2], char **text,
                            lyc_error *err) {
    const lyc_inspect_style style = terminal_style();
    if (o->common.json) return lyc_inspect_compare_json(runs[0], runs[1], text, err);
    if (o->csv) return lyc_inspect_compare_csv(runs[0], runs[1], text, err);
    return lyc_inspect_compare_text(runs[0], runs[1], &style, text, err);
}

static lyc_status inspect(const inspect_options *o, lyc_error *err) {
    const lyc__texts *paths = &o->common.arguments;
    lyc_inspection *runs[2] = {NULL, NULL};
    char *text = NULL;
    lyc_status status;
    if (o->csv && o->common.json)
        LYC_FAIL(err, LYC_EUSAGE, "--json and --csv are two forms of output; choose one");
    if (o->csv && o->window > 0)
        LYC_FAIL(err, LYC_EUSAGE,
                 "--csv has a line for every batch or figure; --window has no meaning there");
    if (o->csv && paths->count == 1) return lyc_inspect_csv(paths->items[0], print_piece, NULL, err);
    for (size_t i = 0; i < paths->count; i++)
        LYC_TRY_GOTO(lyc_inspect_open(&runs[i], paths->items[i], (uint64_t)o->window, err));
    LYC_TRY_GOTO(paths->count == 1 ? show_one(o, runs[0], &text, err) : show_both(o, runs, &text, err));
    LYC_TRY_GOTO(print_piece(NULL, text, strlen(text), err));
done:
    lyc_free(text);
    for (int i = 0; i < 2; i++) lyc_inspect_close(runs[i]);
    return status;
}

int lyc__app_inspect(int argc, char **argv) {
    inspect_options o = {0};
    int code = LYC__EXIT_DONE;
    if (!lyc__begin(&usage, argc, argv, &o, &code)) return code;
    lyc_error err = {0};
    return inspect(&o, &err) == LYC_OK ? LYC__EXIT_DONE : lyc__failed(&usage, &err);
}
