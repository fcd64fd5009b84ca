/* `lyceum bank --plant`: its options and what it does. */
#ifndef LYCEUM_APP_PLANT_H
#define LYCEUM_APP_PLANT_H

#include "app/command.h"

/* All options of `lyceum bank`; numbers are negative where not given. */
typedef struct lyc__bank_options {
    lyc__common common;
    bool all;
    const char *plant, *data, *output, *classes, *errors, *elsewhere, *then;
    double share, margin, delay_ms;
    int64_t until, seed;
} lyc__bank_options;

#define LYC__BANK_DEFAULTS                                                                                   \
    { .share = -1.0, .margin = -1.0, .delay_ms = -1.0, .until = -1, .seed = -1 }

#define LYC__PLANT_AT(member) offsetof(lyc__bank_options, member)
#define LYC__PLANT_OPTIONS                                                                                    \
    {"plant", 0, LYC__OPTION_TEXT, LYC__PLANT_AT(plant), "KIND", "make a planted teacher of SOURCE instead",  \
     0,       0},                                                                                             \
        {"data",                                                                                              \
         'd',                                                                                                 \
         LYC__OPTION_TEXT,                                                                                    \
         LYC__PLANT_AT(data),                                                                                 \
         "FILE",                                                                                              \
         "--plant: the data set that SOURCE was recorded for",                                                \
         0,                                                                                                   \
         0},                                                                                                  \
        {"output", 'o', LYC__OPTION_TEXT, LYC__PLANT_AT(output), "FILE", "--plant: the file to write", 0, 0}, \
        {"seed",                                                                                              \
         0,                                                                                                   \
         LYC__OPTION_COUNT,                                                                                   \
         LYC__PLANT_AT(seed),                                                                                 \
         "N",                                                                                                 \
         "--plant: seed of what is drawn (default 0)",                                                        \
         0,                                                                                                   \
         9007199254740991.0},                                                                                 \
        {"share",                                                                                             \
         0,                                                                                                   \
         LYC__OPTION_NUMBER,                                                                                  \
         LYC__PLANT_AT(share),                                                                                \
         "X",                                                                                                 \
         "noisy, overconfident: share of the rows that go wrong (default 0.4, 0.2)",                          \
         0,                                                                                                   \
         1},                                                                                                  \
        {"margin",                                                                                            \
         0,                                                                                                   \
         LYC__OPTION_NUMBER,                                                                                  \
         LYC__PLANT_AT(margin),                                                                               \
         "X",                                                                                                 \
         "overconfident: logit of the answer above all others (default 20)",                                  \
         0,                                                                                                   \
         1000},                                                                                               \
        {"errors",                                                                                            \
         0,                                                                                                   \
         LYC__OPTION_TEXT,                                                                                    \
         LYC__PLANT_AT(errors),                                                                               \
         "WHICH",                                                                                             \
         "overconfident: wrong are hard rows, where the source is least sure (default), or drawn",            \
         0,                                                                                                   \
         0},                                                                                                  \
        {"classes",                                                                                           \
         0,                                                                                                   \
         LYC__OPTION_TEXT,                                                                                    \
         LYC__PLANT_AT(classes),                                                                              \
         "LIST",                                                                                              \
         "specialist: the classes it knows, names or numbers with commas between",                            \
         0,                                                                                                   \
         0},                                                                                                  \
        {"elsewhere",                                                                                         \
         0,                                                                                                   \
         LYC__OPTION_TEXT,                                                                                    \
         LYC__PLANT_AT(elsewhere),                                                                            \
         "HOW",                                                                                               \
         "specialist, other rows: chance (default; every class equally often) or wrong (one of its own)",     \
         0,                                                                                                   \
         0},                                                                                                  \
        {"until",                                                                                             \
         0,                                                                                                   \
         LYC__OPTION_COUNT,                                                                                   \
         LYC__PLANT_AT(until),                                                                                \
         "STEP",                                                                                              \
         "until: the step of the run from which it is another",                                               \
         1,                                                                                                   \
         9007199254740991.0},                                                                                 \
        {"then",                                                                                              \
         0,                                                                                                   \
         LYC__OPTION_TEXT,                                                                                    \
         LYC__PLANT_AT(then),                                                                                 \
         "FILE",                                                                                              \
         "until: recorded logits of the other (default: SOURCE, scrambled)",                                  \
         0,                                                                                                   \
         0},                                                                                                  \
    {                                                                                                         \
        "delay-ms", 0, LYC__OPTION_NUMBER, LYC__PLANT_AT(delay_ms), "X",                                      \
            "slow: milliseconds before each answer", 0, 3600000                                               \
    }

/* LYC_EUSAGE when an option of --plant is given without it, or one that the kind does not take. */
LYC_MUST_USE lyc_status lyc__plant_check(const lyc__bank_options *options, lyc_error *err);
/* Plants, and prints what came of it. */
LYC_MUST_USE lyc_status lyc__plant_run(const lyc__bank_options *options, lyc_error *err);

#endif
