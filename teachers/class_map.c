#include "teachers/class_map.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lyceum/log.h"

#define MAP_TEXT_SIZE 2048

static int find_class(const lyc_dataset *data, const char *name) {
    for (int c = 0; c < lyc_dataset_classes(data); c++)
        if (strcmp(lyc_dataset_class_name(data, c), name) == 0) return c;
    return -1;
}

/* "[3, 0, 1]": where the data set has the teacher's names; false when it lacks one, has it for two outputs,
 * or the text would not fit. */
static bool describe_fix(const lyc__teacher_traits *traits, const lyc_dataset *data,
                         char out[MAP_TEXT_SIZE]) {
    size_t used = (size_t)snprintf(out, MAP_TEXT_SIZE, "[");
    if (traits->class_names == NULL) return false;
    for (int j = 0; j < traits->classes; j++) {
        int c = find_class(data, traits->class_names[j]);
        if (c < 0) return false;
        for (int i = 0; i < j; i++)
            if (strcmp(traits->class_names[i], traits->class_names[j]) == 0) return false;
        used += (size_t)snprintf(out + used, MAP_TEXT_SIZE - used, "%s%d", j > 0 ? ", " : "", c);
        if (used + 16 > MAP_TEXT_SIZE) return false;
    }
    snprintf(out + used, MAP_TEXT_SIZE - used, "]");
    return true;
}

static lyc_status check_given(const int32_t *map, const lyc_teacher_options *options,
                              const lyc__teacher_traits *traits, const lyc_dataset *data, lyc_error *err) {
    int classes = lyc_dataset_classes(data);
    for (int j = 0; j < traits->classes; j++) {
        if (map[j] < 0 || map[j] >= classes)
            LYC_FAIL(err, LYC_ECONFIG,
                     "teacher '%s': class_map[%d] is %d, but the classes of %s are 0 to %d; correct the map",
                     options->name, j, map[j], lyc_dataset_path(data), classes - 1);
        for (int i = 0; i < j; i++)
            if (map[i] == map[j])
                LYC_FAIL(
                    err, LYC_ECONFIG,
                    "teacher '%s': class_map gives class %d to outputs %d and %d; each class may appear once",
                    options->name, map[j], i, j);
    }
    return LYC_OK;
}

static lyc_status check_identity(const lyc_teacher_options *options, const lyc__teacher_traits *traits,
                                 const lyc_dataset *data, lyc_error *err) {
    int classes = lyc_dataset_classes(data);
    char fix[MAP_TEXT_SIZE];
    bool fixable = describe_fix(traits, data, fix);
    if (traits->classes != classes)
        LYC_FAIL(
            err, LYC_EMISMATCH,
            "teacher '%s': %s has %d classes, the data set %s has %d; give \"class_map\"%s%s, which says "
            "for each of its outputs which class of the data set it is",
            options->name, options->path, traits->classes, lyc_dataset_path(data), classes,
            fixable ? ": " : "", fixable ? fix : "");
    if (traits->class_names == NULL) return LYC_OK;
    for (int c = 0; c < classes; c++) {
        const char *own = traits->class_names[c], *wanted = lyc_dataset_class_name(data, c);
        if (strcmp(own, wanted) == 0) continue;
        if (fixable)
            LYC_FAIL(err, LYC_EMISMATCH,
                     "teacher '%s': %s has the classes of %s in another order (output %d is '%s', class "
                     "%d is '%s'); give \"class_map\": %s",
                     options->name, options->path, lyc_dataset_path(data), c, own, c, wanted, fix);
        LYC_FAIL(err, LYC_EMISMATCH,
                 "teacher '%s': output %d of %s is '%s', class %d of the data set %s is '%s'; if they "
                 "mean the same, or to say which class each output is, give \"class_map\"",
                 options->name, c, options->path, own, c, lyc_dataset_path(data), wanted);
    }
    return LYC_OK;
}

lyc_status lyc__class_map_resolve(int32_t *map, const lyc_teacher_options *options,
                                  const lyc__teacher_traits *traits, const lyc_dataset *data,
                                  lyc_error *err) {
    if (options->class_map == NULL) {
        for (int j = 0; j < traits->classes; j++) map[j] = j;
        return check_identity(options, traits, data, err);
    }
    if (options->class_map_count != (size_t)traits->classes)
        LYC_FAIL(err, LYC_ECONFIG,
                 "teacher '%s': class_map has %zu entries, but %s has %d outputs; give one for each",
                 options->name, options->class_map_count, options->path, traits->classes);
    memcpy(map, options->class_map, (size_t)traits->classes * sizeof *map);
    return check_given(map, options, traits, data, err);
}

void lyc__class_map_warn(const int32_t *map, const char *name, const lyc__teacher_traits *traits,
                         const lyc_dataset *data) {
    for (int j = 0; traits->class_names != NULL && j < traits->classes; j++) {
        int named = find_class(data, traits->class_names[j]);
        if (named >= 0 && named != map[j])
            lyc_log(LYC_LOG_WARNING,
                    "teacher '%s': class_map makes its output %d, called '%s', class %d ('%s') of the data "
                    "set; the map is used as given",
                    name, j, traits->class_names[j], map[j], lyc_dataset_class_name(data, map[j]));
    }
}

void lyc__class_map_apply(const int32_t *map, int own, int classes, size_t count, float *logits,
                          float *scratch) {
    /* From the last row back: a row's new place overlaps only rows that have been moved, and itself. */
    for (size_t row = count; row-- > 0;) {
        memcpy(scratch, logits + row * (size_t)own, (size_t)own * sizeof *scratch);
        float *out = logits + row * (size_t)classes;
        for (int c = 0; c < classes; c++) out[c] = -INFINITY;
        for (int j = 0; j < own; j++) out[map[j]] = scratch[j];
    }
}
