/* Planted teachers: recorded logits made worse in a known way, to see what a strategy does about it. See
 * docs/banks.md.
 *
 *     lyc_plant_options options = {.kind = "overconfident", .source = "cnn.h5", .output = "planted.h5",
 *                                  .seed = 1, .share = 0.2, .margin = 20.0};
 *     lyc_plant_report report;
 *     lyc_plant(&options, data, &report, &err);
 *
 * The result is a file of recorded logits like any other ({"name": ..., "bank": "planted.h5"}), of every row
 * and view that the source has, with the checksum of every sample, and an attribute `provenance` (JSON) that
 * says how it was made. It is a function of the source's logits, the data set's labels and the options: the order
 * of the source's rows changes nothing, and equal options give equal files.
 *
 * "Truth" is the label that the data set holds for a row, and where there is none the source's own answer in
 * view 0. What is drawn for a row is drawn for its id, and holds in all views.
 */
#ifndef LYCEUM_PLANT_H
#define LYCEUM_PLANT_H

#include "lyceum/dataset.h"

LYC_BEGIN_DECLS

typedef enum lyc_plant_errors { LYC_PLANT_HARD, LYC_PLANT_DRAWN } lyc_plant_errors;
typedef enum lyc_plant_elsewhere { LYC_PLANT_CHANCE, LYC_PLANT_WRONG } lyc_plant_elsewhere;

/* What a kind takes besides source, output and seed; bits of lyc_plant_takes. */
enum {
    LYC_PLANT_TAKES_SHARE = 1 << 0,
    LYC_PLANT_TAKES_MARGIN = 1 << 1,
    LYC_PLANT_TAKES_ERRORS = 1 << 2,
    LYC_PLANT_TAKES_CLASSES = 1 << 3,
    LYC_PLANT_TAKES_ELSEWHERE = 1 << 4,
    LYC_PLANT_TAKES_UNTIL = 1 << 5,
    LYC_PLANT_TAKES_THEN = 1 << 6,
    LYC_PLANT_TAKES_DELAY = 1 << 7
};

typedef struct lyc_plant_options {
    const char *kind;   /* a row of the table of kinds */
    const char *source; /* recorded logits, or a bank that is filled with all rows; classes in the data set's order */
    const char *output; /* replaced only if it is such a file that Lyceum wrote */
    uint64_t seed;
    double share;               /* 0..1: of the rows that are answered wrongly */
    double margin;              /* above 0: logit of the answer above all others */
    lyc_plant_errors errors;    /* which rows go wrong: those on which the source is least sure of the truth, or
                                   rows that are drawn */
    const int32_t *classes;     /* [class_count] the classes that a specialist knows */
    size_t class_count;
    lyc_plant_elsewhere elsewhere; /* its answer to other rows: each class equally often, or the likeliest of its own */
    uint64_t until;             /* step of a run, from 1: from here on it is another */
    const char *then;           /* the other: recorded logits; NULL = the source with its classes scrambled */
    double delay_seconds;       /* above 0, at most 3600 */
} lyc_plant_options;

typedef struct lyc_plant_report {
    size_t rows;
    int views;
    size_t changed;             /* rows whose answer in view 0 is another than the source's; `until`: from then on */
    double accuracy_before, accuracy_after; /* on the labelled rows of the train part, view 0; NAN without any.
                                               `until`: after the change */
    char source_fingerprint[LYC_FINGERPRINT_SIZE]; /* XXH3-128 over ids and logits, in the data set's order */
} lyc_plant_report;

/* Table of kinds; NULL (0) past the end. */
LYC_API const char *lyc_plant_name(size_t index);
LYC_API const char *lyc_plant_doc(size_t index);
LYC_API unsigned lyc_plant_takes(size_t index);

/* LYC_EUSAGE: an unknown kind, a parameter out of bounds, or something else in the place of the output.
 * LYC_EMISMATCH: the source was recorded for other data or other classes. LYC_EFORMAT, LYC_EIO: a file. Fields that the kind does not take are not looked
 * at. */
LYC_API LYC_MUST_USE lyc_status lyc_plant(const lyc_plant_options *options, const lyc_dataset *data,
                                          lyc_plant_report *report, lyc_error *err);

LYC_END_DECLS

#endif
