/* The file that describes an ablation, and figures out of the result of a run: JSON that is no configuration,
 * read as strictly as one. */
#ifndef LYCEUM_CONFIG_ABLATION_FILE_H
#define LYCEUM_CONFIG_ABLATION_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lyceum/memory.h"

#define LYC__AXIS_VALUES 1000
#define LYC__SEED_KEY    "train.seed"

/* One key of the configuration and the values that it takes. */
typedef struct lyc__axis {
    const char *key; /* "agent.strategy" */
    size_t count;
    const char **labels; /* [count] what people read: the text itself, or the JSON of another value */
    const char **values; /* [count] JSON */
} lyc__axis;

typedef struct lyc__ablation_file {
    const char *name, *base, *output;
    size_t axis_count;
    lyc__axis *axes; /* in the order of the file */
    size_t set_count;
    const char **sets; /* "key=JSON": what holds in every run */
    const size_t
        *reference; /* [axis_count] index of the reference's value, SIZE_MAX for axes it leaves alone */
    bool has_reference;
    size_t budget_axis;         /* that of agent.strategy; axis_count where no budgets are asked for */
    const uint8_t *budget_rule; /* [its count] 1 for the rules to repeat with a larger budget */
    bool budget_labels, budget_flops;
} lyc__ablation_file;

/* Everything in *out lives in `arena`. LYC_ECONFIG with every problem of the file at once; whether the keys
 * of the axes exist and take these values only the configurations themselves can tell. */
LYC_MUST_USE lyc_status lyc__ablation_file_read(lyc__ablation_file *out, const char *path, lyc_arena *arena,
                                                lyc_error *err);

/* Reads the numbers at paths such as "test.accuracy" of a JSON file; null becomes NAN. LYC_ECONFIG: no such
 * file or no JSON; LYC_EFORMAT: a path that is not there or holds no number. */
LYC_MUST_USE lyc_status lyc__json_numbers(const char *path, const char *const *keys, size_t count,
                                          double *out, lyc_error *err);

#endif
