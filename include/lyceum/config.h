/* The configuration of a run: one JSON file, one table of fields (src/config/fields.c).
 *
 * The table is the only source of parsing, defaults, validation, --set, --help, docs/configuration.md and
 * configs/schema.json. Strict: unknown, duplicate or ill-typed keys, numbers out of bounds, fractions for
 * integers, non-finite numbers and trailing text are errors; all are reported at once, each with its path and,
 * for a misspelt key, the nearest valid one. Paths of files are relative to the current directory.
 */
#ifndef LYCEUM_CONFIG_H
#define LYCEUM_CONFIG_H

#include "lyceum/agent.h"
#include "lyceum/dataset.h"
#include "lyceum/memory.h"
#include "lyceum/network.h"
#include "lyceum/student.h"
#include "lyceum/teacher.h"

LYC_BEGIN_DECLS

typedef enum lyc_config_command { LYC_CONFIG_TRAIN, LYC_CONFIG_DISTILL } lyc_config_command; /* `bank` reads distill's */

typedef enum lyc_select { LYC_SELECT_BEST, LYC_SELECT_LAST } lyc_select;

typedef struct lyc_config {
    lyc_config_command command;         /* what it was read for; fields of the other hold their defaults */
    lyc_arena *memory;                  /* everything below lives here; a copied structure stays valid as long */
    const char *name;
    const char *output;                 /* run directory */
    struct {
        const char *path;
        lyc_split_options split;        /* reward_fraction, valid_fraction, split_seed, labelled, strict, only_classes, class_order */
        lyc_view_recipe view;           /* augment.{views,shift,flip,seed} */
    } data;
    lyc_teacher_options *teachers;      /* distill */
    size_t teacher_count;
    struct {
        bool enabled;                   /* banks.enabled */
        const char *directory;          /* banks.directory */
        int64_t look_ahead_mb;          /* banks.look_ahead_mb */
    } banks;
    lyc_network_spec network;           /* key "student" (distill) or "network" (train); sizes filled from the data */
    lyc_loss_options loss;
    lyc_agent_options agent;
    lyc_optimizer_options optimizer;
    double learning_rate;               /* optimizer.lr */
    struct { const char *kind; double warmup; } schedule;
    struct {
        uint32_t epochs, batch;
        uint64_t seed;
        int64_t checkpoint_every;       /* steps; 0 = once an epoch */
        int64_t keep_checkpoints;
        lyc_select select;              /* best on validation, or last */
    } train;
} lyc_config;

/* `sets` are "path.to.key=value" overrides (value is JSON, or a bare string), applied before validation.
 * Everything in *out lives until lyc_config_destroy. The message of `err` lists all problems, a line each. */
LYC_API LYC_MUST_USE lyc_status lyc_config_load(lyc_config **out, lyc_config_command command, const char *path,
                                                const char *const *sets, size_t set_count, lyc_error *err);
LYC_API LYC_MUST_USE lyc_status lyc_config_parse(lyc_config **out, lyc_config_command command, const char *text, const char *origin,
                                                 const char *const *sets, size_t set_count, lyc_error *err);
LYC_API void lyc_config_destroy(lyc_config *config);
/* The resolved configuration as JSON, every field written out; the caller frees with lyc_free. */
LYC_API LYC_MUST_USE lyc_status lyc_config_resolved(const lyc_config *config, char **out, lyc_error *err);

/* Generated texts; the caller frees with lyc_free. */
LYC_API LYC_MUST_USE lyc_status lyc_config_schema(char **out, lyc_error *err);     /* configs/schema.json */
LYC_API LYC_MUST_USE lyc_status lyc_config_reference(char **out, lyc_error *err);  /* docs/configuration.md */
LYC_API LYC_MUST_USE lyc_status lyc_config_help(char **out, lyc_config_command command, lyc_error *err); /* for --help */

LYC_END_DECLS

#endif
