#include "agent/transfer.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"

#define IDENTITY_SIZE 512

static const char advice[] =
    "give agent.network, hidden, action and granularity as they were there (free logits also "
    "need as many teachers), or train a policy of this kind";

/* What of a learned strategy's state is the policy's own. */
static const char *const parts[] = {"agent/policy", "agent/normaliser", "agent/adam_m", "agent/adam_v",
                                    "agent/adam_steps"};

static const lyc__kept *kept_of(const lyc_strategy *self, const char *name) {
    const lyc__kept *kept = self->kept;
    while (strcmp(kept->name, name) != 0) kept++;
    return kept;
}

/* Names of features without their teacher: "ce, kl, ...; student_ce, ...". */
static void list_features(const lyc__observation *observe, char *text, size_t room) {
    size_t size = lyc__observation_size(observe), own = size - LYC__GLOBAL, used = strlen(text);
    for (size_t i = 0; i < size && used < room; i++) {
        if (i >= LYC__OWN && i < own) continue; /* those of the first teacher stand for all */
        const char *separator = i == 0 ? "" : i == own ? "; " : ", ";
        int length =
            snprintf(text + used, room - used, "%s%s", separator, strrchr(observe->names[i], '.') + 1);
        used += (size_t)length;
    }
}

lyc_status lyc__policy_identity(lyc_strategy *self, const lyc_agent_options *options, const char **out,
                                lyc_error *err) {
    static const char *const actions[] = {[LYC_ACTION_SELECT] = "select",
                                          [LYC_ACTION_WEIGHT] = "weight",
                                          [LYC_ACTION_SELECT_WEIGHT] = "select+weight"};
    const lyc__learned *own = self->own;
    const lyc__policy_kind *policy = own->learner.policy;
    char *text;
    LYC_TRY(LYC__STRATEGY_NEW(self, text, IDENTITY_SIZE, err));
    int used = snprintf(text, IDENTITY_SIZE, "network %s", policy->name);
    if (options->network == LYC_AGENT_LOGITS)
        used += snprintf(text + used, IDENTITY_SIZE - (size_t)used, " of %d teachers", self->facts.teachers);
    else used += snprintf(text + used, IDENTITY_SIZE - (size_t)used, " %d wide", options->hidden);
    (void)snprintf(text + used, IDENTITY_SIZE - (size_t)used, ", action %s, by %s, sees ",
                   actions[options->action], own->by_row ? "instance" : "batch");
    list_features(&own->observe, text, IDENTITY_SIZE);
    *out = text;
    return LYC_OK;
}

static lyc_status note_origin(lyc_strategy *self, const char *path, lyc_error *err) {
    const lyc__kept *policy = kept_of(self, "agent/policy");
    char hex[LYC__HASH_HEX_SIZE], *text;
    lyc__hash hash;
    lyc__hash_start(&hash);
    lyc__hash_update(&hash, policy->data, policy->count * lyc_type_size(policy->type));
    lyc__hash_finish_hex(&hash, hex);
    size_t room = strlen(path) + sizeof hex + 16;
    LYC_TRY(LYC__STRATEGY_NEW(self, text, room, err));
    (void)snprintf(text, room, "%s, policy %s", path, hex);
    self->origin = text;
    return LYC_OK;
}

lyc_status lyc__policy_take(lyc_strategy *self, const char *path, lyc_error *err) {
    lyc_state *state;
    lyc_status status;
    LYC_TRY(lyc_state_create(&state, err));
    LYC_TRY_GOTO(lyc_state_require(state, "policy", self->identity, advice, err));
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        const lyc__kept *kept = kept_of(self, parts[i]);
        LYC_TRY_GOTO(lyc_state_add(state, kept->name, kept->type, kept->data, kept->count, err));
    }
    LYC_TRY_GOTO(lyc_state_load_part(state, path, err));
    LYC_TRY_GOTO(note_origin(self, path, err));
done:
    lyc_state_destroy(state);
    return status;
}
