/* How a teacher's outputs become the data set's classes. */
#ifndef LYC_TEACHERS_CLASS_MAP_H
#define LYC_TEACHERS_CLASS_MAP_H

#include "teachers/kind.h"

/* Fills map[traits->classes], output j of the teacher is class map[j] of the data set: the one of the
 * options, else the identity if counts and names (where the teacher has any) agree. LYC_ECONFIG: a map of the
 * wrong length, with duplicates or indices out of range. LYC_EMISMATCH: other classes; says which map would
 * fix it. */
LYC_MUST_USE lyc_status lyc__class_map_resolve(int32_t *map, const lyc_teacher_options *options,
                                               const lyc__teacher_traits *traits, const lyc_dataset *data,
                                               lyc_error *err);

/* Logs where a map given by hand contradicts the names of the classes. */
void lyc__class_map_warn(const int32_t *map, const char *name, const lyc__teacher_traits *traits,
                         const lyc_dataset *data);

/* logits[count, own] in the front of the block become logits[count, classes], in place; own <= classes.
 * Classes that no output maps to get -INFINITY. scratch[own]. */
void lyc__class_map_apply(const int32_t *map, int own, int classes, size_t count, float *logits,
                          float *scratch);

#endif
