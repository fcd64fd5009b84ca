/* The result of a run as a page for people. What the teachers were worth is read from run.h5. */
#include <stdio.h>
#include <string.h>

#include "app/format.h"
#include "app/job.h"
#include "base/utf8.h"
#include "lyceum/memory.h"
#include "lyceum/runfile.h"

#define LABEL_WIDTH 16

/* Prints `text` in `width` columns; printf counts bytes, names may hold more of them than letters. */
static void print_cell(const char *text, int width) {
    int letters = (int)lyc__utf8_count(text);
    printf("%s%*s", text, letters < width ? width - letters : 1, "");
}

void lyc__print_metrics_head(int indent) {
    const lyc__colours *c = lyc__stdout_colours();
    printf("%s%*s%-*s %8s %10s %8s %8s %8s %8s %8s%s\n", c->dim, indent, "", LABEL_WIDTH, "", "rows",
           "accuracy", "NLL", "Brier", "ECE", "F1", "Matthews", c->reset);
}

void lyc__print_metrics(const char *label, int indent, const lyc_metrics *m) {
    char accuracy[LYC__SHORT];
    lyc__format_percent(m->accuracy, accuracy);
    printf("%*s", indent, "");
    print_cell(label, LABEL_WIDTH);
    printf(" %8llu %10s %8.4f %8.4f %8.4f %8.4f %8.4f\n", (unsigned long long)m->rows, accuracy, m->nll,
           m->brier, m->ece, m->f1_macro, m->matthews);
}

static void print_splits(const lyc_run_result *result) {
    const lyc__colours *c = lyc__stdout_colours();
    printf("\n%ssplits%s  ", c->bold, c->reset);
    for (int split = 0; split < LYC_SPLIT_COUNT; split++) {
        char rows[LYC__SHORT];
        lyc__format_count(result->split_rows[split], rows);
        printf("%s%s %s", split ? ", " : "", lyc_split_name((lyc_split)split), rows);
        if (split != LYC_SPLIT_TRAIN || result->labelled == result->split_rows[split]) continue;
        lyc__format_count(result->labelled, rows);
        printf(" (%s labelled)", rows);
    }
    printf(" rows\n");
}

typedef struct teachers {
    char **names, **kinds;
    double *accuracy, *ce;
    size_t count;
} teachers;

static lyc_status read_teachers(teachers *out, const char *path, lyc_error *err) {
    lyc_runreader *reader = NULL;
    LYC_TRY(lyc_runreader_open(&reader, path, err));
    size_t kinds = 0, accuracies = 0, losses = 0;
    lyc_status status = LYC_OK;
    LYC_TRY_GOTO(lyc_runreader_texts(reader, "/teachers/name", &out->names, &out->count, err));
    LYC_TRY_GOTO(lyc_runreader_texts(reader, "/teachers/kind", &out->kinds, &kinds, err));
    LYC_TRY_GOTO(
        lyc_runreader_constant(reader, "/teachers/valid_accuracy", &out->accuracy, &accuracies, err));
    LYC_TRY_GOTO(lyc_runreader_constant(reader, "/teachers/valid_ce", &out->ce, &losses, err));
    if (kinds != out->count || accuracies != out->count || losses != out->count)
        status = LYC_ERROR(err, LYC_EFORMAT, "%s: /teachers does not hold one entry a teacher", path);
done:
    lyc_runreader_close(reader);
    return status;
}

static lyc_status print_teachers(const lyc_config *config, lyc_error *err) {
    const lyc__colours *c = lyc__stdout_colours();
    lyc__text path = {0};
    char *run = NULL;
    lyc__text_add(&path, "%s/run.h5", config->output);
    LYC_TRY(lyc__text_finish(&path, &run, err));
    teachers t = {0};
    lyc_status status = read_teachers(&t, run, err);
    lyc_free(run);
    if (status == LYC_OK && t.count > 0) {
        printf("\n%steachers%s\n%s  %-*s %8s %15s %9s%s\n", c->bold, c->reset, c->dim, LABEL_WIDTH, "",
               "source", "valid accuracy", "valid CE", c->reset);
        for (size_t k = 0; k < t.count; k++) {
            char accuracy[LYC__SHORT];
            lyc__format_percent(t.accuracy[k], accuracy);
            printf("  ");
            print_cell(t.names[k], LABEL_WIDTH);
            printf(" %8s %15s %9.4f\n", t.kinds[k], accuracy, t.ce[k]);
        }
    }
    lyc_free(t.names);
    lyc_free(t.kinds);
    lyc_free(t.accuracy);
    lyc_free(t.ce);
    return status;
}

static void print_result(const lyc_config *config, const lyc_run_result *result) {
    const lyc__colours *c = lyc__stdout_colours();
    bool distils = config->command == LYC_CONFIG_DISTILL;
    printf("\n%s%s%s  of epoch %u of %u\n", c->bold, distils ? "student" : "network", c->reset,
           result->best_epoch, config->train.epochs);
    lyc__print_metrics_head(2);
    lyc__print_metrics("valid", 2, &result->valid);
    if (result->test.rows > 0) lyc__print_metrics("test", 2, &result->test);
    if (result->test_touched > 1)
        printf("  this run has looked at the test split %u times\n", result->test_touched);
    if (result->greedy_valid_accuracy == result->greedy_valid_accuracy) {
        char accuracy[LYC__SHORT];
        lyc__format_percent(result->greedy_valid_accuracy, accuracy);
        printf("  the agent's greedy choice of teachers answers %s of valid\n", accuracy);
    }
}

lyc_status lyc__print_summary(const lyc_config *config, const lyc_run_result *result, lyc_error *err) {
    const lyc__colours *c = lyc__stdout_colours();
    bool distils = config->command == LYC_CONFIG_DISTILL;
    printf("%s%s%s  %s", c->bold, config->name, c->reset, config->network.arch);
    if (distils) printf(", strategy %s", config->agent.strategy);
    printf("\n");
    print_splits(result);
    if (distils) LYC_TRY(print_teachers(config, err));
    print_result(config, result);
    char steps[LYC__SHORT], time[LYC__SHORT];
    lyc__format_count(result->steps, steps);
    lyc__format_duration(result->seconds, time);
    printf("\n%s steps in %s. The %s is %s/%s.h5", steps, time, distils ? "student" : "model", config->output,
           distils ? "student" : "model");
    if (distils) printf("; see what happened: lyceum inspect %s", config->output);
    printf("\n");
    return LYC_OK;
}
