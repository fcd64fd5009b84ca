/* The table of fields: what a configuration may hold.
 *
 * A row says everything about one key; a type says how values of its kind are read into lyc_config, written
 * back and described to editors. Parsing, defaults, validation, --set, --help, docs/configuration.md and
 * configs/schema.json all walk this table and nothing else.
 */
#ifndef LYCEUM_CONFIG_FIELDS_H
#define LYCEUM_CONFIG_FIELDS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/json_writer.h"
#include "config/problems.h"
#include "lyceum/config.h"
#include "lyceum/memory.h"

struct cJSON;
typedef struct lyc__field lyc__field;

/* What reading needs besides the value. */
typedef struct lyc__reader {
    lyc_config_command command;
    lyc_arena *arena; /* of the configuration being built */
    lyc__problems *problems;
} lyc__reader;

typedef struct lyc__type {
    const char *noun; /* in messages and tables: "a whole number" */
    bool is_text;     /* --set KEY=VALUE takes VALUE as it is */
    bool optional;    /* null means "not set" and is allowed */
    bool is_bounded;  /* low and high mean something */
    /* Checks `value` and stores it in `target`, the structure that field->offset counts from. */
    void (*read)(const lyc__reader *reader, const lyc__field *field, const char *path,
                 const struct cJSON *value, void *target);
    /* Writes the stored value under `key`. */
    void (*write)(const lyc__field *field, const void *source, lyc__json *json, const char *key);
    /* Members of the value's JSON schema. */
    void (*describe)(const lyc__field *field, lyc__json *json);
} lyc__type;

typedef enum lyc__storage {
    LYC__STORE_I32,
    LYC__STORE_I64,
    LYC__STORE_U32,
    LYC__STORE_U64,
    LYC__STORE_OTHER
} lyc__storage;

#define LYC__MOST_EXACT                                                                                      \
    9007199254740991.0 /* 2^53 - 1: beyond it doubles skip integers; as a bound it means "none" */

#define LYC__UNSET INT_MIN /* of an integer that a rule completes */

#define LYC__FOR_TRAIN   (1U << LYC_CONFIG_TRAIN)
#define LYC__FOR_DISTILL (1U << LYC_CONFIG_DISTILL)
#define LYC__FOR_BOTH    (LYC__FOR_TRAIN | LYC__FOR_DISTILL)

struct lyc__field {
    const char *path; /* "loss.alpha", "teachers[].name" */
    const lyc__type *type;
    unsigned commands; /* LYC__FOR_... */
    size_t offset;     /* in lyc_config, or in the list's element */
    lyc__storage storage;
    size_t count_offset; /* lists: where their length goes */
    size_t element_size; /* lists of objects */
    double low, high;    /* of a number, or of each of a list */
    bool above, below;   /* the bound itself is excluded */
    size_t least, most;  /* entries of a list */
    const char *initial; /* default as JSON; NULL = must be given */
    const char *const
        *names; /* choices, ends with NULL; "single:<teacher>" stands for any text behind "single:" */
    const char *doc;
};

extern const lyc__field lyc__fields[];
extern const size_t lyc__field_count;

/* The row of a path as written in messages ("teachers[2].name" finds "teachers[].name"); NULL when there is
 * none for that command. */
const lyc__field *lyc__field_find(const char *path, lyc_config_command command);
/* `path` names a member of the object `parent` ("" = the top): its key, else NULL. */
const char *lyc__field_key(const char *path, const char *parent);
/* "a whole number, 1 to 32", "a number above 0": the values that a row allows, for messages and tables. */
#define LYC__VALUES_SIZE 256
void lyc__field_values(const lyc__field *field, char out[LYC__VALUES_SIZE]);
const char *lyc__command_name(lyc_config_command command);

/* Types, in types.c and lists.c. */
extern const lyc__type lyc__type_group;        /* an object with rows of its own; stores nothing */
extern const lyc__type lyc__type_text;         /* const char *, not empty */
extern const lyc__type lyc__type_text_or_null; /* the same, or NULL */
extern const lyc__type lyc__type_note;         /* a text or null that is for others to read; stores nothing */
extern const lyc__type lyc__type_label;        /* const char *, usable in file names */
extern const lyc__type lyc__type_flag;         /* bool */
extern const lyc__type lyc__type_integer;      /* by storage */
extern const lyc__type lyc__type_number;       /* double */
extern const lyc__type lyc__type_integer_auto; /* int; null = LYC__UNSET, resolved by a rule */
extern const lyc__type lyc__type_number_auto;  /* double; null = NAN, resolved by a rule */
extern const lyc__type lyc__type_milliseconds; /* double, seconds */
extern const lyc__type lyc__type_choice;       /* an enum whose values follow `names` */
extern const lyc__type lyc__type_choice_text;  /* const char *, one of `names` */
extern const lyc__type lyc__type_source;       /* teachers: the key is the kind, the value its path */
extern const lyc__type lyc__type_integers;     /* const int32_t * and size_t; null = NULL */
extern const lyc__type lyc__type_numbers;      /* double * and size_t; null = NULL */
extern const lyc__type lyc__type_widths;       /* int[most] and int */
extern const lyc__type lyc__type_objects;      /* pointer to elements and size_t */
extern const lyc__type lyc__type_objects_inline; /* elements[most] and size_t */

/* Reads the members of one object (NULL = all defaults) into `target`; recursive through groups and lists. */
void lyc__read_object(const lyc__reader *reader, const char *parent, const char *path,
                      const struct cJSON *object, void *target);
/* Writes the members of one object, every row of `commands`. */
void lyc__write_object(const char *parent, unsigned commands, const void *source, lyc__json *json);

/* Completes and checks what no single row can (rules.c). */
typedef struct lyc__rule {
    const char *reads[4]; /* paths; skipped when one of them has a problem already */
    unsigned commands;
    void (*check)(lyc_config *config, lyc__problems *problems);
    const char *doc; /* one sentence, for the reference */
} lyc__rule;
extern const lyc__rule lyc__rules[];
extern const size_t lyc__rule_count;

#endif
