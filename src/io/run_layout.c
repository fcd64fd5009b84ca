/* Expands the X-macros of lyceum/run_layout.h into table specifications and typed appends. */
#include "lyceum/run_layout.h"

#include "lyceum/memory.h"

#define MAX_CONSTANTS 20

typedef struct layout {
    lyc_column trajectory[LYC_TRAJECTORY_COLUMNS];
    lyc_column probes[LYC_PROBES_COLUMNS];
    lyc_column epochs[LYC_EPOCHS_COLUMNS];
    lyc_column evaluation[LYC_EVALUATION_COLUMNS];
    lyc_column mixture[LYC_MIXTURE_COLUMNS];
    lyc_table_spec tables[LYC_RUN_TABLES];
    lyc_constant constants[MAX_CONSTANTS];
    size_t constant_count;
} layout;

#define SHAPE_SCALAR                                                                                         \
    0, {                                                                                                     \
        0, 0                                                                                                 \
    }
#define SHAPE_TEACHERS                                                                                       \
    1, {                                                                                                     \
        facts->teachers, 0                                                                                   \
    }
#define SHAPE_OBSERVATION                                                                                    \
    1, {                                                                                                     \
        facts->observation, 0                                                                                \
    }
#define SHAPE_CLASSES                                                                                        \
    1, {                                                                                                     \
        facts->classes, 0                                                                                    \
    }
#define SHAPE_TEACHERS_CLASSES                                                                               \
    2, {                                                                                                     \
        facts->teachers, facts->classes                                                                      \
    }
#define SHAPE_BINS                                                                                           \
    1, {                                                                                                     \
        LYC_RUN_BINS, 0                                                                                      \
    }
#define SHAPE_ROWS                                                                                           \
    1, {                                                                                                     \
        facts->rows, 0                                                                                       \
    }
#define SHAPE_ROWS_TEACHERS                                                                                  \
    2, {                                                                                                     \
        facts->rows, facts->teachers                                                                         \
    }
#define COLUMN(table, name, type, shape, field, doc) {#name, LYC_TYPE_##type, SHAPE_##shape, doc},

static void copy_columns(lyc_column *out, const lyc_column *columns, size_t count) {
    for (size_t i = 0; i < count; i++) out[i] = columns[i];
}

static void fill_tables(layout *out, const lyc_run_facts *facts) {
#define FILL(code, table, chunk)                                                                             \
    {                                                                                                        \
        const lyc_column columns[] = {LYC_##code##_MAP(COLUMN)};                                             \
        copy_columns(out->table, columns, LYC_##code##_COLUMNS);                                             \
        out->tables[LYC_RUN_##code] = (lyc_table_spec){#table, out->table, LYC_##code##_COLUMNS, chunk};     \
    }
    LYC_RUN_TABLE_MAP(FILL)
#undef FILL
}

static void add_texts(layout *out, const char *path, const char *const *texts, size_t count) {
    static const char *const none[1] = {""};
    out->constants[out->constant_count++] = /* a NULL list would read as "numbers" */
        (lyc_constant){.path = path, .texts = texts ? texts : none, .rank = 1, .dims = {count, 0}};
}

static void add_numbers(layout *out, const char *path, lyc_type type, const void *data, size_t count) {
    out->constants[out->constant_count++] =
        (lyc_constant){.path = path, .type = type, .data = data, .rank = 1, .dims = {count, 0}};
}

static void fill_constants(layout *out, const lyc_run_facts *facts) {
    size_t teachers = facts->teachers;
    add_texts(out, "/run/name", &facts->name, 1);
    add_texts(out, "/run/strategy", &facts->strategy, 1);
    add_texts(out, "/run/config", &facts->config, 1);
    add_numbers(out, "/run/total_steps", LYC_TYPE_U64, &facts->total_steps, 1);
    add_numbers(out, "/run/steps_per_epoch", LYC_TYPE_U64, &facts->steps_per_epoch, 1);
    add_texts(out, "/teachers/name", facts->teacher_names, teachers);
    add_texts(out, "/teachers/kind", facts->teacher_kinds, teachers);
    add_texts(out, "/teachers/fingerprint", facts->teacher_fingerprints, teachers);
    add_texts(out, "/teachers/precision", facts->teacher_precisions, teachers);
    add_numbers(out, "/teachers/logit_error_largest", LYC_TYPE_F64, facts->logit_error_largest, teachers);
    add_numbers(out, "/teachers/logit_error_mean", LYC_TYPE_F64, facts->logit_error_mean, teachers);
    add_numbers(out, "/teachers/logit_error_changed", LYC_TYPE_F64, facts->logit_error_changed, teachers);
    add_numbers(out, "/teachers/reward_ce", LYC_TYPE_F64, facts->reward_ce, teachers);
    add_numbers(out, "/teachers/reward_accuracy", LYC_TYPE_F64, facts->reward_accuracy, teachers);
    add_numbers(out, "/teachers/valid_ce", LYC_TYPE_F64, facts->valid_ce, teachers);
    add_numbers(out, "/teachers/valid_accuracy", LYC_TYPE_F64, facts->valid_accuracy, teachers);
    add_texts(out, "/observation_names", facts->observation_names, facts->observation);
    add_texts(out, "/class_names", facts->class_names, facts->classes);
}

static lyc_status make_layout(layout **out, const lyc_run_facts *facts, lyc_error *err) {
    if (facts->observation > LYC_RUN_OBSERVATION_MAX)
        LYC_FAIL(err, LYC_EUNSUPPORTED, "an observation of %zu numbers; a run file holds at most %d",
                 facts->observation, LYC_RUN_OBSERVATION_MAX);
    LYC_TRY(LYC_NEW_ARRAY(*out, 1, err));
    fill_tables(*out, facts);
    fill_constants(*out, facts);
    return LYC_OK;
}

lyc_status lyc_run_create(lyc_runfile **out, const char *path, const lyc_run_facts *facts, lyc_error *err) {
    layout *made;
    LYC_TRY(make_layout(&made, facts, err));
    lyc_status status = lyc_runfile_create(out, path, made->tables, LYC_RUN_TABLES, made->constants,
                                           made->constant_count, err);
    lyc_free(made);
    return status;
}

lyc_status lyc_run_resume(lyc_runfile **out, const char *path, const lyc_run_facts *facts,
                          const uint64_t rows[LYC_RUN_TABLES], lyc_error *err) {
    layout *made;
    LYC_TRY(make_layout(&made, facts, err));
    lyc_status status = lyc_runfile_resume(out, path, made->tables, LYC_RUN_TABLES, made->constants,
                                           made->constant_count, rows, err);
    lyc_free(made);
    return status;
}

#define POINTER_VALUE(name)                           &row->name,
#define POINTER_ARRAY(name)                           row->name,
#define POINTER(table, name, type, shape, field, doc) POINTER_##field(name)
#define APPEND(code, table, chunk)                                                                           \
    lyc_status lyc_run_append_##table(lyc_runfile *file, const lyc_##table##_row *row, lyc_error *err) {     \
        const void *const values[] = {LYC_##code##_MAP(POINTER)};                                            \
        return lyc_runfile_append(file, LYC_RUN_##code, values, err);                                        \
    }
LYC_RUN_TABLE_MAP(APPEND)
