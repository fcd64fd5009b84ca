/* The configuration of a run: one JSON file, one table of fields (src/config/fields.c).
 *
 * The table is the only source of parsing, defaults, validation, --set, --help, docs/configuration.md and
 * configs/schema.json. Strict: unknown, duplicate or ill-typed keys, numbers out of bounds, fractions for
 * integers, non-finite numbers and trailing text are errors; all are reported at once, each with its path and,
 * for a misspelt key, the nearest valid one. Paths of files are relative to the current directory.
 *
 *     const char *sets[] = {"train.epochs=3", "agent.strategy=uniform"};
 *     lyc_config *config;
 *     lyc_error err = {0};
 *     if (lyc_config_load(&config, LYC_CONFIG_DISTILL, "student.json", sets, 2, &err) != LYC_OK)
 *         fprintf(stderr, "%s\n", err.message);                  // every problem, a line each
 *     else printf("%g\n", config->loss.temperature);
 *     lyc_config_destroy(config);
 *
 * What is not given has its default: no field is left unset. Keys, bounds and defaults: docs/configuration.md.
 * Thread-safety: a configuration is read-only after loading and shared freely; loading from several threads is
 * fine. JSON is parsed by cJSON, whose process-wide allocation hooks are set to lyceum/memory.h on first use.
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
        lyc_view_recipe view;           /* augment.{views,shift,flip,cutout,seed} */
        lyc_teacher_view teacher_view;  /* augment.teacher_view, distill */
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
    lyc_schedule_options schedule;
    struct {
        uint32_t epochs, batch;
        uint64_t seed;
        int64_t checkpoint_every;       /* steps; 0 = once an epoch */
        int64_t keep_checkpoints;
        lyc_select select;              /* best on validation, or last */
        double ema_decay;               /* 0 = no moving average */
    } train;
} lyc_config;

/* `sets` are "path.to.key=value" or "teachers[0].name=value" overrides, applied in order before validation. The value
 * is JSON, or else text; for a key that holds text it is taken as it is unless quoted. Everything in *out lives until
 * lyc_config_destroy; *out is NULL after an error. LYC_ECONFIG: the file cannot be read, is no JSON ("file:line:column:
 * ..."), or holds problems, all of them in the message ("path: reason"); LYC_ENOMEM. A file has at most 1 MiB and 16
 * levels. */
LYC_API LYC_MUST_USE lyc_status lyc_config_load(lyc_config **out, lyc_config_command command, const char *path,
                                                const char *const *sets, size_t set_count, lyc_error *err);
/* The same for a text; `origin` stands for the file's name in messages. */
LYC_API LYC_MUST_USE lyc_status lyc_config_parse(lyc_config **out, lyc_config_command command, const char *text, const char *origin,
                                                 const char *const *sets, size_t set_count, lyc_error *err);
LYC_API void lyc_config_destroy(lyc_config *config); /* NULL is fine */
/* The resolved configuration as JSON, every field of its command written out (null = not set): loading it again gives
 * the same configuration. The caller frees with lyc_free. Only LYC_ENOMEM can happen. */
LYC_API LYC_MUST_USE lyc_status lyc_config_resolved(const lyc_config *config, char **out, lyc_error *err);

/* Generated texts; the caller frees with lyc_free. */
LYC_API LYC_MUST_USE lyc_status lyc_config_schema(char **out, lyc_error *err);     /* configs/schema.json */
LYC_API LYC_MUST_USE lyc_status lyc_config_reference(char **out, lyc_error *err);  /* docs/configuration.md */
LYC_API LYC_MUST_USE lyc_status lyc_config_help(char **out, lyc_config_command command, lyc_error *err); /* for --help */

LYC_END_DECLS

#endif
