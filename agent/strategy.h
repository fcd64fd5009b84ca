/* What a strategy is made of: one row of the table in strategies.c, one file strategy_<name>.c.
 *
 * A row's `create` allocates everything from the strategy's arena, so that nothing has to be destroyed, and
 * names the arrays that a resumed run needs with lyc__strategy_keep.
 */
#ifndef LYC_AGENT_STRATEGY_H
#define LYC_AGENT_STRATEGY_H

#include "lyceum/agent.h"
#include "lyceum/memory.h"

#define LYC__MAX_KEPT 32

typedef struct lyc__strategy_kind {
    const char *name; /* as written in a config; one with an argument ends in its name: "single:<teacher>" */
    const char *doc;
    bool learns, needs_teachers;
    lyc_influence influence; /* what `decide` needs in the input */
    /* Makes `weights` and `own`; `argument` is what followed the colon, else "". */
    lyc_status (*create)(lyc_strategy *self, const lyc_agent_options *options, const char *argument,
                         lyc_error *err);
    /* Fills `out`, which comes with distils = true, no numbers (NAN) and no observation. */
    lyc_status (*decide)(lyc_strategy *self, const lyc_decision_input *input, lyc_decision *out,
                         lyc_error *err);
    /* The rest is for strategies with a policy (all optional). */
    size_t (*observation_size)(const lyc_strategy *self);
    const char *(*observation_name)(const lyc_strategy *self, size_t index);
    bool (*decides_rows)(const lyc_strategy *self);
    void (*sample)(lyc_strategy *self, const lyc_decision_input *input, int draw, lyc_action *out);
    lyc_status (*follow)(lyc_strategy *self, const lyc_decision_input *input, int draw, lyc_action *action,
                         lyc_taught *out, lyc_error *err);
    lyc_status (*learn_pair)(lyc_strategy *self, const lyc_action *a, const lyc_action *b, double reward_a,
                             double reward_b, lyc_feedback *out, lyc_error *err);
    lyc_status (*learn_reward)(lyc_strategy *self, double reward, lyc_feedback *out, lyc_error *err);
} lyc__strategy_kind;

/* One array of a strategy's state. */
typedef struct lyc__kept {
    const char *name;
    lyc_type type;
    void *data;
    size_t count;
} lyc__kept;

struct lyc_strategy {
    const lyc__strategy_kind *kind;
    lyc_arena *arena;
    lyc_agent_facts facts; /* copies, in the arena */
    uint64_t seed;
    size_t max_rows;
    bool greedy;
    const char *identity; /* of a policy: part of what checkpoints require; else NULL */
    const char *origin;   /* of a policy that came from another run: its path and hash; else NULL */
    float *weights;       /* [teachers], or [max_rows, teachers]: made by `create` */
    void *own;            /* of the kind */
    lyc__kept kept[LYC__MAX_KEPT];
    size_t kept_count;
};

/* Rows of the table, ended by a NULL name; each is defined in its own file. */
extern const lyc__strategy_kind *const lyc__strategy_kinds[];
extern const lyc__strategy_kind lyc__strategy_none, lyc__strategy_single, lyc__strategy_best_single,
    lyc__strategy_uniform, lyc__strategy_static, lyc__strategy_random_single, lyc__strategy_random_subset,
    lyc__strategy_validated, lyc__strategy_validated_accuracy, lyc__strategy_logistic,
    lyc__strategy_confidence, lyc__strategy_entropy, lyc__strategy_gradient, lyc__strategy_influence_full,
    lyc__strategy_influence_last, lyc__strategy_learned, lyc__strategy_frozen;

/* Zeroed memory that lives as long as the strategy. */
LYC_MUST_USE lyc_status lyc__strategy_allocate(lyc_strategy *self, void **out, size_t count, size_t size,
                                               const char *what, lyc_error *err);
#define LYC__STRATEGY_NEW(self, pointer, count, err)                                                         \
    lyc__strategy_allocate((self), (void **)&(pointer), (count), sizeof *(pointer), #pointer, (err))

/* `decide` of strategies whose weights are fixed in `create`. */
lyc_status lyc__decide_constant(lyc_strategy *self, const lyc_decision_input *input, lyc_decision *out,
                                lyc_error *err);
/* For weights that differ by row: points `out` at self->weights [rows, teachers] and fills the means;
 * selected is whoever has weight on any row. */
void lyc__decision_by_row(lyc_strategy *self, size_t rows, lyc_decision *out);

/* Makes an array part of what checkpoints hold, under "agent/<name>"; `name` is a literal. */
void lyc__strategy_keep(lyc_strategy *self, const char *name, lyc_type type, void *data, size_t count);

#endif
