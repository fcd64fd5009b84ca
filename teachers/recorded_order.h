/* Do recorded logits belong to the samples whose ids they carry? */
#ifndef LYC_TEACHERS_RECORDED_ORDER_H
#define LYC_TEACHERS_RECORDED_ORDER_H

#include <stdbool.h>

#include "io/recorded_file.h"
#include "lyceum/dataset.h"

/* order[data rows]: the row of the file that answers for each row of the data set. LYC_EMISMATCH names the
 * first id that is unknown, given twice or missing, and the first row whose /check is not the checksum of its
 * sample. */
LYC_MUST_USE lyc_status lyc__recorded_match(uint32_t *order, const lyc__recorded_file *file, const char *path,
                                            const lyc_dataset *data, lyc_error *err);

/* For files that prove nothing with /check. `logits` are in the data set's order; output j is taken for class
 * map[j]. LYC_EMISMATCH when the predictions on the labelled rows of the train part cannot be told from
 * predictions in random order (100 rows at least; docs/banks.md says how); a warning when they are related to
 * the labels, but agree with them little better than chance. */
LYC_MUST_USE lyc_status lyc__recorded_check_labels(const float *logits, int classes, const int32_t *map,
                                                   const char *name, const char *path,
                                                   const lyc_dataset *data, lyc_error *err);

#endif
